/* SPDX-License-Identifier: Apache-2.0 */
/* publication.h - one published track as the control reactor knows it: ids, source, mute, codec. Its media side is a track of an sfu. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/limits.h"
#include "core/list.h"
#include "rooms/sfu/speaker.h"

struct participant;
struct room_mix;
struct transceiver;

#define TRACK_SOURCES(X)           \
    X(UNKNOWN, "unknown")          \
    X(CAMERA, "camera")            \
    X(MICROPHONE, "microphone")    \
    X(SCREEN, "screen")            \
    X(SCREEN_AUDIO, "screenAudio") \
    X(MIX, "mix")

enum track_source {
#define X(name, text) TRACK_SOURCE_##name,
    TRACK_SOURCES(X)
#undef X
        TRACK_SOURCE_COUNT
};

/** The word of the API: "screenAudio". */
const char *track_source_name(enum track_source s);
/** TRACK_SOURCE_COUNT when the word is none of ours. */
enum track_source track_source_of(const char *word);

/* Read-only to everyone but rooms/. */
struct publication {
    struct list node;      /* in its participant's list */
    struct list room_node; /* in its room's */
    char id[ID_LEN];       /* "TR_…" */
    uint64_t handle;       /* of the sfu's track */
    struct participant *participant;
    enum media_kind kind;
    enum track_source source;
    char name[MAX_TRACK_NAME_LEN + 1];
    char mid[MAX_MID_LEN + 1];
    bool muted_by_publisher, muted_by_server;
    bool is_simulcast;
    unsigned wanted;             /* encodings that anybody wants, a bit each (layers.h) */
    bool is_demand_changed;      /* to be told */
    enum codec_id codec;         /* CODEC_NONE until media arrives */
    struct list wishes;          /* who wants it (slots.h) */
    struct transceiver *section; /* as negotiated last; owned */
    struct list replicas;        /* on other workers (replicas.h) */
    struct speaker_member voice; /* of a microphone (speakers.h) */
    bool is_of_speaker;          /* a camera: of the dominant speaker (layers.h) */
    bool has_voice;              /* it is in the room's struct speaker */
    struct room_mix *mix;        /* whose it is, made by a mixer; NULL: a participant's */
};

#define PUBLICATION_ALL_WANTED ((1u << MAX_ENCODINGS) - 1)

/** Enter it into the lists and maps of its participant, its room and the registry. */
void publication_enlist(struct publication *pub);
/** Take it out of them. */
void publication_delist(struct publication *pub);

static inline bool publication_is_muted(const struct publication *p)
{
    return p->muted_by_publisher || p->muted_by_server;
}
