/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bottleneck.c - a camera in three encodings, and lines that get too small or are from the start: the profiles of tests/net in
 * virtual time, with their aims. Chromium's part is played by endpoints whose encoders and decoders cost nothing, so what is missed
 * here is missed by the server.
 *
 * `test_bottleneck --trace [PATTERN]` prints each viewer's path over time, of the scenes whose names match.
 */
#include "tests/unit/core/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/timebase.h"
#include "rooms/sfu/sfu_internal.h"
#include "tests/sim/feedback.h"
#include "tests/sim/link.h"
#include "transport/bwe.h"

#define ALL (FEEDBACK_NACK | FEEDBACK_TWCC)
#define KBPS 1000ull
#define MBPS 1000000ull
#define STEP_US (10 * MS)
#define MAX_STEPS 12000u /* two minutes */
#define MAX_VIEWERS 3
#define VIEWER_ID 2 /* of the first one's transport */
#define TOP 2
#define FRAMES_PER_S 30
#define ASKED_FOR 60
/* Of 30 s, by what only looks like a queue: nothing at all in nineteen of twenty courses of chance, and eight to ten seconds in the
 * other, until a probe puts it right. */
#define FOOLED_US (12 * SECONDS)

/* What was seen by the end of a step. */
struct seen {
    uint64_t offered_bytes;            /* to the line, ever */
    uint64_t queue_us;                 /* in it */
    uint32_t decoded;                  /* frames, ever */
    uint8_t encoding;                  /* of the newest packet */
    uint64_t target_bps, repair_bytes; /* the latter ever */
};

struct watcher {
    struct endpoint *endpoint;
    struct slot *slot;
    struct link *link; /* NULL: nothing is in the way */
    struct seen *seen;
};

struct scene {
    struct sim *sim, *viewers_at; /* the publisher's worker; the viewers' */
    struct endpoint *publisher;
    struct pub *camera;
    struct watcher viewer[MAX_VIEWERS];
    unsigned viewers, steps;
};

static bool is_traced;

/* 150, 470 and 1700 kb/s at 30 frames a second, and keyframes of several times the size, as browsers send them. */
static struct scene set_scene(uint64_t publisher_us)
{
    struct sim *sim = sim_new();
    struct scene c = {.sim = sim, .viewers_at = sim};
    const struct net_line line = {.delay_us = publisher_us};

    c.publisher = endpoint_join(c.sim, 1);
    endpoint_set_lines(c.publisher, &line);
    c.camera = endpoint_publish_simulcast(c.publisher, 3);
    c.camera->fill_bytes = 540;
    c.camera->keyframe_times = 5;
    c.camera->encoding[1].packets_per_frame = 3;
    c.camera->encoding[2].packets_per_frame = 11;
    sim_run(c.sim, 3 * SECONDS);
    return c;
}

/* @bps 0: without a bottleneck. */
static struct watcher *add_viewer(struct scene *c, uint64_t bps, uint64_t queue_bytes,
                                  const struct net_line *back)
{
    struct watcher *v = &c->viewer[c->viewers];

    v->endpoint = endpoint_join(c->viewers_at, VIEWER_ID + c->viewers++);
    v->seen = mem_alloc(MAX_STEPS * sizeof(*v->seen));
    feedback_enable(v->endpoint, ALL);
    if (bps != 0) {
        v->link = mem_alloc(sizeof(*v->link));
        link_init(v->link, c->sim->seed, bps, back->delay_us, 10 * SECONDS);
        v->link->queue_bytes = queue_bytes;
        v->link->loss = back->loss_permille / 1000.0;
        net_set_down_link(v->endpoint->host, v->link);
        net_set_up(v->endpoint->host, back);
        v->endpoint->may_lose = true;
    }
    if (c->viewers_at != c->sim && c->viewers == 1)
        sim_relay(c->sim, c->viewers_at, c->camera->track, &c->camera->section);
    v->slot = endpoint_watch(v->endpoint, c->camera);
    return v;
}

