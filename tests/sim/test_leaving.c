/* SPDX-License-Identifier: Apache-2.0 */
/* test_leaving.c - who leaves, vanishes, moves or comes back, in any state, and what the others notice: nothing but that. */
#include "tests/unit/core/cmocka_all.h"

#include "core/mem.h"
#include "tests/sim/endpoint.h"

static const struct net_line normal = {.delay_us = 20 * MS, .jitter_us = 5 * MS};

/* Two who talk, while a third one does this and that. */
struct call {
    struct sim *sim;
    struct endpoint *a, *b;
    struct slot *at_a, *at_b;
    struct pub *of_a, *of_b;
    uint32_t decoded_a, decoded_b;
};

static struct call start_call(void)
{
    struct call c = {.sim = sim_new()};

    c.a = endpoint_join(c.sim, 1);
    c.b = endpoint_join(c.sim, 2);
    c.of_a = endpoint_publish(c.a, CODEC_VP8);
    c.of_b = endpoint_publish(c.b, CODEC_VP8);
    c.at_a = endpoint_watch(c.a, c.of_b);
    c.at_b = endpoint_watch(c.b, c.of_a);
    sim_run(c.sim, SECONDS);
    return c;
}

static void mark_call(struct call *c)
{
    c->decoded_a = slot_source(c->at_a, c->of_b)->decoded;
    c->decoded_b = slot_source(c->at_b, c->of_a)->decoded;
}

/* The call went on for a while since mark_call(), and nothing of it was ever lost. */
static void expect_call_goes_on(struct call *c)
{
    SIM_EXPECT(c->sim, slot_source(c->at_a, c->of_b)->decoded > c->decoded_a + 20);
    SIM_EXPECT(c->sim, slot_source(c->at_b, c->of_a)->decoded > c->decoded_b + 20);
    SIM_EXPECT(c->sim, rtp_recv_packets_lost(&c->at_a->recv) == 0 &&
                           rtp_recv_packets_lost(&c->at_b->recv) == 0);
    SIM_EXPECT(c->sim, c->at_a->largest_gap_us < 50 * MS && c->at_b->largest_gap_us < 50 * MS);
    sim_expect_no_faults(c->sim);
}

static void end_call(struct call *c)
{
    mark_call(c);
    sim_run(c->sim, SECONDS);
    expect_call_goes_on(c);
    sim_free(&c->sim);
}

/* Someone whom both watch, and who watches both. */
static struct pub *take_part(struct call *c, struct endpoint *e)
{
    struct pub *p = endpoint_publish(e, CODEC_VP8);

    (void)endpoint_watch(c->a, p);
    (void)endpoint_watch(c->b, p);
    (void)endpoint_watch(e, c->of_a);
    (void)endpoint_watch(e, c->of_b);
    return p;
}

/* ---- leaving ---- */

/* Bring the third one into a state. */
static struct endpoint *bring(struct call *c, enum transport_state state)
{
    struct endpoint *e = endpoint_new(c->sim, 3);

    (void)take_part(c, e);
    if (state == TRANSPORT_NEW)
        return e;
    e->is_mute_to_checks = state == TRANSPORT_CHECKING;
    e->is_held_before_dtls = state == TRANSPORT_HANDSHAKE;
    endpoint_connect(e);
    sim_run(c->sim, 2 * SECONDS);
    if (state == TRANSPORT_FAILED) {
        e->is_mute_to_checks = true;
        sim_run(c->sim, SIM_CONSENT_US);
    }
    if (state == TRANSPORT_CLOSED) {
        endpoint_hang_up(e);
        sim_run(c->sim, 100 * MS);
    }
    return e;
}

static void leaving_is_fine_in_every_state(void **state)
{
    (void)state;
    for (enum transport_state s = TRANSPORT_NEW; s < TRANSPORT_STATE_COUNT; s++) {
        struct call c = start_call();
        struct endpoint *e = bring(&c, s);
        SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 3).state == s);
        sim_run(c.sim, SECONDS);
        SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 3).state == s); /* it stays there */
        sfu_transport_close(c.sim->sfu, 3, sim_now_us(c.sim));
        sim_run(c.sim, SECONDS); /* what still comes from it finds nobody */
        endpoint_free(&e);
        end_call(&c);
    }
}

