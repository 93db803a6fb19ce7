/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder.c - one subscription's numbering.
 *
 *     in    100 101 (102) 103  104 lost  105 ‖ 7001 7002     (102): left out      ‖: switch
 *     out    50  51        52            54  ‖   55   56
 *
 * out = in + offset. A switch chooses the offset anew so that the first packet of the new source continues what went out. Each
 * packet left out lowers it by one; the latest FORWARDER_SKIPS of them are remembered, so that a late packet from before one
 * still gets the number that was kept for it.
 */
#include "rooms/sfu/forwarder.h"

#include "core/seq.h"
#include "core/timebase.h"

void forwarder_init(struct forwarder *f, uint16_t first_seq, uint32_t first_ts,
                    uint16_t first_picture_id)
{
    *f = (struct forwarder){
        .highest_out_seq = (uint16_t)(first_seq - 1),
        .highest_out_ts = first_ts,
        .highest_picture_id = (uint16_t)(first_picture_id - 1),
    };
}

/* ---- switching ---- */

static void switch_vp8(struct forwarder *f, const struct vp8_descriptor *vp8)
{
    f->vp8 = vp8 != NULL;
    if (vp8 == NULL)
        return;
    f->picture_id_offset = (uint16_t)(f->highest_picture_id + 1 - vp8->picture_id);
    f->tl0_offset = (uint8_t)(f->highest_tl0 + 1 - vp8->tl0picidx);
    f->keyidx_offset = (uint8_t)(f->highest_keyidx + 1 - vp8->keyidx);
}

/* By how much media time moved since the newest outgoing packet: at least one tick, so that no frame is glued to the last. */
static uint32_t elapsed_ts(const struct forwarder *f, uint32_t in_ts, bool has_ref, uint32_t ref_ts,
                           uint64_t now_us)
{
    uint32_t by_arrival = (uint32_t)((now_us - f->highest_out_us) * f->clock_hz / US_PER_S);
    uint32_t by_ref = in_ts - ref_ts;
    int64_t error = ts32_diff(by_ref, by_arrival);
    int64_t max_error = (int64_t)FORWARDER_CLOCK_ERROR_S * f->clock_hz;

    if (!has_ref || error > max_error ||
        error < -max_error) /* a clock that stepped, or a made-up report */
        return MAX(by_arrival, 1u);
    return ts32_newer(in_ts, ref_ts) ? by_ref : 1;
}

void forwarder_switch(struct forwarder *f, const struct rtp_header *h, uint32_t clock_hz,
                      const struct vp8_descriptor *vp8, bool has_ref, uint32_t ref_ts,
                      uint64_t now_us)
{
    uint32_t out_ts = f->highest_out_ts;

    f->clock_hz = clock_hz;
    if (f->started)
        out_ts += elapsed_ts(f, h->ts, has_ref, ref_ts, now_us);
    f->started = true;
    f->seq_offset = (uint16_t)(f->highest_out_seq + 1 - h->seq);
    f->ts_offset = out_ts - h->ts;
    f->first_in_seq = h->seq;
    f->highest_in_seq = (uint16_t)(h->seq - 1); /* forwarder_map() takes it */
    f->skipped_count = 0;
    f->highest_out_ts = out_ts;
    f->highest_out_us = now_us;
    f->switches++;
    switch_vp8(f, vp8);
}

void forwarder_retime(struct forwarder *f, const struct rtp_header *h, uint64_t now_us)
{
    uint32_t elapsed = (uint32_t)((now_us - f->highest_out_us) * f->clock_hz / US_PER_S);

    f->ts_offset = f->highest_out_ts + MAX(elapsed, 1u) - h->ts;
    f->first_in_seq = h->seq; /* packets of the frames before had another distance */
}

bool forwarder_follows(const struct forwarder *f, uint16_t seq)
{
    int distance = seq16_diff(seq, f->highest_in_seq);

    return distance > -FORWARDER_LATE && distance <= FORWARDER_AHEAD;
}

