/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_text.h - the settings of a lane as text: "rate=500k queue=300ms loss=5% burst=4".
 *
 *   rate=       bits a second of IP packets: 500k, 4M, 1.5M, none
 *   queue=      how much may wait: 200ms, 1s, or 64kB, 9000B; none
 *   delay=      50ms, 1.5s, 200us
 *   jitter=     up to so much more delay
 *   order=      keep (the default): jitter is drawn once in 10 ms; free: for each packet, and packets overtake one another
 *   loss=       5%, 0.05
 *   burst=      mean length of a run of losses in packets; 1: each for itself
 *   duplicate=  fraction, as for loss
 *   reorder=    fraction that is held back, and by how much: 2%/30ms
 *
 * A value is replaced whole; what is not named stays as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/net/lane.h"

/**
 * Change @s as @text says.
 *
 * Errors: false on what is not understood or out of range: @s is untouched then and @problem says what is wrong.
 */
MUST_CHECK bool lane_text_read(struct lane_settings *s, const char *text, char *problem,
                               size_t cap);
/** Read a time alone ("1.5s"); false when it is none or longer than an hour. */
MUST_CHECK bool lane_text_read_time(const char *text, uint64_t *ns);
