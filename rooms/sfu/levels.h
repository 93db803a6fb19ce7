/* SPDX-License-Identifier: Apache-2.0 */
/*
 * levels.h - the audio levels (RFC 6464) of the tracks that are published on a worker: collected, for whoever follows who speaks
 * (speaker.h), and which packets are silence that need not be forwarded.
 *
 *   packet ─▶ level_meter, one a track ─▶ frames of 20 ms ─▶ levels_take(), each 100 ms, of all that were heard lately
 *
 * A track that was quiet for a while costs a few instructions a packet and is in no report: quiet is what no voice can be, so
 * speaker.h would not tell it from silence. Its first sound is reported soon, so that no word is lost. Pure; allocates nothing.
 * Owner: `struct levels` the sfu, `struct level_meter` the track. Thread: the worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"

#define LEVELS_FRAME_US 20000ull
#define LEVELS_INTERVAL_US 100000ull
#define LEVELS_SOON_US 20000ull   /* the first sound after a while */
#define LEVELS_HOLD_US 2000000ull /* reported after the last sound: speaker.h's window */
#define LEVELS_MAX_FRAMES 8 /* of one track in a report; more in that time count with the last */
#define LEVELS_QUIET \
    68 /* -dBov: from here on no voice; 10 dB below what speaker.h takes for the quietest one */
#define LEVELS_SILENCE 127 /* digital silence */
/* Silent packets in a row that are forwarded before the rest is left out: sound has faded out, redundant copies of it went by. */
#define LEVELS_SILENT_PACKETS 3

/* The loudest of 20 ms. */
struct level_frame {
    uint16_t after_ms; /* since first_us */
    uint8_t level;     /* -dBov, 0..127 */
    bool voice;
};

/* What a report tells of one track. */
struct track_levels {
    uint64_t track_id;
    uint64_t first_us; /* monotonic, the same on all threads */
    uint8_t count;
    struct level_frame frame[LEVELS_MAX_FRAMES];
};

struct level_meter {
    struct list node; /* in the list of those to be reported */
    struct track_levels heard;
    uint64_t loud_us; /* the newest sound; 0: none */
    uint8_t silent_packets;
};

struct levels {
    struct list waiting;
    size_t count;
    uint64_t next_us;
};

/** Prepare, with nothing to report. */
void levels_init(struct levels *l);
/** Prepare the meter of a track. */
void level_meter_init(struct level_meter *m, uint64_t track_id);
/** Take it out. */
void level_meter_fini(struct levels *l, struct level_meter *m);
/** Note one packet's level and voice flag. */
void level_meter_note(struct levels *l, struct level_meter *m, uint8_t level, bool voice,
                      uint64_t now_us);
/** Whether the packet noted last is silence after silence. */
bool level_meter_is_silent(const struct level_meter *m);
/** When to take a report; UINT64_MAX while there is none. */
uint64_t levels_next_us(const struct levels *l);
/** How many tracks there are to report. */
size_t levels_count(const struct levels *l);
/** Take the report of at most @max tracks; returns how many. */
size_t levels_take(struct levels *l, struct track_levels *out, size_t max);
