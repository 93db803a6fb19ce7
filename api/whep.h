/* SPDX-License-Identifier: Apache-2.0 */
/* whep.h - WHEP (draft-ietf-wish-whep): a player receives what a room, or one of its participants, broadcasts. */
#pragma once

#include "api/wish_internal.h"

extern const struct wish_kind whep_kind;
