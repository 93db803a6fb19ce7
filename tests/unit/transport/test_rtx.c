/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/rtp.h"
#include "core/wire.h"
#include "transport/rtx.h"

static struct packet_pool *pool;

static struct packet *packet_of(const uint8_t *bytes, size_t len)
{
    struct packet *p = packet_new(pool);

    assert_non_null(p);
    memcpy(p->data, bytes, len);
    p->len = (uint16_t)len;
    assert_int_equal(rtp_parse(&p->rtp, p->data, len), 0);
    p->flags |= PACKET_HAS_RTP;
    return p;
}

static const uint8_t mid[] = {'a', 'b', 'c'};

static size_t write_original(uint8_t *buf, size_t size)
{
    struct rtp_ext_out ext = {.id = 4, .len = sizeof(mid), .data = mid};
    size_t n = rtp_write_header(buf, size, 96, true, 0xabcd, 123456, 0x11111111, &ext, 1);

    assert_true(n > 0);
    memcpy(buf + n, "payload", 7);
    return n;
}

static void wrapped_and_unwrapped_is_the_original(void **state)
{
    uint8_t original[100], wrapped[100];
    size_t header_bytes = write_original(original, sizeof(original)), n = 0;

    (void)state;
    for (size_t split = 0; split <= 7; split++) { /* how much of the payload travels in the head */
        n = rtx_wrap_head(wrapped, sizeof(wrapped), original, header_bytes + split, header_bytes,
                          97, 7, 0x22222222);
        assert_int_equal(n, header_bytes + split + 2);
        memcpy(wrapped + n, original + header_bytes + split, 7 - split);
        struct packet *p = packet_of(wrapped, header_bytes + 2 + 7);
        assert_int_equal(p->rtp.pt, 97);
        assert_int_equal(p->rtp.seq, 7);
        assert_int_equal(p->rtp.ssrc, 0x22222222);
        assert_true(p->rtp.marker);
        assert_int_equal(rtx_unwrap(p, 96, 0x11111111), 0);
        assert_int_equal(p->len, header_bytes + 7);
        assert_memory_equal(p->data, original, p->len);
        assert_true(p->flags & PACKET_IS_RETRANSMISSION);
        struct rtp_header again;
        assert_int_equal(rtp_parse(&again, p->data, p->len), 0);
        assert_int_equal(p->rtp.seq, again.seq);
        assert_int_equal(p->rtp.ssrc, again.ssrc);
        assert_int_equal(p->rtp.pt, again.pt);
        assert_int_equal(p->rtp.header_bytes, again.header_bytes);
        assert_int_equal(p->rtp.payload_bytes, again.payload_bytes);
        const struct rtp_ext *e = rtp_find_ext(&p->rtp, 4);
        assert_memory_equal(p->data + e->offset, mid, sizeof(mid));
        packet_unref(&p);
    }
}

static void padding_of_a_retransmission_stays_padding(void **state)
{
    static const uint8_t bytes[] = {0xa0, 97, 0, 7,    0,    0,   0, 1, 0,
                                    0,    0,  2, 0xab, 0xcd, 'x', 0, 0, 3};
    struct packet *p = packet_of(bytes, sizeof(bytes));
    struct rtp_header again;

    (void)state;
    assert_int_equal(rtx_unwrap(p, 96, 5), 0);
    assert_int_equal(rtp_parse(&again, p->data, p->len), 0);
    assert_int_equal(again.payload_bytes, 1);
    assert_int_equal(again.padding_bytes, 3);
    assert_int_equal(p->rtp.payload_bytes, 1);
    packet_unref(&p);
}

static void packets_without_an_original_number_are_malformed(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t len;
    } rows[] = {
        {{0x80, 97, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2}, 12},
        {{0x80, 97, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 1}, 13},
        {{0xa0, 97, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4}, 16}, /* a probe: padding only */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct packet *p = packet_of(rows[i].bytes, rows[i].len);
        assert_int_equal(rtx_unwrap(p, 96, 5), E_MALFORMED);
        assert_int_equal(p->len, rows[i].len);
        assert_memory_equal(p->data, rows[i].bytes, rows[i].len);
        assert_false(p->flags & PACKET_IS_RETRANSMISSION);
        packet_unref(&p);
    }
}

static void a_head_that_does_not_fit_is_not_written(void **state)
{
    uint8_t original[100], wrapped[100];
    size_t n = write_original(original, sizeof(original));

    (void)state;
    assert_int_equal(rtx_wrap_head(wrapped, n + 1, original, n, n, 97, 7, 1), 0);
    assert_int_equal(rtx_wrap_head(wrapped, n + 2, original, n, n, 97, 7, 1), n + 2);
}

static int start(void **state)
{
    (void)state;
    pool = packet_pool_new(64);
    return pool == NULL ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    packet_pool_free(&pool);
    return mem_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapped_and_unwrapped_is_the_original),
        cmocka_unit_test(padding_of_a_retransmission_stays_padding),
        cmocka_unit_test(packets_without_an_original_number_are_malformed),
        cmocka_unit_test(a_head_that_does_not_fit_is_not_written),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
