/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hostile_layers.c - layers that lie: RIDs that were never offered, descriptors cut short, encodings and wishes that flap many
 * times a second. What it costs is bounded, the counters tell, and who has nothing to do with it notices nothing.
 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/rtp.h"
#include "rooms/sfu/sfu_internal.h"
#include "tests/sim/endpoint_internal.h"
#include "tests/support/media_source.h"

#define FILL 1000
#define PICTURE_US 33000ull
#define FLAPPING (10 * SECONDS)

/* One who publishes and one who watches it; and one who disturbs, whom the latter watches too. */
struct scene {
    struct sim *sim;
    struct endpoint *good, *viewer, *evil;
    struct pub *camera;
    struct slot *slot;
    uint32_t decoded; /* when it began */
};

static struct scene set_scene(void)
{
    struct scene c = {.sim = sim_new()};

    c.good = endpoint_join(c.sim, 1);
    c.viewer = endpoint_join(c.sim, 2);
    c.evil = endpoint_join(c.sim, 3);
    c.camera = endpoint_publish_simulcast(c.good, 3);
    c.camera->fill_bytes = FILL;
    c.slot = endpoint_watch(c.viewer, c.camera);
    sim_run(c.sim, 4 * SECONDS);
    SIM_EXPECT(c.sim, slot_source(c.slot, c.camera)->encoding == 2);
    c.slot->largest_gap_us = 0;
    c.slot->flow_since_us = 0;
    c.decoded = slot_source(c.slot, c.camera)->decoded;
    return c;
}

static unsigned plis_of(const struct pub *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < p->encoding_count; i++)
        n += p->encoding[i].plis;
    return n;
}

/* Every picture of the camera came, in time, in the best encoding. */
static void end_scene(struct scene *c, uint64_t us)
{
    const struct slot_source *src = slot_source(c->slot, c->camera);

    SIM_EXPECT(c->sim, src->decoded - c->decoded + 2 >= us / PICTURE_US && src->encoding == 2);
    SIM_EXPECT(c->sim, c->slot->largest_gap_us < 50 * MS && c->slot->switches <= 2);
    SIM_EXPECT(c->sim, rtp_recv_packets_lost(&c->slot->recv) == 0);
    SIM_EXPECT(c->sim, c->sim->state[1] == TRANSPORT_OPEN && c->sim->state[2] == TRANSPORT_OPEN);
    sim_expect_no_faults(c->sim);
    sim_free(&c->sim);
}

static struct sfu_totals totals(const struct scene *c)
{
    struct sfu_totals t;

    sfu_read_totals(c->sim->sfu, &t);
    return t;
}

/* ---- RIDs ---- */

/* A packet of an SSRC that nobody knows, of this RID, or repaired RID. */
static void send_with_rid(struct pub *p, uint32_t ssrc, enum rtp_ext_kind kind, const char *rid)
{
    uint8_t buf[400];
    const struct rtp_ext_out ext[] = {
        {p->section.ext.id[RTP_EXT_MID], (uint8_t)strlen(p->section.mid),
         (const uint8_t *)p->section.mid},
        {p->section.ext.id[kind], (uint8_t)strlen(rid), (const uint8_t *)rid},
    };
    size_t head = rtp_write_header(buf, sizeof(buf), p->pt, false, (uint16_t)ssrc, 0, ssrc, ext,
                                   ARRAY_LEN(ext));

    memset(buf + head, 0, 50);
    buf[head] = 0x10; /* VP8, start of a keyframe */
    endpoint_send_rtp(p->owner, buf, head + 50);
}

static void rids_that_were_never_offered_are_of_no_encoding(void **state)
{
    static const char *const rids[] = {
        "x", "Q", "qq", "hf", "0", "qqqqqqqqqqqqqqqq", "a-rid-that-is-longer-than-any-may-be"};
    struct scene c = set_scene();
    struct pub *p = endpoint_publish_simulcast(c.evil, 3);
    struct slot *s = endpoint_watch(c.viewer, p);
    uint32_t sent = 0;

    (void)state;
    sim_run(c.sim, 4 * SECONDS);
    struct sfu_totals before = totals(&c);
    unsigned live = c.sim->live_count;
    uint64_t bound = sim_transport_stats(c.sim, 3).srtp_malformed;
    for (; sent < 200; sent++) {
        send_with_rid(p, 0x70000000u + sent, sent % 3 == 2 ? RTP_EXT_REPAIRED_RID : RTP_EXT_RID,
                      rids[sent % ARRAY_LEN(rids)]);
        sim_run(c.sim, 10 * MS);
    }
    sim_run(c.sim, 100 * MS);
    struct sfu_totals after = totals(&c);
    SIM_EXPECT(c.sim, after.unknown_ssrc - before.unknown_ssrc == sent);
    SIM_EXPECT(c.sim, after.codec_mismatch == before.codec_mismatch && c.sim->live_count == live);
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 3).srtp_malformed == bound);
    /* the encodings that were offered are what they were */
    SIM_EXPECT(c.sim, slot_source(s, p)->encoding == 2 && s->switches <= 2);
    SIM_EXPECT(c.sim, slot_source(s, p)->decoded + 5 > p->encoding[2].frames - 10);
    end_scene(&c, 4 * SECONDS + 2100 * MS);
}

