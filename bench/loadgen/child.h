/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - a child process: pinned, its output in a file, gone when the generator goes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/attr.h"

struct child {
    pid_t pid;       /* 0: none */
    int to_stdin;    /* -1: its stdin is /dev/null */
    int from_stdout; /* -1: its stdout goes to the log */
};

void child_init(struct child *c);
/**
 * Run @argv (found in PATH, ended by NULL) on the processors @cpu .. @cpu + @cpus - 1 (those that exist; @cpu -1: not pinned).
 * Standard error is appended to @log_path. @is_piped: its stdin and stdout are ours, else stdout goes to the log as well.
 *
 * Errors: -errno, also of the program that cannot be run.
 */
MUST_CHECK int child_start(struct child *c, char *const *argv, int cpu, unsigned cpus,
                           const char *log_path, bool is_piped);
/** Read one line of its stdout, without its end. Errors: E_TIMEOUT, E_LIMIT, E_STATE when it ended, -errno. */
MUST_CHECK int child_read_line(struct child *c, char *out, size_t size, uint64_t timeout_us);
bool child_is_alive(struct child *c);
/** Close its stdin, or send SIGTERM without one; SIGKILL after the time. Waits for it. */
void child_end(struct child *c, uint64_t timeout_us);
