/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_rtcp.c - reports of a transport every second, and what the endpoint's RTCP says.
 *
 * One timer serves all streams of the transport. It is set while media flows only, so that an idle transport costs nothing.
 * Sender reports carry the SSRC of their stream; everything that we say as a receiver comes from one SSRC of our own.
 */
#include <string.h>

#include "core/limits.h"
#include "core/map.h"
#include "transport/rtcp.h"
#include "transport/rtcp_fb.h"
#include "transport/rtp_recv.h"
#include "transport/rtp_send.h"
#include "transport/transport_internal.h"

#define REPORT_INTERVAL_US 1000000ull
#define FIRST_REPORT_US \
    250000ull /* receivers synchronise audio and video by the first sender reports */
#define MAX_RTCP_BYTES DTLS_MTU_BYTES
#define SENDS_IN_A_LIST 8 /* longer lists are looked up in a map */

/* A datagram of RTCP in the making; what does not fit goes into the next one. */
struct compound {
    struct transport *tp;
    uint64_t now_us;
    bool is_any_sent;
    struct writer w;
    uint8_t buf[MAX_RTCP_BYTES];
};

static void on_report_due(struct deadline *d, uint64_t now_us, void *arg);

/* --- life -------------------------------------------------------------------------------------------- */

void transport_rtcp_init(struct transport *tp)
{
    uint8_t secret[4];

    list_init(&tp->recvs);
    list_init(&tp->sends);
    deadline_init(&tp->report_due, on_report_due, tp);
    rng_secret_bytes(secret, sizeof(secret));
    tp->reporter_ssrc = wire_get_u32(secret) | 1; /* 0 is left to those who mean "none" */
    rng_secret_alnum(tp->cname, sizeof(tp->cname) - 1);
    rng_seed(&tp->jitter, tp->reporter_ssrc);
}

void transport_rtcp_fini(struct transport *tp)
{
    while (!list_is_empty(&tp->recvs))
        list_remove(tp->recvs.next);
    while (!list_is_empty(&tp->sends))
        list_remove(tp->sends.next);
    tp->send_count = 0;
    map_free(&tp->send_by_ssrc);
}

/* --- streams ----------------------------------------------------------------------------------------- */

void transport_add_recv(struct transport *tp, struct rtp_recv *r)
{
    list_append(&tp->recvs, &r->node);
}

void transport_remove_recv(struct transport *tp, struct rtp_recv *r)
{
    (void)tp;
    list_remove(&r->node);
}

/* Without memory for it lookups walk the list. */
static void build_map(struct transport *tp)
{
    int err = 0;

    tp->send_by_ssrc = map_new(UINT16_MAX);
    LIST_EACH(&tp->sends, struct rtp_send, node, s)
        if (err == 0)
            err = map_put_u64(tp->send_by_ssrc, s->ssrc, s);
    if (err != 0)
        map_free(&tp->send_by_ssrc);
}

void transport_add_send(struct transport *tp, struct rtp_send *s)
{
    list_append(&tp->sends, &s->node);
    tp->send_count++;
    if (tp->send_by_ssrc == NULL && tp->send_count > SENDS_IN_A_LIST)
        build_map(tp);
    else if (tp->send_by_ssrc != NULL && map_put_u64(tp->send_by_ssrc, s->ssrc, s) != 0)
        map_free(&tp->send_by_ssrc);
}

void transport_remove_send(struct transport *tp, struct rtp_send *s)
{
    if (list_is_empty(&s->node)) /* not added, or unlinked with the transport */
        return;
    list_remove(&s->node);
    tp->send_count--;
    if (tp->send_by_ssrc != NULL && map_get_u64(tp->send_by_ssrc, s->ssrc) == s)
        (void)map_remove_u64(tp->send_by_ssrc, s->ssrc);
}

static struct rtp_send *find_send(const struct transport *tp, uint32_t ssrc)
{
    if (tp->send_by_ssrc != NULL)
        return map_get_u64(tp->send_by_ssrc, ssrc);
    LIST_EACH(&tp->sends, struct rtp_send, node, s)
        if (s->ssrc == ssrc)
            return s;
    return NULL;
}

