/* SPDX-License-Identifier: Apache-2.0 */
/* feedback.c - see feedback.h. */
#include "tests/sim/feedback.h"

#include <string.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/payload_vp8.h"
#include "tests/sim/endpoint_internal.h"
#include "transport/rtcp_fb.h"
#include "transport/rtx.h"
#include "transport/twcc.h"

#define RTX_PT 118
#define FNV_BASIS 14695981039346656037ull
#define FNV_PRIME 1099511628211ull

struct feedback_kept {
    uint32_t ssrc;
    uint16_t seq, len;
    uint8_t bytes[MAX_DATAGRAM_BYTES];
};

/* ---- what is negotiated ---- */

static uint8_t rtx_pt(const struct endpoint *e)
{
    return (uint8_t)(RTX_PT + e->id % 8);
}

uint32_t feedback_rtx_ssrc(const struct slot *s)
{
    return 0x60000000u + (uint32_t)s->id;
}

static uint32_t rtx_ssrc_of_pub(const struct pub_encoding *enc)
{
    return enc->ssrc ^ 0x5a5a5a5a;
}

static void negotiate(const struct endpoint *e, struct transceiver *t)
{
    if (t->kind == MEDIA_VIDEO && (e->feedback->what & FEEDBACK_NACK) != 0) {
        t->codec[0].nack = true;
        t->codec[0].rtx_pt = rtx_pt(e);
    }
}

void feedback_negotiate_slot(struct slot *s)
{
    struct endpoint *e = s->owner;
    struct transceiver *t = &s->section;

    if (e->feedback == NULL)
        return;
    negotiate(e, t);
    if (t->codec[0].nack)
        t->rtx_ssrc = feedback_rtx_ssrc(s);
    if ((e->feedback->what & FEEDBACK_TWCC) != 0)
        t->ext.id[RTP_EXT_TWCC] = endpoint_ext_id(e, RTP_EXT_TWCC);
    t->codec[0].remb = t->kind == MEDIA_VIDEO && (e->feedback->what & FEEDBACK_REMB) != 0;
    nack_init(&feedback_of(s)->nack, NACK_VIDEO);
}

void feedback_negotiate_pub(struct pub *p)
{
    if (p->owner->feedback == NULL)
        return;
    negotiate(p->owner, &p->section);
    if ((p->owner->feedback->what & FEEDBACK_REMB) != 0) {
        p->section.codec[0].remb = true;
        p->section.ext.id[RTP_EXT_ABS_SEND_TIME] = endpoint_ext_id(p->owner, RTP_EXT_ABS_SEND_TIME);
    }
    for (unsigned i = 0; p->section.codec[0].nack && i < p->encoding_count; i++)
        p->section.encoding[i].rtx_ssrc = rtx_ssrc_of_pub(&p->encoding[i]);
}

struct feedback_slot *feedback_of(const struct slot *s)
{
    return &s->owner->feedback->slot[s - s->owner->slot];
}

/* ---- asking ---- */

void feedback_ask(struct slot *s, const uint16_t *seqs, size_t n)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));

    rtcp_write_rr(&w, 1, NULL, 0);
    rtcp_fb_write_nack(&w, 1, s->section.ssrc, seqs, n);
    endpoint_send_rtcp(s->owner, &w);
    s->owner->feedback->nacks_sent++;
}

static void arm_nack(struct feedback *f)
{
    uint64_t at_us = UINT64_MAX;

    for (unsigned i = 0; i < f->owner->slot_count; i++)
        at_us = MIN(at_us, nack_next_us(&f->slot[i].nack));
    if (at_us == UINT64_MAX)
        deadline_clear(&f->nack_due);
    else
        deadline_set(net_wheel(f->owner->sim->net), &f->nack_due, at_us);
}

static void ask_keyframe(struct slot *s, uint64_t now_us)
{
    if (now_us - s->pli_us < PLI_INTERVAL_US)
        return;
    s->pli_us = now_us;
    slot_ask_keyframe(s);
}

static void on_nack_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct feedback *f = arg;
    struct endpoint *e = f->owner;

    (void)d;
    for (unsigned i = 0; i < e->slot_count; i++) {
        uint16_t seqs[MAX_NACKED_SEQS];
        bool wants_keyframe = false;
        size_t n = nack_due(&f->slot[i].nack, 0, now_us, seqs, MAX_NACKED_SEQS, &wants_keyframe);
        if (n > 0)
            feedback_ask(&e->slot[i], seqs, n);
        if (wants_keyframe)
            ask_keyframe(&e->slot[i], now_us);
    }
    arm_nack(f);
}

static void note_arrival(struct slot *s, const struct rtp_header *h, const uint8_t *buf,
                         bool is_rtx, uint64_t now_us)
{
    struct feedback_slot *fs = feedback_of(s);
    struct vp8_descriptor vp8;
    unsigned flags = is_rtx ? NACK_RECOVERED : 0;

    if (h->payload_bytes > 0 && vp8_parse(&vp8, buf + h->header_bytes, h->payload_bytes) == 0 &&
        vp8.is_keyframe)
        flags |= NACK_KEYFRAME;
    if (nack_received(&fs->nack, h->seq, flags, now_us))
        ask_keyframe(s, now_us);
    arm_nack(s->owner->feedback);
}

