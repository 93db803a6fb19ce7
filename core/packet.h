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

/* Layers inside one encoding that are told apart; a bit for each in media_info.switches. */
#define MEDIA_MAX_SPATIAL 4
#define MEDIA_MAX_TEMPORAL 8
#define MEDIA_LAYER_BIT(spatial, temporal) (1u << ((spatial)*MEDIA_MAX_TEMPORAL + (temporal)))

/* Numbers in the payload that go on over a change of source (payload_rewrite()). */
struct payload_ids {
    uint8_t bytes;           /* of the payload that rewriting may touch; 0: there are none */
    uint8_t picture_id_bits; /* 7 or 15; 0: none */
    uint8_t picture_id_at, tl0picidx_at, keyidx_at; /* offsets inside the payload, 0: absent */
    bool closes_up; /* the picture ids of what is left out close up (VP8; forwarder.h says why) */
    uint16_t picture_id;
    uint8_t tl0picidx, keyidx;
};

/* The parts of a dependency descriptor that a forwarder rewrites (dependency_descriptor.h). */
struct descriptor_ids {
    bool has_frame_number; /* there is a descriptor at all */
    bool has_structure;    /* ... which carries the structure */
    bool has_active;       /* ... which carries a mask of active decode targets */
    uint8_t target_count;  /* 0: its structure is not known, leave the mask alone */
    uint16_t frame_number;
    uint16_t active_at;
    uint32_t active;
};

/* What the receiving side learnt of one packet's payload, once for all sinks (payload.h). */
struct media_info {
    bool is_keyframe;    /* first packet of a decodable start */
    bool is_frame_start; /* first packet of a picture */
    int8_t spatial;      /* -1: not told */
    int8_t temporal;     /* -1: not told */
    /* For layer_filter.h. A picture of an SVC encoding is one frame for each spatial layer. */
    bool starts_layer, ends_layer; /* first, last packet of such a frame */
    bool
        enters_layer; /* refers to no earlier picture: its spatial layer may be forwarded from here on (VP9) */
    bool has_far_refs;   /* refers to frames before those that `refs` can tell */
    uint8_t number_bits; /* width of `number`: 16, 15 or 7; 0: there is none */
    uint16_t number;     /* of the frame (dependency descriptor) or the picture (VP9) */
    uint32_t refs;       /* bit i: refers to number - 1 - i; empty as well where it is not told */
    uint32_t
        switches; /* MEDIA_LAYER_BIT: layers that may be forwarded from this frame on, once what it refers to was */
    struct payload_ids ids;
    struct descriptor_ids dd;
};

/* Redundant audio (payload_red.h), when bytes is not 0. The payload that rtp tells is then the primary block alone. */
struct packet_red {
    uint16_t at, bytes; /* the whole payload, in the datagram */
    uint8_t head_bytes, redundant;
};

struct packet {
    uint8_t *data; /* first byte of the datagram, inside buf */
    uint16_t len;
    uint16_t flags; /* PACKET_* */
    uint64_t arrival_us;
    struct rtp_header rtp; /* valid with PACKET_HAS_RTP */

    struct media_info media;
    uint64_t track; /* handle of the track it belongs to, and which of its encodings */
    uint8_t encoding;
    uint8_t codec;       /* enum codec_id */
    uint8_t codec_index; /* of that codec in the publishing section's list */
    int8_t audio_level;  /* RFC 6464, 0..127 is -dBov; -1: none */
    bool voice;
    struct packet_red red;
    uint32_t
        left_out; /* bit i: number - 1 - i was left out, for everybody; later ones close the gap */

    /* private to packet.c */
    uint32_t refs; /* atomic */
    struct packet_pool *pool;
    struct packet *next;
    uint8_t buf[PACKET_HEADROOM_BYTES + MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES];
};

#define PACKET_HAS_RTP 1u
#define PACKET_IS_RETRANSMISSION 2u /* came as RTX and was unwrapped */
/* Its CSRCs and their levels are our mixer's, and go to whoever receives it; those that publishers write go to nobody. */
#define PACKET_HAS_CONTRIBUTORS 4u

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
