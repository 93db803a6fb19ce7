/* SPDX-License-Identifier: Apache-2.0 */
/* rooms_internal.h - the objects of rooms/ for its own files. Everything lives on the control reactor. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/deadline.h"
#include "core/list.h"
#include "core/log.h"
#include "core/rng.h"
#include "rooms/participant.h"
#include "rooms/registry.h"
#include "rooms/room.h"
#include "rooms/sfu/speaker.h"
#include "rooms/sfu/sfu_host.h"

#define MAX_HOSTS 256
/* Of one server, as many as the transports of sixteen workers; with it every map of rooms/ is bounded. */
#define MAX_PARTICIPANTS (16 * MAX_TRANSPORTS_PER_WORKER)

#define SOURCE_CHANGES 64

struct jsep;
struct listeners;
struct map;
struct mixers;
struct room_mix;

/* A media worker and what endpoints on it are told. */
struct registry_host {
    struct sfu_host *host;
    struct candidate *candidate;
    size_t candidate_count;
    size_t participant_count, room_count; /* its load */
    /* Changes of what slots carry that go to the worker together (moving.c). */
    struct sfu_source_change change[SOURCE_CHANGES];
    unsigned change_count;
};

struct registry {
    const struct config *config;
    struct mixers *mixers;   /* NULL: nothing is mixed here; borrowed */
    struct map *room_by_mix; /* by the handle of its mix */
    struct worker *control;
    struct fingerprint fingerprint;
    struct rng rng;
    struct registry_host host[MAX_HOSTS];
    size_t host_count;
    struct map *room_by_name;
    struct list rooms;
    struct map *participant_by_transport, *publication_by_handle, *slot_by_handle;
    uint64_t last_handle;
    size_t participant_count;
    uint64_t rooms_created, joins; /* ever */
    bool is_draining;
    bool is_reviewing; /* moving.c collects changes for each worker */
};

/* Who speaks in a room, and what follows them (speakers.h, moving.h, last_n.h). */
struct speakers {
    struct speaker speaker;
    struct deadline tick, review;
    unsigned changed;                                      /* what the next review is for */
    const struct participant *recent[MAX_RECENT_SPEAKERS]; /* what room_speakers() lends out */
    char told_dominant[ID_LEN];                            /* "": nobody */
    char told_recent[MAX_RECENT_SPEAKERS][ID_LEN];
    size_t told_count;
    struct list listeners;   /* struct listeners: those who hear through moving slots */
    struct list viewers;     /* participants who look at moving slots */
    size_t last_n_users;     /* participants for whom automatic video is limited */
    unsigned largest_last_n; /* there was */
};

struct room {
    struct list node; /* in the registry */
    struct registry *registry;
    struct registry_host *host; /* where its first transports live */
    char name[MAX_ROOM_NAME_LEN + 1];
    struct room_settings settings;
    char *metadata; /* what settings.metadata points to */
    uint64_t created_at_ms;
    struct list participants, publications; /* oldest first */
    struct map *participant_by_identity, *participant_by_id, *publication_by_id;
    size_t participant_count, publication_count;
    struct deadline empty;
    struct speakers speakers;
    struct log_ids ids;
    struct room_mix *mix; /* NULL: none */
};

/* A sending m-section of a participant: what flows through it is switched without renegotiation. */
struct slot {
    struct list node; /* in its participant's list, in order of m-lines */
    uint64_t handle;  /* of the sfu's subscription */
    struct participant *participant;
    char mid[MAX_MID_LEN + 1];
    enum media_kind kind;
    struct wish *wish; /* NULL: free */
    bool is_changed;   /* to be told with the next ROOM_SLOTS */
    struct slot_layers {
        struct sfu_wish wish, told; /* the client's; the worker's */
        bool has_priority;          /* the client gave one */
        struct sfu_slot_state state;
        bool is_known;   /* the worker has said something */
        bool is_changed; /* to be told with the next ROOM_SLOT_STATES */
    } layers;            /* of video (layers.h) */
};

enum wish_state {
    WISH_WAITING, /* no slot yet */
    WISH_FLOWING, /* has a slot */
    WISH_REFUSED, /* unsubscribed on purpose: automatic subscription leaves it alone */
    WISH_BLOCKED, /* its codec cannot be received here, until that changes */
    WISH_HELD,    /* automatic, and not among the few whose video is received (last_n.h) */
    WISH_STATE_COUNT
};

/* One participant's wish for one publication, or for who speaks (moving.h): then the server chooses the publication, and
 * chooses again. */
