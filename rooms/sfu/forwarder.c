/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder.c - one subscription's numbering.
 *
 * out = in + offset, with offsets chosen anew at each switch so that the first packet of the new source continues what went out.
 * Packets left out on purpose lower the offset; the last FORWARDER_SKIPS of them are remembered so that a late packet from before
 * one still gets the number that was kept for it.
 */
#include "rooms/sfu/forwarder.h"

#include "core/seq.h"

/* How far behind the newest a late packet may be and still be told from one before the switch. */
#define LATE_WINDOW 8192

void forwarder_init(struct forwarder *f, uint16_t first_seq, uint32_t first_ts, uint16_t first_picture_id)
{
    *f = (struct forwarder){
        .highest_out_seq = (uint16_t)(first_seq - 1),
        .highest_out_ts = first_ts,
        .highest_picture_id = first_picture_id,
    };
}

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
static uint32_t elapsed_ts(const struct forwarder *f, uint32_t in_ts, bool has_ref, uint32_t ref_ts, uint64_t now_us)
{
    if (has_ref && ts32_newer(in_ts, ref_ts))
        return in_ts - ref_ts;
    if (has_ref)
        return 1;
    uint64_t ticks = (now_us - f->highest_out_us) * f->clock_hz / 1000000u;
    return ticks > 0 ? (uint32_t)ticks : 1;
}

void forwarder_switch(struct forwarder *f, const struct rtp_header *h, uint32_t clock_hz, const struct vp8_descriptor *vp8,
                      bool has_ref, uint32_t ref_ts, uint64_t now_us)
{
    uint32_t out_ts = f->highest_out_ts;

    f->clock_hz = clock_hz;
    if (f->started)
        out_ts += elapsed_ts(f, h->ts, has_ref, ref_ts, now_us);
    f->started = true;
    f->seq_offset = (uint16_t)(f->highest_out_seq + 1 - h->seq);
    f->ts_offset = out_ts - h->ts;
    f->first_in_seq = h->seq;
    f->skipped_count = 0;
    f->highest_out_ts = out_ts;
    f->highest_out_us = now_us;
    f->switches++;
    switch_vp8(f, vp8);
}

static uint16_t highest_in_seq(const struct forwarder *f)
{
    return (uint16_t)(f->highest_out_seq - f->seq_offset);
}

/* The offset that held when @seq was new; false when @seq was itself left out, or is older than what is remembered. */
static bool offset_of(const struct forwarder *f, uint16_t seq, uint16_t *offset)
{
    uint16_t newer = 0;

    for (unsigned i = 0; i < f->skipped_count; i++) {
        if (f->skipped[i] == seq)
            return false;
        if (seq16_newer(f->skipped[i], seq))
            newer++;
    }
    *offset = (uint16_t)(f->seq_offset + newer);
    return newer < FORWARDER_SKIPS;
}

static void map_vp8(struct forwarder *f, const struct vp8_descriptor *vp8, bool is_newest, struct forwarder_out *out)
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

static void note_newest(struct forwarder *f, const struct rtp_header *h, const struct forwarder_out *out, uint64_t now_us)
{
    f->highest_out_seq = out->seq;
    if (out->ts != f->highest_out_ts && ts32_newer(out->ts, f->highest_out_ts)) {
        f->highest_out_ts = out->ts;
        f->highest_out_us = now_us;
    }
    if (seq16_diff(h->seq, f->first_in_seq) > 2 * LATE_WINDOW) /* keep the switch point within comparable distance */
        f->first_in_seq = (uint16_t)(h->seq - LATE_WINDOW);
    while (f->skipped_count > 0 && seq16_diff(h->seq, f->skipped[0]) > LATE_WINDOW) {
        for (unsigned i = 1; i < f->skipped_count; i++)
            f->skipped[i - 1] = f->skipped[i];
        f->skipped_count--;
    }
}

bool forwarder_map(struct forwarder *f, const struct rtp_header *h, const struct vp8_descriptor *vp8, uint64_t now_us,
                   struct forwarder_out *out)
{
    uint16_t offset = 0;

    if (!f->started || seq16_newer(f->first_in_seq, h->seq) || !offset_of(f, h->seq, &offset)) {
        f->dropped_old++;
        return false;
    }
    *out = (struct forwarder_out){.seq = (uint16_t)(h->seq + offset), .ts = h->ts + f->ts_offset};
    bool is_newest = seq16_newer(out->seq, f->highest_out_seq);
    if (f->vp8 && vp8 != NULL)
        map_vp8(f, vp8, is_newest, out);
    if (is_newest)
        note_newest(f, h, out, now_us);
    return true;
}

void forwarder_skip(struct forwarder *f, uint16_t seq)
{
    if (!f->started || seq != (uint16_t)(highest_in_seq(f) + 1))
        return; /* not the next one: numbers behind it are out already */
    if (f->skipped_count == FORWARDER_SKIPS) {
        /* Too many to remember: packets from before the oldest are told by the switch point instead. */
        f->first_in_seq = (uint16_t)(f->skipped[0] + 1);
        for (unsigned i = 1; i < f->skipped_count; i++)
            f->skipped[i - 1] = f->skipped[i];
        f->skipped_count--;
    }
    f->skipped[f->skipped_count++] = seq;
    f->seq_offset--;
}
