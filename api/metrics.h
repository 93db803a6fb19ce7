/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - GET /metrics for Prometheus: figures of the process, of the API and of every media worker.
 *
 * The workers are asked first, and answer with copies; while they do, further requests wait for the same answer. Labels are
 * `worker`, `reason` and other words of a fixed set, never names of rooms or participants. Thread: control reactor.
 */
#pragma once

#include <stdbool.h>

#include "api/http.h"
#include "core/attr.h"
#include "core/config.h"
#include "core/str.h"
#include "core/worker.h"
#include "rooms/registry.h"

struct metrics;

/* What was read; process figures of 0 are not known and left out. */
struct metrics_snapshot {
    const struct registry_stats *registry;
    struct http_stats http;
    struct worker_stats control; /* its loop */
    uint64_t start_time_us;      /* since 1970 */
    uint64_t cpu_us, resident_bytes, virtual_bytes, open_fds, max_fds;
    uint64_t heap_bytes, heap_blocks;
};

/** What is borrowed outlives the metrics; the http is the one that requests come from. */
MUST_CHECK struct metrics *metrics_new(const struct config *config, struct registry *registry,
                                       struct worker *control);
/** After the http is closed. An answer that is still under way finds nobody. */
void metrics_free(struct metrics **m);
/** Whether the path is ours; then metrics_serve() it. */
bool metrics_owns(const char *path);
/** Answer, mostly later. */
void metrics_serve(struct metrics *m, const struct http *http, struct http_exchange *x,
                   const struct http_request *request);
/** Whether the settings show metrics to somebody who connected from @request->remote. */
bool metrics_are_shown_to(const struct config *config, const struct http_request *request);
/** Write the figures of mixers; part of metrics_write(). */
void metrics_write_mixers(const struct registry_stats *r, struct strbuf *out);
/** Write everything. */
void metrics_write(const struct metrics_snapshot *s, struct strbuf *out);
/** Fill in what the system tells of this process (metrics_process.c). */
void metrics_read_process(struct metrics_snapshot *s);
