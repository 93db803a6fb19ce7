/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h - which indices of late were used: the window of RFC 3711 s3.3.2, for what is received and for what is sent.
 *
 * The bits belong to the caller, who knows how many packets are worth their memory: bit (index mod size) of the window that
 * ends with *newest. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLAY_WORDS(packets) ((packets) / 64)

/** Whether @index was used, or is too old to tell. @packets is a power of two, of 64 or more. */
static inline bool replay_has(const uint64_t *used, size_t packets, uint64_t newest, uint64_t index)
{
    return index <= newest &&
           (newest - index >= packets || (used[index % packets / 64] >> (index % 64) & 1) != 0);
}

/** Mark @index, which replay_has() does not have; what comes into the window with it was not used. */
void replay_mark(uint64_t *used, size_t packets, uint64_t *newest, uint64_t index);
