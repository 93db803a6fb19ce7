/* SPDX-License-Identifier: Apache-2.0 */
/* conditions.h - what figures depend on: the machine, the media, the options; and the pinning of the generator. */
#pragma once

#include "bench/document.h"
#include "bench/loadgen/clip.h"
#include "bench/loadgen/offer.h"
#include "bench/options.h"
#include "core/attr.h"

/** Put machine and options into the document. */
void conditions_describe(const struct bench_options *options, struct document *d);

/* The clips, from the smallest. */
struct clips {
    struct clip *clip[OFFER_ENCODINGS];
};

/** Load the clips and describe the media that is sent. Errors: those of clip_load(), printed. */
MUST_CHECK int conditions_load_clips(const struct bench_options *options, struct clips *out,
                                     struct document *d);
void conditions_free_clips(struct clips *c);
/** Pin the calling thread to the generator's core. */
void conditions_pin_generator(const struct bench_options *options);
