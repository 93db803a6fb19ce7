/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.c - life, ICE, DTLS and reports of a simulated endpoint; pub.c sends media, slot.c receives it. */
#include "tests/sim/endpoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "tests/sim/endpoint_internal.h"
#include "tests/sim/feedback.h"
#include "transport/dtls.h"
#include "transport/ice_client.h"
#include "transport/rtcp_fb.h"
#include "transport/rtpsec.h"

#define FIRST_CHECKS_US 50000ull
#define CONSENT_CHECKS_US 1000000ull
#define REPORT_US 500000ull
#define HANDSHAKE_US 500000ull

void endpoint_fault(struct endpoint *e, const char *fmt, ...)
{
    va_list ap;

    if (e->faults++ > 0)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(e->fault, sizeof(e->fault), fmt, ap);
    va_end(ap);
}

uint8_t endpoint_ext_id(const struct endpoint *e, enum rtp_ext_kind kind)
{
    return (uint8_t)(1 + ((unsigned)kind + e->id) % 14);
}

struct negotiated_codec endpoint_codec(const struct endpoint *e, enum codec_id id)
{
    struct negotiated_codec c = {.codec = {.id = id, .clock_hz = 90000, .channels = 1},
                                 .rtx_pt = PT_NONE};

    c.pli = codec_kind(id) == MEDIA_VIDEO;
    if (id == CODEC_RED) {
        unsigned block_pt = endpoint_codec(e, CODEC_OPUS).pt;
        c.codec.clock_hz = 48000;
        c.codec.channels = 2;
        c.pt = (uint8_t)(120 + e->id % 4);
        (void)snprintf(c.codec.fmtp, sizeof(c.codec.fmtp), "%u/%u", block_pt, block_pt);
    } else if (id == CODEC_OPUS) {
        c.codec.clock_hz = 48000;
        c.codec.channels = 2;
        c.pt = (uint8_t)(96 + e->id % 8);
    } else if (id == CODEC_PCMU) {
        c.codec.clock_hz = 8000;
        c.pt = 0;
    } else {
        c.pt = (uint8_t)(110 + e->id % 8);
    }
    return c;
}

/* ---- sending ---- */

void endpoint_send_raw(struct endpoint *e, const uint8_t *buf, size_t len)
{
    struct addr to = sim_addr(e->sim);

    net_send(e->host, &to, buf, len);
}

bool endpoint_try_send_rtp(struct endpoint *e, const uint8_t *buf, size_t len)
{
    CHECK(len <= MAX_DATAGRAM_BYTES);
    if (e->feedback != NULL)
        feedback_keep(e, buf, len);
    memcpy(e->sent, buf, len);
    e->sent_bytes = len;
    if (rtpsec_protect_rtp(e->rtpsec, e->sent, &e->sent_bytes, sizeof(e->sent)) != 0)
        return false;
    endpoint_send_raw(e, e->sent, e->sent_bytes);
    return true;
}

void endpoint_send_rtp(struct endpoint *e, const uint8_t *buf, size_t len)
{
    CHECK(endpoint_try_send_rtp(e, buf, len));
}

void endpoint_send_rtcp(struct endpoint *e, const struct writer *w)
{
    uint8_t buf[MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES];
    size_t len = writer_len(w);

    CHECK(!w->failed && len <= MAX_DATAGRAM_BYTES);
    if (e->rtpsec == NULL)
        return;
    memcpy(buf, w->start, len);
    CHECK(rtpsec_protect_rtcp(e->rtpsec, buf, &len, sizeof(buf)) == 0);
    endpoint_send_raw(e, buf, len);
}

size_t endpoint_write_rtp(struct endpoint *e, uint8_t *out, size_t size, uint8_t pt, uint16_t seq,
                          uint32_t ssrc, size_t payload_bytes)
{
    size_t head = rtp_write_header(out, size, pt, false, seq, seq * 960u, ssrc, NULL, 0);

    CHECK(head > 0 && head + payload_bytes <= size);
    for (size_t i = 0; i < payload_bytes; i++)
        out[head + i] = (uint8_t)rng_u32(&e->sim->rng);
    return head + payload_bytes;
}

static void check_path(struct endpoint *e)
{
    uint8_t buf[ICE_CLIENT_CHECK_MAX_BYTES];
    size_t len = e->is_mute_to_checks ? 0 : ice_client_check(e->ice, buf, sizeof(buf));

    if (len > 0)
        endpoint_send_raw(e, buf, len);
    deadline_set(net_wheel(e->sim->net), &e->check_due,
                 sim_now_us(e->sim) + (e->is_nominated ? CONSENT_CHECKS_US : FIRST_CHECKS_US));
}

