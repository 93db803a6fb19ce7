/* SPDX-License-Identifier: Apache-2.0 */
/* test_mix_track.c - a viewer of a mix's sound is told who is heard in it: contributing sources and their levels. What publishers say of
 * such goes to nobody. And what a member repeats of lost packets is heard. The mix is a real one, its worker and the viewers are simulated. */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/packet.h"
#include "core/wire.h"
#include "mixer/mix.h"
#include "mixer/picture.h"
#include "tests/sim/endpoint_internal.h"
#include "tests/sim/feedback.h"
#include "tests/unit/mixer/speaker.h"

#define MIX_TRACK 7000ull
#define LOUD 0xcafe0001u
#define SOFT 0xcafe0002u

/* What a viewer was told last. */
struct told {
    struct slot *slot;
    uint32_t packets, csrc[MAX_CSRCS];
    uint8_t csrc_count, level_id, levels, level[MAX_CSRCS];
    int voice_level;
};

struct scene {
    struct sim *sim;
    struct packet_pool *packets;
    struct picture_pool *pictures;
    struct mix *mix;
    struct speaker speaker[2];
    struct mix_input *input[2];
    struct told told[2];
};

static void on_packet(struct packet *p, void *arg)
{
    const struct scene *g = arg;

    sfu_replica_receive(g->sim->sfu, packet_ref(p), sim_now_us(g->sim));
}

static void on_keyframe_wanted(uint64_t id, unsigned encoding, void *arg)
{
    (void)id, (void)encoding, (void)arg;
}

static void on_size_wanted(uint64_t id, int width, int height, void *arg)
{
    (void)id, (void)width, (void)height, (void)arg;
}

static void open_mix(struct scene *g)
{
    const struct mix_env env = {.packets = g->packets,
                                .pictures = g->pictures,
                                .random = 5,
                                .on_packet = on_packet,
                                .on_keyframe_wanted = on_keyframe_wanted,
                                .on_size_wanted = on_size_wanted,
                                .arg = g};
    const struct mix_tracks tracks = {.video = MIX_TRACK + 1, .audio = MIX_TRACK};

    SIM_EXPECT(g->sim, mix_new(&g->mix, &MIX_DEFAULTS, &tracks, &env, sim_now_us(g->sim)) == 0);
    mix_set_watched(g->mix, MIX_TRACK, true);
    for (uint32_t i = 0; i < ARRAY_LEN(g->input); i++) {
        const struct mix_input_config input = {.id = i + 1, .member = i + 1, .kind = MEDIA_AUDIO};
        const struct mix_voice voice = {.csrc = i == 0 ? LOUD : SOFT, .gain = PCM_GAIN_ONE};
        speaker_open(&g->speaker[i], g->packets, CODEC_OPUS, 40 + i, 300, i == 0 ? 9000 : 3000);
        SIM_EXPECT(g->sim, mix_set_member(g->mix, i + 1, "p", "p") == 0);
        SIM_EXPECT(g->sim, mix_set_voice(g->mix, i + 1, &voice) == 0);
        SIM_EXPECT(g->sim, mix_add_input(&g->input[i], g->mix, &input) == 0);
    }
}

static void open_track(struct scene *g)
{
    struct transceiver t = {.mid = "mix-audio", .kind = MEDIA_AUDIO, .recv = true};

    t.codec[0].codec = (struct codec){.id = CODEC_OPUS, .clock_hz = 48000, .channels = 2};
    t.codec[0].pt = MIX_PT_AUDIO;
    t.codec[0].rtx_pt = PT_NONE;
    t.codec_count = t.encoding_count = 1;
    t.ext.id[RTP_EXT_AUDIO_LEVEL] = MIX_EXT_AUDIO_LEVEL;
    t.ext.id[RTP_EXT_CSRC_AUDIO_LEVEL] = MIX_EXT_CSRC_AUDIO_LEVEL;
    SIM_EXPECT(g->sim, sfu_replica_open(g->sim->sfu, MIX_TRACK, MIX_TRACK, &t, g->sim) == 0);
}

static void read(struct slot *s, const struct rtp_header *h, const uint8_t *buf, void *arg)
{
    struct told *t = arg;
    const struct rtp_ext *levels = t->level_id == 0 ? NULL : rtp_find_ext(h, t->level_id);
    const struct rtp_ext *level = rtp_find_ext(h, s->section.ext.id[RTP_EXT_AUDIO_LEVEL]);
    const struct rtp_ext *mid = rtp_find_ext(h, s->section.ext.id[RTP_EXT_MID]);

    t->packets++;
    t->csrc_count = h->csrc_count;
    for (size_t i = 0; i < h->csrc_count; i++)
        t->csrc[i] = wire_get_u32(buf + RTP_FIXED_HEADER_BYTES + 4 * i);
    t->levels = levels == NULL ? 0 : levels->len;
    if (levels != NULL)
        memcpy(t->level, buf + levels->offset, MIN((size_t)levels->len, sizeof(t->level)));
    t->voice_level = level == NULL ? -1 : buf[level->offset];
    SIM_EXPECT(s->owner->sim, mid != NULL && mid->len == strlen(s->section.mid) &&
                                  memcmp(buf + mid->offset, s->section.mid, mid->len) == 0);
}