/* ---- descriptors ---- */

static void count_packet(struct slot *s, const struct rtp_header *h, const uint8_t *buf, void *arg)
{
    (void)s, (void)h, (void)buf;
    ++*(unsigned *)arg;
}

/* How a packet is spoilt. */
enum cut { CUT_NOTHING, CUT_DESCRIPTOR, CUT_PAYLOAD, CUT_BITS };

static void send_cut(struct pub *p, const struct media_packet *m, enum cut cut)
{
    struct rng *rng = &p->owner->sim->rng;
    uint8_t buf[700], dd[256];
    size_t len = (size_t)(m->len - m->header_bytes), dd_len = m->dd_len;

    memcpy(dd, m->bytes + m->dd_at, dd_len);
    if (cut == CUT_DESCRIPTOR && dd_len > 1)
        dd_len = 1 + rng_below(rng, (uint32_t)dd_len - 1);
    if (cut == CUT_PAYLOAD) { /* with a descriptor to go by it would not matter */
        len = 1 + rng_below(rng, 2);
        dd_len = 0;
    }
    for (unsigned i = 0; cut == CUT_BITS && i < 4 && dd_len > 0; i++)
        dd[rng_below(rng, (uint32_t)dd_len)] ^= (uint8_t)(1u << rng_below(rng, 8));
    const struct rtp_ext_out ext = {p->section.ext.id[RTP_EXT_DEPENDENCY_DESCRIPTOR],
                                    (uint8_t)dd_len, dd};
    size_t head = rtp_write_header(buf, sizeof(buf), p->pt, m->rtp.marker, m->rtp.seq, m->rtp.ts,
                                   p->encoding[0].ssrc, &ext, dd_len > 0);
    memcpy(buf + head, m->bytes + m->header_bytes, len);
    endpoint_send_rtp(p->owner, buf, head + len);
}

static void send_pictures(struct pub *p, struct media_source *source, unsigned pictures,
                          bool is_honest)
{
    struct media_packet packets[MEDIA_SOURCE_PACKETS];
    struct media_picture picture;

    for (unsigned i = 0; i < pictures; i++) {
        source->wants_key |= p->encoding[0].wants_keyframe;
        p->encoding[0].wants_keyframe = false;
        size_t n =
            media_source_next(source, sim_now_us(p->owner->sim), PICTURE_US, &picture, packets);
        for (size_t k = 0; k < n; k++)
            send_cut(p, &packets[k],
                     is_honest ? CUT_NOTHING : (enum cut)rng_below(&p->owner->sim->rng, 4));
        sim_run(p->owner->sim, PICTURE_US);
    }
}

static void descriptors_cut_short_are_counted_and_cost_their_own_picture(void **state)
{
    static const enum codec_id codecs[] = {CODEC_AV1, CODEC_VP9};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
        struct scene c = set_scene();
        const struct media_source_config cfg = {.codec = codecs[i],
                                                .has_dd = true,
                                                .spatial = 3,
                                                .temporal = 3,
                                                .max_packets = 3,
                                                .key_percent = 5,
                                                .sync_percent = 50};
        struct media_source source;
        unsigned got = 0;
        struct pub *p = endpoint_publish(c.evil, cfg.codec);
        p->is_sending = false; /* we do */
        p->section.ext.id[RTP_EXT_DEPENDENCY_DESCRIPTOR] =
            endpoint_ext_id(c.evil, RTP_EXT_DEPENDENCY_DESCRIPTOR);
        sfu_track_update(c.sim->sfu, p->track, &p->section, sim_now_us(c.sim));
        media_source_init(&source, &cfg, &c.sim->rng);
        struct slot *s = endpoint_add_slot_of(c.viewer, cfg.codec);
        s->on_packet = count_packet;
        s->arg = &got;
        slot_watch(s, p);
        struct sfu_totals before = totals(&c);
        send_pictures(p, &source, 300, false);
        struct sfu_totals after = totals(&c);
        SIM_EXPECT(c.sim, after.descriptors_ignored > before.descriptors_ignored + 200);
        SIM_EXPECT(c.sim, codecs[i] != CODEC_VP9 || after.codec_mismatch > before.codec_mismatch);
        SIM_EXPECT(c.sim, p->encoding[0].plis <= 10 + 2); /* one a second */
        source.wants_key = true;                          /* and then it is honest */
        unsigned spoilt = got;
        send_pictures(p, &source, 60, true);
        SIM_EXPECT(c.sim, got > spoilt + 60 * 3 && s->state.is_active);
        SIM_EXPECT(c.sim, s->state.spatial == 2 && s->state.temporal == 2);
        SIM_EXPECT(c.sim, totals(&c).descriptors_ignored == after.descriptors_ignored);
        end_scene(&c, 360 * PICTURE_US);
    }
}

