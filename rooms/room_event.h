/* SPDX-License-Identifier: Apache-2.0 */
/* room_event.h - what happens in a room, one struct for all kinds; pointers are borrowed for the call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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
    ROOM_SUBSCRIPTION_FAILED, /* publication, detail */
    ROOM_TRANSPORT_STATE,     /* detail: state name */
    ROOM_CLOSED, /* you are out: leave_reason; the participant is freed after this call */
};

struct slot_info {
    const char *mid;
    bool is_video;
    const struct publication *publication; /* NULL: empty */
};

struct room_event {
    enum room_event_kind kind;
    const struct participant *participant; /* whom it is about */
    const struct publication *publication;
    enum leave_reason leave_reason;
    const struct slot_info *slot; /* ROOM_SLOTS */
    size_t slot_count;
    unsigned audio, video; /* ROOM_SLOTS_WANTED */
    const char *detail;    /* a word: "codec", "limit"; a transport state */
    const char *message;   /* a sentence, or NULL */
    bool is_final;         /* ROOM_TRANSPORT_STATE: no ICE restart can bring it back */
};
