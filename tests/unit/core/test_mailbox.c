/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <pthread.h>

#include "core/limits.h"
#include "core/mailbox.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/loop.h"

#define SENDERS 3
#define EACH 20000

struct inbox {
    struct worker *w;
    struct mailbox *mb;
    int next[SENDERS]; /* the number expected from each */
    int total, stop_at;
    int freed_only;
    int turns;
};

struct note {
    struct message msg;
    struct inbox *inbox;
    int sender, number;
};

static void on_note(struct message *m, void *ctx)
{
    struct note *n = (struct note *)(void *)m;
    struct inbox *inbox = n->inbox;

    if (ctx == NULL) {
        inbox->freed_only++;
    } else {
        assert_ptr_equal(ctx, inbox);
        assert_true(worker_is_current(inbox->w));
        assert_int_equal(n->number, inbox->next[n->sender]++);
        if (++inbox->total == inbox->stop_at)
            worker_stop(inbox->w);
    }
    mem_free(n);
}

static void post(struct inbox *inbox, int sender, int number)
{
    struct note *n = MEM_NEW(struct note);

    n->msg.deliver = on_note;
    n->inbox = inbox;
    n->sender = sender;
    n->number = number;
    mailbox_post(inbox->mb, &n->msg);
}

static void inbox_open(struct inbox *inbox, int stop_at)
{
    *inbox = (struct inbox){.w = loop_open(), .stop_at = stop_at};
    assert_int_equal(mailbox_open(&inbox->mb, inbox->w, inbox), 0);
}

static void inbox_close(struct inbox *inbox)
{
    mailbox_close(&inbox->mb);
    assert_null(inbox->mb);
    mailbox_close(&inbox->mb);
    worker_close(&inbox->w);
}

static void test_messages_arrive_in_order(void **state)
{
    struct inbox inbox;

    (void)state;
    inbox_open(&inbox, 100);
    for (int i = 0; i < 100; i++)
        post(&inbox, 0, i);
    loop_run(inbox.w);
    assert_int_equal(inbox.total, 100);
    inbox_close(&inbox);
}

struct sender {
    struct inbox *inbox;
    int number;
};

static void *send_all(void *arg)
{
    struct sender *s = arg;

    for (int i = 0; i < EACH; i++)
        post(s->inbox, s->number, i);
    return NULL;
}

static void test_many_senders_each_in_order(void **state)
{
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    struct inbox inbox;

    (void)state;
    inbox_open(&inbox, SENDERS * EACH);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&inbox, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    loop_run(inbox.w);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(inbox.total, SENDERS * EACH);
    inbox_close(&inbox);
}

static void count_turn(uint64_t now_us, void *arg)
{
    (void)now_us;
    ((struct inbox *)arg)->turns++;
}

static void test_a_flood_leaves_other_work_its_turn(void **state)
{
    struct turn_hook hook = {.on_turn_end = count_turn};
    struct inbox inbox;

    (void)state;
    inbox_open(&inbox, 5 * MAX_MESSAGES_PER_TURN);
    hook.arg = &inbox;
    worker_add_turn_hook(inbox.w, &hook);
    for (int i = 0; i < 5 * MAX_MESSAGES_PER_TURN; i++)
        post(&inbox, 0, i);
    loop_run(inbox.w);
    assert_true(inbox.turns >= 5);
    worker_remove_turn_hook(&hook);
    inbox_close(&inbox);
}

static void test_what_is_left_at_close_is_freed_only(void **state)
{
    struct inbox inbox;

    (void)state;
    inbox_open(&inbox, 0);
    for (int i = 0; i < 10; i++)
        post(&inbox, 0, i);
    inbox_close(&inbox);
    assert_int_equal(inbox.total, 0);
    assert_int_equal(inbox.freed_only, 10);
}

static void on_closer(struct message *m, void *ctx)
{
    struct inbox *inbox = ctx;

    assert_non_null(inbox);
    mem_free(m);
    mailbox_close(&inbox->mb);
    worker_stop(inbox->w);
}

static void test_a_message_may_close_the_mailbox(void **state)
{
    struct message *closer = MEM_NEW(struct message);
    struct inbox inbox;

    (void)state;
    inbox_open(&inbox, 0);
    closer->deliver = on_closer;
    post(&inbox, 0, 0);
    mailbox_post(inbox.mb, closer);
    post(&inbox, 0, 1);
    post(&inbox, 0, 2);
    loop_run(inbox.w);
    assert_int_equal(inbox.total, 1);
    assert_int_equal(inbox.freed_only, 2);
    inbox_close(&inbox);
}

static void on_poster(struct message *m, void *ctx)
{
    struct inbox *inbox = ctx;

    mem_free(m);
    post(inbox, 0, 0);
}

static void test_a_message_may_post_to_its_own_mailbox(void **state)
{
    struct message *poster = MEM_NEW(struct message);
    struct inbox inbox;

    (void)state;
    inbox_open(&inbox, 1);
    poster->deliver = on_poster;
    mailbox_post(inbox.mb, poster);
    loop_run(inbox.w);
    assert_int_equal(inbox.total, 1);
    inbox_close(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(test_messages_arrive_in_order),
        LEAK_FREE(test_many_senders_each_in_order),
        LEAK_FREE(test_a_flood_leaves_other_work_its_turn),
        LEAK_FREE(test_what_is_left_at_close_is_freed_only),
        LEAK_FREE(test_a_message_may_close_the_mailbox),
        LEAK_FREE(test_a_message_may_post_to_its_own_mailbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