static void on_check_due(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    (void)now_us;
    check_path(arg);
}

static void on_report_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct endpoint *e = arg;
    struct rtcp_block blocks[ENDPOINT_MAX_SLOTS];
    uint8_t buf[1200];
    struct writer w = writer_of(buf, sizeof(buf));
    size_t n = 0;

    for (unsigned i = 0; i < e->slot_count; i++) {
        n += rtp_recv_report(&e->slot[i].recv, &blocks[n], now_us);
        slot_tend(&e->slot[i], now_us);
    }
    pub_write_reports(e, &w);
    rtcp_write_rr(&w, 1, blocks, n);
    endpoint_send_rtcp(e, &w);
    deadline_set(net_wheel(e->sim->net), d, now_us + REPORT_US);
}

/* ---- DTLS ---- */

static void on_dtls_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d;
    endpoint_send_raw(arg, buf, len);
}

static void on_dtls_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    struct endpoint *e = arg;

    (void)d;
    CHECK(rtpsec_new(&e->rtpsec, keys) == 0);
    e->is_open = true;
    deadline_set(net_wheel(e->sim->net), &e->report_due, sim_now_us(e->sim) + REPORT_US);
}

static void on_dtls_data(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d;
    (void)buf;
    (void)len;
    endpoint_fault(arg, "application data");
}

static void on_dtls_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    struct endpoint *e = arg;

    (void)d;
    (void)err;
    (void)reason;
    e->is_closed = true;
    e->is_open = false;
}

static const struct dtls_handlers dtls_handlers = {.on_send = on_dtls_send,
                                                   .on_open = on_dtls_open,
                                                   .on_data = on_dtls_data,
                                                   .on_closed = on_dtls_closed};

/* ---- receiving ---- */

static void receive_stun(struct endpoint *e, const uint8_t *buf, size_t len)
{
    if (!ice_client_input(e->ice, buf, len))
        return;
    e->checks_answered++;
    if (e->is_nominated)
        return;
    e->is_nominated = true;
    if (!e->is_held_before_dtls)
        dtls_start(e->dtls); /* once; later ones do nothing */
}

static void receive_rtp(struct endpoint *e, uint8_t *buf, size_t len, uint64_t now_us)
{
    struct rtp_header h;
    int err = rtpsec_unprotect_rtp(e->rtpsec, buf, &len);

    if (err == E_REPLAY) {
        e->replays++;
        return;
    }
    if (err != 0 || rtp_parse(&h, buf, len) != 0) {
        endpoint_fault(e, "media that is no media: %s", err_name(err));
        return;
    }
    struct slot *s = slot_find(e, h.ssrc);
    if (e->feedback != NULL)
        feedback_receive(e, &h, buf, len, now_us);
    else if (s == NULL)
        e->unknown_ssrc++;
    else
        slot_receive(s, &h, buf, len, now_us);
}

static void take_sender_report(struct endpoint *e, const struct rtcp_sr *sr, uint64_t now_us)
{
    struct slot *s = slot_find(e, sr->sender.ssrc);

    if (s == NULL) {
        endpoint_fault(e, "a sender report of something else");
        return;
    }
    rtp_recv_sender_report(&s->recv, sr->sender.ntp, sr->sender.rtp_ts, now_us);
    s->sr_ntp = sr->sender.ntp;
    s->sr_ts = sr->sender.rtp_ts;
    s->srs++;
}

static void take_keyframe_request(struct endpoint *e, uint32_t ssrc, bool is_fir)
{
    struct pub_encoding *enc = pub_find(e, ssrc);

    if (enc == NULL) {
        e->foreign_plis++;
        return;
    }
    enc->plis += !is_fir;
    enc->firs += is_fir;
    enc->wants_keyframe |= !e->is_deaf_to_plis;
}

static void take_remb(struct endpoint *e, const struct rtcp_remb *remb)
{
    e->rembs++;
    e->remb_bps = remb->bitrate_bps;
    for (size_t i = 0; i < remb->n; i++)
        if (pub_find(e, remb->ssrc[i]) == NULL)
            endpoint_fault(e, "an estimate of a stream that it does not send");
}

