/* SPDX-License-Identifier: Apache-2.0 */
/* req_subscription.c - what one receives: subscribe, unsubscribe. */
#include "api/client.h"
#include "api/dispatch.h"
#include "core/err.h"
#include "core/limits.h"

static const struct param track_params[] = {
    {"trackId", PARAM_TEXT, true, 1, ID_LEN, NULL, "The track."},
    PARAM_END,
};

static int handle_subscribe(struct call *call, struct refusal *why)
{
    const char *mid = NULL;
    int err = session_subscribe(client_session(call->client), schema_text(call->params, "trackId"),
                                &mid, why);

    if (err == 0)
        call->result = json_pack("{s:s?}", "mid", mid);
    return err;
}

static int handle_unsubscribe(struct call *call, struct refusal *why)
{
    return session_unsubscribe(client_session(call->client), schema_text(call->params, "trackId"),
                               why);
}

const struct request_row req_subscription_rows[] = {
    {"subscribe", WHEN_JOINED, track_params, handle_subscribe, "Receive a track.",
     "`{mid}`: the slot it flows through; `null` when none is free yet: a `slotsWanted` follows."},
    {"unsubscribe", WHEN_JOINED, track_params, handle_unsubscribe,
     "Receive a track no more. With automatic subscription that is remembered until `subscribe`.",
     "`{}`"},
    {.name = NULL},
};
