/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"
#include <string.h>

#include "core/attr.h"
#include "core/payload_vp8.h"
#include "core/seq.h"
#include "rooms/sfu/forwarder.h"
#include "tests/unit/core/seed.h"
#include "transport/rtp_recv.h"

#define CLOCK_HZ 90000u
#define START_US 7000000ull

static struct forwarder f;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    forwarder_init(&f, 100, 5000, 10);
    now_us = START_US;
    return 0;
}

static struct media_info media_of_vp8(const struct vp8_descriptor *vp8)
{
    struct media_info m = {.spatial = -1, .temporal = -1};

    if (vp8 == NULL)
        return m;
    m.ids.bytes = 1;
    m.ids.picture_id = vp8->picture_id;
    m.ids.picture_id_bits = vp8->picture_id_is_15bit ? 15 : 7;
    m.ids.tl0picidx = vp8->tl0picidx;
    m.ids.keyidx = vp8->keyidx;
    return m;
}

static void begin_vp8(const struct rtp_header *h, uint32_t clock_hz,
                      const struct vp8_descriptor *vp8, bool has_ref, uint32_t ref_ts,
                      uint64_t at_us)
{
    struct media_info m = media_of_vp8(vp8);

    forwarder_begin(&f, h, &m, clock_hz, has_ref, ref_ts, at_us);
}

static bool pass_vp8(const struct rtp_header *h, const struct vp8_descriptor *vp8, uint64_t at_us,
                     struct forwarder_out *out)
{
    struct media_info m = media_of_vp8(vp8);

    return forwarder_pass(&f, h, &m, at_us, out);
}

/* A packet of padding only. */
static bool leave_padding_out(uint16_t seq)
{
    struct rtp_header h = {.seq = seq};
    struct media_info m = media_of_vp8(NULL);

    return forwarder_leave_out(&f, &h, &m);
}

static void switch_at(uint16_t seq, uint32_t ts)
{
    struct rtp_header h = {.seq = seq, .ts = ts};

    begin_vp8(&h, CLOCK_HZ, NULL, false, 0, now_us);
}

static bool map(uint16_t seq, uint32_t ts, struct forwarder_out *out)
{
    struct rtp_header h = {.seq = seq, .ts = ts};

    return pass_vp8(&h, NULL, now_us, out);
}

/* The outgoing number, -1: dropped. */
static int out_seq(uint16_t seq)
{
    struct forwarder_out out;

    return map(seq, 0, &out) ? out.seq : -1;
}

/* ---- one behaviour each ---- */

static void it_starts_with_the_numbers_given(void **state)
{
    struct rtp_header h = {.seq = 4711, .ts = 123};
    struct vp8_descriptor vp8 = {
        .picture_id = 77, .picture_id_is_15bit = true, .has_picture_id = true};
    struct forwarder_out out;

    (void)state;
    assert_false(pass_vp8(&h, &vp8, now_us, &out)); /* not switched to anything yet */
    begin_vp8(&h, CLOCK_HZ, &vp8, false, 0, now_us);
    assert_true(pass_vp8(&h, &vp8, now_us, &out));
    assert_int_equal(out.seq, 100);
    assert_int_equal(out.ts, 5000);
    assert_true(out.rewrites_ids);
    assert_int_equal(out.picture_id, 10);
}

