/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vp8_packetizer.h - cuts VP8 frames into RTP payloads (RFC 7741) of about one size, as libwebrtc does. Pure.
 *
 * Behind each frame go 16 bytes, a magic number and the time of sending, that travel inside the last packet: whatever server forwards
 * it, a viewer that decrypts it knows how old it is. Decoders do not mind bytes behind the last partition.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define VP8_DESCRIPTOR_BYTES 6 /* X, I with 15 bits, L, T */
#define VP8_MAX_PAYLOAD_BYTES 1100
#define FRAME_TRAILER_BYTES 16

/* State of one stream; zeroed at first, then carried from frame to frame. */
struct vp8_packetizer {
    uint16_t picture_id; /* of the current frame, 15 bits */
    uint8_t tl0picidx;
};

/** Begin the next frame: its picture id is one more than the last one's. One temporal layer, so TL0PICIDX counts frames as well. */
void vp8_packetizer_next_frame(struct vp8_packetizer *p);
/** How many payloads a frame of @frame_bytes makes, its trailer included. */
size_t vp8_payload_count(size_t frame_bytes);
/** Write payload @index of @count: descriptor and its part of frame and trailer (zeroed: frame_trailer_stamp() it). Returns its length, at most
 * VP8_MAX_PAYLOAD_BYTES. Sizes differ by a byte at most, the longer ones last. */
size_t vp8_payload_write(const struct vp8_packetizer *p, const uint8_t *frame, size_t frame_bytes,
                         size_t index, size_t count, uint8_t out[VP8_MAX_PAYLOAD_BYTES]);

/** Write the trailer at the end of a frame's last payload. */
void frame_trailer_stamp(uint8_t *payload, size_t len, uint64_t sent_us);
/** Read it; false when it is none. */
MUST_CHECK bool frame_trailer_read(const uint8_t *payload, size_t len, uint64_t *sent_us);
