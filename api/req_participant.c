/* SPDX-License-Identifier: Apache-2.0 */
/* req_participant.c - about oneself: update, stats. */
#include "api/client.h"
#include "api/dispatch.h"
#include "api/value_json.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"

static const struct param update_params[] = {
    {"name", PARAM_NAME, false, 0, MAX_NAME_LEN, NULL, "The new name."},
    {"metadata", PARAM_ANY, false, 0, MAX_METADATA_BYTES, NULL, "The new metadata, whole."},
    {"inMix", PARAM_BOOL, false, 0, 0, NULL,
     "Whether one is in a mix of `who: flagged`; no grant is needed."},
    PARAM_END,
};

static int handle_update(struct call *call, struct refusal *why)
{
    struct session *s = client_session(call->client);
    char *metadata = schema_json(call->params, "metadata");
    const struct participant_changes changes = {
        .name = schema_text(call->params, "name"),
        .metadata = metadata,
        .has_in_mix = schema_has(call->params, "inMix"),
        .in_mix = schema_bool(call->params, "inMix", false),
    };
    int err = session_update(s, &changes, why);

    mem_free(metadata);
    if (err == 0)
        call->result =
            json_pack("{s:o}", "participant", json_of_participant(session_participant(s)));
    return err;
}

static const struct param no_params[] = {PARAM_END};

static int handle_stats(struct call *call, struct refusal *why)
{
    call->is_answered_later = true;
    return client_answer_with_stats(call->client, call->id, why);
}

const struct request_row req_participant_rows[] = {
    {"update", WHEN_JOINED, update_params, handle_update, "Change one's name, metadata or `inMix`.",
     "`{participant}`"},
    {"stats", WHEN_JOINED, no_params, handle_stats,
     "Read statistics of one's own transport, tracks and slots as the server sees them, with the "
     "names of W3C webrtc-stats.",
     "`{stats: [{id, type, timestamp, …}…]}`; types: `transport`, `candidate-pair`, "
     "`local-candidate`, `remote-candidate`, "
     "`codec`, `inbound-rtp` (what the client sends), `outbound-rtp`, `remote-inbound-rtp`. "
     "`E_STATE` before the first "
     "offer."},
    {.name = NULL},
};
