/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_remb.c - tells an endpoint that knows no transport-wide feedback how much its way to us carries (remb.h).
 *
 * Every packet counts that authenticates and says when it was sent. The timer is set while packets come only.
 */
#include "core/limits.h"
#include "core/packet.h"
#include "core/wire.h"
#include "transport/remb.h"
#include "transport/rtcp_fb.h"
#include "transport/rtp_recv.h"
#include "transport/transport_internal.h"

static void send_remb(struct transport *tp, uint64_t bps, uint64_t now_us)
{
    struct rtcp_remb remb = {.bitrate_bps = bps};
    uint8_t buf[MAX_DATAGRAM_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));

    LIST_EACH(&tp->recvs, struct rtp_recv, node, r)
        if (r->started && remb.n < MAX_REMB_SSRCS)
            remb.ssrc[remb.n++] = r->ssrc;
    transport_rtcp_write_head(tp, &w);
    rtcp_fb_write_remb(&w, tp->reporter_ssrc, &remb);
    if (!w.failed && transport_send_rtcp(tp, buf, writer_len(&w), now_us))
        tp->stats.rembs_sent++;
}

static void arm(struct transport *tp)
{
    if (tp->remb_due.at_us != remb_due_us(tp->remb))
        deadline_set(tp->env->wheel, &tp->remb_due, remb_due_us(tp->remb));
}

static void tell(struct transport *tp, uint64_t now_us)
{
    uint64_t bps;

    if (remb_take(tp->remb, now_us, &bps))
        send_remb(tp, bps, now_us);
    arm(tp);
}

static void on_remb_due(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    tell(arg, now_us);
}

void transport_remb_init(struct transport *tp)
{
    deadline_init(&tp->remb_due, on_remb_due, tp);
}

void transport_remb_fini(struct transport *tp)
{
    remb_free(&tp->remb);
}

void transport_set_remb_id(struct transport *tp, uint8_t ext_id)
{
    if (tp->twcc != NULL) /* which tells more */
        ext_id = 0;
    tp->remb_ext_id = ext_id;
    if (ext_id == 0) {
        deadline_clear(&tp->remb_due);
        remb_free(&tp->remb);
    } else if (tp->remb == NULL) {
        tp->remb = remb_new();
        tp->stats.remb_no_memory += tp->remb == NULL;
    }
}

void transport_remb_receive(struct transport *tp, const struct packet *pkt, size_t bytes,
                            uint64_t now_us)
{
    const struct rtp_ext *ext = rtp_find_ext(&pkt->rtp, tp->remb_ext_id);

    if (ext == NULL)
        return;
    if (ext->len != REMB_EXT_BYTES) {
        tp->stats.remb_malformed++;
        return;
    }
    const uint8_t *at = pkt->data + ext->offset;
    uint32_t sent = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
    remb_set_rtt(tp->remb, tp->stats.round_trip_us);
    remb_add(tp->remb, sent, bytes, pkt->arrival_us, now_us);
    if (remb_due_us(tp->remb) <= now_us)
        tell(tp, now_us);
    else
        arm(tp);
}
