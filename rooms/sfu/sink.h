/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - whatever consumes media of a track: a subscription; later a mixer input, a recorder, a relay to another worker.
 *
 * A sink embeds `struct sink` and is linked into one track's list. Either end may go first: the track tells it, or the sink
 * unlinks itself (track_remove_sink). Thread: the track's worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

struct burst;
struct sink;
struct track;

/* Bursts that a sink hears of beforehand (on_burst_soon). */
#define SINK_STAGES 3

struct sink_ops {
    /* A burst follows after @ahead other sinks: SINK_STAGES - 1 first, 0 in the end. For what is far away in memory, in steps: each
     * may touch what the one before has had brought (core/prefetch.h). NULL: not needed. */
    void (*on_burst_soon)(const struct sink *s, unsigned ahead);
    /* Packets of any of its encodings, in order of arrival; borrowed (packet_ref to keep). Must not close the track. */
    void (*on_burst)(struct sink *s, const struct burst *burst, uint64_t now_us);
    /* The encodings or the mute state of the track changed: choose again. */
    void (*on_track_changed)(struct sink *s, uint64_t now_us);
    /* The track is ending; the sink is unlinked already. */
    void (*on_track_closed)(struct sink *s, uint64_t now_us);
};

struct sink {
    struct list node;
    const struct sink_ops *ops;
    struct track *track; /* NULL when linked nowhere */
};