/* A keyframe that came late, with three frames behind it. What went out last is 100 ms newer than the keyframe, by arrivals or reports. */
static void a_switch_to_what_went_by_is_squeezed_until_it_has_caught_up(void **state)
{
    static const struct {
        bool has_ref;
        uint32_t out[5]; /* timestamps beyond that of what flowed */
    } rows[] = {{false, {1, 2, 3, 900, 3870}}, {true, {1, 2, 3, 450, 3420}}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct media_info m = media_of_vp8(NULL);
        struct forwarder_out out;
        set_up(NULL);
        switch_at(10, 1000);
        assert_true(map(10, 1000, &out));
        uint32_t before = out.ts;
        now_us += 10000; /* when the newest of the new one came; by its reports only 5 ms passed */
        uint32_t newest = 500000 + 3 * 2970;
        uint32_t distance = forwarder_distance(&f, newest, rows[i].has_ref, newest - 450, now_us);
        now_us += 3000;
        for (unsigned k = 0; k < 5; k++) {
            struct rtp_header h = {.seq = (uint16_t)(700 + k), .ts = 500000 + k * 2970};
            if (k == 0)
                forwarder_begin_behind(&f, &h, &m, distance, now_us);
            else
                forwarder_squeeze(&f, &h, distance);
            assert_int_equal(forwarder_has_caught_up(&f, distance), k >= 3);
            assert_true(map(h.seq, h.ts, &out));
            assert_int_equal(out.ts - before, rows[i].out[k]);
            assert_int_equal(out.seq, 101 + k);
        }
        assert_false(map(701, 500000 + 2970, &out)); /* its distance was another one */
        assert_true(map(703, 500000 + 3 * 2970, &out));
        assert_int_equal(out.ts - before, rows[i].out[3]);
    }
}

static void numbers_go_on_over_a_switch(void **state)
{
    (void)state;
    switch_at(65534, 0);
    assert_int_equal(out_seq(65534), 100);
    assert_int_equal(out_seq(65535), 101);
    assert_int_equal(out_seq(1), 103); /* one lost */
    switch_at(30000, 0);
    assert_int_equal(out_seq(30000), 104);
    assert_int_equal(out_seq(29999), -1); /* from before the switch */
    assert_int_equal(out_seq(30001), 105);
    assert_int_equal(f.dropped_old, 1);
}

static void a_packet_left_out_leaves_no_gap(void **state)
{
    (void)state;
    switch_at(10, 0);
    assert_int_equal(out_seq(10), 100);
    assert_true(leave_padding_out(11));
    assert_true(leave_padding_out(12));
    assert_int_equal(out_seq(13), 101);
    assert_int_equal(out_seq(11), -1);
}

static void a_loss_in_front_of_one_left_out_stays_a_gap(void **state)
{
    (void)state;
    switch_at(10, 0);
    assert_int_equal(out_seq(10), 100);
    assert_true(leave_padding_out(13)); /* 11 and 12 are missing */
    assert_int_equal(out_seq(14), 103);
    assert_int_equal(out_seq(12), 102); /* late: its number was kept */
    assert_int_equal(out_seq(11), 101);
}

static void what_newer_ones_went_by_cannot_be_left_out(void **state)
{
    (void)state;
    switch_at(10, 0);
    assert_int_equal(out_seq(10), 100);
    assert_int_equal(out_seq(12), 102);
    assert_false(leave_padding_out(11));
    assert_int_equal(out_seq(11), 101);
}

static void many_left_out_forget_the_oldest_and_what_lies_before_it(void **state)
{
    (void)state;
    switch_at(10, 0);
    assert_int_equal(out_seq(10), 100);
    for (uint16_t i = 0; i < FORWARDER_RUNS + 1; i++)
        assert_true(leave_padding_out((uint16_t)(12 + 2 * i))); /* each odd one is missing */
    assert_int_equal(out_seq(11), -1);                          /* before the forgotten one */
    assert_int_equal(out_seq(13), 102);
    assert_int_equal(out_seq(12 + 2 * FORWARDER_RUNS + 1), 101 + FORWARDER_RUNS + 1);
}

static void what_is_far_away_does_not_follow(void **state)
{
    static const struct {
        int distance;
        bool follows;
    } rows[] = {
        {1, true},
        {0, true},
        {FORWARDER_AHEAD, true},
        {FORWARDER_AHEAD + 1, false},
        {-FORWARDER_LATE + 1, true},
        {-FORWARDER_LATE, false},
        {-32768, false},
    };

    (void)state;
    switch_at(1000, 0);
    assert_int_equal(out_seq(1000), 100);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(forwarder_follows(&f, (uint16_t)(1000 + rows[i].distance)),
                         rows[i].follows);
    assert_int_equal(out_seq((uint16_t)(1000 + FORWARDER_AHEAD + 1)), -1);
}

