/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox.h - messages between threads: a lock-free queue of many senders and one receiver, with a wake-up.
 *
 * A message embeds `struct message` and carries ids, values and references to counted bytes; never a pointer to another
 * thread's object. Posting hands it over; its `deliver` runs on the receiving thread and frees it.
 */
#pragma once

#include <stdbool.h>

#include "core/attr.h"

struct mailbox;
struct worker;

struct message {
    struct message *next; /* the queue's */
    /* Runs on the receiver's thread and owns @m. @ctx is the mailbox's. When the mailbox closes first, it runs with @ctx
     * NULL: free only. */
    void (*deliver)(struct message *m, void *ctx);
};

/** Open a mailbox read by @worker (call before the worker runs, or on its thread); @ctx goes to each deliver. */
MUST_CHECK int mailbox_open(struct mailbox **out, struct worker *worker, void *ctx);
/** Stop receiving, deliver what is left with ctx NULL. Thread: the receiver's; senders must have stopped. */
void mailbox_close(struct mailbox **mb);
/** Hand over a message. Thread: any. Order is kept per sender. */
void mailbox_post(struct mailbox *mb, struct message *m);