/* ---- the same under the same number ---- */

static uint64_t hash_of(const struct rtp_header *h, const uint8_t *buf)
{
    uint64_t hash = FNV_BASIS ^ h->ts ^ (uint64_t)h->marker << 32;

    for (unsigned i = 0; i < h->payload_bytes; i++)
        hash = (hash ^ buf[h->header_bytes + i]) * FNV_PRIME;
    return hash | 1;
}

static void check_same(struct slot *s, const struct rtp_header *h, const uint8_t *buf, bool is_rtx)
{
    struct feedback_slot *fs = feedback_of(s);
    unsigned i = h->seq % FEEDBACK_SEEN;
    uint64_t hash = hash_of(h, buf);

    if (fs->hash[i] != 0 && fs->seq[i] == h->seq && fs->hash[i] != hash)
        endpoint_fault(s->owner, "slot %s: another packet under number %u%s", s->section.mid,
                       h->seq, is_rtx ? ", as RTX" : "");
    fs->hash[i] = hash;
    fs->seq[i] = h->seq;
}

static void to_slot(struct slot *s, const struct rtp_header *h, const uint8_t *buf, size_t len,
                    bool is_rtx, uint64_t now_us)
{
    uint64_t before = s->recv.packets_received;

    check_same(s, h, buf, is_rtx);
    if (!is_rtx && s->recv.started && !seq16_newer(h->seq, s->recv.highest_seq))
        feedback_of(s)->media_reordered++;
    slot_receive(s, h, buf, len, now_us);
    if (s->recv.packets_received == before)
        return;
    feedback_of(s)->rtx_repaired += is_rtx;
    if ((s->owner->feedback->what & FEEDBACK_NACK) != 0 && s->kind == MEDIA_VIDEO)
        note_arrival(s, h, buf, is_rtx, now_us);
}

static struct slot *find_by_rtx(struct endpoint *e, uint32_t ssrc)
{
    for (unsigned i = 0; i < e->slot_count; i++)
        if (e->slot[i].section.rtx_ssrc != 0 && e->slot[i].section.rtx_ssrc == ssrc)
            return &e->slot[i];
    return NULL;
}

static void note_rtx_seq(struct feedback_slot *fs, uint16_t seq)
{
    int64_t ext = seq16_unwrap(&fs->rtx_seqs, seq);

    fs->rtx_reordered += fs->rtx_packets > 1 && ext < fs->rtx_newest;
    fs->rtx_newest = fs->rtx_packets > 1 ? MAX(fs->rtx_newest, ext) : ext;
}

static void receive_rtx(struct slot *s, struct rtp_header *h, uint8_t *buf, size_t len,
                        uint64_t now_us)
{
    struct feedback_slot *fs = feedback_of(s);

    fs->rtx_packets++;
    fs->rtx_bytes += len;
    note_rtx_seq(fs, h->seq);
    if (h->pt != s->section.codec[0].rtx_pt)
        endpoint_fault(s->owner, "RTX of payload type %u", h->pt);
    if (h->payload_bytes == 0) {
        fs->rtx_padding++;
        return;
    }
    if (h->payload_bytes < RTX_OSN_BYTES) {
        endpoint_fault(s->owner, "RTX without a number");
        return;
    }
    uint8_t *payload = buf + h->header_bytes;
    h->seq = wire_get_u16(payload);
    h->ssrc = s->section.ssrc;
    h->pt = s->section.codec[0].pt;
    h->payload_bytes = (uint16_t)(h->payload_bytes - RTX_OSN_BYTES);
    memmove(payload, payload + RTX_OSN_BYTES, h->payload_bytes);
    to_slot(s, h, buf, len - RTX_OSN_BYTES, true, now_us);
}

/* ---- transport-wide numbers ---- */

static void send_feedback(struct feedback *f, uint64_t now_us)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));

    rtcp_write_rr(&w, 1, NULL, 0);
    struct writer head = w;
    while (twcc_write(f->twcc, &w, 1, 1, now_us)) {
        if (!f->is_silent)
            endpoint_send_rtcp(f->owner, &w);
        f->feedbacks_sent += !f->is_silent;
        w = head;
    }
}

static void on_twcc_due(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    send_feedback(arg, now_us);
}

static void note_number(struct feedback *f, uint16_t number)
{
    int64_t ext = seq16_unwrap(&f->numbers, number);
    int64_t *seen = &f->number_seen[(uint64_t)ext % FEEDBACK_SEEN];

    if (f->numbered++ == 0)
        f->first_number = f->newest_number = ext;
    else if (*seen == ext)
        endpoint_fault(f->owner, "two packets of transport-wide number %u", number);
    *seen = ext;
    f->first_number = MIN(f->first_number, ext);
    f->newest_number = MAX(f->newest_number, ext);
}

