/* SPDX-License-Identifier: Apache-2.0 */
/* adapter_line.h - the JSON line that an adapter of another server prints when it is ready (bench/README.md). Pure. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "core/attr.h"
#include "core/str.h"

#define ADAPTER_MAX_PIDS 32
#define ADAPTER_MAX_NOTES 32
#define ADAPTER_URL_LEN 1024

struct adapter_line {
    char name[64], version[64];
    char whip[ADAPTER_URL_LEN], whep[ADAPTER_URL_LEN]; /* with ROOM in them */
    pid_t pid[ADAPTER_MAX_PIDS];
    size_t pid_count;
    char *note[ADAPTER_MAX_NOTES]; /* heap */
    size_t note_count;
};

/** Parse. Errors: E_UNSUPPORTED: it skips, @why is its reason; E_MALFORMED with a sentence. *out may be adapter_line_fini()shed then. */
MUST_CHECK int adapter_line_parse(struct adapter_line *out, struct str line, char *why,
                                  size_t why_size);
void adapter_line_fini(struct adapter_line *a);
