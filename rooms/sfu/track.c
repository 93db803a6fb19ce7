/* SPDX-License-Identifier: Apache-2.0 */
/* track.c - see track.h. The packet path is track_receive(): account, choose, add to the burst; then track_flush(): hand the burst
 * to each sink. Sinks hear of changes after the packets from before them. */
#include "rooms/sfu/track.h"

#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/prefetch.h"
#include "core/packet.h"
#include "core/payload_red.h"
#include "rooms/sfu/layer_selector.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/uplink.h"

static void index_exts(struct track *t)
{
    memset(t->kind_of_ext, RTP_EXT_KIND_COUNT, sizeof(t->kind_of_ext));
    for (unsigned kind = 0; kind < RTP_EXT_KIND_COUNT; kind++)
        if (t->section.ext.id[kind] != 0)
            t->kind_of_ext[t->section.ext.id[kind]] = (uint8_t)kind;
}

/* Bind what the signalling tells. An SSRC that another section of this transport holds is taken over: signalling wins. */
static int bind_signalled(struct track *t)
{
    int err = 0;

    for (unsigned i = 0; i < t->section.encoding_count && err == 0; i++) {
        const struct negotiated_encoding *n = &t->section.encoding[i];
        memcpy(t->encoding[i].rid, n->rid, sizeof(n->rid));
        if (n->ssrc != 0)
            err = encoding_bind(&t->encoding[i], n->ssrc, false);
        if (n->rtx_ssrc != 0 && err == 0)
            err = encoding_bind(&t->encoding[i], n->rtx_ssrc, true);
    }
    return err;
}

/* A section without RIDs or SSRCs still carries one encoding, learnt by MID or payload type. */
static void set_encoding_count(struct track *t, unsigned count)
{
    for (unsigned i = t->encoding_count; i < count; i++)
        encoding_init(&t->encoding[i], t);
    for (unsigned i = count; i < t->encoding_count; i++)
        encoding_fini(&t->encoding[i]);
    t->encoding_count = (uint8_t)count;
    if (t->best >= (int)count)
        t->best = -1;
}

static void set_section(struct track *t, const struct transceiver *section)
{
    t->section = *section;
    t->section_version++;
    index_exts(t);
    set_encoding_count(t, MAX(section->encoding_count, 1u));
    if (t->owner != NULL && section->ext.id[RTP_EXT_TWCC] != 0)
        transport_set_twcc_id(t->owner->tp, section->ext.id[RTP_EXT_TWCC]);
    else if (t->owner != NULL && section->ext.id[RTP_EXT_ABS_SEND_TIME] != 0)
        transport_set_remb_id(t->owner->tp, section->ext.id[RTP_EXT_ABS_SEND_TIME]);
}

/* ---- demand ---- */

/* The publisher of a replica is told by the origin's worker. */
static void tell_demand(struct track *t, uint64_t now_us)
{
    struct demand_event event[MAX_ENCODINGS];
    const struct sfu_handlers *handlers = &t->sfu->handlers;

    if (demand_collect(&t->demand, now_us, event) > 0 && t->encoding_count > 1 &&
        handlers->on_track_demand != NULL)
        handlers->on_track_demand(t->id, t->demand.told, t->sfu->arg);
    deadline_set(t->sfu->env.wheel, &t->demand_due, demand_next_us(&t->demand));
}

static void on_demand_due(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    tell_demand(arg, now_us);
}

/* What was not wanted begins with its origin's history. */
static void tell_origin(struct track *t, unsigned before)
{
    unsigned set = demand_set(&t->demand);

    for (unsigned i = 0; i < t->encoding_count; i++)
        if ((set & ~before) >> i & 1)
            t->encoding[i].relayed_since_us = 0;
    if (t->sfu->handlers.on_replica_demand != NULL)
        t->sfu->handlers.on_replica_demand(t->peer, t->id, set, t->sfu->arg);
}

void track_vote(struct track *t, unsigned from, unsigned to, uint64_t now_us)
{
    unsigned before = demand_set(&t->demand);

    if (from == to || !demand_move(&t->demand, from, to, now_us))
        return;
    if (t->owner != NULL)
        tell_demand(t, now_us);
    else
        tell_origin(t, before);
}

/* ---- life ---- */

static struct track *make(uint64_t id, struct sfu *sfu, struct sfu_transport *owner)
{
    struct track *t = mem_try_alloc(sizeof(*t));

    if (t == NULL)
        return NULL;
    t->id = id;
    t->sfu = sfu;
    t->owner = owner;
    t->clock = owner != NULL ? &owner->clock : &t->replica_clock;
    t->codec_index = -1;
    t->best = -1;
    list_init(&t->sinks);
    demand_init(&t->demand, MAX_ENCODINGS, 0);
    deadline_init(&t->demand_due, on_demand_due, t);
    burst_init(&t->burst);
    level_meter_init(&t->meter, id);
    return t;
}

