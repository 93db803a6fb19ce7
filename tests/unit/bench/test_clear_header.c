/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/loadgen/clear_header.h"
#include "core/err.h"
#include "core/rtp.h"
#include "tests/unit/core/cmocka_all.h"

#define PAYLOAD_BYTES 20

static size_t write(uint8_t *buf, size_t size, uint8_t twcc_id, uint8_t other_id)
{
    const uint8_t twcc[2] = {0x12, 0x34}, other[3] = {9, 9, 9};
    const struct rtp_ext_out ext[] = {{other_id, 3, other}, {twcc_id, 2, twcc}};
    size_t n = rtp_write_header(buf, size, 96, true, 0xfffe, 1234, 0xdeadbeef, ext, ARRAY_LEN(ext));

    assert_true(n > 0);
    memset(buf + n, 0xff, PAYLOAD_BYTES); /* encrypted: says nothing, not even about padding */
    return n + PAYLOAD_BYTES;
}

static void it_reads_what_srtp_leaves_clear(void **state)
{
    static const uint8_t ids[][2] = {{3, 4}, {3, 200}, {200, 3}}; /* one-byte and two-byte forms */
    uint8_t buf[100];
    struct clear_header h;
    uint16_t seq = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        size_t len = write(buf, sizeof(buf), ids[i][0], ids[i][1]);
        buf[0] |= 0x20; /* the P bit is clear, the count of padding is not */
        assert_int_equal(clear_header_parse(&h, buf, len), 0);
        assert_int_equal(h.seq, 0xfffe);
        assert_int_equal(h.ts, 1234);
        assert_int_equal(h.ssrc, 0xdeadbeef);
        assert_int_equal(h.pt, 96);
        assert_true(h.marker);
        assert_int_equal(h.header_bytes, len - PAYLOAD_BYTES);
        assert_true(clear_header_ext_u16(&h, buf, ids[i][0], &seq));
        assert_int_equal(seq, 0x1234);
        assert_false(clear_header_ext_u16(&h, buf, ids[i][1], &seq)); /* another size */
        assert_false(clear_header_ext_u16(&h, buf, 9, &seq));
        assert_false(clear_header_ext_u16(&h, buf, 0, &seq));
    }
}

static void cut_short_it_is_refused(void **state)
{
    uint8_t buf[100];
    struct clear_header h;
    size_t len = write(buf, sizeof(buf), 3, 4);

    (void)state;
    for (size_t n = 0; n < len - PAYLOAD_BYTES; n++)
        assert_int_equal(clear_header_parse(&h, buf, n), E_MALFORMED);
    assert_int_equal(clear_header_parse(&h, buf, len - PAYLOAD_BYTES), 0);
    buf[0] = (uint8_t)(buf[0] & 0x3f);
    assert_int_equal(clear_header_parse(&h, buf, len), E_MALFORMED);
}

static void an_element_that_runs_past_its_block_is_not_read(void **state)
{
    uint8_t buf[100];
    struct clear_header h;
    uint16_t seq;
    size_t len = write(buf, sizeof(buf), 3, 0);

    (void)state;
    buf[RTP_FIXED_HEADER_BYTES + 4] = 3 << 4 | 15;
    assert_int_equal(clear_header_parse(&h, buf, len), 0);
    assert_false(clear_header_ext_u16(&h, buf, 3, &seq));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_what_srtp_leaves_clear),
        cmocka_unit_test(cut_short_it_is_refused),
        cmocka_unit_test(an_element_that_runs_past_its_block_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
