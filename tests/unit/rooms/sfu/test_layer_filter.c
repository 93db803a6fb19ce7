/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/dependency_descriptor.h"
#include "rooms/sfu/layer_filter.h"
#include "tests/support/dd_bytes.h"

#define PICTURE_TS 3000u

static struct layer_filter f;
static struct layer_verdict verdict;
static struct dependency_state dd;
static uint16_t seq;

static int set_up(void **state)
{
    (void)state;
    layer_filter_init(&f);
    dd = (struct dependency_state){0};
    seq = 65530; /* wraps by and by */
    return 0;
}

/* ---- packets ---- */

/* One packet that is a whole frame. */
static struct media_info frame(int spatial, int temporal)
{
    return (struct media_info){.spatial = (int8_t)spatial,
                               .temporal = (int8_t)temporal,
                               .starts_layer = true,
                               .ends_layer = true,
                               .is_frame_start = spatial <= 0};
}

static struct media_info keyframe(int spatial, int temporal)
{
    struct media_info m = frame(spatial, temporal);

    m.is_keyframe = true;
    return m;
}

/* VP8 layer sync, and what VP9 calls a switching up point. */
static struct media_info sync(int spatial, int temporal)
{
    struct media_info m = frame(spatial, temporal);

    for (int s = 0; s < MEDIA_MAX_SPATIAL; s++)
        m.switches |= MEDIA_LAYER_BIT(s, temporal);
    return m;
}

static bool take_at(uint16_t at_seq, unsigned picture, struct media_info m)
{
    struct rtp_header h = {.seq = at_seq, .ts = picture * PICTURE_TS - 5 * PICTURE_TS};

    return layer_filter_take(&f, &h, &m, &verdict);
}

static bool take(unsigned picture, struct media_info m)
{
    return take_at(seq++, picture, m);
}

static void expect_point(unsigned spatial, unsigned temporal)
{
    struct layer_point at = layer_filter_current(&f);

    assert_int_equal(at.spatial, spatial);
    assert_int_equal(at.temporal, temporal);
}

/* ---- time ---- */

static void everything_goes_out_at_first(void **state)
{
    (void)state;
    assert_true(take(0, keyframe(-1, 0)));
    assert_true(take(1, frame(-1, 2)));
    assert_true(take(2, frame(-1, 1)));
    assert_false(layer_filter_wants_keyframe(&f));
}

static void what_tells_no_layer_goes_out(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 0);
    assert_true(take(3, frame(-1, -1)));
    assert_true(take(1, frame(-1, -1))); /* whatever its time: there may be B-frames */
    assert_true(take(2, frame(-1, -1)));
}

static void the_frame_rate_falls_with_the_next_picture(void **state)
{
    (void)state;
    assert_true(take(0, keyframe(-1, 0)));
    assert_true(take(1, frame(-1, 2)));
    layer_filter_set_target(&f, 0, 0);
    assert_true(take(1, frame(-1, 2))); /* the rest of it */
    assert_false(take(2, frame(-1, 1)));
    assert_false(take(3, frame(-1, 2)));
    assert_true(take(4, frame(-1, 0)));
    expect_point(0, 0);
}

static void it_rises_a_step_where_the_stream_is_in_sync(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 0);
    assert_true(take(0, keyframe(-1, 0)));
    assert_false(take(1, sync(-1, 2)));
    layer_filter_set_target(&f, 0, 2);
    assert_false(take(2, frame(-1, 1))); /* refers to its like, which was left out */
    assert_false(take(3, sync(-1, 2)));  /* two steps up */
    assert_true(take(4, frame(-1, 0)));
    assert_true(take(6, sync(-1, 1)));
    expect_point(0, 1);
    assert_false(take(7, frame(-1, 2)));
    assert_true(take(8, frame(-1, 0)));
    assert_true(take(9, sync(-1, 2)));
    assert_true(take(10, frame(-1, 1)));
    assert_true(take(11, frame(-1, 2)));
}

static void a_keyframe_lifts_to_the_target(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 0);
    assert_true(take(0, keyframe(-1, 0)));
    layer_filter_set_target(&f, 0, 2);
    assert_true(take(1, frame(-1, 0)));
    expect_point(0, 0);
    assert_true(take(2, keyframe(-1, 0)));
    assert_true(take(3, frame(-1, 2)));
}

