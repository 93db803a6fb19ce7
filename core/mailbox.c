/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox.c - the queue between threads.
 *
 *   senders → posted (lock-free stack) ─── taken whole and reversed ──→ in_order → deliver
 *
 * The receiver takes everything with one exchange, so no sender ever waits for another one that was interrupted half way
 * through (as in queues whose links are set after the swap), and a sender that finds the stack empty knows that it is the
 * one who must wake the receiver: one wake-up a burst.
 */
#include "core/mailbox.h"

#include <stdatomic.h>
#include <stddef.h>
#include <uv.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/worker.h"

struct mailbox {
    uv_async_t *
        uv; /* owned by libuv from uv_close() until on_uv_closed(); its data is the mailbox, then NULL */
    struct worker *worker;
    void *ctx;
    bool is_closed;
    struct message *in_order; /* taken, not delivered yet */
    struct message *_Atomic posted;
};

static void on_uv_closed(uv_handle_t *uv)
{
    mem_free(uv);
}

/* Take what was posted, oldest first. Only called while in_order is empty. */
static void take_posted(struct mailbox *mb)
{
    struct message *m = atomic_exchange_explicit(&mb->posted, NULL, memory_order_acquire);

    while (m != NULL) {
        struct message *older = m->next;
        m->next = mb->in_order;
        mb->in_order = m;
        m = older;
    }
}

static struct message *next_message(struct mailbox *mb)
{
    struct message *m;

    if (mb->in_order == NULL)
        take_posted(mb);
    m = mb->in_order;
    if (m != NULL) {
        mb->in_order = m->next;
        m->next = NULL;
    }
    return m;
}

static void on_wake(uv_async_t *uv)
{
    struct mailbox *mb = uv->data;
    struct message *m;

    if (mb == NULL)
        return;
    for (unsigned n = 0; n < MAX_MESSAGES_PER_TURN; n++) {
        m = next_message(mb);
        if (m == NULL)
            return;
        m->deliver(
            m, mb->ctx); /* may close the mailbox, whose memory then stays until the turn ends */
        if (mb->is_closed)
            return;
    }
    CHECK(uv_async_send(uv) == 0); /* the rest in the next turn */
}

int mailbox_open(struct mailbox **out, struct worker *worker, void *ctx)
{
    struct mailbox *mb = MEM_NEW(struct mailbox);
    int err;

    mb->worker = worker;
    mb->ctx = ctx;
    mb->uv = MEM_NEW(uv_async_t);
    err = uv_async_init(worker_uv_loop(worker), mb->uv, on_wake);
    if (err != 0) {
        mem_free(mb->uv);
        mem_free(mb);
        return err;
    }
    mb->uv->data = mb;
    *out = mb;
    return 0;
}

void mailbox_close(struct mailbox **mbp)
{
    struct mailbox *mb = *mbp;
    struct message *m;

    if (mb == NULL)
        return;
    *mbp = NULL;
    DCHECK(worker_is_current(mb->worker));
    mb->is_closed = true;
    mb->uv->data = NULL;
    uv_close((uv_handle_t *)mb->uv, on_uv_closed);
    while ((m = next_message(mb)) != NULL)
        m->deliver(m, NULL);
    worker_free_later(mb->worker, mb, mem_free);
}

void mailbox_post(struct mailbox *mb, struct message *m)
{
    struct message *top = atomic_load_explicit(&mb->posted, memory_order_relaxed);

    do
        m->next = top;
    while (!atomic_compare_exchange_weak_explicit(&mb->posted, &top, m, memory_order_release,
                                                  memory_order_relaxed));
    /* From here on m may be gone already. */
    if (top == NULL)
        CHECK(uv_async_send(mb->uv) == 0);
}