int track_new(struct track **out, uint64_t id, struct sfu_transport *owner,
              const struct transceiver *section, uint64_t now_us)
{
    struct track *t = make(id, owner->sfu, owner);

    if (t == NULL)
        return E_NO_MEMORY;
    list_append(&owner->tracks, &t->node);
    set_section(t, section);
    int err = bind_signalled(t);
    if (err != 0) {
        track_close(&t, now_us);
        return err;
    }
    if (section->kind == MEDIA_VIDEO) {
        demand_init(&t->demand, MAX_ENCODINGS, now_us);
        deadline_set(t->sfu->env.wheel, &t->demand_due, demand_next_us(&t->demand));
    }
    *out = t;
    return 0;
}

int track_new_replica(struct track **out, uint64_t id, struct sfu *sfu, uint64_t origin_id,
                      void *peer, const struct transceiver *section)
{
    struct track *t = make(id, sfu, NULL);

    if (t == NULL)
        return E_NO_MEMORY;
    t->origin_id = origin_id;
    t->peer = peer;
    list_append(&sfu->replicas, &t->node);
    set_section(t, section);
    *out = t;
    return 0;
}

void track_close(struct track **tp, uint64_t now_us)
{
    struct track *t = *tp;

    if (t == NULL)
        return;
    *tp = NULL;
    track_flush(t, now_us);
    while (!list_is_empty(&t->sinks)) {
        struct sink *s = LIST_FIRST(&t->sinks, struct sink, node);
        track_remove_sink(s);
        s->ops->on_track_closed(s, now_us);
    }
    for (unsigned i = 0; i < t->encoding_count; i++)
        encoding_fini(&t->encoding[i]);
    level_meter_fini(&t->sfu->levels, &t->meter);
    deadline_clear(&t->demand_due);
    list_remove(&t->node);
    sfu_free_later(t->sfu, t);
}

static void tell_changed(struct track *t, uint64_t now_us)
{
    track_flush(t, now_us);
    LIST_EACH(&t->sinks, struct sink, node, s)
        s->ops->on_track_changed(s, now_us);
}

void track_update(struct track *t, const struct transceiver *section, uint64_t now_us)
{
    track_flush(t, now_us);
    set_section(t, section);
    ladder_clear(&t->ladder);
    t->codec_index = -1; /* the list may have changed: told anew by the next packet */
    if (t->owner != NULL && bind_signalled(t) != 0)
        t->sfu->totals
            .unknown_ssrc++; /* past the bound: learnt again from extensions, or dropped and counted */
    tell_changed(t, now_us);
}

void track_set_muted(struct track *t, bool muted, uint64_t now_us)
{
    if (t->is_muted == muted)
        return;
    track_flush(t, now_us);
    t->is_muted = muted;
    for (unsigned i = 0; i < t->encoding_count; i++)
        history_clear(&t->encoding[i].history); /* what comes from now on is not kept */
    tell_changed(t, now_us);
}

void track_add_sink(struct track *t, struct sink *s)
{
    list_append(&t->sinks, &s->node);
    s->track = t;
}

void track_remove_sink(struct sink *s)
{
    if (s->track == NULL)
        return;
    list_remove(&s->node);
    s->track = NULL;
}

struct encoding *track_find_encoding(struct track *t, const char *rid, size_t rid_len)
{
    for (unsigned i = 0; i < t->encoding_count; i++) {
        struct encoding *e = &t->encoding[i];
        if (strlen(e->rid) == rid_len && memcmp(e->rid, rid, rid_len) == 0)
            return e;
    }
    return NULL;
}

struct encoding *track_best(struct track *t)
{
    return &t->encoding[t->best < 0 ? 0 : t->best];
}

struct encoding *track_smallest(struct track *t)
{
    struct encoding *smallest = NULL;

    for (unsigned i = 0; i < t->encoding_count; i++) {
        struct encoding *e = &t->encoding[i];
        if (e->ssrc != 0 && e->width != 0 &&
            (smallest == NULL || e->width * e->height < smallest->width * smallest->height))
            smallest = e;
    }
    return smallest == NULL ? track_best(t) : smallest;
}

const struct negotiated_codec *track_live_codec(const struct track *t)
{
    return t->codec_index < 0 ? NULL : &t->section.codec[t->codec_index];
}

uint32_t track_clock_hz(const struct track *t)
{
    const struct negotiated_codec *live = track_live_codec(t);

    if (live != NULL)
        return live->codec.clock_hz;
    return t->section.codec_count > 0 ? t->section.codec[0].codec.clock_hz : 90000;
}

/* ---- receiving ---- */

