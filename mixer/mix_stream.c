/* SPDX-License-Identifier: Apache-2.0 */
/* mix_stream.c - RTP packets of a mix, as a media worker makes them of what it receives: parsed, inspected, with their track. */
#include <string.h>

#include "core/check.h"
#include "core/packet.h"
#include "core/payload.h"
#include "core/timebase.h"
#include "mixer/mix_internal.h"

#define HEADER_BYTES 20 /* with an audio level; of video 12 are used */

void mix_stream_init(struct mix *m, struct mix_stream *s, uint64_t track, unsigned encoding,
                     enum codec_id codec)
{
    /* Numbers begin apart from each other; a stream is told apart by its SSRC only inside its track. */
    uint32_t base = m->env.random ^ (uint32_t)(track * 2654435761u);
    uint32_t random = base ^ (encoding * 0x9e3779b9u);

    *s = (struct mix_stream){
        .track = track,
        .encoding = (uint8_t)encoding,
        .codec = codec,
        .ssrc = random | 1,
        .clock_hz = codec == CODEC_OPUS ? 48000 : 90000,
        .first_ts = base * 747796405u, /* one clock for all encodings */
        .seq = (uint16_t)(random >> 8),
    };
}

uint32_t mix_stream_ts(const struct mix *m, const struct mix_stream *s, uint64_t at_us)
{
    return s->first_ts + (uint32_t)((at_us - m->epoch_us) * s->clock_hz / US_PER_S);
}

struct packet *mix_stream_packet(struct mix *m, uint8_t **payload, size_t *size)
{
    struct packet *p = packet_new(m->env.packets);

    if (p == NULL) {
        m->stats.no_packet++;
        return NULL;
    }
    *payload = p->data + HEADER_BYTES;
    *size = packet_room(p) - HEADER_BYTES - PACKET_TAILROOM_BYTES;
    return p;
}

void mix_stream_send(struct mix *m, struct mix_stream *s, struct packet *p, size_t len, bool marker,
                     uint64_t at_us, int level)
{
    uint8_t level_byte = (uint8_t)(level < 0 ? 0 : level);
    const struct rtp_ext_out ext = {
        .id = MIX_EXT_AUDIO_LEVEL, .len = level < 0 ? 0 : 1, .data = &level_byte};
    bool is_audio = s->codec == CODEC_OPUS;
    size_t skipped = level < 0 ? HEADER_BYTES - RTP_FIXED_HEADER_BYTES : 0;

    p->data += skipped;
    p->len = (uint16_t)(HEADER_BYTES - skipped + len);
    size_t header =
        rtp_write_header(p->data, packet_room(p), is_audio ? MIX_PT_AUDIO : MIX_PT_VIDEO, marker,
                         s->seq++, mix_stream_ts(m, s, at_us), s->ssrc, &ext, level >= 0);
    CHECK(header == HEADER_BYTES - skipped);
    CHECK(rtp_parse(&p->rtp, p->data, p->len) == 0);
    p->flags = PACKET_HAS_RTP;
    p->arrival_us = at_us;
    p->track = s->track;
    p->encoding = s->encoding;
    p->codec = (uint8_t)s->codec;
    p->codec_index = 0;
    p->audio_level = (int8_t)level;
    p->voice = false;
    if (payload_inspect(p) == 0) { /* else a payload that nobody could forward */
        m->stats.packets_out++;
        m->stats.bytes_out += len;
        m->env.on_packet(p, m->env.arg);
    }
    packet_unref(&p);
}
