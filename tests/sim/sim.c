/* SPDX-License-Identifier: Apache-2.0 */
/* sim.c - see sim.h. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/check.h"
#include "core/deadline.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/packet.h"
#include "rooms/sfu/sfu_internal.h"
#include "tests/sim/endpoint_internal.h"
#include "transport/cert.h"
#include "transport/dtls.h"
#include "transport/egress.h"
#include "transport/rtpsec.h"
#include "transport/transport_internal.h"

/* One certificate for a whole program: making one costs more than a scenario. */
static struct cert *cert;
static struct dtls_context *dtls;
static int64_t blocks_before;
static struct sim *running; /* still there after a test: the test failed */
static bool is_described;

/* ---- the worker that is none ---- */

static void run_later(struct sim *sim)
{
    for (size_t i = 0; i < sim->later_count; i++)
        sim->later[i].free_block(sim->later[i].block);
    sim->later_count = 0;
}

static void free_later(void *block, void (*free_block)(void *block), void *arg)
{
    struct sim *sim = arg;

    CHECK(sim->later_count < ARRAY_LEN(sim->later));
    sim->later[sim->later_count].block = block;
    sim->later[sim->later_count++].free_block = free_block;
}

/* What other workers relayed here. */
static void empty_ring(struct sim *sim)
{
    for (size_t i = 0; i < sim->ring_count; i++) {
        if (sim->sfu != NULL)
            sfu_replica_receive(sim->sfu, sim->ring[i], sim_now_us(sim));
        else
            packet_unref(&sim->ring[i]);
    }
    sim->ring_count = 0;
}

static void end_turn(struct sim *sim)
{
    if (!sim->is_behind || sim->sfu == NULL)
        empty_ring(sim);
    if (sim->sfu != NULL)
        sfu_flush(sim->sfu, sim_now_us(sim));
}

static void on_turn_end(void *arg)
{
    struct sim *sim = arg, *beside = sim->beside;

    end_turn(sim);
    if (beside != NULL) {
        end_turn(beside);
        egress_flush(beside->egress);
        run_later(beside);
    }
    egress_flush(sim->egress);
    run_later(sim);
}

static void on_flush(const struct egress_message *batch, size_t n, void *arg)
{
    struct sim *sim = arg;

    for (const struct egress_message *m = batch; m < batch + n; m++)
        for (size_t i = 0; i < egress_message_count(m); i++)
            net_send(sim->host, &m->path.remote, m->data + i * m->segment_bytes,
                     egress_message_bytes(m, i));
}

static void on_datagram(const struct addr *from, const uint8_t *buf, size_t len, uint64_t now_us,
                        void *arg)
{
    struct sim *sim = arg;
    struct path path = {.remote = *from, .protocol = PATH_UDP};
    struct packet *pkt = packet_new(sim->pool);

    CHECK(pkt != NULL);
    CHECK(len <= packet_room(pkt));
    memcpy(pkt->data, buf, len);
    pkt->len = (uint16_t)len;
    pkt->arrival_us = now_us;
    mux_receive(sim->mux, &path, pkt, now_us);
}

static uint64_t wall_us(void *arg)
{
    return sim_wall_us(arg);
}

/* ---- what the control side hears ---- */

static void on_transport_state(uint64_t id, enum transport_state state, const char *reason,
                               void *arg)
{
    struct sim *sim = arg;

    (void)reason;
    CHECK(id < SIM_MAX_IDS);
    sim->state[id] = state;
    sim->state_count[id][state]++;
    if (sim->close_id == id && sim->close_state == state)
        sfu_transport_close(sim->sfu, id, sim_now_us(sim));
}

static void on_track_live(uint64_t id, enum codec_id codec, void *arg)
{
    struct sim *sim = arg;

    (void)id;
    sim->live_count++;
    sim->live_codec = codec;
}

static void on_subscription_blocked(uint64_t id, enum codec_id codec, void *arg)
{
    struct sim *sim = arg;

    (void)id;
    sim->blocked_count++;
    sim->blocked_codec = codec;
}

/* ---- between workers ---- */

static bool on_relay_packet(void *peer, struct packet *pkt, void *arg)
{
    struct sim *to = peer;

    (void)arg;
    if (to->ring_count == to->ring_max)
        return false;
    to->ring[to->ring_count++] = pkt;
    return true;
}

static void on_relay_flush(void *peer, void *arg)
{
    (void)peer, (void)arg; /* the turn ends soon */
}

static void on_relay_clock(void *peer, uint64_t replica_id, const struct relay_clock *clock,
                           void *arg)
{
    const struct sim *to = peer;

    (void)arg;
    if (to->sfu != NULL)
        sfu_replica_set_clock(to->sfu, replica_id, clock);
}

static void on_replica_keyframe(void *peer, uint64_t track_id, unsigned encoding, void *arg)
{
    const struct sim *origin = peer;

    (void)arg;
    if (origin->sfu != NULL)
        sfu_track_ask_keyframe(origin->sfu, track_id, encoding, sim_now_us(origin));
}

