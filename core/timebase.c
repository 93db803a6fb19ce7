/* SPDX-License-Identifier: Apache-2.0 */
/* timebase.c - clocks and NTP conversion. */
#include "core/timebase.h"

#include <time.h>

#include "core/check.h"

static uint64_t read_clock(clockid_t id)
{
    struct timespec ts;

    CHECK(clock_gettime(id, &ts) == 0);
    return (uint64_t)ts.tv_sec * US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t timebase_now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t timebase_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t timebase_thread_cpu_ns(void)
{
    struct timespec ts;

    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) == 0);
    return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t timebase_ntp_of_wall_us(uint64_t wall_us)
{
    uint64_t seconds = wall_us / US_PER_S + NTP_UNIX_OFFSET_S;
    uint64_t fraction = ((wall_us % US_PER_S) << 32) / US_PER_S;

    return seconds << 32 | fraction; /* the era is lost, as on the wire */
}

uint64_t timebase_wall_us_of_ntp(uint64_t ntp)
{
    uint64_t seconds = ntp >> 32, fraction = ntp & UINT32_MAX;

    if (seconds < 1ull << 31)
        seconds += 1ull << 32; /* era 1, 2036 and later (RFC 4330 s3) */
    if (seconds < NTP_UNIX_OFFSET_S)
        return 0; /* 1968 and 1969 cannot be said */
    return (seconds - NTP_UNIX_OFFSET_S) * US_PER_S + ((fraction * US_PER_S + (1ull << 31)) >> 32);
}
