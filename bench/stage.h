/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.h - one server under one load: start it, publish, let viewers in, measure a window, take everything down.
 *
 *   stage_open → stage_publish → stage_fill … → stage_idle → stage_measure … → stage_close
 *
 * Functions that fail have printed why. Owner: the scenario.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/conditions.h"
#include "bench/contender.h"
#include "bench/document.h"
#include "bench/loadgen/audience.h"
#include "bench/loadgen/publisher.h"
#include "bench/loadgen/usage.h"
#include "bench/options.h"
#include "core/attr.h"

struct stage;

/* One room into which all publish, and of which viewers play the mix. */
struct stage_mix {
    /* Fill in what publisher @index sends. */
    void (*write_media)(unsigned index, struct publisher_config *out, void *arg);
    /* A packet of the mix, decrypted. */
    void (*on_media)(bool is_video, const struct datagram *clear, void *arg);
    void *arg;
};

#define STAGE_MIX_ROOM "bench-0"

struct stage_config {
    const struct bench_options *options;
    struct document *document;
    const struct clips *clips;
    struct contender *contender;
    unsigned workers;            /* of Parley */
    const struct stage_mix *mix; /* NULL: a room for each publisher, and viewers of it */
};

#define STAGE_MAX_ROOMS 100
#define STAGE_MAX_VIEWERS 16000

/** Start generator and server. E_UNSUPPORTED: the contender was left out. Errors: those of server_open(), generator_open(). */
MUST_CHECK int stage_open(struct stage **out, const struct stage_config *config);
/** Take everything down: sessions are DELETEd, the server ends. */
void stage_close(struct stage **s);
/** Ask the server's API, on which Parley alone is understood; 0 when it agrees. Errors: E_DENIED, E_TIMEOUT. */
MUST_CHECK int stage_call(struct stage *s, const char *method, const char *path, const char *body);
/** Publish into @rooms rooms of their own, or by so many publishers into the one that is mixed. Errors: E_TIMEOUT, E_DENIED. */
MUST_CHECK int stage_publish(struct stage *s, unsigned rooms);
/** Let @n more viewers in, spread evenly over the rooms, and wait until each has a picture or failed. Returns whether that came. */
bool stage_let_in(struct stage *s, size_t n);
/** The same, when nobody may fail. Errors: E_TIMEOUT, E_DENIED. */
MUST_CHECK int stage_fill(struct stage *s, size_t n);
/** Let the loop run. */
void stage_idle(struct stage *s, uint64_t us);
/* What happened in a window, for scenarios that decide by it. */
struct stage_window {
    double seconds;
    double server_cores, own_cores;
    uint64_t packets, expected, payload_bytes;
    double loss, delay_p99_us; /* delay 0: not measured */
    uint64_t socket_drops;     /* at the viewers: ours */
    uint64_t rss_bytes;        /* of the server, at its end */
};

/** Begin a steady window: datagrams gather, delays are counted anew. Errors: E_NOT_FOUND when the server died. */
MUST_CHECK int stage_begin_window(struct stage *s);
/** What happened since it began, so far. Errors: as above. */
MUST_CHECK int stage_peek_window(struct stage *s, struct stage_window *out);
/** End it, and put what happened into the round with the reasons why it may not count. *out may be NULL. Errors: as above. */
MUST_CHECK int stage_end_window(struct stage *s, struct doc_round *round, struct stage_window *out);
/** All three: measure a window of so many seconds. */
MUST_CHECK int stage_measure(struct stage *s, double seconds, struct doc_round *round);
struct audience *stage_audience(struct stage *s);
/** Sums over all publishers. */
void stage_read_publishers(const struct stage *s, struct publisher_stats *out);
/** The publisher of a room. */
struct publisher *stage_publisher(struct stage *s, unsigned room);
/** CPU and memory of the server so far; zeros when it is gone. */
struct usage stage_read_usage(const struct stage *s);
/** Resident memory of the server before the first viewer. */
uint64_t stage_rss_before(const struct stage *s);
struct generator *stage_generator(struct stage *s);
