/* SPDX-License-Identifier: Apache-2.0 */
/* version.h - what the server calls itself; the build sets it. */
#pragma once

#ifndef PARLEY_VERSION
#define PARLEY_VERSION "0.1.0"
#endif
