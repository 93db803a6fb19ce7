/* SPDX-License-Identifier: Apache-2.0 */
/* test_red.c - redundant audio: whole to those who negotiated it, as plain Opus to all others. */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "tests/sim/endpoint.h"

static const struct net_line poor = {.delay_us = 40 * MS,
                                     .jitter_us = 30 * MS,
                                     .loss_permille = 50,
                                     .duplicate_permille = 10,
                                     .reorder_permille = 20};

/* A publisher, a viewer who takes redundant audio, and one who does not. */
struct scene {
    struct sim *sim;
    struct pub *p;
    struct slot *with, *without;
};

static struct scene scene_new(void)
{
    struct scene t = {.sim = sim_new()};

    t.p = endpoint_publish(endpoint_join(t.sim, 1), CODEC_OPUS);
    pub_send_red(t.p, true);
    t.with = endpoint_add_slot(endpoint_join(t.sim, 2), MEDIA_AUDIO);
    slot_take_red(t.with);
    slot_watch(t.with, t.p);
    t.without = endpoint_watch(endpoint_join(t.sim, 3), t.p);
    return t;
}

static void those_who_negotiated_it_get_it_whole(void **state)
{
    struct scene t = scene_new();

    (void)state;
    sim_run(t.sim, 5 * SECONDS);
    SIM_EXPECT(t.sim, t.with->packets >= 245 && t.with->reds == t.with->packets);
    SIM_EXPECT(t.sim, t.without->packets >= 245 && t.without->reds == 0);
    SIM_EXPECT(t.sim, rtp_recv_packets_lost(&t.with->recv) == 0 &&
                          rtp_recv_packets_lost(&t.without->recv) == 0);
    SIM_EXPECT(t.sim, t.sim->live_count == 1 && t.sim->live_codec == CODEC_OPUS);
    SIM_EXPECT(t.sim, t.sim->blocked_count == 0);
    sim_expect_no_faults(t.sim);
    sim_free(&t.sim);
}

static void a_publisher_may_change_between_plain_and_redundant(void **state)
{
    struct scene t = scene_new();

    (void)state;
    uint32_t reds = t.with->reds;
    for (unsigned i = 0; i < 40; i++) {
        pub_send_red(t.p, i % 2 == 0);
        sim_run(t.sim, 100 * MS); /* faster than codecs may change */
    }
    SIM_EXPECT(t.sim, t.with->packets >= 195 && t.without->packets >= 195);
    SIM_EXPECT(t.sim,
               t.with->reds - reds >= 90 && t.with->reds - reds <= 110 && t.without->reds == 0);
    SIM_EXPECT(t.sim, rtp_recv_packets_lost(&t.with->recv) == 0);
    SIM_EXPECT(t.sim, t.sim->live_count == 1);
    sim_expect_no_faults(t.sim);
    sim_free(&t.sim);
}

static void it_survives_a_poor_line(void **state)
{
    struct scene t = scene_new();

    (void)state;
    endpoint_set_lines(t.p->owner, &poor);
    t.p->owner->may_lose = true;
    sim_run(t.sim, 10 * SECONDS);
    SIM_EXPECT(t.sim, t.with->packets >= 400 && t.with->reds == t.with->packets);
    SIM_EXPECT(t.sim, t.without->packets >= 400);
    sim_expect_no_faults(t.sim);
    sim_free(&t.sim);
}

/* Blocks of something that is no Opus, heads cut short: counted, and nothing else happens. */
static void nonsense_is_dropped_and_counted(void **state)
{
    static const uint8_t payload[][6] = {
        {0x80 | 1, 0, 0, 2, 1, 9}, /* a payload type of nothing */
        {0x80 | 96, 0, 0, 9, 97, 9},
        {0x80, 0x80, 0x80, 0x80, 0x80, 0x80},
    };
    struct scene t = scene_new();
    struct sfu_totals before, after;
    uint8_t buf[200];

    (void)state;
    sim_run(t.sim, SECONDS);
    t.p->is_sending = false;
    sim_run(t.sim, 100 * MS);
    uint32_t with = t.with->packets, without = t.without->packets;
    sfu_read_totals(t.sim->sfu, &before);
    for (unsigned i = 0; i < ARRAY_LEN(payload); i++) {
        struct pub_encoding *enc = &t.p->encoding[0];
        size_t len = endpoint_write_rtp(t.p->owner, buf, sizeof(buf), t.p->red_pt, enc->seq++,
                                        enc->ssrc, sizeof(payload[i]));
        memcpy(buf + len - sizeof(payload[i]), payload[i], sizeof(payload[i]));
        endpoint_send_rtp(t.p->owner, buf, len);
    }
    sim_run(t.sim, 200 * MS);
    sfu_read_totals(t.sim->sfu, &after);
    SIM_EXPECT(t.sim, after.codec_mismatch - before.codec_mismatch == ARRAY_LEN(payload));
    SIM_EXPECT(t.sim, t.with->packets == with && t.without->packets == without);
    sim_expect_no_faults(t.sim);
    sim_free(&t.sim);
}

static void silence_is_left_out_of_it_too(void **state)
{
    struct scene t = scene_new();

    (void)state;
    t.p->level = 30;
    sim_run(t.sim, SECONDS);
    uint32_t before = t.with->packets;
    t.p->level = 127;
    sim_run(t.sim, 4 * SECONDS);
    SIM_EXPECT(t.sim, t.with->packets - before < 20);
    t.p->level = 30;
    sim_run(t.sim, SECONDS);
    SIM_EXPECT(t.sim, t.with->packets - before >= 50);
    SIM_EXPECT(t.sim, rtp_recv_packets_lost(&t.with->recv) == 0 &&
                          rtp_recv_packets_lost(&t.without->recv) == 0);
    sim_expect_no_faults(t.sim);
    sim_free(&t.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(those_who_negotiated_it_get_it_whole),
        SIM_TEST(a_publisher_may_change_between_plain_and_redundant),
        SIM_TEST(it_survives_a_poor_line),
        SIM_TEST(nonsense_is_dropped_and_counted),
        SIM_TEST(silence_is_left_out_of_it_too),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
