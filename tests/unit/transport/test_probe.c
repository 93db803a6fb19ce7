/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "transport/probe.h"

#define MS 1000ull
#define S 1000000ull
#define PACKET 1200
#define CLOCK_US 99999999999

static struct probe probe;
static uint64_t now_us;
static uint16_t seq;

/* What was sent, for a link to carry. */
static struct sent {
    uint64_t at_us;
    uint16_t seq;
    uint8_t cluster;
} sent[1000];
static unsigned sent_count;

static int set_up(void **state)
{
    (void)state;
    probe = (struct probe){0};
    now_us = 10 * S;
    seq = 65533;
    sent_count = 0;
    return 0;
}

static void send_one(void)
{
    uint8_t cluster = probe_cluster(&probe);

    seq++;
    sent[sent_count++] = (struct sent){now_us, seq, cluster};
    if (cluster != 0)
        probe_on_sent(&probe, seq, PACKET, now_us);
}

/* As an event loop does: padding when it is due, and media each @media_us (0: none). */
static void send_cluster(uint64_t rate_bps, uint64_t media_us)
{
    uint64_t next_media_us = media_us == 0 ? UINT64_MAX : now_us;

    probe_start(&probe, rate_bps, 0, now_us);
    while (probe.state == PROBE_SENDING) {
        if (now_us >= next_media_us) {
            send_one();
            next_media_us += media_us;
        }
        while (probe_owed_bytes(&probe, now_us) > 0)
            send_one();
        if (probe.state == PROBE_SENDING)
            now_us = MAX(now_us + 1, MIN(probe_next_us(&probe), next_media_us));
        struct probe_result r;
        assert_false(probe_take_result(&probe, 0, now_us, &r)); /* sends until it is given up */
    }
}

/* A link that carries @bps, and loses each @loses-th packet (0: none). */
static void carry(uint64_t bps, unsigned loses)
{
    uint64_t free_us = 0;

    for (unsigned i = 0; i < sent_count; i++) {
        free_us = MAX(free_us, sent[i].at_us) + PACKET * 8 * S / bps;
        if (loses == 0 || i % loses != loses - 1)
            probe_on_received(&probe, sent[i].cluster, PACKET, sent[i].at_us,
                              (int64_t)free_us + CLOCK_US, false);
        else
            probe_on_lost(&probe, sent[i].cluster);
    }
    probe_on_feedback(&probe, seq);
}

static struct probe_result result(double inherent_loss)
{
    struct probe_result r;

    assert_true(probe_take_result(&probe, inherent_loss, now_us, &r));
    assert_int_equal(probe.state, PROBE_IDLE);
    assert_int_equal(probe_next_us(&probe), UINT64_MAX);
    return r;
}

static void it_leaves_at_its_rate(void **state)
{
    static const uint64_t rates[] = {60000, 500000, 2000000, 10000000, 50000000};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
        set_up(NULL);
        send_cluster(rates[i], 0);
        carry(1000000000, 0);
        struct probe_result r = result(0);
        assert_int_equal(r.rate_bps, rates[i]);
        assert_false(r.is_saturated);
        if (rates[i] >= 500000)
            assert_in_range(r.bps, rates[i] * 8 / 10, rates[i] * 13 / 10);
        else
            assert_in_range(r.bps, 0, rates[i] * 13 / 10); /* given up early */
    }
}

static void it_finds_the_capacity(void **state)
{
    (void)state;
    send_cluster(4000000, 0);
    carry(1000000, 0);
    struct probe_result r = result(0);
    assert_true(r.is_saturated);
    assert_in_range(r.bps, 900000, 1000000);
}

static void media_belongs_to_it(void **state)
{
    (void)state;
    send_cluster(2000000, 6 * MS); /* 1.6 Mbit/s of it */
    carry(100000000, 0);
    assert_in_range(result(0).bps, 1700000, 2600000);
    assert_true(sent_count <= 9);
}

static void loss_that_is_always_there_is_made_up_for(void **state)
{
    (void)state;
    send_cluster(5000000, 0);
    carry(1000000000, 7);
    struct probe_result r = result(1.0 / 7);
    assert_false(r.is_saturated);
    assert_in_range(r.bps, 4500000, 5500000);
}

/* Where it is not known yet that packets get lost: what came was not late. */
static void a_lost_packet_is_no_sign_of_a_full_path(void **state)
{
    (void)state;
    send_cluster(500000, 0);
    carry(1000000000, sent_count / 2 + 1);
    struct probe_result r = result(0);
    assert_int_equal(r.packets_lost, 1);
    assert_int_equal(r.packets_received, sent_count - 1);
    assert_false(r.is_saturated);
    assert_in_range(r.bps, 400000, 650000);
}