/* The distance in time between what went out last and the first of the new source. */
static void time_goes_on_by_the_real_distance(void **state)
{
    static const struct {
        const char *what;
        bool has_ref;
        int32_t since_ref; /* of the new packet */
        uint64_t later_us;
        uint32_t want;
    } rows[] = {
        {"by arrival", false, 0, 40000, 3600},
        {"at least a tick", false, 0, 0, 1},
        {"after a long pause", false, 0, 3600000000, 324000000},
        {"by reports", true, 3000, 40000, 3000},
        {"reports that say older", true, -3000, 40000, 1},
        {"reports that say the same", true, 0, 40000, 1},
        {"reports that contradict: ahead", true, 94000, 40000, 3600},
        {"reports that contradict: behind", true, -90000, 40000, 3600},
        {"reports that contradict: far", true, INT32_MIN, 40000, 3600},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct forwarder_out before, after;
        struct rtp_header h = {.seq = 9, .ts = 0xfffffff0}; /* wraps by and by */
        set_up(state);
        switch_at(1, 77);
        assert_true(map(1, 77, &before));
        now_us += rows[i].later_us;
        begin_vp8(&h, CLOCK_HZ, NULL, rows[i].has_ref, h.ts - (uint32_t)rows[i].since_ref, now_us);
        assert_true(map(9, h.ts, &after));
        if (after.ts - before.ts != rows[i].want)
            fail_msg("%s: %u, not %u", rows[i].what, after.ts - before.ts, rows[i].want);
    }
}

static void reordering_does_not_turn_time_back(void **state)
{
    struct forwarder_out a, b, c;

    (void)state;
    switch_at(1, 1000);
    assert_true(map(1, 1000, &a));
    now_us += 33000;
    assert_true(map(3, 7000, &b));
    now_us += 1000;
    assert_true(map(2, 4000, &c));
    assert_int_equal(b.ts - a.ts, 6000);
    assert_int_equal(c.ts - a.ts, 3000);
    now_us += 32000; /* 33 ms after the newest timestamp */
    switch_at(500, 0);
    assert_true(map(500, 0, &c));
    assert_int_equal(c.ts - b.ts, 2970);
}

static void picture_ids_of_both_widths_go_on(void **state)
{
    struct forwarder_out out;
    struct vp8_descriptor wide = {
        .has_picture_id = true, .picture_id_is_15bit = true, .picture_id = 0x7fff};
    struct vp8_descriptor narrow = {.has_picture_id = true, .picture_id = 0x7f};
    struct rtp_header h = {.seq = 1};

    (void)state;
    forwarder_init(&f, 1, 1, 0x7fff);
    begin_vp8(&h, CLOCK_HZ, &wide, false, 0, now_us);
    assert_true(pass_vp8(&h, &wide, now_us, &out));
    assert_int_equal(out.picture_id, 0x7fff);
    h.seq++;
    wide.picture_id = 0;
    assert_true(pass_vp8(&h, &wide, now_us, &out));
    assert_int_equal(out.picture_id, 0);
    begin_vp8(&h, CLOCK_HZ, &narrow, false, 0, now_us);
    assert_true(pass_vp8(&h, &narrow, now_us, &out));
    assert_int_equal(out.picture_id, 1);
}

/* ---- media left out ---- */

/* A VP8 packet. */
static struct media_info vp8_of(uint16_t picture_id)
{
    return (struct media_info){
        .spatial = -1,
        .temporal = 0,
        .ids = {.bytes = 4, .picture_id_bits = 15, .picture_id = picture_id, .closes_up = true}};
}

static bool leave_out(uint16_t seq, uint32_t ts, struct media_info m)
{
    struct rtp_header h = {.seq = seq, .ts = ts, .payload_bytes = 100};

    return forwarder_leave_out(&f, &h, &m);
}

static struct forwarder_out pass(uint16_t seq, uint32_t ts, struct media_info m)
{
    struct rtp_header h = {.seq = seq, .ts = ts, .payload_bytes = 100};
    struct forwarder_out out = {0};

    if (!forwarder_pass(&f, &h, &m, now_us, &out))
        fail_msg("%u is refused", seq);
    return out;
}

static void begin(uint16_t seq, struct media_info m)
{
    struct rtp_header h = {.seq = seq};

    forwarder_begin(&f, &h, &m, CLOCK_HZ, false, 0, now_us);
}

