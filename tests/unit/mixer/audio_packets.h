/* SPDX-License-Identifier: Apache-2.0 */
/* audio_packets.h - packets of one audio stream, as a media worker hands them over. */
#pragma once

#include <string.h>

#include "core/check.h"
#include "core/codec.h"
#include "core/packet.h"

struct audio_stream {
    struct packet_pool *pool;
    enum codec_id codec;
    uint32_t ssrc, ts;
    uint16_t seq;
    int level; /* -1: none */
};

/* The next packet of the stream, which moves on by @span_ts. The caller's. */
static inline struct packet *audio_stream_next(struct audio_stream *s, const void *payload,
                                               size_t len, uint32_t span_ts, uint64_t arrival_us)
{
    struct packet *p = packet_new(s->pool);

    CHECK(p != NULL && len <= packet_room(p) - RTP_FIXED_HEADER_BYTES);
    p->rtp = (struct rtp_header){.ssrc = s->ssrc,
                                 .ts = s->ts,
                                 .seq = s->seq++,
                                 .header_bytes = RTP_FIXED_HEADER_BYTES,
                                 .payload_bytes = (uint16_t)len};
    p->len = (uint16_t)(RTP_FIXED_HEADER_BYTES + len);
    p->flags = PACKET_HAS_RTP;
    p->codec = (uint8_t)s->codec;
    p->arrival_us = arrival_us;
    p->audio_level = (int8_t)s->level;
    if (len > 0)
        memcpy(p->data + RTP_FIXED_HEADER_BYTES, payload, len);
    s->ts += span_ts;
    return p;
}
