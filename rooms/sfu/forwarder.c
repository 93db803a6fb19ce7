/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder.c - one subscription's numbering.
 *
 *     in    100 101 (102 103) 104  105 lost  106 ‖ 7001 7002     ( ): left out      ‖: switch
 *     out    50  51            52             54 ‖   55   56
 *
 * out = in + offset. A switch chooses the offset anew so that the first packet of the new source continues what went out. What
 * is left out lowers it by one for each packet; the latest FORWARDER_RUNS runs of such packets are remembered, so that a late
 * packet from before one still gets the number that was kept for it. Picture ids that close up do so by the same runs.
 */
#include "rooms/sfu/forwarder.h"

#include <string.h>

#include "core/seq.h"
#include "core/timebase.h"
#include "transport/send_timeline.h"

_Static_assert(sizeof(struct forwarder) <= 256, "thousands of them are walked for each packet");

void forwarder_init(struct forwarder *f, uint16_t first_seq, uint32_t first_ts,
                    uint16_t first_picture_id)
{
    *f = (struct forwarder){
        .highest_out_seq = (uint16_t)(first_seq - 1),
        .highest_out_ts = first_ts,
        .highest_picture_id = (uint16_t)(first_picture_id - 1),
        .highest_frame_number = (uint16_t)(first_picture_id - 1),
    };
}

void forwarder_resume(struct forwarder *f, uint16_t first_seq, const struct send_timeline *from)
{
    *f = (struct forwarder){
        .started = true,
        .clock_hz = from->clock_hz,
        .highest_out_us = from->at_us,
        .highest_out_ts = from->ts,
        .highest_out_seq = (uint16_t)(first_seq - 1),
        .highest_picture_id = from->picture_id,
        .highest_frame_number = from->frame_number,
        .highest_tl0 = from->tl0picidx,
        .highest_keyidx = from->keyidx,
    };
}

void forwarder_end(const struct forwarder *f, struct send_timeline *out)
{
    if (!f->started)
        return;
    out->started = true;
    out->clock_hz = f->clock_hz;
    out->at_us = f->highest_out_us;
    out->ts = f->highest_out_ts;
    out->picture_id = f->highest_picture_id;
    out->frame_number = f->highest_frame_number;
    out->tl0picidx = f->highest_tl0;
    out->keyidx = f->highest_keyidx;
}

/* ---- beginning ---- */

/* By how much media time moved from the newest outgoing packet to the one of @in_ts, which came at @at_us. */
static int64_t moved_ts(const struct forwarder *f, uint32_t in_ts, bool has_ref, uint32_t ref_ts,
                        uint64_t at_us)
{
    int64_t by_arrival = (int64_t)(at_us - f->highest_out_us) * f->clock_hz / (int64_t)US_PER_S;
    uint32_t by_ref = in_ts - ref_ts;
    int64_t error = ts32_diff(by_ref, (uint32_t)by_arrival);
    int64_t max_error = (int64_t)FORWARDER_CLOCK_ERROR_S * f->clock_hz;

    if (!has_ref || error > max_error ||
        error < -max_error) /* a clock that stepped, or a made-up report */
        return by_arrival;
    return ts32_diff(in_ts, ref_ts);
}

/* At least one tick later, so that no frame is glued to the last. */
static uint32_t elapsed_ts(const struct forwarder *f, uint32_t in_ts, bool has_ref, uint32_t ref_ts,
                           uint64_t now_us)
{
    return (uint32_t)MAX(moved_ts(f, in_ts, has_ref, ref_ts, now_us), 1);
}

static void begin_ids(struct forwarder *f, const struct media_info *m)
{
    if (m->ids.bytes != 0) {
        f->picture_id_offset = (uint16_t)(f->highest_picture_id + 1 - m->ids.picture_id);
        f->tl0_offset = (uint8_t)(f->highest_tl0 + 1 - m->ids.tl0picidx);
        f->keyidx_offset = (uint8_t)(f->highest_keyidx + 1 - m->ids.keyidx);
        f->highest_in_picture_id = (uint16_t)(m->ids.picture_id - 1);
        f->pictures_seen = UINT32_MAX; /* those from before are none of ours */
    }
    if (m->dd.has_frame_number)
        f->frame_number_offset = (uint16_t)(f->highest_frame_number + 1 - m->dd.frame_number);
}

