/* SPDX-License-Identifier: Apache-2.0 */
/* doorbell.c - see doorbell.h. */
#include "core/doorbell.h"

#include <uv.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/worker.h"

struct doorbell {
    uv_async_t *uv; /* owned by libuv from uv_close() on; its data is the bell, then NULL */
    struct worker *worker;
    void (*on_ring)(void *arg);
    void *arg;
};

static void on_uv_closed(uv_handle_t *uv)
{
    mem_free(uv);
}

static void on_wake(uv_async_t *uv)
{
    struct doorbell *d = uv->data;

    if (d != NULL)
        d->on_ring(d->arg);
}

int doorbell_open(struct doorbell **out, struct worker *worker, void (*on_ring)(void *arg),
                  void *arg)
{
    uv_async_t *uv = MEM_NEW(uv_async_t);
    int err = uv_async_init(worker_uv_loop(worker), uv, on_wake);

    if (err != 0) {
        mem_free(uv);
        return err;
    }
    struct doorbell *d = MEM_NEW(struct doorbell);
    *d = (struct doorbell){.uv = uv, .worker = worker, .on_ring = on_ring, .arg = arg};
    uv->data = d;
    *out = d;
    return 0;
}

void doorbell_close(struct doorbell **dp)
{
    struct doorbell *d = *dp;

    if (d == NULL)
        return;
    *dp = NULL;
    d->uv->data = NULL;
    uv_close((uv_handle_t *)d->uv, on_uv_closed);
    worker_free_later(d->worker, d, mem_free);
}

void doorbell_ring(struct doorbell *d)
{
    CHECK(uv_async_send(d->uv) == 0);
}
