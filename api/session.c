/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - sessions by resume token.
 *
 * A detached session holds ids, not pointers: whether its participant still lives is asked of the rooms, when somebody resumes
 * and once in a while.
 */
#include "api/session.h"

#include <openssl/crypto.h>
#include <string.h>

#include "core/check.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/log.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "rooms/moving.h"
#include "rooms/registry.h"

/* The first characters find the session; the rest is the secret, compared in constant time. */
#define RESUME_KEY_LEN 12
#define RESUME_SECRET_LEN 20 /* 62^20: 119 bits */
#define MAX_SESSIONS (1u << 20)
#define RECHECK_US \
    (1 *           \
     US_PER_S) /* a detached session looks for its participant this often once the grace period is over */
#define GUEST_LEN 8

struct sessions {
    const struct config *config;
    struct registry *registry;
    struct worker *control;
    struct map *by_key; /* of the resume token */
    struct list all;
};

struct session {
    struct sessions *owner;
    struct list node;
    char id[ID_LEN];
    char token[RESUME_KEY_LEN + RESUME_SECRET_LEN + 1];
    char room[MAX_ROOM_NAME_LEN + 1], participant_id[ID_LEN];
    struct participant *participant; /* NULL: detached */
    const struct session_handlers *handlers;
    void *arg;
    struct deadline expiry; /* of a detached one */
};

static const struct {
    const char *name;
    unsigned code;
    const char *sentence;
} ends[] = {
#define X(name, word, code, sentence) [SESSION_END_##name] = {word, 4000 + code, sentence},
    SESSION_ENDS(X)
#undef X
};

const char *session_end_name(enum session_end e)
{
    return ends[e].name;
}

unsigned session_end_close_code(enum session_end e)
{
    return ends[e].code;
}

const char *session_end_sentence(enum session_end e)
{
    return ends[e].sentence;
}

/* ---- events of the participant ---- */

static enum session_end end_of(enum leave_reason reason)
{
    switch (reason) {
    case LEAVE_REPLACED:
        return SESSION_END_REPLACED;
    case LEAVE_TIMEOUT:
        return SESSION_END_TIMEOUT;
    case LEAVE_ROOM_DELETED:
        return SESSION_END_ROOM_DELETED;
    case LEAVE_SHUTDOWN:
        return SESSION_END_SHUTDOWN;
    default:
        return SESSION_END_REMOVED;
    }
}

static void session_free(struct session *s)
{
    deadline_clear(&s->expiry);
    list_remove(&s->node);
    (void)map_remove(s->owner->by_key, s->token, RESUME_KEY_LEN);
    mem_wipe(s->token, sizeof(s->token));
    mem_free(s);
}

static void on_participant_event(struct participant *p, const struct room_event *event, void *arg)
{
    struct session *s = arg;

    if (event->kind == ROOM_CLOSED) {
        s->participant = NULL;
        s->handlers->on_ended(s, end_of(event->leave_reason), s->arg);
        session_free(s);
        return;
    }
    /* Others' hidden participants are nobody's business. */
    if (event->participant != NULL && event->participant != p &&
        participant_permissions(event->participant)->hidden)
        return;
    s->handlers->on_event(s, event, s->arg);
}

static const struct participant_handlers participant_handlers = {.on_event = on_participant_event};

/* ---- detached ---- */

static struct participant *look_up(const struct session *s)
{
    struct room *room = registry_find_room(s->owner->registry, s->room);

    return room != NULL ? room_find_id(room, s->participant_id) : NULL;
}

static void on_expiry(struct deadline *d, uint64_t now_us, void *arg)
{
    struct session *s = arg;

    if (look_up(s) == NULL)
        session_free(s);
    else
        deadline_set(worker_wheel(s->owner->control), d, now_us + RECHECK_US);
}