static void choose_best(struct track *t, uint64_t now_us)
{
    struct layer_candidate c[MAX_ENCODINGS];

    for (unsigned i = 0; i < t->encoding_count; i++) {
        struct encoding *e = &t->encoding[i];
        bool is_choked = uplink_is_choked(e, now_us);
        c[i] = (struct layer_candidate){
            .is_live = encoding_is_live(e, now_us) && !is_choked,
            .live_for_us = e->live_since_us == 0 ? 0 : now_us - e->live_since_us,
            .silent_us =
                e->live_since_us == 0 || is_choked ? UINT64_MAX : now_us - e->last_packet_us,
            .pixels = (uint32_t)e->width * e->height,
            .bitrate_bps = rate_bps(&e->recv.rate, now_us),
        };
    }
    int best = layer_selector_choose(c, t->encoding_count, t->best);
    if (best == t->best)
        return;
    t->best = best;
    tell_changed(t, now_us);
}

static void review(struct track *t, uint64_t now_us)
{
    if (t->encoding_count > 1) {
        uplink_review(t, now_us);
        choose_best(t, now_us);
    }
    t->review_us = now_us + TRACK_REVIEW_US;
    ladder_measure(&t->ladder, t->encoding, t->encoding_count, now_us);
}

static void change_codec(struct track *t, int index, uint64_t now_us)
{
    const struct codec *codec = &t->section.codec[index].codec;

    track_flush(t, now_us); /* of the codec before */
    for (unsigned i = 0; i < t->encoding_count; i++) {
        t->encoding[i].recv.clock_hz = codec->clock_hz;
        t->encoding[i].rates = (struct layer_rates){0};
        history_clear(&t->encoding[i].history);
    }
    ladder_clear(&t->ladder);
    t->codec_index = index;
    t->codec_since_us = now_us;
    tell_changed(t, now_us);
    if (codec->id == t->told_codec)
        return;
    t->told_codec = codec->id;
    if (t->owner != NULL)
        sfu_track_is_live(t, codec->id);
}

/* The codec of the blocks of redundant audio; the packet shows its primary block from now on. NULL: it is no such thing. */
static const struct negotiated_codec *unwrap_red(const struct track *t, struct packet *pkt,
                                                 const struct codec *carrier)
{
    struct rtp_header *h = &pkt->rtp;
    struct red red;
    uint8_t pt;

    if (h->payload_bytes == 0) /* padding only */
        return codec_read_red(carrier, &pt) == 0 ? transceiver_find_pt(&t->section, pt) : NULL;
    if (red_parse(&red, pkt->data + h->header_bytes, h->payload_bytes) != 0)
        return NULL;
    const struct negotiated_codec *codec = transceiver_find_pt(&t->section, red.pt);
    if (codec == NULL || codec->codec.id != CODEC_OPUS)
        return NULL;
    pkt->red = (struct packet_red){
        .at = (uint16_t)h->header_bytes,
        .bytes = (uint16_t)h->payload_bytes,
        .head_bytes = (uint8_t)red.head_bytes,
        .redundant = red.redundant,
    };
    h->header_bytes += red.primary.at;
    h->payload_bytes = red.primary.bytes;
    return codec;
}

/* The codec behind the payload type. false: not negotiated here, or a publisher that changes it with each packet. */
static bool note_codec(struct track *t, struct packet *pkt, uint64_t now_us)
{
    const struct negotiated_codec *codec = transceiver_find_pt(&t->section, pkt->rtp.pt);

    if (codec != NULL && codec->codec.id == CODEC_RED)
        codec = unwrap_red(t, pkt, &codec->codec);
    if (codec == NULL)
        return false;
    int index = (int)(codec - t->section.codec);
    pkt->codec = (uint8_t)codec->codec.id;
    pkt->codec_index = (uint8_t)index;
    if (index == t->codec_index ||
        (codec->codec.id == CODEC_TELEPHONE_EVENT && t->codec_index >= 0))
        return true;
    if (t->codec_index >= 0 && now_us - t->codec_since_us < TRACK_REVIEW_US)
        return false;
    change_codec(t, index, now_us);
    return true;
}

static void note_sender_report(struct track *t, struct encoding *e, uint64_t now_us)
{
    if (t->owner == NULL || e->recv.sr_arrival_us == e->seen_sr_us)
        return;
    e->seen_sr_us = e->recv.sr_arrival_us;
    sfu_transport_note_clock(t->owner, &e->recv, now_us);
}

/* Into the burst, for the history and the sinks. */
static void take(struct track *t, struct encoding *e, struct packet *pkt, uint64_t now_us)
{
    if (now_us >= t->review_us && t->section.kind == MEDIA_VIDEO)
        review(t, now_us);
    if (t->is_muted)
        return;
    if (t->burst.count == 0)
        list_append(&t->sfu->bursts, &t->burst.node);
    burst_add(&t->burst, e, pkt, now_us);
    if (t->burst.count == BURST_PACKETS)
        track_flush(t, now_us);
}

