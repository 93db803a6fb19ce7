/* SPDX-License-Identifier: Apache-2.0 */
/* command.c - see command.h. */
#include "tests/net/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net/lane.h"
#include "tests/net/lane_text.h"

#define MAX_PROBLEM 160u

static const char *const direction_name[LANES_OF_LINK] = {"down", "up"};

/* What a command is about: one lane of a link, or both. */
struct target {
    struct lane *lane[LANES_OF_LINK];
    size_t count;
};

static enum command_result fail(FILE *out, const char *problem)
{
    fprintf(out, "error: %s\n", problem);
    return COMMAND_ERROR;
}

static enum command_result done(FILE *out)
{
    fprintf(out, "ok\n");
    return COMMAND_OK;
}

/* The next word of *text, which is moved behind it and the blanks that follow. */
static bool take_word(const char **text, char *word, size_t cap)
{
    size_t len = strcspn(*text, " ");

    if (len == 0 || len >= cap)
        return false;
    memcpy(word, *text, len);
    word[len] = '\0';
    *text += len;
    *text += strspn(*text, " ");
    return true;
}

static bool find_target(struct links *all, char *name, struct target *t)
{
    char *dot = strchr(name, '.');
    int only = LANES_OF_LINK;

    if (dot != NULL) {
        *dot = '\0';
        for (only = 0; only < LANES_OF_LINK; only++)
            if (strcmp(dot + 1, direction_name[only]) == 0)
                break;
        if (only == LANES_OF_LINK)
            return false;
    }
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->link[i].name, name) != 0)
            continue;
        t->count = 0;
        for (int d = 0; d < LANES_OF_LINK; d++)
            if (dot == NULL || d == only)
                t->lane[t->count++] = all->link[i].lane[d];
        return true;
    }
    return false;
}

static enum command_result run_set(struct target *t, const char *rest, FILE *out, uint64_t now_ns)
{
    struct lane_settings wanted[LANES_OF_LINK];
    char problem[MAX_PROBLEM];

    if (*rest == '\0')
        return fail(out, "nothing to set: name=value");
    for (size_t i = 0; i < t->count; i++) {
        wanted[i] = *lane_settings(t->lane[i]);
        if (!lane_text_read(&wanted[i], rest, problem, sizeof problem))
            return fail(out, problem);
    }
    for (size_t i = 0; i < t->count; i++)
        lane_set(t->lane[i], &wanted[i], now_ns);
    return done(out);
}

static enum command_result run_blackout(struct target *t, const char *rest, FILE *out,
                                        uint64_t now_ns)
{
    uint64_t ns, until_ns;

    if (strcmp(rest, "on") == 0)
        until_ns = UINT64_MAX;
    else if (strcmp(rest, "off") == 0)
        until_ns = now_ns;
    else if (lane_text_read_time(rest, &ns))
        until_ns = now_ns + ns;
    else
        return fail(out, "blackout wants a time, as 1s, or on or off");
    for (size_t i = 0; i < t->count; i++)
        lane_darken(t->lane[i], now_ns, until_ns);
    return done(out);
}

void command_seed(struct links *all, uint64_t seed)
{
    for (size_t i = 0; i < all->count; i++)
        for (size_t d = 0; d < LANES_OF_LINK; d++)
            lane_seed(all->link[i].lane[d], seed + LANES_OF_LINK * i + d);
}

static enum command_result run_seed(struct links *all, const char *rest, FILE *out)
{
    char *end;
    uint64_t seed = strtoull(rest, &end, 0);

    if (*rest < '0' || *rest > '9' || *end != '\0')
        return fail(out, "seed wants a number");
    command_seed(all, seed);
    return done(out);
}

static void print_lane(const char *name, struct lane *l, FILE *out, uint64_t now_ns)
{
    struct lane_counters c = lane_counters(l, now_ns);

    fprintf(out, "\"%s\":{\"packetsIn\":%" PRIu64 ",\"bytesIn\":%" PRIu64, name, c.packets_in,
            c.bytes_in);
    fprintf(out, ",\"packetsOut\":%" PRIu64 ",\"bytesOut\":%" PRIu64, c.packets_out, c.bytes_out);
    fprintf(out, ",\"droppedQueue\":%" PRIu64 ",\"droppedLoss\":%" PRIu64, c.dropped_queue,
            c.dropped_loss);
    fprintf(out, ",\"droppedDark\":%" PRIu64 ",\"duplicated\":%" PRIu64, c.dropped_dark,
            c.duplicated);
    fprintf(out, ",\"reordered\":%" PRIu64 ",\"held\":%" PRIu64, c.reordered, c.packets_held);
    fprintf(out, ",\"queueBytes\":%" PRIu64 ",\"queueMs\":%.3f}", c.queue_bytes,
            (double)c.queue_ns / LANE_NS_PER_MS);
}

static enum command_result run_stats(struct links *all, FILE *out, uint64_t now_ns)
{
    fprintf(out, "{\"atMs\":%.3f,\"lateMaxMs\":%.3f,\"links\":{", (double)now_ns / LANE_NS_PER_MS,
            (double)all->late_max_ns / LANE_NS_PER_MS);
    for (size_t i = 0; i < all->count; i++) {
        fprintf(out, "%s\"%s\":{", i > 0 ? "," : "", all->link[i].name);
        for (size_t d = 0; d < LANES_OF_LINK; d++) {
            fprintf(out, "%s", d > 0 ? "," : "");
            print_lane(direction_name[d], all->link[i].lane[d], out, now_ns);
        }
        fprintf(out, "}");
    }
    fprintf(out, "}}\n");
    all->late_max_ns = 0;
    return COMMAND_OK;
}

enum command_result command_run(struct links *all, const char *line, FILE *out, uint64_t now_ns)
{
    char verb[COMMAND_MAX_NAME], name[2 * COMMAND_MAX_NAME];
    struct target target;

    line += strspn(line, " ");
    if (!take_word(&line, verb, sizeof verb))
        return fail(out, "no command: set, blackout, seed, stats, quit");
    if (strcmp(verb, "quit") == 0) {
        (void)done(out);
        return COMMAND_QUIT;
    }
    if (strcmp(verb, "stats") == 0)
        return run_stats(all, out, now_ns);
    if (strcmp(verb, "seed") == 0)
        return run_seed(all, line, out);
    if (strcmp(verb, "set") != 0 && strcmp(verb, "blackout") != 0)
        return fail(out, "no such command: set, blackout, seed, stats, quit");
    if (!take_word(&line, name, sizeof name) || !find_target(all, name, &target))
        return fail(out, "no such link: write NAME, NAME.down or NAME.up");
    return strcmp(verb, "set") == 0 ? run_set(&target, line, out, now_ns)
                                    : run_blackout(&target, line, out, now_ns);
}
