/* SPDX-License-Identifier: Apache-2.0 */
/* docs.h - the reference of the wire protocol, written from the tables that the server runs on. */
#pragma once

#include <stdio.h>

/** Print docs/api.md whole. */
void api_docs_print(FILE *to);