static void begin_at(struct forwarder *f, const struct rtp_header *h, const struct media_info *m,
                     uint32_t out_ts, uint64_t now_us)
{
    f->started = true;
    f->seq_offset = (uint16_t)(f->highest_out_seq + 1 - h->seq);
    f->ts_offset = out_ts - h->ts;
    f->first_in_seq = h->seq;
    f->highest_in_seq = f->highest_map_seq = (uint16_t)(h->seq - 1); /* forwarder_pass() takes it */
    f->run_count = 0;
    f->is_leaving_out = false;
    f->highest_out_ts = out_ts;
    f->highest_out_us = now_us;
    f->switches++;
    begin_ids(f, m);
}

void forwarder_begin(struct forwarder *f, const struct rtp_header *h, const struct media_info *m,
                     uint32_t clock_hz, bool has_ref, uint32_t ref_ts, uint64_t now_us)
{
    uint32_t out_ts = f->highest_out_ts;

    f->clock_hz = clock_hz;
    if (f->started)
        out_ts += elapsed_ts(f, h->ts, has_ref, ref_ts, now_us);
    begin_at(f, h, m, out_ts, now_us);
}

/* ---- beginning behind ---- */

uint32_t forwarder_distance(const struct forwarder *f, uint32_t in_ts, bool has_ref,
                            uint32_t ref_ts, uint64_t at_us)
{
    uint32_t moved = f->started ? (uint32_t)moved_ts(f, in_ts, has_ref, ref_ts, at_us) : 0;

    return f->highest_out_ts + moved - in_ts;
}

/* By the distance, or a tick behind what went out. */
static uint32_t squeezed_ts(const struct forwarder *f, uint32_t in_ts, uint32_t distance)
{
    uint32_t out_ts = in_ts + distance;

    return ts32_newer(out_ts, f->highest_out_ts) ? out_ts : f->highest_out_ts + 1;
}

void forwarder_begin_behind(struct forwarder *f, const struct rtp_header *h,
                            const struct media_info *m, uint32_t distance, uint64_t now_us)
{
    begin_at(f, h, m, squeezed_ts(f, h->ts, distance), now_us);
}

void forwarder_squeeze(struct forwarder *f, const struct rtp_header *h, uint32_t distance)
{
    uint32_t offset = squeezed_ts(f, h->ts, distance) - h->ts;

    if (offset == f->ts_offset)
        return;
    f->ts_offset = offset;
    f->first_in_seq = h->seq; /* packets of the frames before had another distance */
}

