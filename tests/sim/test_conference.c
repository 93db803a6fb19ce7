/* SPDX-License-Identifier: Apache-2.0 */
/* test_conference.c - people who talk to each other: who receives what, from where on, and in time with what. */
#include "tests/unit/core/cmocka_all.h"

#include "core/err.h"
#include "core/map.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"
#include "tests/sim/endpoint.h"
#include "tests/sim/feedback.h"

#define FPS 30 /* a little over */

static const struct net_line perfect = {.delay_us = 20 * MS};
static const struct net_line poor = {.delay_us = 40 * MS,
                                     .jitter_us = 30 * MS,
                                     .loss_permille = 20,
                                     .duplicate_permille = 10,
                                     .reorder_permille = 20};

/* An endpoint with camera and microphone. */
struct person {
    struct endpoint *e;
    struct pub *camera, *microphone;
};

static struct person join(struct sim *sim, unsigned id)
{
    struct person p = {.e = endpoint_join(sim, id)};

    p.camera = endpoint_publish(p.e, CODEC_VP8);
    p.microphone = endpoint_publish(p.e, CODEC_OPUS);
    return p;
}

static void watch_each_other(struct person *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < n; k++) {
            if (i == k)
                continue;
            (void)endpoint_watch(p[i].e, p[k].camera);
            (void)endpoint_watch(p[i].e, p[k].microphone);
        }
    }
}

/* A header that was made for one is copied for the next: of these, two negotiated the same, one has another MID, one no numbers for
 * congestion control, one other identifiers of extensions. */
