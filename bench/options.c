/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - see options.h. */
#include "bench/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/str.h"

enum kind { NUMBER, FRACTION, FLAG, TEXT, TEXTS, LIST, PATH, PACING, PIDS };

static const struct row {
    const char *name;
    enum kind kind;
    size_t at;
    uint32_t min, max;
} rows[] = {
#define AT(field) offsetof(struct bench_options, field)
    {"--seconds", NUMBER, AT(seconds), 1, 86400},
    {"--warmup", NUMBER, AT(warmup), 0, 600},
    {"--rounds", NUMBER, AT(rounds), 1, 100},
    {"--viewers", LIST, AT(viewers), 1, 16000},
    {"--sizes", LIST, AT(sizes), 2, 100},
    {"--joins", NUMBER, AT(joins), 1, 16000},
    {"--workers", NUMBER, AT(workers), 1, 256},
    {"--sample", NUMBER, AT(sample), 1, 16000},
    {"--iterations", NUMBER, AT(iterations), 1, 100000000},
    {"--pacing", PACING, AT(pacing), 0, 0},
    {"--simulcast", FLAG, AT(simulcast), 0, 0},
    {"--audio", FLAG, AT(audio), 0, 0},
    {"--gro", FLAG, AT(gro), 0, 0},
    {"--ramp", FLAG, AT(ramp), 0, 0},
    {"--only-peers", FLAG, AT(only_peers), 0, 0},
    {"--max-loss", FRACTION, AT(max_loss), 0, 1},
    {"--max-delay-ms", NUMBER, AT(max_delay_ms), 1, 10000},
    {"--peer", TEXTS, AT(peer), 0, 0},
    {"--server", PATH, AT(server), 0, 0},
    {"--server-args", TEXT, AT(server_args), 0, 0},
    {"--url-whip", TEXT, AT(url_whip), 0, 0},
    {"--url-whep", TEXT, AT(url_whep), 0, 0},
    {"--pid", PIDS, AT(pid), 1, INT_MAX},
    {"--cpu", NUMBER, AT(cpu), 0, 1023},
    {"--generator-cpu", NUMBER, AT(generator_cpu), 0, 1023},
    {"--log", PATH, AT(log), 0, 0},
    {"--clips", PATH, AT(clips), 0, 0},
    {"--json", TEXT, AT(json), 0, 0},
#undef AT
};

static bool read_number(struct str text, const struct row *r, uint32_t *out)
{
    uint64_t n;

    if (!str_to_u64(text, r->max, &n) || n < r->min)
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_list(const char *text, const struct row *r, struct option_list *out)
{
    struct str rest = str_of(text);

    out->count = 0;
    while (rest.len > 0) {
        if (out->count == OPTIONS_MAX_LIST ||
            !read_number(str_cut(&rest, ','), r, &out->value[out->count]))
            return false;
        out->count++;
    }
    return out->count > 0;
}

static bool read_fraction(const char *text, double *out)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end != 0 || !(v >= 0 && v <= 1))
        return false;
    *out = v;
    return true;
}

static bool read_pacing(const char *text, enum pacing *out)
{
    if (strcmp(text, "burst") != 0 && strcmp(text, "spread") != 0)
        return false;
    *out = text[0] == 'b' ? PACING_BURST : PACING_SPREAD;
    return true;
}

/* Lists of texts and processes keep their number behind them. */
static bool add_text(struct bench_options *o, const char *text)
{
    if (o->peer_count == OPTIONS_MAX_LIST)
        return false;
    o->peer[o->peer_count++] = text;
    return true;
}

static bool add_pid(struct bench_options *o, const char *text, const struct row *r)
{
    uint32_t pid;

    if (o->pid_count == OPTIONS_MAX_LIST || !read_number(str_of(text), r, &pid))
        return false;
    o->pid[o->pid_count++] = (pid_t)pid;
    return true;
}

static bool read_value(struct bench_options *o, const struct row *r, const char *text)
{
    void *field = (char *)o + r->at;

    switch (r->kind) {
    case NUMBER:
        return read_number(str_of(text), r, field);
    case FRACTION:
        return read_fraction(text, field);
    case LIST:
        return read_list(text, r, field);
    case PACING:
        return read_pacing(text, field);
    case TEXT:
        *(const char **)field = text;
        return true;
    case PATH:
        return str_copy(field, PATH_MAX, str_of(text));
    case TEXTS:
        return add_text(o, text);
    case PIDS:
        return add_pid(o, text, r);
    case FLAG:
        break;
    }
    *(bool *)field = true;
    return true;
}

static const struct row *find_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "parley-bench: %s: %s\n", what, why);
    return E_INVALID;
}

/* ---- files beside this program ---- */

/* build/parley-bench, or build/<preset>/parley-bench. */
static bool find_own_folder(char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    char *slash;

    if (n <= 0)
        return false;
    out[n] = 0;
    slash = strrchr(out, '/');
    if (slash == NULL)
        return false;
    *slash = 0;
    return true;
}

static void put_beside(char out[PATH_MAX], const char *folder, const char *name)
{
    if (out[0] == 0)
        (void)snprintf(out, PATH_MAX, "%.*s/%s", PATH_MAX - 64, folder, name);
}

static void find_files(struct bench_options *o)
{
    char folder[PATH_MAX], probe[PATH_MAX];

    if (!find_own_folder(folder))
        return;
    put_beside(o->server, folder, "parley");
    put_beside(o->log, folder, "bench-server.log");
    probe[0] = 0;
    put_beside(probe, folder, "clips");
    put_beside(o->clips, folder, access(probe, R_OK) == 0 ? "clips" : "release/clips");
    probe[0] = 0;
    put_beside(probe, folder, "../bench/peers");
    put_beside(o->sources, folder, access(probe, R_OK) == 0 ? ".." : "../..");
}

int options_read(struct bench_options *out, int argc, char **argv)
{
    *out = (struct bench_options){.seconds = 8,
                                  .warmup = 2,
                                  .rounds = 3,
                                  .joins = 200,
                                  .workers = 1,
                                  .sample = 50,
                                  .max_loss = 0.001,
                                  .max_delay_ms = 10,
                                  .server_args = "",
                                  .cpu = 0,
                                  .generator_cpu = 1};
    for (int i = 0; i < argc; i++) {
        const struct row *r = find_row(argv[i]);
        if (r == NULL && argv[i][0] == '-')
            return refuse(argv[i], "no such option");
        if (r == NULL) {
            if (out->name_count == OPTIONS_MAX_LIST)
                return refuse(argv[i], "too many names");
            out->name[out->name_count++] = argv[i];
            continue;
        }
        if (r->kind != FLAG && ++i == argc)
            return refuse(r->name, "a value is missing");
        if (!read_value(out, r, argv[i]))
            return refuse(r->name, "this value is not understood, or out of its range");
    }
    find_files(out);
    return 0;
}