static void take_rtcp(struct endpoint *e, const struct rtcp_packet *p, uint64_t now_us)
{
    struct rtcp_fir fir;
    struct rtcp_remb remb;

    if (p->type == RTCP_SR)
        take_sender_report(e, &p->sr, now_us);
    else if (p->type == RTCP_RR)
        e->rrs++;
    else if (p->type == RTCP_PSFB && p->fb.fmt == RTCP_PSFB_PLI)
        take_keyframe_request(e, p->fb.media_ssrc, false);
    else if (p->type == RTCP_PSFB && p->fb.fmt == RTCP_PSFB_FIR &&
             rtcp_fb_parse_fir(&fir, &p->fb) == 0)
        take_keyframe_request(e, fir.at[0].ssrc, true);
    else if (p->type == RTCP_PSFB && p->fb.fmt == RTCP_PSFB_AFB &&
             rtcp_fb_parse_remb(&remb, &p->fb) == 0)
        take_remb(e, &remb);
    else if (p->type == RTCP_RTPFB && p->fb.fmt == RTCP_RTPFB_NACK && e->feedback != NULL)
        feedback_take_nack(e, &p->fb);
    else if (p->type == RTCP_BYE)
        for (size_t i = 0; i < p->bye.n; i++)
            if (slot_find(e, p->bye.ssrc[i]) != NULL)
                slot_find(e, p->bye.ssrc[i])->byes++;
}

static void receive_rtcp(struct endpoint *e, uint8_t *buf, size_t len, uint64_t now_us)
{
    struct rtcp_packet p;
    int err = rtpsec_unprotect_rtcp(e->rtpsec, buf, &len);

    if (err == E_REPLAY) {
        e->replays++;
        return;
    }
    struct rtcp_reader r = rtcp_reader_of(buf, err == 0 ? len : 0);
    while (err == 0 && rtcp_next(&r, &p))
        take_rtcp(e, &p, now_us);
    if (err != 0 || r.failed)
        endpoint_fault(e, "RTCP that is no RTCP: %s", err_name(err));
}

static void on_datagram(const struct addr *from, const uint8_t *buf, size_t len, uint64_t now_us,
                        void *arg)
{
    struct endpoint *e = arg;
    uint8_t copy[MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES];

    (void)from;
    CHECK(len > 0 && len <= sizeof(copy));
    memcpy(copy, buf, len);
    e->packets_received++;
    if (copy[0] <= 3)
        receive_stun(e, copy, len);
    else if (copy[0] >= 20 && copy[0] <= 63)
        dtls_input(e->dtls, copy, len);
    else if (e->rtpsec == NULL)
        endpoint_fault(e, "media before the handshake");
    else if (rtp_is_rtcp(copy, len))
        receive_rtcp(e, copy, len, now_us);
    else
        receive_rtp(e, copy, len, now_us);
}

/* ---- life ---- */

static void make_credentials(struct ice_credentials *c)
{
    rng_secret_ice_chars(c->ufrag, ICE_UFRAG_LEN);
    rng_secret_ice_chars(c->pwd, ICE_PWD_LEN);
}

struct endpoint *endpoint_new(struct sim *sim, unsigned id)
{
    struct endpoint *e = MEM_NEW(struct endpoint);
    struct addr at = sim_endpoint_addr(id, 0);
    struct fingerprint fingerprint;

    e->sim = sim;
    e->id = id;
    e->host = net_attach(sim->net, &at, on_datagram, e);
    make_credentials(&e->local);
    make_credentials(&e->remote);
    deadline_init(&e->check_due, on_check_due, e);
    deadline_init(&e->report_due, on_report_due, e);
    e->ice = ice_client_new(&e->local, &e->remote);
    sim_fingerprint(&fingerprint);
    CHECK(dtls_new(&e->dtls, sim_dtls(), true, &fingerprint, 1, &dtls_handlers, e) == 0);
    list_append(&sim->endpoints, &e->node);
    sim_open_transport(sim, id, &e->remote);
    return e;
}

void endpoint_free(struct endpoint **ep)
{
    struct endpoint *e = *ep;

    if (e == NULL)
        return;
    *ep = NULL;
    for (unsigned i = 0; i < e->pub_count; i++)
        pub_stop(&e->pub[i]);
    deadline_clear(&e->check_due);
    deadline_clear(&e->report_due);
    feedback_free(e);
    net_detach(&e->host);
    ice_client_free(&e->ice);
    dtls_free(&e->dtls);
    rtpsec_free(&e->rtpsec);
    list_remove(&e->node);
    mem_free(e);
}

void endpoint_connect(struct endpoint *e)
{
    struct remote_transport remote = {.ice = e->local, .fingerprint_count = 1};

    sim_fingerprint(&remote.fingerprint[0]);
    SIM_EXPECT(e->sim,
               sfu_transport_set_remote(e->sim->sfu, e->id, &remote, sim_now_us(e->sim)) == 0);
    check_path(e);
}

struct endpoint *endpoint_join(struct sim *sim, unsigned id)
{
    struct endpoint *e = endpoint_new(sim, id);

