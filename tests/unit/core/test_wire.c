/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A,
                                0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4};

static void reads_are_big_endian(void **state)
{
    struct reader r = reader_of(bytes, sizeof bytes);

    (void)state;
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u24(&r), 0x040506);
    assert_int_equal(reader_u32(&r), 0x0708090A);
    assert_int_equal(reader_u64(&r), 0x0B0C0D0E0FF0F1F2);
    assert_int_equal(reader_left(&r), 2);
    reader_skip(&r, 2);
    assert_false(r.failed);
    assert_int_equal(reader_left(&r), 0);
}

static void a_read_past_the_end_fails_for_good(void **state)
{
    struct reader r = reader_of(bytes, 3);

    (void)state;
    assert_int_equal(reader_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(reader_u8(&r), 0); /* although a byte would be there */
    assert_null(reader_bytes(&r, 0));
    assert_int_equal(reader_left(&r), 0);
    r = reader_of(bytes, 7);
    assert_int_equal(reader_u64(&r), (uint64_t)0x01020304 << 32);
    assert_true(r.failed);
    r = reader_of(bytes, 3);
    assert_null(reader_bytes(&r, SIZE_MAX));
    r = reader_of(NULL, 0);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(reader_u8(&r), 0);
    assert_true(r.failed);
}

static void a_sub_reader_has_its_own_end(void **state)
{
    struct reader r = reader_of(bytes, 6), sub = reader_sub(&r, 2);

    (void)state;
    assert_int_equal(reader_u16(&sub), 0x0102);
    assert_int_equal(reader_u8(&sub), 0);
    assert_true(sub.failed);
    assert_false(r.failed);
    assert_int_equal(reader_u8(&r), 0x03);
    sub = reader_sub(&r, 4);
    assert_true(sub.failed && r.failed);
}

static void what_is_written_is_read_back(void **state)
{
    uint8_t buf[32];
    struct writer w = writer_of(buf, sizeof buf);

    (void)state;
    writer_u8(&w, 0xF8);
    writer_u16(&w, 0xF123);
    writer_u24(&w, 0xF12345);
    writer_u32(&w, 0xF1234567);
    writer_u64(&w, 0xF123456789ABCDEF);
    writer_bytes(&w, "abc", 3);
    writer_bytes(&w, NULL, 0);
    assert_int_equal(writer_len(&w), 21);
    assert_int_equal(writer_left(&w), 11);
    struct reader r = reader_of(buf, writer_len(&w));
    assert_int_equal(reader_u8(&r), 0xF8);
    assert_int_equal(reader_u16(&r), 0xF123);
    assert_int_equal(reader_u24(&r), 0xF12345);
    assert_int_equal(reader_u32(&r), 0xF1234567);
    assert_int_equal(reader_u64(&r), 0xF123456789ABCDEF);
    assert_memory_equal(reader_bytes(&r, 3), "abc", 3);
}

static void a_write_past_the_end_fails_for_good(void **state)
{
    uint8_t buf[4] = {9, 9, 9, 9};
    struct writer w = writer_of(buf, 3);

    (void)state;
    writer_u16(&w, 0x0102);
    writer_bytes(&w, "ab", 2);
    assert_true(w.failed);
    writer_u8(&w, 7);
    assert_int_equal(writer_len(&w), 2);
    assert_int_equal(writer_left(&w), 0);
    assert_memory_equal(buf, ((uint8_t[]){1, 2, 9, 9}), 4);
    assert_null(writer_room(&w, SIZE_MAX));
}

static void single_values_stand_at_their_place(void **state)
{
    uint8_t buf[6];

    (void)state;
    wire_put_u16(buf, 0xFEDC);
    wire_put_u32(buf + 2, 0xFEDCBA98);
    assert_memory_equal(buf, ((uint8_t[]){0xFE, 0xDC, 0xFE, 0xDC, 0xBA, 0x98}), 6);
    assert_int_equal(wire_get_u16(buf), 0xFEDC);
    assert_int_equal(wire_get_u32(buf + 2), 0xFEDCBA98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_big_endian),
        cmocka_unit_test(a_read_past_the_end_fails_for_good),
        cmocka_unit_test(a_sub_reader_has_its_own_end),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_write_past_the_end_fails_for_good),
        cmocka_unit_test(single_values_stand_at_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
