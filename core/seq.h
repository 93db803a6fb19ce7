/* SPDX-License-Identifier: Apache-2.0 */
/* seq.h - the only place where sequence numbers and RTP timestamps are compared (RFC 1982 serial arithmetic). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline int seq16_diff(uint16_t a, uint16_t b) /* a - b, in -32768..32767 */
{
    return (int16_t)(uint16_t)(a - b);
}

static inline bool seq16_newer(uint16_t a, uint16_t b)
{
    return seq16_diff(a, b) > 0;
}

static inline int32_t ts32_diff(uint32_t a, uint32_t b) /* a - b */
{
    return (int32_t)(a - b);
}

static inline bool ts32_newer(uint32_t a, uint32_t b)
{
    return ts32_diff(a, b) > 0;
}

/* Extend a 16-bit number to 64 bits by the nearest cycle to the newest one seen. */
struct seq16_unwrapper {
    int64_t newest;
    bool started;
};

static inline int64_t seq16_unwrap(struct seq16_unwrapper *u, uint16_t seq)
{
    if (!u->started) {
        u->started = true;
        u->newest = (int64_t)seq + 65536; /* one cycle of room for packets older than the first */
        return u->newest;
    }
    int64_t ext = u->newest + seq16_diff(seq, (uint16_t)u->newest);
    if (ext > u->newest)
        u->newest = ext;
    return ext;
}

struct ts32_unwrapper {
    int64_t newest;
    bool started;
};

static inline int64_t ts32_unwrap(struct ts32_unwrapper *u, uint32_t ts)
{
    if (!u->started) {
        u->started = true;
        u->newest = (int64_t)ts + 4294967296;
        return u->newest;
    }
    int64_t ext = u->newest + ts32_diff(ts, (uint32_t)u->newest);
    if (ext > u->newest)
        u->newest = ext;
    return ext;
}
