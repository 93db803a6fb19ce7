/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the server that is measured: a child process (Parley, or another server's adapter), or one that runs already.
 *
 * A child is pinned, logs to a file, and ends with the generator. Owner: the scenario.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bench/loadgen/usage.h"
#include "core/attr.h"

struct generator;
struct server;
struct strbuf;

#define SERVER_MAX_PIDS 32
#define SERVER_WHY_LEN 400

struct server_config {
    struct generator *generator;
    const char *program;   /* Parley: the file to run */
    const char *arguments; /* Parley: more settings, separated by blanks; may be "" */
    unsigned workers;      /* Parley */
    const char *adapter;   /* the path of an adapter.mjs: run that instead; NULL: Parley */
    const char *url_whip, *url_whep; /* with these nothing is started; NULL otherwise */
    const pid_t *pids;               /* of what runs already */
    size_t pid_count;
    int cpu; /* the first core of a child; a Parley of several workers gets as many from there on */
    const char *log_path;
};

/** Start it and wait until it answers. Errors: -errno, E_TIMEOUT, E_UNSUPPORTED (an adapter that skips), E_MALFORMED, with a sentence in
 * @why. */
MUST_CHECK int server_open(struct server **out, const struct server_config *config,
                           char why[SERVER_WHY_LEN]);
/** End the child: SIGTERM (an adapter: its stdin closes), and SIGKILL when that does not help. */
void server_close(struct server **s);
const char *server_name(const struct server *s);
const char *server_version(const struct server *s);
/** The adapter's notes; NULL past the last. */
const char *server_note(const struct server *s, size_t index);
/** Append the URL of a room. */
void server_write_url(const struct server *s, bool is_whep, const char *room, struct strbuf *out);
/** CPU and memory now. Errors: E_NOT_FOUND when it has died. */
MUST_CHECK int server_read_usage(const struct server *s, struct usage *out);
