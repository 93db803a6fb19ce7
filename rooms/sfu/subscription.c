/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription.c - see subscription.h. The packet path is on_burst(): for each packet, is it of the encoding that flows? map the
 * numbers, build the header beside those before it; then hand headers and shared payloads to the transport together.
 *
 * What does not flow may start: at a keyframe of the next source, of a better encoding, or of anything while nothing flows. As long
 * as packets come that could start and do not, a keyframe request is under way.
 */
#include "rooms/sfu/subscription.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/payload_vp8.h"
#include "core/seq.h"
#include "core/timebase.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"
#include "transport/fanout_cipher.h"

#define MAX_VP8_DESCRIPTOR 6 /* RFC 7741 s4.2: 1 + X + 15-bit PictureID + TL0PICIDX + TID/KEYIDX */
#define CLOCK_WITHOUT_SR_US 500000ull

_Static_assert(MAX_NEGOTIATED_CODECS <= 32, "source_link.told_blocked has a bit for each");

static struct source_link *current_link(struct subscription *sub)
{
    return &sub->link[sub->current];
}

static struct source_link *next_link(struct subscription *sub)
{
    return &sub->link[sub->current ^ 1u];
}

static bool is_video(const struct subscription *sub)
{
    return sub->section.kind == MEDIA_VIDEO;
}

static bool is_open(const struct subscription *sub)
{
    return transport_state(sub->owner->tp) == TRANSPORT_OPEN;
}

/* ---- which payload type ---- */

static void index_codecs(struct source_link *link)
{
    const struct track *t = link->sink.track;

    if (t == NULL || link->section_version == t->section_version)
        return;
    memset(link->pt, PT_NONE, sizeof(link->pt));
    for (unsigned i = 0; i < t->section.codec_count; i++) {
        const struct negotiated_codec *ours =
            transceiver_find_codec(&link->sub->section, &t->section.codec[i].codec);
        if (ours != NULL)
            link->pt[i] = ours->pt;
    }
    link->section_version = t->section_version;
    link->told_blocked = 0;
}

/* Tell upwards when the codec that the track sends cannot be sent here; once for each codec. */
static void judge_codec(struct source_link *link)
{
    const struct track *t = link->sink.track;
    struct sfu *sfu = link->sub->owner->sfu;

    index_codecs(link);
    if (t == NULL || t->codec_index < 0 || link->pt[t->codec_index] != PT_NONE ||
        (link->told_blocked >> t->codec_index & 1) != 0)
        return;
    link->told_blocked |= 1u << t->codec_index;
    if (sfu->handlers.on_subscription_blocked != NULL)
        sfu->handlers.on_subscription_blocked(link->sub->id,
                                              t->section.codec[t->codec_index].codec.id, sfu->arg);
}

static bool has_other_codec(const struct subscription *sub, const struct track *t)
{
    const struct negotiated_codec *live = track_live_codec(t);

    return live != NULL && !codec_is_same(&live->codec, &sub->sent_codec);
}

/* ---- sources ---- */

static void link_source(struct source_link *link, struct track *t)
{
    track_remove_sink(&link->sink);
    track_add_sink(t, &link->sink);
    link->section_version = 0;
    judge_codec(link);
}

/* Nothing flows until a keyframe comes. */
static void stop(struct subscription *sub)
{
    sub->encoding = NULL;
}

/* The next source takes the place of the current one. */
static void promote(struct subscription *sub)
{
    track_remove_sink(&current_link(sub)->sink);
    sub->current ^= 1u;
}

static void unlink_all(struct subscription *sub)
{
    track_remove_sink(&sub->link[0].sink);
    track_remove_sink(&sub->link[1].sink);
    stop(sub);
}

static void ask_keyframe(struct subscription *sub, struct track *t, uint64_t now_us)
{
    if (is_video(sub) && t != NULL && !t->is_muted && is_open(sub))
        encoding_ask_keyframe(track_best(t), now_us);
}

void subscription_set_source(struct subscription *sub, struct track *track, uint64_t now_us)
{
    struct source_link *now = current_link(sub), *next = next_link(sub);

    if (track == NULL) {
        unlink_all(sub);
        return;
    }
    if (now->sink.track == track) { /* back to what still flows, or waits already */
        track_remove_sink(&next->sink);
        return;
    }
    if (next->sink.track == track)
        return;
    if (now->sink.track == NULL || sub->encoding == NULL || track->is_muted) {
        unlink_all(sub);
        link_source(now, track);
    } else {
        link_source(next, track);
        sub->next_since_us = now_us;
    }
    ask_keyframe(sub, track, now_us);
}

struct track *subscription_track(const struct subscription *sub)
{
    const struct source_link *next = &sub->link[sub->current ^ 1u];

