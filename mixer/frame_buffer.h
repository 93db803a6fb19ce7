/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_buffer.h - RTP packets of one video source in, whole encoded frames in decoding order out.
 *
 *   packets, with loss, duplicates, ──► ring by sequence number ──► depacketizer of the codec ──► frame
 *   any order, numbers that wrap
 *
 * A frame is all packets of one RTP timestamp, up to the marker. It comes out when all of it, and all before it, is there:
 * decoders get no damaged frame, and no frame whose references they do not have. A missing packet is waited for (a retransmission
 * may bring it). After that it is lost, and nothing comes out before the next keyframe, which needs_keyframe() asks for. A
 * complete keyframe ends the waiting at once.
 *
 * Pure. A frame is lent until the next call on its buffer. Nothing is logged; what went wrong is counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/packet.h"

/* Two round trips of a far participant, with its retransmission timer. */
#define FRAME_BUFFER_WAIT_US 250000ull

struct frame_buffer;

struct frame_buffer_config {
    enum codec_id codec; /* VP8, VP9, H264 or AV1 */
    /* of urn:3gpp:video-orientation on this source's section; 0: not negotiated */
    uint8_t orientation_ext_id;
    uint64_t max_wait_us; /* for a missing packet; 0: FRAME_BUFFER_WAIT_US */
};

struct encoded_frame {
    /* VP8, VP9: the frames of all layers that came; H.264: NAL units with start codes (annex B); AV1: OBUs with their sizes */
    const uint8_t *data;
    size_t len;
    uint32_t ts;         /* RTP */
    uint64_t arrival_us; /* of its last packet to come */
    uint16_t rotation;   /* 0, 90, 180, 270: the receiver turns it clockwise by so much */
    bool is_keyframe;
};

/** Make an empty one. Errors: NULL for a codec we do not know, or without memory. */
MUST_CHECK struct frame_buffer *frame_buffer_new(const struct frame_buffer_config *config);
void frame_buffer_free(struct frame_buffer **fb);

/**
 * Put a packet in, which is one with a parsed RTP header (PACKET_HAS_RTP) of this source. Another SSRC than before is a new stream:
 * what was there is dropped.
 *
 * Owner: takes a reference of its own.
 */
void frame_buffer_push(struct frame_buffer *fb, struct packet *p);
/** Take the next frame. Returns false when there is none (now). Call it until then, after each push (or a few of them) and
 * at due_us(). */
MUST_CHECK bool frame_buffer_pull(struct frame_buffer *fb, struct encoded_frame *out,
                                  uint64_t now_us);
/** When the wait for a missing packet ends; UINT64_MAX: nothing is waited for. */
uint64_t frame_buffer_due_us(const struct frame_buffer *fb);
/** Whether nothing will come out before a keyframe, of which nothing is there yet. Ask the publisher for one. */
bool frame_buffer_needs_keyframe(const struct frame_buffer *fb);
/** Drop what is there and go on with the next keyframe: the decoder failed. */
void frame_buffer_restart(struct frame_buffer *fb);

struct frame_buffer_stats {
    uint64_t frames, keyframes; /* that came out */
    uint64_t late, duplicates;  /* packets that came too late, or twice */
    uint64_t malformed;         /* packets, or frames made of them, that cannot be read */
    uint64_t losses;            /* times that waiting was given up */
    uint64_t dropped;           /* packets thrown away for want of a keyframe */
    uint64_t restarts;          /* new streams, numbers that jumped, restart() */
};
/** What was counted so far. */
const struct frame_buffer_stats *frame_buffer_read_stats(const struct frame_buffer *fb);