struct wish {
    struct list node;             /* in its participant's list, oldest first */
    struct list publication_node; /* in the publication's list */
    struct participant *participant;
    struct publication
        *publication; /* of a moving one: what flows, or would if it had a slot; NULL: nothing */
    enum media_kind kind;
    uint8_t number;            /* of a moving one, 1 to MAX_MOVING_SOURCES; 0: it is none */
    struct list listener_node; /* of a moving one for audio: in its struct listeners */
    uint64_t refused; /* of a moving one: handle of a publication that this client cannot decode */
    bool is_chosen;   /* by subscribe: never held */
    struct slot *slot;
    enum wish_state state;
    bool is_told_limit; /* ROOM_SUBSCRIPTION_FAILED "limit" was said */
    char reserved_mid[MAX_MID_LEN +
                      1]; /* while an answer is made: the new section it will flow through */
};

struct participant {
    struct list node;  /* in its room */
    struct room *room; /* NULL: left, freed at the end of the turn */
    char id[ID_LEN];
    char identity[MAX_IDENTITY_LEN + 1];
    char name[MAX_NAME_LEN + 1];
    char *metadata;
    struct permissions permissions;
    bool auto_subscribe;
    char *subscribe_to_identity; /* NULL: everybody */
    bool has_last_n;
    unsigned last_n;
    bool has_speaker_audio;               /* microphones are heard through moving slots only */
    unsigned video_rank, next_video_rank; /* among those who publish video, best first (last_n.c) */
    bool single_stream;
    bool in_mix;
    uint32_t csrc;
    uint64_t joined_at_ms;
    struct log_ids ids;

    struct participant_handlers handlers;
    void *handlers_arg;
    bool is_attached;
    struct deadline grace;

    struct registry_host *host; /* where its transport lives */
    struct jsep *jsep;          /* NULL before the first offer */
    uint64_t transport;         /* handle, 0: none */
    enum transport_state transport_state;
    struct fingerprint remote_fingerprint;

    struct list publications, slots, wishes;
    size_t publication_count, slot_count;
    size_t wish_count[WISH_STATE_COUNT][2];     /* by state and kind; 1: video */
    struct wish *moving[2][MAX_MOVING_SOURCES]; /* by kind and number */
    struct listeners *listeners;                /* NULL: has no moving audio */
    struct list viewer_node;                    /* in its room's list, while it has moving video */
    unsigned told_audio, told_video; /* further m-sections asked for and not offered yet */
    struct deadline tell;            /* coalesces ROOM_SLOTS and ROOM_SLOTS_WANTED */
    bool is_negotiating;             /* slot changes go into the result of the offer */

    /* what offer_result and participant_slots() lend out */
    char *answer;
    const struct publication **published;
    struct slot_info *slot_info;
};

/* registry.c */
uint64_t registry_new_handle(struct registry *g);
void registry_new_id(char out[ID_LEN], const char *prefix);
struct registry_host *registry_choose_host(struct registry *g);
/** For one more participant of @r: the room's own worker, unless that has clearly more to do than another. */
struct registry_host *registry_choose_host_in(const struct room *r);
/** Free a control object at the end of the turn. */
void rooms_free_later(struct registry *g, void *block);

/* room.c */
struct room *room_new(struct registry *g, const char *name, const struct room_settings *settings);
void room_close(struct room **r, enum leave_reason reason);
/** Whether it is still the registry's; else it is on its way out and admits nobody. */
bool room_is_open(const struct room *r);
/** Tell every attached participant but @except. Calls: handlers, which may make anyone leave and end the room. */
void room_emit(struct room *r, const struct room_event *event, const struct participant *except);
void room_remove_participant(struct room *r, struct participant *p);

/* participant.c */
struct participant *participant_new(struct room *r, const struct participant_params *params);
/** Free one that is in no room any more (or never was in its lists), at the end of the turn. */
void participant_free_later(struct registry *g, struct participant *p);
void participant_emit(struct participant *p, const struct room_event *event);
void participant_on_transport_state(struct participant *p, enum transport_state state,
                                    const char *reason);
/** Check what clients write; NULL is fine. Errors: E_LIMIT (too long), E_INVALID (not clean UTF-8). */
MUST_CHECK int participant_check_texts(const char *name, const char *metadata);

/* negotiation.c */
/** It leaves: end its publications, its transport and its negotiation. Tells nobody. */
void negotiation_close(struct participant *p);
