/* SPDX-License-Identifier: Apache-2.0 */
/* burst.c - see burst.h. */
#include "rooms/sfu/burst.h"

#include "core/check.h"
#include "core/packet.h"
#include "core/seq.h"
#include "rooms/sfu/encoding.h"

void burst_init(struct burst *b)
{
    list_init(&b->node);
    b->count = 0;
    b->is_complete = false;
}

void burst_item_init(struct burst_item *item, struct encoding *e, struct packet *pkt)
{
    item->pkt = pkt;
    item->encoding = e;
    item->index = BURST_PACKETS;
    item->is_late = false;
}

void burst_add(struct burst *b, struct encoding *e, struct packet *pkt, uint64_t now_us)
{
    CHECK(b->count < BURST_PACKETS);
    struct burst_item *item = &b->item[b->count];

    burst_item_init(item, e, packet_ref(pkt));
    item->index = (uint8_t)b->count;
    if (b->count++ == 0)
        b->since_us = now_us;
    item->is_late = seq16_newer(e->recv.highest_seq, pkt->rtp.seq);
    b->is_complete = pkt->rtp.marker;
}

bool burst_brings_keyframe(const struct burst *b, const struct encoding *e)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct burst_item *item = &b->item[i];
        if (item->encoding == e && item->pkt->media.is_keyframe && !item->is_late &&
            (item->pkt->flags & PACKET_IS_RETRANSMISSION) == 0)
            return true;
    }
    return false;
}

void burst_clear(struct burst *b)
{
    for (size_t i = 0; i < b->count; i++)
        packet_unref(&b->item[i].pkt);
    b->count = 0;
    list_remove(&b->node);
}
