/* SPDX-License-Identifier: Apache-2.0 */
/* encoding.c - see encoding.h. */
#include "rooms/sfu/encoding.h"

#include <string.h>

#include "core/mem.h"
#include "core/packet.h"
#include "core/payload.h"
#include "core/seq.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"
#include "rooms/sfu/uplink.h"

/* ---- keyframe requests ---- */

static uint64_t round_trip_us(const struct encoding *e)
{
    struct transport_stats stats;

    if (e->track->owner == NULL)
        return 0;
    transport_read_stats(e->track->owner->tp, &stats);
    return stats.round_trip_us;
}

/* How long the answer to a request takes to come. */
static uint64_t answer_us(const struct encoding *e, uint64_t now_us)
{
    return round_trip_us(e) + uplink_late_us(e->track, now_us);
}

static struct sfu_totals *totals_of(const struct encoding *e)
{
    return &e->track->sfu->totals;
}

static void send_keyframe_request(struct encoding *e, uint64_t now_us)
{
    struct track *t = e->track;
    const struct negotiated_codec *codec = track_live_codec(t);

    if (e->ssrc == 0)
        return;
    if (t->owner == NULL) {
        t->sfu->handlers.on_replica_keyframe(t->peer, t->origin_id, (unsigned)(e - t->encoding),
                                             t->sfu->arg);
        return;
    }
    struct transport *tp = t->owner->tp;
    if (codec != NULL && !codec->pli && codec->fir)
        transport_send_fir(tp, e->ssrc, now_us);
    else
        transport_send_pli(tp, e->ssrc, now_us);
}

static void rearm(struct encoding *e)
{
    uint64_t next_us = keyframe_next_us(&e->keyframes);

    if (next_us == UINT64_MAX)
        deadline_clear(&e->keyframe_due);
    else
        deadline_set(e->track->sfu->env.wheel, &e->keyframe_due, next_us);
}

static void on_keyframe_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct encoding *e = arg;

    (void)d;
    bool is_due = keyframe_tick(&e->keyframes, answer_us(e, now_us), now_us);
    if (is_due && !uplink_is_choked(e, now_us)) {
        totals_of(e)->keyframes_sent++;
        send_keyframe_request(e, now_us);
    }
    rearm(e);
}

void encoding_ask_keyframe(struct encoding *e, uint64_t now_us)
{
    if (e->ssrc == 0)
        return;
    totals_of(e)->keyframes_asked++;
    if (uplink_is_choked(e, now_us))
        return; /* who waits for it goes on asking */
    if (keyframe_ask(&e->keyframes, answer_us(e, now_us), now_us)) {
        totals_of(e)->keyframes_sent++;
        send_keyframe_request(e, now_us);
    } else {
        totals_of(e)->keyframes_merged++;
    }
    rearm(e);
}

/* ---- packets asked for again ---- */

/* What is missing is not asked for any more; a keyframe is, where that helps. */
static bool gives_up(struct encoding *e, uint64_t now_us)
{
    bool is_late = uplink_late_us(e->track, now_us) >= UPLINK_LATE_US;
    bool is_needless = uplink_is_choked(e, now_us) ||
                       (is_late && keyframe_is_pending(&e->keyframes)); /* what is before it */

    if (!is_needless && !uplink_is_beyond_repair(e, now_us))
        return false;
    nack_give_up(&e->nack);
    if (!is_needless)
        encoding_ask_keyframe(e, now_us);
    return true;
}

static void arm_nack(struct encoding *e)
{
    uint64_t next_us = nack_next_us(&e->nack);

    if (next_us == UINT64_MAX)
        deadline_clear(&e->nack_due);
    else if (!deadline_is_set(&e->nack_due) || next_us < e->nack_due.at_us)
        deadline_set(e->track->sfu->env.wheel, &e->nack_due, next_us);
}

