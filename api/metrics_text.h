/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_text.h - writes the Prometheus text exposition format, version 0.0.4.
 *
 * A family is its HELP and TYPE lines, then its samples, one behind the other. What does not fit makes the buffer `failed`.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/stats.h"
#include "core/str.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
    const char *name, *value;
};

/** Begin a family. Names of counters end in "_total". */
void metrics_text_family(struct strbuf *out, const char *name, enum metric_type type,
                         const char *help);
/** One sample, a whole number. */
void metrics_text_number(struct strbuf *out, const char *name, const struct metric_label *label,
                         size_t n, uint64_t value);
/** One sample in seconds. */
void metrics_text_seconds(struct strbuf *out, const char *name, const struct metric_label *label,
                          size_t n, uint64_t value_us);
/** One histogram, with buckets up to @max_items and one for what is above. */
void metrics_text_batches(struct strbuf *out, const char *name, const struct metric_label *label,
                          size_t n, const struct batch_counts *counts, size_t max_items);
