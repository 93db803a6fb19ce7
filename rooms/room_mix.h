/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room_mix.h - the mix of a room: who is in it, and the tracks that it publishes.
 *
 *   publications of members ─▶ relays ─▶ mixer ─▶ two publications (video, audio) of the participant "mix"
 *
 * The participant "mix" is in no list of the room: it joins nothing, counts for nothing, and nobody else may have that identity. Its
 * publications are ordinary ones, which automatic subscription leaves alone. Who listens and is in the mix hears it without himself
 * (mix-minus): the same publication, another track at the mixer.
 * Thread: control reactor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/str.h"
#include "mixer/mix.h"
#include "mixer/mixer.h"

struct participant;
struct publication;
struct registry;
struct room;
struct room_mix;

#define ROOM_MIX_IDENTITY "mix"

#define ROOM_MIX_MIN_GAIN_DB (-40)
#define ROOM_MIX_MAX_GAIN_DB 12

/* Who is in it, of those who are not hidden. */
enum room_mix_who {
    ROOM_MIX_ALL,
    ROOM_MIX_FLAGGED, /* who has the flag (participant_in_mix()) */
    ROOM_MIX_LISTED   /* who is named */
};

/* How loud somebody is in it, whether there or not. */
struct room_mix_voice {
    char identity[MAX_IDENTITY_LEN + 1];
    int gain_db; /* ROOM_MIX_MIN_GAIN_DB to ROOM_MIX_MAX_GAIN_DB */
    bool is_muted;
};

struct room_mix_settings {
    struct mix_settings mix;
    bool is_mix_minus;
    enum room_mix_who who;
    size_t listed;
    char identity[MAX_MIX_LISTED][MAX_IDENTITY_LEN + 1];
    size_t voices; /* all others: 0 dB */
    struct room_mix_voice voice[MAX_MIX_LISTED];
};

#define ROOM_MIX_DEFAULTS ((struct room_mix_settings){.mix = MIX_DEFAULTS, .is_mix_minus = true})

/* What a mixer tells of the mixes of a registry's rooms (arg = registry). */
const struct mixer_handlers *room_mix_handlers(void);

/**
 * Begin to mix.
 *
 * Errors: E_INVALID, E_LIMIT with a sentence in @why: the settings; E_CONFLICT: there is one already; E_UNSUPPORTED: this server has no
 *         mixer; E_STATE: the room ends.
 * Calls:  on_event of participants.
 */
MUST_CHECK int room_mix_start(struct room *r, const struct room_mix_settings *settings,
                              struct strbuf *why);
/** Other settings; another codec or number of encodings ends its tracks and publishes new ones. Errors: as room_mix_start(); E_NOT_FOUND:
 * there is none. Calls: on_event of participants. */
MUST_CHECK int room_mix_update(struct room *r, const struct room_mix_settings *settings,
                               struct strbuf *why);
/** End it. Errors: E_NOT_FOUND. Calls: on_event of participants. */
MUST_CHECK int room_mix_stop(struct room *r);
/** Its settings; NULL when there is none. */
const struct room_mix_settings *room_mix_settings(const struct room *r);
/** The participant "mix", with its publications. NULL when there is none. */
const struct participant *room_mix_participant(const struct room *r);
/** The picture as it is made now; less than the settings say when the mixer cannot keep up (level above 0). */
void room_mix_actual(const struct room *r, unsigned *level, uint32_t *fps, int *width, int *height);
/** Ask the mixer for statistics; @on_stats runs once, perhaps within the call. Errors through it: E_NOT_FOUND, E_STATE. */
void room_mix_read_stats(const struct room *r,
                         void (*on_stats)(int err, const struct mix_stats *stats, void *arg),
                         void *arg);

/* For the other files of rooms/; nothing happens in a room without mix. They call no handler. */
void room_mix_close(struct room *r);
void room_mix_publication_added(struct publication *pub);
void room_mix_publication_removed(struct publication *pub);
void room_mix_publication_muted(struct publication *pub);
void room_mix_publication_updated(struct publication *pub);
void room_mix_participant_updated(struct participant *p);
void room_mix_participant_left(struct participant *p);
/** Whether @p is to get this publication without himself. */
bool room_mix_is_personal(const struct publication *pub, const struct participant *p);
/** The number of the mixer at media workers. */
unsigned room_mix_peer(const struct room_mix *x);
/** Have the mixer make a track for a listener, whose handle is returned; and end it. */
uint64_t room_mix_open_personal(struct room_mix *x, struct participant *p);
void room_mix_close_personal(struct room_mix *x, struct participant *p);
