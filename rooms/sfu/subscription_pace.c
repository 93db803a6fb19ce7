/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription_pace.c - packets of a subscription that have to wait for the pacer, and packets that are sent only to find out what the
 * way to the viewer carries.
 *
 * What waits is a reference of the shared packet and the head that was made for this viewer, in blocks that the worker keeps: nothing
 * is allocated once enough of them were needed. Only a long head, such as that with the structure of a dependency descriptor, which
 * comes with keyframes, has a block made for it.
 */
#include <string.h>

#include "core/mem.h"
#include "core/packet.h"
#include "rooms/sfu/subscription_internal.h"
#include "transport/fanout_cipher.h"
#include "transport/pacer.h"

#define PACED_HEAD_BYTES 128    /* of a block that is kept */
#define PROBE_PADDING_BYTES 255 /* RFC 3550 s5.1: what one packet can hold */
#define MAX_UNUSED_PACED 4096   /* kept for the next burst: a megabyte */
#define MAX_PROBE_AGAIN 64      /* packets behind the newest that serve as probes */

/* A packet that waits. */
struct paced {
    struct paced *next; /* unused ones */
    struct subscription *sub;
    struct packet *pkt;
    struct rtp_out out; /* its head is below */
    size_t room;
    uint8_t head[];
};

static struct paced *make_block(size_t room)
{
    struct paced *p = mem_try_alloc(sizeof(*p) + room);

    if (p != NULL)
        p->room = room;
    return p;
}

static struct paced *take_block(struct sfu *s, size_t head_bytes)
{
    struct paced *p = s->unused_paced;

    if (p == NULL || head_bytes > PACED_HEAD_BYTES)
        return make_block(MAX(head_bytes, (size_t)PACED_HEAD_BYTES));
    s->unused_paced = p->next;
    s->unused_paced_count--;
    return p;
}

static void give_back(struct sfu *s, struct paced *p)
{
    packet_unref(&p->pkt);
    if (s->unused_paced_count == MAX_UNUSED_PACED || p->room > PACED_HEAD_BYTES) {
        mem_free(p);
        return;
    }
    p->next = s->unused_paced;
    s->unused_paced = p;
    s->unused_paced_count++;
}

void subscription_pace_fini(struct sfu *s)
{
    while (s->unused_paced != NULL) {
        struct paced *p = s->unused_paced;
        s->unused_paced = p->next;
        mem_free(p);
    }
}

static enum pacer_priority priority_of(const struct subscription *sub, const struct rtp_out *out)
{
    if (out->kind == RTP_OUT_RETRANSMISSION)
        return PACER_RETRANSMISSION;
    /* What catches up is paced already, so it does not wait either. */
    return subscription_is_video(sub) && !sub->catchup.is_on ? PACER_VIDEO : PACER_AUDIO;
}

static size_t bytes_of(const struct rtp_out *out)
{
    return out->head_bytes + out->payload_bytes + FANOUT_MAX_TAG_BYTES;
}

/* Returns false when it will not wait. */
static bool let_wait(struct subscription *sub, const struct rtp_out *out, struct packet *pkt,
                     uint64_t now_us)
{
    struct sfu *s = sub->owner->sfu;
    struct paced *p = take_block(s, out->head_bytes);

    if (p == NULL)
        return false;
    p->sub = sub;
    p->pkt = packet_ref(pkt);
    p->out = *out;
    memcpy(p->head, out->head, out->head_bytes);
    p->out.head = p->head;
    if (out->twcc != NULL)
        p->out.twcc = p->head + (out->twcc - out->head);
    const struct pacer_item item = {
        .owner = sub,
        .what = p,
        .bytes = (uint16_t)bytes_of(out),
        .priority = (uint8_t)priority_of(sub, out),
    };
    if (transport_let_wait(sub->owner->tp, &item, now_us))
        return true;
    give_back(s, p);
    return false;
}

