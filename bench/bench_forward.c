/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_forward.c - one packet for one more viewer, before it is encrypted: its numbers, its header, its payload descriptor.
 */
#include <string.h>

#include "bench/bench.h"
#include "bench/loadgen/vp8_packetizer.h"
#include "bench/micro.h"
#include "core/check.h"
#include "core/mem.h"
#include "core/rtp.h"
#include "rooms/sfu/forwarder.h"

#define VIEWERS 400
#define PACKETS_PER_FRAME 6

struct forward {
    struct forwarder viewer[VIEWERS];
    uint16_t seq, picture_id;
    uint64_t now_us;
    uint8_t head[64 + VP8_DESCRIPTOR_BYTES];
    uint64_t sink; /* keeps the work from being left out */
};

static size_t write_source(struct forward *f, uint8_t *out, struct rtp_header *h,
                           struct vp8_descriptor *vp8)
{
    static const uint8_t frame[100];
    const struct vp8_packetizer packetizer = {.picture_id = f->picture_id & 0x7fff,
                                              .tl0picidx = (uint8_t)f->picture_id};
    uint8_t payload[VP8_MAX_PAYLOAD_BYTES];
    size_t head = rtp_write_header(out, 64, 96, false, f->seq, f->picture_id * 3000u, 3, NULL, 0);
    size_t n = vp8_payload_write(&packetizer, frame, sizeof(frame), 0, 1, payload);

    memcpy(out + head, payload, VP8_DESCRIPTOR_BYTES + 10);
    CHECK(rtp_parse(h, out, head + VP8_DESCRIPTOR_BYTES + 10) == 0);
    CHECK(vp8_parse(vp8, payload, n) == 0);
    return head;
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
    uint8_t source[64 + VP8_DESCRIPTOR_BYTES + 10];
    struct vp8_descriptor vp8;
    struct rtp_header h;
    size_t source_head = write_source(f, source, &h, &vp8);

    for (size_t i = 0; i < VIEWERS; i++) {
        static const uint8_t mid[1] = {'0'};
        const struct rtp_ext_out ext = {4, 1, mid};
        struct forwarder_out out;
        if (!forwarder_map(&f->viewer[i], &h, &vp8, f->now_us, &out))
            continue;
        size_t head =
            rtp_write_header(f->head, 64, 96, h.marker, out.seq, out.ts, (uint32_t)i, &ext, 1);
        memcpy(f->head + head, source + source_head, VP8_DESCRIPTOR_BYTES);
        vp8_rewrite(f->head + head, &vp8, out.picture_id, out.tl0picidx, out.keyidx);
        f->sink += f->head[head + 3];
    }
    next_source(f);
}

int bench_forward(const struct bench_options *options, struct document *d)
{
    struct forward *f = MEM_NEW(struct forward);
    uint8_t source[64 + VP8_DESCRIPTOR_BYTES + 10];
    struct vp8_descriptor vp8;
    struct rtp_header h;
    struct micro piece = {.items = VIEWERS, .work = forward, .arg = f};

    f->now_us = 1000000;
    (void)write_source(f, source, &h, &vp8);
    for (size_t i = 0; i < VIEWERS; i++) {
        forwarder_init(&f->viewer[i], (uint16_t)i, (uint32_t)i, (uint16_t)i);
        forwarder_switch(&f->viewer[i], &h, 90000, &vp8, false, 0, f->now_us);
    }
    next_source(f);
    micro_run("forward", &piece, 1, options, d);
    mem_free(f);
    return 0;
}
