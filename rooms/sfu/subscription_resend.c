/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription_resend.c - what a viewer missed, cut from the history again and sent on the RTX stream (RFC 4588) with the numbers
 * that it had the first time.
 *
 * Only what this viewer was sent since its latest start: before that there is a keyframe between. How much and how often is
 * decided by transport/resend.h.
 */
#include "core/packet.h"
#include "rooms/sfu/subscription_internal.h"

static void rewrite(const struct burst_item *item, const struct resend_rewrite *how,
                    struct forwarder_out *out)
{
    const struct media_info *m = &item->pkt->media;

    out->ts = item->pkt->rtp.ts + how->ts;
    out->frame_number = (uint16_t)(m->dd.frame_number + how->frame_number);
    out->rewrites_ids = m->ids.bytes != 0;
    out->picture_id = (uint16_t)(m->ids.picture_id + how->picture_id) &
                      (m->ids.picture_id_bits == 15 ? 0x7fff : 0x7f);
    out->tl0picidx = (uint8_t)(m->ids.tl0picidx + how->tl0picidx);
    out->keyidx = (uint8_t)(m->ids.keyidx + how->keyidx) & 0x1f;
}

/* The packet, when it is still kept and still of what flows. */
static struct packet *find(const struct subscription *sub, const struct resend_origin *origin)
{
    struct packet *pkt;

    if (sub->encoding == NULL || origin->how.source != sub->source)
        return NULL;
    pkt = history_find(&sub->encoding->history, origin->seq);
    return pkt != NULL && pkt->rtp.ssrc == sub->in_ssrc ? pkt : NULL;
}

/* Into the run: what @pkt was for this viewer, on the RTX stream. */
static bool add(struct subscription *sub, struct packet *pkt, const struct resend_origin *origin,
                uint16_t seq)
{
    const struct negotiated_codec *codec = codec_set_find_pt(sub->section.codecs, sub->flow_pt);
    struct burst_item item;

    if (codec == NULL || codec->rtx_pt == PT_NONE)
        return false;
    struct outgoing out = {
        .pt = codec->rtx_pt,
        .ssrc = sub->rtx_ssrc,
        .stream = sub->rtx_stream,
        .is_rtx = true,
        .osn = seq,
    };
    burst_item_init(&item, sub->encoding, pkt);
    out.is_empty = pkt->rtp.payload_bytes == 0 ||
                   !layer_filter_review(&sub->filter, &pkt->rtp, &pkt->media, &out.verdict);
    rewrite(&item, &origin->how, &out.number);
    out.number.seq = sub->rtx_seq;
    if (!subscription_add_packet(sub, &item, &out))
        return false;
    sub->rtx_seq++;
    return true;
}

bool subscription_add_again(struct subscription *sub, uint16_t seq)
{
    struct resend_origin origin;
    struct packet *pkt = NULL;

    if (resend_find(&sub->resend, seq, &origin))
        pkt = find(sub, &origin);
    return pkt != NULL && add(sub, pkt, &origin, seq);
}

static void resend(struct subscription *sub, uint16_t seq, uint64_t now_us)
{
    struct resend_origin origin;

    if (resend_look_up(&sub->resend, seq, sub->send.round_trip_us, now_us, &origin) != RESEND_YES)
        return;
    struct packet *pkt = find(sub, &origin);
    if (pkt == NULL) {
        sub->resend.not_kept++;
        return;
    }
    if (resend_pay(&sub->resend, &sub->owner->resend_budget, seq, pkt->len, now_us) &&
        add(sub, pkt, &origin, seq))
        sub->send.retransmissions++;
}

/* Of all that the endpoint is sent. */
static uint64_t media_bps(const struct sfu_transport *st, uint64_t now_us)
{
    uint64_t sum = 0;

    LIST_EACH(&st->subscriptions, struct subscription, node, sub)
        sum += rate_bps(&sub->send.rate, now_us);
    return sum;
}

void subscription_nack(struct subscription *sub, const uint16_t *seq, size_t n, uint64_t now_us)
{
    struct send_run *run = &sub->owner->sfu->run;

    if (sub->rtx_stream == NULL || !subscription_is_open(sub))
        return;
    resend_budget_set_rate(&sub->owner->resend_budget, media_bps(sub->owner, now_us),
                           transport_repair_bps(sub->owner->tp, now_us), now_us);
    for (size_t i = 0; i < n; i++) {
        resend(sub, seq[i], now_us);
        if (run->count == BURST_PACKETS)
            subscription_send_repair(sub, now_us);
    }
    subscription_send_repair(sub, now_us);
}
