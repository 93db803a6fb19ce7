/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - what one can say to the wire program: lines in, lines out.
 *
 *   set NAME[.down|.up] SETTING...   settings of lane_text.h; without a direction both
 *   blackout NAME[.down|.up] TIME    lose everything for so long; "on": until "off"
 *   seed NUMBER                      begin all random numbers again
 *   stats                            counters of everything, one line of JSON
 *   quit
 *
 * "down" leads from a link's first namespace to its second, "up" back. The answer is "ok", the JSON, or "error: …"; after an error
 * nothing has changed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/attr.h"

struct lane;

#define COMMAND_MAX_NAME 32u
enum { LANE_DOWN, LANE_UP, LANES_OF_LINK };

/* A wire between two namespaces. */
struct link {
    char name[COMMAND_MAX_NAME];
    struct lane *lane[LANES_OF_LINK];
};

/* Everything that the program has. */
struct links {
    struct link *link;
    size_t count;
    uint64_t late_max_ns; /* the latest that a packet came out, since the last "stats" */
};

enum command_result { COMMAND_OK, COMMAND_ERROR, COMMAND_QUIT };

/** Begin the random numbers of all lanes, each with its own. */
void command_seed(struct links *all, uint64_t seed);
/** Carry out @line (no line end) and answer to @out. */
enum command_result command_run(struct links *all, const char *line, FILE *out, uint64_t now_ns);
