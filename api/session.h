/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - what a client can do, in words of no wire format: join, resume, offer, trickle, subscribe, mute, update, leave.
 *
 * A session ties a client's connection to its participant, and outlives the connection: a client that lost it comes back with
 * its resume token while the participant is kept (the grace period).
 *
 *   join ──▶ attached ──session_lost()──▶ detached ──resume──▶ attached
 *               │  └──resume on another connection──▶ attached there; on_ended("resumed") here
 *               └──leave, or the participant is out──▶ gone          detached ──participant gone──▶ gone
 *
 * Owner: the sessions object; a client borrows its session until on_ended, session_lost() or session_leave().
 * Thread: control reactor. Errors come with a refusal, fit for the client.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/auth.h"
#include "api/refusal.h"
#include "core/attr.h"
#include "core/config.h"
#include "core/str.h"
#include "rooms/participant.h"
#include "rooms/room_event.h"

struct registry;
struct session;
struct sessions;
struct worker;

/* Why a session ended that the client did not end itself; name, close code of the WebSocket less 4000, sentence. */
#define SESSION_ENDS(X)                                                        \
    X(REPLACED, "replaced", 1, "The same identity joined again.")              \
    X(REMOVED, "removed", 2, "An administrator removed you from the room.")    \
    X(ROOM_DELETED, "roomDeleted", 3, "The room was deleted.")                 \
    X(SHUTDOWN, "shutdown", 4, "The server is shutting down.")                 \
    X(RESUMED, "resumed", 5, "The session was resumed on another connection.") \
    X(TIMEOUT, "timeout", 6, "Nothing was heard from you for too long.")

enum session_end {
#define X(name, word, code, sentence) SESSION_END_##name,
    SESSION_ENDS(X)
#undef X
};

const char *session_end_name(enum session_end e);    /* "roomDeleted" */
unsigned session_end_close_code(enum session_end e); /* 4003 */
const char *session_end_sentence(enum session_end e);

struct session_handlers {
    /* Something happened. Never ROOM_CLOSED. */
    void (*on_event)(struct session *s, const struct room_event *event, void *arg);
    /* It is over for this client; @s is not its any more. */
    void (*on_ended)(struct session *s, enum session_end why, void *arg);
};

/* What somebody joins for. WHIP and WHEP know one direction only. */
enum join_role {
    JOIN_MEMBER,
    JOIN_BROADCASTER, /* publishes and receives nothing */
    JOIN_VIEWER, /* receives, hidden, under an identity of its own: a token may be shared by many */
};

struct join_request {
    const char *room;            /* required */
    const char *identity, *name; /* NULL: the token's, or made up */
    const char *metadata;        /* JSON text or NULL */
    const char *token;           /* "" or NULL: none */
    bool auto_subscribe;
    /* See participant_params. */
    bool has_last_n, has_speaker_audio;
    unsigned last_n, speaker_audio;
    bool in_mix;
    enum join_role role;
    const char *watched; /* JOIN_VIEWER: whose tracks; NULL: the room's */
};

MUST_CHECK struct sessions *sessions_new(const struct config *config, struct registry *registry,
                                         struct worker *control);
/** Forget all sessions; their participants stay, unattended. Before the registry is closed. */
void sessions_free(struct sessions **ss);

/**
 * What a token, or none in development mode, allows.
 *
 * Errors: E_AUTH.
 */
MUST_CHECK int sessions_admit(const struct sessions *ss, struct str token, struct grants *out,
                              struct refusal *why);
/** Join a room, which is made when there is none. Errors: E_AUTH, E_DENIED, E_INVALID, E_LIMIT, E_STATE (draining). */
MUST_CHECK int sessions_join(struct sessions *ss, const struct join_request *request,
                             const struct session_handlers *handlers, void *arg,
                             struct session **out, struct refusal *why);
/** Take a session over. Errors: E_NOT_FOUND. Calls: on_ended of the client that has it. */
MUST_CHECK int sessions_resume(struct sessions *ss, const char *resume_token,
                               const struct session_handlers *handlers, void *arg,
                               struct session **out, struct refusal *why);

const char *session_id(const struct session *s); /* "SE_…" */
const char *session_resume_token(const struct session *s);
/** Never NULL while a client has the session. */
struct participant *session_participant(const struct session *s);

MUST_CHECK int session_offer(struct session *s, struct str sdp, const struct track_label *label,
                             size_t n, struct offer_result *result, struct refusal *why);
MUST_CHECK int session_trickle(struct session *s, struct str candidate, struct refusal *why);
/** See participant_restart_ice(). Errors: E_STATE, E_MALFORMED. */
MUST_CHECK int session_restart_ice(struct session *s, const struct ice_credentials *remote,
                                   struct ice_credentials *local, bool *is_new,
                                   struct refusal *why);
/** *mid: see participant_subscribe(). */
MUST_CHECK int session_subscribe(struct session *s, const char *track_id, const char **mid,
                                 struct refusal *why);
MUST_CHECK int session_unsubscribe(struct session *s, const char *track_id, struct refusal *why);
/** The same for a moving source ("speaker:1") of a kind ("audio", "video"). Errors: E_INVALID, and those above. */
MUST_CHECK int session_subscribe_moving(struct session *s, const char *source, const char *kind,
                                        const char **mid, struct refusal *why);
MUST_CHECK int session_unsubscribe_moving(struct session *s, const char *source, const char *kind,
                                          struct refusal *why);
/** See participant_set_layers(). */
MUST_CHECK int session_set_layers(struct session *s, const char *mid, const struct sfu_wish *wish,
                                  bool has_priority, struct refusal *why);
/** One's own track, or with the permission `admin` anybody's (mute only). */
MUST_CHECK int session_mute(struct session *s, const char *track_id, bool muted,
                            struct refusal *why);
/** See participant_update(). */
MUST_CHECK int session_update(struct session *s, const struct participant_changes *changes,
                              struct refusal *why);
/** Leave the room. *s is gone; on_ended is not called. NULL is fine. */
void session_leave(struct session **s);
/** The connection broke. *s is not the caller's any more. NULL is fine. */
void session_lost(struct session **s);
