/* SPDX-License-Identifier: Apache-2.0 */
/* contender.h - who is measured: Parley, one that runs already, other servers by their adapters; rounds take turns over them. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/document.h"
#include "bench/options.h"

struct contender {
    char id[32];            /* in the document */
    char adapter[PATH_MAX]; /* "": Parley, or what --url-whip names */
    bool is_running;        /* --url-whip */
    bool is_out;            /* it cannot run here; said once, and its rounds are left out */
};

struct contenders {
    struct contender at[OPTIONS_MAX_LIST + 1];
    size_t count;
};

void contenders_of(const struct bench_options *o, struct contenders *out);
/** It cannot be measured: say so, and leave it out from now on. */
void contender_leave_out(struct contender *c, struct document *d, const char *reason);
