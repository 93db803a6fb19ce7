/* SPDX-License-Identifier: Apache-2.0 */
/* A compound packet: it is walked, all feedback in it is read, and written anew where we can write it. */
#include "core/check.h"
#include "core/seq.h"
#include "transport/rtcp.h"
#include "transport/rtcp_fb.h"
#include "transport/rtcp_twcc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[65536];

/* What was just written, read again. */
static void read_again(const struct writer *w, struct rtcp_packet *p)
{
    CHECK(!w->failed);
    struct rtcp_reader r = rtcp_reader_of(w->start, writer_len(w));
    CHECK(rtcp_next(&r, p));
    struct rtcp_packet none;
    CHECK(!rtcp_next(&r, &none) && !r.failed);
}

static void sr(const struct rtcp_sr *sr)
{
    static struct rtcp_packet again;
    struct writer w = writer_of(out, sizeof(out));

    rtcp_write_sr(&w, &sr->sender, sr->blocks.at, sr->blocks.n);
    read_again(&w, &again);
    CHECK(again.type == RTCP_SR && again.sr.sender.ntp == sr->sender.ntp);
    CHECK(again.sr.blocks.n == sr->blocks.n);
    for (size_t i = 0; i < sr->blocks.n; i++)
        CHECK(again.sr.blocks.at[i].cumulative_lost == sr->blocks.at[i].cumulative_lost);
}

static void sdes(const struct rtcp_sdes *sdes)
{
    static struct rtcp_packet again;

    for (size_t i = 0; i < sdes->n; i++) {
        struct writer w = writer_of(out, sizeof(out));

        rtcp_write_sdes_cname(&w, sdes->at[i].ssrc, sdes->at[i].cname);
        read_again(&w, &again);
        CHECK(again.type == RTCP_SDES && str_eq(again.sdes.at[0].cname, sdes->at[i].cname));
    }
}

static bool is_rising(const uint16_t *seqs, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (!seq16_newer(seqs[i], seqs[i - 1]))
            return false;
    }
    return true;
}

static void nack(const struct rtcp_fb *fb)
{
    uint16_t seqs[MAX_NACKED_SEQS], again_seqs[MAX_NACKED_SEQS];
    struct rtcp_packet again;
    size_t n = rtcp_fb_nack_list(fb, seqs, MAX_NACKED_SEQS);

    if (n == 0 || !is_rising(seqs, n)) /* nobody says that a remote sorts */
        return;
    struct writer w = writer_of(out, sizeof(out));
    rtcp_fb_write_nack(&w, fb->sender_ssrc, fb->media_ssrc, seqs, n);
    read_again(&w, &again);
    CHECK(rtcp_fb_nack_list(&again.fb, again_seqs, MAX_NACKED_SEQS) == n);
    CHECK(memcmp(seqs, again_seqs, n * sizeof(seqs[0])) == 0);
}

/* Arrivals go through the builder and come back the same. */
static void twcc(const struct rtcp_fb *fb)
{
    static struct rtcp_twcc t, back;
    static struct rtcp_twcc_builder b;
    static int64_t ticks[MAX_TWCC_STATUSES];
    struct rtcp_packet again;
    bool empty = true;
    size_t taken = 0;

    if (rtcp_twcc_parse(&t, fb) < 0)
        return;
    int64_t tick = ((int64_t)t.reference + 0x900000) * 256; /* above 0 throughout */
    for (size_t i = 0; i < t.n; i++) {
        CHECK(t.at[i].received || t.at[i].delta == 0);
        tick += t.at[i].delta;
        ticks[i] = tick;
        if (!t.at[i].received)
            continue;
        uint64_t us = (uint64_t)tick * TWCC_TICK_US;
        if (empty)
            rtcp_twcc_start(&b, t.at[0].seq, us);
        if (!rtcp_twcc_add(&b, t.at[i].seq, us))
            break;
        empty = false;
        taken = i + 1;
    }
    if (empty)
        return;
    struct writer w = writer_of(out, MAX_TWCC_FEEDBACK_BYTES);
    rtcp_twcc_write(&b, &w, 1, 2, 3);
    read_again(&w, &again);
    CHECK(rtcp_twcc_parse(&back, &again.fb) == 0 && back.n == taken);
    tick = (int64_t)back.reference * 256;
    int64_t turn = (int64_t)1 << 32; /* the reference time wraps after 2^24 * 256 ticks */
    for (size_t i = 0; i < back.n; i++) {
        tick += back.at[i].delta;
        CHECK(back.at[i].received == t.at[i].received && back.at[i].seq == t.at[i].seq);
        CHECK(!back.at[i].received || (tick - ticks[i]) % turn == 0);
    }
}

static void psfb(const struct rtcp_fb *fb)
{
    struct rtcp_fir fir;
    struct rtcp_remb remb, remb_again;
    struct rtcp_packet again;
    struct writer w = writer_of(out, sizeof(out));

    if (fb->fmt == RTCP_PSFB_FIR && rtcp_fb_parse_fir(&fir, fb) == 0) {
        rtcp_fb_write_fir(&w, fb->sender_ssrc, fir.at, fir.n);
        read_again(&w, &again);
    }
    if (fb->fmt == RTCP_PSFB_AFB && rtcp_fb_parse_remb(&remb, fb) == 0) {
        rtcp_fb_write_remb(&w, fb->sender_ssrc, &remb);
        read_again(&w, &again);
        CHECK(rtcp_fb_parse_remb(&remb_again, &again.fb) == 0);
        CHECK(remb_again.bitrate_bps == remb.bitrate_bps && remb_again.n == remb.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtcp_reader r = rtcp_reader_of(data, size);
    static struct rtcp_packet p;

    if (size == 0)
        return 0;
    while (rtcp_next(&r, &p)) {
        if (p.type == RTCP_SR)
            sr(&p.sr);
        else if (p.type == RTCP_SDES)
            sdes(&p.sdes);
        else if (p.type == RTCP_RTPFB && p.fb.fmt == RTCP_RTPFB_NACK)
            nack(&p.fb);
        else if (p.type == RTCP_RTPFB && p.fb.fmt == RTCP_RTPFB_TWCC)
            twcc(&p.fb);
        else if (p.type == RTCP_PSFB)
            psfb(&p.fb);
    }
    CHECK(r.packets <= MAX_RTCP_PACKETS);
    return 0;
}
