/* SPDX-License-Identifier: Apache-2.0 */
/*
 * least.h - the least value of the last while: of differences between two clocks that queueing only ever makes larger, the least is
 * the truest, and as the clocks drift it must be a recent one. A plain value, pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define LEAST_SPANS 5

struct least {
    int64_t value[LEAST_SPANS]; /* least of each span that had any, newest first */
    size_t spans;
    uint64_t newest_from_us; /* begin of that span */
};

/** Note a value; the window is LEAST_SPANS spans of @span_us long. */
static inline void least_note(struct least *l, int64_t value, uint64_t now_us, uint64_t span_us)
{
    if (l->spans > 0 && now_us < l->newest_from_us + span_us) {
        l->value[0] = MIN(l->value[0], value);
        return;
    }
    l->spans = MIN(l->spans + 1, (size_t)LEAST_SPANS);
    for (size_t i = l->spans - 1; i > 0; i--)
        l->value[i] = l->value[i - 1];
    l->value[0] = value;
    l->newest_from_us = now_us;
}

/** The least; 0 when there is none. */
static inline int64_t least_of(const struct least *l)
{
    int64_t value = l->spans > 0 ? l->value[0] : 0;

    for (size_t i = 1; i < l->spans; i++)
        value = MIN(value, l->value[i]);
    return value;
}
