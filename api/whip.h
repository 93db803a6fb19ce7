/* SPDX-License-Identifier: Apache-2.0 */
/* whip.h - WHIP (RFC 9725): an encoder or a page publishes one broadcast into a room. */
#pragma once

#include "api/wish_internal.h"

extern const struct wish_kind whip_kind;