    return next->sink.track != NULL ? next->sink.track : sub->link[sub->current].sink.track;
}

void subscription_restart(struct subscription *sub, uint64_t now_us)
{
    stop(sub);
    ask_keyframe(sub, subscription_track(sub), now_us);
}

void subscription_keyframe_request(struct subscription *sub, uint64_t now_us)
{
    if (sub->pli_us != 0 && now_us - sub->pli_us < SUBSCRIPTION_PLI_US)
        return; /* one endpoint may not make all others pay with their bitrate; it asks again */
    sub->pli_us = now_us;
    if (sub->encoding != NULL)
        encoding_ask_keyframe(sub->encoding, now_us);
    else
        ask_keyframe(sub, subscription_track(sub), now_us);
}

static void on_track_changed(struct sink *s, uint64_t now_us)
{
    struct source_link *link = CONTAINER_OF(s, struct source_link, sink);
    struct subscription *sub = link->sub;
    struct track *t = s->track;

    judge_codec(link);
    if (t->is_muted &&
        link != current_link(
                    sub)) { /* the new source shows nothing: neither does the old one any more */
        promote(sub);
        stop(sub);
    }
    if (link == current_link(sub) && (t->is_muted || has_other_codec(sub, t)))
        stop(sub);
    if (link != current_link(sub) || sub->encoding != track_best(t))
        ask_keyframe(sub, t, now_us);
}

static void on_track_closed(struct sink *s, uint64_t now_us)
{
    struct source_link *link = CONTAINER_OF(s, struct source_link, sink);
    struct subscription *sub = link->sub;

    (void)now_us;
    if (link !=
        current_link(
            sub)) { /* what was wanted is gone; what it was to replace is not wanted any more */
        unlink_all(sub);
        return;
    }
    stop(sub);
    if (next_link(sub)->sink.track != NULL)
        promote(sub);
}

/* ---- media time ---- */

/* A point of the line between our timestamps and wall time, for sender reports: the publisher's own, mapped. */
static void set_clock(struct subscription *sub, const struct encoding *e, const struct packet *pkt,
                      uint64_t now_us)
{
    const struct publisher_clock *clock = &e->track->owner->clock;
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
        sub->send.clock_ts = pkt->rtp.ts + sub->forwarder.ts_offset;
    }
}

static bool clock_is_stale(const struct subscription *sub, const struct encoding *e,
                           uint64_t now_us)
{
    if (e->recv.sr_arrival_us == 0)
        return sub->clock_sr_us != 0 || now_us - sub->clock_set_us > CLOCK_WITHOUT_SR_US;
    return sub->clock_sr_us != e->recv.sr_arrival_us ||
           sub->clock_offset_us != e->track->owner->clock.offset_us;
}

/* The new encoding's media time when the old one sent its newest timestamp, through both sender reports. */
static bool reference_ts(const struct subscription *sub, const struct encoding *to,
                         uint32_t *ref_ts)
{
    const struct rtp_send *send = &sub->send;

    if (sub->encoding == NULL || sub->clock_sr_us == 0 || send->clock_hz == 0 ||
        send->clock_hz != to->recv.clock_hz)
        return false;
    int64_t ticks = ts32_diff(sub->forwarder.highest_out_ts, send->clock_ts);
    int64_t since_us = ticks * (int64_t)US_PER_S / (int64_t)send->clock_hz;
    return publisher_clock_ts_at(&to->track->owner->clock, &to->recv,
                                 send->clock_wall_us + (uint64_t)since_us, ref_ts);
}

/* ---- sending one packet ---- */

static size_t collect_exts(const struct subscription *sub, const struct track *t,
                           const struct packet *pkt,
                           struct rtp_ext_out out[MAX_RTP_EXT_ELEMENTS + 1])
{
    size_t n = 0;
    uint8_t mid_id = sub->section.ext.id[RTP_EXT_MID];

    if (mid_id != 0)
        out[n++] = (struct rtp_ext_out){mid_id, (uint8_t)strlen(sub->section.mid),
                                        (const uint8_t *)sub->section.mid};
    for (unsigned i = 0; i < pkt->rtp.ext_count; i++) {
        const struct rtp_ext *ext = &pkt->rtp.ext[i];
        uint8_t kind = t->kind_of_ext[ext->id];
        if (kind < RTP_EXT_KIND_COUNT && rtp_ext_is_copied(kind))
            out[n++] =
                (struct rtp_ext_out){sub->section.ext.id[kind], ext->len, pkt->data + ext->offset};
    }
    return n;
}

static void count_dropped(struct subscription *sub, size_t n)
{
    sub->packets_dropped += n;
    sub->owner->sfu->totals.packets_dropped += n;
}