static void on_nack_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct encoding *e = arg;
    uint16_t seqs[MAX_NACKED_SEQS];
    bool wants_keyframe = false;
    size_t n;

    (void)d;
    if (gives_up(e, now_us))
        return;
    nack_set_late(&e->nack, uplink_late_us(e->track, now_us));
    do {
        n = nack_due(&e->nack, round_trip_us(e), now_us, seqs, ARRAY_LEN(seqs), &wants_keyframe);
        if (n > 0)
            (void)transport_send_nack(e->track->owner->tp, e->ssrc, seqs, n, now_us);
    } while (n == ARRAY_LEN(seqs));
    if (wants_keyframe)
        encoding_ask_keyframe(e, now_us);
    arm_nack(e);
}

/* Where the endpoint would not send again, nothing is asked. */
static void note_for_nack(struct encoding *e, const struct packet *pkt, uint64_t now_us)
{
    const struct negotiated_codec *codec = track_live_codec(e->track);
    unsigned flags = 0;

    if (e->track->owner == NULL || codec == NULL || !codec->nack)
        return;
    if (pkt->media.is_keyframe && e->track->section.kind == MEDIA_VIDEO)
        flags |= NACK_KEYFRAME;
    if ((pkt->flags & PACKET_IS_RETRANSMISSION) != 0)
        flags |= NACK_RECOVERED;
    if (nack_received(&e->nack, pkt->rtp.seq, flags, now_us))
        encoding_ask_keyframe(e, now_us);
    if (nack_next_us(&e->nack) != UINT64_MAX || deadline_is_set(&e->nack_due))
        arm_nack(e);
}

/* ---- life ---- */

void encoding_init(struct encoding *e, struct track *track)
{
    *e = (struct encoding){.track = track};
    history_init(&e->history, &track->sfu->history);
    deadline_init(&e->keyframe_due, on_keyframe_due, e);
    nack_init(&e->nack, track->section.kind == MEDIA_VIDEO ? NACK_VIDEO : NACK_AUDIO);
    deadline_init(&e->nack_due, on_nack_due, e);
}

static void stop_reporting(struct encoding *e)
{
    if (e->is_reporting)
        transport_remove_recv(e->track->owner->tp, &e->recv);
    e->is_reporting = false;
}

/* Let go of an SSRC, in whichever role. */
static void release(struct encoding *e, uint32_t ssrc)
{
    if (e->track->owner != NULL)
        ssrc_table_remove(&e->track->owner->ssrcs, ssrc, e);
    if (e->rtx_ssrc == ssrc)
        e->rtx_ssrc = 0;
    if (e->ssrc != ssrc)
        return;
    stop_reporting(e);
    e->ssrc = 0;
}

void encoding_fini(struct encoding *e)
{
    deadline_clear(&e->keyframe_due);
    deadline_clear(&e->nack_due);
    nack_reset(&e->nack);
    history_fini(&e->history);
    MEM_FREE(e->descriptors);
    release(e, e->ssrc);
    release(e, e->rtx_ssrc);
}

/* The numbers of another SSRC begin. */
static void begin_numbers(struct encoding *e, uint32_t ssrc)
{
    e->ssrc = ssrc;
    history_clear(&e->history);
    rtp_recv_init(&e->recv, ssrc, track_clock_hz(e->track));
    e->live_since_us = 0;
    e->delay = (struct frame_delay){0};
    e->newest_media_us = e->choked_us = 0;
    e->rates = (struct layer_rates){0};
    if (e->descriptors != NULL)
        memset(e->descriptors, 0, sizeof(*e->descriptors));
}

