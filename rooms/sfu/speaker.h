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
 * place keeps its number. Listeners differ in how many voices they hear: there are places for each number. One more is spare, for
 * who speaks and finds no other: it is heard by those who have a place themselves, in place of their own voice.
 *
 * Time is that of the levels: of one member they come in order, of several up to SPEAKER_PLACE_DWELL_US apart. Pure; allocates
 * nothing. Silent members cost a few instructions a level and nothing otherwise. Owner: `struct speaker` the room (rooms/speakers.h),
 * `struct speaker_member` each published microphone.
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
#define SPEAKER_LEVEL_SILENCE 127         /* RFC 6464: -127 dBov, digital silence */

/* What has changed; a set. */
#define SPEAKER_DOMINANT_CHANGED 1u
#define SPEAKER_PLACES_CHANGED 2u

struct speaker_member {
    uint64_t id; /* the caller's */

    /* private to speaker.c; loudness is dB above -127 dBov */
    struct list node;   /* in the speaker's list of those who are or were heard just now */
    struct list recent; /* in its list of dominant speakers, newest first */
    uint64_t cursor_us; /* up to there frames are accounted */
    uint32_t blocks;    /* a bit for each active block, the newest lowest */
    uint16_t loud_q8;   /* smoothed */
    uint8_t floor_past, floor_now; /* the quietest frame of the last and the current few seconds */
    uint16_t floor_frames;
    uint8_t frames, active_frames; /* of the current block */
    uint8_t pending;               /* the loudest packet since the last frame */
    bool is_heard;                 /* started */
    bool tells_voice;
};

struct speaker_place {
    struct speaker_member *member; /* NULL: free */
    uint64_t since_us;
};

/* For those who hear so many voices at once. */
struct speaker_places {
    struct list node; /* in the speaker's list */
    unsigned heard;
    uint32_t changed; /* a bit for each place that changed hands; the caller clears them */
    struct speaker_place place[MAX_MOVING_SOURCES + 1]; /* place[heard] is the spare one */
};

struct speaker {
    struct list active, recent, places;
    struct speaker_member *dominant; /* NULL: nobody spoke yet, or who did has left */
    uint64_t dominant_since_us;
    uint64_t next_us;
    uint64_t switches, place_changes; /* counters */
};

/** Prepare, without places. */
void speaker_init(struct speaker *s);
/** Add places for those who hear so many (at most MAX_MOVING_SOURCES); all are free. */
void speaker_places_add(struct speaker *s, struct speaker_places *p, unsigned heard);
/** Take them out again. */
void speaker_places_remove(struct speaker_places *p);
/** Which place a member has; -1: none. */
int speaker_place_of(const struct speaker_places *p, const struct speaker_member *m);
/** Give it places that are free, though it is silent: with fewer members than places nobody waits for a first word. Returns what has changed. */
unsigned speaker_offer_place(struct speaker *s, struct speaker_member *m, uint64_t now_us);
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
