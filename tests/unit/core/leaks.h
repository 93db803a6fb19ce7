/* SPDX-License-Identifier: Apache-2.0 */
/* leaks.h - cmocka setup and teardown: a test ends with as many live blocks as it began with. */
#pragma once

#include "core/mem.h"

static int64_t leaks_blocks_before;

static int leaks_begin(void **state)
{
    (void)state;
    leaks_blocks_before = mem_live_blocks();
    return 0;
}

static int leaks_end(void **state)
{
    (void)state;
    return mem_live_blocks() == leaks_blocks_before ? 0 : -1;
}

#define LEAK_FREE(test) cmocka_unit_test_setup_teardown(test, leaks_begin, leaks_end)