void session_lost(struct session **sp)
{
    struct session *s = *sp;
    uint64_t now_us;

    if (s == NULL)
        return;
    *sp = NULL;
    now_us = worker_now_us(s->owner->control);
    deadline_set(worker_wheel(s->owner->control), &s->expiry,
                 now_us + s->owner->config->session_grace_ms * US_PER_MS + RECHECK_US);
    struct participant *p = s->participant;
    s->participant = NULL;
    s->handlers = NULL;
    participant_detach(p, now_us);
}

/* ---- the collection ---- */

struct sessions *sessions_new(const struct config *config, struct registry *registry,
                              struct worker *control)
{
    struct sessions *ss = MEM_NEW(struct sessions);

    ss->config = config;
    ss->registry = registry;
    ss->control = control;
    ss->by_key = map_new(MAX_SESSIONS);
    list_init(&ss->all);
    return ss;
}

void sessions_free(struct sessions **ssp)
{
    struct sessions *ss = *ssp;

    if (ss == NULL)
        return;
    *ssp = NULL;
    LIST_EACH(&ss->all, struct session, node, s) {
        if (s->participant != NULL)
            participant_detach(s->participant, worker_now_us(ss->control));
        session_free(s);
    }
    map_free(&ss->by_key);
    mem_free(ss);
}

int sessions_admit(const struct sessions *ss, struct str token, struct grants *out,
                   struct refusal *why)
{
    if (token.len > 0) {
        if (ss->config->auth_keys.count == 0)
            return refuse(why, E_AUTH, "token",
                          "a token was given, but this server has no auth.keys to check it with");
        return auth_check_token(&ss->config->auth_keys, token, timebase_wall_us() / US_PER_S, out,
                                why);
    }
    if (!ss->config->dev)
        return refuse(why, E_AUTH, "token", "a token is needed");
    auth_grants_init_dev(out);
    return 0;
}

/* ---- join ---- */

/* What the role needs, and no more. */
static int apply_role(const struct join_request *r, struct grants *g, struct refusal *why)
{
    switch (r->role) {
    case JOIN_MEMBER:
        return 0;
    case JOIN_BROADCASTER:
        g->permissions.subscribe = false;
        return g->permissions.publish
                   ? 0
                   : refuse(why, E_DENIED, "token", "the token does not grant canPublish");
    case JOIN_VIEWER:
        g->permissions.publish = false;
        g->permissions.hidden = true;
        return g->permissions.subscribe
                   ? 0
                   : refuse(why, E_DENIED, "token", "the token does not grant canSubscribe");
    }
    return E_INVALID;
}

/* Nobody else must go when one more looks on: "viewer-…", or "alice-viewer-…" with a token. */
static void make_viewer_identity(struct grants *g)
{
    static const char word[] = "viewer-";
    size_t len = strlen(g->identity);

    if (len + 1 + sizeof(word) - 1 + GUEST_LEN > MAX_IDENTITY_LEN)
        len = 0;
    if (len > 0)
        g->identity[len++] = '-';
    memcpy(g->identity + len, word, sizeof(word) - 1);
    rng_secret_alnum(g->identity + len + sizeof(word) - 1, GUEST_LEN);
}

/* Whether the grants let this request in; and who that will be. */
static int check_join(const struct join_request *r, struct grants *g, struct refusal *why)
{
    if (!g->room_join)
        return refuse(why, E_DENIED, "token", "the token does not grant roomJoin");
    if (g->room[0] != 0 && strcmp(g->room, r->room) != 0)
        return refuse(why, E_DENIED, "room", "the token is for another room");
    if (r->token != NULL && r->token[0] != 0) {
        if (g->room[0] == 0 || g->identity[0] == 0)
            return refuse(why, E_DENIED, "token", "the token names no %s",
                          g->room[0] == 0 ? "room" : "identity (sub)");
        if (r->identity != NULL && strcmp(r->identity, g->identity) != 0)
            return refuse(why, E_DENIED, "identity", "the token is for another identity");
    } else if (r->role == JOIN_VIEWER) {
        g->identity[0] = 0;
    } else if (r->identity == NULL) {
        memcpy(g->identity, "guest-", 6);
        rng_secret_alnum(g->identity + 6, GUEST_LEN);
    } else if (!str_copy(g->identity, sizeof(g->identity), str_of(r->identity))) {
        return refuse(why, E_INVALID, "identity", "identity is longer than %d bytes",
                      MAX_IDENTITY_LEN);
    }
    if (r->role == JOIN_VIEWER)
        make_viewer_identity(g);
    return apply_role(r, g, why);
}