static void on_replica_demand(void *peer, uint64_t replica_id, unsigned wanted, void *arg)
{
    const struct sim *origin = peer;

    (void)arg;
    if (origin->sfu != NULL)
        sfu_relay_set_demand(origin->sfu, replica_id, wanted, sim_now_us(origin));
}

void sim_relay(struct sim *from, struct sim *to, uint64_t track_id, const struct transceiver *t)
{
    SIM_EXPECT(from, sfu_replica_open(to->sfu, track_id, track_id, t, from) == 0);
    SIM_EXPECT(from, sfu_relay_open(from->sfu, track_id, track_id, to, sim_now_us(from)) == 0);
}

/* ---- what the control side hears of layers and levels ---- */

static void on_levels(struct track_levels *levels, size_t n, void *arg)
{
    const struct sim *sim = arg;

    if (sim->on_levels != NULL)
        sim->on_levels(levels, n, sim->levels_arg);
    mem_free(levels);
}

static void on_subscription_state(uint64_t id, const struct sfu_slot_state *state, void *arg)
{
    struct sim *sim = arg;

    LIST_EACH(&sim->endpoints, struct endpoint, node, e)
        for (unsigned i = 0; i < e->slot_count; i++)
            if (e->slot[i].id == id) {
                e->slot[i].state = *state;
                e->slot[i].states_told++;
            }
}

static void on_track_demand(uint64_t track_id, unsigned wanted, void *arg)
{
    struct sim *sim = arg;

    LIST_EACH(&sim->endpoints, struct endpoint, node, e)
        for (unsigned i = 0; i < e->pub_count; i++)
            if (e->pub[i].track == track_id)
                pub_take_demand(&e->pub[i], wanted);
}

static const struct sfu_handlers handlers = {
    .on_levels = on_levels,
    .on_transport_state = on_transport_state,
    .on_track_live = on_track_live,
    .on_subscription_blocked = on_subscription_blocked,
    .on_relay_packet = on_relay_packet,
    .on_relay_flush = on_relay_flush,
    .on_relay_clock = on_relay_clock,
    .on_replica_keyframe = on_replica_keyframe,
    .on_replica_demand = on_replica_demand,
    .on_subscription_state = on_subscription_state,
    .on_track_demand = on_track_demand,
};

/* ---- life ---- */

static uint64_t choose_seed(void)
{
    const char *text = getenv("PARLEY_TEST_SEED");
    struct rng system;

    if (text != NULL)
        return strtoull(text, NULL, 0);
    rng_seed_system(&system);
    return rng_u32(&system);
}

struct addr sim_server_addr(void)
{
    return (struct addr){.ip = {10, 0, 0, 1}, .port = 40000, .family = 4};
}

struct addr sim_endpoint_addr(unsigned id, unsigned move)
{
    return (struct addr){
        .ip = {10, 1, (uint8_t)move, (uint8_t)id}, .port = (uint16_t)(5000 + move), .family = 4};
}

struct addr sim_addr(const struct sim *sim)
{
    return *net_addr(sim->host);
}

static struct sim *make(struct net *net, uint64_t seed, const struct addr *at)
{
    struct sim *sim = MEM_NEW(struct sim);

    sim->seed = seed;
    rng_seed(&sim->rng, seed);
    sim->net = net;
    sim->host = net_attach(net, at, on_datagram, sim);
    sim->ring_max = SIM_RING;
    list_init(&sim->endpoints);
    sim->egress = egress_new(on_flush, sim);
    sim->mux = mux_new(SIM_MAX_IDS);
    sim->pool = packet_pool_new(MAX_PACKETS_PER_POOL);
    sim->stun = stun_responder_new();
    const struct transport_env env = {
        .wheel = net_wheel(sim->net),
        .egress = sim->egress,
        .pool = sim->pool,
        .mux = sim->mux,
        .stun = sim->stun,
        .dtls = dtls,
        .free_later = free_later,
        .wall_us = wall_us,
        .pads_runs = true,
        .arg = sim,
    };
    CHECK(sfu_open(&sim->sfu, &env, &handlers, sim) == 0);
    rng_seed(&sim->sfu->rng, sim->seed);
    return sim;
}

struct sim *sim_new(void)
{
    uint64_t seed = choose_seed();
    struct addr at = sim_server_addr();
    struct sim *sim = make(net_new(seed, SIM_START_US), seed, &at);

    net_set_turn_hook(sim->net, on_turn_end, sim);
    running = sim;
    return sim;
}

struct sim *sim_new_beside(struct sim *first)
{
    struct addr at = sim_server_addr();

    at.port++;
    first->beside = make(first->net, first->seed + 1, &at);
    first->beside->first = first;
    return first->beside;
}

/* Its objects end; those of other workers may still speak of them. */
static void stop(struct sim *sim)
{
    LIST_EACH(&sim->endpoints, struct endpoint, node, e)
        endpoint_free(&e);
    sfu_close(&sim->sfu, sim_now_us(sim));
}

static void take_down(struct sim *sim)
{
    net_detach(&sim->host);
    egress_free(&sim->egress);
    mux_free(&sim->mux);
    stun_responder_free(&sim->stun);
    packet_pool_free(&sim->pool);
    mem_free(sim);
}

