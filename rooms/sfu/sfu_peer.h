/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sfu_peer.h - something beyond the media workers that takes tracks and gives tracks: a mixer. A worker sees of it two rings for
 * packets, and these calls.
 *
 *   track ─▶ relay ─▶ ring (sfu_host_add_peer: to) ─▶ the peer        the peer ─▶ ring (from) ─▶ replica ─▶ its sinks
 *
 * Owner: whoever made it; it outlives the workers. Functions are called on a worker's thread and only post something.
 */
#pragma once

#include <stdint.h>

struct relay_clock;
struct sfu_host;

#define SFU_MAX_PEERS 64 /* beside the workers */

struct sfu_peer {
    unsigned number; /* 0 to SFU_MAX_PEERS - 1 */
    void *arg;
    /* Packets lie in the ring to it. */
    void (*ring)(void *arg);
    /* Of a track that it is sent. */
    void (*set_clock)(void *arg, uint64_t track_id, const struct relay_clock *clock);
    /* Of a track of its own: a worker has a replica of it now; has none any more; wants a keyframe. */
    void (*on_replica_opened)(void *arg, uint64_t track_id, struct sfu_host *h,
                              uint64_t replica_id);
    void (*on_replica_closed)(void *arg, uint64_t track_id, struct sfu_host *h);
    void (*ask_keyframe)(void *arg, uint64_t track_id, unsigned encoding);
};
