/* SPDX-License-Identifier: Apache-2.0 */
/* replicas.c - see replicas.h. */
#include "rooms/replicas.h"

#include "core/check.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/worker.h"
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
    struct deadline end; /* set while no slot has it */
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

static void close_replica(struct replica *r)
{
    deadline_clear(&r->end);
    sfu_host_replica_close(r->host->host, r->handle, origin_of(r->publication)->host);
    list_remove(&r->node);
    mem_free(r);
}

static void on_end(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d, (void)now_us;
    close_replica(arg);
}

static struct replica *open_replica(struct publication *pub, struct registry_host *host)
{
    struct replica *r = MEM_NEW(struct replica);

    r->publication = pub;
    r->host = host;
    deadline_init(&r->end, on_end, r);
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
    deadline_clear(&r->end);
    r->slots++;
    return r->handle;
}

/* NULL: slots are left, or it is no replica. */
static struct replica *give_back(struct publication *pub, struct registry_host *host)
{
    struct replica *r = find(pub, host);

    if (host == origin_of(pub))
        return NULL;
    CHECK(r != NULL && r->slots > 0);
    return --r->slots > 0 ? NULL : r;
}

void replicas_release(struct publication *pub, struct registry_host *host)
{
    struct replica *r = give_back(pub, host);

    if (r != NULL)
        close_replica(r);
}

void replicas_release_later(struct publication *pub, struct registry_host *host)
{
    struct worker *control = pub->participant->room->registry->control;
    struct replica *r = give_back(pub, host);

    if (r != NULL)
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
