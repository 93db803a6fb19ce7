/* SPDX-License-Identifier: Apache-2.0 */
/* mix_stream.c - RTP packets of a mix, as a media worker makes them of what it receives: parsed, inspected, with their track. */
#include <string.h>

#include "core/check.h"
#include "core/packet.h"
#include "core/payload.h"
#include "core/timebase.h"
#include "core/wire.h"
#include "mixer/audio_level.h"
#include "mixer/mix_internal.h"

/* At most: the fixed header, all CSRCs, and in one block of elements a level and those of the CSRCs. */
#define EXT_BYTES (4 + 2 + 1 + MAX_CSRCS + 2)
#define HEADER_BYTES (RTP_FIXED_HEADER_BYTES + 4 * MAX_CSRCS + EXT_BYTES)

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

struct packet *mix_stream_packet(struct mix *m, struct mix_stream *s, uint8_t **payload,
                                 size_t *size)
{
    struct packet *p = packet_new(m->env.packets);

    if (p == NULL) {
        m->stats.no_packet++;
        s->seq++;
        return NULL;
    }
    *payload = p->data + HEADER_BYTES;
    *size = packet_room(p) - HEADER_BYTES - PACKET_TAILROOM_BYTES;
    return p;
}

static uint8_t level_of(const struct mix_heard *heard)
{
    return heard->count == 0 ? AUDIO_LEVEL_SILENCE : heard->who[0].level;
}

/* Returns the header's length. */
static size_t write_sound_header(struct mix *m, struct mix_stream *s, uint8_t *out, bool marker,
                                 uint64_t at_us, const struct mix_heard *heard)
{
    uint8_t level = level_of(heard);
    uint8_t levels[MAX_CSRCS], list[4 * MAX_CSRCS];
    uint8_t element[MAX_CSRCS + 1]; /* one more, or gcc 12 warns of vectors that it makes itself */
    struct writer csrcs = writer_of(list, sizeof(list));

    for (size_t i = 0; i < heard->count; i++) {
        levels[i] = heard->who[i].level;
        writer_u32(&csrcs, heard->who[i].source);
    }
    size_t n = audio_level_write_csrc(element, sizeof(element), levels, heard->count);
    const struct rtp_ext_out ext[] = {
        {.id = MIX_EXT_AUDIO_LEVEL, .len = 1, .data = &level},
        {.id = MIX_EXT_CSRC_AUDIO_LEVEL, .len = (uint8_t)n, .data = element},
    };
    size_t bytes = rtp_write_header(out, HEADER_BYTES, MIX_PT_AUDIO, marker, s->seq++,
                                    mix_stream_ts(m, s, at_us), s->ssrc, ext, ARRAY_LEN(ext));
    return rtp_add_csrcs(out, bytes, HEADER_BYTES, list, heard->count);
}

void mix_stream_send(struct mix *m, struct mix_stream *s, struct packet *p, size_t len, bool marker,
                     uint64_t at_us, const struct mix_heard *heard)
{
    uint8_t head[HEADER_BYTES];
    size_t bytes = heard != NULL
                       ? write_sound_header(m, s, head, marker, at_us, heard)
                       : rtp_write_header(head, sizeof(head), MIX_PT_VIDEO, marker, s->seq++,
                                          mix_stream_ts(m, s, at_us), s->ssrc, NULL, 0);

    p->data += HEADER_BYTES - bytes;
    p->len = (uint16_t)(bytes + len);
    memcpy(p->data, head, bytes);
    CHECK(rtp_parse(&p->rtp, p->data, p->len) == 0);
    p->flags = PACKET_HAS_RTP | (heard != NULL ? PACKET_HAS_CONTRIBUTORS : 0);
    p->arrival_us = at_us;
    p->track = s->track;
    p->encoding = s->encoding;
    p->codec = (uint8_t)s->codec;
    p->codec_index = 0;
    p->audio_level = (int8_t)(heard == NULL ? -1 : level_of(heard));
    p->voice = false;
    if (payload_inspect(p) == 0) {
        m->stats.packets_out++;
        m->stats.bytes_out += len;
        m->env.on_packet(p, m->env.arg);
    } else { /* nobody could forward it */
        m->stats.unsendable++;
    }
    packet_unref(&p);
}
