/* SPDX-License-Identifier: Apache-2.0 */
/* seed.h - the seed of a random test: PARLEY_TEST_SEED, or drawn anew; a failing test prints it. */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/rng.h"

static uint64_t seed_of_test(void)
{
    const char *text = getenv("PARLEY_TEST_SEED");
    struct rng system;

    if (text != NULL)
        return strtoull(text, NULL, 0);
    rng_seed_system(&system);
    return rng_u32(&system);
}

static void seed_print(uint64_t seed)
{
    printf("again with PARLEY_TEST_SEED=%" PRIu64 "\n", seed);
}
