/* SPDX-License-Identifier: Apache-2.0 */
/* server_internal.h - what server.c and seat.c share. */
#pragma once

#include "tests/integration/server.h"

struct cert;
struct config;
struct dtls_context;
struct mailbox;
struct mixers;
struct registry;
struct worker;

#define MAX_LOCALS 4

struct test_server {
    struct config *config;
    struct worker *control;
    struct mailbox *mailbox;
    struct cert *cert;
    struct dtls_context *dtls;
    struct registry *registry;
    struct sfu_host *host[SERVER_MAX_WORKERS];
    struct addr local[SERVER_MAX_WORKERS][MAX_LOCALS];
    size_t local_count[SERVER_MAX_WORKERS];
    unsigned host_count;
    struct mixers *mixers; /* NULL: none */
};

/* Waiting for the control thread: it finishes an eventfd, which the test's thread awaits and closes. */
void test_server_finish(int done);
void test_server_await(int done);
