/* SPDX-License-Identifier: Apache-2.0 */
/* replicas.c - see replicas.h. */
#include "rooms/replicas.h"

#include "core/check.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/worker.h"
#include "rooms/room_mix.h"
#include "rooms/rooms_internal.h"
#include "rooms/sfu/subscription.h"

/* A new source may take so long to show its first keyframe; a little more, so that who speaks by turns finds the replica still
 * there. */
#define REPLICA_LINGER_US (SUBSCRIPTION_PATIENCE_US + 2000000ull)

struct replica {
    struct list node; /* in its publication's list */
    struct publication *publication;
    struct registry_host *host;
    uint64_t handle;
    size_t slots;
    struct deadline end;          /* set while no slot has it */
    struct participant *listener; /* of a mix without him; NULL: for all */
    uint64_t origin;              /* the track at the mixer */
};

/* NULL: a mixer. */
static struct registry_host *origin_of(const struct publication *pub)
{
    return pub->mix != NULL ? NULL : pub->participant->host;
}

static struct replica *find(const struct publication *pub, const struct registry_host *host,
                            const struct participant *listener)
{
    LIST_EACH(&pub->replicas, struct replica, node, r) {
        if (r->host == host && r->listener == listener)
            return r;
    }
    return NULL;
}

static void close_replica(struct replica *r)
{
    const struct publication *pub = r->publication;

    deadline_clear(&r->end);
    list_remove(&r->node);
    if (pub->mix == NULL) {
        sfu_host_replica_close(r->host->host, r->handle, origin_of(pub)->host);
    } else {
        sfu_host_peer_replica_close(r->host->host, r->handle, room_mix_peer(pub->mix), r->origin);
        if (r->listener != NULL)
            room_mix_close_personal(pub->mix, r->listener);
    }
    mem_free(r);
}

static void on_end(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d, (void)now_us;
    close_replica(arg);
}

static void open_at_mixer(const struct publication *pub, struct replica *r)
{
    r->origin = r->listener == NULL ? pub->handle : room_mix_open_personal(pub->mix, r->listener);
    sfu_host_peer_replica_open(r->host->host, r->handle, room_mix_peer(pub->mix), r->origin,
                               pub->section);
}

static struct replica *open_replica(struct publication *pub, struct registry_host *host,
                                    struct participant *listener)
{
    struct replica *r = MEM_NEW(struct replica);

    r->publication = pub;
    r->host = host;
    r->listener = listener;
    deadline_init(&r->end, on_end, r);
    r->handle = registry_new_handle(pub->participant->room->registry);
    list_append(&pub->replicas, &r->node);
    if (pub->mix != NULL)
        open_at_mixer(pub, r);
    else
        sfu_host_replica_open(host->host, r->handle, origin_of(pub)->host, pub->handle,
                              pub->section);
    if (pub->muted_by_server)
        sfu_host_track_set_muted(host->host, r->handle, true);
    return r;
}

uint64_t replicas_use(struct publication *pub, struct participant *p)
{
    struct participant *listener = room_mix_is_personal(pub, p) ? p : NULL;
    struct replica *r;

    if (p->host == origin_of(pub))
        return pub->handle;
    r = find(pub, p->host, listener);
    if (r == NULL)
        r = open_replica(pub, p->host, listener);
    deadline_clear(&r->end);
    r->slots++;
    return r->handle;
}

/* NULL: slots are left, or it is no replica. What it had of its own goes first: it may be entitled to that no more. */
static struct replica *give_back(struct publication *pub, struct participant *p)
{
    struct replica *r = find(pub, p->host, p);

    if (p->host == origin_of(pub))
        return NULL;
    if (r == NULL)
        r = find(pub, p->host, NULL);
    CHECK(r != NULL && r->slots > 0);
    return --r->slots > 0 ? NULL : r;
}

void replicas_release(struct publication *pub, struct participant *p)
{
    struct replica *r = give_back(pub, p);

    if (r != NULL)
        close_replica(r);
}

void replicas_release_later(struct publication *pub, struct participant *p)
{
    struct worker *control = pub->participant->room->registry->control;
    struct replica *r = give_back(pub, p);

    if (r != NULL && r->listener != NULL)
        close_replica(r); /* the listener may be gone by then */
    else if (r != NULL)
        deadline_set(worker_wheel(control), &r->end, worker_now_us(control) + REPLICA_LINGER_US);
}

void replicas_close(struct publication *pub)
{
    LIST_EACH(&pub->replicas, struct replica, node, r) {
        CHECK(r->slots == 0);
        close_replica(r);
    }
}

void replicas_update(struct publication *pub)
{
    LIST_EACH(&pub->replicas, struct replica, node, r) {
        sfu_host_track_update(r->host->host, r->handle, pub->section);
    }
}

void replicas_set_muted(struct publication *pub)
{
    LIST_EACH(&pub->replicas, struct replica, node, r) {
        sfu_host_track_set_muted(r->host->host, r->handle, pub->muted_by_server);
    }
}
