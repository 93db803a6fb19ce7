/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spsc.h - a bounded lock-free ring of pointers between one producing and one consuming thread.
 *
 * Carries packet references between workers. A full ring refuses: the producer drops and counts, it never waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/attr.h"

struct spsc;

/** Make a ring of @capacity entries (rounded up to a power of two); NULL when there is no memory. */
MUST_CHECK struct spsc *spsc_new(size_t capacity);
/** Free an empty ring, when neither side uses it any more. */
void spsc_free(struct spsc **ring);
/** Put one pointer (never NULL). Thread: the producer. false: full. */
MUST_CHECK bool spsc_push(struct spsc *ring, void *item);
/** Take one, or NULL when empty. Thread: the consumer. */
void *spsc_pull(struct spsc *ring);
/** Entries now in it; exact only on a resting ring. */
size_t spsc_count(const struct spsc *ring);