static void pictures_left_out_close_up(void **state)
{
    (void)state;
    begin(10, vp8_of(0x7ffe));
    assert_int_equal(pass(10, 0, vp8_of(0x7ffe)).picture_id, 10);
    assert_true(leave_out(11, 3000, vp8_of(0x7fff)));
    assert_true(leave_out(12, 3000, vp8_of(0x7fff)));
    /* 13, of picture 0, is lost */
    assert_int_equal(pass(14, 6000, vp8_of(0)).picture_id, 11);
    assert_true(leave_out(15, 9000, vp8_of(1)));
    assert_int_equal(pass(16, 12000, vp8_of(2)).picture_id, 12);
    struct forwarder_out late = pass(13, 6000, vp8_of(0));
    assert_int_equal(late.picture_id, 11);
    assert_int_equal(late.seq, 101);
    assert_int_equal(f.highest_out_seq, 103);
}

static void pictures_left_out_of_order_close_up_once(void **state)
{
    (void)state;
    begin(10, vp8_of(5));
    assert_int_equal(pass(10, 0, vp8_of(5)).picture_id, 10);
    assert_true(leave_out(14, 6000, vp8_of(7)));
    assert_true(leave_out(12, 3000, vp8_of(6)));
    assert_true(leave_out(13, 6000, vp8_of(7)));
    assert_true(leave_out(11, 3000, vp8_of(6)));
    assert_int_equal(f.run_count, 1);
    struct forwarder_out out = pass(15, 9000, vp8_of(8));
    assert_int_equal(out.picture_id, 11);
    assert_int_equal(out.seq, 101);
}

static void what_is_lost_inside_a_picture_left_out_is_left_out(void **state)
{
    struct media_info m = vp8_of(5);

    (void)state;
    begin(10, m);
    assert_int_equal(pass(10, 0, m).seq, 100);
    m = vp8_of(6);
    assert_true(leave_out(11, 3000, m));
    assert_true(leave_out(14, 3000, m));         /* the same picture */
    assert_true(leave_out(17, 6000, vp8_of(7))); /* the next one */
    assert_true(
        leave_out(19, 12000, vp8_of(9))); /* a picture is missing: it may be one that goes out */
    assert_int_equal(pass(20, 15000, vp8_of(10)).seq, 102);
    assert_int_equal(pass(18, 9000, vp8_of(8)).seq, 101);
    struct rtp_header h = {.seq = 12, .ts = 3000};
    struct forwarder_out out;
    assert_false(forwarder_pass(&f, &h, &m, now_us, &out));
    h.seq = 16;
    assert_false(forwarder_pass(&f, &h, &m, now_us, &out));
}

/* Between an upper layer's frame that is left out and the next picture's there may be a lower one that goes out. */
static void what_is_lost_below_an_upper_layer_is_not(void **state)
{
    struct media_info m = {.spatial = 0,
                           .ids = {.bytes = 3, .picture_id_bits = 7, .picture_id = 1}};

    (void)state;
    begin(10, m);
    assert_int_equal(pass(10, 0, m).seq, 100);
    m.spatial = 1;
    assert_true(leave_out(11, 0, m));
    m.ids.picture_id = 2;
    assert_true(leave_out(13, 3000, m));
    m.spatial = 0;
    assert_int_equal(pass(12, 3000, m).seq, 101);
}

static void other_ids_keep_their_gaps(void **state)
{
    struct media_info m = {.spatial = 0,
                           .ids = {.bytes = 3, .picture_id_bits = 7, .picture_id = 126},
                           .dd = {.has_frame_number = true, .frame_number = 65535}};

    (void)state;
    begin(10, m);
    struct forwarder_out out = pass(10, 0, m);
    assert_int_equal(out.picture_id, 10);
    assert_int_equal(out.frame_number, 10);
    m.ids.picture_id = 127;
    m.dd.frame_number = 0;
    assert_true(leave_out(11, 3000, m));
    m.ids.picture_id = 0;
    m.dd.frame_number = 1;
    out = pass(12, 6000, m);
    assert_int_equal(out.seq, 101);
    assert_int_equal(out.picture_id, 12);
    assert_int_equal(out.frame_number, 12);
    m.ids.picture_id = 70;
    m.dd.frame_number = 7000;
    begin(500, m);
    out = pass(500, 0, m);
    assert_int_equal(out.picture_id, 13);
    assert_int_equal(out.frame_number, 13);
}

