/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_backlog.h - what the kernel had no room for: a bounded queue of sends, copied, first in first out.
 *
 * Pure memory: one block of MAX_UDP_BACKLOG_BYTES, taken when it is made and used as a ring.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/attr.h"
#include "core/udp.h"

struct udp_backlog;

/** Make an empty one; NULL without memory. */
MUST_CHECK struct udp_backlog *udp_backlog_new(void);
/** Free it with what is in it. NULL is fine. */
void udp_backlog_free(struct udp_backlog **b);
/** Copy a send to the end. false: no room. */
MUST_CHECK bool udp_backlog_push(struct udp_backlog *b, const struct udp_out *out);
/** The first one, whose data is good until it is pulled; NULL when empty. */
const struct udp_out *udp_backlog_first(const struct udp_backlog *b);
/** Drop the first one. */
void udp_backlog_pull(struct udp_backlog *b);
