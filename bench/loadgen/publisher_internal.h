/* SPDX-License-Identifier: Apache-2.0 */
/* publisher_internal.h - the state of a publisher, shared by its sending and its RTCP. */
#pragma once

#include "bench/loadgen/publisher.h"
#include "bench/loadgen/session.h"
#include "bench/loadgen/video_stream.h"
#include "core/deadline.h"
#include "core/limits.h"

#define SEND_SLOTS 64
#define AUDIO_CLOCK_HZ 48000ull
#define SEND_SLOT_BYTES (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES)

/* A frame that is being sent: packets seq .. seq + count, of which @sent are gone. */
struct paced {
    uint64_t start_us;
    uint16_t seq;
    size_t count, sent;
};

struct publisher {
    struct publisher_config config;
    void (*on_sent)(const uint8_t *payload, size_t len, bool is_last, void *arg);
    void *on_sent_arg;
    struct session session;
    struct answer_media video, audio; /* as answered */
    const char *failure;              /* of ours; NULL: none */
    struct video_stream stream[OFFER_ENCODINGS];
    struct paced paced[OFFER_ENCODINGS];
    size_t stream_count;
    bool is_sending;
    bool is_known; /* the server reported on us: mid and rid are sent no more, as libwebrtc does */
    struct deadline frame, pace, report, audio_due;
    uint64_t started_us, frame_index, audio_index;
    uint32_t first_ts, audio_ssrc, audio_packets, audio_octets;
    uint16_t audio_seq, next_twcc_seq;
    uint8_t fir_seq;
    bool has_fir_seq;
    struct publisher_stats stats;
    uint8_t scratch[SEND_SLOTS * SEND_SLOT_BYTES];
};

/* publisher_rtcp.c */
void publisher_send_reports(struct publisher *p);
void publisher_take_rtcp(struct publisher *p, const uint8_t *buf, size_t len);
/* publisher.c: send one packet again, as RTX where that was negotiated. */
void publisher_retransmit(struct publisher *p, struct video_stream *v, uint16_t seq);
