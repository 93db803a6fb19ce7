/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - one media worker without thread and sockets on a virtual network: an sfu whose egress leads into the net, and what the
 * control side would hear of it. Endpoints (endpoint.h) join it. A second worker may be put beside it, which tracks are relayed to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/list.h"
#include "core/rng.h"
#include "rooms/sfu/sfu.h"
#include "tests/sim/net.h"
#include "transport/mux.h"

#define SIM_MAX_IDS 64
#define SIM_START_US 3000000ull
#define SIM_WALL_US 1700000000000000ull /* wall time when the clock shows 0 */
#define SIM_RING 1024                   /* packets on their way to another worker */
#define SIM_CONSENT_US 6000000ull
#define MS 1000ull
#define SECONDS 1000000ull

struct dtls_context;
struct egress;
struct fingerprint;
struct packet_pool;
struct packet;
struct stun_responder;
struct track_levels;

struct sim {
    uint64_t seed;
    struct rng rng;
    struct net *net;
    struct net_host *host;
    struct egress *egress;
    struct mux *mux;
    struct packet_pool *pool;
    struct stun_responder *stun;
    struct sfu *sfu;
    struct list endpoints;
    struct {
        void *block;
        void (*free_block)(void *block);
    } later[4096];
    size_t later_count;

    /* what the control side was told, by transport, track and subscription */
    unsigned state_count[SIM_MAX_IDS][TRANSPORT_STATE_COUNT];
    enum transport_state state[SIM_MAX_IDS];
    unsigned live_count, blocked_count;
    enum codec_id live_codec, blocked_codec;
    /* how loud tracks were, for whoever wants to know */
    void (*on_levels)(const struct track_levels *levels, size_t n, void *arg);
    void *levels_arg;
    /* close this transport from inside the handler when it gets there; 0: none */
    uint64_t close_id;
    enum transport_state close_state;

    /* relays */
    struct sim *beside, *first; /* the second worker, if there is one; of that: the first one */
    struct packet *ring[SIM_RING];
    size_t ring_count, ring_max;
    bool is_behind; /* takes nothing out of its ring */
};

/** Make it. The seed is PARLEY_TEST_SEED, or drawn anew. */
MUST_CHECK struct sim *sim_new(void);
/** Another worker on the network of @first, which ends with that one. */
MUST_CHECK struct sim *sim_new_beside(struct sim *first);
/** Have a track of @from relayed to @to, under the same id. */
void sim_relay(struct sim *from, struct sim *to, uint64_t track_id, const struct transceiver *t);
/** End what is left, endpoints included. */
void sim_free(struct sim **sim);
/** Open a transport whose randomness comes of the seed, too. */
void sim_open_transport(struct sim *sim, uint64_t id, const struct ice_credentials *local);
/** Let time pass. */
void sim_run(struct sim *sim, uint64_t duration_us);
uint64_t sim_now_us(const struct sim *sim);
uint64_t sim_wall_us(const struct sim *sim);
struct addr sim_server_addr(void);
/** Where this worker is. */
struct addr sim_addr(const struct sim *sim);
/** An address for endpoint @id; another one for each @move. */
struct addr sim_endpoint_addr(unsigned id, unsigned move);
/** Of all endpoints and of the server. */
struct dtls_context *sim_dtls(void);
void sim_fingerprint(struct fingerprint *out);

void sim_read_mux(const struct sim *sim, struct mux_stats *out);
struct transport_stats sim_transport_stats(struct sim *sim, uint64_t id);
/** The line of a track (its best or only encoding) or of a subscription. */
struct sfu_rtp_stats sim_rtp_stats(struct sim *sim, uint64_t transport_id, enum sfu_stats_kind kind,
                                   uint64_t id, const char *rid);

/** Print the seed and describe every object, then fail the test. */
NORETURN void sim_fail(struct sim *sim, const char *file, int line, const char *what);
#define SIM_EXPECT(sim, x)                         \
    do {                                           \
        if (!(x))                                  \
            sim_fail(sim, __FILE__, __LINE__, #x); \
    } while (0)

/** Fail the test when an endpoint found a fault. */
void sim_expect_no_faults(struct sim *sim);

/** cmocka: library start and stop, and that a test leaves no block behind. */
int sim_group_setup(void **state);
int sim_group_teardown(void **state);
int sim_test_setup(void **state);
int sim_test_teardown(void **state);
#define SIM_TEST(name) cmocka_unit_test_setup_teardown(name, sim_test_setup, sim_test_teardown)
