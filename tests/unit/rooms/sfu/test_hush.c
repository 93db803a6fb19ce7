/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/rtp.h"
#include "rooms/sfu/hush.h"

static struct hush h;
static uint32_t left_out;

static int set_up(void **state)
{
    (void)state;
    h = (struct hush){0};
    return 0;
}

static bool goes_out(uint16_t seq, bool is_silence)
{
    const struct rtp_header rtp = {.seq = seq, .ssrc = 7};

    return !hush_leaves_out(&h, &rtp, is_silence, &left_out);
}

static void of_silence_one_packet_in_twenty_is_handed_on(void **state)
{
    unsigned out = 0;

    (void)state;
    for (unsigned i = 0; i < 20 * HUSH_PACKETS; i++) {
        bool is_out = goes_out((uint16_t)(65500 + i), true); /* over the wrap */
        out += is_out;
        if (i > 0 && is_out)
            assert_int_equal(left_out, (1u << (HUSH_PACKETS - 1)) - 1);
    }
    assert_int_equal(out, 20);
}

static void what_is_heard_is_handed_on_and_tells_what_was_left_out(void **state)
{
    (void)state;
    assert_true(goes_out(10, false));
    assert_int_equal(left_out, 0);
    for (uint16_t seq = 11; seq < 15; seq++)
        assert_false(goes_out(seq, true));
    assert_true(goes_out(15, false));
    assert_int_equal(left_out, 0xf);
    assert_true(goes_out(16, false));
    assert_int_equal(left_out, 0);
}

/* A loss between two packets of silence was silence; one beside what is heard stays a loss. */
static void losses_are_closed_up_in_the_midst_of_silence_only(void **state)
{
    (void)state;
    assert_true(goes_out(10, false));
    assert_false(goes_out(12, true)); /* 11 is missing, behind what was heard */
    assert_false(goes_out(15, true)); /* 13 and 14 */
    assert_true(goes_out(17, false)); /* 16 */
    assert_int_equal(left_out, 0x1e);
}

static void late_packets_find_their_place(void **state)
{
    (void)state;
    assert_true(goes_out(10, false));
    assert_false(goes_out(11, true));
    assert_false(goes_out(13, true));
    assert_true(goes_out(12, false)); /* heard, and late: between two that were left out */
    assert_int_equal(left_out, 1);
    assert_true(goes_out(14, false));
    assert_int_equal(left_out, 1); /* 13 alone: of what came before 12 everybody knows */
    assert_true(
        goes_out(9, true)); /* older than what was handed on: a gap that somebody waits for */
    assert_int_equal(left_out, 0);
}

static void another_ssrc_begins_anew(void **state)
{
    const struct rtp_header rtp = {.seq = 12, .ssrc = 8};

    (void)state;
    assert_true(goes_out(10, false));
    assert_false(goes_out(11, true));
    assert_false(hush_leaves_out(&h, &rtp, true, &left_out));
    assert_int_equal(left_out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(of_silence_one_packet_in_twenty_is_handed_on, set_up),
        cmocka_unit_test_setup(what_is_heard_is_handed_on_and_tells_what_was_left_out, set_up),
        cmocka_unit_test_setup(losses_are_closed_up_in_the_midst_of_silence_only, set_up),
        cmocka_unit_test_setup(late_packets_find_their_place, set_up),
        cmocka_unit_test_setup(another_ssrc_begins_anew, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