static struct rtp_recv *find_recv(const struct transport *tp, uint32_t ssrc)
{
    LIST_EACH(&tp->recvs, struct rtp_recv, node, r)
        if (r->ssrc == ssrc)
            return r;
    return NULL;
}

/* --- what goes out ----------------------------------------------------------------------------------- */

static void compound_start(struct compound *c, struct transport *tp, uint64_t now_us)
{
    c->tp = tp;
    c->now_us = now_us;
    c->is_any_sent = false;
    c->w = writer_of(c->buf, sizeof(c->buf));
}

static void compound_flush(struct compound *c)
{
    if (writer_len(&c->w) > 0) {
        (void)transport_send_rtcp(c->tp, c->buf, writer_len(&c->w), c->now_us);
        c->is_any_sent = true;
    }
    c->w = writer_of(c->buf, sizeof(c->buf));
}

/* RFC 3550 s6.1: a compound begins with a report, and every source that reports is named. */
static void write_sr(struct writer *w, const struct rtcp_sender_info *info, const char *cname)
{
    rtcp_write_sr(w, info, NULL, 0);
    rtcp_write_sdes_cname(w, info->ssrc, str_of(cname));
}

static void write_rr(struct writer *w, const struct transport *tp, const struct rtcp_block *blocks,
                     size_t n)
{
    rtcp_write_rr(w, tp->reporter_ssrc, blocks, n);
    rtcp_write_sdes_cname(w, tp->reporter_ssrc, str_of(tp->cname));
}

void transport_rtcp_write_head(const struct transport *tp, struct writer *w)
{
    write_rr(w, tp, NULL, 0);
}

static void add_sr(struct compound *c, const struct rtcp_sender_info *info, const char *cname)
{
    struct writer before = c->w;

    write_sr(&c->w, info, cname);
    if (!c->w.failed)
        return;
    c->w = before;
    compound_flush(c);
    write_sr(&c->w, info, cname);
}

static void add_rr(struct compound *c, const struct rtcp_block *blocks, size_t n)
{
    struct writer before = c->w;

    write_rr(&c->w, c->tp, blocks, n);
    if (!c->w.failed)
        return;
    c->w = before;
    compound_flush(c);
    write_rr(&c->w, c->tp, blocks, n);
}

static void add_sender_reports(struct compound *c, uint64_t wall_us)
{
    LIST_EACH(&c->tp->sends, struct rtp_send, node, s) {
        struct rtcp_sender_info info;
        if (rtp_send_report(s, &info, wall_us))
            add_sr(c, &info, s->cname);
    }
}

static void add_receiver_reports(struct compound *c)
{
    struct rtcp_block blocks[MAX_RTCP_BLOCKS];
    size_t n = 0;

    LIST_EACH(&c->tp->recvs, struct rtp_recv, node, r) {
        if (rtp_recv_report(r, &blocks[n], c->now_us))
            n++;
        if (n == MAX_RTCP_BLOCKS) {
            add_rr(c, blocks, n);
            n = 0;
        }
    }
    if (n > 0)
        add_rr(c, blocks, n);
}

/* RFC 3550 s6.2 spreads reports so that they do not fall into step. */
static void arm_report(struct transport *tp, uint64_t now_us, uint64_t interval_us)
{
    uint64_t fifth = interval_us / 5;

    deadline_set(tp->env->wheel, &tp->report_due,
                 now_us + interval_us - fifth + rng_below(&tp->jitter, (uint32_t)(2 * fifth)));
}

static void on_report_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct transport *tp = arg;
    struct compound c;

    (void)d;
    compound_start(&c, tp, now_us);
    add_sender_reports(&c, tp->env->wall_us(tp->env->arg));
    add_receiver_reports(&c);
    compound_flush(&c);
    if (c.is_any_sent)
        arm_report(tp, now_us, REPORT_INTERVAL_US);
}

void transport_rtcp_wake(struct transport *tp, uint64_t now_us)
{
    if (!deadline_is_set(&tp->report_due))
        arm_report(tp, now_us, FIRST_REPORT_US);
}

