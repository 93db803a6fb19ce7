/* SPDX-License-Identifier: Apache-2.0 */
/* sound_loop.h - sound as a publisher sends it: Opus payloads of 20 ms that begin again at the end. A plain value. */
#pragma once

#include <stdint.h>

#define SOUND_LOOP_TICKS 500 /* 10 s */
#define SOUND_LOOP_TICK_US 20000ull
#define SOUND_LOOP_PAYLOAD_BYTES 256

struct sound_loop {
    uint16_t len[SOUND_LOOP_TICKS];
    uint8_t level[SOUND_LOOP_TICKS]; /* RFC 6464: -dBov */
    uint8_t payload[SOUND_LOOP_TICKS][SOUND_LOOP_PAYLOAD_BYTES];
};
