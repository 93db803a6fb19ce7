/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_scenario.h - the paths that test_bwe.c sends over, and what is expected on them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/bwe_flow.h"

#define MS 1000ull
#define S 1000000ull
#define KBPS 1000ull
#define BWE_SCENARIO_START_US S

/* What a scenario is, and what is expected of it. Times are since its start. */
struct bwe_scenario {
    const char *name, *says;
    enum flow_source source;
    unsigned seconds, from_s; /* measured from then on */
    void (*set_up)(struct link *l);
    void (*set_up_flow)(struct flow *f);
    enum flow_source other; /* competes, when other_from_s > 0 */
    unsigned other_from_s;
    uint64_t ideal_bps;           /* utilisation is of that; 0: of the link's capacity */
    double least_used, most_used; /* share; 0: any */
    unsigned queue_p95_ms;        /* at most; 0: any */
    unsigned event_s;             /* after which the target is to come below or above event_bps */
    bool below;
    uint64_t event_bps;
    unsigned event_ms; /* within */
};

extern const struct bwe_scenario bwe_scenarios[];
extern const size_t bwe_scenario_count;
