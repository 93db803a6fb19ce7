/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription_flow.c - the packets of a subscription: is this one of the encoding that flows? map the numbers, build the header
 * beside those before it; then hand headers and shared payloads to the transport together.
 *
 * What does not flow may start: at a keyframe of the next source, of a better encoding, or of anything while nothing flows. As long
 * as packets come that could start and do not, a keyframe request is under way.
 */
#include <string.h>

#include "core/packet.h"
#include "core/prefetch.h"
#include "core/payload_red.h"
#include "core/payload.h"
#include "core/seq.h"
#include "core/timebase.h"
#include "core/wire.h"
#include "rooms/sfu/packet_head.h"
#include "rooms/sfu/subscription_internal.h"
#include "transport/fanout_cipher.h"
#include "transport/rtx.h"

/* RFC 7741 s4.2: 1 + X + 15-bit PictureID + TL0PICIDX + TID/KEYIDX. Of VP9 (RFC 9628 s4.2) it is one less. */
#define MAX_REWRITTEN_BYTES 6
#define CLOCK_WITHOUT_SR_US 500000ull

/* ---- media time ---- */

/* A point of the line between our timestamps and wall time, for sender reports: the publisher's own, mapped. */
void subscription_set_clock(struct subscription *sub, const struct encoding *e, uint32_t in_ts,
                            uint64_t now_us)
{
    const struct publisher_clock *clock = e->track->clock;
    struct transport_env *env = &sub->owner->sfu->env;

    sub->clock_set_us = now_us;
    sub->clock_sr_us = e->recv.sr_arrival_us;
    sub->clock_offset_us = clock->offset_us;
    sub->send.has_clock = true;
    sub->send.clock_hz = e->recv.clock_hz;
    if (e->recv.sr_arrival_us != 0 && clock->is_known) {
        sub->send.clock_wall_us = publisher_clock_wall_of_report(clock, &e->recv);
        sub->send.clock_ts = e->recv.sr_ts + sub->forwarder.ts_offset;
    } else {
        sub->send.clock_wall_us = env->wall_us(env->arg);
        sub->send.clock_ts = in_ts + sub->forwarder.ts_offset;
    }
}

static bool clock_is_stale(const struct subscription *sub, const struct encoding *e,
                           uint64_t now_us)
{
    if (e->recv.sr_arrival_us == 0)
        return sub->clock_sr_us != 0 || now_us - sub->clock_set_us > CLOCK_WITHOUT_SR_US;
    return sub->clock_sr_us != e->recv.sr_arrival_us ||
           sub->clock_offset_us != e->track->clock->offset_us;
}

bool subscription_reference_ts(const struct subscription *sub, const struct encoding *to,
                               uint32_t *ref_ts)
{
    const struct rtp_send *send = &sub->send;

    if ((sub->encoding == NULL && !sub->is_held) || !send->has_clock || sub->clock_sr_us == 0 ||
        send->clock_hz == 0 || send->clock_hz != to->recv.clock_hz)
        return false;
    int64_t ticks = ts32_diff(sub->forwarder.highest_out_ts, send->clock_ts);
    int64_t since_us = ticks * (int64_t)US_PER_S / (int64_t)send->clock_hz;
    return publisher_clock_ts_at(to->track->clock, &to->recv,
                                 send->clock_wall_us + (uint64_t)since_us, ref_ts);
}

/* ---- sending one packet ---- */

static const struct media_info no_media = {.spatial = -1, .temporal = -1};

static void count_dropped(struct subscription *sub, size_t n)
{
    sub->packets_dropped += n;
    sub->owner->sfu->totals.packets_dropped += n;
}

/* The first bytes of the payload, with our numbers. */
static void rewrite_ids(struct rtp_out *rtp, uint8_t *to, const struct payload_ids *ids,
                        const struct forwarder_out *number)
{
    memcpy(to, rtp->payload, ids->bytes);
    payload_rewrite(to, ids, number->picture_id, number->tl0picidx, number->keyidx);
    rtp->head_bytes += ids->bytes;
    rtp->payload += ids->bytes;
    rtp->payload_bytes -= ids->bytes;
}

