/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whep.c - the player's side.
 *
 * The sections of the offer become slots, whether somebody broadcasts already or not: what is published later flows through
 * them, and so does what comes after it, without another negotiation.
 */
#include "api/whep.h"

static void fill(const struct wish_call *call, struct join_request *join)
{
    join->role = JOIN_VIEWER;
    join->auto_subscribe = true;
    join->watched = call->target[0] != 0 ? call->target : NULL;
}

const struct wish_kind whep_kind = {
    .prefix = "/whep/",
    .takes_target = true,
    .direction = "sendonly",
    .misfit = "nothing is received on it, or no codec is known here, or it is on another transport "
              "than the first (BUNDLE)",
    .fill = fill,
};
