/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - one row a benchmark; each puts what it measured into the document and prints a table for people. */
#pragma once

#include "bench/document.h"
#include "bench/options.h"
#include "core/attr.h"

/* Scenarios: a whole server under a whole load. They return 0, or a negative error that was printed. */

/** CPU time per forwarded packet by number of viewers, beside the floor; with --ramp: how many viewers fit. */
MUST_CHECK int bench_broadcast(const struct bench_options *options, struct document *d);

/** Added delay at a given load, beside bare loopback. */
MUST_CHECK int bench_latency(const struct bench_options *options, struct document *d);
/** n publishers, each watched by the others. */
MUST_CHECK int bench_conference(const struct bench_options *options, struct document *d);
/** n viewers at once: joins a second, CPU time a join, time to the first picture. */
MUST_CHECK int bench_join_storm(const struct bench_options *options, struct document *d);
/** Viewers one by one: time to the first picture, keyframe requests. */
MUST_CHECK int bench_late_join(const struct bench_options *options, struct document *d);
/** The same broadcast on 1, 2 … media workers. */
MUST_CHECK int bench_workers(const struct bench_options *options, struct document *d);
/** The same broadcast without and with congestion feedback and repair. */
MUST_CHECK int bench_feedback(const struct bench_options *options, struct document *d);
/** One long broadcast: memory, loss and CPU over time. */
MUST_CHECK int bench_soak(const struct bench_options *options, struct document *d);

/* Micro-benchmarks: one stage of the packet path. They return 0, or a negative error. */

/** From the socket into packets of the pool. */
MUST_CHECK int bench_receive(const struct bench_options *options, struct document *d);
/** SRTP on the way in, by profile. */
MUST_CHECK int bench_unprotect(const struct bench_options *options, struct document *d);
/** RTP header, extensions and payload descriptor of a clear packet. */
MUST_CHECK int bench_parse(const struct bench_options *options, struct document *d);
/** Numbers, header and descriptor of a packet for one more viewer. */
MUST_CHECK int bench_forward(const struct bench_options *options, struct document *d);
/** The batch and the port on the way out, with and without runs, beside the bare calls. */
MUST_CHECK int bench_egress(const struct bench_options *options, struct document *d);
/** CPU time of congestion control: each packet sent, each packet that feedback tells of. */
MUST_CHECK int bench_bwe(const struct bench_options *options, struct document *d);
/** CPU time of mixing sound for a hundred participants of whom ten talk, by stage; and what other encoders would take. */
MUST_CHECK int bench_audio_mix(const struct bench_options *options, struct document *d);
/** A mixed room of n publishers on a server: CPU time and added latency, beside GStreamer; and both benchmarks below. */
MUST_CHECK int bench_mix(const struct bench_options *options, struct document *d);
/** CPU time of a mixed room, from packets to packets, by stage, beside libvpx alone. */
MUST_CHECK int bench_mix_stages(const struct bench_options *options, struct document *d);
/** CPU time of a composed picture: decode, scale, compose, encode, beside libvpx alone. */
MUST_CHECK int bench_compose(const struct bench_options *options, struct document *d);
/** CPU time of encrypting one shared packet for one viewer, by backend and profile, beside libsrtp. */
MUST_CHECK int bench_encrypt(const struct bench_options *options, struct document *d);
/** CPU time and memory that a media worker spends on an endpoint that joins and sends nothing. */
MUST_CHECK int bench_join(const struct bench_options *options, struct document *d);
