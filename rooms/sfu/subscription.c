/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription.c - see subscription.h: what flows through a slot, and what is to flow next. The packets themselves are in
 * subscription_flow.c.
 */
#include "rooms/sfu/subscription.h"

#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "rooms/sfu/subscription_internal.h"
#include "rooms/sfu/viewer.h"
#include "transport/fanout_cipher.h"
#include "transport/send_timeline.h"

_Static_assert(MAX_NEGOTIATED_CODECS <= 32, "source_link.told_blocked has a bit for each");

/* ---- which payload type ---- */

static void index_codecs(struct source_link *link)
{
    const struct track *t = link->sink.track;

    if (t == NULL || link->section_version == t->section_version)
        return;
    memset(link->pt, PT_NONE, sizeof(link->pt));
    for (unsigned i = 0; i < t->section.codec_count; i++) {
        const struct negotiated_codec *ours =
            codec_set_find(link->sub->section.codecs, &t->section.codec[i].codec);
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
    const struct negotiated_codec *flows = codec_set_find_pt(sub->section.codecs, sub->flow_pt);

    return live != NULL && (flows == NULL || !codec_fits(&live->codec, &flows->codec));
}

/* ---- sources ---- */

static void link_source(struct source_link *link, struct track *t, uint64_t now_us)
{
    subscription_unlink(link, now_us);
    track_add_sink(t, &link->sink);
    link->section_version = 0;
    judge_codec(link);
    link->sub->ladder_version = t->ladder.version;
    link->sub->ladder_shape = t->ladder.shape;
    subscription_aim_anew(link->sub, now_us);
    subscription_vote(link->sub, now_us);
}

void subscription_stop(struct subscription *sub)
{
    sub->encoding = NULL;
    sub->is_held = false;
    subscription_catchup_stop(sub);
    subscription_changed(sub);
}

void subscription_promote(struct subscription *sub, uint64_t now_us)
{
    subscription_unlink(subscription_current(sub), now_us);
    sub->current ^= 1u;
}

static void unlink_all(struct subscription *sub, uint64_t now_us)
{
    subscription_unlink(&sub->link[0], now_us);
    subscription_unlink(&sub->link[1], now_us);
    subscription_stop(sub);
}

void subscription_ask_keyframe(struct subscription *sub, struct track *t, uint64_t now_us)
{
    if (subscription_is_video(sub) && t != NULL && !t->is_muted && !sub->aim.is_paused &&
        subscription_is_open(sub))
        encoding_ask_keyframe(subscription_target(sub, t), now_us);
}

void subscription_begin(struct subscription *sub, uint64_t now_us)
{
    struct track *t = subscription_current(sub)->sink.track;

    if (t == NULL || t->is_muted || sub->aim.is_paused || !subscription_is_open(sub))
        return;
    struct encoding *e = subscription_target(sub, t);
    if (burst_brings_keyframe(&t->burst, e) || subscription_catchup_start(sub, e, now_us))
        return;
    /* Of a replica that was wanted by nobody its origin's history comes first; else the first packets ask. */
    if (t->owner != NULL || encoding_is_live(e, now_us))
        subscription_ask_keyframe(sub, t, now_us);
}

/* What flows is what is wanted, again. */
static void turn_back(struct subscription *sub, uint64_t now_us)
{
    bool was_paused = sub->aim.is_paused;

    subscription_unlink(subscription_next(sub), now_us);
    subscription_aim_anew(sub, now_us);
    sub->aim.is_paused &= was_paused;
    subscription_vote(sub, now_us);
}

void subscription_set_source(struct subscription *sub, struct track *track, uint64_t now_us)
{
    struct source_link *now = subscription_current(sub), *next = subscription_next(sub);

    if (track == NULL) {
        unlink_all(sub, now_us);
        return;
    }
    if (now->sink.track == track) { /* back to what still flows, or waits already */
        if (next->sink.track != NULL)
            turn_back(sub, now_us);
        return;
    }
    if (next->sink.track == track)
        return;
    if (now->sink.track == NULL || sub->encoding == NULL || track->is_muted) {
        unlink_all(sub, now_us);
        link_source(now, track, now_us);
        subscription_begin(sub, now_us);
    } else {
        link_source(next, track, now_us);
        sub->next_since_us = now_us;
        subscription_ask_keyframe(sub, track, now_us);
    }
}

struct track *subscription_track(const struct subscription *sub)
{
    const struct source_link *next = &sub->link[sub->current ^ 1u];

    return next->sink.track != NULL ? next->sink.track : sub->link[sub->current].sink.track;
}

void subscription_restart(struct subscription *sub, uint64_t now_us)
{
    subscription_stop(sub);
    if (subscription_next(sub)->sink.track != NULL)
        subscription_promote(sub, now_us);
    subscription_begin(sub, now_us);
}

void subscription_keyframe_request(struct subscription *sub, uint64_t now_us)
{
    if (sub->pli_us != 0 && now_us - sub->pli_us < SUBSCRIPTION_PLI_US)
        return; /* one endpoint may not make all others pay with their bitrate; it asks again */
    sub->pli_us = now_us;
    if (sub->encoding != NULL)
        encoding_ask_keyframe(sub->encoding, now_us);
    else
        subscription_ask_keyframe(sub, subscription_track(sub), now_us);
}

/* Another encoding is the best, or it may flow again, or not any more. */
static void choose_again(struct subscription *sub, struct track *t, uint64_t now_us)
{
    subscription_vote(sub, now_us);
    subscription_changed(sub);
    if (sub->item != NULL)
        viewer_change(sub->owner, now_us);
    if (sub->encoding == NULL || sub->encoding->track != t)
        subscription_ask_keyframe(sub, t, now_us);
    else if (sub->encoding != subscription_target(sub, t))
        subscription_ask_switch(sub, subscription_target(sub, t), now_us);
}

static void on_track_changed(struct sink *s, uint64_t now_us)
{
    struct source_link *link = CONTAINER_OF(s, struct source_link, sink);
    struct subscription *sub = link->sub;
    struct track *t = s->track;

    judge_codec(link);
    if (t->is_muted &&
        link != subscription_current(
                    sub)) { /* the new source shows nothing: neither does the old one any more */
        subscription_promote(sub, now_us);
        subscription_stop(sub);
    }
    if (link == subscription_current(sub) && (t->is_muted || has_other_codec(sub, t)))
        subscription_stop(sub);
    if (t == subscription_track(sub))
        choose_again(sub, t, now_us);
}

static void on_track_closed(struct sink *s, uint64_t now_us)
{
    struct source_link *link = CONTAINER_OF(s, struct source_link, sink);
    struct subscription *sub = link->sub;

    link->votes = 0;
    if (link !=
        subscription_current(
            sub)) { /* what was wanted is gone; what it was to replace is not wanted any more */
        unlink_all(sub, now_us);
        return;
    }
    subscription_stop(sub);
    if (subscription_next(sub)->sink.track != NULL)
        subscription_promote(sub, now_us);
}

/* ---- life ---- */

static const struct sink_ops sink_ops = {
    .on_burst_soon = subscription_on_burst_soon,
    .on_burst = subscription_on_burst,
    .on_track_changed = on_track_changed,
    .on_track_closed = on_track_closed,
};

/* A slot that was here before under the same SSRC: its numbers are used up, go on behind them. Else in the lower half: SRTP
 * then survives early loss around a wrap (RFC 3711 s3.3.1). */
static uint16_t first_seq(const struct fanout_stream *stream, struct rng *rng)
{
    return stream->started ? (uint16_t)(stream->newest + 1) : (uint16_t)rng_below(rng, 32768);
}

/* Redundant audio that is as that of browsers: its blocks are of a payload type of ours. */
static void find_red(struct send_section *s)
{
    s->red_pt = s->red_block_pt = PT_NONE;
    for (unsigned i = 0; i < s->codecs->count; i++) {
        const struct negotiated_codec *c = &s->codecs->codec[i];
        uint8_t block_pt;
        if (c->codec.id != CODEC_RED || codec_read_red(&c->codec, &block_pt) != 0)
            continue;
        s->red_pt = c->pt;
        s->red_block_pt = block_pt;
    }
}

/* What a subscription needs of a section: the whole is five kilobytes. Without memory the old one stays. */
static int set_section(struct subscription *sub, const struct transceiver *t)
{
    struct codec_set *codecs = codec_set_share(&sub->owner->sfu->codec_sets, t);

    if (codecs == NULL)
        return E_NO_MEMORY;
    if (sub->section.codecs != NULL) { /* what flows may have another payload type from now on */
        const struct negotiated_codec *flows = codec_set_find_pt(sub->section.codecs, sub->flow_pt);
        const struct negotiated_codec *now =
            flows == NULL ? NULL : codec_set_find(codecs, &flows->codec);
        sub->flow_pt = now == NULL ? PT_NONE : now->pt;
    }
    codec_set_unref(&sub->section.codecs);
    sub->section.codecs = codecs;
    find_red(&sub->section);
    sub->section.kind = t->kind;
    sub->section.ext = t->ext;
    sub->section.mid_len = (uint8_t)strlen(t->mid);
    memcpy(sub->section.mid, t->mid, sizeof(sub->section.mid));
    return 0;
}

/* What repair and congestion control need of the section. A slot that was here before goes on behind its last number, as with its media. */
static void set_feedback(struct subscription *sub, const struct transceiver *t, uint64_t now_us)
{
    if (t->ext.id[RTP_EXT_TWCC] != 0)
        transport_set_send_twcc_id(sub->owner->tp, t->ext.id[RTP_EXT_TWCC], now_us);
    for (unsigned i = 0; i < t->codec_count; i++)
        if (t->codec[i].remb)
            transport_take_remb(sub->owner->tp);
    if (t->rtx_ssrc == 0 || t->rtx_ssrc == sub->rtx_ssrc)
        return;
    sub->rtx_stream = transport_send_stream(sub->owner->tp, t->rtx_ssrc);
    if (sub->rtx_stream == NULL)
        return; /* past the bound: no repair */
    sub->rtx_ssrc = t->rtx_ssrc;
    sub->rtx_seq = first_seq(sub->rtx_stream, &sub->owner->sfu->rng);
}

/* A slot that was here before under the same SSRC goes on in its time, too: to its receiver it is one stream. */
static void begin_timeline(struct subscription *sub, const struct transceiver *section)
{
    const struct send_timeline *before = transport_send_timeline(sub->stream);
    struct rng *rng = &sub->owner->sfu->rng;
    uint16_t seq = first_seq(sub->stream, rng);

    rtp_send_init(&sub->send, section->ssrc, section->msid);
    sub->send.packets_sent = before->packets;
    sub->send.bytes_sent = before->bytes;
    if (before->started)
        forwarder_resume(&sub->forwarder, seq, before);
    else
        forwarder_init(&sub->forwarder, seq, rng_u32(rng), (uint16_t)rng_below(rng, 32768));
}

static void end_timeline(struct subscription *sub)
{
    struct send_timeline *end = transport_send_timeline(sub->stream);

    forwarder_end(&sub->forwarder, end);
    end->packets = sub->send.packets_sent;
    end->bytes = sub->send.bytes_sent;
}

int subscription_new(struct subscription **out, uint64_t id, struct sfu_transport *owner,
                     const struct transceiver *section, uint64_t now_us)
{
    struct subscription *sub = mem_try_alloc(sizeof(*sub));

    if (sub == NULL)
        return E_NO_MEMORY;
    sub->id = id;
    sub->owner = owner;
    sub->tp = owner->tp;
    sub->sent_pt = sub->flow_pt = PT_NONE;
    sub->wish = SFU_WISH_ANY;
    sub->aim = LAYER_AIM_BEST;
    sub->told = SUBSCRIPTION_NOTHING_TOLD;
    list_init(&sub->changed_node);
    sub->stream = transport_send_stream(owner->tp, section->ssrc);
    int err = sub->stream == NULL ? E_LIMIT : set_section(sub, section);
    if (err != 0) {
        mem_free(sub);
        return err;
    }
    subscription_catchup_init(sub);
    resend_init(&sub->resend);
    set_feedback(sub, section, now_us);
    for (unsigned i = 0; i < ARRAY_LEN(sub->link); i++) {
        sub->link[i].sub = sub;
        sub->link[i].sink.ops = &sink_ops;
        list_init(&sub->link[i].sink.node);
    }
    layer_filter_init(&sub->filter);
    begin_timeline(sub, section);
    transport_add_send(owner->tp, &sub->send);
    list_append(&owner->subscriptions, &sub->node);
    *out = sub;
    return 0;
}

void subscription_close(struct subscription **sp, uint64_t now_us)
{
    struct subscription *sub = *sp;

    if (sub == NULL)
        return;
    *sp = NULL;
    unlink_all(sub, now_us);
    list_remove(&sub->changed_node);
    MEM_FREE(sub->item);
    transport_drop_waiting(sub->owner->tp, sub);
    end_timeline(sub);
    transport_remove_send(sub->owner->tp, &sub->send);
    list_remove(&sub->node);
    codec_set_unref(&sub->section.codecs);
    resend_reset(&sub->resend);
    sfu_free_later(sub->owner->sfu, sub);
}

void subscription_update(struct subscription *sub, const struct transceiver *section,
                         uint64_t now_us)
{
    if (set_section(sub, section) != 0)
        return;
    set_feedback(sub, section, now_us);
    for (unsigned i = 0; i < ARRAY_LEN(sub->link); i++) {
        sub->link[i].section_version = 0;
        judge_codec(&sub->link[i]);
    }
}