static int find_or_create_room(struct sessions *ss, const char *name, struct room **out,
                               struct refusal *why)
{
    struct room_settings settings = registry_default_settings(ss->registry);
    bool existed;
    int err;

    *out = registry_find_room(ss->registry, name);
    if (*out != NULL)
        return 0;
    err = registry_create_room(ss->registry, name, &settings, out, &existed);
    if (err == E_INVALID)
        return refuse(why, err, "room",
                      "room must be 1 to %d bytes without control characters and slashes",
                      MAX_ROOM_NAME_LEN);
    if (err == E_STATE)
        return refuse(why, err, NULL, "the server is shutting down");
    return err == 0 ? 0 : refuse(why, err, "room", "the room cannot be made: %s", err_text(err));
}

static int enter_room(struct room *room, const struct join_request *r, const struct grants *g,
                      struct participant **out, struct refusal *why)
{
    const struct participant_params params = {
        .identity = g->identity,
        .name = g->name[0] ? g->name : r->name,
        .metadata = g->metadata[0] ? g->metadata : r->metadata,
        .permissions = g->permissions,
        .auto_subscribe = r->auto_subscribe,
        .has_last_n = r->has_last_n,
        .last_n = r->last_n,
        .has_speaker_audio = r->has_speaker_audio,
        .speaker_audio = r->speaker_audio,
        .in_mix = r->in_mix,
        .subscribe_to_identity = r->role == JOIN_VIEWER ? r->watched : NULL,
        .single_stream = r->role == JOIN_VIEWER,
    };
    int err = room_join(room, &params, out);

    if (err == E_LIMIT)
        return refuse(why, err, "room", "the room is full");
    if (err == E_STATE)
        return refuse(why, err, NULL, "the server is shutting down");
    if (err == E_INVALID)
        return refuse(why, err, "identity",
                      "identity, name or metadata is too long or has control characters, or the "
                      "identity is mix, which is the room's own");
    return err == 0 ? 0 : refuse_plain(why, err, NULL);
}

static int register_session(struct sessions *ss, struct session *s)
{
    int err = map_put(ss->by_key, s->token, RESUME_KEY_LEN, s);

    if (err == 0)
        list_append(&ss->all, &s->node);
    return err;
}

int sessions_join(struct sessions *ss, const struct join_request *r,
                  const struct session_handlers *handlers, void *arg, struct session **out,
                  struct refusal *why)
{
    struct grants g;
    struct room *room;
    struct session *s;
    int err = sessions_admit(ss, str_of(r->token), &g, why);

    if (err == 0)
        err = check_join(r, &g, why);
    if (err == 0)
        err = find_or_create_room(ss, r->room, &room, why);
    if (err != 0)
        return err;
    s = MEM_NEW(struct session);
    s->owner = ss;
    s->handlers = handlers;
    s->arg = arg;
    list_init(&s->node);
    deadline_init(&s->expiry, on_expiry, s);
    memcpy(s->id, "SE_", 3);
    rng_secret_alnum(s->id + 3, ID_LEN - 4);
    rng_secret_alnum(s->token, RESUME_KEY_LEN + RESUME_SECRET_LEN);
    err = register_session(ss, s);
    if (err != 0) {
        mem_free(s);
        return refuse(why, err, NULL, "the server has too many sessions");
    }
    err = enter_room(room, r, &g, &s->participant, why);
    if (err != 0) {
        session_free(s);
        return err;
    }
    CHECK(str_copy(s->room, sizeof(s->room), str_of(room_name(room))));
    CHECK(str_copy(s->participant_id, sizeof(s->participant_id),
                   str_of(participant_id(s->participant))));
    participant_attach(s->participant, &participant_handlers, s);
    *out = s;
    return 0;
}

