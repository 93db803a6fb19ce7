/* SPDX-License-Identifier: Apache-2.0 */
/* room_event.h - what happens in a room, one struct for all kinds; pointers are borrowed for the call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "rooms/sfu/sfu.h"

struct participant;
struct publication;

enum leave_reason {
    LEAVE_LEFT,     /* asked to */
    LEAVE_REMOVED,  /* by an administrator */
    LEAVE_REPLACED, /* the same identity joined again */
    LEAVE_TIMEOUT,  /* consent or grace period ran out */
    LEAVE_ROOM_DELETED,
    LEAVE_SHUTDOWN,
};

/** The word of the API. */
const char *leave_reason_name(enum leave_reason r); /* "roomDeleted" */

enum room_event_kind {
    ROOM_PARTICIPANT_JOINED,
    ROOM_PARTICIPANT_LEFT, /* its tracks end with it, without a word each; not told of a room that ends */
    ROOM_PARTICIPANT_UPDATED,
    ROOM_TRACK_PUBLISHED,
    ROOM_TRACK_UNPUBLISHED,
    ROOM_TRACK_UPDATED, /* its codec is known, or another */
    ROOM_TRACK_MUTED,   /* or unmuted */
    ROOM_MIX_CHANGED,   /* it began, ended, has other settings, or makes less than it was told to */
    /* To one participant only: */
    ROOM_SLOTS,        /* slots changed what they carry */
    ROOM_SLOTS_WANTED, /* audio, video: m-sections wanted, beyond those asked for before and not offered yet; after the first offer */
    ROOM_SLOT_STATES,  /* slot_state: what becomes of videos changed */
    ROOM_ENCODINGS_WANTED,    /* publication, encoding: which ones anybody wants changed */
    ROOM_SUBSCRIPTION_FAILED, /* publication, detail */
    ROOM_TRANSPORT_STATE,     /* detail: state name */
    ROOM_SPEAKERS, /* speakers: who is dominant, or who was lately, changed; to everyone */
    ROOM_CLOSED,   /* you are out: leave_reason; the participant is freed after this call */
};

struct slot_info {
    const char *mid;
    bool is_video;
    const struct publication *publication; /* NULL: empty */
    const char *source;                    /* of a moving slot: "speaker:1"; else NULL */
};

/* Who speaks, or did. */
struct room_speakers {
    const struct participant *dominant;      /* NULL: nobody has spoken yet, or who did has left */
    const struct participant *const *recent; /* newest first, the dominant one included */
    size_t recent_count;
};

struct slot_state_info {
    const char *mid;
    struct sfu_slot_state state;
};

struct encoding_info {
    const char *rid;
    bool is_wanted;
};

struct room_event {
    enum room_event_kind kind;
    const struct participant *participant; /* whom it is about */
    const struct publication *publication;
    enum leave_reason leave_reason;
    const struct slot_info *slot;             /* ROOM_SLOTS */
    const struct slot_state_info *slot_state; /* ROOM_SLOT_STATES */
    size_t slot_count;                        /* of either */
    const struct encoding_info *encoding;     /* ROOM_ENCODINGS_WANTED */
    size_t encoding_count;
    unsigned audio, video;                /* ROOM_SLOTS_WANTED */
    const struct room_speakers *speakers; /* ROOM_SPEAKERS */
    const char *detail;                   /* a word: "codec", "limit"; a transport state */
    const char *message;                  /* a sentence, or NULL */
    bool is_final; /* ROOM_TRANSPORT_STATE: no ICE restart can bring it back */
};
