/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses the codec. Then packets, each of: a step of the sequence number (signed), flags, a length, a payload of
 * that length. What comes out is whole, and H.264 is packetized again.
 */
#include <string.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/wire.h"
#include "mixer/depacketizer.h"
#include "mixer/frame_buffer.h"
#include "mixer/packetizer.h"

#define MAX_PACKETS 3000
#define FLAG_MARKER 1
#define FLAG_NEXT_FRAME 2
#define FLAG_TIME 4 /* passes, more than is waited */
#define FLAG_RESTART 8
#define FLAG_SSRC 16
#define FLAG_ORIENTATION 32
#define FLAG_LONG 64 /* the length is twice as long, and the payload repeats itself */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
    struct packet_pool *pool;
    struct frame_buffer *buffer;
    enum codec_id codec;
    uint16_t seq;
    uint32_t ts, ssrc;
    uint64_t now_us, frames;
    bool had_keyframe;
    struct depacketizer_frame frame;
};

static void packetize_again(const struct encoded_frame *f)
{
    static struct packetizer p;
    struct outgoing_frame out = {.data = f->data, .len = f->len};
    uint8_t payload[PACKETIZER_PAYLOAD_BYTES];
    size_t total = 0, len;
    bool is_last = false;

    packetizer_init(&p, CODEC_H264, sizeof(payload), 0);
    if (packetizer_begin(&p, &out) != 0)
        return;
    while ((len = packetizer_next(&p, payload, sizeof(payload), &is_last)) > 0)
        total += len;
    CHECK(is_last && total <= 2 * f->len + 64);
}

static void pull_all(struct state *s)
{
    struct encoded_frame f;

    while (frame_buffer_pull(s->buffer, &f, s->now_us)) {
        CHECK(f.len > 0 && f.len <= MAX_ENCODED_FRAME_BYTES);
        s->had_keyframe |= f.is_keyframe;
        CHECK(s->had_keyframe);
        CHECK(f.rotation % 90 == 0 && f.rotation < 360);
        CHECK(!frame_buffer_needs_keyframe(s->buffer));
        s->frames++;
        if (s->codec == CODEC_H264)
            packetize_again(&f);
    }
    CHECK(frame_buffer_read_stats(s->buffer)->frames == s->frames);
}

static void push_one(struct state *s, uint8_t flags, const uint8_t *payload, size_t len)
{
    struct packet *p = packet_new(s->pool);
    uint8_t bits = (uint8_t)(s->seq & 3);
    struct rtp_ext_out ext = {1, (flags & FLAG_ORIENTATION) != 0, &bits};
    size_t header = rtp_write_header(p->data, packet_room(p), 96, flags & FLAG_MARKER, s->seq,
                                     s->ts, s->ssrc, &ext, 1);

    for (size_t at = 0; at < len; at++) /* exact: nothing of the input is behind it */
        p->data[header + at] = payload[at % (flags & FLAG_LONG ? (len + 1) / 2 : len)];
    p->len = (uint16_t)(header + len);
    CHECK(rtp_parse(&p->rtp, p->data, p->len) == 0);
    p->flags |= PACKET_HAS_RTP;
    frame_buffer_push(s->buffer, p);
    packet_unref(&p);
}

/* Without the frame buffer, and from a block that ends where the payload ends. */
static void add_exact(struct state *s, const uint8_t *payload, size_t len)
{
    const struct depacketizer *d = depacketizer_of(s->codec);
    struct payload_place place;
    uint8_t *copy = mem_alloc(len);

    if (len > 0)
        memcpy(copy, payload, len);
    (void)d->look(copy, len, &place);
    if (d->add(&s->frame, copy, len) != 0)
        depacketizer_frame_clear(&s->frame);
    mem_free(copy);
}

static void step(struct state *s, struct reader *r)
{
    int8_t step = (int8_t)reader_u8(r);
    uint8_t flags = reader_u8(r);
    size_t len = reader_u8(r);
    const uint8_t *payload = reader_bytes(r, MIN(len, reader_left(r)));

    if (payload == NULL)
        return;
    add_exact(s, payload, (size_t)(r->pos - payload));
    len = (size_t)(r->pos - payload) * (flags & FLAG_LONG ? 2 : 1);
    s->seq = (uint16_t)(s->seq + (step > 100 ? step * 64 : step));
    s->ts += (flags & FLAG_NEXT_FRAME) != 0;
    s->ssrc += (flags & FLAG_SSRC) != 0;
    s->now_us += flags & FLAG_TIME ? 2 * FRAME_BUFFER_WAIT_US : 1000;
    if (flags & FLAG_RESTART)
        frame_buffer_restart(s->buffer);
    push_one(s, flags, payload, len);
    pull_all(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum codec_id codecs[] = {CODEC_VP8, CODEC_VP9, CODEC_H264, CODEC_AV1};
    struct reader r = reader_of(data, size);
    struct state s = {.codec = codecs[reader_u8(&r) % ARRAY_LEN(codecs)], .now_us = 1};
    const struct frame_buffer_config config = {.codec = s.codec, .orientation_ext_id = 1};

    s.pool = packet_pool_new(MAX_FRAME_BUFFER_PACKETS + 1);
    s.buffer = frame_buffer_new(&config);
    CHECK(s.buffer != NULL);
    for (size_t i = 0; i < MAX_PACKETS && reader_left(&r) > 3; i++)
        step(&s, &r);
    s.now_us += 2 * FRAME_BUFFER_WAIT_US;
    pull_all(&s);
    depacketizer_frame_fini(&s.frame);
    frame_buffer_free(&s.buffer);
    packet_pool_free(&s.pool);
    return 0;
}