void transport_rtcp_send_byes(struct transport *tp, uint64_t now_us)
{
    struct compound c;
    uint32_t ssrcs[MAX_RTCP_BLOCKS];
    size_t n = 0;

    compound_start(&c, tp, now_us);
    LIST_EACH(&tp->sends, struct rtp_send, node, s) {
        if (s->packets_sent > 0)
            ssrcs[n++] = s->ssrc;
        if (n == MAX_RTCP_BLOCKS || (n > 0 && s->node.next == &tp->sends)) {
            write_rr(&c.w, tp, NULL, 0);
            rtcp_write_bye(&c.w, ssrcs, n);
            compound_flush(&c);
            n = 0;
        }
    }
}

bool transport_send_pli(struct transport *tp, uint32_t ssrc, uint64_t now_us)
{
    struct rtp_recv *r = find_recv(tp, ssrc);
    uint8_t buf[128];
    struct writer w = writer_of(buf, sizeof(buf));

    write_rr(&w, tp, NULL, 0);
    rtcp_fb_write_pli(&w, tp->reporter_ssrc, ssrc);
    if (!transport_send_rtcp(tp, buf, writer_len(&w), now_us))
        return false;
    if (r != NULL)
        r->plis_sent++;
    return true;
}

/* RFC 5104 s4.3.1.1: a new number makes a new request; one sequence for all SSRCs never repeats a number too early. */
bool transport_send_fir(struct transport *tp, uint32_t ssrc, uint64_t now_us)
{
    struct rtp_recv *r = find_recv(tp, ssrc);
    struct rtcp_fir_entry entry = {.ssrc = ssrc, .seq = tp->fir_seq};
    uint8_t buf[128];
    struct writer w = writer_of(buf, sizeof(buf));

    write_rr(&w, tp, NULL, 0);
    rtcp_fb_write_fir(&w, tp->reporter_ssrc, &entry, 1);
    if (!transport_send_rtcp(tp, buf, writer_len(&w), now_us))
        return false;
    tp->fir_seq++;
    if (r != NULL)
        r->firs_sent++;
    return true;
}

bool transport_send_nack(struct transport *tp, uint32_t ssrc, const uint16_t *seqs, size_t n,
                         uint64_t now_us)
{
    struct rtp_recv *r = find_recv(tp, ssrc);
    uint8_t buf[MAX_DATAGRAM_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));

    write_rr(&w, tp, NULL, 0);
    rtcp_fb_write_nack(&w, tp->reporter_ssrc, ssrc, seqs, n);
    if (w.failed || !transport_send_rtcp(tp, buf, writer_len(&w), now_us))
        return false;
    if (r != NULL)
        r->nacks_sent++;
    return true;
}

/* --- what comes in ----------------------------------------------------------------------------------- */

static void take_blocks(struct transport *tp, const struct rtcp_blocks *blocks)
{
    uint64_t wall_us = blocks->n > 0 ? tp->env->wall_us(tp->env->arg) : 0;

    for (size_t i = 0; i < blocks->n; i++) {
        struct rtp_send *s = find_send(tp, blocks->at[i].ssrc);
        if (s == NULL) {
            tp->stats.rtcp_unknown_ssrc++;
            continue;
        }
        rtp_send_take_block(s, &blocks->at[i], wall_us);
        if (s->round_trip_us != 0) {
            tp->stats.round_trip_us = s->round_trip_us;
            transport_bwe_round_trip(tp, s->round_trip_us);
        }
    }
}

static void take_sender_report(struct transport *tp, const struct rtcp_sr *sr, uint64_t now_us)
{
    struct rtp_recv *r = find_recv(tp, sr->sender.ssrc);

    if (r != NULL)
        rtp_recv_sender_report(r, sr->sender.ntp, sr->sender.rtp_ts, now_us);
    take_blocks(tp, &sr->blocks);
}

