/* SPDX-License-Identifier: Apache-2.0 */
/* sfu_stats.c - what there is to say of an sfu: statistics under W3C names, totals, and a description for failing tests. */
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/subscription_internal.h"
#include "rooms/sfu/track.h"

static void read_encoding(const struct track *t, struct encoding *e, struct sfu_rtp_stats *out,
                          uint64_t now_us)
{
    const struct rtp_recv *r = &e->recv;
    const struct negotiated_codec *codec = track_live_codec(t);

    *out = (struct sfu_rtp_stats){
        .kind = SFU_STATS_INBOUND_RTP,
        .id = t->id,
        .track_id = t->id,
        .media = t->section.kind,
        .pt = codec == NULL ? PT_NONE : codec->pt,
        .ssrc = r->ssrc,
        .packets = r->packets_received,
        .bytes = r->bytes_received,
        .bitrate_bps = rate_bps(&e->recv.rate, now_us),
        .retransmitted_packets = r->retransmissions,
        .packets_lost = rtp_recv_packets_lost(r),
        .jitter_s = r->clock_hz == 0 ? 0 : (double)(r->jitter_q4 >> 4) / r->clock_hz,
        .nack_count = r->nacks_sent,
        .pli_count = r->plis_sent,
        .fir_count = r->firs_sent,
        .key_frames = e->key_frames,
        .frames = e->frames,
        .frame_width = e->width,
        .frame_height = e->height,
        .keyframes_asked = e->keyframes.asked,
        .keyframes_sent = e->keyframes.sent,
        .keyframes_merged = e->keyframes.merged,
        .chokes = e->chokes,
        .late_s = (double)e->delay.late_us / US_PER_S,
    };
    if (codec != NULL)
        out->codec = codec->codec;
    memcpy(out->mid, t->section.mid, sizeof(out->mid));
    memcpy(out->rid, e->rid, sizeof(out->rid));
}

static void read_subscription(struct subscription *sub, struct sfu_rtp_stats *out, uint64_t now_us)
{
    const struct rtp_send *s = &sub->send;
    const struct track *t = subscription_track(sub);
    const struct negotiated_codec *codec = codec_set_find_pt(
        sub->section.codecs, sub->sent_pt == PT_NONE ? sub->flow_pt : sub->sent_pt);

    *out = (struct sfu_rtp_stats){
        .kind = SFU_STATS_OUTBOUND_RTP,
        .id = sub->id,
        .track_id = t == NULL ? 0 : t->id,
        .media = sub->section.kind,
        .pt = sub->sent_pt,
        .ssrc = s->ssrc,
        .packets = s->packets_sent,
        .bytes = s->bytes_sent,
        .bitrate_bps = rate_bps(&sub->send.rate, now_us),
        .retransmitted_packets = s->retransmissions,
        .packets_lost = s->packets_lost,
        .jitter_s = s->clock_hz == 0 ? 0 : (double)s->jitter_ts / s->clock_hz,
        .fraction_lost = (double)s->fraction_lost / 256,
        .round_trip_time_s = (double)s->round_trip_us / 1e6,
        .nack_count = s->nacks_received,
        .pli_count = s->plis_received,
        .fir_count = s->firs_received,
        .key_frames = sub->key_frames,
        .frames = sub->frames,
        .frame_width = sub->encoding == NULL ? 0 : sub->encoding->width,
        .frame_height = sub->encoding == NULL ? 0 : sub->encoding->height,
        .packets_dropped = sub->packets_dropped,
    };
    subscription_read_state(sub, &out->slot);
    if (codec != NULL)
        out->codec = codec->codec;
    memcpy(out->mid, sub->section.mid, sizeof(out->mid));
    if (sub->encoding != NULL)
        memcpy(out->rid, sub->encoding->rid, sizeof(out->rid));
}

/* An upper bound: encodings whose SSRC is not known yet are left out. */
static size_t count_streams(const struct sfu_transport *st)
{
    size_t n = 0;

    for (const struct list *l = st->tracks.next; l != &st->tracks; l = l->next)
        n += MAX_ENCODINGS;
    for (const struct list *l = st->subscriptions.next; l != &st->subscriptions; l = l->next)
        n++;
    return n;
}

