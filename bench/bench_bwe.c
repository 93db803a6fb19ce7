/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_bwe.c - what congestion control costs for each packet sent.
 *
 * So many viewers that their estimators do not fit into the near caches get the same frames, as in a broadcast; each gives
 * feedback each 100 ms, about packets that arrived evenly. Pacing and logging, and feedback with all decisions, are timed apart.
 */
#include "bench/bench.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "transport/bwe.h"
#include "transport/pacer.h"
#include "transport/rtcp_twcc.h"

#define VIEWERS 2000
#define FRAME_US 33333ull
#define FRAMES 3 /* between two feedbacks */
#define FRAME_PACKETS 6
#define PACKET_BYTES 1040 /* 1.5 Mbit/s */
#define DELAY_US 30000ull
#define MAX_ROUNDS 100000

struct viewer {
    struct bwe *bwe;
    struct pacer pacer;
    uint16_t first_seq; /* that no feedback has told of */
};

struct bwe_run {
    struct viewer viewer[VIEWERS];
    double sent_ns[MAX_ROUNDS], told_ns[MAX_ROUNDS]; /* a packet */
    size_t rounds;
    uint64_t now_us;
    struct rtcp_twcc feedback;
};

static void on_dropped(const struct pacer_item *item, void *arg)
{
    (void)item;
    (void)arg;
}

static int make_viewers(struct bwe_run *run)
{
    const struct bwe_config config = {.max_bps = 5000000};

    for (size_t i = 0; i < VIEWERS; i++)
        pacer_init(&run->viewer[i].pacer, on_dropped, NULL);
    for (size_t i = 0; i < VIEWERS; i++) {
        struct viewer *v = &run->viewer[i];
        v->bwe = bwe_new(&config);
        if (v->bwe == NULL)
            return E_NO_MEMORY;
        v->first_seq = 1;
        pacer_set_target(&v->pacer, bwe_target_bps(v->bwe));
        bwe_set_want(v->bwe, 1, run->now_us); /* a broadcast in one quality: no probes */
    }
    return 0;
}

static void free_viewers(struct bwe_run *run)
{
    for (size_t i = 0; i < VIEWERS; i++) {
        bwe_free(&run->viewer[i].bwe);
        pacer_fini(&run->viewer[i].pacer);
    }
}

/* One packet for each viewer, as fan-out goes. */
static void send_packet(struct bwe_run *run)
{
    for (size_t i = 0; i < VIEWERS; i++) {
        struct viewer *v = &run->viewer[i];
        CHECK(pacer_passes(&v->pacer, PACER_VIDEO, PACKET_BYTES, run->now_us));
        (void)bwe_on_sent(v->bwe, PACKET_BYTES, BWE_MEDIA, run->now_us);
    }
}

static void make_feedback(struct bwe_run *run)
{
    uint64_t arrival_us = run->now_us - FRAMES * FRAME_US + DELAY_US;
    struct rtcp_twcc *f = &run->feedback;

    f->reference = (int32_t)(arrival_us / TWCC_REFERENCE_US);
    f->n = FRAMES * FRAME_PACKETS;
    for (size_t i = 0; i < f->n; i++) {
        uint64_t delta_us = i % FRAME_PACKETS == 0 ? FRAME_US : 0;
        if (i == 0)
            delta_us = arrival_us % TWCC_REFERENCE_US;
        f->at[i] = (struct rtcp_twcc_status){.received = true,
                                             .delta = (int16_t)(delta_us / TWCC_TICK_US)};
    }
}

static void give_feedback(struct bwe_run *run)
{
    struct rtcp_twcc *f = &run->feedback;

    for (size_t i = 0; i < VIEWERS; i++) {
        struct viewer *v = &run->viewer[i];
        for (size_t k = 0; k < f->n; k++)
            f->at[k].seq = v->first_seq++;
        bwe_on_feedback(v->bwe, f, run->now_us);
        pacer_set_target(&v->pacer, bwe_target_bps(v->bwe));
    }
}

static void one_round(struct bwe_run *run)
{
    double packets = (double)VIEWERS * FRAMES * FRAME_PACKETS;
    uint64_t start_us = timebase_now_us();

    for (size_t i = 0; i < FRAMES * FRAME_PACKETS; i++) {
        send_packet(run);
        if (i % FRAME_PACKETS == FRAME_PACKETS - 1)
            run->now_us += FRAME_US;
    }
    make_feedback(run);
    uint64_t sent_us = timebase_now_us();
    give_feedback(run);
    uint64_t told_us = timebase_now_us();
    run->sent_ns[run->rounds] = (double)(sent_us - start_us) * 1000 / packets;
    run->told_ns[run->rounds++] = (double)(told_us - sent_us) * 1000 / packets;
}

static void report(struct bwe_run *run, struct document *d)
{
    static const struct doc_column columns[] = {
        {"sent_ns", "paced and logged, ns a packet", 1, 1},
        {"feedback_ns", "feedback and decisions, ns a packet", 1, 1},
        {"bytes", "bytes an estimator", 1, 0}};
    const struct doc_param params[] = {{.name = "viewers", .value = VIEWERS}};
    struct doc_row *row = document_row(d, "bwe", "parley", params, ARRAY_LEN(params));
    struct bwe_stats stats;

    bwe_read_stats(run->viewer[0].bwe, &stats);
    for (size_t i = 0; i < run->rounds; i++) {
        struct doc_round *round = document_round(row);
        document_value(round, "sent_ns", run->sent_ns[i]);
        document_value(round, "feedback_ns", run->told_ns[i]);
        document_value(round, "bytes", (double)stats.memory_bytes);
    }
    document_print(d, "bwe", columns, ARRAY_LEN(columns));
}

int bench_bwe(const struct bench_options *options, struct document *d)
{
    struct bwe_run *run = MEM_NEW(struct bwe_run);
    uint64_t end_us = timebase_now_us() + options->seconds * 1000000ull;

    run->now_us = 1000000;
    int err = make_viewers(run);
    while (err == 0 && timebase_now_us() < end_us && run->rounds < MAX_ROUNDS)
        one_round(run);
    if (err == 0)
        report(run, d);
    free_viewers(run);
    mem_free(run);
    return err;
}