/* ---- random interleavings ---- */

#define SOURCES 3
#define FRAME_US 33333ull
#define MAX_FLIGHT 256
#define STEPS 60000

struct media {
    unsigned source;
    int64_t n; /* position in its source */
    struct rtp_header h;
    struct vp8_descriptor vp8;
    bool is_padding, is_keyframe;
    uint64_t sent_us, arrival_us;
};

struct source {
    int64_t next_n;
    uint32_t ts;
    uint16_t first_seq, picture_id;
    uint8_t tl0, keyidx;
    uint64_t next_frame_us;
    struct rtp_recv recv;
};

/* What the forwarder did since the last switch. */
struct epoch {
    int64_t first_n, first_out;
    int64_t skips[4096];
    size_t skip_count;
    uint32_t ts_offset;
    uint16_t picture_id_offset;
    uint8_t tl0_offset, keyidx_offset;
};

static struct world {
    struct rng rng;
    struct source source[SOURCES];
    struct media flight[MAX_FLIGHT];
    size_t in_flight;
    int current; /* source, -1: none */
    unsigned wanted;
    bool is_switching;
    struct epoch epoch;
    struct seq16_unwrapper out_seq;
    uint64_t owner[65536]; /* of an outgoing number: source and position */
    int64_t owned_ext[65536];
    struct forwarder_out newest;
    int64_t newest_ext;
    uint64_t newest_sent_us;
    uint64_t switches, mapped, skipped, late, lost;
    bool has_loss, has_reorder, has_padding;
} w;

static bool chance(unsigned percent)
{
    return rng_below(&w.rng, 100) < percent;
}

static void put_in_flight(struct media *m)
{
    if (w.has_loss && chance(8)) {
        w.lost++;
        return;
    }
    m->arrival_us =
        now_us + 20000 + (w.has_reorder ? rng_below(&w.rng, chance(5) ? 60000 : 3000) : 0);
    for (int copies = chance(3) ? 2 : 1; copies > 0 && w.in_flight < MAX_FLIGHT; copies--) {
        w.flight[w.in_flight++] = *m;
        m->arrival_us += rng_below(&w.rng, 5000);
    }
}

static void emit(unsigned i, bool is_padding, bool is_keyframe)
{
    struct source *s = &w.source[i];
    struct media m = {.source = i,
                      .n = s->next_n++,
                      .is_padding = is_padding,
                      .is_keyframe = is_keyframe,
                      .sent_us = now_us};

    m.h.seq = (uint16_t)(s->first_seq + m.n);
    m.h.ts = s->ts;
    m.vp8 = (struct vp8_descriptor){.has_picture_id = true,
                                    .picture_id_is_15bit = true,
                                    .picture_id = s->picture_id,
                                    .has_tl0picidx = true,
                                    .tl0picidx = s->tl0,
                                    .has_keyidx = true,
                                    .keyidx = s->keyidx};
    put_in_flight(&m);
}

static void emit_frame(unsigned i)
{
    struct source *s = &w.source[i];
    bool is_keyframe = chance(10);

    s->ts += (uint32_t)(FRAME_US * CLOCK_HZ / 1000000);
    s->picture_id = (s->picture_id + 1) & 0x7fff;
    s->tl0++;
    s->keyidx = (s->keyidx + is_keyframe) & 0x1f;
    for (unsigned n = 1 + rng_below(&w.rng, 6); n > 0; n--) {
        emit(i, false, is_keyframe);
        is_keyframe = false;
    }
    for (unsigned n = w.has_padding && chance(15) ? 1 + rng_below(&w.rng, 3) : 0; n > 0; n--)
        emit(i, true, false);
}

/* Expected number of a packet: those left out before it are not counted. */
static int64_t expected_out(int64_t n)
{
    int64_t out = w.epoch.first_out + n - w.epoch.first_n;

    for (size_t i = 0; i < w.epoch.skip_count; i++)
        out -= w.epoch.skips[i] < n;
    return out;
}

