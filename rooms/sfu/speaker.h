/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speaker.h - who speaks in a room, from the audio levels of packets (RFC 6464): the dominant speaker, who spoke lately, and
 * who is to be heard when not all can be.
 *
 * After I. Volfin and I. Cohen, "Dominant speaker identification for multipoint videoconferencing" (2012): activity is looked at
 * over a frame (20 ms), a block of five frames and a window of twenty blocks. Who has spoken for half a second takes over from one
 * who has given in, or from one who goes on speaking but does so clearly less. A cough or a keyboard does not, and a breath loses
 * nothing.
 *
 * Places are for hearing, where a syllable lost at the start hurts more than a wrong choice: who begins to speak takes a free place,
 * or that of somebody silent, with the first loud frame; that of somebody who speaks only when clearly louder. Whoever has a
 * place keeps its number.
 *
 * Pure; allocates nothing. Silent members cost a few instructions a packet and nothing otherwise. Owner: `struct speaker` the
 * room's media side, `struct speaker_member` each published audio track.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/list.h"

#define SPEAKER_FRAME_US 20000ull
#define SPEAKER_BLOCK_FRAMES 5
#define SPEAKER_WINDOW_BLOCKS 20
#define SPEAKER_TICK_US 100000ull
#define SPEAKER_DWELL_US \
    1500000ull /* a dominant speaker who has not fallen silent stays at least so long */
#define SPEAKER_PLACE_DWELL_US 1000000ull /* as does one with a place */
#define SPEAKER_SILENT_PACKETS \
    3 /* forwarded before silence is left out: nobody hears the difference */
#define SPEAKER_LEVEL_SILENCE 127 /* RFC 6464: -127 dBov, digital silence */

/* What has changed; a set. */
#define SPEAKER_DOMINANT_CHANGED 1u
#define SPEAKER_PLACES_CHANGED 2u

struct speaker_member {
    uint64_t id; /* the caller's */

    /* private to speaker.c; loudness is dB above -127 dBov */
    struct list node;   /* in the speaker's list of those who are or were heard just now */
    struct list recent; /* in its list of dominant speakers, newest first */
    uint64_t cursor_us; /* up to there frames are accounted */
    uint64_t placed_us;
    uint32_t blocks;               /* a bit for each active block, the newest lowest */
    uint16_t loud_q8;              /* smoothed */
    uint8_t floor_past, floor_now; /* the quietest frame of the last and the current few seconds */
    uint16_t floor_frames;
    uint8_t frames, active_frames; /* of the current block */
    uint8_t pending;               /* the loudest packet since the last frame */
    uint8_t silent_packets;
    bool is_heard; /* started */
    bool tells_voice;
    int8_t place; /* -1: none */
};

struct speaker {
    struct list active, recent;
    struct speaker_member *dominant; /* NULL: nobody spoke yet, or who did has left */
    struct speaker_member *place[MAX_SPEAKER_PLACES];
    unsigned places;
    uint64_t dominant_since_us;
    uint64_t next_us;
    uint64_t switches, place_changes; /* counters */
};

/** Prepare, with @places (at most MAX_SPEAKER_PLACES) for those to be heard. */
void speaker_init(struct speaker *s, unsigned places);
/** Add a member, not heard yet. */
void speaker_add(struct speaker *s, struct speaker_member *m, uint64_t id);
/** Take it out again; returns what has changed. Nobody follows a dominant speaker who leaves before somebody speaks. */
unsigned speaker_remove(struct speaker *s, struct speaker_member *m);
/**
 * Note one packet's level: @level is -dBov, 0..127; @voice the extension's flag, believed once it was ever set.
 *
 * Returns what has changed: places only.
 */
unsigned speaker_level(struct speaker *s, struct speaker_member *m, uint8_t level, bool voice,
                       uint64_t now_us);
/** Decide who is dominant, and about places; call it at speaker_next_us(). Returns what has changed. */
unsigned speaker_tick(struct speaker *s, uint64_t now_us);
/** When to tick; UINT64_MAX while all are silent. */
uint64_t speaker_next_us(const struct speaker *s);
/** Collect the dominant speakers of the past, newest first, the present one included; returns how many, at most @max. */
size_t speaker_recent(const struct speaker *s, struct speaker_member **out, size_t max);
/** Whether the packet whose level was noted last need not be forwarded: digital silence, after some of it was. */
bool speaker_is_silence(const struct speaker_member *m);