/* A quarter more than the path lets through is lost, and nothing comes late: a policer. */
static void much_more_loss_than_always_is(void **state)
{
    (void)state;
    send_cluster(5000000, 0);
    carry(1000000000, 4);
    struct probe_result r = result(0);
    assert_true(r.is_saturated);
    assert_in_range(r.bps, 3300000, 4000000);
}

static void what_comes_after_all_was_not_lost(void **state)
{
    (void)state;
    send_cluster(5000000, 0);
    for (unsigned i = 0; i < sent_count; i++)
        probe_on_lost(&probe, sent[i].cluster);
    for (unsigned i = 0; i < sent_count; i++)
        probe_on_received(&probe, sent[i].cluster, PACKET, sent[i].at_us,
                          (int64_t)sent[i].at_us + CLOCK_US, true);
    probe_on_feedback(&probe, seq);
    struct probe_result r = result(0);
    assert_int_equal(r.packets_lost, 0);
    assert_in_range(r.bps, 4500000, 5500000);
}

static void with_much_loss_nobody_knows(void **state)
{
    (void)state;
    send_cluster(5000000, 0);
    carry(1000000000, 2);
    assert_int_equal(result(0).bps, 0);
}

static void what_comes_all_at_once_was_held_up(void **state)
{
    (void)state;
    send_cluster(2000000, 0);
    for (unsigned i = 0; i < sent_count; i++)
        probe_on_received(&probe, sent[i].cluster, PACKET, sent[i].at_us, CLOCK_US + i * 100,
                          false);
    probe_on_feedback(&probe, seq);
    assert_int_equal(result(0).bps, 0);
}

static void it_waits_for_the_last_packet(void **state)
{
    struct probe_result r;

    (void)state;
    send_cluster(2000000, 0);
    assert_int_equal(probe.state, PROBE_WAITING);
    probe_on_feedback(&probe, (uint16_t)(seq - 1));
    assert_false(probe_take_result(&probe, 0, now_us, &r));
    now_us = probe_next_us(&probe);
    assert_int_equal(result(0).bps, 0);
}

static void it_gives_up_when_nothing_is_sent(void **state)
{
    struct probe_result r;

    (void)state;
    probe_start(&probe, 2000000, 0, now_us);
    for (unsigned i = 0; i < 200 && probe.state == PROBE_SENDING; i++) {
        now_us += 5 * MS;
        assert_false(probe_take_result(&probe, 0, now_us, &r));
    }
    assert_int_equal(probe.state, PROBE_WAITING);
    now_us = probe_next_us(&probe);
    assert_int_equal(result(0).bps, 0);
}

static void on_a_path_with_jitter_it_is_longer(void **state)
{
    static const struct {
        uint64_t us, least, most;
    } rows[] = {{0, 6, 9}, {60 * MS, 12, 15}, {S, 18, 22}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        set_up(NULL);
        probe_start(&probe, 2000000, rows[i].us, now_us);
        for (; probe.state == PROBE_SENDING; now_us += MS) {
            while (probe_owed_bytes(&probe, now_us) > 0)
                send_one();
        }
        assert_in_range(sent_count, rows[i].least, rows[i].most);
    }
}

static void another_one_has_another_number(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        uint8_t before = probe.id;
        probe_start(&probe, 2000000, 0, now_us);
        assert_true(probe.id != 0 && probe.id != before);
        probe_on_received(&probe, before, PACKET, now_us, CLOCK_US, false); /* not of this one */
        probe_on_lost(&probe, before);
        assert_int_equal(probe.lost, 0);
        assert_int_equal(probe.received.packets, 0);
    }
    probe_stop(&probe);
    assert_int_equal(probe_cluster(&probe), 0);
    assert_int_equal(probe_owed_bytes(&probe, now_us), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(it_leaves_at_its_rate),
        TEST(it_finds_the_capacity),
        TEST(media_belongs_to_it),
        TEST(loss_that_is_always_there_is_made_up_for),
        TEST(a_lost_packet_is_no_sign_of_a_full_path),
        TEST(much_more_loss_than_always_is),
        TEST(what_comes_after_all_was_not_lost),
        TEST(with_much_loss_nobody_knows),
        TEST(what_comes_all_at_once_was_held_up),
        TEST(it_waits_for_the_last_packet),
        TEST(it_gives_up_when_nothing_is_sent),
        TEST(on_a_path_with_jitter_it_is_longer),
        TEST(another_one_has_another_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