static void note_level(struct track *t, struct packet *pkt, uint64_t now_us)
{
    uint8_t id = t->section.ext.id[RTP_EXT_AUDIO_LEVEL];
    const struct rtp_ext *ext = id == 0 ? NULL : rtp_find_ext(&pkt->rtp, id);

    if (ext == NULL || ext->len == 0 || (pkt->flags & PACKET_IS_RETRANSMISSION) != 0)
        return;
    pkt->audio_level = (int8_t)(pkt->data[ext->offset] & 0x7f);
    pkt->voice = (pkt->data[ext->offset] & 0x80) != 0;
    if (!t->is_muted)
        sfu_note_level(t, (uint8_t)pkt->audio_level, pkt->voice, now_us);
}

static bool is_silence(const struct track *t, const struct packet *pkt)
{
    return pkt->audio_level == LEVELS_SILENCE && level_meter_is_silent(&t->meter) &&
           pkt->rtp.payload_bytes <= TRACK_HUSH_MAX_BYTES && pkt->codec != CODEC_TELEPHONE_EVENT &&
           t->encoding_count == 1;
}

HOT void track_receive(struct track *t, struct encoding *e, struct packet *pkt, uint64_t now_us)
{
    if (!note_codec(t, pkt, now_us) || encoding_inspect(e, pkt) != 0) {
        t->sfu->totals.codec_mismatch++;
        return;
    }
    if (!encoding_receive(e, pkt, now_us))
        return;
    note_sender_report(t, e, now_us);
    if (t->section.kind == MEDIA_AUDIO) {
        note_level(t, pkt, now_us);
        if (hush_leaves_out(&t->hush, &pkt->rtp, is_silence(t, pkt), &pkt->left_out)) {
            t->sfu->totals.silence_left_out++;
            return;
        }
    }
    pkt->track = t->id;
    pkt->encoding = (uint8_t)(e - t->encoding);
    take(t, e, pkt, now_us);
}

/* History comes first. Once something was handed on, to viewers who have all that was before, nothing may be kept from them. */
static bool is_of_history(struct encoding *e, const struct packet *pkt, uint64_t now_us)
{
    if (e->relayed_since_us == 0) {
        e->relayed_since_us = now_us;
        e->is_present = e->track->section.kind != MEDIA_VIDEO;
    }
    e->is_present = e->is_present || now_us - e->relayed_since_us >= TRACK_RELAYED_START_US ||
                    pkt->arrival_us == 0 || now_us <= pkt->arrival_us + TRACK_RELAYED_OLD_US;
    return !e->is_present;
}

HOT void track_receive_relayed(struct track *t, struct packet *pkt, uint64_t now_us)
{
    if (pkt->encoding >= t->encoding_count || pkt->codec_index >= t->section.codec_count) {
        t->sfu->totals
            .codec_mismatch++; /* before a renegotiation, or after one not told here yet */
        return;
    }
    struct encoding *e = &t->encoding[pkt->encoding];

    if (pkt->codec_index != t->codec_index &&
        (pkt->codec != CODEC_TELEPHONE_EVENT || t->codec_index < 0))
        change_codec(t, pkt->codec_index, now_us);
    if (e->ssrc != pkt->rtp.ssrc)
        encoding_follow(e, pkt->rtp.ssrc);
    (void)!encoding_receive(e, pkt, now_us); /* its origin has judged it */
    if (!is_of_history(e, pkt, now_us))
        take(t, e, pkt, now_us);
    else if (!t->is_muted)
        history_add(&e->history, pkt);
}

/* Those who come next, from @n on: as long as the list is longer than the cache is large, each one's node would be waited for. */
static void prepare(const struct list *sinks, const struct list *n)
{
    unsigned ahead = 0;

    for (; ahead < SINK_STAGES && n != sinks; ahead++, n = n->next) {
        const struct sink *s = CONTAINER_OF(n, struct sink, node);
        if (s->ops->on_burst_soon != NULL)
            s->ops->on_burst_soon(s, ahead);
    }
    prefetch(n, sizeof(struct sink));
}

HOT void track_flush(struct track *t, uint64_t now_us)
{
    if (t->burst.count == 0)
        return;
    for (size_t i = 0; i < t->burst.count; i++)
        history_add(&t->burst.item[i].encoding->history, t->burst.item[i].pkt);
    t->sfu->known_heads.flush++;
    LIST_EACH(&t->sinks, struct sink, node, s) {
        prepare(&t->sinks, s_next);
        s->ops->on_burst(s, &t->burst, now_us);
    }
    burst_clear(&t->burst);
}