static void take_bye(struct transport *tp, const struct rtcp_bye *bye, uint64_t now_us)
{
    for (size_t i = 0; i < bye->n && tp->state == TRANSPORT_OPEN; i++)
        if (tp->handlers->on_bye != NULL)
            tp->handlers->on_bye(tp, bye->ssrc[i], now_us, tp->arg);
}

static void take_nack(struct transport *tp, const struct rtcp_fb *fb, uint64_t now_us)
{
    struct rtp_send *s = find_send(tp, fb->media_ssrc);
    uint16_t seqs[MAX_NACKED_SEQS];
    size_t n = rtcp_fb_nack_list(fb, seqs, MAX_NACKED_SEQS);

    if (s == NULL) {
        tp->stats.rtcp_unknown_ssrc++;
        return;
    }
    if (n == 0)
        return;
    s->nacks_received++;
    if (tp->handlers->on_nack != NULL)
        tp->handlers->on_nack(tp, fb->media_ssrc, seqs, n, now_us, tp->arg);
}

static void request_keyframe(struct transport *tp, uint32_t ssrc, uint64_t now_us)
{
    if (tp->handlers->on_keyframe_request != NULL)
        tp->handlers->on_keyframe_request(tp, ssrc, now_us, tp->arg);
}

static void take_pli(struct transport *tp, const struct rtcp_fb *fb, uint64_t now_us)
{
    struct rtp_send *s = find_send(tp, fb->media_ssrc);

    if (s == NULL) {
        tp->stats.rtcp_unknown_ssrc++;
        return;
    }
    s->plis_received++;
    request_keyframe(tp, s->ssrc, now_us);
}

static void take_fir(struct transport *tp, const struct rtcp_fb *fb, uint64_t now_us)
{
    struct rtcp_fir fir;

    if (rtcp_fb_parse_fir(&fir, fb) != 0) {
        tp->stats.rtcp_malformed++;
        return;
    }
    for (size_t i = 0; i < fir.n && tp->state == TRANSPORT_OPEN; i++) {
        struct rtp_send *s = find_send(tp, fir.at[i].ssrc);
        if (s == NULL) {
            tp->stats.rtcp_unknown_ssrc++;
            continue;
        }
        if (s->has_fir_seq && s->fir_seq == fir.at[i].seq)
            continue;
        s->has_fir_seq = true;
        s->fir_seq = fir.at[i].seq;
        s->firs_received++;
        request_keyframe(tp, s->ssrc, now_us);
    }
}

static void take_packet(struct transport *tp, const struct rtcp_packet *p, uint64_t now_us)
{
    switch (p->type) {
    case RTCP_SR:
        take_sender_report(tp, &p->sr, now_us);
        break;
    case RTCP_RR:
        take_blocks(tp, &p->rr.blocks);
        break;
    case RTCP_BYE:
        take_bye(tp, &p->bye, now_us);
        break;
    case RTCP_RTPFB:
        if (p->fb.fmt == RTCP_RTPFB_NACK)
            take_nack(tp, &p->fb, now_us);
        else if (p->fb.fmt == RTCP_RTPFB_TWCC)
            transport_bwe_feedback(tp, &p->fb, now_us);
        break;
    case RTCP_PSFB:
        if (p->fb.fmt == RTCP_PSFB_PLI)
            take_pli(tp, &p->fb, now_us);
        else if (p->fb.fmt == RTCP_PSFB_FIR)
            take_fir(tp, &p->fb, now_us);
        else if (p->fb.fmt == RTCP_PSFB_AFB)
            transport_bwe_remb(tp, &p->fb, now_us);
        break;
    case RTCP_SDES: /* names nothing that signalling does not */
    case RTCP_OTHER:
        break;
    }
}

void transport_rtcp_receive(struct transport *tp, const uint8_t *buf, size_t len, uint64_t now_us)
{
    struct rtcp_reader reader = rtcp_reader_of(buf, len);
    struct rtcp_packet p;

    while (tp->state == TRANSPORT_OPEN && rtcp_next(&reader, &p))
        take_packet(tp, &p, now_us);
    if (reader.failed)
        tp->stats.rtcp_malformed++;
}
