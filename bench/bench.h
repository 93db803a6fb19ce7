/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - one row a benchmark; each puts what it measured into the document and prints a table for people. */
#pragma once

#include "bench/document.h"
#include "bench/options.h"
#include "core/attr.h"

/* Scenarios: a whole server under a whole load. They return 0, or a negative error that was printed. */

/** CPU time per forwarded packet by number of viewers, beside the floor; with --ramp: how many viewers fit. */
MUST_CHECK int bench_broadcast(const struct bench_options *options, struct document *d);

/* Micro-benchmarks: one stage of the packet path. They return 0, or a negative error. */

/** CPU time of congestion control: each packet sent, each packet that feedback tells of. */
MUST_CHECK int bench_bwe(const struct bench_options *options, struct document *d);
/** CPU time of a composed picture: decode, scale, compose, encode, beside libvpx alone. */
MUST_CHECK int bench_compose(const struct bench_options *options, struct document *d);
/** CPU time of encrypting one shared packet for one viewer, by backend and profile, beside libsrtp. */
MUST_CHECK int bench_encrypt(const struct bench_options *options, struct document *d);
/** CPU time and memory that a media worker spends on an endpoint that joins and sends nothing. */
MUST_CHECK int bench_join(const struct bench_options *options, struct document *d);
