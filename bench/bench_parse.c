/* SPDX-License-Identifier: Apache-2.0 */
/* bench_parse.c - the clear packet of a publisher: header, extensions, payload descriptor. */
#include <string.h>

#include "bench/bench.h"
#include "bench/loadgen/vp8_packetizer.h"
#include "bench/micro.h"
#include "core/check.h"
#include "core/packet.h"
#include "core/payload.h"

#define PAYLOAD_BYTES 1000

static void parse(void *arg)
{
    struct packet *p = arg;

    CHECK(rtp_parse(&p->rtp, p->data, p->len) == 0);
    CHECK(payload_inspect(p) == 0);
}

static void write_packet(struct packet *p)
{
    static const uint8_t send_time[3], twcc[2], mid[1] = {'0'};
    const struct rtp_ext_out ext[] = {{2, 3, send_time}, {3, 2, twcc}, {4, 1, mid}};
    static const uint8_t frame[PAYLOAD_BYTES];
    const struct vp8_packetizer packetizer = {.picture_id = 5};
    size_t head =
        rtp_write_header(p->data, packet_room(p), 96, false, 1, 2, 3, ext, ARRAY_LEN(ext));

    CHECK(head > 0);
    p->codec = CODEC_VP8;
    p->len = (uint16_t)(head +
                        vp8_payload_write(&packetizer, frame, sizeof(frame), 0, 1, p->data + head));
}

int bench_parse(const struct bench_options *options, struct document *d)
{
    struct packet_pool *pool = packet_pool_new(1);
    struct packet *p = packet_new(pool);
    struct micro piece = {.items = 1, .work = parse, .arg = p};

    write_packet(p);
    micro_run("parse", &piece, 1, options, d);
    packet_unref(&p);
    packet_pool_free(&pool);
    return 0;
}
