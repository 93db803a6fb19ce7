/* SPDX-License-Identifier: Apache-2.0 */
/* replicas.c - see replicas.h. */
#include "rooms/replicas.h"

#include "core/check.h"
#include "core/list.h"
#include "core/mem.h"
#include "rooms/rooms_internal.h"

struct replica {
    struct list node; /* in its publication's list */
    struct registry_host *host;
    uint64_t handle;
    size_t slots;
};

static struct registry_host *origin_of(const struct publication *pub)
{
    return pub->participant->host;
}

static struct replica *find(const struct publication *pub, const struct registry_host *host)
{
    LIST_EACH(&pub->replicas, struct replica, node, r) {
        if (r->host == host)
            return r;
    }
    return NULL;
}

static struct replica *open_replica(struct publication *pub, struct registry_host *host)
{
    struct replica *r = MEM_NEW(struct replica);

    r->host = host;
    r->handle = registry_new_handle(pub->participant->room->registry);
    list_append(&pub->replicas, &r->node);
    sfu_host_replica_open(host->host, r->handle, origin_of(pub)->host, pub->handle, pub->section);
    if (pub->muted_by_server)
        sfu_host_track_set_muted(host->host, r->handle, true);
    return r;
}

uint64_t replicas_use(struct publication *pub, struct registry_host *host)
{
    struct replica *r;

    if (host == origin_of(pub))
        return pub->handle;
    r = find(pub, host);
    if (r == NULL)
        r = open_replica(pub, host);
    r->slots++;
    return r->handle;
}

void replicas_release(struct publication *pub, struct registry_host *host)
{
    struct replica *r = find(pub, host);

    if (host == origin_of(pub))
        return;
    CHECK(r != NULL && r->slots > 0);
    if (--r->slots > 0)
        return;
    sfu_host_replica_close(host->host, r->handle, origin_of(pub)->host);
    list_remove(&r->node);
    mem_free(r);
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
