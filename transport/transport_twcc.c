/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_twcc.c - tells the endpoint when its packets arrived (twcc.h), for its estimate of the uplink.
 *
 * Every packet counts that authenticates: retransmissions, padding, and those of SSRCs that nobody knows yet. The timer is set
 * while there is something to tell only.
 */
#include "core/limits.h"
#include "core/packet.h"
#include "core/wire.h"
#include "transport/transport_internal.h"
#include "transport/twcc.h"

static void send_feedback(struct transport *tp, uint64_t now_us)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));

    transport_rtcp_write_head(tp, &w);
    struct writer head = w;
    while (twcc_write(tp->twcc, &w, tp->reporter_ssrc, tp->twcc_media_ssrc, now_us)) {
        if (transport_send_rtcp(tp, buf, writer_len(&w), now_us))
            tp->stats.twcc_feedback_sent++;
        w = head;
    }
}

static void on_twcc_due(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    send_feedback(arg, now_us);
}

void transport_twcc_init(struct transport *tp)
{
    deadline_init(&tp->twcc_due, on_twcc_due, tp);
}

void transport_twcc_fini(struct transport *tp)
{
    twcc_free(&tp->twcc);
}

void transport_set_twcc_id(struct transport *tp, uint8_t ext_id)
{
    tp->twcc_ext_id = ext_id;
    if (ext_id == 0) {
        deadline_clear(&tp->twcc_due);
        twcc_free(&tp->twcc);
    } else if (tp->twcc == NULL) {
        transport_set_remb_id(tp, 0);
        tp->twcc_media_ssrc = tp->reporter_ssrc; /* until there is one: never 0 */
        tp->twcc = twcc_new();
        if (tp->twcc == NULL)
            tp->stats.twcc_no_memory++;
    }
}

void transport_twcc_receive(struct transport *tp, const struct packet *pkt, size_t bytes,
                            uint64_t now_us)
{
    const struct rtp_ext *ext = rtp_find_ext(&pkt->rtp, tp->twcc_ext_id);

    if (ext == NULL)
        return;
    if (ext->len != TWCC_EXT_BYTES) {
        tp->stats.twcc_malformed++;
        return;
    }
    if (pkt->rtp.ssrc != 0)
        tp->twcc_media_ssrc = pkt->rtp.ssrc;
    twcc_add(tp->twcc, wire_get_u16(pkt->data + ext->offset), bytes, pkt->arrival_us, now_us);
    if (twcc_due_us(tp->twcc) <= now_us) /* no room is left */
        send_feedback(tp, now_us);
    if (tp->twcc_due.at_us != twcc_due_us(tp->twcc))
        deadline_set(tp->env->wheel, &tp->twcc_due, twcc_due_us(tp->twcc));
}