int sfu_read_report(struct sfu *s, uint64_t transport_id, struct sfu_transport_report *out,
                    uint64_t now_us)
{
    struct sfu_transport *st = sfu_find_transport(s, transport_id);
    size_t n = 0;

    if (st == NULL)
        return E_NOT_FOUND;
    struct sfu_rtp_stats *rtp = mem_try_alloc(count_streams(st) * sizeof(*rtp));
    if (rtp == NULL)
        return E_NO_MEMORY;
    LIST_EACH(&st->tracks, struct track, node, t)
        for (unsigned i = 0; i < t->encoding_count; i++)
            if (t->encoding[i].ssrc != 0)
                read_encoding(t, &t->encoding[i], &rtp[n++], now_us);
    LIST_EACH(&st->subscriptions, struct subscription, node, sub)
        read_subscription(sub, &rtp[n++], now_us);
    transport_read_stats(st->tp, &out->transport);
    out->rtp = rtp;
    out->rtp_count = n;
    return 0;
}

/* ---- description ---- */

static void describe_ladder(const struct ladder *l, struct strbuf *out)
{
    for (unsigned i = 0; i < l->count; i++) {
        const struct layer_option *o = &l->step[i];
        strbuf_addf(out, "    step %u: encoding %u S%uT%u, %u pixels, %u/s, %u bit/s%s\n", i,
                    o->encoding, o->spatial, o->temporal, o->pixels, o->fps, o->bitrate_bps,
                    o->is_live ? "" : ", not sent");
    }
}

static void describe_track(const struct track *t, struct strbuf *out)
{
    const struct negotiated_codec *codec = track_live_codec(t);

    strbuf_addf(out, "  track %llu mid %s: %s%s\n", (unsigned long long)t->id, t->section.mid,
                codec == NULL ? "no media yet" : codec_name(codec->codec.id),
                t->is_muted ? ", muted" : "");
    for (unsigned i = 0; i < t->encoding_count; i++) {
        const struct encoding *e = &t->encoding[i];
        strbuf_addf(out,
                    "    encoding %s ssrc %u: %ux%u, %llu packets, %llu keyframes, choked %llu "
                    "times, %s%s\n",
                    e->rid, e->ssrc, e->width, e->height,
                    (unsigned long long)e->recv.packets_received, (unsigned long long)e->key_frames,
                    (unsigned long long)e->chokes, (int)i == t->best ? "the best, " : "",
                    keyframe_is_pending(&e->keyframes) ? "keyframe asked for"
                                                       : "no keyframe asked for");
    }
    describe_ladder(&t->ladder, out);
}

static void describe_layers(const struct subscription *sub, struct strbuf *out)
{
    struct sfu_slot_state state;

    subscription_read_state(sub, &state);
    strbuf_addf(out, "    aims at encoding %d S%uT%u%s, has S%dT%d, is to have S%dT%d: %s\n",
                sub->aim.encoding, sub->aim.spatial, sub->aim.temporal,
                sub->aim.is_paused ? ", paused" : "", state.spatial, state.temporal,
                state.target_spatial, state.target_temporal, allocator_reason_name(state.reason));
}

static void describe_subscription(const struct subscription *sub, struct strbuf *out)
{
    const struct track *t = subscription_track(sub);

    strbuf_addf(
        out,
        "  subscription %llu mid %s ssrc %u: track %llu, %s, %llu packets, %llu dropped, %llu "
        "switches\n",
        (unsigned long long)sub->id, sub->section.mid, sub->send.ssrc,
        (unsigned long long)(t == NULL ? 0 : t->id), sub->encoding == NULL ? "waits" : "flows",
        (unsigned long long)sub->send.packets_sent, (unsigned long long)sub->packets_dropped,
        (unsigned long long)sub->forwarder.switches);
    if (subscription_is_video(sub))
        describe_layers(sub, out);
}

void sfu_describe(const struct sfu *s, struct strbuf *out)
{
    LIST_EACH(&s->transports, struct sfu_transport, node, st) {
        transport_describe(st->tp, out);
        strbuf_add_char(out, '\n');
        LIST_EACH(&st->tracks, struct track, node, t)
            describe_track(t, out);
        LIST_EACH(&st->subscriptions, struct subscription, node, sub)
            describe_subscription(sub, out);
    }
}