bool forwarder_has_caught_up(const struct forwarder *f, uint32_t distance)
{
    return f->ts_offset == distance;
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

/* ---- runs of packets left out ---- */

static uint16_t run_end(const struct forwarder_run *r) /* the number behind it */
{
    return (uint16_t)(r->first + r->count);
}

static void remove_run(struct forwarder *f, unsigned i)
{
    f->run_count--;
    memmove(&f->run[i], &f->run[i + 1], (f->run_count - i) * sizeof(f->run[0]));
}

/* The source got as far as @seq. What falls out of the window is not mapped any more, so its runs may be forgotten. */
static void advance(struct forwarder *f, uint16_t seq)
{
    f->highest_in_seq = seq;
    if (seq16_diff(seq, f->first_in_seq) >= FORWARDER_LATE)
        f->first_in_seq = (uint16_t)(seq - FORWARDER_LATE + 1);
    if (seq16_newer((uint16_t)(f->first_in_seq - 1), f->highest_map_seq))
        f->highest_map_seq = (uint16_t)(f->first_in_seq - 1);
    while (f->run_count > 0 && !seq16_newer(run_end(&f->run[0]), f->first_in_seq))
        remove_run(f, 0);
}

struct offsets {
    uint16_t seq, picture_id;
};

/* The offsets that held when @seq was new; false when @seq itself was left out. */
static bool offsets_of(const struct forwarder *f, uint16_t seq, struct offsets *out)
{
    struct offsets o = {f->seq_offset, f->picture_id_offset};

    for (unsigned i = f->run_count;
         i > 0 && !seq16_newer(seq, (uint16_t)(run_end(&f->run[i - 1]) - 1)); i--) {
        if (!seq16_newer(f->run[i - 1].first, seq))
            return false;
        o.seq = (uint16_t)(o.seq + f->run[i - 1].count);
        o.picture_id = (uint16_t)(o.picture_id + f->run[i - 1].pictures);
    }
    *out = o;
    return true;
}

/* Index of the first run that is newer than @seq. */
static unsigned find_run(const struct forwarder *f, uint16_t seq)
{
    unsigned i = f->run_count;

    while (i > 0 && seq16_newer(f->run[i - 1].first, seq))
        i--;
    return i;
}

/* Make room for a run in front of @i; false when that would be in front of all remembered ones. */
static bool insert_run(struct forwarder *f, unsigned i, const struct forwarder_run *run)
{
    if (f->run_count == FORWARDER_RUNS) {
        if (i == 0)
            return false;
        f->first_in_seq = run_end(&f->run[0]); /* from here on all runs are known */
        remove_run(f, 0);
        i--;
    }
    memmove(&f->run[i + 1], &f->run[i], (f->run_count - i) * sizeof(f->run[0]));
    f->run[i] = *run;
    f->run_count++;
    return true;
}

/* Add numbers that are in no run yet. */
static bool add_run(struct forwarder *f, const struct forwarder_run *run)
{
    unsigned i = find_run(f, run->first);
    struct forwarder_run *before = i > 0 ? &f->run[i - 1] : NULL;
    struct forwarder_run *after = i < f->run_count ? &f->run[i] : NULL;

    if (before != NULL && run_end(before) == run->first) {
        before->count = (uint16_t)(before->count + run->count);
        before->pictures = (uint16_t)(before->pictures + run->pictures);
        if (after != NULL && run_end(before) == after->first) {
            before->count = (uint16_t)(before->count + after->count);
            before->pictures = (uint16_t)(before->pictures + after->pictures);
            remove_run(f, i);
        }
        return true;
    }
    if (after != NULL && run_end(run) == after->first) {
        after->first = run->first;
        after->count = (uint16_t)(after->count + run->count);
        after->pictures = (uint16_t)(after->pictures + run->pictures);
        return true;
    }
    return insert_run(f, i, run);
}

/* ---- pictures ---- */

static int picture_diff(uint16_t a, uint16_t b, unsigned bits)
{
    unsigned shift = 16 - bits;

    return seq16_diff((uint16_t)(a << shift), (uint16_t)(b << shift)) / (1 << shift);
}

static bool is_picture_seen(const struct forwarder *f, const struct payload_ids *ids)
{
    int age = picture_diff(f->highest_in_picture_id, ids->picture_id, ids->picture_id_bits);

    return age >= 32 || (age >= 0 && (f->pictures_seen >> age & 1) != 0);
}

static void note_picture(struct forwarder *f, const struct payload_ids *ids)
{
    int age = picture_diff(f->highest_in_picture_id, ids->picture_id, ids->picture_id_bits);

    if (age < 0) {
        f->pictures_seen = -age < 32 ? f->pictures_seen << -age : 0;
        f->highest_in_picture_id = ids->picture_id;
        age = 0;
    }
    if (age < 32)
        f->pictures_seen |= 1u << age;
}

/* ---- the numbers of one packet ---- */

static void map_ids(struct forwarder *f, const struct media_info *m, uint16_t picture_id_offset,
                    bool is_newest, struct forwarder_out *out)
{
    if (m->ids.closes_up && m->ids.picture_id != f->highest_in_picture_id)
        note_picture(f, &m->ids);
    out->rewrites_ids = true;
    out->picture_id = (uint16_t)(m->ids.picture_id + picture_id_offset) &
                      (m->ids.picture_id_bits == 15 ? 0x7fff : 0x7f);
    out->tl0picidx = (uint8_t)(m->ids.tl0picidx + f->tl0_offset);
    out->keyidx = (uint8_t)(m->ids.keyidx + f->keyidx_offset) & 0x1f;
    if (!is_newest)
        return;
    f->highest_picture_id = out->picture_id;
    f->highest_tl0 = out->tl0picidx;
    f->highest_keyidx = out->keyidx;
}

static void note_newest(struct forwarder *f, const struct rtp_header *h,
                        const struct forwarder_out *out, uint64_t now_us)
{
    f->highest_map_seq = h->seq;
    f->highest_out_seq = out->seq;
    if (ts32_newer(out->ts, f->highest_out_ts)) {
        f->highest_out_ts = out->ts;
        f->highest_out_us = now_us;
    }
}

bool forwarder_pass(struct forwarder *f, const struct rtp_header *h, const struct media_info *m,
                    uint64_t now_us, struct forwarder_out *out)
{
    struct offsets o;

    if (!f->started || seq16_newer(f->first_in_seq, h->seq) || !forwarder_follows(f, h->seq) ||
        !offsets_of(f, h->seq, &o)) {
        f->dropped_old++;
        return false;
    }
    *out = (struct forwarder_out){.seq = (uint16_t)(h->seq + o.seq), .ts = h->ts + f->ts_offset};
    bool is_newest = seq16_newer(h->seq, f->highest_map_seq);
    if (m->ids.bytes != 0)
        map_ids(f, m, o.picture_id, is_newest, out);
    if (m->dd.has_frame_number)
        out->frame_number = (uint16_t)(m->dd.frame_number + f->frame_number_offset);
    if (m->dd.has_frame_number && is_newest)
        f->highest_frame_number = out->frame_number;
    if (is_newest)
        note_newest(f, h, out, now_us);
    if (seq16_newer(h->seq, f->highest_in_seq)) {
        f->is_leaving_out = false;
        advance(f, h->seq);
    }
    return true;
}

/* ---- leaving out ---- */

/* Whether nothing but what is left out can stand between the packet left out last and this one. In front of a frame above the
 * lowest spatial layer there may be frames of the same picture that go out. */
static bool continues_left_out(const struct forwarder *f, const struct rtp_header *h,
                               const struct media_info *m)
{
    if (!f->is_leaving_out)
        return false;
    if (h->ts == f->left_out_ts)
        return true;
    if (m->dd.has_frame_number && f->left_out_has_frame_number &&
        (uint16_t)(m->dd.frame_number - f->left_out_frame_number) == 1)
        return true;
    return m->ids.picture_id_bits != 0 && m->spatial <= 0 &&
           picture_diff(m->ids.picture_id, f->left_out_picture_id, m->ids.picture_id_bits) == 1;
}

static void note_left_out(struct forwarder *f, const struct rtp_header *h,
                          const struct media_info *m)
{
    f->is_leaving_out = h->payload_bytes != 0;
    f->left_out_ts = h->ts;
    f->left_out_picture_id = m->ids.picture_id;
    f->left_out_has_frame_number = m->dd.has_frame_number;
    f->left_out_frame_number = m->dd.frame_number;
    advance(f, h->seq);
}

bool forwarder_leave_out(struct forwarder *f, const struct rtp_header *h,
                         const struct media_info *m)
{
    struct forwarder_run run = {.first = h->seq, .count = 1};
    bool is_newest = seq16_newer(h->seq, f->highest_in_seq);
    struct offsets o;

    if (!f->started || !seq16_newer(h->seq, f->highest_map_seq) || !forwarder_follows(f, h->seq))
        return false;
    if (!offsets_of(f, h->seq, &o))
        return true; /* is left out already */
    if (is_newest && continues_left_out(f, h, m)) {
        run.first = (uint16_t)(f->highest_in_seq + 1);
        run.count = (uint16_t)(h->seq - f->highest_in_seq);
    }
    run.pictures = m->ids.closes_up && !is_picture_seen(f, &m->ids);
    if (!add_run(f, &run))
        return false;
    f->seq_offset = (uint16_t)(f->seq_offset - run.count);
    f->picture_id_offset = (uint16_t)(f->picture_id_offset - run.pictures);
    if (m->ids.closes_up)
        note_picture(f, &m->ids);
    if (is_newest)
        note_left_out(f, h, m);
    return true;
}
