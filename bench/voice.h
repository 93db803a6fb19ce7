/* SPDX-License-Identifier: Apache-2.0 */
/*
 * voice.h - made-up sound, encoded as a browser does it (Opus, mono, 32 kb/s, in-band FEC): people who talk, rooms in which nobody does,
 * and a tone that comes at known times, by which delay is heard. Errors of all: E_NO_MEMORY.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bench/loadgen/sound_loop.h"
#include "core/attr.h"

/** Somebody who talks; another one for each @who. */
MUST_CHECK int voice_record(struct sound_loop *out, unsigned who);
/** The noise of a quiet room. */
MUST_CHECK int voice_record_room(struct sound_loop *out);

/* A tone at the start of each so many ticks, silence between. */
#define VOICE_BURST_EVERY 100
#define VOICE_BURST_TICKS 5

MUST_CHECK int voice_record_bursts(struct sound_loop *out);

/* Hears the bursts in a stream of stereo blocks. Zeroed at first. */
struct voice_listener {
    unsigned quiet; /* parts of a tick since the tone was heard */
};

/** Listen to 20 ms. Returns where the tone begins in it, in pairs; -1: nowhere. */
int voice_hear_burst(struct voice_listener *l, const int16_t *pcm);