/* Build what is the viewer's own of a packet, behind those already in the run. false: the header is too long. */
static bool add_packet(struct subscription *sub, const struct burst_item *item, uint8_t pt,
                       const struct forwarder_out *out)
{
    struct send_run *run = &sub->owner->sfu->run;
    const struct packet *pkt = item->pkt;
    const struct vp8_descriptor *vp8 = &item->vp8;
    struct rtp_out *rtp = &run->out[run->count];
    uint8_t *head = run->head[run->count];
    struct rtp_ext_out ext[MAX_RTP_EXT_ELEMENTS + 1];
    size_t n = collect_exts(sub, item->encoding->track, pkt, ext);
    size_t bytes = rtp_write_header(head, SEND_HEAD_BYTES - MAX_VP8_DESCRIPTOR, pt, pkt->rtp.marker,
                                    out->seq, out->ts, sub->send.ssrc, ext, n);

    if (bytes == 0)
        return false;
    *rtp = (struct rtp_out){
        .stream = sub->stream,
        .head = head,
        .header_bytes = bytes,
        .head_bytes = bytes,
        .payload = pkt->data + pkt->rtp.header_bytes,
        .payload_bytes = pkt->rtp.payload_bytes,
    };
    if (out->rewrites_vp8 && vp8->bytes <= MAX_VP8_DESCRIPTOR) {
        memcpy(head + bytes, rtp->payload, vp8->bytes);
        vp8_rewrite(head + bytes, vp8, out->picture_id, out->tl0picidx, out->keyidx);
        rtp->head_bytes += vp8->bytes;
        rtp->payload += vp8->bytes;
        rtp->payload_bytes -= vp8->bytes;
    }
    run->payload_bytes += pkt->rtp.payload_bytes;
    run->count++;
    return true;
}

/* Hand the run to the transport; it is empty afterwards. */
static void send_run(struct subscription *sub, uint64_t now_us)
{
    struct send_run *run = &sub->owner->sfu->run;
    size_t n = run->count, bytes = run->payload_bytes;

    if (n == 0)
        return;
    run->count = run->payload_bytes = 0;
    size_t sent = transport_send_rtp(sub->owner->tp, run->out, n, now_us);
    if (sent < n)
        count_dropped(sub, n - sent);
    if (sent == 0)
        return;
    sub->owner->sfu->totals.packets_forwarded += sent;
    rtp_send_packets(&sub->send, sent, bytes, now_us);
}

static void forward(struct subscription *sub, const struct burst_item *item, uint8_t pt,
                    uint64_t now_us)
{
    const struct packet *pkt = item->pkt;
    struct forwarder_out out;

    if (!forwarder_map(&sub->forwarder, &pkt->rtp, item->has_vp8 ? &item->vp8 : NULL, now_us,
                       &out) ||
        !add_packet(sub, item, pt, &out)) {
        count_dropped(sub, 1);
        return;
    }
    sub->sent_pt = pt;
    sub->frames += pkt->media.is_frame_start;
    sub->key_frames += pkt->media.is_keyframe && is_video(sub);
    if (clock_is_stale(sub, item->encoding, now_us))
        set_clock(sub, item->encoding, pkt, now_us);
}

/* ---- starting ---- */

/* Is this the first packet of something better than what flows: the next source, the best encoding, or anything at all? */
static bool may_start(struct subscription *sub, const struct source_link *link, struct encoding *e,
                      const struct packet *pkt)
{
    if (!pkt->media.is_keyframe || (pkt->flags & PACKET_IS_RETRANSMISSION) != 0)
        return false;
    return link != current_link(sub) || sub->encoding == NULL || e == track_best(e->track);
}

static void start(struct subscription *sub, const struct source_link *link,
                  const struct burst_item *item, uint64_t now_us)
{
    struct encoding *e = item->encoding;
    const struct packet *pkt = item->pkt;
    uint32_t ref_ts = 0;
    bool has_ref = reference_ts(sub, e, &ref_ts);

    if (link != current_link(sub))
        promote(sub);
    forwarder_switch(&sub->forwarder, &pkt->rtp, e->recv.clock_hz,
                     item->has_vp8 ? &item->vp8 : NULL, has_ref, ref_ts, now_us);
    sub->encoding = e;
    sub->in_ssrc = pkt->rtp.ssrc;
    sub->sent_codec = track_live_codec(e->track)->codec;
    set_clock(sub, e, pkt, now_us);
    if (is_video(sub) && seq16_newer(e->recv.highest_seq, pkt->rtp.seq))
        encoding_ask_keyframe(e, now_us); /* it came late: some of what belongs to it went by */
}