static void end_scene(struct scene *c)
{
    sim_expect_no_faults(c->sim);
    sim_free(&c->sim);
    for (unsigned i = 0; i < c->viewers; i++) {
        mem_free(c->viewer[i].link);
        mem_free(c->viewer[i].seen);
    }
}

static void trace(const struct scene *c, const struct watcher *v, const struct bwe_stats *bwe)
{
    const struct seen *now = &v->seen[c->steps], *before = now - MIN(c->steps, 10u);

    if (!is_traced || c->steps % 10 != 0)
        return;
    printf("%6.2f viewer %u: sent %5.0f kb/s, queue %4.0f ms, %2u frames of %u, target %5.0f, "
           "estimate %5.0f, arrives %5.0f, want %5.0f, %s%s, probes %u\n",
           c->steps * (double)STEP_US / 1e6, (unsigned)(v - c->viewer),
           (double)(now->offered_bytes - before->offered_bytes) * 8 / 100,
           (double)now->queue_us / 1000, now->decoded - before->decoded, now->encoding,
           (double)bwe->target_bps / 1000, (double)bwe->estimate_bps / 1000,
           (double)bwe->acked_bps / 1000, (double)bwe->want_bps / 1000, bwe_usage_name(bwe->usage),
           bwe->is_draining ? ", drains" : "", (unsigned)bwe->probes);
}

static void look(struct scene *c, unsigned i)
{
    struct watcher *v = &c->viewer[i];
    struct sim *at = c->viewers_at;
    uint64_t now_us = sim_now_us(at);
    const struct slot_source *src = slot_source(v->slot, c->camera);
    struct bwe_stats bwe;

    SIM_EXPECT(c->sim, transport_read_bwe(sfu_find_transport(at->sfu, VIEWER_ID + i)->tp, &bwe));
    v->seen[c->steps] = (struct seen){
        .offered_bytes = sim_transport_stats(at, VIEWER_ID + i).bytes_sent,
        .queue_us = v->link != NULL && v->link->busy_until_us > now_us
                        ? v->link->busy_until_us - now_us
                        : 0,
        .decoded = src->decoded,
        .encoding = src->encoding,
        .target_bps = bwe.target_bps,
        .repair_bytes = bwe.bytes_sent[BWE_RETRANSMISSION],
    };
    trace(c, v, &bwe);
}

/* Run on, and note what is seen. Returns the step that comes next. */
static unsigned watch(struct scene *c, uint64_t us)
{
    SIM_EXPECT(c->sim, c->steps + us / STEP_US <= MAX_STEPS);
    for (uint64_t at_us = 0; at_us < us; at_us += STEP_US, c->steps++) {
        sim_run(c->sim, STEP_US);
        for (unsigned i = 0; i < c->viewers; i++)
            look(c, i);
    }
    return c->steps;
}

/* ---- figures, as tests/net/lib/series.mjs has them ---- */

/* The longest time without a new picture. */
static uint64_t longest_gap_us(const struct watcher *v, unsigned from, unsigned to)
{
    unsigned last = from, longest = 0;

    for (unsigned i = from + 1; i < to; i++) {
        longest = MAX(longest, i - last);
        if (v->seen[i].decoded != v->seen[i - 1].decoded)
            last = i;
    }
    return longest * STEP_US;
}

/* When it begins that for three seconds no more is sent than the line carries, and the queue is shorter than 200 ms. */
static uint64_t settled_after_us(const struct watcher *v, unsigned from, unsigned to, uint64_t bps)
{
    unsigned steady = 3 * SECONDS / STEP_US;

    for (unsigned at = from; at + steady < to; at++) {
        bool is_settled =
            (v->seen[at + steady].offered_bytes - v->seen[at].offered_bytes) * 8 <= 3 * bps;
        for (unsigned i = at; i <= at + steady && is_settled; i++)
            is_settled = v->seen[i].queue_us < 200 * MS;
        if (is_settled)
            return (at - from) * STEP_US;
    }
    return UINT64_MAX;
}

