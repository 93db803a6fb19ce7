/* SPDX-License-Identifier: Apache-2.0 */
/* timebase.h - the only reader of clocks. Monotonic microseconds everywhere; NTP and wall time where a wire needs it. */
#pragma once

#include <stdint.h>

#define US_PER_MS 1000ull
#define US_PER_S 1000000ull
#define NTP_UNIX_OFFSET_S 2208988800ull /* 1900 to 1970, RFC 5905 fig. 4 */

/** Monotonic microseconds; never goes back. */
uint64_t timebase_now_us(void);
/** Microseconds since 1970 (CLOCK_REALTIME); may step. */
uint64_t timebase_wall_us(void);
/** CPU time that the calling thread has used, in nanoseconds; exact, unlike what the kernel's accounts say of a running thread. */
uint64_t timebase_thread_cpu_ns(void);
/** 64-bit NTP (32.32) of a wall time in microseconds since 1970, and back. */
uint64_t timebase_ntp_of_wall_us(uint64_t wall_us);
uint64_t timebase_wall_us_of_ntp(uint64_t ntp);
/** The middle 32 bits of an NTP time (RFC 3550 s6.4.1 LSR), units of 1/65536 s. */
static inline uint32_t ntp_middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}
