/* SPDX-License-Identifier: Apache-2.0 */
/* test_mixer_relay.c - what a mixer gets of a simulcast camera: one encoding at a time, as large as the tile, from a keyframe on. */
#include "tests/unit/core/cmocka_all.h"

#include "core/packet.h"
#include "rooms/sfu/demand.h"
#include "rooms/sfu/sfu_internal.h"
#include "tests/sim/endpoint.h"

#define RELAY 9000

struct stage {
    struct sim *sim, *mixer; /* the latter only keeps what it is sent */
    struct endpoint *publisher;
    struct pub *camera;
    /* what came */
    unsigned packets, of[MAX_ENCODINGS];
    int flows; /* encoding of the newest packet */
};

static struct stage set_stage(void)
{
    struct stage g = {.sim = sim_new(), .flows = -1};

    g.mixer = sim_new_beside(g.sim);
    g.mixer->is_behind = true;
    g.publisher = endpoint_join(g.sim, 1);
    g.camera = endpoint_publish_simulcast(g.publisher, 3);
    sim_run(g.sim, 3 * SECONDS);
    SIM_EXPECT(g.sim, sfu_relay_open_sized(g.sim->sfu, RELAY, g.camera->track, g.mixer,
                                           sim_now_us(g.sim)) == 0);
    return g;
}

/* Every change of the encoding is at a keyframe. */
static void take(struct stage *g)
{
    struct sim *m = g->mixer;

    for (size_t i = 0; i < m->ring_count; i++) {
        struct packet *p = m->ring[i];
        if (p->encoding != g->flows)
            SIM_EXPECT(g->sim, p->media.is_keyframe);
        g->flows = p->encoding;
        g->of[p->encoding]++;
        g->packets++;
        packet_unref(&m->ring[i]);
    }
    m->ring_count = 0;
}

static void run(struct stage *g, uint64_t us)
{
    g->packets = g->of[0] = g->of[1] = g->of[2] = 0;
    for (uint64_t t = 0; t < us; t += 50 * MS) {
        sim_run(g->sim, 50 * MS);
        take(g);
    }
}

static void see_in(struct stage *g, int width, int height)
{
    sfu_relay_set_size(g->sim->sfu, RELAY, width, height, sim_now_us(g->sim));
}

static void end_stage(struct stage *g)
{
    take(g);
    sim_expect_no_faults(g->sim);
    sim_free(&g->sim);
}

static void the_smallest_that_fills_the_tile(void **state)
{
    struct stage g = set_stage();
    const struct pub_encoding *e = g.camera->encoding;

    (void)state;
    run(&g, SECONDS);
    SIM_EXPECT(g.sim, g.packets == 0); /* nobody looks */
    for (unsigned i = 0; i < 3; i++) {
        see_in(&g, e[i].width, e[i].height);
        run(&g, 2 * SECONDS); /* until it flows */
        SIM_EXPECT(g.sim, g.flows == (int)i);
        run(&g, SECONDS);
        SIM_EXPECT(g.sim, g.of[i] > 0 && g.of[i] == g.packets);
    }
    see_in(&g, 4 * e[2].width, 4 * e[2].height); /* larger than all: the largest */
    run(&g, SECONDS);
    SIM_EXPECT(g.sim, g.of[2] > 0 && g.of[2] == g.packets);
    see_in(&g, 0, 0);
    run(&g, SECONDS);
    SIM_EXPECT(g.sim, g.packets == 0);
    end_stage(&g);
}

static void what_it_takes_is_wanted_of_the_publisher(void **state)
{
    struct stage g = set_stage();
    const struct pub_encoding *e = g.camera->encoding;

    (void)state;
    g.camera->obeys_demand = true;
    see_in(&g, e[0].width, e[0].height);
    run(&g, 3 * SECONDS + DEMAND_OFF_DELAY_US);
    SIM_EXPECT(g.sim, g.camera->wanted == 1);
    SIM_EXPECT(g.sim, g.flows == 0 && !e[2].is_on);
    see_in(&g, e[2].width, e[2].height); /* which is off, and known from before */
    run(&g, 3 * SECONDS);
    SIM_EXPECT(g.sim, (g.camera->wanted & 4) != 0 && g.flows == 2);
    see_in(&g, 0, 0);
    run(&g, 2 * SECONDS + DEMAND_OFF_DELAY_US);
    SIM_EXPECT(g.sim, g.camera->wanted == 0);
    end_stage(&g);
}

static void an_encoding_that_ends_is_replaced(void **state)
{
    struct stage g = set_stage();
    struct pub_encoding *e = g.camera->encoding;

    (void)state;
    see_in(&g, e[1].width, e[1].height);
    run(&g, 2 * SECONDS);
    SIM_EXPECT(g.sim, g.flows == 1);
    e[1].is_on = false; /* the publisher's own decision */
    run(&g, 4 * SECONDS);
    SIM_EXPECT(g.sim, g.flows == 2);
    e[1].is_on = true;
    run(&g, 4 * SECONDS);
    SIM_EXPECT(g.sim, g.flows == 1);
    end_stage(&g);
}

static void it_ends_with_its_track(void **state)
{
    struct stage g = set_stage();

    (void)state;
    see_in(&g, 320, 180);
    run(&g, SECONDS);
    SIM_EXPECT(g.sim, g.packets > 0);
    endpoint_unpublish(g.camera);
    run(&g, SECONDS);
    see_in(&g, 640, 360); /* about nothing: harmless */
    run(&g, SECONDS);
    SIM_EXPECT(g.sim, g.packets == 0);
    sfu_relay_close(g.sim->sfu, RELAY, sim_now_us(g.sim));
    end_stage(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_that_fills_the_tile),
        cmocka_unit_test(what_it_takes_is_wanted_of_the_publisher),
        cmocka_unit_test(an_encoding_that_ends_is_replaced),
        cmocka_unit_test(it_ends_with_its_track),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
