/* SPDX-License-Identifier: Apache-2.0 */
/* test_speakers.c - what a worker hears: levels that it reports, silence that it keeps to itself, and a slot that follows. */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "rooms/sfu/levels.h"
#include "rooms/sfu/speaker.h"
#include "tests/sim/endpoint.h"

#define LOUD 25
#define QUIET 90

static const struct net_line perfect = {.delay_us = 20 * MS};
static const struct net_line poor = {.delay_us = 40 * MS,
                                     .jitter_us = 30 * MS,
                                     .loss_permille = 50,
                                     .duplicate_permille = 10,
                                     .reorder_permille = 20};

/* What was reported. */
static struct report {
    unsigned count, frames;
    uint64_t track, first_us, last_us;
    uint8_t loudest;
} report;

static void note(const struct track_levels *levels, size_t n, void *arg)
{
    const struct sim *sim = arg;

    for (size_t i = 0; i < n; i++) {
        report.track = levels[i].track_id;
        for (unsigned k = 0; k < levels[i].count; k++)
            report.loudest = MIN(report.loudest, levels[i].frame[k].level);
        report.frames += levels[i].count;
    }
    if (report.count++ == 0)
        report.first_us = sim_now_us(sim);
    report.last_us = sim_now_us(sim);
}

static void begin_reports(struct sim *sim)
{
    report = (struct report){.loudest = 127};
    sim->on_levels = note;
    sim->levels_arg = sim;
}

static struct pub *join_with_microphone(struct sim *sim, unsigned id, int level)
{
    struct endpoint *e = endpoint_join(sim, id);

    endpoint_set_lines(e, &perfect);
    struct pub *p = endpoint_publish(e, CODEC_OPUS);
    p->level = level;
    return p;
}