static void a_frame_is_not_entered_in_its_middle(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 0);
    assert_true(take(0, keyframe(-1, 0)));
    layer_filter_set_target(&f, 0, 1);
    struct media_info middle = sync(-1, 1);
    middle.starts_layer = middle.is_frame_start = false;
    assert_false(take_at(3, 1, middle));      /* its first packet is missing */
    assert_false(take_at(2, 1, sync(-1, 1))); /* and comes late */
    assert_true(take_at(4, 2, frame(-1, 0)));
    assert_true(take_at(5, 3, sync(-1, 1)));
}

static void late_packets_follow_their_picture(void **state)
{
    (void)state;
    assert_true(take_at(0, 0, keyframe(-1, 0)));
    assert_true(take_at(3, 1, frame(-1, 1)));
    layer_filter_set_target(&f, 0, 0);
    assert_false(take_at(9, 3, frame(-1, 1)));
    layer_filter_set_target(&f, 0, 1);
    assert_true(take_at(12, 4, frame(-1, 0)));
    assert_true(take_at(14, 5, sync(-1, 1)));
    assert_true(take_at(2, 1, frame(-1, 1)));
    assert_true(take_at(5, 2, frame(-1, 1))); /* none of it was seen: as the picture before it */
    assert_false(take_at(8, 3, frame(-1, 1)));
    assert_true(take_at(13, 5, frame(-1, 1)));
}

static bool review(unsigned picture, struct media_info m)
{
    struct rtp_header h = {.ts = picture * PICTURE_TS - 5 * PICTURE_TS};
    struct layer_filter before = f;
    bool goes_out = layer_filter_review(&f, &h, &m, &verdict);

    assert_memory_equal(&f, &before, sizeof(f));
    return goes_out;
}

static void what_is_sent_again_is_what_was_sent(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 1);
    assert_true(take(0, keyframe(0, 0)));
    assert_true(verdict.marker);
    assert_true(take(1, frame(0, 1)));
    layer_filter_set_target(&f, 1, 0);
    assert_true(take(2, keyframe(0, 0)));
    assert_true(review(0, keyframe(0, 0)));
    assert_true(verdict.marker);
    assert_false(review(0, frame(1, 0)));
    assert_true(review(1, frame(0, 1)));
    assert_true(review(2, keyframe(0, 0)));
    assert_false(verdict.marker);
    assert_true(review(2, frame(1, 0)));
    assert_true(verdict.marker);
    assert_false(review(3, frame(0, 1)));
    assert_true(review(3, frame(-1, -1)));
}

static void references_that_were_left_out_keep_a_layer_out(void **state)
{
    struct media_info base = frame(0, 0), upper = sync(0, 1);

    (void)state;
    layer_filter_set_target(&f, 0, 0);
    base.number_bits = upper.number_bits = 7;
    base.number = 126;
    struct media_info key = base;
    key.is_keyframe = true;
    assert_true(take(0, key));
    layer_filter_set_target(&f, 0, 1);
    upper.number = 127;
    upper.refs = 1u << 1; /* 125: before the start */
    assert_false(take(1, upper));
    base.number = 0;
    assert_true(take(2, base));
    upper.number = 1;
    upper.refs = 1u << 0 | 1u << 1; /* 0 and 127 */
    assert_false(take(3, upper));
    upper.number = 3;
    upper.refs = 1u << 2 | 1u << 4; /* 0 and 126 */
    upper.has_far_refs = true;
    assert_false(take(4, upper));
    upper.number = 4;
    upper.refs <<= 1;
    upper.has_far_refs = false;
    assert_true(take(5, upper));
}

/* ---- space ---- */

static void layers_above_the_target_are_cut_and_the_marker_moves(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 1, 7);
    assert_true(take(0, keyframe(0, 0)));
    assert_false(verdict.marker);
    assert_true(take(0, frame(1, 0)));
    assert_true(verdict.marker);
    assert_false(take(0, frame(2, 0)));
    layer_filter_set_target(&f, 0, 7);
    assert_false(take(0, frame(2, 0)));
    assert_true(take(1, frame(0, 0)));
    assert_true(verdict.marker);
    assert_false(take(1, frame(1, 0)));
}

static void without_cut_the_senders_marker_counts(void **state)
{
    struct rtp_header h = {.seq = 2, .marker = true};
    struct media_info m = frame(1, 0);

    (void)state;
    assert_true(take_at(1, 5, keyframe(0, 0)));
    assert_false(verdict.marker);
    assert_true(layer_filter_take(&f, &h, &m, &verdict));
    assert_true(verdict.marker);
}

