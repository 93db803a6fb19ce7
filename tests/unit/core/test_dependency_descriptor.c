/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"
#include <string.h>

#include "core/attr.h"
#include "core/dependency_descriptor.h"
#include "core/err.h"
#include "tests/support/dd_bytes.h"

static struct dependency_state state;
static uint8_t bytes[DD_BYTES_MAX];
static size_t len;

static int set_up(void **unused)
{
    (void)unused;
    state = (struct dependency_state){0};
    return 0;
}

static void write_frame(const struct dd_bytes_structure *s, struct dd_bytes_frame f)
{
    f.starts = f.ends = true;
    len = dd_bytes_write(bytes, s, &f);
}

static struct dependency_descriptor parse(void)
{
    struct dependency_descriptor d;

    assert_int_equal(dependency_descriptor_parse(&d, &state, bytes, len), 0);
    return d;
}

static void learn(const struct dd_bytes_structure *s, uint16_t number)
{
    write_frame(s, (struct dd_bytes_frame){.has_structure = true, .number = number});
    assert_true(parse().has_structure);
}

static void a_keyframe_brings_the_structure(void **unused)
{
    (void)unused;
    learn(&dd_bytes_l2t2, 65535);
    const struct dd_structure *s = &state.structure;
    assert_int_equal(s->template_count, 6);
    assert_int_equal(s->targets.count, 4);
    assert_int_equal(s->chain_count, 2);
    assert_int_equal(s->chain_of_target[1], 0);
    assert_int_equal(s->chain_of_target[3], 1);
    assert_int_equal(s->spatial_count, 2);
    assert_int_equal(s->width[1], 640);
    assert_int_equal(s->height[0], 180);
    for (unsigned t = 0; t < 4; t++) {
        assert_int_equal(s->targets.spatial[t], t / 2);
        assert_int_equal(s->targets.temporal[t], t % 2);
    }
    assert_int_equal(dd_targets_within(&s->targets, 0, 7), 3);
    assert_int_equal(dd_targets_within(&s->targets, 1, 0), 5);
}

/* As Chrome 118 sends them: L1T3, then L1T1 with a size. */
static void what_a_browser_sends_is_understood(void **unused)
{
    static const uint8_t l1t3[] = {0x80, 0x01, 0x2f, 0x80, 0x02, 0x14, 0xea, 0xa8,
                                   0x60, 0x41, 0x4d, 0x14, 0x10, 0x20, 0x84, 0x26};
    static const uint8_t l1t1[] = {0x80, 0x00, 0x01, 0x80, 0x00, 0x3a,
                                   0x40, 0x81, 0x3f, 0x80, 0xef, 0x80};
    static const uint8_t t2[] = {0xC4, 0x01, 0x32};
    struct dependency_descriptor d;

    (void)unused;
    assert_int_equal(dependency_descriptor_parse(&d, &state, l1t3, sizeof(l1t3)), 0);
    assert_true(d.is_frame_start && !d.is_frame_end && d.has_structure);
    assert_int_equal(d.frame_number, 303);
    assert_int_equal(d.target_count, 3);
    assert_int_equal(d.chain_count, 1);
    assert_int_equal(state.structure.template_count, 5);
    assert_int_equal(state.structure.targets.temporal[2], 2);
    assert_int_equal(state.structure.templates[1].refs, 1u << 3);
    assert_int_equal(dd_switch_targets(&state.structure.templates[2]), 4);
    assert_int_equal(dependency_descriptor_parse(&d, &state, t2, sizeof(t2)), 0);
    assert_int_equal(d.frame.temporal, 2);
    assert_int_equal(d.frame.refs, 1);
    assert_int_equal(d.frame.chain_diff[0], 3);
    state = (struct dependency_state){0};
    assert_int_equal(dependency_descriptor_parse(&d, &state, l1t1, sizeof(l1t1)), 0);
    assert_int_equal(d.target_count, 1);
    assert_int_equal(d.chain_count, 0);
    assert_int_equal(d.width, 640);
    assert_int_equal(d.height, 480);
}

static void three_bytes_tell_all_of_a_frame(void **unused)
{
    (void)unused;
    learn(&dd_bytes_l2t2, 65535);
    write_frame(&dd_bytes_l2t2, (struct dd_bytes_frame){.template_index = 5, .number = 3});
    assert_int_equal(len, 3);
    struct dependency_descriptor d = parse();
    assert_int_equal(d.frame_number, 3);
    assert_true(d.is_frame_start && d.is_frame_end && !d.has_structure && !d.has_active);
    assert_int_equal(d.frame.spatial, 1);
    assert_int_equal(d.frame.temporal, 1);
    assert_int_equal(d.frame.refs, 3);
    assert_int_equal(d.frame.chain_diff[0], 3);
    assert_int_equal(d.frame.chain_diff[1], 2);
    assert_int_equal(d.active, 15);
    assert_int_equal(d.width, 640);
    assert_int_equal(dd_indication_of(&d.frame, 3), DD_DISCARDABLE);
    assert_int_equal(dd_present_targets(&d.frame), 8);
    write_frame(&dd_bytes_l2t2, (struct dd_bytes_frame){.template_index = 1, .number = 4});
    d = parse();
    assert_int_equal(dd_switch_targets(&d.frame), 3);
    assert_int_equal(dd_present_targets(&d.frame), 15);
    assert_int_equal(dd_indication_of(&d.frame, 2), DD_REQUIRED);
}