static void leaving_is_fine_from_inside_the_news_of_every_state(void **state)
{
    (void)state;
    for (enum transport_state s = TRANSPORT_CHECKING; s < TRANSPORT_STATE_COUNT; s++) {
        struct call c = start_call();
        c.sim->close_id = 3;
        c.sim->close_state = s;
        struct endpoint *e = bring(&c, s);
        SIM_EXPECT(c.sim, c.sim->state_count[3][s] == 1 && c.sim->state[3] == s);
        sim_run(c.sim, SECONDS);
        endpoint_free(&e);
        end_call(&c);
    }
}

static void the_end_of_the_sfu_is_fine_in_every_state(void **state)
{
    (void)state;
    for (enum transport_state s = TRANSPORT_NEW; s < TRANSPORT_STATE_COUNT; s++) {
        struct call c = start_call();
        (void)bring(&c, s);
        sim_expect_no_faults(c.sim);
        sim_free(&c.sim);
    }
}

static void one_who_leaves_says_which_streams_end(void **state)
{
    struct call c = start_call();
    struct endpoint *e = endpoint_join(c.sim, 3);

    (void)state;
    (void)take_part(&c, e);
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, e->slot[0].packets > 0 && e->slot[1].packets > 0);
    sfu_transport_close(c.sim->sfu, 3, sim_now_us(c.sim));
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, e->slot[0].byes == 1 && e->slot[1].byes == 1);
    SIM_EXPECT(c.sim, e->is_closed); /* close_notify */
    end_call(&c);
}

static void one_who_hangs_up_is_told_at_once(void **state)
{
    struct call c = start_call();
    struct endpoint *e = endpoint_join(c.sim, 3);
    struct pub *p = take_part(&c, e);

    (void)state;
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, slot_source(&c.a->slot[1], p)->decoded > 20);
    endpoint_hang_up(e);
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, c.sim->state[3] == TRANSPORT_CLOSED);
    end_call(&c);
}

static void one_who_vanishes_fails_when_consent_runs_out(void **state)
{
    struct call c = start_call();
    struct endpoint *e = endpoint_join(c.sim, 3);

    (void)state;
    (void)take_part(&c, e);
    sim_run(c.sim, SECONDS);
    endpoint_free(&e);
    sim_run(c.sim, SIM_CONSENT_US - SECONDS - 100 * MS);
    SIM_EXPECT(c.sim, c.sim->state[3] == TRANSPORT_OPEN);
    sim_run(c.sim, SECONDS + 200 * MS);
    SIM_EXPECT(c.sim, c.sim->state[3] == TRANSPORT_FAILED);
    end_call(&c);
}

static void media_alone_is_no_consent(void **state)
{
    struct call c = start_call();
    struct endpoint *e = endpoint_join(c.sim, 3);
    struct pub *p = take_part(&c, e);

    (void)state;
    e->is_mute_to_checks = true; /* its media goes on */
    sim_run(c.sim, SIM_CONSENT_US + SECONDS);
    SIM_EXPECT(c.sim, c.sim->state[3] == TRANSPORT_FAILED);
    uint32_t before = slot_source(&c.a->slot[1], p)->packets;
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, slot_source(&c.a->slot[1], p)->packets == before);
    end_call(&c);
}

/* ---- staying ---- */

