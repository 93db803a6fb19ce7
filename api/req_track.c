/* SPDX-License-Identifier: Apache-2.0 */
/* req_track.c - what flows: offer, trickle, mute. */
#include <string.h>

#include "api/client.h"
#include "api/dispatch.h"
#include "api/value_json.h"
#include "core/err.h"
#include "core/limits.h"

/* ---- offer ---- */

static const struct param label_params[] = {
    {"source", PARAM_TEXT, false, 1, 16, NULL,
     "`camera`, `microphone`, `screen`, `screenAudio`, `mix` or `unknown`; by kind camera or "
     "microphone when absent."},
    {"name", PARAM_NAME, false, 0, MAX_TRACK_NAME_LEN, NULL, "A name to show."},
    {"muted", PARAM_BOOL, false, 0, 0, NULL, "Published muted."},
    PARAM_END,
};

static const struct param offer_params[] = {
    {"sdp", PARAM_TEXT, true, 1, MAX_SDP_BYTES, NULL,
     "The offer; an ICE restart is one with new credentials."},
    {"tracks", PARAM_MAP, false, 0, MAX_SECTIONS, label_params,
     "By `mid`: what the m-sections are on which the client sends."},
    PARAM_END,
};

static int read_label(const char *mid, const json_t *value, struct track_label *out,
                      struct refusal *why)
{
    const char *source = schema_text(value, "source");
    char field[REFUSAL_FIELD_LEN];

    *out = (struct track_label){.mid = mid,
                                .source =
                                    source != NULL ? track_source_of(source) : TRACK_SOURCE_UNKNOWN,
                                .name = schema_text(value, "name"),
                                .muted = schema_bool(value, "muted", false)};
    if (out->source != TRACK_SOURCE_COUNT)
        return 0;
    (void)snprintf(field, sizeof(field), "tracks.%s.source", mid);
    return refuse(why, E_INVALID, field,
                  "%s must be camera, microphone, screen, screenAudio, mix or unknown", field);
}

static json_t *describe_published(const struct offer_result *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->published_count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "mid", r->published[i]->mid, "id", r->published[i]->id));
    return list;
}

static int handle_offer(struct call *call, struct refusal *why)
{
    const json_t *sdp = json_object_get(call->params, "sdp");
    json_t *tracks = json_object_get(call->params, "tracks"), *value;
    struct track_label label[MAX_SECTIONS];
    struct offer_result result = {0};
    const char *mid;
    size_t n = 0;
    int err = client_count_offer(call->client, why);

    json_object_foreach(tracks, mid, value)
    {
        if (err == 0)
            err = read_label(mid, value, &label[n++], why);
    }
    if (err == 0)
        err = session_offer(client_session(call->client),
                            (struct str){json_string_value(sdp), json_string_length(sdp)}, label, n,
                            &result, why);
    if (err != 0)
        return err;
    call->result =
        json_pack("{s:s, s:o, s:o}", "sdp", result.answer, "tracks", describe_published(&result),
                  "slots", json_of_slots(result.slot, result.slot_count));
    return 0;
}

/* ---- trickle ---- */

static const struct param candidate_params[] = {
    {"candidate", PARAM_TEXT, true, 0, MAX_CANDIDATE_LINE_LEN, NULL,
     "The candidate line; empty: there are no more."},
    {"sdpMid", PARAM_TEXT, false, 0, MAX_MID_LEN, NULL, "Not needed: everything is bundled."},
    {"sdpMLineIndex", PARAM_NUMBER, false, 0, MAX_SECTIONS, NULL, "Not needed."},
    {"usernameFragment", PARAM_TEXT, false, 0, MAX_ICE_CREDENTIAL_LEN, NULL, "Not needed."},
    PARAM_END,
};

static const struct param trickle_params[] = {
    {"candidates", PARAM_LIST, true, 0, MAX_CANDIDATES_PER_REQUEST, candidate_params,
     "As RTCIceCandidate.toJSON() writes them."},
    PARAM_END,
};

static int handle_trickle(struct call *call, struct refusal *why)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(call->params, "candidates"), i, item)
    {
        int err = session_trickle(client_session(call->client),
                                  str_of(schema_text(item, "candidate")), why);

        if (err != 0) {
            (void)snprintf(why->field, sizeof(why->field), "candidates.%zu.candidate", i);
            return err;
        }
    }
    return 0;
}

/* ---- mute ---- */

static const struct param mute_params[] = {
    {"trackId", PARAM_TEXT, true, 1, ID_LEN, NULL, "The track."},
    {"muted", PARAM_BOOL, true, 0, 0, NULL, "Whether it is to be."},
    PARAM_END,
};

static int handle_mute(struct call *call, struct refusal *why)
{
    return session_mute(client_session(call->client), schema_text(call->params, "trackId"),
                        schema_bool(call->params, "muted", false), why);
}

const struct request_row req_track_rows[] = {
    {"offer", WHEN_JOINED, offer_params, handle_offer,
     "Negotiate: publish, make slots (m-sections on which the server sends), restart ICE. The "
     "client always offers.",
     "`{sdp, tracks: [{mid, id}…], slots: [slot…]}`: the answer, all one's tracks, all one's "
     "slots. On `E_MALFORMED` "
     "`data.line` tells the line of the offer."},
    {"trickle", WHEN_JOINED, trickle_params, handle_trickle, "Tell further ICE candidates.",
     "`{}`"},
    {"mute", WHEN_JOINED, mute_params, handle_mute,
     "Mute or unmute one's own track; with `roomAdmin` mute anybody's. What the server muted only "
     "the server unmutes.",
     "`{}`"},
    {.name = NULL},
};