static void a_frame_may_have_its_own(void **unused)
{
    const struct dd_bytes_template own = {0, 0, "-RD", {1, 17, 300}, {200}};

    (void)unused;
    learn(&dd_bytes_l1t3, 9);
    write_frame(&dd_bytes_l1t3, (struct dd_bytes_frame){.template_index = 2,
                                                        .number = 400,
                                                        .has_active = true,
                                                        .active = 6,
                                                        .own = &own,
                                                        .own_indications = true,
                                                        .own_diffs = true,
                                                        .own_chains = true});
    struct dependency_descriptor d = parse();
    assert_int_equal(d.frame.temporal, 1);
    assert_int_equal(d.frame.refs, 1u | 1u << 16);
    assert_true(d.frame.has_far_refs);
    assert_int_equal(d.frame.chain_diff[0], 200);
    assert_int_equal(dd_indication_of(&d.frame, 0), DD_NOT_PRESENT);
    assert_int_equal(dd_indication_of(&d.frame, 1), DD_REQUIRED);
    assert_int_equal(dd_indication_of(&d.frame, 2), DD_DISCARDABLE);
    assert_int_equal(d.active, 6);
    write_frame(&dd_bytes_l1t3, (struct dd_bytes_frame){.template_index = 1, .number = 401});
    assert_int_equal(parse().active, 6); /* it holds until it is told anew */
    learn(&dd_bytes_l1t3, 402);
    assert_int_equal(state.active, 7);
}

static void what_came_late_changes_nothing(void **unused)
{
    struct dd_bytes_structure other = dd_bytes_l2t2;

    (void)unused;
    other.first_id = 30;
    learn(&dd_bytes_l2t2, 100);
    learn(&other, 10);
    assert_int_equal(state.structure.first_id, dd_bytes_l2t2.first_id);
    learn(&other, 200);
    assert_int_equal(state.structure.first_id, 30);
    write_frame(&other, (struct dd_bytes_frame){.number = 210, .has_active = true, .active = 3});
    assert_int_equal(parse().active, 3);
    write_frame(&other, (struct dd_bytes_frame){.number = 205, .has_active = true, .active = 1});
    assert_int_equal(parse().active, 1);
    assert_int_equal(state.active, 3);
    learn(&dd_bytes_l2t2, (uint16_t)(200 - DD_OLD_STRUCTURE)); /* so old that it is new */
    assert_int_equal(state.structure.first_id, dd_bytes_l2t2.first_id);
}

static void without_the_structure_there_is_the_number(void **unused)
{
    struct dependency_descriptor d;
    struct dd_targets targets;

    (void)unused;
    write_frame(&dd_bytes_l1t3, (struct dd_bytes_frame){.template_index = 3, .number = 77});
    assert_int_equal(dependency_descriptor_parse(&d, &state, bytes, len), E_STATE);
    assert_int_equal(dependency_descriptor_peek(&d, bytes, len), 0);
    assert_int_equal(d.frame_number, 77);
    assert_int_equal(dependency_descriptor_peek(&d, bytes, 2), E_MALFORMED);
    assert_int_equal(dependency_descriptor_targets(&targets, bytes, len), E_NOT_FOUND);
    learn(&dd_bytes_l2t2, 100);
    assert_int_equal(dependency_descriptor_targets(&targets, bytes, len), 0);
    assert_int_equal(targets.count, 4);
    write_frame(&dd_bytes_l1t3, (struct dd_bytes_frame){.template_index = 3, .number = 77});
    assert_int_equal(dependency_descriptor_parse(&d, &state, bytes, len), E_STATE); /* not its id */
}

static void what_is_cut_short_is_refused(void **unused)
{
    struct dependency_descriptor d;

    (void)unused;
    write_frame(&dd_bytes_l2t2, (struct dd_bytes_frame){.has_structure = true, .number = 1});
    for (size_t n = 0; n < len; n++) {
        state = (struct dependency_state){0};
        int err = dependency_descriptor_parse(&d, &state, bytes, n);
        assert_int_equal(err, n == DD_MANDATORY_BYTES ? E_STATE : E_MALFORMED);
        assert_false(state.has_structure);
    }
}