static void an_address_changes_and_the_session_stays(void **state)
{
    struct call c = start_call();
    struct endpoint *e = endpoint_join(c.sim, 3);
    struct pub *p = take_part(&c, e);
    struct slot *at_e = &e->slot[0], *of_e = &c.a->slot[1];

    (void)state;
    endpoint_set_lines(e, &normal);
    for (unsigned i = 0; i < 12; i++) { /* more than the paths that are kept */
        sim_run(c.sim, 2 * SECONDS);
        at_e->largest_gap_us = of_e->largest_gap_us = 0;
        uint32_t decoded = slot_source(of_e, p)->decoded;
        endpoint_move(e);
        sim_run(c.sim, SECONDS);
        SIM_EXPECT(c.sim, slot_source(of_e, p)->decoded > decoded + 20);
        SIM_EXPECT(c.sim, at_e->largest_gap_us < 600 * MS && of_e->largest_gap_us < 300 * MS);
        struct addr now = sim_endpoint_addr(3, e->moves);
        struct transport_stats stats = sim_transport_stats(c.sim, 3);
        SIM_EXPECT(c.sim, stats.has_path && addr_eq(&stats.selected.remote, &now));
    }
    SIM_EXPECT(c.sim, c.sim->state_count[3][TRANSPORT_OPEN] == 1 &&
                          c.sim->state_count[3][TRANSPORT_FAILED] == 0);
    SIM_EXPECT(c.sim, slot_source(at_e, c.of_a)->decoded > 12 * 3 * 20);
    end_call(&c);
}

static void an_ice_restart_loses_no_media(void **state)
{
    struct call c = start_call();
    struct endpoint *e = endpoint_join(c.sim, 3);
    struct pub *p = take_part(&c, e);
    struct slot *at_e = &e->slot[0], *of_e = &c.a->slot[1];

    (void)state;
    endpoint_set_lines(e, &normal);
    sim_run(c.sim, SECONDS);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t answered = e->checks_answered;
        endpoint_restart_ice(e);
        if (i == 3)
            endpoint_restart_ice(e); /* twice in a row */
        sim_run(c.sim, SECONDS);
        SIM_EXPECT(c.sim, e->is_nominated && e->checks_answered > answered);
    }
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 3).ice.restarts == 6);
    SIM_EXPECT(c.sim, c.sim->state_count[3][TRANSPORT_OPEN] == 1);
    SIM_EXPECT(c.sim,
               rtp_recv_packets_lost(&at_e->recv) == 0 && rtp_recv_packets_lost(&of_e->recv) == 0);
    SIM_EXPECT(c.sim, at_e->largest_gap_us < 100 * MS && of_e->largest_gap_us < 100 * MS);
    SIM_EXPECT(c.sim, p->encoding[0].keyframes <= 2);
    end_call(&c);
}

static void one_who_failed_comes_back_with_an_ice_restart(void **state)
{
    struct call c = start_call();
    struct endpoint *e = endpoint_join(c.sim, 3);
    struct pub *p = take_part(&c, e);
    struct slot *at_e = &e->slot[0], *of_e = &c.a->slot[1];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        sim_run(c.sim, SECONDS);
        e->is_mute_to_checks = true; /* asleep */
        p->is_sending = false;
        sim_run(c.sim, SIM_CONSENT_US + SECONDS);
        SIM_EXPECT(c.sim, c.sim->state[3] == TRANSPORT_FAILED);
        uint32_t packets = at_e->packets, decoded = slot_source(of_e, p)->decoded,
                 here = slot_source(at_e, c.of_a)->decoded;
        sim_run(c.sim, SECONDS);
        SIM_EXPECT(c.sim, at_e->packets == packets);
        e->is_mute_to_checks = false;
        p->is_sending = true;
        if (i == 1)
            e->moves++; /* woke up elsewhere */
        struct addr at = sim_endpoint_addr(3, e->moves);
        net_move(e->host, &at);
        endpoint_restart_ice(e);
        sim_run(c.sim, 3 * SECONDS);
        SIM_EXPECT(c.sim, c.sim->state[3] == TRANSPORT_OPEN);
        SIM_EXPECT(c.sim, slot_source(of_e, p)->decoded > decoded + 20 &&
                              slot_source(at_e, c.of_a)->decoded > here + 20);
    }
    SIM_EXPECT(c.sim, rtp_recv_packets_lost(&at_e->recv) == 0); /* nothing was sent in between */
    end_call(&c);
}

static void a_viewer_whose_publisher_leaves_waits_for_another(void **state)
{
    struct call c = start_call();
    struct endpoint *e = endpoint_join(c.sim, 3);
    struct pub *p = take_part(&c, e);
    struct slot *s = &c.a->slot[1];

    (void)state;
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, slot_source(s, p)->decoded > 20);
    sfu_transport_close(c.sim->sfu, 3, sim_now_us(c.sim));
    endpoint_free(&e);
    sim_run(c.sim, 100 * MS);
    uint32_t packets = s->packets;
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, s->packets == packets);
    slot_watch(s, c.of_b);
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, slot_source(s, c.of_b)->decoded > 20 && rtp_recv_packets_lost(&s->recv) == 0);
    end_call(&c);
}

