/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/packet.h"
#include "core/rng.h"
#include "rooms/sfu/history.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/seed.h"

static struct packet_pool *pool;
static struct history_budget budget;
static struct history h;

static void open_history(size_t max_packets)
{
    pool = packet_pool_new(8192);
    budget = (struct history_budget){.max_packets = max_packets};
    history_init(&h, &budget);
}

/* The pool's end asserts that every packet came home. */
static void close_history(void)
{
    history_fini(&h);
    assert_int_equal(budget.packets, 0);
    packet_pool_free(&pool);
}

static void add(uint16_t seq, uint64_t arrival_us, bool is_keyframe)
{
    struct packet *p = packet_new(pool);

    assert_non_null(p);
    p->rtp.seq = seq;
    p->arrival_us = arrival_us;
    p->media.is_keyframe = is_keyframe;
    history_add(&h, p);
    packet_unref(&p);
}

static void packets_are_found_by_number_around_the_wrap(void **state)
{
    (void)state;
    open_history(0);
    assert_null(history_find(&h, 1));
    for (int i = 0; i < 20; i++)
        add((uint16_t)(65530 + i), 1000, false);
    for (int i = 0; i < 20; i++)
        assert_int_equal(history_find(&h, (uint16_t)(65530 + i))->rtp.seq, (uint16_t)(65530 + i));
    assert_null(history_find(&h, 65529));
    assert_null(history_find(&h, 20));
    close_history();
}

static void what_was_not_received_is_not_found_though_its_place_was_used(void **state)
{
    (void)state;
    open_history(0);
    for (uint16_t i = 0; i < HISTORY_MIN_PACKETS; i++)
        add(i, 10000000ull * i, false); /* slow: the ring need not grow */
    add(HISTORY_MIN_PACKETS + 10, 10000000ull * 100, false);
    for (uint16_t i = 0; i <= 10; i++)
        assert_null(history_find(&h, i)); /* pushed out */
    assert_non_null(history_find(&h, 11));
    assert_null(history_find(&h, HISTORY_MIN_PACKETS + 5));
    add(HISTORY_MIN_PACKETS + 5, 10000000ull * 100, false); /* late */
    assert_non_null(history_find(&h, HISTORY_MIN_PACKETS + 5));
    add(3, 0, false); /* too late */
    assert_null(history_find(&h, 3));
    close_history();
}

static void it_grows_with_the_rate_within_the_budget(void **state)
{
    static const struct {
        size_t budget, reach;
    } rows[] = {{0, 64}, {64, 128}, {100, 128}, {100000, HISTORY_MAX_PACKETS}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        open_history(rows[i].budget);
        for (int k = 0; k < 5000; k++)
            add((uint16_t)k, 100u * (unsigned)k, false); /* ten thousand a second */
        assert_non_null(history_find(&h, (uint16_t)(5000 - rows[i].reach)));
        assert_null(history_find(&h, (uint16_t)(5000 - rows[i].reach - 1)));
        assert_true(budget.packets <= rows[i].budget);
        close_history();
    }
}

static void a_start_needs_a_young_and_short_way_from_a_keyframe(void **state)
{
    (void)state;
    open_history(10000);
    add(1, 1000, false);
    assert_false(history_can_start(&h, 1000000, 100, 2000));
    add(2, 2000, true);
    add(3, 2000, false);
    add(5, 3000, false);
    uint16_t seq = 2;
    assert_true(history_next_hole(&h, &seq));
    assert_int_equal(seq, 4);
    seq = 5;
    assert_false(history_next_hole(&h, &seq));
    add(4, 4000, false);
    seq = 2;
    assert_false(history_next_hole(&h, &seq));
    assert_true(history_can_start(&h, 1000000, 100, 4000));
    assert_int_equal(h.keyframe_seq, 2);
    assert_false(history_can_start(&h, 1000000, 3, 4000));
    assert_false(history_can_start(&h, 1000000, 100, 2000000));
    add(6, 5000, true);
    assert_true(history_can_start(&h, 1000000, 1, 5000)); /* a newer one */
    history_clear(&h);
    assert_false(history_can_start(&h, 1000000, 100, 5000));
    close_history();
}

static void a_keyframe_is_whole_once_nothing_behind_it_is_missing(void **state)
{
    (void)state;
    open_history(10000);
    add(65533, 1000, false);
    assert_false(history_is_whole(&h)); /* no keyframe */
    add(65535, 2000, false);
    assert_false(history_is_whole(&h));
    add(65534, 3000, true); /* it came late */
    assert_true(history_is_whole(&h));
    add(1, 4000, false);
    assert_false(history_is_whole(&h));
    add(2, 4000, false);
    add(0, 5000, false);
    assert_true(history_is_whole(&h));
    add(4, 6000, false);
    assert_false(history_is_whole(&h));
    add(5, 6000, true); /* a newer one needs none of what is missing before it */
    assert_true(history_is_whole(&h));
    close_history();
}

/* A descriptor whose structure came with the late keyframe: nobody knows which layer the packet is of. */
static void what_came_before_its_structure_is_not_whole(void **state)
{
    (void)state;
    open_history(10000);
    add(2, 1000, false);
    history_find(&h, 2)->media.dd.has_frame_number = true;
    add(1, 2000, true);
    assert_false(history_is_whole(&h));
    history_find(&h, 2)->media.dd.target_count = 3;
    assert_true(history_is_whole(&h));
    close_history();
}

static void a_jump_begins_anew(void **state)
{
    (void)state;
    open_history(0);
    add(1, 1000, true);
    add(30000, 2000, false);
    assert_null(history_find(&h, 1));
    assert_non_null(history_find(&h, 30000));
    assert_false(history_can_start(&h, 1000000, 10000, 2000));
    close_history();
}

/* Random steps, beside the plain rule: found is what was added, unless a ring newer or more was added since. */
static void it_never_finds_what_was_not_added(void **state)
{
    static bool added[65536];
    uint64_t seed = seed_of_test(), now_us = 0;
    struct rng rng;
    uint16_t seq = 60000;

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    open_history(4096);
    for (int i = 0; i < 50000; i++) {
        uint16_t step = (uint16_t)rng_below(&rng, rng_below(&rng, 100) == 0 ? 3000 : 4);
        seq = (uint16_t)(seq + step);
        uint16_t at = rng_below(&rng, 10) == 0 ? (uint16_t)(seq - rng_below(&rng, 200)) : seq;
        now_us += rng_below(&rng, 20000);
        added[at] = true;
        added[(uint16_t)(seq + 32768)] = false; /* forget the cycle before */
        add(at, now_us, false);
        uint16_t probe = (uint16_t)(seq - rng_below(&rng, 4000));
        const struct packet *p = history_find(&h, probe);
        assert_true(p == NULL || (p->rtp.seq == probe && added[probe]));
        if (at == seq)
            assert_int_equal(history_find(&h, seq)->rtp.seq, seq);
    }
    close_history();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(packets_are_found_by_number_around_the_wrap),
        LEAK_FREE(what_was_not_received_is_not_found_though_its_place_was_used),
        LEAK_FREE(it_grows_with_the_rate_within_the_budget),
        LEAK_FREE(a_start_needs_a_young_and_short_way_from_a_keyframe),
        LEAK_FREE(a_keyframe_is_whole_once_nothing_behind_it_is_missing),
        LEAK_FREE(what_came_before_its_structure_is_not_whole),
        LEAK_FREE(a_jump_begins_anew),
        LEAK_FREE(it_never_finds_what_was_not_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
