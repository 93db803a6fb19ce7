/* SPDX-License-Identifier: Apache-2.0 */
/* replicas.c - see replicas.h. */
#include "rooms/replicas.h"

#include "core/check.h"
#include "core/list.h"
#include "core/mem.h"
#include "rooms/room_mix.h"
#include "rooms/rooms_internal.h"

struct replica {
    struct list node; /* in its publication's list */
    struct registry_host *host;
    uint64_t handle;
    size_t slots;
    struct participant *listener; /* of a mix without him; NULL: for all */
    uint64_t origin;              /* its track at the mixer */
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

    r->host = host;
    r->listener = listener;
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

static uint64_t use(struct publication *pub, struct registry_host *host,
                    struct participant *listener)
{
    struct replica *r;

    if (host == origin_of(pub))
        return pub->handle;
    r = find(pub, host, listener);
    if (r == NULL)
        r = open_replica(pub, host, listener);
    r->slots++;
    return r->handle;
}

static void close_at_mixer(const struct publication *pub, const struct replica *r)
{
    sfu_host_peer_replica_close(r->host->host, r->handle, room_mix_peer(pub->mix), r->origin);
    if (r->listener != NULL)
        room_mix_close_personal(pub->mix, r->listener);
}

static void release(struct publication *pub, struct registry_host *host,
                    const struct participant *listener)
{
    struct replica *r = find(pub, host, listener);

    if (host == origin_of(pub))
        return;
    CHECK(r != NULL && r->slots > 0);
    if (--r->slots > 0)
        return;
    list_remove(&r->node);
    if (pub->mix != NULL)
        close_at_mixer(pub, r);
    else
        sfu_host_replica_close(host->host, r->handle, origin_of(pub)->host);
    mem_free(r);
}

uint64_t replicas_use(struct publication *pub, struct registry_host *host)
{
    return use(pub, host, NULL);
}

void replicas_release(struct publication *pub, struct registry_host *host)
{
    release(pub, host, NULL);
}

uint64_t replicas_use_by(struct publication *pub, struct participant *p)
{
    return use(pub, p->host, room_mix_is_personal(pub, p) ? p : NULL);
}

void replicas_release_by(struct publication *pub, struct participant *p)
{
    release(pub, p->host, find(pub, p->host, p) != NULL ? p : NULL);
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