static uint64_t encoding_after_us(const struct watcher *v, unsigned from, unsigned to, unsigned e)
{
    for (unsigned i = from; i < to; i++)
        if (v->seen[i].encoding == e)
            return (i - from) * STEP_US;
    return UINT64_MAX;
}

static uint64_t picture_after_us(const struct watcher *v, unsigned to)
{
    for (unsigned i = 0; i < to; i++)
        if (v->seen[i].decoded > 0)
            return i * STEP_US;
    return UINT64_MAX;
}

static bool is_always(const struct watcher *v, unsigned from, unsigned to, unsigned e)
{
    for (unsigned i = from; i < to; i++)
        if (v->seen[i].encoding != e)
            return false;
    return true;
}

/* How long another encoding was shown, or none. */
static uint64_t time_without_us(const struct watcher *v, unsigned from, unsigned to, unsigned e)
{
    uint64_t us = 0;

    for (unsigned i = from; i < to; i++)
        us += v->seen[i].encoding == e ? 0 : STEP_US;
    return us;
}

static void say(const char *what, uint64_t us)
{
    if (is_traced)
        printf("%s: %llu ms\n", what, (unsigned long long)us / 1000);
}

/* ---- the profiles ---- */

/* 4 Mb/s, then 500 kb/s, then 4 Mb/s: the profile downlink-cut. */
static void cut_the_line(uint64_t publisher_us)
{
    const struct net_line back_line = {.delay_us = 20 * MS};
    struct scene c = set_scene(publisher_us);
    struct watcher *v = add_viewer(&c, 4 * MBPS, 50000, &back_line);

    unsigned before = watch(&c, 6 * SECONDS);
    unsigned cut = watch(&c, 4 * SECONDS);
    link_change(v->link, sim_now_us(c.sim), 500 * KBPS);
    unsigned back = watch(&c, 40 * SECONDS);
    link_change(v->link, sim_now_us(c.sim), 4 * MBPS);
    unsigned end = watch(&c, 20 * SECONDS);
    uint64_t settled_us = settled_after_us(v, cut, back, 500 * KBPS);
    uint64_t gap_us = longest_gap_us(v, before, end);
    uint64_t top_us = encoding_after_us(v, back, end, TOP);

    say("settled", settled_us);
    say("longest gap", gap_us);
    say("top again", top_us);
    SIM_EXPECT(c.sim, is_always(v, before, cut, TOP));
    SIM_EXPECT(c.sim, settled_us <= 2 * SECONDS);
    SIM_EXPECT(c.sim, gap_us <= SECONDS);
    SIM_EXPECT(c.sim, top_us <= 10 * SECONDS);
    SIM_EXPECT(c.sim, longest_gap_us(v, cut + 300, end) <= 200 * MS); /* probes do no harm */
    end_scene(&c);
}

static void a_cut_line_is_followed_down_and_up(void **state)
{
    (void)state;
    cut_the_line(0);
}

/* Keyframes come a fifth of a second after they were asked for: what flows until then must not fill the queue further. */
static void also_while_the_keyframe_takes_its_time(void **state)
{
    (void)state;
    cut_the_line(100 * MS);
}

/* 300 kb/s from the start: the profile narrow. */
static void start_on_a_narrow_line(bool is_elsewhere)
{
    const struct net_line back_line = {.delay_us = 20 * MS};
    struct scene c = set_scene(0);

    if (is_elsewhere)
        c.viewers_at = sim_new_beside(c.sim);
    struct watcher *v = add_viewer(&c, 300 * KBPS, 30000, &back_line);
    unsigned end = watch(&c, 60 * SECONDS);
    uint64_t first_us = picture_after_us(v, end);
    uint64_t settled_us = settled_after_us(v, 0, end, 300 * KBPS);

    say("first picture", first_us);
    say("settled", settled_us);
    SIM_EXPECT(c.sim, first_us <= 3 * SECONDS);
    SIM_EXPECT(c.sim, settled_us <= 5 * SECONDS);
    SIM_EXPECT(c.sim, longest_gap_us(v, 500, end) <= SECONDS);
    SIM_EXPECT(c.sim, longest_gap_us(v, (unsigned)(first_us / STEP_US), end) <= SECONDS);
    end_scene(&c);
}

