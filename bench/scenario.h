/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario.h - what all scenarios share: clips and contenders, and rounds that take turns over the contenders, so that what disturbs
 * the machine disturbs all. Every round is a server of its own, started and ended.
 */
#pragma once

#include "bench/conditions.h"
#include "bench/contender.h"
#include "bench/document.h"
#include "bench/options.h"
#include "bench/stage.h"
#include "core/attr.h"

struct scenario {
    const char *name;
    const struct bench_options *options;
    struct document *document;
    struct clips clips;
    struct contenders contenders;
};

/** Load clips, pin the generator, list the contenders. Errors: printed. */
MUST_CHECK int scenario_open(struct scenario *s, const char *name, const struct bench_options *o,
                             struct document *d);
void scenario_close(struct scenario *s);

/* One round on a stage whose server runs. */
typedef int scenario_round(struct scenario *s, struct stage *stage, const struct contender *c,
                           void *arg);

/** Run @round once for each contender. Returns the first error; the others ran nevertheless. */
MUST_CHECK int scenario_run_contenders(struct scenario *s, unsigned workers, scenario_round *round,
                                       void *arg);
/** The same, --rounds times. */
MUST_CHECK int scenario_run_rounds(struct scenario *s, unsigned workers, scenario_round *round,
                                   void *arg);
/** A row of this scenario with one number that tells it apart. */
struct doc_row *scenario_row(struct scenario *s, const char *server, const char *param,
                             double value);
/** Option, or the scenario's own default. */
uint32_t scenario_first_viewers(const struct bench_options *o, uint32_t usual);