/* ---- what flaps ---- */

/* Each picture is of other encodings than the last. */
static void encodings_that_flap_are_followed_within_bounds(void **state)
{
    struct scene c = set_scene();
    struct pub *p = endpoint_publish_simulcast(c.evil, 3);
    struct slot *s = endpoint_watch(c.viewer, p);

    (void)state;
    p->fill_bytes = FILL;
    sim_run(c.sim, 4 * SECONDS);
    unsigned plis = plis_of(p), told = s->states_told, demands = p->demands;
    uint64_t since_us = sim_now_us(c.sim);
    while (sim_now_us(c.sim) - since_us < FLAPPING) {
        for (unsigned i = 0; i < 3; i++)
            p->encoding[i].is_on = rng_below(&c.sim->rng, 2) == 0;
        sim_run(c.sim, PICTURE_US);
    }
    uint64_t seconds = FLAPPING / SECONDS;
    SIM_EXPECT(c.sim, plis_of(p) - plis <= 3 * (seconds + 2));
    SIM_EXPECT(c.sim, s->states_told - told <= 4 * seconds + 1 && p->demands - demands <= seconds);
    for (unsigned i = 0; i < 3; i++)
        p->encoding[i].is_on = true;
    sim_run(c.sim, 4 * SECONDS);
    SIM_EXPECT(c.sim, slot_source(s, p)->encoding == 2 && s->state.is_active);
    SIM_EXPECT(c.sim, plis_of(c.camera) <= 4);
    end_scene(&c, 18 * SECONDS);
}

/* Another tile size with each packet, or nearly: the publisher pays no more than a keyframe a second and encoding. */
static void wishes_that_flap_cost_the_publisher_little(void **state)
{
    struct scene c = set_scene();
    struct slot *s = endpoint_watch(c.evil, c.camera);

    (void)state;
    sim_run(c.sim, 4 * SECONDS);
    unsigned plis = plis_of(c.camera), told = s->states_told, demands = c.camera->demands;
    uint64_t since_us = sim_now_us(c.sim), seconds = FLAPPING / SECONDS;
    while (sim_now_us(c.sim) - since_us < FLAPPING) {
        struct sfu_wish wish = SFU_WISH_ANY;
        wish.width = (uint16_t)(320u << rng_below(&c.sim->rng, 3));
        wish.height = (uint16_t)(wish.width * 9 / 16);
        wish.is_paused = rng_below(&c.sim->rng, 5) == 0;
        slot_wish(s, &wish);
        sim_run(c.sim, 5 * MS);
    }
    SIM_EXPECT(c.sim, plis_of(c.camera) - plis <= 3 * (seconds + 2));
    SIM_EXPECT(c.sim, s->states_told - told <= 4 * seconds + 1);
    SIM_EXPECT(c.sim, c.camera->demands - demands <= 2 * seconds);
    const struct sfu_wish all = SFU_WISH_ANY;
    slot_wish(s, &all);
    sim_run(c.sim, 4 * SECONDS);
    SIM_EXPECT(c.sim, slot_source(s, c.camera)->encoding == 2 && s->state.is_active);
    end_scene(&c, 18 * SECONDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(rids_that_were_never_offered_are_of_no_encoding),
        SIM_TEST(descriptors_cut_short_are_counted_and_cost_their_own_picture),
        SIM_TEST(encodings_that_flap_are_followed_within_bounds),
        SIM_TEST(wishes_that_flap_cost_the_publisher_little),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