size_t subscription_pace(struct subscription *sub, const struct send_run *run, uint64_t now_us)
{
    struct transport *tp = sub->owner->tp;
    size_t now = 0;

    while (now < run->count && transport_may_send(tp, priority_of(sub, &run->out[now]),
                                                  bytes_of(&run->out[now]), now_us))
        now++;
    for (size_t i = now; i < run->count; i++) {
        if (let_wait(sub, &run->out[i], run->pkt[i], now_us))
            continue;
        sub->packets_dropped++;
        sub->owner->sfu->totals.packets_dropped++;
    }
    return now;
}

void subscription_paced(const struct pacer_item *item, uint64_t now_us)
{
    struct paced *p = item->what;
    struct subscription *sub = p->sub;

    if (transport_send_rtp(sub->owner->tp, &p->out, 1, now_us) == 1) {
        if (p->out.kind == RTP_OUT_MEDIA)
            subscription_count_sent(sub, 1, subscription_payload_of(&p->out), now_us);
        else
            sub->owner->sfu->totals.packets_resent++;
    } else { /* its path is gone */
        sub->packets_dropped++;
        sub->owner->sfu->totals.packets_dropped++;
    }
    give_back(sub->owner->sfu, p);
}

void subscription_pace_dropped(const struct pacer_item *item)
{
    struct paced *p = item->what;

    p->sub->packets_dropped++;
    p->sub->owner->sfu->totals.packets_dropped++;
    give_back(p->sub->owner->sfu, p);
}

/* ---- probes ---- */

/* Padding on the RTX stream, which every receiver of one takes for what it is. Returns the bytes sent. */
static size_t send_padding(struct subscription *sub, uint8_t rtx_pt, uint64_t now_us)
{
    static const uint8_t number_to_come[2];
    const struct rtp_ext_out ext = {sub->section.ext.id[RTP_EXT_TWCC], sizeof(number_to_come),
                                    number_to_come};
    uint8_t head[RTP_FIXED_HEADER_BYTES + 8];
    struct rtp_out out = {.stream = sub->rtx_stream,
                          .head = head,
                          .twcc = head + RTP_FIXED_HEADER_BYTES + 5,
                          .kind = RTP_OUT_PADDING,
                          .padding_bytes = PROBE_PADDING_BYTES};

    out.head_bytes = out.header_bytes =
        rtp_write_header(head, sizeof(head), rtx_pt, false, sub->rtx_seq++,
                         sub->forwarder.highest_out_ts, sub->rtx_ssrc, &ext, 1);
    if (ext.id > 14 || transport_send_rtp(sub->owner->tp, &out, 1, now_us) != 1)
        return 0;
    return out.head_bytes + PROBE_PADDING_BYTES;
}

/* The newest packets once more; returns the bytes sent. */
static size_t send_again(struct subscription *sub, size_t bytes, uint64_t now_us)
{
    struct send_run *run = &sub->owner->sfu->run;
    size_t sent = 0;

    for (uint16_t back = 0; back < MAX_PROBE_AGAIN && sent < bytes; back++) {
        if (!subscription_add_again(sub, (uint16_t)(sub->resend.newest - back)))
            continue;
        struct rtp_out *out = &run->out[run->count - 1];
        out->kind = RTP_OUT_PADDING;
        sent += bytes_of(out);
        if (run->count == BURST_PACKETS)
            break;
    }
    size_t n = run->count;
    run->count = run->payload_bytes = 0;
    return transport_send_rtp(sub->owner->tp, run->out, n, now_us) == n ? sent : 0;
}

bool subscription_probe(struct subscription *sub, size_t bytes, uint64_t now_us)
{
    const struct negotiated_codec *codec = codec_set_find_pt(sub->section.codecs, sub->flow_pt);
    size_t sent = 0;

    if (sub->rtx_stream == NULL || !subscription_is_video(sub) || codec == NULL ||
        codec->rtx_pt == PT_NONE || sub->section.ext.id[RTP_EXT_TWCC] == 0)
        return false;
    if (sub->encoding != NULL && !sub->catchup.is_on)
        sent = send_again(sub, bytes, now_us);
    while (sent < bytes) {
        size_t more = send_padding(sub, codec->rtx_pt, now_us);
        if (more == 0)
            break;
        sent += more;
    }
    return sent > 0;
}
