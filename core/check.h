/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - CHECK is for our own bugs: it aborts with file, line and expression, in release too (never for what a
 * remote did, which gets an error code and a counter). */
#pragma once

#include "core/attr.h"

#define CHECK(x)                                  \
    do {                                          \
        if (UNLIKELY(!(x)))                       \
            check_failed(__FILE__, __LINE__, #x); \
    } while (0)

#define UNREACHABLE() check_failed(__FILE__, __LINE__, "unreachable")

/* DCHECK costs too much for the packet path in release. */
#ifdef NDEBUG
#define DCHECK(x) ((void)sizeof(x))
#else
#define DCHECK(x) CHECK(x)
#endif

/** Report and abort. */
NORETURN COLD void check_failed(const char *file, int line, const char *expr);
