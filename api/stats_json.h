/* SPDX-License-Identifier: Apache-2.0 */
/* stats_json.h - a transport's report with the names of W3C webrtc-stats, from the server's point of view: inbound-rtp is what the
 * client sends. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "core/attr.h"
#include "rooms/participant.h"

/* Which track flows in which m-section: the media worker knows numbers only. */
struct stats_names {
    size_t count;
    struct stats_name {
        char mid[MAX_MID_LEN + 1];
        char track_id[ID_LEN];
    } * name;
};

/** Take down the participant's sections of now. */
void stats_names_init(struct stats_names *n, struct participant *p);
void stats_names_fini(struct stats_names *n);
/** {"stats": [{id, type, timestamp, …}]}; the caller's. */
MUST_CHECK json_t *stats_json(const struct sfu_transport_report *report,
                              const struct stats_names *names);