static bool may_be_dropped(const struct media *m)
{
    const struct epoch *e = &w.epoch;

    if (m->n < e->first_n)
        return true;
    return e->skip_count > FORWARDER_RUNS && m->n <= e->skips[e->skip_count - FORWARDER_RUNS - 1];
}

static void note_owner(int64_t ext, const struct media *m)
{
    uint64_t id = (uint64_t)m->source << 56 | (uint64_t)m->n;
    size_t i = (size_t)ext % 65536;

    if (w.owned_ext[i] == ext)
        assert_int_equal(w.owner[i], id); /* never two packets under one number */
    w.owned_ext[i] = ext;
    w.owner[i] = id;
}

static void check_switch(const struct media *m, const struct forwarder_out *out, int64_t ext)
{
    struct epoch *e = &w.epoch;

    if (w.switches > 1) {
        int64_t real_ticks = (int64_t)(m->sent_us - w.newest_sent_us) * CLOCK_HZ / 1000000;
        int64_t ticks = ts32_diff(out->ts, w.newest.ts);
        assert_int_equal(ext, w.newest_ext + 1);
        assert_true(ticks > 0);
        assert_true(ticks - real_ticks < (int64_t)CLOCK_HZ / 10 &&
                    real_ticks - ticks < (int64_t)CLOCK_HZ / 10);
        assert_int_equal(out->picture_id, (w.newest.picture_id + 1) & 0x7fff);
        assert_int_equal(out->tl0picidx, (uint8_t)(w.newest.tl0picidx + 1));
        assert_int_equal(out->keyidx, (w.newest.keyidx + 1) & 0x1f);
    }
    *e = (struct epoch){.first_n = m->n, .first_out = ext};
    e->ts_offset = out->ts - m->h.ts;
    e->picture_id_offset = (uint16_t)(out->picture_id - m->vp8.picture_id) & 0x7fff;
    e->tl0_offset = (uint8_t)(out->tl0picidx - m->vp8.tl0picidx);
    e->keyidx_offset = (uint8_t)(out->keyidx - m->vp8.keyidx) & 0x1f;
}

static void check_packet(const struct media *m, const struct forwarder_out *out, int64_t ext)
{
    const struct epoch *e = &w.epoch;

    assert_int_equal(ext, expected_out(m->n));
    assert_int_equal(out->ts - m->h.ts, e->ts_offset);
    assert_int_equal((uint16_t)(out->picture_id - m->vp8.picture_id) & 0x7fff,
                     e->picture_id_offset);
    assert_int_equal((uint8_t)(out->tl0picidx - m->vp8.tl0picidx), e->tl0_offset);
    assert_int_equal((out->keyidx - m->vp8.keyidx) & 0x1f, e->keyidx_offset);
}

static void send_mapped(const struct media *m, bool is_first)
{
    struct forwarder_out out;

    if (!pass_vp8(&m->h, &m->vp8, now_us, &out)) {
        assert_true(may_be_dropped(m));
        w.late++;
        return;
    }
    int64_t ext = seq16_unwrap(&w.out_seq, out.seq);
    if (is_first)
        check_switch(m, &out, ext);
    else
        check_packet(m, &out, ext);
    note_owner(ext, m);
    w.mapped++;
    if (ext > w.newest_ext) {
        w.newest = out;
        w.newest_ext = ext;
        w.newest_sent_us = m->sent_us;
    }
}

static void deliver(const struct media *m)
{
    bool is_first = w.is_switching && m->source == w.wanted && m->is_keyframe;

    if (!rtp_recv_packet(&w.source[m->source].recv, m->h.seq, m->h.ts, 100, now_us))
        return; /* duplicates, and what is too late, end here */
    if (is_first) {
        w.is_switching = false;
        w.current = (int)m->source;
        w.switches++;
        begin_vp8(&m->h, CLOCK_HZ, &m->vp8, false, 0, now_us);
    }
    if ((int)m->source != w.current)
        return;
    assert_true(forwarder_follows(&f, m->h.seq));
    if (m->is_padding && leave_padding_out(m->h.seq)) {
        assert_true(w.epoch.skip_count < ARRAY_LEN(w.epoch.skips));
        w.epoch.skips[w.epoch.skip_count++] = m->n;
        w.skipped++;
        return;
    }
    send_mapped(m, is_first);
}

