/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mixing.c - a thousand mixes of one room begin and end, while somebody in it watches an ordinary track: that loses nothing, and
 * afterwards memory, files and threads are where they were.
 *
 * Each mix is waited for at its mixer, in every third somebody receives it, so that it encodes. The publisher's VP8 cannot be decoded:
 * its tile is a placeholder, and the requests for keyframes come back to it.
 */
#include "tests/unit/core/cmocka_all.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/attr.h"
#include "core/err.h"
#include "rooms/mixers.h"
#include "rooms/publication.h"
#include "rooms/registry.h"
#include "rooms/room.h"
#include "rooms/room_mix.h"
#include "rooms/rooms_internal.h"
#include "tests/integration/group.h"
#include "tests/integration/server_internal.h"

#define MIXES 1000
#define MIXES_SLOW 100 /* under sanitizers */
#define MIXES_VALGRIND 10
#define MIXES_OF_WARM_UP 50 /* what arenas, pools and tables grow to */
#define MAX_RSS_GROWTH_KB 8192
#define MAX_TABLE_GROWTH_BYTES 32768
#define PACKET_STRIDE_BYTES ((sizeof(struct packet) + 63) / 64 * 64)
#define PUBLISHER 1
#define VIEWER 2

/* ---- what is counted ---- */

struct footprint {
    int64_t blocks, bytes;
    long rss_kb;
    unsigned files, threads;
};

