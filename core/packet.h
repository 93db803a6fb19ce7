/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.h - a counted datagram buffer with headroom, arrival time and the parsed view of its RTP header.
 *
 * Packets come from a pool and go back to it. A reference may be dropped on any thread; the buffer then finds its way home
 * (pools are single-threaded, returns from elsewhere go through a lock-free list). A packet is writable only by the one who
 * holds the only reference.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/rtp.h"

struct packet_pool;

struct packet {
    uint8_t *data; /* first byte of the datagram, inside buf */
    uint16_t len;
    uint16_t flags; /* PACKET_* */
    uint64_t arrival_us;
    struct rtp_header rtp; /* valid with PACKET_HAS_RTP */

    /* What the receiving side learnt of the payload, once for all sinks (payload_*.h). */
    struct media_info {
        bool is_keyframe;    /* first packet of a decodable start */
        bool is_frame_start; /* first packet of a picture */
        int8_t spatial;      /* -1: not told */
        int8_t temporal;     /* -1: not told */
    } media;
    uint64_t track; /* handle of the track it belongs to, and which of its encodings */
    uint8_t encoding;
    uint8_t codec;       /* enum codec_id */
    uint8_t codec_index; /* of that codec in the publishing section's list */
    int8_t audio_level;  /* RFC 6464, 0..127 is -dBov; -1: none */
    bool voice;

    /* private to packet.c */
    uint32_t refs; /* atomic */
    struct packet_pool *pool;
    struct packet *next;
    uint8_t buf[PACKET_HEADROOM_BYTES + MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES];
};

#define PACKET_HAS_RTP 1u
#define PACKET_IS_RETRANSMISSION 2u /* came as RTX and was unwrapped */

/**
 * Make a pool that grows up to @max packets.
 *
 * Thread: packet_new(), the statistics and packet_pool_free() belong to one thread at a time, the owner: the maker, then
 *         the worker it is handed to before start, then whoever joined that one. Packets taken before the pool is handed on
 *         are dropped or handed on with it.
 */
MUST_CHECK struct packet_pool *packet_pool_new(size_t max);
/** Free the pool; asserts that every packet is home. */
void packet_pool_free(struct packet_pool **pool);
/** Take a packet with one reference, data at the headroom, len 0; NULL when the pool is at its maximum. */
MUST_CHECK struct packet *packet_new(struct packet_pool *pool);
/** Bytes from data to the end of the buffer, tailroom included. */
size_t packet_room(const struct packet *p);
/** Take one more reference; returns @p. Thread: any that holds one. */
struct packet *packet_ref(struct packet *p);
/** Drop a reference and null the pointer; the last one sends the packet home. NULL is fine. Thread: any. */
void packet_unref(struct packet **p);
/** Whether this is the only reference. */
bool packet_is_writable(const struct packet *p);

struct packet_pool_stats {
    uint64_t live, high_water, allocated, refused;
};
/** Thread: the owner. */
void packet_pool_read_stats(const struct packet_pool *pool, struct packet_pool_stats *out);
