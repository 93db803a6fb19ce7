/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec_set.h - the codecs that a section may send, shared by all subscriptions of a worker that negotiated the same: thousands
 * of viewers offer what a handful of browsers offer, and a list is four kilobytes.
 *
 * Counted, immutable. Thread: the worker's.
 */
#pragma once

#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"
#include "transport/transceiver.h"

struct codec_set {
    struct list node; /* in the worker's list */
    unsigned refs;
    uint8_t count;
    struct negotiated_codec codec[];
};

/** The set of @t's codecs, of those in @sets or a new one, with a reference for the caller; NULL without memory. */
MUST_CHECK struct codec_set *codec_set_share(struct list *sets, const struct transceiver *t);
/** Drop a reference and null the pointer; the last one frees it. NULL is fine. */
void codec_set_unref(struct codec_set **set);
/** Find a payload type; NULL when absent. */
const struct negotiated_codec *codec_set_find_pt(const struct codec_set *set, uint8_t pt);
/** Find the payload type under which a stream of @codec may be sent (codec_fits); NULL when there is none. */
const struct negotiated_codec *codec_set_find(const struct codec_set *set,
                                              const struct codec *codec);
