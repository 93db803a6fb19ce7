/* SPDX-License-Identifier: Apache-2.0 */
/* stage_internal.h - the state of a stage, shared by what sets it up and what measures on it. */
#pragma once

#include "bench/core_watch.h"
#include "bench/loadgen/generator.h"
#include "bench/loadgen/server.h"
#include "bench/stage.h"

/* What there is at one moment; two of them make a window. */
struct snapshot {
    uint64_t at_us, own_ns;
    struct usage usage;
    struct viewer_totals totals;
    struct publisher_stats publishers;
};

struct stage {
    struct stage_config config;
    struct generator generator;
    struct server *server;
    struct publisher *publisher[STAGE_MAX_ROOMS];
    unsigned rooms;
    struct audience *audience;
    uint64_t rss_before; /* the first viewer */
    struct snapshot window_begin;
    struct core_watch cores;
};

/** Print what went wrong, and return @err. */
int stage_say(const struct stage *s, int err, const char *text);
