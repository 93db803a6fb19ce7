/* SPDX-License-Identifier: Apache-2.0 */
/* req_subscription.c - what one receives: subscribe, unsubscribe, setLayers. */
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

/* ---- layers ---- */

static const struct param layers_params[] = {
    {"mid", PARAM_TEXT, true, 1, MAX_MID_LEN, NULL, "The slot, of video."},
    {"width", PARAM_NUMBER, false, 0, 8192, NULL,
     "Of the tile on the screen, in device pixels; 0 or absent: any."},
    {"height", PARAM_NUMBER, false, 0, 8192, NULL, "Likewise."},
    {"fps", PARAM_NUMBER, false, 0, 120, NULL, "Pictures a second that are enough; 0: any."},
    {"maxSpatial", PARAM_NUMBER, false, 0, 2, NULL,
     "No higher spatial layer, or encoding of a simulcast track counted from the smallest."},
    {"maxTemporal", PARAM_NUMBER, false, 0, 3, NULL, "No higher temporal layer."},
    {"priority", PARAM_NUMBER, false, 0, 255, NULL,
     "Which slot gets better layers first when there is not enough bandwidth for all. Absent: 64, "
     "for a screen 192."},
    {"paused", PARAM_BOOL, false, 0, 0, NULL, "Send nothing."},
    PARAM_END,
};

static int8_t layer_of(const struct call *call, const char *name)
{
    return schema_has(call->params, name) ? (int8_t)schema_number(call->params, name, 0) : -1;
}

static int handle_set_layers(struct call *call, struct refusal *why)
{
    const json_t *params = call->params;
    const struct sfu_wish wish = {
        .width = (uint16_t)schema_number(params, "width", 0),
        .height = (uint16_t)schema_number(params, "height", 0),
        .fps = (uint8_t)schema_number(params, "fps", 0),
        .max_spatial = layer_of(call, "maxSpatial"),
        .max_temporal = layer_of(call, "maxTemporal"),
        .priority = (uint8_t)schema_number(params, "priority", 0),
        .is_paused = schema_bool(params, "paused", false),
    };

    return session_set_layers(client_session(call->client), schema_text(params, "mid"), &wish,
                              schema_has(params, "priority"), why);
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
    {"setLayers", WHEN_JOINED, layers_params, handle_set_layers,
     "Say what is wanted of the video in a slot, in place of what was said before: the server "
     "sends "
     "the layers that are "
     "worth it. It holds for whatever flows through the slot.",
     "`{}`; `slotStates` tells what becomes of it."},
    {.name = NULL},
};
