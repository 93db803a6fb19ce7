/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_flow.c - sender, receiver and what is under way between them. */
#include "tests/sim/bwe_flow.h"

#include <math.h>
#include <string.h>

#include "core/attr.h"
#include "core/check.h"
#include "core/wire.h"
#include "transport/rtcp.h"
#include "transport/rtcp_twcc.h"
#include "transport/twcc.h"

#define MS 1000ull
#define SECONDS 1000000ull
#define FRAME_US 33333ull
#define FRAME_JITTER_US 4000
#define AUDIO_US 20000ull
#define AUDIO_BYTES 120 /* 48 kbit/s */
#define AUDIO_BPS (AUDIO_BYTES * 8 * SECONDS / AUDIO_US)
#define PACKET_BYTES 1180
#define PADDING_BYTES 1200
#define KEYFRAME 6.0
#define ALLOCATE_US (100 * MS)
#define SWITCH_US (200 * MS) /* until the keyframe comes */
#define UP_AFTER_UP_US SECONDS
#define UP_AFTER_DOWN_US (5 * SECONDS)
#define TCP_BYTES 1448
#define CLOCK_AHEAD_US 987654321987ull /* the receiver's */
#define CLOCK_DRIFT 50e-6

uint64_t flow_layer_total_bps(const struct flow *f, int i)
{
    return f->layer_bps[i] + AUDIO_BPS;
}

static void on_dropped(const struct pacer_item *item, void *arg)
{
    (void)item;
    (void)arg;
}

void flow_init(struct flow *f, const char *name, enum flow_source source, struct link *link,
               uint64_t seed, const struct bwe_config *config)
{
    memset(f, 0, sizeof(*f));
    *f = (struct flow){
        .name = name, .source = source, .link = link, .layer_bps = {150000, 500000, 1700000}};
    f->stop_us = UINT64_MAX;
    f->layer = source == FLOW_CONSTANT ? 1 : 0;
    f->next_layer = f->layer;
    f->keyframe_due = true;
    rng_seed(&f->rng, seed);
    f->window = 10;
    f->slow_start = true;
    f->loss_seen_us = UINT64_MAX;
    if (source == FLOW_TCP)
        return;
    f->bwe = bwe_new(config);
    f->twcc = twcc_new();
    CHECK(f->bwe != NULL && f->twcc != NULL);
    pacer_init(&f->pacer, on_dropped, f);
}

void flow_fini(struct flow *f)
{
    if (f->source == FLOW_TCP)
        return;
    bwe_free(&f->bwe);
    twcc_free(&f->twcc);
    pacer_fini(&f->pacer);
}

void flow_reset_figures(struct flow *f)
{
    histogram_clear(&f->queue_us);
    f->bytes_arrived = f->media_arrived = f->packets_sent = f->packets_lost = 0;
    f->layer_switches = 0;
}

/* ---- the way there ---- */

static bool put_on_link(struct flow *f, uint16_t seq, size_t bytes, bool is_media, uint64_t now_us)
{
    uint64_t arrives_us, waited_us;

    f->packets_sent++;
    if (!link_send(f->link, bytes, now_us, &arrives_us, &waited_us)) {
        f->packets_lost++;
        return false;
    }
    histogram_add(&f->queue_us, waited_us);
    CHECK(f->count < FLOW_MAX_UNDER_WAY);
    f->under_way[(f->first + f->count++) % FLOW_MAX_UNDER_WAY] =
        (struct flow_packet){arrives_us, seq, (uint16_t)bytes, is_media};
    return true;
}

static void send_now(struct flow *f, size_t bytes, enum bwe_kind kind, uint64_t now_us)
{
    uint16_t seq = bwe_on_sent(f->bwe, bytes, kind, now_us);

    put_on_link(f, seq, bytes, kind == BWE_MEDIA, now_us);
}

static void send_media(struct flow *f, size_t bytes, enum pacer_priority priority, uint64_t now_us)
{
    struct pacer_item item = {.owner = f, .bytes = (uint16_t)bytes, .priority = (uint8_t)priority};

    if (pacer_passes(&f->pacer, priority, bytes, now_us))
        send_now(f, bytes, BWE_MEDIA, now_us);
    else
        CHECK(pacer_push(&f->pacer, &item, now_us));
}

static void send_frame(struct flow *f, uint64_t now_us)
{
    uint64_t bps = f->layer_bps[f->layer];
    uint64_t target_bps = bwe_target_bps(f->bwe);

    if (f->source == FLOW_ADAPTIVE)
        bps = target_bps > AUDIO_BPS + 20000 ? (target_bps - AUDIO_BPS) * 95 / 100 : 20000;
    double bytes = (double)bps / 8 * FRAME_US / SECONDS * (0.7 + 0.6 * rng_unit(&f->rng));
    if (f->keyframe_due && f->source != FLOW_ADAPTIVE)
        bytes *= KEYFRAME;
    f->keyframe_due = false;
    for (size_t left = (size_t)bytes + 1; left > 0;) {
        size_t n = MIN(left, PACKET_BYTES);
        send_media(f, n, PACER_VIDEO, now_us);
        left -= n;
    }
}

