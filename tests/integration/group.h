/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.h - setup and teardown of integration tests: a server and the clients' context for each test; at the end nothing of media is left on
 * the workers, and as many blocks are live as before.
 */
#pragma once

#include "core/mem.h"
#include "tests/integration/client.h"
#include "tests/integration/clock.h"
#include "tests/integration/server.h"

/* The server of the running test. */
extern struct test_server *group_server;

int group_begin(void **state);
int group_begin_two_workers(void **state);
int group_begin_short_consent(void **state);
int group_begin_mixing(void **state);
int group_end(void **state);

#define GROUP_CONSENT_MS \
    7500 /* of group_begin_short_consent: longer than the 4 to 6 s between a full agent's consent checks */

#define GROUP_TEST(test) cmocka_unit_test_setup_teardown(test, group_begin, group_end)

/** Join "room" with media of @tag; fails the test when it is refused. */
struct client *group_join(const char *identity, uint32_t tag, enum link_kind kind, unsigned slots);
/** Tags 1 and 2, open, sending. */
void group_call_of_two(struct client *c[2], enum link_kind kind);
void group_leave(struct client **c, size_t n);
