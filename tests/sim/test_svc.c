/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_svc.c - spatial and temporal layers inside one encoding (VP9, AV1 with dependency descriptors), from the publisher's packets
 * through the whole server to the viewer's: what arrives is whole frames that decode, in numbers without a gap, and the descriptors
 * say so.
 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/dependency_descriptor.h"
#include "core/rtp.h"
#include "tests/sim/endpoint_internal.h"
#include "tests/support/media_source.h"

#define PICTURE_US 33000ull
#define MAX_PICTURES 4096
#define MAX_PACKETS (MAX_PICTURES * 16)
#define SEGMENTS 12
#define SEGMENT_PICTURES 90 /* keyframes for the way up are a second apart */
#define SETTLED 20          /* of those, the last ones: by then the wish is fulfilled */

/* What was sent, and what of it arrived. */
struct show {
    struct sim *sim;
    struct endpoint *publisher, *viewer;
    struct pub *pub;
    struct slot *slot;
    struct media_source source;
    struct media_picture picture[MAX_PICTURES];
    struct {
        int picture;
        uint8_t spatial;
    } packet[MAX_PACKETS];
    uint8_t sent[MAX_PICTURES][MEDIA_SOURCE_LAYERS], got[MAX_PICTURES][MEDIA_SOURCE_LAYERS];
    uint8_t markers[MAX_PICTURES];
    int64_t packets;
    int newest;
    /* of descriptors */
    struct dependency_state dd;
    bool has_number;
    uint16_t number_offset;
    uint32_t active;
    unsigned structures, masks;
};

static struct show show; /* too large for a stack */

/* ---- the viewer ---- */

static void check_descriptor(struct show *g, const struct rtp_header *h, const uint8_t *buf,
                             const struct media_frame *f)
{
    const struct rtp_ext *ext =
        rtp_find_ext(h, g->slot->section.ext.id[RTP_EXT_DEPENDENCY_DESCRIPTOR]);
    struct dependency_descriptor d;

    SIM_EXPECT(g->sim, (ext != NULL) == g->source.cfg.has_dd);
    if (ext == NULL)
        return;
    SIM_EXPECT(g->sim, dependency_descriptor_parse(&d, &g->dd, buf + ext->offset, ext->len) == 0);
    if (!g->has_number)
        g->number_offset = (uint16_t)(d.frame_number - f->number);
    g->has_number = true;
    SIM_EXPECT(g->sim, (uint16_t)(d.frame_number - f->number) == g->number_offset);
    SIM_EXPECT(g->sim, d.frame.spatial == f->spatial && d.frame.temporal == f->temporal);
    g->structures += d.has_structure;
    g->masks += d.has_active;
    g->active = d.active;
}

static void on_packet(struct slot *s, const struct rtp_header *h, const uint8_t *buf, void *arg)
{
    struct show *g = arg;
    struct reader r = reader_of(buf + h->header_bytes + h->payload_bytes - 8, 8);
    int64_t n = (int64_t)reader_u64(&r);

    (void)s;
    SIM_EXPECT(g->sim, h->payload_bytes > 8 && n >= 0 && n < g->packets);
    int picture = g->packet[n].picture;
    unsigned spatial = g->packet[n].spatial;
    SIM_EXPECT(g->sim, picture >= g->newest);
    if (picture > g->newest)
        SIM_EXPECT(g->sim, g->newest < 0 || g->markers[g->newest] > 0);
    g->newest = picture;
    g->got[picture][spatial]++;
    g->markers[picture] = (uint8_t)(g->markers[picture] + h->marker);
    check_descriptor(g, h, buf, &g->picture[picture].frame[spatial]);
}

static bool is_whole(const struct show *g, int picture, unsigned spatial)
{
    return g->got[picture][spatial] == g->sent[picture][spatial];
}

static void check_frames(struct show *g)
{
    for (int i = 0; i < g->source.pictures; i++) {
        for (unsigned s = 0; s < g->source.cfg.spatial; s++) {
            const struct media_frame *f = &g->picture[i].frame[s];
            if (g->got[i][s] == 0)
                continue;
            SIM_EXPECT(g->sim, is_whole(g, i, s));
            for (unsigned k = 0; k < f->ref_count; k++)
                SIM_EXPECT(g->sim, is_whole(g, f->ref[k].picture, f->ref[k].spatial));
        }
    }
}

/* The highest layers that arrived of the newest pictures. */
static void read_layers(const struct show *g, int *spatial, int *temporal)
{
    *spatial = *temporal = -1;
    for (int i = g->source.pictures - SETTLED; i < g->source.pictures - 2; i++)
        for (int s = 0; s < g->source.cfg.spatial; s++)
            if (g->got[i][s] > 0) {
                *spatial = MAX(*spatial, s);
                *temporal = MAX(*temporal, g->picture[i].temporal);
            }
}

/* ---- the publisher ---- */