static void structures_past_the_bounds_are_refused(void **unused)
{
    struct dd_bytes_structure many = {.targets = 1, .chains = 0, .templates = 9};
    struct dependency_descriptor d;

    (void)unused;
    for (unsigned i = 0; i < many.templates; i++)
        many.t[i] = (struct dd_bytes_template){0, (uint8_t)i, "S", {0}, {0}};
    write_frame(&many, (struct dd_bytes_frame){.has_structure = true});
    assert_int_equal(dependency_descriptor_parse(&d, &state, bytes, len), E_MALFORMED);
    many.templates = 5;
    for (unsigned i = 0; i < many.templates; i++)
        many.t[i] = (struct dd_bytes_template){(uint8_t)i, 0, "S", {0}, {0}};
    write_frame(&many, (struct dd_bytes_frame){.has_structure = true});
    assert_int_equal(dependency_descriptor_parse(&d, &state, bytes, len), E_MALFORMED);
}

/* ---- rewriting ---- */

static struct dependency_descriptor rewrite(const struct dependency_descriptor *d, uint16_t number,
                                            bool has_mask, uint32_t mask)
{
    struct dependency_state same = state;
    struct dependency_descriptor after;
    uint8_t out[DD_BYTES_MAX];
    size_t n = dependency_descriptor_rewrite(out, sizeof(out), bytes, len, number, d->active_at,
                                             d->target_count, has_mask, mask);

    assert_true(n >= DD_MANDATORY_BYTES);
    assert_int_equal(dependency_descriptor_parse(&after, &same, out, n), 0);
    return after;
}

static void a_mask_is_put_in_or_replaced(void **unused)
{
    const struct dd_bytes_template own = {0, 0, "SRD-", {1, 17, 300}, {200, 1}};
    const struct dd_bytes_frame frames[] = {
        {.number = 10},
        {.number = 11, .has_structure = true},
        {.number = 12, .has_active = true, .active = 9},
        {.number = 13, .has_structure = true, .has_active = true, .active = 9},
        {.number = 14, .own = &own, .own_indications = true, .own_diffs = true, .own_chains = true},
        {.number = 15,
         .own = &own,
         .own_indications = true,
         .own_diffs = true,
         .own_chains = true,
         .has_structure = true,
         .has_active = true,
         .active = 9},
    };

    (void)unused;
    learn(&dd_bytes_l2t2, 1);
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        write_frame(&dd_bytes_l2t2, frames[i]);
        struct dependency_descriptor before = parse();
        struct dependency_descriptor after = rewrite(&before, 0xBEEF, true, 5);
        assert_int_equal(after.frame_number, 0xBEEF);
        assert_true(after.has_active);
        assert_int_equal(after.active, 5);
        assert_int_equal(after.has_structure, before.has_structure);
        assert_memory_equal(&after.frame, &before.frame, sizeof(after.frame));
        after = rewrite(&before, 0xBEEF, false, 0);
        assert_int_equal(after.has_active, before.has_active);
        assert_memory_equal(&after.frame, &before.frame, sizeof(after.frame));
    }
}

static void what_does_not_fit_is_not_written(void **unused)
{
    uint8_t out[DD_BYTES_MAX];

    (void)unused;
    learn(&dd_bytes_l2t2, 1);
    struct dependency_descriptor d = parse();
    for (size_t n = 0; n < len; n++) {
        assert_int_equal(dependency_descriptor_rewrite(out, n, bytes, len, 1, d.active_at,
                                                       d.target_count, false, 0),
                         0);
        assert_int_equal(dependency_descriptor_rewrite(out, n, bytes, len, 1, d.active_at,
                                                       d.target_count, true, 5),
                         0);
    }
    assert_int_equal(dependency_descriptor_rewrite(out, sizeof(out), bytes, 2, 1, 24, 4, true, 5),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_keyframe_brings_the_structure, set_up),
        cmocka_unit_test_setup(what_a_browser_sends_is_understood, set_up),
        cmocka_unit_test_setup(three_bytes_tell_all_of_a_frame, set_up),
        cmocka_unit_test_setup(a_frame_may_have_its_own, set_up),
        cmocka_unit_test_setup(what_came_late_changes_nothing, set_up),
        cmocka_unit_test_setup(without_the_structure_there_is_the_number, set_up),
        cmocka_unit_test_setup(what_is_cut_short_is_refused, set_up),
        cmocka_unit_test_setup(structures_past_the_bounds_are_refused, set_up),
        cmocka_unit_test_setup(a_mask_is_put_in_or_replaced, set_up),
        cmocka_unit_test_setup(what_does_not_fit_is_not_written, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