/* The whole payload of redundant audio, with our payload type in its heads. */
static void rewrite_red(struct rtp_out *rtp, uint8_t *to, const struct packet *pkt, uint8_t pt)
{
    const struct packet_red *red = &pkt->red;

    memcpy(to, pkt->data + red->at, red->head_bytes);
    red_rewrite(to, red->redundant, pt);
    rtp->head_bytes += red->head_bytes;
    rtp->payload = pkt->data + red->at + red->head_bytes;
    rtp->payload_bytes = (size_t)red->bytes - red->head_bytes;
}

HOT bool subscription_add_packet(struct subscription *sub, const struct burst_item *item,
                                 const struct outgoing *out)
{
    struct send_run *run = &sub->owner->sfu->run;
    const struct packet *pkt = item->pkt;
    struct rtp_out *rtp = &run->out[run->count];
    uint8_t *head = run->head[run->count];
    size_t rewritten = out->is_red ? RED_MAX_HEAD_BYTES : MAX_REWRITTEN_BYTES;
    struct packet_head made;

    if (!packet_head_write(&sub->owner->sfu->known_heads, sub, item, out, head,
                           SEND_HEAD_BYTES - RTX_OSN_BYTES - rewritten, &made))
        return false;
    *rtp = (struct rtp_out){
        .stream = out->stream,
        .head = head,
        .twcc = made.stamp,
        .has_send_time = made.has_send_time,
        .kind = out->is_rtx ? RTP_OUT_RETRANSMISSION : RTP_OUT_MEDIA,
        .header_bytes = made.bytes,
        .head_bytes = made.bytes,
        .payload = pkt->data + pkt->rtp.header_bytes,
        .payload_bytes = out->is_empty ? 0 : pkt->rtp.payload_bytes,
    };
    if (out->is_rtx) {
        wire_put_u16(head + made.bytes, out->osn);
        rtp->head_bytes += RTX_OSN_BYTES;
    }
    if (out->number.rewrites_ids && !out->is_empty && pkt->media.ids.bytes <= MAX_REWRITTEN_BYTES)
        rewrite_ids(rtp, head + rtp->head_bytes, &pkt->media.ids, &out->number);
    if (out->is_red && !out->is_empty)
        rewrite_red(rtp, head + rtp->head_bytes, pkt, out->block_pt);
    run->pkt[run->count] = item->pkt;
    run->payload_bytes += subscription_payload_of(rtp);
    run->count++;
    return true;
}

/* Hand the run to the transport; it is empty afterwards. Returns how many packets are on their way. */
static size_t empty_run(struct subscription *sub, uint64_t now_us)
{
    struct send_run *run = &sub->owner->sfu->run;
    size_t n = run->count;

    if (n == 0)
        return 0;
    size_t now = subscription_pace(sub, run, now_us);
    run->count = run->payload_bytes = 0;
    size_t sent = transport_send_rtp(sub->owner->tp, run->out, now, now_us);
    if (sent < now)
        count_dropped(sub, now - sent);
    return sent;
}

void subscription_send_run(struct subscription *sub, uint64_t now_us)
{
    const struct send_run *run = &sub->owner->sfu->run;
    size_t n = run->count, bytes = run->payload_bytes;
    size_t sent = empty_run(sub, now_us);

    if (sent < n) /* the others count when they leave, or not at all */
        for (size_t i = sent; i < n; i++)
            bytes -= subscription_payload_of(&run->out[i]);
    subscription_count_sent(sub, sent, bytes, now_us);
}

void subscription_count_sent(struct subscription *sub, size_t n, size_t payload_bytes,
                             uint64_t now_us)
{
    if (n == 0)
        return;
    sub->owner->sfu->totals.packets_forwarded += n;
    rtp_send_packets(&sub->send, n, payload_bytes, now_us);
}

void subscription_send_repair(struct subscription *sub, uint64_t now_us)
{
    sub->owner->sfu->totals.packets_resent += empty_run(sub, now_us);
}

