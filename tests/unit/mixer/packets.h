/* SPDX-License-Identifier: Apache-2.0 */
/* packets.h - RTP packets made of payloads, for tests of what takes them apart. */
#pragma once

#include <string.h>

#include "core/check.h"
#include "core/packet.h"

struct made_packet {
    uint16_t seq;
    uint32_t ts, ssrc;
    bool marker;
    uint8_t orientation; /* 0: no extension; else 0x10 | the two bits */
    const uint8_t *payload;
    size_t len;
    uint64_t arrival_us;
};

#define ORIENTATION_ID 5

/* One with a single reference. */
static inline struct packet *make_packet(struct packet_pool *pool, const struct made_packet *m)
{
    struct packet *p = packet_new(pool);
    uint8_t bits = m->orientation & 3;
    struct rtp_ext_out ext = {ORIENTATION_ID, m->orientation != 0, &bits};
    size_t header;

    CHECK(p != NULL);
    header =
        rtp_write_header(p->data, packet_room(p), 96, m->marker, m->seq, m->ts, m->ssrc, &ext, 1);
    CHECK(header > 0 && header + m->len <= packet_room(p));
    if (m->len > 0)
        memcpy(p->data + header, m->payload, m->len);
    p->len = (uint16_t)(header + m->len);
    p->arrival_us = m->arrival_us;
    CHECK(rtp_parse(&p->rtp, p->data, p->len) == 0);
    p->flags |= PACKET_HAS_RTP;
    return p;
}