void sim_free(struct sim **sp)
{
    struct sim *sim = *sp;

    if (sim == NULL)
        return;
    *sp = NULL;
    running = NULL;
    is_described = false;
    struct sim *beside = sim->beside;
    struct net *net = sim->net;
    stop(sim);
    if (beside != NULL)
        stop(beside);
    on_turn_end(sim);
    if (beside != NULL)
        take_down(beside);
    take_down(sim);
    net_free(&net);
}

void sim_open_transport(struct sim *sim, uint64_t id, const struct ice_credentials *local)
{
    struct log_ids ids;

    log_ids_set(&ids, "tp=%u", (unsigned)id);
    SIM_EXPECT(sim,
               sfu_transport_open(sim->sfu, id, local, SIM_CONSENT_US, &ids, sim_now_us(sim)) == 0);
    LIST_EACH(&sim->sfu->transports, struct sfu_transport, node, st)
        if (st->id == id)
            rng_seed(&st->tp->jitter, sim->seed + id);
}

void sim_run(struct sim *sim, uint64_t duration_us)
{
    net_run(sim->net, duration_us);
}

uint64_t sim_now_us(const struct sim *sim)
{
    return net_now_us(sim->net);
}

uint64_t sim_wall_us(const struct sim *sim)
{
    return SIM_WALL_US + sim_now_us(sim);
}

struct dtls_context *sim_dtls(void)
{
    return dtls;
}

void sim_fingerprint(struct fingerprint *out)
{
    cert_fingerprint(cert, out);
}

/* ---- asking ---- */

void sim_read_mux(const struct sim *sim, struct mux_stats *out)
{
    mux_read_stats(sim->mux, out);
}

struct transport_stats sim_transport_stats(struct sim *sim, uint64_t id)
{
    struct sfu_transport_report report;

    SIM_EXPECT(sim, sfu_read_report(sim->sfu, id, &report, sim_now_us(sim)) == 0);
    mem_free(report.rtp);
    return report.transport;
}

struct sfu_rtp_stats sim_rtp_stats(struct sim *sim, uint64_t transport_id, enum sfu_stats_kind kind,
                                   uint64_t id, const char *rid)
{
    struct sfu_transport_report report;
    struct sfu_rtp_stats found = {0};

    SIM_EXPECT(sim, sfu_read_report(sim->sfu, transport_id, &report, sim_now_us(sim)) == 0);
    for (size_t i = 0; i < report.rtp_count; i++) {
        const struct sfu_rtp_stats *s = &report.rtp[i];
        if (s->kind == kind && s->id == id && (rid == NULL || strcmp(s->rid, rid) == 0))
            found = *s;
    }
    mem_free(report.rtp);
    return found;
}

static void describe_worker(const struct sim *sim, struct strbuf *out)
{
    sfu_describe(sim->sfu, out);
    LIST_EACH(&sim->endpoints, struct endpoint, node, e)
        endpoint_describe(e, out);
}

static void describe(struct sim *sim)
{
    struct strbuf text;

    strbuf_init(&text, 1 << 20);
    strbuf_addf(&text, "again with PARLEY_TEST_SEED=%" PRIu64 "\nat %llu ms\n", sim->seed,
                (unsigned long long)((sim_now_us(sim) - SIM_START_US) / MS));
    describe_worker(sim, &text);
    if (sim->beside != NULL || sim->first != NULL)
        describe_worker(sim->beside != NULL ? sim->beside : sim->first, &text);
    (void)fputs(text.p, stderr); /* cmocka cuts long texts */
    strbuf_fini(&text);
}

void sim_fail(struct sim *sim, const char *file, int line, const char *what)
{
    describe(sim);
    is_described = true;
    print_error("%s\n", what);
    _fail(file, line);
    abort(); /* not reached */
}

void sim_expect_no_faults(struct sim *sim)
{
    LIST_EACH(&sim->endpoints, struct endpoint, node, e)
        SIM_EXPECT(sim, e->faults == 0);
    if (sim->beside != NULL)
        sim_expect_no_faults(sim->beside);
}

/* ---- around the tests ---- */

int sim_group_setup(void **state)
{
    (void)state;
    log_set_level(LOG_TAG_COUNT, LOG_LEVEL_WARN);
    return rtpsec_library_init() != 0 || cert_new_self_signed(&cert, "sim", NULL, 0, 1) != 0 ||
           dtls_context_new(&dtls, cert) != 0;
}

int sim_group_teardown(void **state)
{
    (void)state;
    dtls_context_free(&dtls);
    cert_free(&cert);
    rtpsec_library_fini();
    return 0;
}

int sim_test_setup(void **state)
{
    (void)state;
    blocks_before = mem_live_blocks();
    return 0;
}

int sim_test_teardown(void **state)
{
    (void)state;
    if (running != NULL) {
        if (!is_described)
            describe(running);
        sim_free(&running);
    }
    if (mem_live_blocks() == blocks_before)
        return 0;
    print_error("%" PRId64 " blocks are left\n", mem_live_blocks() - blocks_before);
    return -1;
}
