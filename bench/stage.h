/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.h - one server under one load: start it, publish, let viewers in, measure a window, take everything down.
 *
 *   stage_open → stage_publish → stage_fill … → stage_idle → stage_measure … → stage_close
 *
 * Functions that fail have printed why. Owner: the scenario.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bench/conditions.h"
#include "bench/contender.h"
#include "bench/document.h"
#include "bench/loadgen/audience.h"
#include "bench/loadgen/publisher.h"
#include "bench/options.h"
#include "core/attr.h"

struct stage;

struct stage_config {
    const struct bench_options *options;
    struct document *document;
    const struct clips *clips;
    struct contender *contender;
    unsigned workers; /* of Parley */
};

#define STAGE_MAX_ROOMS 100
#define STAGE_MAX_VIEWERS 16000

/** Start generator and server. E_UNSUPPORTED: the contender was left out. Errors: those of server_open(), generator_open(). */
MUST_CHECK int stage_open(struct stage **out, const struct stage_config *config);
/** Take everything down: sessions are DELETEd, the server ends. */
void stage_close(struct stage **s);
/** Publish into @rooms rooms of their own. Errors: E_TIMEOUT, E_DENIED. */
MUST_CHECK int stage_publish(struct stage *s, unsigned rooms);
/** Let @n more viewers in, spread evenly over the rooms, and wait until each has a picture. Errors: E_TIMEOUT, E_DENIED. */
MUST_CHECK int stage_fill(struct stage *s, size_t n);
/** Let the loop run. */
void stage_idle(struct stage *s, uint64_t us);
/** Measure a steady window of so many seconds into the round. Errors: E_NOT_FOUND when the server died. */
MUST_CHECK int stage_measure(struct stage *s, double seconds, struct doc_round *round);
struct audience *stage_audience(struct stage *s);
/** Sums over all publishers. */
void stage_read_publishers(const struct stage *s, struct publisher_stats *out);
/** The publisher of a room. */
struct publisher *stage_publisher(struct stage *s, unsigned room);
/** CPU time of the server so far, in ns; 0 when it is gone. */
uint64_t stage_server_cpu_ns(const struct stage *s);
struct generator *stage_generator(struct stage *s);