static void who_negotiated_the_same_gets_his_own_numbers(void **state)
{
    const unsigned id[] = {2, 16, 30, 44,
                           3}; /* endpoint_ext_id() is the same for all but the last */
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *viewer[5];

    (void)state;
    endpoint_set_lines(p.e, &perfect);
    for (unsigned i = 0; i < 5; i++) {
        struct endpoint *e = viewer[i] = endpoint_join(sim, id[i]);
        endpoint_set_lines(e, &perfect);
        if (i != 3)
            feedback_enable(e, FEEDBACK_TWCC);
        if (i == 2)
            (void)endpoint_watch(e, p.microphone);
        (void)endpoint_watch(e, p.camera);
        if (i != 2)
            (void)endpoint_watch(e, p.microphone);
    }
    sim_run(sim, 5 * SECONDS);
    for (unsigned i = 0; i < 5; i++)
        for (unsigned k = 0; k < 2; k++) {
            const struct slot *s = &viewer[i]->slot[k];
            SIM_EXPECT(sim, s->source[0].decoded >= (s->kind == MEDIA_VIDEO ? FPS * 4 : 50 * 4));
            SIM_EXPECT(sim, rtp_recv_packets_lost(&s->recv) == 0 && s->empty == 0);
        }
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void everyone_receives_everyone(void **state)
{
    struct sim *sim = sim_new();
    struct person p[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        p[i] = join(sim, i + 1);
        endpoint_set_lines(p[i].e, &perfect);
    }
    watch_each_other(p, 3);
    sim_run(sim, 10 * SECONDS);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < p[i].e->slot_count; k++) {
            const struct slot *s = &p[i].e->slot[k];
            SIM_EXPECT(sim, s->source[0].decoded + 1 >=
                                s->source[0].frames); /* the last may be under way */
            SIM_EXPECT(sim, s->source[0].decoded >= (s->kind == MEDIA_VIDEO ? 29 * 9 : 50 * 9));
            SIM_EXPECT(sim,
                       rtp_recv_packets_lost(&s->recv) == 0 && s->empty == 0 && s->switches == 0);
            SIM_EXPECT(sim, s->srs >= 5);
        }
        SIM_EXPECT(sim, p[i].e->rrs >= 5 && p[i].e->unknown_ssrc == 0 && p[i].e->replays == 0);
        SIM_EXPECT(sim, p[i].camera->encoding[0].keyframes <=
                            3); /* one to start with, and for each viewer at most one */
        struct sfu_rtp_stats in =
            sim_rtp_stats(sim, i + 1, SFU_STATS_INBOUND_RTP, p[i].camera->track, NULL);
        SIM_EXPECT(sim, in.packets_lost == 0 && in.frame_width == 320 && in.frame_height == 180);
        SIM_EXPECT(sim, in.pli_count == p[i].camera->encoding[0].plis);
        struct sfu_rtp_stats out =
            sim_rtp_stats(sim, i + 1, SFU_STATS_OUTBOUND_RTP, p[i].e->slot[0].id, NULL);
        SIM_EXPECT(sim, out.packets_lost == 0 && out.packets >= p[i].e->slot[0].packets);
        SIM_EXPECT(sim, out.round_trip_time_s > 0.03 && out.round_trip_time_s < 0.05);
    }
    SIM_EXPECT(sim, sim->live_count == 6 && sim->blocked_count == 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void a_poor_network_costs_frames_but_nothing_else(void **state)
{
    struct sim *sim = sim_new();
    struct person p[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        p[i] = join(sim, i + 1);
    watch_each_other(p, 3);
    for (unsigned i = 0; i < 3; i++) {
        endpoint_set_lines(p[i].e, &poor);
        p[i].camera->padding_percent = 30;
    }
    sim_run(sim, 20 * SECONDS);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < p[i].e->slot_count; k++) {
            const struct slot *s = &p[i].e->slot[k];
            SIM_EXPECT(sim, s->source[0].decoded > (s->kind == MEDIA_VIDEO ? FPS : 50 * 15));
            SIM_EXPECT(sim, s->largest_gap_us < SECONDS);
        }
        SIM_EXPECT(sim, sim->state_count[i + 1][TRANSPORT_FAILED] == 0);
    }
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void a_late_joiner_starts_at_a_keyframe_and_one_request_serves_several(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    const struct pub_encoding *enc = &p.camera->encoding[0];
    struct slot *s[4];

    (void)state;
    sim_run(sim, 3 * SECONDS);
    SIM_EXPECT(sim, enc->plis == 0 && enc->keyframes == 1); /* nobody watches */
    for (unsigned i = 0; i < 4; i++) {
        struct endpoint *late = endpoint_join(sim, 2 + i);
        s[i] = endpoint_add_slot(late, MEDIA_VIDEO);
    }
    for (unsigned i = 0; i < 4; i++)
        slot_watch(s[i], p.camera);
    sim_run(sim, 1 * SECONDS);
    SIM_EXPECT(sim, enc->plis == 1 && enc->keyframes == 2);
    for (unsigned i = 0; i < 4; i++)
        SIM_EXPECT(sim, slot_source(s[i], p.camera)->decoded > 25);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void one_who_asks_all_the_time_does_not_turn_video_into_keyframes(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *b = endpoint_join(sim, 2);
    struct slot *s = endpoint_watch(b, p.camera);

    (void)state;
    sim_run(sim, SECONDS);
    uint32_t before = p.camera->encoding[0].plis;
    for (unsigned i = 0; i < 500; i++) {
        slot_ask_keyframe(s);
        sim_run(sim, 10 * MS);
    }
    SIM_EXPECT(sim, p.camera->encoding[0].plis - before <= 5 * SECONDS / 500000 + 1);
    SIM_EXPECT(sim, p.camera->encoding[0].plis - before >= 5);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

/* Every viewer sees a picture at once, and the publisher is not asked for one. */
static void viewers_start_from_the_history(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct slot *s[10];
    struct endpoint *viewer[10];

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        viewer[i] = endpoint_join(sim, 2 + i);
    slot_ask_keyframe(endpoint_watch(viewer[0], p.camera));
    sim_run(sim, 600 * MS);
    uint32_t keyframes = p.camera->encoding[0].keyframes, plis = p.camera->encoding[0].plis;
    for (unsigned i = 0; i < 10; i++) {
        s[i] = endpoint_watch(viewer[i], p.camera);
        sim_run(sim, 100 * MS);
        SIM_EXPECT(sim, slot_source(s[i], p.camera)->decoded > 0);
    }
    sim_run(sim, 2 * SECONDS);
    SIM_EXPECT(sim, p.camera->encoding[0].keyframes == keyframes);
    SIM_EXPECT(sim, p.camera->encoding[0].plis == plis);
    for (unsigned i = 0; i < 10; i++) {
        SIM_EXPECT(sim, rtp_recv_packets_lost(&s[i]->recv) == 0);
        SIM_EXPECT(sim, s[i]->newest_content.frame + 2 > p.camera->encoding[0].frames); /* live */
    }
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

/* A picture from long ago does not serve: all who wait share one request. */
static void late_viewers_share_a_keyframe(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct slot *s[20];
    struct endpoint *viewer[20];

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        viewer[i] = endpoint_join(sim, 2 + i);
    sim_run(sim, 5 * SECONDS);
    uint32_t keyframes = p.camera->encoding[0].keyframes;
    for (unsigned i = 0; i < 20; i++)
        s[i] = endpoint_watch(viewer[i], p.camera);
    sim_run(sim, SECONDS);
    SIM_EXPECT(sim, p.camera->encoding[0].keyframes == keyframes + 1);
    for (unsigned i = 0; i < 20; i++)
        SIM_EXPECT(sim, slot_source(s[i], p.camera)->decoded > 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

/* Until a keyframe was received and waits for the rest of its frame. Where its first packet is the slowest, all come at once. */
static bool await_part_of_a_keyframe(struct sim *sim, struct pub *camera)
{
    const struct track *t = map_get_u64(sim->sfu->track_by_id, camera->track);

    for (int attempt = 0; attempt < 10; attempt++) {
        sim_run(sim, 5 * SECONDS); /* those before are of no use any more */
        camera->encoding[0].wants_keyframe = true;
        for (int i = 0; i < 10000; i++) {
            sim_run(sim, 10);
            if (burst_brings_keyframe(&t->burst, &t->encoding[0]))
                return true;
        }
    }
    return false;
}

/* Nobody was told of the keyframe yet: who comes now need not ask for one. */
static void who_comes_with_the_keyframe_starts_with_it(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *viewer = endpoint_join(sim, 2);
    const struct net_line spread = {.delay_us = 5 * MS, .jitter_us = 2 * MS};

    (void)state;
    endpoint_set_lines(p.e, &spread);
    p.camera->keyframe_packets = 12;
    sfu_set_window(sim->sfu, SFU_MAX_WINDOW_US);
    SIM_EXPECT(sim, await_part_of_a_keyframe(sim, p.camera));
    uint32_t asked = p.camera->encoding[0].plis;
    struct slot *s = endpoint_watch(viewer, p.camera);
    sim_run(sim, SECONDS);
    SIM_EXPECT(sim, p.camera->encoding[0].plis == asked);
    SIM_EXPECT(sim, slot_source(s, p.camera)->decoded > 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void requests_are_repeated_until_a_keyframe_comes(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *b = endpoint_join(sim, 2);

    (void)state;
    sim_run(sim, 5 * SECONDS); /* its first keyframe is of no use any more */
    p.e->is_deaf_to_plis = true;
    struct slot *s = endpoint_watch(b, p.camera);
    sim_run(sim, 60 * SECONDS); /* longer than one row of tries */
    SIM_EXPECT(sim, s->packets == 0);
    SIM_EXPECT(sim, p.camera->encoding[0].plis >= 12 && p.camera->encoding[0].plis < 40);
    p.e->is_deaf_to_plis = false;
    sim_run(sim, 6 * SECONDS);
    SIM_EXPECT(sim, slot_source(s, p.camera)->decoded > 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void padding_leaves_no_gaps(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *b = endpoint_join(sim, 2);
    struct slot *s = endpoint_watch(b, p.camera);

    (void)state;
    p.camera->padding_percent = 80;
    sim_run(sim, 20 * SECONDS);
    SIM_EXPECT(sim, rtp_recv_packets_lost(&s->recv) == 0 && s->empty == 0);
    SIM_EXPECT(sim, slot_source(s, p.camera)->decoded > 20 * 29 && s->plis == 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

/* By the sender reports that came, how late media is of what the clock of the simulation says. */
static int64_t lateness_us(struct sim *sim, const struct slot *s)
{
    SIM_EXPECT(sim, s->srs > 0);
    return slot_wall_of_ts(s, s->newest_ts) - (int64_t)(SIM_WALL_US + s->newest_content.capture_us);
}

static void audio_and_video_stay_in_sync(void **state)
{
    static const int64_t clocks_us[] = {0, 7000000, -3600000000};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct sim *sim = sim_new();
        struct person p = join(sim, 1);
        struct endpoint *b = endpoint_join(sim, 2);
        struct slot *video = endpoint_watch(b, p.camera), *audio = endpoint_watch(b, p.microphone);

        p.e->ntp_offset_us = clocks_us[i];
        endpoint_set_lines(p.e, &poor);
        for (unsigned n = 0; n < 10; n++) {
            sim_run(sim, 3 * SECONDS);
            int64_t apart_us = lateness_us(sim, video) - lateness_us(sim, audio);
            SIM_EXPECT(sim, apart_us > -(int64_t)(n == 0 ? 60 : 15) * 1000 &&
                                apart_us < (n == 0 ? 60 : 15) * 1000);
            SIM_EXPECT(sim, lateness_us(sim, audio) < 100000 && lateness_us(sim, audio) > 0);
        }
        sim_expect_no_faults(sim);
        sim_free(&sim);
    }
}

/* Between its sender report and its next packet much time goes by. */
static void a_sparse_stream_is_not_told_late(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *b = endpoint_join(sim, 2);
    struct slot *s = endpoint_watch(b, p.camera);

    (void)state;
    p.microphone->is_sending = false;
    p.camera->interval_us = 1700 * MS;
    endpoint_set_lines(p.e, &perfect);
    for (unsigned n = 0; n < 10; n++) {
        sim_run(sim, 5 * SECONDS);
        SIM_EXPECT(sim, lateness_us(sim, s) > 0 && lateness_us(sim, s) < 50000);
    }
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void what_the_server_mutes_is_not_forwarded_and_comes_back_at_a_keyframe(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *b = endpoint_join(sim, 2);
    struct slot *video = endpoint_watch(b, p.camera), *audio = endpoint_watch(b, p.microphone);

    (void)state;
    sim_run(sim, 2 * SECONDS);
    sfu_track_set_muted(sim->sfu, p.camera->track, true, sim_now_us(sim));
    sfu_track_set_muted(sim->sfu, p.microphone->track, true, sim_now_us(sim));
    sim_run(sim, 100 * MS);
    uint32_t videos = video->packets, audios = audio->packets,
             keyframes = p.camera->encoding[0].keyframes;
    sim_run(sim, 2 * SECONDS);
    SIM_EXPECT(sim, video->packets == videos && audio->packets == audios);
    SIM_EXPECT(sim, p.camera->encoding[0].keyframes == keyframes); /* nobody asks */
    sfu_track_set_muted(sim->sfu, p.camera->track, false, sim_now_us(sim));
    sfu_track_set_muted(sim->sfu, p.microphone->track, false, sim_now_us(sim));
    sim_run(sim, 1 * SECONDS);
    SIM_EXPECT(sim, video->packets > videos + 50 && audio->packets > audios + 40);
    SIM_EXPECT(sim, p.camera->encoding[0].keyframes == keyframes + 1);
    SIM_EXPECT(sim, rtp_recv_packets_lost(&video->recv) == 0 &&
                        rtp_recv_packets_lost(&audio->recv) == 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void a_codec_that_cannot_be_sent_is_told_once(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *b = endpoint_join(sim, 2);
    struct slot *s = endpoint_watch(b, p.microphone);

    (void)state;
    sim_run(sim, SECONDS);
    SIM_EXPECT(sim, s->packets > 40 && sim->blocked_count == 0);
    p.microphone->codec = CODEC_PCMU; /* negotiated here, but not there */
    p.microphone->pt = 0;
    p.microphone->clock_hz = 8000;
    sim_run(sim, 200 * MS);
    uint32_t before = s->packets;
    sim_run(sim, 3 * SECONDS);
    SIM_EXPECT(sim, s->packets == before);
    SIM_EXPECT(sim, sim->blocked_count == 1 && sim->blocked_codec == CODEC_PCMU &&
                        sim->live_codec == CODEC_PCMU);
    p.microphone->codec = CODEC_OPUS;
    p.microphone->pt = p.microphone->section.codec[0].pt;
    p.microphone->clock_hz = 48000;
    sim_run(sim, SECONDS);
    SIM_EXPECT(sim, s->packets > before + 40 && sim->live_codec == CODEC_OPUS &&
                        sim->blocked_count == 1);
    SIM_EXPECT(sim, rtp_recv_packets_lost(&s->recv) == 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void a_publisher_who_begins_anew_is_followed(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *b = endpoint_join(sim, 2);
    struct slot *video = endpoint_watch(b, p.camera), *audio = endpoint_watch(b, p.microphone);
    struct pub *pubs[] = {p.camera, p.microphone};

    (void)state;
    for (unsigned round = 0; round < 12; round++) {
        sim_run(sim, 2 * SECONDS);
        for (unsigned i = 0; i < 2;
             i++) { /* other numbers, and now and then another SSRC, learnt by its MID */
            struct pub_encoding *enc = &pubs[i]->encoding[0];
            if (round % 4 == 3) /* numbers that could be the old stream's */
                enc->seq = (uint16_t)(enc->seq + 3);
            else
                enc->seq = (uint16_t)(enc->seq + 9000 + rng_below(&sim->rng, 20000));
            enc->first_ts = rng_u32(&sim->rng);
            enc->ssrc = round % 2 == 0 ? enc->ssrc : rng_u32(&sim->rng) | 1;
            enc->wants_keyframe = true;
        }
        uint32_t videos = video->source[0].decoded, audios = audio->source[0].decoded;
        sim_run(sim, 2 * SECONDS);
        SIM_EXPECT(sim, video->source[0].decoded > videos + 25 &&
                            audio->source[0].decoded > audios + 80);
    }
    SIM_EXPECT(sim, rtp_recv_packets_lost(&video->recv) == 0 &&
                        rtp_recv_packets_lost(&audio->recv) == 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void a_renegotiation_does_not_interrupt(void **state)
{
    struct sim *sim = sim_new();
    struct person p = join(sim, 1);
    struct endpoint *b = endpoint_join(sim, 2);
    struct slot *s = endpoint_watch(b, p.camera);

    (void)state;
    sim_run(sim, SECONDS);
    for (unsigned i = 0; i < 5; i++) {
        p.camera->section.codec[0].pt = p.camera->pt = (uint8_t)(p.camera->pt + 1);
        sfu_track_update(sim->sfu, p.camera->track, &p.camera->section, sim_now_us(sim));
        s->section.codec[0].pt++;
        sfu_subscription_update(sim->sfu, s->id, &s->section, sim_now_us(sim));
        sim_run(sim, SECONDS);
    }
    SIM_EXPECT(sim, p.camera->encoding[0].keyframes <= 2);
    SIM_EXPECT(sim,
               rtp_recv_packets_lost(&s->recv) == 0 && slot_source(s, p.camera)->decoded >= 29 * 5);
    SIM_EXPECT(sim, sim->blocked_count == 0 && sim->live_count == 2);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void handles_that_are_gone_do_no_harm(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *a = endpoint_join(sim, 1);
    struct slot *s = endpoint_add_slot(a, MEDIA_VIDEO);
    struct transceiver t = s->section;
    struct sfu_transport_report report;
    uint64_t now_us = sim_now_us(sim);

    (void)state;
    sfu_subscription_set_source(sim->sfu, s->id, 4711, now_us);
    sfu_subscription_set_source(sim->sfu, 4711, 4711, now_us);
    sfu_subscription_update(sim->sfu, 4711, &t, now_us);
    sfu_subscription_close(sim->sfu, 4711, now_us);
    sfu_track_update(sim->sfu, 4711, &t, now_us);
    sfu_track_set_muted(sim->sfu, 4711, true, now_us);
    sfu_track_close(sim->sfu, 4711, now_us);
    sfu_transport_close(sim->sfu, 4711, now_us);
    SIM_EXPECT(sim, sfu_track_open(sim->sfu, 1, 4711, &t, now_us) == E_NOT_FOUND);
    SIM_EXPECT(sim, sfu_subscription_open(sim->sfu, 1, 4711, &t, now_us) == E_NOT_FOUND);
    SIM_EXPECT(sim, sfu_subscription_open(sim->sfu, s->id, a->id, &t, now_us) == E_CONFLICT);
    SIM_EXPECT(sim, sfu_read_report(sim->sfu, 4711, &report, now_us) == E_NOT_FOUND);
    sim_run(sim, SECONDS);
    sim_free(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(who_negotiated_the_same_gets_his_own_numbers),
        SIM_TEST(everyone_receives_everyone),
        SIM_TEST(a_poor_network_costs_frames_but_nothing_else),
        SIM_TEST(a_late_joiner_starts_at_a_keyframe_and_one_request_serves_several),
        SIM_TEST(one_who_asks_all_the_time_does_not_turn_video_into_keyframes),
        SIM_TEST(viewers_start_from_the_history),
        SIM_TEST(late_viewers_share_a_keyframe),
        SIM_TEST(who_comes_with_the_keyframe_starts_with_it),
        SIM_TEST(requests_are_repeated_until_a_keyframe_comes),
        SIM_TEST(padding_leaves_no_gaps),
        SIM_TEST(audio_and_video_stay_in_sync),
        SIM_TEST(a_sparse_stream_is_not_told_late),
        SIM_TEST(what_the_server_mutes_is_not_forwarded_and_comes_back_at_a_keyframe),
        SIM_TEST(a_codec_that_cannot_be_sent_is_told_once),
        SIM_TEST(a_publisher_who_begins_anew_is_followed),
        SIM_TEST(a_renegotiation_does_not_interrupt),
        SIM_TEST(handles_that_are_gone_do_no_harm),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