int sessions_resume(struct sessions *ss, const char *token, const struct session_handlers *handlers,
                    void *arg, struct session **out, struct refusal *why)
{
    struct session *s = strlen(token) == RESUME_KEY_LEN + RESUME_SECRET_LEN
                            ? map_get(ss->by_key, token, RESUME_KEY_LEN)
                            : NULL;
    struct participant *p;

    if (s == NULL || CRYPTO_memcmp(s->token, token, sizeof(s->token) - 1) != 0)
        return refuse(why, E_NOT_FOUND, "resumeToken",
                      "there is no session with this resumeToken (any more): join again");
    p = s->participant != NULL ? s->participant : look_up(s);
    if (p == NULL) {
        session_free(s);
        return refuse(why, E_NOT_FOUND, "resumeToken", "the session is over: join again");
    }
    if (s->participant != NULL) {
        s->handlers->on_ended(s, SESSION_END_RESUMED, s->arg);
        log_debug(LOG_API, NULL, "session %s moves to another connection", s->id);
    }
    s->participant = p;
    s->handlers = handlers;
    s->arg = arg;
    deadline_clear(&s->expiry);
    participant_attach(p, &participant_handlers, s);
    *out = s;
    return 0;
}

/* ---- what a client can do ---- */

const char *session_id(const struct session *s)
{
    return s->id;
}

const char *session_resume_token(const struct session *s)
{
    return s->token;
}

struct participant *session_participant(const struct session *s)
{
    return s->participant;
}

int session_offer(struct session *s, struct str sdp, const struct track_label *label, size_t n,
                  struct offer_result *result, struct refusal *why)
{
    struct sdp_error reason = {0};
    int err = participant_offer(s->participant, sdp, label, n, result, &reason);

    if (err == 0)
        return 0;
    (void)refuse(why, err, "sdp", "%s%s", reason.line != 0 ? "" : "the offer is refused: ",
                 reason.text[0] ? reason.text : err_text(err));
    why->line = reason.line;
    return err;
}

int session_trickle(struct session *s, struct str candidate, struct refusal *why)
{
    int err = participant_trickle(s->participant, candidate);

    return err == 0 ? 0
                    : refuse(why, err, "candidates", "a candidate line cannot be read: %s",
                             err_text(err));
}

int session_restart_ice(struct session *s, const struct ice_credentials *remote,
                        struct ice_credentials *local, bool *is_new, struct refusal *why)
{
    int err = participant_restart_ice(s->participant, remote, local, is_new);

    if (err == E_MALFORMED)
        return refuse(why, err, NULL, "an ICE restart changes ice-ufrag and ice-pwd together");
    return err == 0
               ? 0
               : refuse(why, err, NULL, "the connection is closed for good: begin a new session");
}

static int refuse_track(struct refusal *why, int err)
{
    if (err == E_NOT_FOUND)
        return refuse(why, err, "trackId", "there is no such track");
    return refuse_plain(why, err, "trackId");
}

static int refuse_subscription(struct refusal *why, int err, const char *field)
{
    if (err == E_DENIED)
        return refuse(why, err, field, "you may not subscribe");
    if (err == E_LIMIT)
        return refuse(why, err, field, "you have as many slots as the server allows");
    return refuse_plain(why, err, field);
}

int session_subscribe(struct session *s, const char *track_id, const char **mid,
                      struct refusal *why)
{
    int err = participant_subscribe(s->participant, track_id, mid);

    if (err == 0 || err == E_NOT_FOUND)
        return err == 0 ? 0 : refuse_track(why, err);
    return refuse_subscription(why, err, "trackId");
}

int session_unsubscribe(struct session *s, const char *track_id, struct refusal *why)
{
    int err = participant_unsubscribe(s->participant, track_id);

    return err == 0 ? 0 : refuse_track(why, err);
}