/* ---- the numbers of one packet ---- */

static void forget_oldest_skip(struct forwarder *f)
{
    for (unsigned i = 1; i < f->skipped_count; i++)
        f->skipped[i - 1] = f->skipped[i];
    f->skipped_count--;
}

/* The source got as far as @seq. What falls out of the window is not mapped any more, so its skips may be forgotten. */
static void advance(struct forwarder *f, uint16_t seq)
{
    f->highest_in_seq = seq;
    if (seq16_diff(seq, f->first_in_seq) >= FORWARDER_LATE)
        f->first_in_seq = (uint16_t)(seq - FORWARDER_LATE + 1);
    while (f->skipped_count > 0 && seq16_newer(f->first_in_seq, f->skipped[0]))
        forget_oldest_skip(f);
}

/* The offset that held when @seq was new; false when @seq itself was left out. */
static bool offset_of(const struct forwarder *f, uint16_t seq, uint16_t *offset)
{
    uint16_t newer = 0;

    for (unsigned i = f->skipped_count; i > 0 && !seq16_newer(seq, f->skipped[i - 1]); i--) {
        if (f->skipped[i - 1] == seq)
            return false;
        newer++;
    }
    *offset = (uint16_t)(f->seq_offset + newer);
    return true;
}

static void map_vp8(struct forwarder *f, const struct vp8_descriptor *vp8, bool is_newest,
                    struct forwarder_out *out)
{
    uint16_t mask = vp8->picture_id_is_15bit ? 0x7fff : 0x7f;

    out->rewrites_vp8 = true;
    out->picture_id = (uint16_t)(vp8->picture_id + f->picture_id_offset) & mask;
    out->tl0picidx = (uint8_t)(vp8->tl0picidx + f->tl0_offset);
    out->keyidx = (uint8_t)(vp8->keyidx + f->keyidx_offset) & 0x1f;
    if (is_newest) {
        f->highest_picture_id = out->picture_id;
        f->highest_tl0 = out->tl0picidx;
        f->highest_keyidx = out->keyidx;
    }
}

static void note_newest(struct forwarder *f, const struct forwarder_out *out, uint64_t now_us)
{
    f->highest_out_seq = out->seq;
    if (ts32_newer(out->ts, f->highest_out_ts)) {
        f->highest_out_ts = out->ts;
        f->highest_out_us = now_us;
    }
}

bool forwarder_map(struct forwarder *f, const struct rtp_header *h,
                   const struct vp8_descriptor *vp8, uint64_t now_us, struct forwarder_out *out)
{
    uint16_t offset = 0;

    if (!f->started || seq16_newer(f->first_in_seq, h->seq) || !forwarder_follows(f, h->seq) ||
        !offset_of(f, h->seq, &offset)) {
        f->dropped_old++;
        return false;
    }
    *out = (struct forwarder_out){.seq = (uint16_t)(h->seq + offset), .ts = h->ts + f->ts_offset};
    bool is_newest = seq16_newer(out->seq, f->highest_out_seq);
    if (f->vp8 && vp8 != NULL)
        map_vp8(f, vp8, is_newest, out);
    if (is_newest)
        note_newest(f, out, now_us);
    if (seq16_newer(h->seq, f->highest_in_seq))
        advance(f, h->seq);
    return true;
}

bool forwarder_skip(struct forwarder *f, uint16_t seq)
{
    if (!f->started || !seq16_newer(seq, f->highest_in_seq) || !forwarder_follows(f, seq))
        return false;
    if (f->skipped_count == FORWARDER_SKIPS) {
        f->first_in_seq = (uint16_t)(f->skipped[0] + 1); /* from here on all skips are known */
        forget_oldest_skip(f);
    }
    f->skipped[f->skipped_count++] = seq;
    f->seq_offset--;
    advance(f, seq);
    return true;
}
