/* SPDX-License-Identifier: Apache-2.0 */
/* req_subscription.c - what one receives: subscribe, unsubscribe. */
#include "api/client.h"
#include "api/dispatch.h"
#include "core/err.h"
#include "core/limits.h"

static const struct param source_params[] = {
    {"trackId", PARAM_TEXT, false, 1, ID_LEN, NULL, "The track."},
    {"source", PARAM_TEXT, false, 1, 16, NULL,
     "Instead of a track, a moving source: `speaker:1` to `speaker:9`."},
    {"kind", PARAM_TEXT, false, 1, 8, NULL, "Of the moving source: `audio` or `video`."},
    PARAM_END,
};

/* A track, or a moving source; NULL in *source: a track. */
static int read_source(const struct call *call, const char **source, struct refusal *why)
{
    *source = schema_text(call->params, "source");
    if ((*source == NULL) == (schema_text(call->params, "trackId") == NULL))
        return refuse(why, E_INVALID, "trackId", "either trackId or source must be given");
    if (*source == NULL && schema_text(call->params, "kind") != NULL)
        return refuse(why, E_INVALID, "kind", "kind goes with source, a track has its own");
    return 0;
}

static int handle_subscribe(struct call *call, struct refusal *why)
{
    struct session *s = client_session(call->client);
    const char *mid = NULL, *source;
    int err = read_source(call, &source, why);

    if (err == 0 && source != NULL)
        err = session_subscribe_moving(s, source, schema_text(call->params, "kind"), &mid, why);
    else if (err == 0)
        err = session_subscribe(s, schema_text(call->params, "trackId"), &mid, why);
    if (err == 0)
        call->result = json_pack("{s:s?}", "mid", mid);
    return err;
}

static int handle_unsubscribe(struct call *call, struct refusal *why)
{
    struct session *s = client_session(call->client);
    const char *source;
    int err = read_source(call, &source, why);

    if (err == 0 && source != NULL)
        return session_unsubscribe_moving(s, source, schema_text(call->params, "kind"), why);
    return err == 0 ? session_unsubscribe(s, schema_text(call->params, "trackId"), why) : err;
}

const struct request_row req_subscription_rows[] = {
    {"subscribe", WHEN_JOINED, source_params, handle_subscribe,
     "Receive a track, or what the n-th of those who speak says (`audio`) or shows (`video`): then "
     "the server changes "
     "what flows through the slot, without renegotiation; one's own tracks are never put in it.",
     "`{mid}`: the slot it flows through; `null` when none is free yet: a `slotsWanted` follows."},
    {"unsubscribe", WHEN_JOINED, source_params, handle_unsubscribe,
     "Receive a track, or a moving source, no more. With automatic subscription that is remembered "
     "of a track until "
     "`subscribe`.",
     "`{}`"},
    {.name = NULL},
};
