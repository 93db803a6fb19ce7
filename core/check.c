/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - the last words before an abort: written straight to fd 2, for the heap and stdio may be what broke. */
#include "core/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void check_failed(const char *file, int line, const char *expr)
{
    char text[512];

    (void)snprintf(text, sizeof text - 1, "%s:%d: CHECK failed: %s", file, line, expr);
    size_t len = strlen(text);
    text[len++] = '\n';
    ssize_t written = write(STDERR_FILENO, text, len);
    (void)written; /* nobody left to tell */
    abort();
}