    endpoint_connect(e);
    sim_run(sim, HANDSHAKE_US);
    SIM_EXPECT(sim, e->is_open);
    SIM_EXPECT(sim, sim->state[id] == TRANSPORT_OPEN);
    return e;
}

void endpoint_set_estimate(struct endpoint *e, uint64_t bps)
{
    sfu_transport_set_estimate(e->sim->sfu, e->id, bps, sim_now_us(e->sim));
}

void endpoint_set_lines(struct endpoint *e, const struct net_line *line)
{
    net_set_up(e->host, line);
    net_set_down(e->host, line);
    e->may_lose = line->loss_permille > 0 || line->reorder_permille > 0;
}

void endpoint_hang_up(struct endpoint *e)
{
    for (unsigned i = 0; i < e->pub_count; i++)
        pub_stop(&e->pub[i]);
    dtls_shutdown(e->dtls);
    e->is_open = false;
}

void endpoint_move(struct endpoint *e)
{
    struct addr to = sim_endpoint_addr(e->id, ++e->moves);

    net_move(e->host, &to);
    check_path(e);
}

void endpoint_restart_ice(struct endpoint *e)
{
    struct sim *sim = e->sim;

    make_credentials(&e->local);
    make_credentials(&e->remote);
    SIM_EXPECT(sim, sfu_transport_restart_ice(sim->sfu, e->id, &e->remote, &e->local,
                                              sim_now_us(sim)) == 0);
    ice_client_free(&e->ice);
    e->ice = ice_client_new(&e->local, &e->remote);
    e->is_nominated = false;
    check_path(e);
}

static void describe_slot(const struct slot *s, struct strbuf *out)
{
    strbuf_addf(out,
                "  slot %s ssrc %u: %u packets, %u empty, lost %lld, %u switches, %u plis, %u srs, "
                "gap %llu ms\n",
                s->section.mid, s->section.ssrc, s->packets, s->empty,
                (long long)rtp_recv_packets_lost(&s->recv), s->switches, s->plis, s->srs,
                (unsigned long long)(s->largest_gap_us / MS));
    for (unsigned i = 0; i < SLOT_MAX_SOURCES && s->source[i].track != 0; i++)
        strbuf_addf(out, "    track %u/%u: %u packets, %u frames, %u decoded, %u keyframes\n",
                    s->source[i].track, s->source[i].encoding, s->source[i].packets,
                    s->source[i].frames, s->source[i].decoded, s->source[i].keyframes);
}

static void describe_feedback(const struct endpoint *e, struct strbuf *out)
{
    const struct feedback *f = e->feedback;

    strbuf_addf(
        out, "  nacks sent %u, received %u, asked for %u, resent %u, numbered %llu, missing %llu\n",
        f->nacks_sent, f->nacks_received, f->asked_again, f->resent,
        (unsigned long long)f->numbered, (unsigned long long)feedback_numbers_missing(e));
    for (unsigned i = 0; i < e->slot_count; i++)
        strbuf_addf(
            out, "    slot %u: %u rtx, repaired %u, padding %u, %llu bytes, given up %llu\n", i + 1,
            f->slot[i].rtx_packets, f->slot[i].rtx_repaired, f->slot[i].rtx_padding,
            (unsigned long long)f->slot[i].rtx_bytes, (unsigned long long)f->slot[i].nack.given_up);
}

void endpoint_describe(const struct endpoint *e, struct strbuf *out)
{
    strbuf_addf(
        out,
        "endpoint %u: %s, %llu checks answered, %llu datagrams in, %llu replays, faults %u %s\n",
        e->id,
        e->is_closed ? "closed"
        : e->is_open ? "open"
                     : "not open",
        (unsigned long long)e->checks_answered, (unsigned long long)e->packets_received,
        (unsigned long long)e->replays, e->faults, e->fault);
    for (unsigned i = 0; i < e->pub_count; i++)
        for (unsigned k = 0; k < e->pub[i].encoding_count; k++) {
            const struct pub_encoding *enc = &e->pub[i].encoding[k];
            strbuf_addf(
                out,
                "  pub %llu%s%s ssrc %u: %u packets, %u frames, %u keyframes, %u plis, %u firs\n",
                (unsigned long long)e->pub[i].track, enc->rid[0] == '\0' ? "" : " ", enc->rid,
                enc->ssrc, enc->packets, enc->frames, enc->keyframes, enc->plis, enc->firs);
        }
    for (unsigned i = 0; i < e->slot_count; i++)
        describe_slot(&e->slot[i], out);
    if (e->feedback != NULL)
        describe_feedback(e, out);
}