/* ---- coming and going ---- */

static void many_come_and_go(void **state)
{
    struct call c = start_call();
    struct endpoint *guest[6] = {NULL};

    (void)state;
    for (unsigned step = 0; step < 60; step++) {
        unsigned i = rng_below(&c.sim->rng, 6);
        unsigned id = 3 + i;
        if (guest[i] == NULL) {
            guest[i] = endpoint_new(c.sim, id);
            struct pub *p = endpoint_publish(guest[i], CODEC_VP8);
            (void)endpoint_watch(guest[i], c.of_a);
            for (unsigned k = 0; k < 6; k++)
                if (guest[k] != NULL && k != i && guest[k]->slot_count < ENDPOINT_MAX_SLOTS)
                    (void)endpoint_watch(guest[k], p);
            endpoint_connect(guest[i]);
        } else if (rng_below(&c.sim->rng, 3) == 0) {
            endpoint_move(guest[i]);
        } else if (rng_below(&c.sim->rng, 3) == 0 && guest[i]->is_open) {
            endpoint_restart_ice(guest[i]);
        } else {
            if (rng_below(&c.sim->rng, 2) == 0)
                endpoint_hang_up(guest[i]);
            sfu_transport_close(c.sim->sfu, id, sim_now_us(c.sim));
            endpoint_free(&guest[i]);
        }
        sim_run(c.sim, rng_below(&c.sim->rng, 300) * MS);
    }
    end_call(&c);
}

static void without_memory_a_join_is_refused_and_nothing_is_left(void **state)
{
    struct call c = start_call();
    const struct transceiver in = c.of_a->section, out = c.at_a->section;
    const struct ice_credentials ice = {.ufrag = "abcdefgh", .pwd = "abcdefghijklmnopqrstuvwx"};
    const struct log_ids ids = {"tp=9"};
    int err = -1;

    (void)state;
    for (uint64_t n = 1; n < 100 && err != 0; n++) {
        uint64_t now_us = sim_now_us(c.sim);
        struct transceiver t = in;
        t.encoding[0].ssrc = 4711;
        mem_fail_nth(n);
        err = sfu_transport_open(c.sim->sfu, 9, &ice, SIM_CONSENT_US, &ids, now_us);
        if (err == 0)
            err = sfu_track_open(c.sim->sfu, 90, 9, &t, now_us);
        if (err == 0)
            err = sfu_subscription_open(c.sim->sfu, 900, 9, &out, now_us);
        mem_fail_nth(0);
        sfu_transport_close(c.sim->sfu, 9, now_us);
        sim_run(c.sim, 10 * MS);
    }
    SIM_EXPECT(c.sim, err == 0);
    struct sfu_totals totals;
    sfu_read_totals(c.sim->sfu, &totals);
    SIM_EXPECT(c.sim, totals.transports == 2 && totals.tracks == 2 && totals.subscriptions == 2);
    end_call(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(leaving_is_fine_in_every_state),
        SIM_TEST(leaving_is_fine_from_inside_the_news_of_every_state),
        SIM_TEST(the_end_of_the_sfu_is_fine_in_every_state),
        SIM_TEST(one_who_leaves_says_which_streams_end),
        SIM_TEST(one_who_hangs_up_is_told_at_once),
        SIM_TEST(one_who_vanishes_fails_when_consent_runs_out),
        SIM_TEST(media_alone_is_no_consent),
        SIM_TEST(an_address_changes_and_the_session_stays),
        SIM_TEST(an_ice_restart_loses_no_media),
        SIM_TEST(one_who_failed_comes_back_with_an_ice_restart),
        SIM_TEST(a_viewer_whose_publisher_leaves_waits_for_another),
        SIM_TEST(many_come_and_go),
        SIM_TEST(without_memory_a_join_is_refused_and_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