static void a_narrow_line_is_found_to_be_one(void **state)
{
    (void)state;
    start_on_a_narrow_line(false);
}

/* Where nothing of the track was measured yet. */
static void a_narrow_line_is_found_to_be_one_at_another_worker(void **state)
{
    (void)state;
    start_on_a_narrow_line(true);
}

/* Three viewers, one of them behind 500 kb/s, 5 % of loss and 50 ms: the profile three-viewers. */
static void one_bad_line_is_nobody_elses(void **state)
{
    const struct net_line bad = {.delay_us = 50 * MS, .loss_permille = 50};
    struct scene c = set_scene(0);

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        (void)add_viewer(&c, 0, 0, NULL);
    unsigned before = watch(&c, 8 * SECONDS);
    (void)add_viewer(&c, 500 * KBPS, 50000, &bad);
    memset(c.viewer[2].seen, 0, before * sizeof(struct seen));
    unsigned end = watch(&c, 60 * SECONDS);
    for (unsigned i = 0; i < 2; i++) {
        const struct watcher *v = &c.viewer[i];
        uint32_t frames = v->seen[end - 1].decoded - v->seen[before].decoded;
        say("longest gap of a good one", longest_gap_us(v, before, end));
        SIM_EXPECT(c.sim, is_always(v, before, end, TOP));
        SIM_EXPECT(c.sim, longest_gap_us(v, before, end) < 100 * MS);
        SIM_EXPECT(c.sim, frames >= 60 * (FRAMES_PER_S - 1));
    }
    say("longest gap of the bad one", longest_gap_us(&c.viewer[2], before + 100, end));
    SIM_EXPECT(c.sim, longest_gap_us(&c.viewer[2], before + 100, end) <= 2 * SECONDS);
    end_scene(&c);
}

/* The way gets longer all of a sudden, and delays differ more than before; it carries as much. */
static void the_way_gets_longer(uint64_t bps, const struct net_line *far)
{
    const struct net_line near = {.delay_us = 1 * MS};
    struct scene c = set_scene(0);
    struct watcher *v = add_viewer(&c, bps, bps / 40, &near);

    unsigned before = watch(&c, 8 * SECONDS);
    v->link->delay_us = far->delay_us;
    v->link->jitter_us = far->jitter_us;
    v->link->jitter_slot_us = 10 * MS;
    net_set_up(v->endpoint->host, far);
    unsigned end = watch(&c, 30 * SECONDS);
    say("longest gap", longest_gap_us(v, before, end));
    say("not at the top", time_without_us(v, before, end, TOP));
    SIM_EXPECT(c.sim, time_without_us(v, before, end, TOP) <= FOOLED_US);
    SIM_EXPECT(c.sim, longest_gap_us(v, before, end) <= far->delay_us + 200 * MS);
    end_scene(&c);
}

/* The profile delay-50. */
static void a_longer_way_is_no_smaller_one(void **state)
{
    (void)state;
    the_way_gets_longer(100 * MBPS, &(struct net_line){.delay_us = 50 * MS, .jitter_us = 20 * MS});
}

/* The profile delay-200. */
static void nor_is_a_much_longer_one(void **state)
{
    (void)state;
    the_way_gets_longer(100 * MBPS, &(struct net_line){.delay_us = 200 * MS, .jitter_us = 50 * MS});
}

static void also_where_it_carries_no_more_than_is_needed(void **state)
{
    (void)state;
    the_way_gets_longer(4 * MBPS, &(struct net_line){.delay_us = 200 * MS, .jitter_us = 50 * MS});
}

/* The newest packets, all of them, as if a burst had taken them. */
static void ask_for_all(struct slot *s)
{
    uint16_t seqs[ASKED_FOR];

    for (unsigned i = 0; i < ASKED_FOR; i++)
        seqs[i] = (uint16_t)(s->recv.highest_seq - i);
    feedback_ask(s, seqs, ASKED_FOR);
}

