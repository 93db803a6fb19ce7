/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_churn.c - a thousand joins and leaves, each with ICE, DTLS and media both ways, beside one who stays: afterwards memory is where
 * it was.
 *
 * Every twentieth runs on libnice's full agent; the others are light (link.h): their ICE is the load generator's, their DTLS and
 * SRTP are those of all clients. Worker and loop handles are counted where they close: worker_close() aborts on
 * one that lives.
 */
#include "tests/unit/core/cmocka_all.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "core/attr.h"
#include "tests/integration/group.h"

#define WAVE 20 /* clients in the room at once */
#define WAVES_IN_ALL 50
#define WAVES_SLOW 4 /* under sanitizers */
#define WAVES_VALGRIND 1
#define WAVES_OF_WARM_UP 10 /* what arenas and tables grow to */
#define MAX_RSS_GROWTH_KB 8192
/* a hash table or a history that got longer stays so until it is freed */
#define MAX_TABLE_GROWTH_BYTES 32768
#define PACKET_STRIDE_BYTES ((sizeof(struct packet) + 63) / 64 * 64)
#define MAX_POOL_PACKETS 8192 /* histories of WAVE publishers */
#define RESIDENT 1            /* tags of the others follow */

struct footprint {
    int64_t blocks, bytes;
    long rss_kb;
    unsigned files;
};

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

static unsigned count_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

/* Without the packet pool, which keeps what was once in use: 64 packets a block. */
static struct footprint measure(void)
{
    struct sfu_host_stats s = test_server_stats(group_server, 0);

    assert_true(s.pool.allocated <= MAX_POOL_PACKETS);
    return (struct footprint){mem_live_blocks() - (int64_t)s.pool.allocated / 64,
                              mem_live_bytes() - (int64_t)(s.pool.allocated * PACKET_STRIDE_BYTES),
                              read_rss_kb(), count_files()};
}

static void print_footprint(const char *when, const struct footprint *f)
{
    print_message("         %-28s %7lld blocks %10lld bytes %7ld KB resident %3u files\n", when,
                  (long long)f->blocks, (long long)f->bytes, f->rss_kb, f->files);
}

static unsigned waves(void)
{
    return clock_is_valgrind() ? WAVES_VALGRIND : SLOWNESS > 1 ? WAVES_SLOW : WAVES_IN_ALL;
}

/* ---- one wave ---- */

struct wave {
    struct client *resident, *member[WAVE];
};

static struct client *join(unsigned wave, unsigned i)
{
    char identity[32];
    const struct client_config config = {
        .identity = identity,
        .tag = RESIDENT + 1 + i,
        .link = {.kind = i == 0 ? LINK_NICE_UDP : LINK_LIGHT},
        .slots = 1,
        .publishes = true,
    };

    g_snprintf(identity, sizeof(identity), "member-%u-%u", wave, i);
    return client_join(group_server, &config);
}

/* Each hears the resident, the resident hears and sees each. */
static bool has_talked(void *arg)
{
    const struct wave *w = arg;

    for (unsigned i = 0; i < WAVE; i++) {
        const struct client_stats *s = client_stats(w->resident);
        if (!client_is_open(w->member[i]) ||
            client_stats(w->member[i])->audio[RESIDENT].packets < 2 ||
            s->audio[RESIDENT + 1 + i].packets < 2 || s->video[RESIDENT + 1 + i].packets < 2)
            return false;
    }
    return true;
}

static bool is_resident_alone(void *arg)
{
    (void)arg;
    struct sfu_host_stats s = test_server_stats(group_server, 0);

    return s.sfu.transports == 1 && s.sfu.tracks == 2 &&
           test_server_participants(group_server) == 1;
}

static void run_wave(struct client *resident, unsigned wave)
{
    struct wave w = {.resident = resident};

    client_reset_received(resident);
    for (unsigned i = 0; i < WAVE; i++) {
        w.member[i] = join(wave, i);
        assert_non_null(w.member[i]);
        client_start_media(w.member[i]);
    }
    assert_true(clock_wait(has_talked, &w, 3 * WAIT_MS));
    for (unsigned i = 0; i < WAVE; i++) {
        if (i % 4 == 3) /* some say goodbye to the transport before the room */
            secure_shutdown(client_secure(w.member[i]));
        client_leave(&w.member[i]);
    }
    assert_true(clock_wait(is_resident_alone, NULL, WAIT_MS));
}

/* A room that comes and goes with each wave. */
static void run_room(unsigned wave)
{
    char name[32];

    g_snprintf(name, sizeof(name), "room-%u", wave);
    struct seat *seat = seat_join(group_server, name, "alone");
    assert_non_null(seat);
    seat_leave(&seat);
    test_server_delete_room(group_server, name);
}

/* ---- the whole ---- */

/* Packets under way come back to their pool, and deadlines fire, when they like. */
static bool is_back(void *arg)
{
    const struct footprint *f = arg, now = measure();

    return now.blocks <= f->blocks && now.bytes <= f->bytes + MAX_TABLE_GROWTH_BYTES;
}

static void memory_returns_to_where_it_was(void **state)
{
    struct footprint warm = {0}, begin, end;
    struct client *resident = group_join("resident", RESIDENT, LINK_NICE_UDP, WAVE);
    uint64_t begin_us = clock_us();

    (void)state;
    assert_true(client_wait_open(resident));
    client_start_media(resident);
    run_wave(resident, 0);
    clock_pass(500);
    begin = measure();
    for (unsigned wave = 1; wave <= waves(); wave++) {
        run_wave(resident, wave);
        run_room(wave);
        if (wave == WAVES_OF_WARM_UP)
            warm = measure();
    }
    bool is_same = clock_wait(is_back, &begin, WAIT_MS);
    end = measure();
    print_message("         %u joins and leaves in %.1f s, %u of them on libnice\n", waves() * WAVE,
                  (double)(clock_us() - begin_us) / 1e6, waves());
    print_footprint("after a first wave", &begin);
    if (warm.blocks != 0)
        print_footprint("after 200", &warm);
    print_footprint("at the end", &end);
    assert_true(is_same);
    assert_int_equal(end.files, begin.files);
    if (warm.blocks != 0)
        assert_true(end.rss_kb - warm.rss_kb < MAX_RSS_GROWTH_KB);
    client_leave(&resident);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GROUP_TEST(
            memory_returns_to_where_it_was), /* whose end compares with before the server started, to the block */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
