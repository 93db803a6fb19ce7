/* SPDX-License-Identifier: Apache-2.0 */
/* group.c - see group.h. */
#include "tests/unit/core/cmocka_all.h"

#include "tests/integration/group.h"

struct test_server *group_server;

static int64_t blocks_before;

static int begin(const struct test_server_config *config)
{
    clock_open();
    (void)secure_fingerprint();
    blocks_before = mem_live_blocks();
    group_server = test_server_open(config);
    return 0;
}

int group_begin(void **state)
{
    const struct test_server_config config = {.workers = 1};

    (void)state;
    return begin(&config);
}

int group_begin_two_workers(void **state)
{
    const struct test_server_config config = {.workers = 2};

    (void)state;
    return begin(&config);
}

int group_begin_short_consent(void **state)
{
    const struct test_server_config config = {.workers = 1, .consent_timeout_ms = GROUP_CONSENT_MS};

    (void)state;
    return begin(&config);
}

int group_begin_mixing(void **state)
{
    const struct test_server_config config = {.workers = 1, .mixers = 1};

    (void)state;
    return begin(&config);
}

/* A failed test leaves its clients behind: then there is nothing more to say. */
int group_end(void **state)
{
    bool is_idle;

    (void)state;
    test_server_delete_room(group_server, "room");
    is_idle = test_server_is_idle_soon(group_server);
    test_server_close(&group_server);
    clock_close();
    secure_fini();
    if (!is_idle)
        print_error("transports, tracks, subscriptions or connections are left\n");
    if (mem_live_blocks() != blocks_before)
        print_error("%lld blocks are left\n", (long long)(mem_live_blocks() - blocks_before));
    return is_idle && mem_live_blocks() == blocks_before ? 0 : -1;
}

struct client *group_join(const char *identity, uint32_t tag, enum link_kind kind, unsigned slots)
{
    const struct client_config config = {.identity = identity,
                                         .tag = tag,
                                         .link = {.kind = kind},
                                         .slots = slots,
                                         .publishes = true};
    struct client *c = client_join(group_server, &config);

    assert_non_null(c);
    return c;
}

void group_call_of_two(struct client *c[2], enum link_kind kind)
{
    c[0] = group_join("alice", 1, kind, 1);
    c[1] = group_join("bob", 2, kind, 1);
    for (size_t i = 0; i < 2; i++) {
        assert_true(client_wait_open(c[i]));
        client_start_media(c[i]);
    }
}

void group_leave(struct client **c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        client_leave(&c[i]);
}