/* ---- layers ---- */

static void allocate(struct flow *f, uint64_t now_us)
{
    uint64_t target_bps = bwe_target_bps(f->bwe);
    int layer = f->next_layer;

    pacer_set_target(&f->pacer, target_bps);
    if (f->source == FLOW_ADAPTIVE)
        return;
    if (f->source == FLOW_CONSTANT) {
        bwe_set_want(f->bwe, flow_layer_total_bps(f, 1), now_us);
        return;
    }
    int best = now_us < f->top_from_us ? 0 : FLOW_LAYERS - 1;
    while (layer > 0 && target_bps < flow_layer_total_bps(f, layer))
        layer--;
    if (layer == f->next_layer && now_us > f->may_go_up_us) {
        while (layer < best && target_bps > flow_layer_total_bps(f, layer + 1) * 11 / 10)
            layer++;
    }
    if (layer != f->next_layer) {
        f->may_go_up_us = now_us + (layer < f->next_layer ? UP_AFTER_DOWN_US : UP_AFTER_UP_US);
        f->next_layer = layer;
        f->switch_us = now_us + SWITCH_US;
        f->layer_switches++;
    }
    int next = MIN(layer + 1, MAX(best, layer));
    bwe_set_want(f->bwe, flow_layer_total_bps(f, next) * (next > layer ? 12 : 10) / 10, now_us);
}

static void switch_layer(struct flow *f, uint64_t now_us)
{
    if (f->layer != f->next_layer && now_us >= f->switch_us) {
        f->layer = f->next_layer;
        f->keyframe_due = true;
    }
}

/* ---- TCP ---- */

static void tcp_send(struct flow *f, uint64_t now_us)
{
    while (f->outstanding < (uint32_t)f->window) {
        if (put_on_link(f, 0, TCP_BYTES, true, now_us))
            f->outstanding++;
        else if (f->loss_seen_us == UINT64_MAX)
            f->loss_seen_us = now_us + 2 * f->link->delay_us + 20 * MS;
        else
            return; /* sent again when the loss has been seen */
        if (f->loss_seen_us != UINT64_MAX)
            return;
    }
}

static void tcp_acked(struct flow *f)
{
    f->outstanding--;
    f->window += f->slow_start ? 1 : 1 / f->window;
}

static void tcp_lost(struct flow *f, uint64_t now_us)
{
    f->slow_start = false;
    f->window = MAX(f->window / 2, 2);
    f->loss_seen_us = UINT64_MAX;
    f->halved_us = now_us;
}

/* ---- the receiver, and the way back ---- */

static uint64_t its_clock(uint64_t now_us)
{
    return now_us + CLOCK_AHEAD_US + (uint64_t)((double)now_us * CLOCK_DRIFT);
}

static void send_feedback(struct flow *f, uint64_t now_us)
{
    for (;;) {
        struct flow_feedback *fb =
            &f->feedback[(f->feedback_first + f->feedback_count) % FLOW_MAX_FEEDBACKS];
        struct writer w = writer_of(fb->bytes, sizeof(fb->bytes));
        if (!twcc_write(f->twcc, &w, 1, 2, its_clock(now_us)))
            return;
        if (rng_unit(&f->rng) < f->feedback_loss)
            continue;
        fb->len = writer_len(&w);
        fb->arrives_us = now_us + f->link->delay_us + f->feedback_delay_us;
        CHECK(++f->feedback_count < FLOW_MAX_FEEDBACKS);
    }
}

static uint64_t feedback_due_us(const struct flow *f)
{
    uint64_t due_us = f->twcc == NULL ? UINT64_MAX : twcc_due_us(f->twcc);

    if (due_us == UINT64_MAX)
        return UINT64_MAX;
    return (uint64_t)((double)(due_us - CLOCK_AHEAD_US) / (1 + CLOCK_DRIFT)) + 1;
}

static void receive_packets(struct flow *f, uint64_t now_us)
{
    uint64_t back_us = f->source == FLOW_TCP ? f->link->delay_us : 0; /* the ack */

    while (f->count > 0 && f->under_way[f->first].arrives_us + back_us <= now_us) {
        const struct flow_packet *p = &f->under_way[f->first];
        f->bytes_arrived += p->bytes;
        f->media_arrived += p->is_media ? p->bytes : 0;
        if (f->source == FLOW_TCP)
            tcp_acked(f);
        else
            twcc_add(f->twcc, p->seq, p->bytes, its_clock(p->arrives_us), its_clock(now_us));
        f->first = (f->first + 1) % FLOW_MAX_UNDER_WAY;
        f->count--;
    }
}