static void deliver_due(void)
{
    for (;;) {
        size_t best = w.in_flight;
        for (size_t i = 0; i < w.in_flight; i++)
            if (w.flight[i].arrival_us <= now_us &&
                (best == w.in_flight || w.flight[i].arrival_us < w.flight[best].arrival_us))
                best = i;
        if (best == w.in_flight)
            return;
        struct media m = w.flight[best];
        memmove(&w.flight[best], &w.flight[best + 1], (--w.in_flight - best) * sizeof(m));
        deliver(&m);
    }
}

static void run_world(uint64_t seed)
{
    memset(&w, 0, sizeof(w));
    rng_seed(&w.rng, seed);
    w.has_loss = chance(70);
    w.has_reorder = chance(70);
    w.has_padding = chance(70);
    w.current = -1;
    w.newest_ext = -1;
    now_us = START_US;
    forwarder_init(&f, (uint16_t)rng_u32(&w.rng), rng_u32(&w.rng),
                   (uint16_t)rng_u32(&w.rng) & 0x7fff);
    for (unsigned i = 0; i < SOURCES; i++) {
        struct source *s = &w.source[i];
        *s = (struct source){.ts = rng_u32(&w.rng),
                             .first_seq = (uint16_t)rng_u32(&w.rng),
                             .picture_id = (uint16_t)rng_u32(&w.rng) & 0x7fff,
                             .tl0 = (uint8_t)rng_u32(&w.rng),
                             .next_frame_us = now_us + rng_below(&w.rng, FRAME_US)};
        rtp_recv_init(&s->recv, i + 1, CLOCK_HZ);
    }
    w.is_switching = true;
    for (unsigned step = 0; step < STEPS; step++) {
        now_us += 500 + rng_below(&w.rng, 1500);
        for (unsigned i = 0; i < SOURCES; i++) {
            for (; w.source[i].next_frame_us <= now_us; w.source[i].next_frame_us += FRAME_US)
                emit_frame(i);
        }
        deliver_due();
        if (rng_below(&w.rng, 1000) == 0) {
            w.wanted = rng_below(&w.rng, SOURCES);
            w.is_switching = true;
        }
    }
    assert_true(w.switches > 10 && w.mapped > 1000);
}

static void random_interleavings_leave_no_trace(void **state)
{
    uint64_t seed = seed_of_test();

    (void)state;
    seed_print(seed);
    for (uint64_t i = 0; i < 6; i++)
        run_world(seed + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_starts_with_the_numbers_given, set_up),
        cmocka_unit_test_setup(a_switch_to_what_went_by_is_squeezed_until_it_has_caught_up, set_up),
        cmocka_unit_test_setup(numbers_go_on_over_a_switch, set_up),
        cmocka_unit_test_setup(a_packet_left_out_leaves_no_gap, set_up),
        cmocka_unit_test_setup(a_loss_in_front_of_one_left_out_stays_a_gap, set_up),
        cmocka_unit_test_setup(what_newer_ones_went_by_cannot_be_left_out, set_up),
        cmocka_unit_test_setup(many_left_out_forget_the_oldest_and_what_lies_before_it, set_up),
        cmocka_unit_test_setup(what_is_far_away_does_not_follow, set_up),
        cmocka_unit_test_setup(time_goes_on_by_the_real_distance, set_up),
        cmocka_unit_test_setup(reordering_does_not_turn_time_back, set_up),
        cmocka_unit_test_setup(picture_ids_of_both_widths_go_on, set_up),
        cmocka_unit_test_setup(pictures_left_out_close_up, set_up),
        cmocka_unit_test_setup(pictures_left_out_of_order_close_up_once, set_up),
        cmocka_unit_test_setup(what_is_lost_inside_a_picture_left_out_is_left_out, set_up),
        cmocka_unit_test_setup(what_is_lost_below_an_upper_layer_is_not, set_up),
        cmocka_unit_test_setup(other_ids_keep_their_gaps, set_up),
        cmocka_unit_test_setup(random_interleavings_leave_no_trace, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