/* How it was rewritten: what a retransmission needs to be rewritten alike. */
static void note_for_resend(struct subscription *sub, const struct rtp_header *h,
                            const struct media_info *m, const struct forwarder_out *out,
                            uint64_t now_us)
{
    struct resend_rewrite how = {
        .source = sub->source,
        .seq = (uint16_t)(out->seq - h->seq),
        .ts = out->ts - h->ts,
    };

    if (out->rewrites_ids) {
        const struct payload_ids *ids = &m->ids;
        how.picture_id = (uint16_t)(out->picture_id - ids->picture_id) &
                         (ids->picture_id_bits == 15 ? 0x7fff : 0x7f);
        how.tl0picidx = (uint8_t)(out->tl0picidx - ids->tl0picidx);
        how.keyidx = (uint8_t)(out->keyidx - ids->keyidx) & 0x1f;
    }
    if (m->dd.has_frame_number)
        how.frame_number = (uint16_t)(out->frame_number - m->dd.frame_number);
    resend_sent(&sub->resend, out->seq, &how, now_us);
}

/* The filter has descriptors of its own encoding only, so the structure is this packet's. */
static void learn_structure(struct subscription *sub, const struct burst_item *item)
{
    const struct packet *pkt = item->pkt;
    uint8_t id = item->encoding->track->section.ext.id[RTP_EXT_DEPENDENCY_DESCRIPTOR];
    const struct rtp_ext *ext = rtp_find_ext(&pkt->rtp, id);

    if (ext != NULL)
        layer_filter_learn(&sub->filter, pkt->data + ext->offset, ext->len);
}

/* Whether it goes out. Padding only is a probe of the publisher's, of no use here. */
static bool passes(struct subscription *sub, const struct burst_item *item, uint8_t pt,
                   struct layer_verdict *verdict)
{
    const struct packet *pkt = item->pkt;

    if (pt == PT_NONE || pkt->rtp.payload_bytes == 0)
        return false;
    if (UNLIKELY(pkt->media.dd.has_structure))
        learn_structure(sub, item);
    return layer_filter_take(&sub->filter, &pkt->rtp, &pkt->media, verdict);
}

HOT void subscription_forward(struct subscription *sub, const struct burst_item *item, uint8_t pt,
                              uint64_t now_us)
{
    const struct packet *pkt = item->pkt;
    const struct media_info *media = &pkt->media;
    struct outgoing out = {.pt = pt, .ssrc = sub->send.ssrc, .stream = sub->stream};

    if (pkt->red.bytes != 0 && sub->section.red_block_pt == pt) {
        out.is_red = true;
        out.block_pt = pt;
        out.pt = sub->section.red_pt;
    }
    if (!passes(sub, item, pt, &out.verdict)) {
        /* When its number is not the newest any more, it goes out empty. */
        if (forwarder_leave_out(&sub->forwarder, &pkt->rtp, media) || pt == PT_NONE)
            return;
        out.is_empty = true;
        out.verdict = (struct layer_verdict){0};
        media = &no_media;
    }
    if (!forwarder_pass(&sub->forwarder, &pkt->rtp, media, now_us, &out.number) ||
        !subscription_add_packet(sub, item, &out)) {
        count_dropped(sub, 1);
        return;
    }
    if (sub->rtx_stream != NULL)
        note_for_resend(sub, &pkt->rtp, media, &out.number, now_us);
    sub->sent_pt = out.pt;
    sub->frames += pkt->media.is_frame_start;
    sub->key_frames += pkt->media.is_keyframe && subscription_is_video(sub);
    if (!sub->catchup.is_on && clock_is_stale(sub, item->encoding, now_us))
        subscription_set_clock(sub, item->encoding, pkt->rtp.ts, now_us);
}

/* ---- starting ---- */

/* Is this the first packet of something better than what flows: the next source, the best encoding, or anything at all? */
static bool may_start(struct subscription *sub, const struct source_link *link, struct encoding *e,
                      const struct packet *pkt)
{
    if (!pkt->media.is_keyframe || (pkt->flags & PACKET_IS_RETRANSMISSION) != 0)
        return false;
    if (e->track != subscription_track(sub)) /* it is to be replaced */
        return sub->encoding == NULL;
    if (sub->aim.is_paused)
        return false;
    if (e == subscription_target(sub, e->track))
        return true;
    return (link != subscription_current(sub) || sub->encoding == NULL) &&
           subscription_covers(sub, e);
}