int encoding_bind(struct encoding *e, uint32_t ssrc, bool is_rtx)
{
    struct ssrc_table *table = &e->track->owner->ssrcs;
    const struct ssrc_entry *entry = ssrc_table_find(table, ssrc);

    if (entry != NULL && entry->encoding == e && entry->is_rtx == is_rtx)
        return 0;
    if (entry != NULL)
        release(entry->encoding, ssrc);
    release(e, is_rtx ? e->rtx_ssrc : e->ssrc);
    int err = ssrc_table_put(table, ssrc, e, is_rtx);
    if (err != 0)
        return err;
    if (is_rtx) {
        e->rtx_ssrc = ssrc;
        return 0;
    }
    begin_numbers(e, ssrc);
    nack_reset(&e->nack);
    deadline_clear(&e->nack_due);
    transport_add_recv(e->track->owner->tp, &e->recv);
    e->is_reporting = true;
    e->seen_sr_us = 0;
    return 0;
}

void encoding_follow(struct encoding *e, uint32_t ssrc)
{
    begin_numbers(e, ssrc);
}

/* ---- receiving ---- */

static const struct rtp_ext *find_descriptor(const struct encoding *e, const struct packet *pkt)
{
    uint8_t id = e->track->section.ext.id[RTP_EXT_DEPENDENCY_DESCRIPTOR];

    return id == 0 ? NULL : rtp_find_ext(&pkt->rtp, id);
}

/* Without memory for what descriptors stand on, there are none. */
HOT int encoding_inspect(struct encoding *e, struct packet *pkt)
{
    const struct rtp_ext *ext = find_descriptor(e, pkt);

    if (ext != NULL && e->descriptors == NULL)
        e->descriptors = mem_try_alloc(sizeof(*e->descriptors));
    if (ext == NULL || e->descriptors == NULL)
        return payload_inspect(pkt);
    int err = payload_inspect_described(pkt, ext, e->descriptors);
    if (UNLIKELY(pkt->media.dd.target_count == 0) && err == 0 && pkt->rtp.payload_bytes > 0)
        totals_of(e)->descriptors_ignored++;
    return err;
}

static void note_sizes(struct encoding *e, const struct packet *pkt)
{
    struct media_size size[MEDIA_MAX_SPATIAL];
    unsigned n = payload_sizes(pkt, find_descriptor(e, pkt), size);

    if (n == 0)
        return;
    memcpy(e->size, size, n * sizeof(size[0]));
    e->sizes = (uint8_t)n;
    e->width = size[n - 1].width;
    e->height = size[n - 1].height;
}

static void note_keyframe(struct encoding *e, const struct packet *pkt)
{
    e->key_frames++;
    note_sizes(e, pkt);
    e->keyframe_is_repaired = (pkt->flags & PACKET_IS_RETRANSMISSION) != 0;
    if (e->keyframe_is_repaired)
        return; /* nobody starts with it as it comes: what belongs to it went by, but is in the history */
    keyframe_received(&e->keyframes);
    totals_of(e)->keyframes_received++;
    rearm(e);
}

void encoding_began_with_keyframe(struct encoding *e)
{
    keyframe_received(&e->keyframes);
    rearm(e);
}

HOT bool encoding_receive(struct encoding *e, struct packet *pkt, uint64_t now_us)
{
    bool is_video = e->track->section.kind == MEDIA_VIDEO;

    bool has_gap = e->recv.started && seq16_diff(pkt->rtp.seq, e->recv.highest_seq) > 1;
    if (!rtp_recv_packet(&e->recv, pkt->rtp.seq, pkt->rtp.ts, pkt->len, now_us))
        return false;
    if (e->live_since_us == 0 || now_us - e->last_packet_us > ENCODING_SILENT_US)
        e->live_since_us = now_us;
    e->last_packet_us = now_us;
    if (pkt->media.is_frame_start)
        e->frames++;
    if (is_video)
        layer_rates_add(&e->rates, &pkt->media, pkt->len, now_us);
    if (is_video && pkt->media.is_keyframe)
        note_keyframe(e, pkt);
    if (is_video)
        uplink_note_packet(e, pkt, has_gap, now_us);
    note_for_nack(e, pkt, now_us);
    return true;
}

bool encoding_is_live(const struct encoding *e, uint64_t now_us)
{
    return e->live_since_us != 0 && now_us - e->last_packet_us <= ENCODING_LIVE_US;
}