static void up_in_space_wants_a_keyframe(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 7);
    assert_true(take(0, keyframe(0, 0)));
    assert_false(take(0, frame(1, 0)));
    assert_false(layer_filter_wants_keyframe(&f));
    layer_filter_set_target(&f, 2, 7);
    assert_true(take(1, frame(0, 0)));
    assert_false(layer_filter_wants_keyframe(&f)); /* there may be no such layer */
    assert_false(take(1, frame(1, 0)));
    assert_true(layer_filter_wants_keyframe(&f));
    layer_filter_set_target(&f, 0, 7);
    assert_false(layer_filter_wants_keyframe(&f));
    layer_filter_set_target(&f, 1, 7);
    assert_false(take(2, frame(1, 0)));
    assert_true(layer_filter_wants_keyframe(&f));
    assert_true(take(3, keyframe(0, 0)));
    assert_false(layer_filter_wants_keyframe(&f));
    assert_true(take(3, frame(1, 0)));
    assert_false(take(3, frame(2, 0)));
}

static void a_layer_that_starts_anew_is_entered(void **state)
{
    struct media_info entry = frame(1, 0);

    (void)state;
    entry.enters_layer = true;
    layer_filter_set_target(&f, 0, 7);
    assert_true(take(0, keyframe(0, 0)));
    layer_filter_set_target(&f, 2, 7);
    assert_true(take(1, frame(0, 0)));
    entry.spatial = 2;
    assert_false(take(1, entry)); /* not the next one */
    assert_true(take(2, frame(0, 0)));
    entry.spatial = 1;
    assert_true(take(2, entry));
    entry.spatial = 2;
    assert_true(take(2, entry));
    expect_point(2, 7);
    assert_false(layer_filter_wants_keyframe(&f));
}

/* VP9's flag is about time: it opens no spatial layer. */
static void a_point_to_go_up_in_time_is_none_in_space(void **state)
{
    struct media_info m = frame(1, 1);

    (void)state;
    layer_filter_set_target(&f, 0, 1);
    assert_true(take(0, keyframe(0, 0)));
    layer_filter_set_target(&f, 1, 1);
    assert_true(take(1, sync(0, 1)));
    assert_false(take(1, m));
    expect_point(0, 1);
}

/* ---- dependency descriptors ---- */

static struct media_info described(uint8_t template_index, uint16_t number, bool is_key)
{
    static const uint8_t spatial[] = {0, 0, 0, 1, 1, 1}, temporal[] = {0, 0, 1, 0, 0, 1};
    struct dd_bytes_frame fr = {.starts = true,
                                .ends = true,
                                .has_structure = is_key,
                                .template_index = template_index,
                                .number = number};
    uint8_t bytes[DD_BYTES_MAX];
    size_t len = dd_bytes_write(bytes, &dd_bytes_l2t2, &fr);
    struct dependency_descriptor d;
    struct media_info m = frame(spatial[template_index], temporal[template_index]);

    assert_int_equal(dependency_descriptor_parse(&d, &dd, bytes, len), 0);
    for (unsigned t = 0; t < 4; t++)
        if (dd_switch_targets(&d.frame) >> t & 1)
            m.switches |= MEDIA_LAYER_BIT(t / 2, t % 2);
    m.is_keyframe = is_key;
    m.number = number;
    m.number_bits = 16;
    m.refs = d.frame.refs;
    m.dd = (struct descriptor_ids){.has_frame_number = true,
                                   .has_structure = is_key,
                                   .target_count = d.target_count,
                                   .active = d.active};
    if (is_key)
        layer_filter_learn(&f, bytes, len);
    return m;
}

/* Two pictures of the structure: T0 and T1, four frames from @number on. */
static void take_pair(unsigned picture, uint16_t number, bool is_key, const char *want)
{
    const uint8_t templates[] = {is_key ? 0 : 1, is_key ? 3 : 4, 2, 5};

    for (unsigned i = 0; i < 4; i++) {
        struct media_info m = described(templates[i], (uint16_t)(number + i), is_key && i == 0);
        bool goes_out = take(picture + i / 2, m);
        if (goes_out != (want[i] == 'x'))
            fail_msg("frame %u of picture %u %s", i, picture,
                     goes_out ? "goes out" : "is left out");
    }
}

static void decode_targets_say_where_to_switch(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 0);
    take_pair(0, 65534, true, "x---");
    layer_filter_set_target(&f, 0, 1);
    take_pair(2, 2, false, "x-x-"); /* the base frame is a point to switch at */
    layer_filter_set_target(&f, 1, 1);
    take_pair(4, 6, false, "x-x-"); /* S1 refers to S1, which was left out */
    assert_true(layer_filter_wants_keyframe(&f));
    take_pair(6, 10, true, "xxxx");
    layer_filter_set_target(&f, 1, 0);
    take_pair(8, 14, false, "xx--");
    layer_filter_set_target(&f, 1, 1);
    take_pair(10, 18, false, "xxxx");
    layer_filter_set_target(&f, 0, 1);
    take_pair(12, 22, false, "x-x-");
}

