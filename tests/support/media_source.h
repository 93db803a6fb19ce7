/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_source.h - an encoder that sends no pictures, only their packets: real payload and dependency descriptors of every codec
 * and layer structure, numbers that start anywhere, and the truth about each frame: what it refers to.
 *
 * Temporal layers come as 0, 01 or 0212. In a group of pictures that is "in sync" nothing refers to before the group's base
 * picture but the base picture itself; in one that is not, each layer refers to its own last frame as well.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/codec.h"
#include "core/packet.h"
#include "core/rng.h"

#define MEDIA_SOURCE_LAYERS 3
#define MEDIA_SOURCE_REFS 4
#define MEDIA_SOURCE_PACKETS 64 /* of one picture, at most */
#define MEDIA_SOURCE_DD_ID 5    /* extension id of the dependency descriptor */

enum svc_mode {
    SVC_FULL, /* each layer refers to the one below, in each picture */
    SVC_KEY,  /* only in key pictures */
    SVC_SIMUL /* never */
};

struct media_source_config {
    enum codec_id codec;
    bool has_dd, is_flexible, has_wide_ids;
    uint8_t spatial, temporal; /* how many layers */
    enum svc_mode mode;
    uint8_t max_packets; /* of a frame */
    uint8_t key_percent, sync_percent, restart_percent, padding_percent;
};

/* A frame: a picture's part in one spatial layer. */
struct media_frame {
    uint8_t spatial, temporal;
    bool is_predicted; /* refers to earlier pictures */
    uint8_t ref_count;
    uint16_t number; /* in the dependency descriptor */
    struct media_frame_ref {
        int picture;
        uint8_t spatial;
    } ref[MEDIA_SOURCE_REFS];
};

struct media_picture {
    int index; /* 0, 1, 2 ... */
    bool is_key;
    bool is_in_sync, starts_group, ends_group;
    uint8_t temporal;
    uint32_t ts;
    uint64_t sent_us;
    struct media_frame frame[MEDIA_SOURCE_LAYERS];
};

/* A packet and where it belongs. */
struct media_packet {
    int64_t n; /* position in the stream: 0, 1, 2 ... */
    int picture;
    uint8_t spatial;
    bool is_padding, is_last_of_frame;
    uint16_t header_bytes, dd_at, dd_len, len;
    struct rtp_header rtp;
    uint8_t bytes[400];
};

struct media_source {
    struct media_source_config cfg;
    struct rng *rng;
    uint32_t clock_hz;
    int64_t next_n;
    uint16_t first_seq, picture_id, frame_number;
    uint32_t ts;
    uint8_t tl0, keyidx, first_template;
    bool wants_key, is_in_sync;
    unsigned group_at; /* position in the temporal pattern */
    int last[MEDIA_SOURCE_LAYERS]
            [MEDIA_SOURCE_LAYERS]; /* picture, by spatial and temporal layer; -1: none */
    uint16_t number_of[MEDIA_SOURCE_LAYERS][MEDIA_SOURCE_LAYERS]; /* of those, frame numbers */
    int pictures;
};

/** Draw a stream's numbers; half of them start close to where they wrap. */
void media_source_init(struct media_source *s, const struct media_source_config *cfg,
                       struct rng *rng);
/** Make the next picture, @elapsed_us after the one before; returns how many packets it has. */
size_t media_source_next(struct media_source *s, uint64_t now_us, uint64_t elapsed_us,
                         struct media_picture *picture,
                         struct media_packet packets[MEDIA_SOURCE_PACKETS]);
/** Put a packet into a pool's buffer, as if it had been received and parsed. */
void media_packet_fill(struct packet *pkt, const struct media_packet *m, enum codec_id codec);