static void levels_are_reported_while_there_is_sound(void **state)
{
    struct sim *sim = sim_new();

    (void)state;
    begin_reports(sim);
    struct pub *p = join_with_microphone(sim, 1, QUIET);
    sim_run(sim, 5 * SECONDS);
    SIM_EXPECT(sim, report.count == 0);
    p->level = LOUD;
    uint64_t from_us = sim_now_us(sim);
    sim_run(sim, 3 * SECONDS);
    SIM_EXPECT(sim, report.first_us - from_us <= 70 * MS); /* a packet, its way, and soon */
    SIM_EXPECT(sim, report.track == p->track && report.loudest == LOUD);
    SIM_EXPECT(sim, report.count >= 25 && report.count <= 35);
    SIM_EXPECT(sim, report.frames >= 140 && report.frames <= 152);
    p->level = QUIET;
    from_us = sim_now_us(sim);
    sim_run(sim, 10 * SECONDS);
    SIM_EXPECT(sim, report.last_us - from_us < 3 * SECONDS);
    sfu_track_set_muted(sim->sfu, p->track, true, sim_now_us(sim));
    p->level = LOUD;
    unsigned count = report.count;
    sim_run(sim, 2 * SECONDS);
    SIM_EXPECT(sim, report.count == count); /* the server muted it */
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static uint32_t packets_of(const struct slot *s, const struct pub *p)
{
    return slot_source(s, p)->packets;
}

static void silence_is_left_out_and_no_viewer_misses_it(void **state)
{
    struct sim *sim = sim_new();

    (void)state;
    struct pub *p = join_with_microphone(sim, 1, LOUD);
    struct slot *s = endpoint_watch(endpoint_join(sim, 2), p);
    for (unsigned i = 0; i < 5; i++) {
        p->level = LOUD;
        sim_run(sim, 2 * SECONDS);
        uint32_t before = packets_of(s, p);
        p->level = 127;
        sim_run(sim, 4 * SECONDS);
        uint32_t silent = packets_of(s, p) - before;
        SIM_EXPECT(sim, silent >= 10 && silent <= 4 + 11);
    }
    p->level = LOUD;
    struct slot *late = endpoint_watch(endpoint_join(sim, 3), p);
    sim_run(sim, SECONDS);
    SIM_EXPECT(sim, packets_of(late, p) >= 45);
    SIM_EXPECT(sim,
               rtp_recv_packets_lost(&s->recv) == 0 && rtp_recv_packets_lost(&late->recv) == 0);
    SIM_EXPECT(sim, s->largest_gap_us < 450 * MS);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

/* Somebody who joins while nothing is said begins in the middle of what is left out. */
static void one_who_joins_in_silence_misses_nothing_either(void **state)
{
    struct sim *sim = sim_new();

    (void)state;
    struct pub *p = join_with_microphone(sim, 1, 127);
    sim_run(sim, 3 * SECONDS + 130 * MS);
    struct slot *s = endpoint_watch(endpoint_join(sim, 2), p);
    sim_run(sim, 3 * SECONDS);
    p->level = LOUD;
    sim_run(sim, SECONDS);
    SIM_EXPECT(sim, packets_of(s, p) >= 50);
    SIM_EXPECT(sim, rtp_recv_packets_lost(&s->recv) == 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void over_a_poor_line_what_was_lost_stays_a_gap(void **state)
{
    struct sim *sim = sim_new();

    (void)state;
    struct pub *p = join_with_microphone(sim, 1, LOUD);
    endpoint_set_lines(p->owner, &poor);
    p->owner->may_lose = true;
    struct slot *s = endpoint_watch(endpoint_join(sim, 2), p);
    for (unsigned i = 0; i < 20; i++) {
        p->level = i % 2 == 0 ? LOUD : 127;
        sim_run(sim, SECONDS);
    }
    /* One in twenty of what is heard, and of silence what was lost at the edges of what was left out. */
    int64_t lost = rtp_recv_packets_lost(&s->recv);
    SIM_EXPECT(sim, lost > 5 && lost < 10 * 50 / 10);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

/* ---- a slot that follows ---- */

#define PEOPLE 3

static struct room {
    struct sim *sim;
    struct speaker speaker;
    struct speaker_places places;
    struct speaker_member member[PEOPLE];
    struct pub *microphone[PEOPLE], *camera[PEOPLE];
    struct slot *sound, *picture;
} room;

static void follow(struct room *r, unsigned changed)
{
    const struct speaker_member *heard = r->places.place[0].member, *seen = r->speaker.dominant;

    if ((changed & SPEAKER_PLACES_CHANGED) != 0 && heard != NULL)
        slot_watch(r->sound, r->microphone[heard->id]);
    if ((changed & SPEAKER_DOMINANT_CHANGED) != 0 && seen != NULL)
        slot_watch(r->picture, r->camera[seen->id]);
}

static void hear(const struct track_levels *levels, size_t n, void *arg)
{
    struct room *r = arg;

    for (size_t i = 0; i < n; i++)
        for (unsigned m = 0; m < PEOPLE; m++)
            for (unsigned k = 0;
                 r->microphone[m]->track == levels[i].track_id && k < levels[i].count; k++)
                follow(r, speaker_level(&r->speaker, &r->member[m], levels[i].frame[k].level,
                                        levels[i].frame[k].voice,
                                        levels[i].first_us + levels[i].frame[k].after_ms * MS));
}

/* As rooms/speakers.c does it, with the same delay. */
static void run(struct room *r, uint64_t ms)
{
    for (; ms > 0; ms -= 10) {
        sim_run(r->sim, 10 * MS);
        if (speaker_next_us(&r->speaker) + 150 * MS <= sim_now_us(r->sim))
            follow(r, speaker_tick(&r->speaker, sim_now_us(r->sim) - 150 * MS));
    }
}

static void sound_and_picture_follow_who_speaks(void **state)
{
    struct room *r = &room;

    (void)state;
    *r = (struct room){.sim = sim_new()};
    speaker_init(&r->speaker);
    speaker_places_add(&r->speaker, &r->places, 1);
    for (unsigned i = 0; i < PEOPLE; i++) {
        r->microphone[i] = join_with_microphone(r->sim, i + 1, 127);
        r->camera[i] = endpoint_publish(r->microphone[i]->owner, CODEC_VP8);
        speaker_add(&r->speaker, &r->member[i], i);
    }
    struct endpoint *viewer = endpoint_join(r->sim, 9);
    r->sound = endpoint_add_slot(viewer, MEDIA_AUDIO);
    r->picture = endpoint_add_slot(viewer, MEDIA_VIDEO);
    r->sim->on_levels = hear;
    r->sim->levels_arg = r;
    run(r, 1000);
    SIM_EXPECT(r->sim, r->sound->packets == 0 && r->picture->packets == 0);
    for (unsigned i = 0; i < 2 * PEOPLE; i++) {
        unsigned who = i % PEOPLE;
        r->microphone[who]->level = LOUD;
        uint64_t from_us = sim_now_us(r->sim);
        run(r, 100); /* its way here, soon, its way there: of the first word nearly everything */
        SIM_EXPECT(r->sim, r->sound->newest_content.track == r->microphone[who]->track);
        run(r, 2400);
        SIM_EXPECT(r->sim, r->picture->newest_content.track == r->camera[who]->track);
        SIM_EXPECT(r->sim, r->picture->flow_since_us - from_us < 1500 * MS);
        r->microphone[who]->level = 127;
        run(r, 500);
    }
    SIM_EXPECT(r->sim,
               r->sound->switches == 2 * PEOPLE - 1 && r->picture->switches == 2 * PEOPLE - 1);
    SIM_EXPECT(r->sim, rtp_recv_packets_lost(&r->sound->recv) == 0);
    sim_expect_no_faults(r->sim);
    sim_free(&r->sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(levels_are_reported_while_there_is_sound),
        SIM_TEST(silence_is_left_out_and_no_viewer_misses_it),
        SIM_TEST(one_who_joins_in_silence_misses_nothing_either),
        SIM_TEST(over_a_poor_line_what_was_lost_stays_a_gap),
        SIM_TEST(sound_and_picture_follow_who_speaks),
    };

    return cmocka_run_group_tests_name("speakers", tests, sim_group_setup, sim_group_teardown);
}
