/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"
#include <string.h>

#include "core/bits.h"

static void bits_come_first_bit_first(void **state)
{
    static const uint8_t bytes[] = {0xA5, 0x0F, 0xFF, 0x00, 0x12, 0x34};
    struct bit_reader r = bit_reader_of(bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(bit_reader_get(&r, 1), 1);
    assert_int_equal(bit_reader_get(&r, 3), 2);
    assert_int_equal(bit_reader_get(&r, 0), 0);
    assert_int_equal(bit_reader_get(&r, 12), 0x50F);
    assert_int_equal(bit_reader_get(&r, 32), 0xFF001234);
    assert_false(r.failed);
    assert_int_equal(bit_reader_get(&r, 1), 0);
    assert_true(r.failed);
}

static void what_does_not_fit_fails_for_good(void **state)
{
    static const uint8_t bytes[] = {0xFF};
    struct bit_reader r = bit_reader_of(bytes, sizeof(bytes));
    uint8_t out[1] = {0};
    struct bit_writer w = bit_writer_of(out, sizeof(out));

    (void)state;
    assert_int_equal(bit_reader_get(&r, 9), 0);
    assert_int_equal(bit_reader_get(&r, 1), 0);
    assert_true(r.failed);
    bit_writer_put(&w, 0x1FF, 9);
    bit_writer_put(&w, 1, 1);
    assert_true(w.failed);
    assert_int_equal(out[0], 0);
}

/* AV1 s4.10.7: five values take two or three bits. */
static void non_symmetric_numbers(void **state)
{
    static const uint8_t bytes[] = {0x1B, 0xB8}; /* 00 01 10 111 0 | 111000 */
    struct bit_reader r = bit_reader_of(bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(bit_reader_ns(&r, 5), 0);
    assert_int_equal(bit_reader_ns(&r, 5), 1);
    assert_int_equal(bit_reader_ns(&r, 5), 2);
    assert_int_equal(bit_reader_ns(&r, 5), 4);
    assert_int_equal(r.pos, 9);
    assert_int_equal(bit_reader_ns(&r, 1), 0); /* no bit at all */
    assert_int_equal(r.pos, 9);
}

static void what_is_written_is_read_back(void **state)
{
    uint8_t out[9];
    struct bit_writer w = bit_writer_of(out, sizeof(out));

    (void)state;
    memset(out, 0xEE, sizeof(out)); /* stale bytes do not shine through */
    for (unsigned n = 1; n <= 11; n++)
        bit_writer_put(&w, 0x155, n);
    struct bit_reader r = bit_reader_of(out, sizeof(out));
    for (unsigned n = 1; n <= 11; n++)
        assert_int_equal(bit_reader_get(&r, n), 0x155 & ((1u << n) - 1));
    assert_int_equal(bit_writer_len(&w), 9);
    assert_int_equal(out[8] & 0x3F, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_come_first_bit_first),
        cmocka_unit_test(what_does_not_fit_fails_for_good),
        cmocka_unit_test(non_symmetric_numbers),
        cmocka_unit_test(what_is_written_is_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
