/* SPDX-License-Identifier: Apache-2.0 */
/* ramp.h - how many viewers of one broadcast fit on a core: more and more are let in until loss or delay pass their limits. */
#pragma once

#include "bench/scenario.h"
#include "core/attr.h"

/** Find the capacity of each contender; the table is printed. */
MUST_CHECK int ramp_run(struct scenario *s);
