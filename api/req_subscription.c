/* SPDX-License-Identifier: Apache-2.0 */
/* req_subscription.c - what one receives: subscribe, unsubscribe, setLayers. */
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
    {"subscribe", WHEN_JOINED, track_params, handle_subscribe, "Receive a track.",
     "`{mid}`: the slot it flows through; `null` when none is free yet: a `slotsWanted` follows."},
    {"unsubscribe", WHEN_JOINED, track_params, handle_unsubscribe,
     "Receive a track no more. With automatic subscription that is remembered until `subscribe`.",
     "`{}`"},
    {"setLayers", WHEN_JOINED, layers_params, handle_set_layers,
     "Say what is wanted of the video in a slot, in place of what was said before: the server "
     "sends "
     "the layers that are "
     "worth it. It holds for whatever flows through the slot.",
     "`{}`; `slotStates` tells what becomes of it."},
    {.name = NULL},
};
