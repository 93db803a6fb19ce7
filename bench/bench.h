/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - one row a benchmark; each prints a table for people and, with --json FILE, a JSON object for machines. */
#pragma once

#include <stdio.h>

#include "core/attr.h"

struct bench_options {
    unsigned seconds; /* of measuring */
    FILE *json;       /* NULL: none */
};

/** CPU time of mixing the sound of a hundred participants, and where it goes. Returns 0, or a negative error. */
MUST_CHECK int bench_audio_mix(const struct bench_options *options);
/** The delay that forwarding adds on a lightly loaded worker, over loopback sockets. Returns 0, or a negative error. */
MUST_CHECK int bench_delay(const struct bench_options *options);
/** CPU time of encrypting one shared packet for one viewer, by backend and profile, beside libsrtp. Returns 0, or a negative error. */
MUST_CHECK int bench_encrypt(const struct bench_options *options);