/* A packet that is not of what flows. Returns whether it flows from now on. */
static bool try_start(struct subscription *sub, const struct source_link *link,
                      const struct burst_item *item, uint64_t now_us)
{
    struct encoding *e = item->encoding;

    if (link == current_link(sub) && e == sub->encoding)
        stop(sub); /* another SSRC, or other numbers: the publisher began anew */
    if (link->pt[item->pkt->codec_index] == PT_NONE)
        return false;
    if (may_start(sub, link, e, item->pkt)) {
        send_run(sub, now_us); /* what came before belongs to the numbers before */
        start(sub, link, item, now_us);
        return true;
    }
    if (is_video(sub) && e == track_best(e->track) && !keyframe_is_pending(&e->keyframes))
        encoding_ask_keyframe(e, now_us);
    return false;
}

static bool is_switch_overdue(struct subscription *sub, uint64_t now_us)
{
    return next_link(sub)->sink.track != NULL &&
           now_us - sub->next_since_us > SUBSCRIPTION_PATIENCE_US;
}

static HOT void take_packet(struct subscription *sub, const struct source_link *link,
                            const struct burst_item *item, uint64_t now_us)
{
    const struct packet *pkt = item->pkt;
    uint8_t pt = link->pt[pkt->codec_index];
    bool flows = link == current_link(sub) && item->encoding == sub->encoding &&
                 pkt->rtp.ssrc == sub->in_ssrc && forwarder_follows(&sub->forwarder, pkt->rtp.seq);

    if (UNLIKELY(!flows) && !try_start(sub, link, item, now_us))
        return;
    /* Padding only is a probe of the publisher's, of no use here. When its number is not the newest any more, it goes out empty. */
    if (pt == PT_NONE || pkt->rtp.payload_bytes == 0)
        if (forwarder_skip(&sub->forwarder, pkt->rtp.seq) || pt == PT_NONE)
            return;
    forward(sub, item, pt, now_us);
}

static HOT void on_burst(struct sink *s, const struct burst *burst, uint64_t now_us)
{
    struct source_link *link = CONTAINER_OF(s, struct source_link, sink);
    struct subscription *sub = link->sub;

    if (!is_open(sub))
        return;
    for (size_t i = 0; i < burst->count; i++)
        take_packet(sub, link, &burst->item[i], now_us);
    send_run(sub, now_us);
    if (UNLIKELY(is_switch_overdue(sub, now_us))) {
        promote(sub);
        stop(sub);
    }
}

/* ---- life ---- */

static const struct sink_ops sink_ops = {
    .on_burst = on_burst,
    .on_track_changed = on_track_changed,
    .on_track_closed = on_track_closed,
};

/* A slot that was here before under the same SSRC: its numbers are used up, go on behind them. Else in the lower half: SRTP
 * then survives early loss around a wrap (RFC 3711 s3.3.1). */
static uint16_t first_seq(const struct fanout_stream *stream, struct rng *rng)
{
    return stream->started ? (uint16_t)(stream->newest + 1) : (uint16_t)rng_below(rng, 32768);
}

int subscription_new(struct subscription **out, uint64_t id, struct sfu_transport *owner,
                     const struct transceiver *section)
{
    struct subscription *sub = mem_try_alloc(sizeof(*sub));
    struct rng *rng = &owner->sfu->rng;

    if (sub == NULL)
        return E_NO_MEMORY;
    sub->id = id;
    sub->owner = owner;
    sub->section = *section;
    sub->sent_pt = PT_NONE;
    sub->stream = transport_send_stream(owner->tp, section->ssrc);
    if (sub->stream == NULL) {
        mem_free(sub);
        return E_LIMIT;
    }
    for (unsigned i = 0; i < ARRAY_LEN(sub->link); i++) {
        sub->link[i].sub = sub;
        sub->link[i].sink.ops = &sink_ops;
        list_init(&sub->link[i].sink.node);
    }
    forwarder_init(&sub->forwarder, first_seq(sub->stream, rng), rng_u32(rng),
                   (uint16_t)rng_below(rng, 32768));
    rtp_send_init(&sub->send, section->ssrc, section->msid);
    transport_add_send(owner->tp, &sub->send);
    list_append(&owner->subscriptions, &sub->node);
    *out = sub;
    return 0;
}

void subscription_close(struct subscription **sp)
{
    struct subscription *sub = *sp;

    if (sub == NULL)
        return;
    *sp = NULL;
    unlink_all(sub);
    transport_remove_send(sub->owner->tp, &sub->send);
    list_remove(&sub->node);
    sfu_free_later(sub->owner->sfu, sub);
}

void subscription_update(struct subscription *sub, const struct transceiver *section)
{
    sub->section = *section;
    for (unsigned i = 0; i < ARRAY_LEN(sub->link); i++) {
        sub->link[i].section_version = 0;
        judge_codec(&sub->link[i]);
    }
}