static void watch(struct scene *g, unsigned i, bool has_levels)
{
    struct endpoint *e = endpoint_join(g->sim, 10 + i);
    struct told *t = &g->told[i];

    t->slot = endpoint_add_slot(e, MEDIA_AUDIO);
    t->slot->on_packet = read;
    t->slot->arg = t;
    if (has_levels) {
        t->level_id = endpoint_ext_id(e, RTP_EXT_CSRC_AUDIO_LEVEL);
        t->slot->section.ext.id[RTP_EXT_CSRC_AUDIO_LEVEL] = t->level_id;
        sfu_subscription_update(g->sim->sfu, t->slot->id, &t->slot->section, sim_now_us(g->sim));
    }
    sfu_subscription_set_source(g->sim->sfu, t->slot->id, MIX_TRACK, sim_now_us(g->sim));
}

static void scene_open(struct scene *g)
{
    memset(g, 0, sizeof(*g));
    g->sim = sim_new();
    g->packets = packet_pool_new(4096);
    g->pictures = picture_pool_new(64u * 1024 * 1024);
    open_mix(g);
    open_track(g);
}

static void pass(struct scene *g, unsigned ticks)
{
    for (unsigned t = 0; t < ticks; t++) {
        for (size_t i = 0; i < ARRAY_LEN(g->input); i++) {
            struct packet *p = speaker_next(&g->speaker[i], sim_now_us(g->sim));
            mix_push(g->input[i], p, sim_now_us(g->sim));
            packet_unref(&p);
        }
        mix_run_audio(g->mix, sim_now_us(g->sim));
        sim_run(g->sim, MIX_AUDIO_TICK_US);
    }
}

static void scene_close(struct scene *g)
{
    sim_expect_no_faults(g->sim);
    mix_free(&g->mix); /* each holds packets of the other's */
    sim_free(&g->sim);
    for (size_t i = 0; i < ARRAY_LEN(g->speaker); i++)
        speaker_close(&g->speaker[i]);
    picture_pool_free(&g->pictures);
    packet_pool_free(&g->packets);
}

/* ---- tests ---- */

static void a_viewer_is_told_who_is_heard_and_how_loud(void **state)
{
    struct scene g;

    (void)state;
    scene_open(&g);
    watch(&g, 0, true);
    watch(&g, 1, false); /* did not negotiate the levels */
    pass(&g, 50);
    const struct told *t = &g.told[0], *without = &g.told[1];
    SIM_EXPECT(g.sim, t->packets >= 45 && without->packets >= 45);
    SIM_EXPECT(g.sim, t->csrc_count == 2 && t->csrc[0] == LOUD && t->csrc[1] == SOFT);
    SIM_EXPECT(g.sim, t->levels == 2 && t->level[0] >= 13 && t->level[0] <= 15);
    SIM_EXPECT(g.sim, t->level[1] >= 22 && t->level[1] <= 25);
    SIM_EXPECT(g.sim, t->voice_level == t->level[0]);
    SIM_EXPECT(g.sim, without->csrc_count == 2 && without->csrc[0] == LOUD && without->levels == 0);
    g.speaker[0].amplitude = 0;
    pass(&g, 120);
    SIM_EXPECT(g.sim, t->csrc_count == 1 && t->csrc[0] == SOFT && t->levels == 1);
    g.speaker[1].amplitude = 0;
    pass(&g, 150);
    SIM_EXPECT(g.sim, t->csrc_count == 0 && t->levels == 0);
    scene_close(&g);
}

/* The number is inside the header, behind the list: where it is, is told by the feedback that comes back. */
static void its_transport_wide_numbers_are_where_they_belong(void **state)
{
    struct scene g;

    (void)state;
    scene_open(&g);
    struct endpoint *e = endpoint_join(g.sim, 10);
    feedback_enable(e, FEEDBACK_TWCC);
    struct slot *s = endpoint_add_slot(e, MEDIA_AUDIO);
    s->on_packet = read;
    s->arg = &g.told[0];
    sfu_subscription_set_source(g.sim->sfu, s->id, MIX_TRACK, sim_now_us(g.sim));
    pass(&g, 150);
    SIM_EXPECT(g.sim, g.told[0].csrc_count == 2 && g.told[0].csrc[0] == LOUD);
    SIM_EXPECT(g.sim, e->feedback->numbered >= 145 && feedback_numbers_missing(e) == 0);
    scene_close(&g);
}