static void take_number(struct endpoint *e, const struct rtp_header *h, const uint8_t *buf,
                        size_t len, uint64_t now_us)
{
    struct feedback *f = e->feedback;
    const struct rtp_ext *ext = rtp_find_ext(h, endpoint_ext_id(e, RTP_EXT_TWCC));

    if (ext == NULL || ext->len != TWCC_EXT_BYTES) {
        endpoint_fault(e, "a packet of SSRC %u without a transport-wide number", h->ssrc);
        return;
    }
    uint16_t number = wire_get_u16(buf + ext->offset);
    note_number(f, number);
    twcc_add(f->twcc, number, len, now_us, now_us);
    if (twcc_due_us(f->twcc) <= now_us)
        send_feedback(f, now_us);
    if (f->twcc_due.at_us != twcc_due_us(f->twcc))
        deadline_set(net_wheel(e->sim->net), &f->twcc_due, twcc_due_us(f->twcc));
}

uint64_t feedback_numbers_missing(const struct endpoint *e)
{
    const struct feedback *f = e->feedback;

    return f->numbered == 0 ? 0 : (uint64_t)(f->newest_number - f->first_number + 1) - f->numbered;
}

void feedback_receive(struct endpoint *e, struct rtp_header *h, uint8_t *buf, size_t len,
                      uint64_t now_us)
{
    struct slot *rtx = find_by_rtx(e, h->ssrc), *s = slot_find(e, h->ssrc);

    if ((e->feedback->what & FEEDBACK_TWCC) != 0)
        take_number(e, h, buf, len, now_us);
    if (rtx != NULL)
        receive_rtx(rtx, h, buf, len, now_us);
    else if (s != NULL)
        to_slot(s, h, buf, len, false, now_us);
    else
        e->unknown_ssrc++;
}

/* ---- publishing ---- */

void feedback_keep(struct endpoint *e, const uint8_t *buf, size_t len)
{
    struct feedback *f = e->feedback;
    uint32_t ssrc = wire_get_u32(buf + 8);

    if (pub_find(e, ssrc) == NULL)
        return;
    if (f->kept == NULL)
        f->kept = mem_alloc(FEEDBACK_KEPT * sizeof(*f->kept));
    struct feedback_kept *k = &f->kept[f->kept_next++ % FEEDBACK_KEPT];
    k->ssrc = ssrc;
    k->seq = wire_get_u16(buf + 2);
    k->len = (uint16_t)len;
    memcpy(k->bytes, buf, len);
}

static void send_again(struct endpoint *e, const struct feedback_kept *k)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];
    struct rtp_header h;

    CHECK(rtp_parse(&h, k->bytes, k->len) == 0);
    size_t head = rtx_wrap_head(buf, sizeof(buf), k->bytes, h.header_bytes, h.header_bytes,
                                rtx_pt(e), e->feedback->rtx_seq++, k->ssrc ^ 0x5a5a5a5a);
    CHECK(head > 0 && head + h.payload_bytes <= sizeof(buf));
    memcpy(buf + head, k->bytes + h.header_bytes, h.payload_bytes);
    buf[0] &= (uint8_t)~0x20u; /* what was padding stays away */
    endpoint_send_rtp(e, buf, head + h.payload_bytes);
    e->feedback->resent++;
}

void feedback_take_nack(struct endpoint *e, const struct rtcp_fb *fb)
{
    struct feedback *f = e->feedback;
    uint16_t seqs[MAX_NACKED_SEQS];
    size_t n = rtcp_fb_nack_list(fb, seqs, MAX_NACKED_SEQS);
    const struct pub_encoding *enc = pub_find(e, fb->media_ssrc);

    if (enc == NULL) {
        endpoint_fault(e, "asked for packets of SSRC %u", fb->media_ssrc);
        return;
    }
    f->nacks_received++;
    f->asked_again += (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        if (!seq16_newer(enc->seq, seqs[i]))
            endpoint_fault(e, "asked for number %u, which was not sent", seqs[i]);
        for (size_t k = 0; f->kept != NULL && !f->is_deaf_to_nacks && k < FEEDBACK_KEPT; k++)
            if (f->kept[k].ssrc == fb->media_ssrc && f->kept[k].seq == seqs[i])
                send_again(e, &f->kept[k]);
    }
}

/* ---- life ---- */

void feedback_enable(struct endpoint *e, unsigned what)
{
    struct feedback *f = MEM_NEW(struct feedback);

    CHECK(e->feedback == NULL && e->slot_count == 0 && e->pub_count == 0);
    f->owner = e;
    f->what = what;
    f->twcc = twcc_new();
    CHECK(f->twcc != NULL);
    deadline_init(&f->nack_due, on_nack_due, f);
    deadline_init(&f->twcc_due, on_twcc_due, f);
    e->feedback = f;
}

void feedback_free(struct endpoint *e)
{
    struct feedback *f = e->feedback;

    if (f == NULL)
        return;
    deadline_clear(&f->nack_due);
    deadline_clear(&f->twcc_due);
    for (unsigned i = 0; i < e->slot_count; i++)
        nack_reset(&f->slot[i].nack);
    twcc_free(&f->twcc);
    mem_free(f->kept);
    MEM_FREE(e->feedback);
}
