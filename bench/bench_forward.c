/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_forward.c - one packet for one more viewer, before it is encrypted: its numbers, its header, its payload descriptor.
 */
#include <string.h>

#include "bench/bench.h"
#include "bench/loadgen/vp8_packetizer.h"
#include "bench/micro.h"
#include "core/check.h"
#include "core/codec.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/payload.h"
#include "rooms/sfu/forwarder.h"
#include "rooms/sfu/layer_filter.h"

#define VIEWERS 400
#define PACKETS_PER_FRAME 6

struct forward {
    struct forwarder viewer[VIEWERS];
    struct layer_filter filter[VIEWERS];
    struct packet_pool *pool;
    struct packet *source;
    uint16_t seq, picture_id;
    uint64_t now_us;
    uint8_t head[64 + VP8_DESCRIPTOR_BYTES];
    uint64_t sink; /* keeps the work from being left out */
};

/* As it comes from a publisher: parsed, and looked at once for all viewers. */
static void write_source(struct forward *f)
{
    static const uint8_t frame[100];
    const struct vp8_packetizer packetizer = {.picture_id = f->picture_id & 0x7fff,
                                              .tl0picidx = (uint8_t)f->picture_id};
    uint8_t payload[VP8_MAX_PAYLOAD_BYTES];
    struct packet *p = f->source;
    size_t head =
        rtp_write_header(p->data, 64, 96, false, f->seq, f->picture_id * 3000u, 3, NULL, 0);

    (void)vp8_payload_write(&packetizer, frame, sizeof(frame), 0, 1, payload);
    memcpy(p->data + head, payload, VP8_DESCRIPTOR_BYTES + 10);
    p->len = (uint16_t)(head + VP8_DESCRIPTOR_BYTES + 10);
    p->codec = CODEC_VP8;
    CHECK(rtp_parse(&p->rtp, p->data, p->len) == 0);
    CHECK(payload_inspect(p) == 0);
}

static void next_source(struct forward *f)
{
    f->seq++;
    if (f->seq % PACKETS_PER_FRAME == 0) {
        f->picture_id++;
        f->now_us += 33333;
    }
}

static void forward(void *arg)
{
    struct forward *f = arg;
    const struct packet *p = f->source;

    write_source(f);
    for (size_t i = 0; i < VIEWERS; i++) {
        static const uint8_t mid[1] = {'0'};
        const struct rtp_ext_out ext = {4, 1, mid};
        struct layer_verdict verdict;
        struct forwarder_out out;
        if (!layer_filter_take(&f->filter[i], &p->rtp, &p->media, &verdict) ||
            !forwarder_pass(&f->viewer[i], &p->rtp, &p->media, f->now_us, &out))
            continue;
        size_t head = rtp_write_header(f->head, 64, 96, verdict.marker, out.seq, out.ts,
                                       (uint32_t)i, &ext, 1);
        memcpy(f->head + head, p->data + p->rtp.header_bytes, p->media.ids.bytes);
        payload_rewrite(f->head + head, &p->media.ids, out.picture_id, out.tl0picidx, out.keyidx);
        f->sink += f->head[head + 3];
    }
    next_source(f);
}

int bench_forward(const struct bench_options *options, struct document *d)
{
    struct forward *f = MEM_NEW(struct forward);
    struct micro piece = {.items = VIEWERS, .work = forward, .arg = f};

    f->now_us = 1000000;
    f->pool = packet_pool_new(64);
    f->source = packet_new(f->pool);
    CHECK(f->source != NULL);
    write_source(f);
    for (size_t i = 0; i < VIEWERS; i++) {
        layer_filter_init(&f->filter[i]);
        layer_filter_restart(&f->filter[i]);
        forwarder_init(&f->viewer[i], (uint16_t)i, (uint32_t)i, (uint16_t)i);
        forwarder_begin(&f->viewer[i], &f->source->rtp, &f->source->media, 90000, false, 0,
                        f->now_us);
    }
    next_source(f);
    micro_run("forward", &piece, 1, options, d);
    packet_unref(&f->source);
    packet_pool_free(&f->pool);
    mem_free(f);
    return 0;
}