void subscription_start(struct subscription *sub, const struct source_link *link,
                        const struct burst_item *item, uint64_t now_us)
{
    struct encoding *e = item->encoding;
    const struct packet *pkt = item->pkt;
    uint32_t ref_ts = 0;
    bool has_ref = subscription_reference_ts(sub, e, &ref_ts);

    if (link != subscription_current(sub))
        subscription_promote(sub, now_us);
    if (sub->catchup.is_on && sub->catchup.is_switch)
        forwarder_begin_behind(&sub->forwarder, &pkt->rtp, &pkt->media, sub->catchup.distance,
                               now_us);
    else
        forwarder_begin(&sub->forwarder, &pkt->rtp, &pkt->media, e->recv.clock_hz, has_ref, ref_ts,
                        now_us);
    layer_filter_restart(&sub->filter);
    sub->encoding = e;
    sub->in_ssrc = pkt->rtp.ssrc;
    sub->is_held = false;
    sub->source++;
    subscription_aim_filter(sub);
    subscription_changed(sub);
    sub->flow_pt = link->pt[pkt->codec_index];
    if (sub->catchup.is_on) {
        sub->send.has_clock = false; /* until media time goes its way again */
        return;
    }
    subscription_set_clock(sub, e, pkt->rtp.ts, now_us);
    if (subscription_is_video(sub) && item->is_late)
        encoding_ask_keyframe(e, now_us); /* it came late: some of what belongs to it went by */
}

/* Packets come of what could start, and it does not. */
static void want_start(struct subscription *sub, struct encoding *e, uint64_t now_us)
{
    struct track *wanted = subscription_track(sub);

    if (e != subscription_target(sub, e->track) ||
        (e->track == wanted ? sub->aim.is_paused : sub->encoding != NULL))
        return;
    if (sub->encoding != NULL && sub->encoding->track == e->track)
        subscription_ask_switch(sub, e, now_us);
    else if (!keyframe_is_pending(&e->keyframes))
        encoding_ask_keyframe(e, now_us);
}

/* Of a replica, whose history comes after its first viewers; and of a keyframe that came by repair, with what had gone by before. */
static bool starts_from_history(struct subscription *sub, struct encoding *e, uint64_t now_us)
{
    if ((e->track->owner != NULL && !e->keyframe_is_repaired) || sub->encoding != NULL ||
        sub->aim.is_paused || sub->is_held || e != subscription_target(sub, e->track) ||
        !subscription_catchup_start(sub, e, now_us))
        return false;
    if (e->keyframe_is_repaired)
        encoding_began_with_keyframe(e);
    return true;
}

/* Of a keyframe that came by repair, with what had gone by before; until that is complete, what flows goes on. */
static bool switches_from_history(struct subscription *sub, const struct source_link *link,
                                  struct encoding *e, uint64_t now_us)
{
    if (sub->catchup.is_on && sub->catchup.is_switch)
        return false; /* its media time is behind until that is done */
    if (!e->keyframe_is_repaired || sub->aim.is_paused || e->track != subscription_track(sub) ||
        e != subscription_target(sub, e->track) ||
        !subscription_catchup_switch(sub, link, e, now_us))
        return false;
    encoding_began_with_keyframe(e);
    return true;
}

/* A packet that is not of what flows. Returns whether it flows from now on. */
static bool try_start(struct subscription *sub, const struct source_link *link,
                      const struct burst_item *item, uint64_t now_us)
{
    struct encoding *e = item->encoding;
    bool is_current = link == subscription_current(sub);

    if (is_current && sub->encoding != NULL && e != sub->encoding &&
        e != subscription_target(sub, e->track))
        return false; /* the most frequent case: another one of a simulcast */
    if (is_current && e == sub->encoding)
        subscription_stop(sub); /* another SSRC, or other numbers: the publisher began anew */
    if (link->pt[item->pkt->codec_index] == PT_NONE)
        return false;
    if (may_start(sub, link, e, item->pkt)) {
        subscription_send_run(sub, now_us); /* what came before belongs to the numbers before */
        subscription_catchup_stop(sub);
        subscription_start(sub, link, item, now_us);
        return true;
    }
    if ((is_current && starts_from_history(sub, e, now_us)) ||
        switches_from_history(sub, link, e, now_us))
        return false; /* the packet is in there */
    if (subscription_is_video(sub))
        want_start(sub, e, now_us);
    return false;
}