static void receive_feedback(struct flow *f, uint64_t now_us)
{
    static struct rtcp_twcc parsed;

    while (f->feedback_count > 0 && f->feedback[f->feedback_first].arrives_us <= now_us) {
        const struct flow_feedback *fb = &f->feedback[f->feedback_first];
        struct rtcp_reader r = rtcp_reader_of(fb->bytes, fb->len);
        struct rtcp_packet p;
        CHECK(rtcp_next(&r, &p) && rtcp_twcc_parse(&parsed, &p.fb) == 0);
        bwe_on_feedback(f->bwe, &parsed, now_us);
        f->feedback_first = (f->feedback_first + 1) % FLOW_MAX_FEEDBACKS;
        f->feedback_count--;
    }
}

/* ---- time ---- */

static uint64_t next_us(const struct flow *f)
{
    bool is_sending = true;
    uint64_t at_us = UINT64_MAX;

    if (f->count > 0)
        at_us = f->under_way[f->first].arrives_us + (f->source == FLOW_TCP ? f->link->delay_us : 0);
    if (f->source == FLOW_TCP)
        return MIN(MIN(at_us, f->loss_seen_us), f->halved_us == 0 ? f->start_us : at_us);
    at_us = MIN(at_us, feedback_due_us(f));
    if (f->feedback_count > 0)
        at_us = MIN(at_us, f->feedback[f->feedback_first].arrives_us);
    at_us = MIN(at_us, bwe_deadline_us(f->bwe));
    at_us = MIN(at_us, pacer_next_us(&f->pacer));
    if (is_sending)
        at_us = MIN(at_us, MIN(MIN(f->frame_us, f->audio_us), f->allocate_us));
    return at_us;
}

static void send_media_due(struct flow *f, uint64_t now_us)
{
    bool is_on = now_us >= f->start_us && now_us < f->stop_us;

    if (now_us >= f->allocate_us) {
        f->allocate_us = now_us + ALLOCATE_US;
        if (is_on)
            allocate(f, now_us);
    }
    switch_layer(f, now_us);
    if (now_us >= f->audio_us) {
        f->audio_us = MAX(f->audio_us, f->start_us) + AUDIO_US;
        if (is_on)
            send_media(f, AUDIO_BYTES, PACER_AUDIO, now_us);
    }
    if (now_us >= f->frame_us) {
        f->frame_us = MAX(f->frame_us, f->start_us) + FRAME_US - FRAME_JITTER_US / 2 +
                      rng_below(&f->rng, FRAME_JITTER_US); /* the way to us has its jitter too */
        if (is_on)
            send_frame(f, now_us);
    }
}

static void pull_and_probe(struct flow *f, uint64_t now_us)
{
    struct pacer_item item;
    struct bwe_probe probe;

    while (pacer_pull(&f->pacer, &item, now_us))
        send_now(f, item.bytes, BWE_MEDIA, now_us);
    if (bwe_deadline_us(f->bwe) > now_us)
        return;
    bwe_on_deadline(f->bwe, now_us);
    while (bwe_probe_due(f->bwe, now_us, &probe))
        send_now(f, PADDING_BYTES, BWE_PADDING, now_us);
}

static void flow_step(struct flow *f, uint64_t now_us)
{
    receive_packets(f, now_us);
    if (f->source == FLOW_TCP) {
        if (now_us >= f->loss_seen_us)
            tcp_lost(f, now_us);
        if (now_us >= f->start_us && now_us < f->stop_us)
            tcp_send(f, now_us);
        if (f->halved_us == 0 && now_us >= f->start_us)
            f->halved_us = now_us; /* has started */
        return;
    }
    if (feedback_due_us(f) <= now_us)
        send_feedback(f, now_us);
    receive_feedback(f, now_us);
    if (now_us >= f->rtt_us) {
        f->rtt_us = now_us + SECONDS;
        bwe_on_rtt(f->bwe, 2 * f->link->delay_us + f->feedback_delay_us);
    }
    send_media_due(f, now_us);
    pull_and_probe(f, now_us);
}

void flows_run(struct flow **flows, size_t n, uint64_t *now_us, uint64_t until_us,
               void (*on_step)(uint64_t now_us, void *arg), void *arg)
{
    while (*now_us < until_us) {
        uint64_t at_us = until_us;
        for (size_t i = 0; i < n; i++)
            at_us = MIN(at_us, next_us(flows[i]));
        *now_us = MAX(*now_us + 1, at_us);
        for (size_t i = 0; i < n; i++)
            flow_step(flows[i], *now_us);
        if (on_step != NULL)
            on_step(*now_us, arg);
    }
}