static unsigned count_entries(const char *path)
{
    DIR *d = opendir(path);
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static long read_rss_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (f != NULL && fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

struct question {
    int err, done; /* done: eventfd */
    struct mixer_stats mixer;
};

static void on_mixer_stats(int err, const struct mixer_stats *stats, void *arg)
{
    struct question *q = arg;

    q->err = err;
    if (err == 0)
        q->mixer = *stats;
    test_server_finish(q->done);
}

static void ask_mixer(struct test_server *s, void *arg)
{
    mixer_read_stats(mixers_at(s->mixers, 0), on_mixer_stats, arg);
}

static struct mixer_stats mixer_stats(void)
{
    struct question q = {.done = eventfd(0, EFD_CLOEXEC)};

    test_server_call(group_server, ask_mixer, &q);
    test_server_await(q.done);
    assert_int_equal(q.err, 0);
    return q.mixer;
}

/* Without the pools of packets, which keep what was once in use: 64 packets a block. */
static struct footprint measure(void)
{
    uint64_t pooled =
        test_server_stats(group_server, 0).pool.allocated + mixer_stats().packets.allocated;

    return (struct footprint){
        .blocks = mem_live_blocks() - (int64_t)pooled / 64,
        .bytes = mem_live_bytes() - (int64_t)(pooled * PACKET_STRIDE_BYTES),
        .rss_kb = read_rss_kb(),
        .files = count_entries("/proc/self/fd"),
        .threads = count_entries("/proc/self/task"),
    };
}

static void print_footprint(const char *when, const struct footprint *f)
{
    print_message(
        "         %-20s %7lld blocks %10lld bytes %7ld KB resident %3u files %3u threads\n", when,
        (long long)f->blocks, (long long)f->bytes, f->rss_kb, f->files, f->threads);
}

static bool is_back(void *arg)
{
    const struct footprint *f = arg, now = measure();

    return now.blocks <= f->blocks && now.bytes <= f->bytes + MAX_TABLE_GROWTH_BYTES;
}

/* ---- a mix ---- */

static struct room *find_room(struct test_server *s)
{
    struct room *r = registry_find_room(s->registry, "room");

    assert_non_null(r);
    return r;
}

static void start_mix(struct test_server *s, void *arg)
{
    unsigned i = *(const unsigned *)arg;
    struct room_mix_settings settings = ROOM_MIX_DEFAULTS;

    settings.mix.width = 320;
    settings.mix.height = 180;
    settings.mix.codec = i % 2 == 0 ? CODEC_VP8 : CODEC_H264;
    settings.mix.encodings = 1 + i % 3;
    settings.mix.layout = (enum layout_kind)(i % LAYOUT_CUSTOM);
    assert_int_equal(room_mix_start(find_room(s), &settings, NULL), 0);
}

/* The viewer, who has a slot for it, receives it beside the ordinary track. */
static void watch_mix(struct test_server *s, void *arg)
{
    struct room *r = find_room(s);
    struct participant *viewer = room_find_identity(r, "viewer");
    const struct participant *mix = room_mix_participant(r);
    const char *mid;

    (void)arg;
    LIST_EACH(&mix->publications, struct publication, node, pub) {
        int err = participant_subscribe(viewer, pub->id, &mid);
        assert_true(err == 0 || err == E_UNSUPPORTED); /* H.264 was not offered */
    }
}

static void stop_mix(struct test_server *s, void *arg)
{
    (void)arg;
    assert_int_equal(room_mix_stop(find_room(s)), 0);
}

static void on_mix_stats(int err, const struct mix_stats *stats, void *arg)
{
    struct question *q = arg;

    (void)stats;
    q->err = err;
    test_server_finish(q->done);
}

static void ask_mix(struct test_server *s, void *arg)
{
    room_mix_read_stats(find_room(s), on_mix_stats, arg);
}

/* What was told to the mixer has happened. */
static void wait_for_mix(void)
{
    struct question q = {.done = eventfd(0, EFD_CLOEXEC)};

    test_server_call(group_server, ask_mix, &q);
    test_server_await(q.done);
    assert_int_equal(q.err, 0);
}

static bool has_encoded(void *arg)
{
    return mixer_stats().encoded > *(const uint64_t *)arg;
}

static void run_mix(unsigned i)
{
    uint64_t encoded = mixer_stats().encoded;

    test_server_call(group_server, start_mix, &i);
    wait_for_mix();
    if (i % 6 == 0) { /* VP8 */
        test_server_call(group_server, watch_mix, NULL);
        assert_true(clock_wait(has_encoded, &encoded, WAIT_MS));
    }
    test_server_call(group_server, stop_mix, NULL);
    clock_pass(1); /* clients send and receive */
}

/* ---- the whole ---- */

static unsigned mixes(void)
{
    return clock_is_valgrind() ? MIXES_VALGRIND : SLOWNESS > 1 ? MIXES_SLOW : MIXES;
}

static void assert_nothing_was_lost(const struct client *viewer)
{
    const struct client_stats *s = client_stats(viewer);

    assert_true(s->audio[PUBLISHER].packets > 0 && s->video[PUBLISHER].packets > 0);
    assert_int_equal(s->audio[PUBLISHER].missing, 0);
    assert_int_equal(s->video[PUBLISHER].missing, 0);
    assert_int_equal(s->audio[PUBLISHER].repeated + s->video[PUBLISHER].repeated, 0);
}

static void a_thousand_mixes_leave_nothing_behind(void **state)
{
    struct client *publisher = group_join("publisher", PUBLISHER, LINK_LIGHT, 0);
    struct client *viewer = group_join("viewer", VIEWER, LINK_LIGHT, 4);
    struct footprint begin = {0}, end;
    uint64_t begin_us = clock_us();

    (void)state;
    assert_true(client_wait_open(publisher) && client_wait_open(viewer));
    client_start_media(publisher);
    clock_pass(500);
    client_reset_received(viewer);
    for (unsigned i = 0; i < mixes(); i++) {
        if (i == MIN(MIXES_OF_WARM_UP, mixes() / 2))
            begin = measure();
        run_mix(i);
    }
    bool is_same = clock_wait(is_back, &begin, WAIT_MS);
    end = measure();
    print_message("         %u mixes in %.1f s\n", mixes(), (double)(clock_us() - begin_us) / 1e6);
    print_footprint("after the first", &begin);
    print_footprint("at the end", &end);
    assert_true(is_same);
    assert_int_equal(mixer_stats().mixes, 0);
    assert_int_equal(end.files, begin.files);
    assert_int_equal(end.threads, begin.threads);
    if (!clock_is_valgrind() && SLOWNESS == 1)
        assert_true(end.rss_kb - begin.rss_kb < MAX_RSS_GROWTH_KB);
    assert_nothing_was_lost(viewer);
    client_leave(&viewer);
    client_leave(&publisher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_thousand_mixes_leave_nothing_behind, group_begin_mixing,
                                        group_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