/* Which moving source that is: its number and kind. */
static int read_moving(const char *source, const char *kind, unsigned *number,
                       enum media_kind *media, struct refusal *why)
{
    *number = moving_source_number(source);
    if (*number == 0)
        return refuse(why, E_INVALID, "source", "source must be speaker:1 to speaker:%d",
                      MAX_MOVING_SOURCES);
    if (kind == NULL || (strcmp(kind, "audio") != 0 && strcmp(kind, "video") != 0))
        return refuse(why, E_INVALID, "kind", "kind must be audio or video");
    *media = strcmp(kind, "video") == 0 ? MEDIA_VIDEO : MEDIA_AUDIO;
    return 0;
}

int session_subscribe_moving(struct session *s, const char *source, const char *kind,
                             const char **mid, struct refusal *why)
{
    enum media_kind media;
    unsigned number;
    int err = read_moving(source, kind, &number, &media, why);

    if (err != 0)
        return err;
    err = participant_subscribe_moving(s->participant, media, number, mid);
    return err == 0 ? 0 : refuse_subscription(why, err, "source");
}

int session_unsubscribe_moving(struct session *s, const char *source, const char *kind,
                               struct refusal *why)
{
    enum media_kind media;
    unsigned number;
    int err = read_moving(source, kind, &number, &media, why);

    if (err != 0)
        return err;
    err = participant_unsubscribe_moving(s->participant, media, number);
    return err == 0 ? 0 : refuse(why, err, "source", "you did not subscribe to this source");
}

int session_set_layers(struct session *s, const char *mid, const struct sfu_wish *wish,
                       bool has_priority, struct refusal *why)
{
    int err = participant_set_layers(s->participant, mid, wish, has_priority);

    if (err == E_NOT_FOUND)
        return refuse(why, err, "mid", "there is no slot \"%.64s\"", mid);
    return err == 0 ? 0 : refuse(why, err, "mid", "the slot is for audio, which has no layers");
}

/* A search for the participant who publishes a track. */
struct owner_search {
    const char *track_id;
    struct participant *at, *found;
};

static void look_at_publication(const struct publication *pub, void *arg)
{
    struct owner_search *search = arg;

    if (strcmp(pub->id, search->track_id) == 0)
        search->found = search->at;
}

static void look_at_participant(struct participant *p, void *arg)
{
    struct owner_search *search = arg;

    search->at = p;
    if (search->found == NULL)
        participant_each_publication(p, look_at_publication, search);
}

static struct participant *find_owner(const struct session *s, const char *track_id)
{
    struct owner_search search = {.track_id = track_id};

    look_at_participant(s->participant, &search); /* mostly it is one's own */
    if (search.found == NULL)
        room_each_participant(participant_room(s->participant), look_at_participant, &search);
    return search.found;
}

int session_mute(struct session *s, const char *track_id, bool muted, struct refusal *why)
{
    struct participant *owner = find_owner(s, track_id);
    bool is_own = owner == s->participant;
    int err;

    if (owner == NULL)
        return refuse_track(why, E_NOT_FOUND);
    if (!is_own && !participant_permissions(s->participant)->admin)
        return refuse(why, E_DENIED, "trackId",
                      "only an administrator may mute somebody else's track");
    if (!is_own && !muted)
        return refuse(why, E_DENIED, "muted", "nobody can be unmuted by another client");
    err = participant_mute(owner, track_id, muted, !is_own);
    if (err == E_DENIED)
        return refuse(why, err, "muted",
                      "the server muted this track: only the server can unmute it");
    return err == 0 ? 0 : refuse_track(why, err);
}

int session_update(struct session *s, const struct participant_changes *changes,
                   struct refusal *why)
{
    int err = participant_update(s->participant, changes, false);

    if (err == E_DENIED)
        return refuse(why, err, NULL, "the token does not grant canUpdateOwnMetadata");
    return err == 0 ? 0 : refuse_plain(why, err, changes->name != NULL ? "name" : "metadata");
}

void session_leave(struct session **sp)
{
    struct session *s = *sp;
    struct participant *p;

    if (s == NULL)
        return;
    *sp = NULL;
    p = s->participant;
    participant_leave(&p, LEAVE_LEFT); /* tells the others, not us */
    session_free(s);
}