static void the_mask_tells_of_what_is_cut(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 1);
    assert_true(take(0, described(0, 0, true)));
    assert_true(verdict.has_active);
    assert_int_equal(verdict.active, 3); /* S0T0, S0T1 */
    for (unsigned i = 1; i < LAYER_FILTER_ACTIVE_FRAMES; i++) {
        assert_true(take(i, described(i % 2 == 0 ? 1 : 2, (uint16_t)(2 * i), false)));
        assert_true(verdict.has_active);
    }
    assert_true(take(20, described(1, 40, false)));
    assert_false(verdict.has_active);
    layer_filter_set_target(&f, 0, 0);
    assert_true(take(22, described(1, 44, false)));
    assert_true(verdict.has_active);
    assert_int_equal(verdict.active, 1);
    layer_filter_set_target(&f, LAYER_ALL, LAYER_ALL);
    assert_true(take(24, described(0, 48, true)));
    assert_false(verdict.has_active); /* the structure alone says: all */
    assert_true(take(24, described(3, 49, false)));
    assert_false(verdict.has_active);
}

/* A layer that the structure does not know any more: an encoder makes fewer of them, or somebody lied. */
static void a_layer_that_the_structure_has_not_is_not_waited_for(void **state)
{
    (void)state;
    assert_true(take(0, described(0, 0, true)));
    assert_true(take(2, frame(3, 4)));
    assert_int_equal(f.top_spatial, 3);
    assert_int_equal(f.top_temporal, 4);
    assert_true(take(4, described(0, 8, true)));
    assert_int_equal(f.top_spatial, 1);
    assert_int_equal(f.top_temporal, 1);
}

/* ---- sources ---- */

static void another_source_starts_at_the_target(void **state)
{
    (void)state;
    assert_true(take(9, keyframe(-1, 0)));
    assert_true(take(10, frame(-1, 2)));
    layer_filter_set_target(&f, 1, 1);
    layer_filter_restart(&f);
    seq = 20000;
    assert_true(take(2, keyframe(-1, 0))); /* whatever its clock says */
    expect_point(1, 1);
    assert_false(take(3, frame(-1, 2)));
    assert_true(take(4, frame(-1, 1)));
}

static void a_clock_that_stepped_back_starts_anew(void **state)
{
    (void)state;
    layer_filter_set_target(&f, 0, 0);
    assert_true(take(1000, keyframe(-1, 0)));
    layer_filter_set_target(&f, 0, 1);
    assert_true(take(10, keyframe(-1, 0)));
    assert_true(take(11, frame(-1, 1)));
    layer_filter_set_target(&f, 0, 0);
    assert_false(take(12, frame(-1, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(everything_goes_out_at_first, set_up),
        cmocka_unit_test_setup(what_tells_no_layer_goes_out, set_up),
        cmocka_unit_test_setup(the_frame_rate_falls_with_the_next_picture, set_up),
        cmocka_unit_test_setup(it_rises_a_step_where_the_stream_is_in_sync, set_up),
        cmocka_unit_test_setup(a_keyframe_lifts_to_the_target, set_up),
        cmocka_unit_test_setup(a_frame_is_not_entered_in_its_middle, set_up),
        cmocka_unit_test_setup(late_packets_follow_their_picture, set_up),
        cmocka_unit_test_setup(what_is_sent_again_is_what_was_sent, set_up),
        cmocka_unit_test_setup(references_that_were_left_out_keep_a_layer_out, set_up),
        cmocka_unit_test_setup(layers_above_the_target_are_cut_and_the_marker_moves, set_up),
        cmocka_unit_test_setup(without_cut_the_senders_marker_counts, set_up),
        cmocka_unit_test_setup(up_in_space_wants_a_keyframe, set_up),
        cmocka_unit_test_setup(a_layer_that_starts_anew_is_entered, set_up),
        cmocka_unit_test_setup(a_point_to_go_up_in_time_is_none_in_space, set_up),
        cmocka_unit_test_setup(decode_targets_say_where_to_switch, set_up),
        cmocka_unit_test_setup(the_mask_tells_of_what_is_cut, set_up),
        cmocka_unit_test_setup(a_layer_that_the_structure_has_not_is_not_waited_for, set_up),
        cmocka_unit_test_setup(another_source_starts_at_the_target, set_up),
        cmocka_unit_test_setup(a_clock_that_stepped_back_starts_anew, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
