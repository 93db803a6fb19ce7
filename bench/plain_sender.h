/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain_sender.h - what publishers send, as plain RTP over UDP on loopback: for receivers that speak no WebRTC. One encoding a member,
 * in real time, each member a little later than the one before. Owner: whoever measures.
 */
#pragma once

#include <stdint.h>

#include "bench/loadgen/publisher.h"
#include "core/attr.h"

struct generator;
struct plain_sender;

#define PLAIN_SENDER_PT_VIDEO 96
#define PLAIN_SENDER_PT_AUDIO 111

/* Where a member's media go, and what they are. */
struct plain_member {
    uint16_t video_port, audio_port; /* 0: not sent */
    size_t encoding;                 /* of media.clip */
    struct publisher_config media;   /* clips, sound, whom to tell */
};

/** Begin to send; @members are copied. Errors: -errno. */
MUST_CHECK int plain_sender_open(struct plain_sender **out, struct generator *generator,
                                 const struct plain_member *members, size_t n);
void plain_sender_close(struct plain_sender **s);
/** The latest that a frame was sent after its time, since the last call. */
uint64_t plain_sender_take_late_us(struct plain_sender *s);