static void what_publishers_say_of_contributors_goes_to_nobody(void **state)
{
    struct scene g;
    const uint8_t csrc[] = {0xca, 0xfe, 0, 1};
    uint8_t buf[300];

    (void)state;
    scene_open(&g);
    struct pub *p = endpoint_publish(endpoint_join(g.sim, 1), CODEC_OPUS);
    struct slot *s = endpoint_watch(endpoint_join(g.sim, 2), p);
    sim_run(g.sim, SECONDS);
    p->is_sending = false;
    sim_run(g.sim, 100 * MS);
    g.told[0] = (struct told){.csrc_count = 99};
    s->on_packet = read;
    s->arg = &g.told[0];
    struct pub_encoding *enc = &p->encoding[0];
    size_t len = endpoint_write_rtp(p->owner, buf, sizeof(buf), p->pt, enc->seq++, enc->ssrc, 40);
    memmove(buf + RTP_FIXED_HEADER_BYTES + 4, buf + RTP_FIXED_HEADER_BYTES,
            len - RTP_FIXED_HEADER_BYTES);
    memcpy(buf + RTP_FIXED_HEADER_BYTES, csrc, sizeof(csrc));
    buf[0] |= 1;
    len += sizeof(csrc);
    endpoint_send_rtp(p->owner, buf, len);
    sim_run(g.sim, 200 * MS);
    SIM_EXPECT(g.sim, g.told[0].packets == 1 && g.told[0].csrc_count == 0);
    scene_close(&g);
}

/* ---- what comes in ---- */

#define RELAY 9000

/* A payload behind the sound of the one before it (RFC 2198 s3), or alone. */
static size_t write_red(uint8_t *out, size_t size, uint8_t pt, const struct packet *before,
                        const struct packet *now)
{
    struct writer w = writer_of(out, size);

    if (before != NULL) {
        writer_u8(&w, 0x80 | pt);
        writer_u24(&w, 960u << 10 | before->rtp.payload_bytes);
    }
    writer_u8(&w, pt);
    if (before != NULL)
        writer_bytes(&w, before->data + before->rtp.header_bytes, before->rtp.payload_bytes);
    writer_bytes(&w, now->data + now->rtp.header_bytes, now->rtp.payload_bytes);
    return w.failed ? 0 : writer_len(&w);
}

static void say(struct scene *g, struct pub *p, struct packet **before, bool repeats)
{
    struct pub_encoding *enc = &p->encoding[0];
    struct packet *now = speaker_next(&g->speaker[0], sim_now_us(g->sim));
    uint8_t payload[900], buf[1000];
    size_t bytes = write_red(payload, sizeof(payload), p->pt, repeats ? *before : NULL, now);
    size_t len =
        endpoint_write_rtp(p->owner, buf, sizeof(buf), p->red_pt, enc->seq++, enc->ssrc, bytes);

    SIM_EXPECT(g->sim, bytes > 0);
    memcpy(buf + len - bytes, payload, bytes);
    endpoint_send_rtp(p->owner, buf, len);
    packet_unref(before);
    *before = now;
}

/* The worker hands packets to the mixer. */
static void hand_over(struct scene *g, struct sim *mixer)
{
    for (size_t i = 0; i < mixer->ring_count; i++) {
        mix_push(g->input[0], mixer->ring[i], sim_now_us(g->sim));
        packet_unref(&mixer->ring[i]);
    }
    mixer->ring_count = 0;
    mix_run_audio(g->mix, sim_now_us(g->sim));
}

/* Ten seconds over a line that loses a packet in twelve. Returns how many were lost; *recovered: made good. */
static uint64_t lose(bool repeats, uint64_t *recovered)
{
    static const struct net_line poor = {.delay_us = 20 * MS, .loss_permille = 80};
    struct scene g;
    struct packet *before = NULL;
    struct mix_stats stats;

    scene_open(&g);
    struct sim *mixer = sim_new_beside(g.sim);
    mixer->is_behind = true;
    struct pub *p = endpoint_publish(endpoint_join(g.sim, 1), CODEC_OPUS);
    pub_send_red(p, true);
    sim_run(g.sim, SECONDS);
    p->is_sending = false;
    sim_run(g.sim, 100 * MS);
    SIM_EXPECT(g.sim,
               sfu_relay_open_sized(g.sim->sfu, RELAY, p->track, mixer, sim_now_us(g.sim)) == 0);
    endpoint_set_lines(p->owner, &poor);
    p->owner->may_lose = true;
    for (unsigned t = 0; t < 500; t++) {
        say(&g, p, &before, repeats);
        sim_run(g.sim, MIX_AUDIO_TICK_US);
        hand_over(&g, mixer);
    }
    packet_unref(&before);
    mix_read_stats(g.mix, &stats);
    *recovered = stats.recovered;
    scene_close(&g);
    return 500 - stats.packets_in;
}

static void what_a_member_repeats_makes_good_what_was_lost(void **state)
{
    uint64_t recovered;

    (void)state;
    uint64_t lost = lose(true, &recovered);
    assert_in_range(lost, 20, 60);
    assert_true(recovered >=
                lost * 3 / 4); /* not two in a row, nor before it is known that some are lost */
    lost = lose(false, &recovered);
    assert_in_range(lost, 20, 60);
    assert_int_equal(recovered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(a_viewer_is_told_who_is_heard_and_how_loud),
        SIM_TEST(its_transport_wide_numbers_are_where_they_belong),
        SIM_TEST(what_publishers_say_of_contributors_goes_to_nobody),
        SIM_TEST(what_a_member_repeats_makes_good_what_was_lost),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
