/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_jitter_buffer.c - any packets at any time, into a jitter buffer alone or with the decoders behind it.
 *
 * The first byte chooses which and the codec. Then records: what to do, numbers, time, and for packets a payload. Whatever comes, each
 * pull gives some media time and not too much of it, memory is bounded, and sound is not louder than 16 bits are.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/check.h"
#include "core/codec.h"
#include "core/limits.h"
#include "core/packet.h"
#include "core/wire.h"
#include "mixer/audio_input.h"
#include "mixer/pcm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_RECORDS 2000
#define MAX_PAYLOAD 1400
#define MAX_HELD (MAX_JITTER_PACKETS + 8) /* those that warm the decoder up */
#define CEILING_US 200000

static struct packet_pool *pool;
static uint64_t now_us;
static uint16_t seq;
static uint32_t ts, ssrc;

static void check_memory(void)
{
    struct packet_pool_stats stats;

    packet_pool_read_stats(pool, &stats);
    CHECK(stats.live <= MAX_HELD);
}

/* One packet; numbers move by what the record says, as a sender's do or not at all. */
static struct packet *read_packet(struct reader *r, enum codec_id codec)
{
    struct packet *p = packet_new(pool);
    uint8_t how = reader_u8(r);
    size_t len = MIN((size_t)reader_u8(r) * (how & 1 ? 6 : 1), (size_t)MAX_PAYLOAD);

    CHECK(p != NULL);
    seq = how & 2 ? reader_u16(r) : (uint16_t)(seq + 1 + (how & 4 ? reader_u8(r) % 8 : 0));
    ts = how & 8 ? reader_u32(r) : ts + (how & 16 ? reader_u16(r) : 960u);
    ssrc += how & 32 ? 1 : 0;
    len = MIN(len, reader_left(r));
    if (len > 0)
        memcpy(p->data + RTP_FIXED_HEADER_BYTES, reader_bytes(r, len), len);
    p->rtp = (struct rtp_header){.ssrc = ssrc,
                                 .seq = seq,
                                 .ts = ts,
                                 .header_bytes = RTP_FIXED_HEADER_BYTES,
                                 .payload_bytes = (uint16_t)len};
    p->len = (uint16_t)(RTP_FIXED_HEADER_BYTES + len);
    p->flags = PACKET_HAS_RTP | (how & 64 ? PACKET_IS_RETRANSMISSION : 0);
    p->codec = (uint8_t)codec;
    p->audio_level = (int8_t)(how & 128 ? -1 : (int)(len % 128));
    p->arrival_us = now_us;
    return p;
}

static void pull_all(struct jitter_buffer *b, bool is_heard)
{
    struct jitter_frame f;

    for (int64_t left = 960; left > 0; left -= f.span_ts) {
        jitter_buffer_pull(b, now_us, is_heard, &f);
        CHECK(f.span_ts > 0 && f.span_ts <= PCM_HZ / 1000000.0 * MAX_AUDIO_FRAME_US);
        CHECK((f.kind == JITTER_PACKET) == (f.packet != NULL));
        CHECK(f.next == NULL || f.kind == JITTER_LOST);
        packet_unref(&f.packet);
    }
    if (jitter_buffer_advice(b) != JITTER_KEEP)
        jitter_buffer_stretched(b);
}

static void run_buffer(struct reader *r)
{
    struct jitter_buffer *b = jitter_buffer_new(PCM_HZ, CEILING_US);
    struct jitter_buffer_stats stats;

    for (size_t i = 0; i < MAX_RECORDS && reader_left(r) > 1; i++) {
        uint8_t what = reader_u8(r);
        now_us += (what & 15) * 2500u;
        if (what & 16) {
            pull_all(b, (what & 32) != 0);
        } else {
            struct packet *p = read_packet(r, CODEC_OPUS);
            (void)jitter_buffer_push(b, p, what & 32 ? 960 : reader_u16(r), (what & 64) != 0);
            packet_unref(&p);
        }
        if (what == 255)
            jitter_buffer_flush(b);
        check_memory();
    }
    jitter_buffer_read_stats(b, &stats);
    CHECK(stats.target_us <= CEILING_US);
    jitter_buffer_free(&b);
}

static void run_input(struct reader *r, enum codec_id codec)
{
    struct audio_input *in = audio_input_new(CEILING_US);
    int32_t out[PCM_TICK_SAMPLES];
    struct audio_input_stats stats;

    for (size_t i = 0; i < MAX_RECORDS && reader_left(r) > 1; i++) {
        uint8_t what = reader_u8(r);
        now_us += (what & 15) * 2500u;
        if (what & 16) {
            if (audio_input_render(in, now_us, (what & 96) != 0, out))
                CHECK(pcm_peak(out, PCM_TICK_SAMPLES) <= -INT16_MIN);
        } else {
            struct packet *p = read_packet(r, what == 15 ? CODEC_PCMU : codec);
            audio_input_push(in, p);
            packet_unref(&p);
        }
        check_memory();
    }
    audio_input_read_stats(in, &stats);
    CHECK(audio_input_level(in) <= 127);
    audio_input_free(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum codec_id codecs[] = {CODEC_OPUS, CODEC_PCMU, CODEC_PCMA};
    struct reader r = reader_of(data, size);
    uint8_t mode = reader_u8(&r);

    pool = packet_pool_new(2 * MAX_HELD);
    now_us = 1000000;
    seq = 65500;
    ts = UINT32_MAX - 9600;
    ssrc = 1;
    if (mode % 4 == 0)
        run_buffer(&r);
    else
        run_input(&r, codecs[mode % 4 - 1]);
    packet_pool_free(&pool);
    return 0;
}