static bool is_switch_overdue(struct subscription *sub, uint64_t now_us)
{
    return subscription_next(sub)->sink.track != NULL &&
           now_us - sub->next_since_us > SUBSCRIPTION_PATIENCE_US;
}

/* What the track handed to nobody before this packet: the viewer misses nothing. */
static void close_up(struct subscription *sub, const struct packet *pkt)
{
    struct rtp_header h = {.ssrc = pkt->rtp.ssrc};

    for (unsigned i = 32; i-- > 0;) {
        h.seq = (uint16_t)(pkt->rtp.seq - 1 - i);
        if ((pkt->left_out >> i & 1) != 0)
            (void)!forwarder_leave_out(&sub->forwarder, &h, &no_media);
    }
}

static HOT void take_packet(struct subscription *sub, const struct source_link *link,
                            const struct burst_item *item, uint64_t now_us)
{
    const struct packet *pkt = item->pkt;
    uint8_t pt = link->pt[pkt->codec_index];
    if (sub->catchup.is_on && item->encoding == sub->encoding && pkt->rtp.ssrc == sub->in_ssrc &&
        !(sub->catchup.has_started && seq16_newer(sub->catchup.seq, pkt->rtp.seq)))
        return; /* it is in the history, and will be taken from there */
    bool flows = link == subscription_current(sub) && item->encoding == sub->encoding &&
                 pkt->rtp.ssrc == sub->in_ssrc && forwarder_follows(&sub->forwarder, pkt->rtp.seq);

    if (UNLIKELY(!flows) && !try_start(sub, link, item, now_us))
        return;
    if (flows && UNLIKELY(pkt->left_out != 0))
        close_up(sub, pkt);
    subscription_forward(sub, item, pt, now_us);
}

/* The filter's point is another, or it cannot get further without a keyframe. */
static bool has_moved(const struct subscription *sub)
{
    const struct layer_filter *f = &sub->filter;

    return f->started && (f->wants_keyframe || f->point[0].at.spatial != sub->seen_point.spatial ||
                          f->point[0].at.temporal != sub->seen_point.temporal);
}

static void note_moved(struct subscription *sub, uint64_t now_us)
{
    struct layer_point at = layer_filter_current(&sub->filter);

    if (at.spatial != sub->seen_point.spatial || at.temporal != sub->seen_point.temporal)
        subscription_changed(sub);
    sub->seen_point = at;
    if (sub->encoding != NULL && layer_filter_wants_keyframe(&sub->filter))
        subscription_ask_switch(sub, sub->encoding, now_us);
}

HOT void subscription_on_burst_soon(const struct sink *s, unsigned ahead)
{
    const struct subscription *sub = CONTAINER_OF(s, struct source_link, sink)->sub;

    switch (ahead) {
    case 2:
        prefetch(sub, sizeof(*sub));
        break;
    case 1:
        prefetch(sub->owner, CACHE_LINE_BYTES);
        prefetch(sub->stream, sizeof(*sub->stream));
        resend_prefetch(&sub->resend);
        transport_prefetch(sub->tp);
        break;
    default:
        transport_prefetch_deeper(sub->tp);
    }
}

HOT void subscription_on_burst(struct sink *s, const struct burst *burst, uint64_t now_us)
{
    struct source_link *link = CONTAINER_OF(s, struct source_link, sink);
    struct subscription *sub = link->sub;

    if (UNLIKELY(sub->ladder_version != s->track->ladder.version))
        subscription_note_ladder(sub, s->track, now_us);
    if (!subscription_is_open(sub))
        return;
    for (size_t i = 0; i < burst->count; i++)
        take_packet(sub, link, &burst->item[i], now_us);
    subscription_send_run(sub, now_us);
    if (UNLIKELY(is_switch_overdue(sub, now_us))) {
        subscription_promote(sub, now_us);
        subscription_stop(sub);
    }
    if (UNLIKELY(has_moved(sub)))
        note_moved(sub, now_us);
}
