/* SPDX-License-Identifier: Apache-2.0 */
/*
 * video_stream.h - one encoding that a publisher sends: a clip played frame by frame, cut into packets that are kept a while for
 * retransmission. Pure: bytes in, bytes out. Owner: the publisher.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/loadgen/clip.h"
#include "bench/loadgen/vp8_packetizer.h"
#include "core/attr.h"

#define VIDEO_HISTORY_PACKETS 512 /* some seconds at 1.5 Mb/s */
#define VIDEO_CLOCK_HZ 90000u

struct video_packet {
    uint32_t ts;
    uint16_t seq;
    uint16_t len; /* of the payload; 0: never filled */
    bool is_last; /* of its frame: the marker, and the trailer */
    uint8_t payload[VP8_MAX_PAYLOAD_BYTES];
};

struct video_stream {
    const struct clip *clip;
    uint32_t ssrc, rtx_ssrc;
    const char *rid; /* NULL without simulcast */
    size_t next_frame;
    bool wants_keyframe; /* the next frame is to be one */
    struct vp8_packetizer packetizer;
    uint16_t next_seq, rtx_seq;
    uint32_t packets_sent, octets_sent; /* for sender reports */
    struct video_packet *history;       /* VIDEO_HISTORY_PACKETS, by sequence number */
};

/** Begin at a frame of the clip that is a keyframe. */
void video_stream_init(struct video_stream *v, const struct clip *clip);
void video_stream_fini(struct video_stream *v);
/** The place in the clip of the frame that comes next. */
size_t video_stream_next_index(const struct video_stream *v);
/** Cut the next frame. Returns the number of packets; they are video_stream_find(v, *first_seq + i). */
size_t video_stream_next_frame(struct video_stream *v, uint32_t ts, uint16_t *first_seq);
/** NULL when it is not kept any more. */
struct video_packet *video_stream_find(struct video_stream *v, uint16_t seq);