/* What comes again goes into the queue of the line that has just lost it: it must leave room for what is new. */
static void repair_leaves_room_on_a_narrow_line(void **state)
{
    const struct net_line back_line = {.delay_us = 20 * MS};
    struct scene c = set_scene(0);
    struct watcher *v = add_viewer(&c, 300 * KBPS, 60000, &back_line);
    uint64_t longest_us = 0;

    (void)state;
    unsigned begin = watch(&c, 20 * SECONDS);
    for (unsigned i = 0; i < 50; i++) {
        ask_for_all(v->slot);
        (void)watch(&c, 100 * MS);
    }
    unsigned end = c.steps;
    for (unsigned i = begin; i < end; i++)
        longest_us = MAX(longest_us, v->seen[i].queue_us);
    uint64_t bytes = v->seen[end - 1].repair_bytes - v->seen[begin].repair_bytes;
    say("bytes of repair, as ms", bytes * MS);
    say("longest queue", longest_us);
    say("longest gap", longest_gap_us(v, begin, end));
    SIM_EXPECT(c.sim, bytes >= 10000); /* not nothing */
    SIM_EXPECT(c.sim, longest_us <= 350 * MS);
    SIM_EXPECT(c.sim, longest_gap_us(v, begin, end) <= 500 * MS);
    end_scene(&c);
}

/* How much of the time an encoding was on its way, in a hundred. */
static unsigned percent_at_least(const struct watcher *v, unsigned from, unsigned to, unsigned e)
{
    unsigned n = 0;

    for (unsigned i = from; i < to; i++)
        n += v->seen[i].encoding >= e;
    return n * 100 / (to - from);
}

static unsigned frames_per_s(const struct watcher *v, unsigned from, unsigned to)
{
    return (unsigned)((v->seen[to - 1].decoded - v->seen[from].decoded) * SECONDS /
                      ((to - from) * STEP_US));
}

/* Each tenth packet is lost, both ways, and nothing is congested: the profile loss-10. */
static void loss_is_no_reason_to_send_less(void **state)
{
    const struct net_line near = {.delay_us = 1 * MS};
    const struct net_line bad = {.delay_us = 50 * MS, .loss_permille = 100};
    struct scene c = set_scene(0);
    struct watcher *v = add_viewer(&c, 100 * MBPS, 2500000, &near);

    (void)state;
    unsigned before = watch(&c, 8 * SECONDS);
    v->link->delay_us = bad.delay_us;
    v->link->loss = bad.loss_permille / 1000.0;
    net_set_up(v->endpoint->host, &bad);
    unsigned end = watch(&c, 45 * SECONDS);
    say("longest gap", longest_gap_us(v, before, end));
    say("percent of the time at the top, as ms", percent_at_least(v, before, end, TOP) * MS);
    say("frames a second, as ms", frames_per_s(v, before, end) * MS);
    /* That the delay changes with it may cost the top layer for some seconds; loss does not. */
    SIM_EXPECT(c.sim, percent_at_least(v, before, end, 1) >= 80);
    SIM_EXPECT(c.sim, percent_at_least(v, before, end, TOP) >= 70);
    SIM_EXPECT(c.sim, frames_per_s(v, before, end) >= 25);
    end_scene(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(a_cut_line_is_followed_down_and_up),
        SIM_TEST(also_while_the_keyframe_takes_its_time),
        SIM_TEST(a_narrow_line_is_found_to_be_one),
        SIM_TEST(a_narrow_line_is_found_to_be_one_at_another_worker),
        SIM_TEST(one_bad_line_is_nobody_elses),
        SIM_TEST(a_longer_way_is_no_smaller_one),
        SIM_TEST(nor_is_a_much_longer_one),
        SIM_TEST(also_where_it_carries_no_more_than_is_needed),
        SIM_TEST(repair_leaves_room_on_a_narrow_line),
        SIM_TEST(loss_is_no_reason_to_send_less),
    };

    is_traced = argc > 1 && strcmp(argv[1], "--trace") == 0;
    if (is_traced && argc > 2)
        cmocka_set_test_filter(argv[2]);
    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
