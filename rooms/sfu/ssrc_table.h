/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssrc_table.h - which encoding an SSRC of one transport belongs to, and in which role: one probe a packet in the common case.
 *
 * Open addressing, grown while SSRCs are learnt (never on the steady path), bounded by MAX_SSRCS_LEARNT_PER_TRANSPORT.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct encoding;

struct ssrc_entry {
    uint32_t ssrc;
    bool is_used, is_rtx;
    struct encoding *encoding;
};

struct ssrc_table {
    struct ssrc_entry *entry;
    size_t size, count; /* size is a power of two, or 0 */
};

/** Make it empty. */
void ssrc_table_init(struct ssrc_table *t);
/** Free what it took; it is empty then. */
void ssrc_table_fini(struct ssrc_table *t);
/** Find; NULL when absent. The pointer is good until the next change. */
const struct ssrc_entry *ssrc_table_find(const struct ssrc_table *t, uint32_t ssrc);
/** Bind, or bind anew. Errors: E_LIMIT, E_NO_MEMORY. */
MUST_CHECK int ssrc_table_put(struct ssrc_table *t, uint32_t ssrc, struct encoding *encoding,
                              bool is_rtx);
/** Forget an SSRC, unless it was bound to another encoding since; fine when it is absent. */
void ssrc_table_remove(struct ssrc_table *t, uint32_t ssrc, const struct encoding *owner);
