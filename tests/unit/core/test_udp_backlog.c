/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/limits.h"
#include "core/rng.h"
#include "core/udp_backlog.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/seed.h"

static uint8_t data[UDP_MAX_RUN_BYTES];

static bool push(struct udp_backlog *b, uint8_t mark, size_t len)
{
    memset(data, mark, len);
    return udp_backlog_push(b, &(struct udp_out){.data = data,
                                                 .len = len,
                                                 .segment_bytes = mark,
                                                 .remote = {.port = mark, .family = 4}});
}

static void expect_first(struct udp_backlog *b, uint8_t mark, size_t len)
{
    const struct udp_out *out = udp_backlog_first(b);

    assert_non_null(out);
    assert_int_equal(out->len, len);
    assert_int_equal(out->segment_bytes, mark);
    assert_int_equal(out->remote.port, mark);
    assert_true(len == 0 || (out->data[0] == mark && out->data[len - 1] == mark));
    udp_backlog_pull(b);
}

static void what_goes_in_first_comes_out_first_as_it_was(void **state)
{
    struct udp_backlog *b = udp_backlog_new();

    (void)state;
    assert_null(udp_backlog_first(b));
    assert_true(push(b, 1, 1200));
    assert_true(push(b, 2, 0));
    assert_true(push(b, 3, UDP_MAX_RUN_BYTES));
    expect_first(b, 1, 1200);
    expect_first(b, 2, 0);
    expect_first(b, 3, UDP_MAX_RUN_BYTES);
    assert_null(udp_backlog_first(b));
    udp_backlog_free(&b);
    assert_null(b);
    udp_backlog_free(&b);
}

static void a_full_backlog_refuses_and_keeps_what_it_has(void **state)
{
    struct udp_backlog *b = udp_backlog_new();
    size_t n = 0;

    (void)state;
    while (push(b, 7, 50000))
        n++;
    assert_in_range(n, MAX_UDP_BACKLOG_BYTES / 50000 - 1, MAX_UDP_BACKLOG_BYTES / 50000);
    expect_first(b, 7, 50000);
    assert_true(push(b, 8, 40000)); /* in the room that the first one left */
    assert_false(push(b, 9, 40000));
    while (--n > 0)
        expect_first(b, 7, 50000);
    expect_first(b, 8, 40000);
    assert_null(udp_backlog_first(b));
    udp_backlog_free(&b);
}

/* Random lengths and moments, beside a plain list of what must be in it. */
static void order_and_content_hold_over_many_rounds(void **state)
{
    enum { MAX = 4096 };
    static struct {
        uint8_t mark;
        size_t len;
    } model[MAX];
    struct udp_backlog *b = udp_backlog_new();
    struct rng rng;
    size_t first = 0, end = 0;
    uint8_t mark = 0;

    (void)state;
    uint64_t seed = seed_of_test();

    seed_print(seed);
    rng_seed(&rng, seed);
    for (int round = 0; round < 20000; round++) {
        if (rng_below(&rng, 100) < 52) {
            size_t len = rng_below(&rng, rng_below(&rng, 20) == 0 ? UDP_MAX_RUN_BYTES : 9000);
            mark++;
            if (end - first < MAX && push(b, mark, len)) {
                model[end % MAX].mark = mark;
                model[end++ % MAX].len = len;
            }
        } else if (end > first) {
            expect_first(b, model[first % MAX].mark, model[first % MAX].len);
            first++;
        } else {
            assert_null(udp_backlog_first(b));
        }
    }
    udp_backlog_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(what_goes_in_first_comes_out_first_as_it_was),
        LEAK_FREE(a_full_backlog_refuses_and_keeps_what_it_has),
        LEAK_FREE(order_and_content_hold_over_many_rounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
