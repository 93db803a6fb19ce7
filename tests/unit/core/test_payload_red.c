/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/err.h"
#include "core/payload_red.h"

/* Two redundant blocks (1920 and 960 ticks old, 3 and 2 bytes) and a primary one of 4: Opus under payload type 111. */
static const uint8_t packet[] = {0xEF, 0x1E, 0x00, 0x03, 0xEF, 0x0F, 0x00, 0x02, 0x6F,
                                 'a',  'b',  'c',  'd',  'e',  'P',  'Q',  'R',  'S'};

static void blocks_are_found(void **state)
{
    struct red r;

    (void)state;
    assert_int_equal(red_parse(&r, packet, sizeof(packet)), 0);
    assert_int_equal(r.pt, 111);
    assert_int_equal(r.redundant, 2);
    assert_int_equal(r.head_bytes, 9);
    assert_int_equal(r.block[0].behind_ts, 1920);
    assert_int_equal(r.block[0].bytes, 3);
    assert_memory_equal(packet + r.block[0].at, "abc", 3);
    assert_int_equal(r.block[1].behind_ts, 960);
    assert_memory_equal(packet + r.block[1].at, "de", 2);
    assert_int_equal(r.primary.bytes, 4);
    assert_memory_equal(packet + r.primary.at, "PQRS", 4);
    assert_int_equal(r.primary.behind_ts, 0);
}

static void a_packet_may_have_a_primary_block_only(void **state)
{
    static const uint8_t bytes[] = {0x6F, 'P'};
    struct red r;

    (void)state;
    assert_int_equal(red_parse(&r, bytes, sizeof(bytes)), 0);
    assert_int_equal(r.redundant, 0);
    assert_int_equal(r.primary.at, 1);
    assert_int_equal(r.primary.bytes, 1);
}

static void what_is_cut_short_is_malformed(void **state)
{
    struct red r = {.pt = 77};

    (void)state;
    for (size_t len = 0; len <= 14; len++) /* up to where the primary block would begin */
        assert_int_equal(red_parse(&r, packet, len), E_MALFORMED);
    assert_int_equal(r.pt, 77);
    assert_int_equal(red_parse(&r, packet, 15), 0);
}

static void blocks_of_several_codecs_are_refused(void **state)
{
    uint8_t bytes[sizeof(packet)];
    struct red r;

    (void)state;
    memcpy(bytes, packet, sizeof(bytes));
    bytes[4] = 0x80 | 110;
    assert_int_equal(red_parse(&r, bytes, sizeof(bytes)), E_UNSUPPORTED);
    bytes[4] = packet[4];
    bytes[8] = 13;
    assert_int_equal(red_parse(&r, bytes, sizeof(bytes)), E_UNSUPPORTED);
}

static void the_number_of_blocks_is_bounded(void **state)
{
    uint8_t bytes[4 * (MAX_RED_BLOCKS + 1) + 2] = {0};
    struct red r;

    (void)state;
    for (unsigned i = 0; i <= MAX_RED_BLOCKS; i++)
        bytes[4 * i] = 0xEF;
    bytes[4 * (MAX_RED_BLOCKS + 1)] = 0x6F;
    assert_int_equal(red_parse(&r, bytes, sizeof(bytes)), E_LIMIT);
    assert_int_equal(red_parse(&r, bytes + 4, sizeof(bytes) - 4), 0);
    assert_int_equal(r.redundant, MAX_RED_BLOCKS);
    assert_int_equal(r.head_bytes, RED_MAX_HEAD_BYTES);
}

static void rewriting_changes_the_payload_types_and_nothing_else(void **state)
{
    uint8_t bytes[sizeof(packet)];
    struct red before, after;

    (void)state;
    memcpy(bytes, packet, sizeof(bytes));
    assert_int_equal(red_parse(&before, packet, sizeof(packet)), 0);
    red_rewrite(bytes, before.redundant, 96);
    assert_int_equal(red_parse(&after, bytes, sizeof(bytes)), 0);
    assert_int_equal(after.pt, 96);
    after.pt = before.pt;
    assert_memory_equal(&before, &after, sizeof(before));
    red_rewrite(bytes, before.redundant, 111);
    assert_memory_equal(bytes, packet, sizeof(packet));
}

static void a_lost_packet_is_found_by_its_distance(void **state)
{
    uint8_t bytes[sizeof(packet)];
    struct red r;

    (void)state;
    assert_int_equal(red_parse(&r, packet, sizeof(packet)), 0);
    assert_ptr_equal(red_find(&r, 960), &r.block[1]);
    assert_ptr_equal(red_find(&r, 1920), &r.block[0]);
    assert_null(red_find(&r, 2880));
    assert_null(red_find(&r, 960 + 0x4000)); /* more than 14 bits say */
    memcpy(bytes, packet, sizeof(bytes));
    bytes[7] = 0; /* an empty block makes nothing good */
    assert_int_equal(red_parse(&r, bytes, sizeof(bytes)), 0);
    assert_null(red_find(&r, 960));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_found),
        cmocka_unit_test(a_packet_may_have_a_primary_block_only),
        cmocka_unit_test(what_is_cut_short_is_malformed),
        cmocka_unit_test(blocks_of_several_codecs_are_refused),
        cmocka_unit_test(the_number_of_blocks_is_bounded),
        cmocka_unit_test(rewriting_changes_the_payload_types_and_nothing_else),
        cmocka_unit_test(a_lost_packet_is_found_by_its_distance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