static void send_packet(struct show *g, const struct media_packet *m)
{
    uint8_t buf[600];
    const struct rtp_ext_out ext = {g->pub->section.ext.id[RTP_EXT_DEPENDENCY_DESCRIPTOR],
                                    (uint8_t)m->dd_len, m->bytes + m->dd_at};
    size_t head = rtp_write_header(buf, sizeof(buf), g->pub->pt, m->rtp.marker, m->rtp.seq,
                                   m->rtp.ts, g->pub->encoding[0].ssrc, &ext, 1);
    size_t len = (size_t)(m->len - m->header_bytes);

    memcpy(buf + head, m->bytes + m->header_bytes, len);
    endpoint_send_rtp(g->publisher, buf, head + len);
    g->packet[m->n].picture = m->picture;
    g->packet[m->n].spatial = m->spatial;
    g->sent[m->picture][m->spatial]++;
    g->packets = m->n + 1;
}

static void send_picture(struct show *g)
{
    struct media_packet packets[MEDIA_SOURCE_PACKETS];
    struct media_picture picture;
    bool *wants = &g->pub->encoding[0].wants_keyframe;

    g->source.wants_key |= *wants;
    *wants = false;
    size_t n = media_source_next(&g->source, sim_now_us(g->sim), PICTURE_US, &picture, packets);
    SIM_EXPECT(g->sim, picture.index < MAX_PICTURES);
    g->picture[picture.index] = picture;
    for (size_t i = 0; i < n; i++)
        send_packet(g, &packets[i]);
    sim_run(g->sim, PICTURE_US);
}

static void begin(struct show *g, const struct media_source_config *cfg)
{
    static const struct net_line perfect = {.delay_us = 5 * MS};

    memset(g, 0, sizeof(*g));
    g->sim = sim_new();
    g->newest = -1;
    g->publisher = endpoint_join(g->sim, 1);
    g->viewer = endpoint_join(g->sim, 2);
    endpoint_set_lines(g->publisher, &perfect);
    endpoint_set_lines(g->viewer, &perfect);
    g->pub = endpoint_publish(g->publisher, cfg->codec);
    g->pub->is_sending = false; /* we do */
    g->pub->section.ext.id[RTP_EXT_DEPENDENCY_DESCRIPTOR] =
        endpoint_ext_id(g->publisher, RTP_EXT_DEPENDENCY_DESCRIPTOR);
    sfu_track_update(g->sim->sfu, g->pub->track, &g->pub->section, sim_now_us(g->sim));
    media_source_init(&g->source, cfg, &g->sim->rng);
    g->slot = endpoint_add_slot_of(g->viewer, cfg->codec);
    g->slot->on_packet = on_packet;
    g->slot->arg = g;
    slot_watch(g->slot, g->pub);
}

static void check_segment(struct show *g, const struct sfu_wish *wish)
{
    const struct media_source_config *cfg = &g->source.cfg;
    int top_spatial = cfg->spatial - 1, top_temporal = cfg->temporal - 1, spatial, temporal;

    read_layers(g, &spatial, &temporal);
    if (wish->max_spatial >= 0)
        top_spatial = MIN(top_spatial, wish->max_spatial);
    if (wish->max_temporal >= 0)
        top_temporal = MIN(top_temporal, wish->max_temporal);
    SIM_EXPECT(g->sim, spatial == top_spatial && temporal == top_temporal);
    SIM_EXPECT(g->sim, g->slot->state.spatial == spatial && g->slot->state.temporal == temporal);
    SIM_EXPECT(g->sim, g->slot->state.reason == ALLOCATOR_NONE);
    if (cfg->has_dd)
        SIM_EXPECT(g->sim, g->active == dd_targets_within(&g->dd.structure.targets,
                                                          (uint8_t)spatial, (uint8_t)temporal));
}

static void play(const struct media_source_config *cfg)
{
    struct show *g = &show;

    begin(g, cfg);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        struct sfu_wish wish = SFU_WISH_ANY;
        wish.max_spatial = (int8_t)rng_below(&g->sim->rng, 3);
        wish.max_temporal = (int8_t)(rng_below(&g->sim->rng, 4)) - 1;
        slot_wish(g->slot, &wish);
        for (unsigned k = 0; k < SEGMENT_PICTURES; k++)
            send_picture(g);
        check_segment(g, &wish);
    }
    check_frames(g);
    SIM_EXPECT(g->sim, rtp_recv_packets_lost(&g->slot->recv) == 0);
    SIM_EXPECT(g->sim, g->slot->packets > 1000);
    SIM_EXPECT(g->sim, !cfg->has_dd || (g->structures > 0 && g->masks > 0));
    sim_expect_no_faults(g->sim);
    sim_free(&g->sim);
}

static void vp9_layers_leave_no_trace(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        play(&(struct media_source_config){.codec = CODEC_VP9,
                                           .is_flexible = i % 2 == 1,
                                           .has_wide_ids = i != 0,
                                           .spatial = 3,
                                           .temporal = 3,
                                           .mode = i < 2 ? SVC_FULL : SVC_KEY,
                                           .max_packets = 3,
                                           .sync_percent = 60});
}

static void av1_layers_leave_no_trace(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        play(&(struct media_source_config){.codec = CODEC_AV1,
                                           .has_dd = true,
                                           .spatial = (uint8_t)(3 - i),
                                           .temporal = 3,
                                           .mode = i == 1 ? SVC_KEY : SVC_FULL,
                                           .max_packets = 3,
                                           .sync_percent = 60});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(vp9_layers_leave_no_trace),
        SIM_TEST(av1_layers_leave_no_trace),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
