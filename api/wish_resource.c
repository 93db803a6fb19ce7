/* SPDX-License-Identifier: Apache-2.0 */
/* wish_resource.c - see wish_resource.h. */
#include "api/wish_resource.h"

#include <openssl/crypto.h>
#include <string.h>

#include "api/rate_limit.h"
#include "core/check.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/worker.h"
#include "rooms/room.h"

/* The first characters find the resource; the rest is the secret, compared in constant time. */
#define KEY_LEN 12
#define SECRET_LEN 20 /* 62^20: 119 bits */
#define PATCH_BURST (3 * MAX_WISH_PATCHES_PER_SECOND)

struct wish_resources {
    const struct config *config;
    struct worker *control;
    struct map *by_key; /* of the id */
    struct list all;
    size_t connecting_count;
};

enum wish_state {
    WISH_CONNECTING, /* from the start */
    WISH_CONNECTED,  /* its transport is open */
    WISH_LOST,       /* it was; an ICE restart may bring it back */
};

struct wish_resource {
    struct list node;
    struct wish_resources *owner;
    const struct wish_kind *kind;
    char id[KEY_LEN + SECRET_LEN + 1];
    char etag[WISH_ETAG_LEN + 1];
    struct session *session; /* NULL: over; only until it is published */
    enum wish_state state;
    bool is_published;
    struct deadline end;
    struct rate_limit patches;
};

static void resource_free(struct wish_resource *r)
{
    struct wish_resources *rs = r->owner;

    deadline_clear(&r->end);
    list_remove(&r->node);
    if (r->is_published)
        (void)map_remove(rs->by_key, r->id, KEY_LEN);
    if (r->state == WISH_CONNECTING)
        rs->connecting_count--;
    mem_wipe(r->id, sizeof(r->id));
    mem_free(r);
}

static void set_state(struct wish_resource *r, enum wish_state state)
{
    if (r->state == WISH_CONNECTING && state != WISH_CONNECTING)
        r->owner->connecting_count--;
    r->state = state;
}

static void end_in(struct wish_resource *r, uint64_t us)
{
    struct worker *control = r->owner->control;

    deadline_set(worker_wheel(control), &r->end, us == 0 ? 0 : worker_now_us(control) + us);
}

static void on_end(struct deadline *d, uint64_t now_us, void *arg)
{
    struct wish_resource *r = arg;

    (void)d;
    (void)now_us;
    wish_resource_end(&r);
}

/* ---- events of the session ---- */

static void on_transport_state(struct wish_resource *r, const struct room_event *event)
{
    if (strcmp(event->detail, "open") == 0) {
        set_state(r, WISH_CONNECTED);
        deadline_clear(&r->end);
    } else if (event->is_final) {
        end_in(r, 0);
    } else if (strcmp(event->detail, "failed") == 0) {
        set_state(r, WISH_LOST);
        end_in(r, r->owner->config->session_grace_ms * US_PER_MS);
    }
}

static void on_event(struct session *s, const struct room_event *event, void *arg)
{
    if (event->kind == ROOM_TRANSPORT_STATE && event->participant == session_participant(s))
        on_transport_state(arg, event);
}

static void on_ended(struct session *s, enum session_end why, void *arg)
{
    struct wish_resource *r = arg;

    (void)s;
    (void)why;
    r->session = NULL;
    if (r->is_published) /* else whoever makes it just now sees that it is over */
        resource_free(r);
}

static const struct session_handlers handlers = {.on_event = on_event, .on_ended = on_ended};

/* ---- life ---- */

struct wish_resources *wish_resources_new(const struct config *config, struct worker *control)
{
    struct wish_resources *rs = MEM_NEW(struct wish_resources);

    rs->config = config;
    rs->control = control;
    rs->by_key = map_new(MAX_WISH_SESSIONS);
    list_init(&rs->all);
    return rs;
}

void wish_resources_free(struct wish_resources **rsp)
{
    struct wish_resources *rs = *rsp;

    if (rs == NULL)
        return;
    *rsp = NULL;
    LIST_EACH(&rs->all, struct wish_resource, node, r) {
        session_lost(&r->session);
        resource_free(r);
    }
    map_free(&rs->by_key);
    mem_free(rs);
}

static void new_etag(struct wish_resource *r)
{
    r->etag[0] = '"';
    rng_secret_alnum(r->etag + 1, WISH_ETAG_LEN - 2);
    r->etag[WISH_ETAG_LEN - 1] = '"';
}

static struct wish_resource *resource_new(struct wish_resources *rs, const struct wish_kind *kind)
{
    struct wish_resource *r = MEM_NEW(struct wish_resource);

    r->owner = rs;
    r->kind = kind;
    deadline_init(&r->end, on_end, r);
    list_append(&rs->all, &r->node);
    rs->connecting_count++;
    rng_secret_alnum(r->id, KEY_LEN + SECRET_LEN);
    new_etag(r);
    return r;
}

int wish_resource_join(struct wish_resources *rs, const struct wish_kind *kind,
                       struct sessions *sessions, const struct join_request *request,
                       struct wish_resource **out, struct refusal *why)
{
    struct wish_resource *r;
    int err;

    if (rs->connecting_count >= MAX_WISH_UNCONNECTED || map_count(rs->by_key) >= MAX_WISH_SESSIONS)
        return refuse(why, E_LIMIT, NULL,
                      "too many sessions are being set up: try again in a moment");
    r = resource_new(rs, kind);
    err = sessions_join(sessions, request, &handlers, r, &r->session, why);
    if (err != 0) {
        resource_free(r);
        return err;
    }
    *out = r;
    return 0;
}

void wish_resource_publish(struct wish_resource *r)
{
    CHECK(map_put(r->owner->by_key, r->id, KEY_LEN, r) == 0);
    r->is_published = true;
    end_in(r, WISH_CONNECT_TIMEOUT_US);
}

void wish_resource_end(struct wish_resource **rp)
{
    struct wish_resource *r = *rp;

    if (r == NULL)
        return;
    *rp = NULL;
    session_leave(&r->session);
    resource_free(r);
}

/* ---- asking ---- */

struct wish_resource *wish_resource_find(const struct wish_resources *rs,
                                         const struct wish_kind *kind, const char *room,
                                         const char *id)
{
    struct wish_resource *r =
        strlen(id) == KEY_LEN + SECRET_LEN ? map_get(rs->by_key, id, KEY_LEN) : NULL;

    if (r == NULL || r->kind != kind || CRYPTO_memcmp(r->id, id, KEY_LEN + SECRET_LEN) != 0)
        return NULL;
    return strcmp(room_name(participant_room(session_participant(r->session))), room) == 0 ? r
                                                                                           : NULL;
}

const char *wish_resource_id(const struct wish_resource *r)
{
    return r->id;
}

const char *wish_resource_etag(const struct wish_resource *r)
{
    return r->etag;
}

struct session *wish_resource_session(const struct wish_resource *r)
{
    return r->session;
}

bool wish_resource_count_patch(struct wish_resource *r)
{
    return rate_limit_take(&r->patches, MAX_WISH_PATCHES_PER_SECOND, PATCH_BURST,
                           worker_now_us(r->owner->control));
}

void wish_resource_restarted(struct wish_resource *r)
{
    new_etag(r);
    if (r->state == WISH_LOST)
        end_in(r, r->owner->config->session_grace_ms * US_PER_MS);
}
