/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.c - names and texts of error codes.
 *
 * Codes of libuv are known here without its header: on Linux they equal -errno, but for the resolver's (-3000...) and
 * the two at the end of its range.
 */
#include "core/err.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/attr.h"

#define MAX_ERRNO 133 /* EHWPOISON, the last one of Linux */

/* uv/errno.h: what does not follow errno. */
#define UV_MAP(X)                                                                   \
    X("UV_EAI_ADDRFAMILY", -3000, "address family not supported by the name")       \
    X("UV_EAI_AGAIN", -3001, "the name service failed for now")                     \
    X("UV_EAI_BADFLAGS", -3002, "bad flags for a name look-up")                     \
    X("UV_EAI_CANCELED", -3003, "the name look-up was cancelled")                   \
    X("UV_EAI_FAIL", -3004, "the name service failed")                              \
    X("UV_EAI_FAMILY", -3005, "address family not supported")                       \
    X("UV_EAI_MEMORY", -3006, "no memory for the name look-up")                     \
    X("UV_EAI_NODATA", -3007, "the name has no address")                            \
    X("UV_EAI_NONAME", -3008, "no such name or service")                            \
    X("UV_EAI_OVERFLOW", -3009, "the answer of the name look-up is too long")       \
    X("UV_EAI_SERVICE", -3010, "no such service for this kind of socket")           \
    X("UV_EAI_SOCKTYPE", -3011, "kind of socket not supported by the name look-up") \
    X("UV_EAI_BADHINTS", -3013, "bad hints for a name look-up")                     \
    X("UV_EAI_PROTOCOL", -3014, "protocol not known to the name look-up")           \
    X("UV_ECHARSET", -4080, "character not allowed")                                \
    X("UV_UNKNOWN", -4094, "unknown system error")                                  \
    X("UV_EOF", -4095, "end of stream")

struct row {
    int err;
    const char *name, *text;
};

static const struct row rows[] = {{0, "E_OK", "no error"},
#define X(name, value, text) {value, #name, text},
                                  E_MAP(X)
#undef X
#define X(name, value, text) {value, name, text},
                                      UV_MAP(X)
#undef X
};

static char errno_names[MAX_ERRNO + 1][24]; /* "UV_" before each of libc's names */
static pthread_once_t errno_names_once = PTHREAD_ONCE_INIT;

static const struct row *find(int err)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].err == err)
            return &rows[i];
    return NULL;
}

static void fill_errno_names(void)
{
    for (int i = 1; i <= MAX_ERRNO; i++) {
        const char *name = strerrorname_np(i);
        if (name)
            (void)snprintf(errno_names[i], sizeof errno_names[i], "UV_%s", name);
    }
}

const char *err_name(int err)
{
    const struct row *row = find(err);

    if (row)
        return row->name;
    if (err < 0 && err >= -MAX_ERRNO) {
        (void)pthread_once(&errno_names_once, fill_errno_names);
        if (errno_names[-err][0])
            return errno_names[-err];
    }
    return "E_UNKNOWN";
}

const char *err_text(int err)
{
    const struct row *row = find(err);
    const char *text = NULL;

    if (row)
        return row->text;
    if (err < 0 && err >= -MAX_ERRNO)
        text = strerrordesc_np(-err);
    return text ? text : "unknown error";
}
