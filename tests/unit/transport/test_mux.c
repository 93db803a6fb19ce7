/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/packet.h"
#include "tests/unit/core/leaks.h"
#include "transport/mux.h"
#include "transport/transport.h"

/* What the mux tells transports lands here; the transports themselves are never looked into. */
static struct {
    struct transport *tp;
    struct path path;
    size_t packets, closed;
} told;

static char alice_object, bob_object;
static struct transport *const alice = (struct transport *)(void *)&alice_object;
static struct transport *const bob = (struct transport *)(void *)&bob_object;
static struct packet_pool *pool;
static struct mux *mux;

void transport_receive(struct transport *tp, const struct path *from, struct packet *pkt,
                       uint64_t now_us)
{
    assert_int_equal(now_us, 5);
    told.tp = tp;
    told.path = *from;
    told.packets++;
    packet_unref(&pkt);
}

void transport_path_closed(struct transport *tp, const struct path *path, uint64_t now_us)
{
    assert_int_equal(now_us, 6);
    told.tp = tp;
    told.path = *path;
    told.closed++;
}

static int set_up(void **state)
{
    (void)leaks_begin(state);
    memset(&told, 0, sizeof(told));
    pool = packet_pool_new(64);
    mux = mux_new(4);
    return 0;
}

static int tear_down(void **state)
{
    mux_free(&mux);
    packet_pool_free(&pool);
    return leaks_end(state);
}

static struct path path_of(uint8_t host)
{
    return (struct path){.remote = {.ip = {192, 0, 2, host}, .port = 4000, .family = 4}};
}

/* A datagram from @host. Returns the transport that got it, NULL when none did. */
static struct transport *receive(uint8_t host, const void *data, size_t len)
{
    struct path from = path_of(host);
    struct packet *pkt = packet_new(pool);

    assert_non_null(pkt);
    if (len > 0)
        memcpy(pkt->data, data, len);
    pkt->len = (uint16_t)len;
    told.tp = NULL;
    mux_receive(mux, &from, pkt, 5);
    if (told.tp != NULL)
        assert_true(path_eq(&told.path, &from));
    return told.tp;
}

/* A Binding request, only as sound as the mux looks: header and USERNAME. */
static size_t make_check(uint8_t buf[128], const char *username)
{
    size_t len = strlen(username);
    size_t padded = (len + 3) & ~(size_t)3;

    memset(buf, 0, 128);
    buf[1] = 0x01;
    buf[3] = (uint8_t)(len > 0 ? padded + 4 : 0);
    memcpy(buf + 4, "\x21\x12\xa4\x42", 4);
    if (len == 0)
        return 20;
    buf[21] = 0x06;
    buf[23] = (uint8_t)len;
    memcpy(buf + 24, username, len);
    return 24 + padded;
}

static struct transport *check_from(uint8_t host, const char *username)
{
    uint8_t buf[128];

    return receive(host, buf, make_check(buf, username));
}

static void add_path(uint8_t host, struct transport *tp)
{
    struct path path = path_of(host);

    assert_int_equal(mux_add_path(mux, &path, tp), 0);
}

static void remove_path(uint8_t host, struct transport *tp)
{
    struct path path = path_of(host);

    mux_remove_path(mux, &path, tp);
}

static struct mux_stats stats_now(void)
{
    struct mux_stats s;

    mux_read_stats(mux, &s);
    return s;
}

static void checks_find_their_transport_by_username(void **state)
{
    (void)state;
    assert_int_equal(mux_add_ufrag(mux, "alic", alice), 0);
    assert_int_equal(mux_add_ufrag(mux, "bobb", bob), 0);
    assert_ptr_equal(check_from(1, "alic:xyz"), alice);
    assert_ptr_equal(check_from(1, "bobb:xyz"), bob);
    assert_ptr_equal(check_from(1, "alic"), alice);
    assert_null(check_from(1, "ali:c"));
    assert_int_equal(stats_now().unknown_ufrag, 1);
    mux_remove_ufrag(mux, "alic");
    assert_null(check_from(1, "alic:xyz"));
    assert_int_equal(stats_now().unknown_ufrag, 2);
    mux_remove_ufrag(mux, "bobb");
}

static void a_ufrag_belongs_to_one_transport(void **state)
{
    (void)state;
    assert_int_equal(mux_add_ufrag(mux, "alic", alice), 0);
    assert_int_equal(mux_add_ufrag(mux, "alic", bob), E_CONFLICT);
    assert_ptr_equal(check_from(1, "alic:x"), alice);
    mux_remove_ufrag(mux, "alic");
}

static void media_follows_the_path_by_class(void **state)
{
    static const struct {
        uint8_t first;
        bool is_known;
    } rows[] = {
        {0, true},   {3, true},   {4, false},   {15, false},  {16, false}, {19, false},
        {20, true},  {63, true},  {64, false},  {79, false},  {80, false}, {127, false},
        {128, true}, {191, true}, {192, false}, {255, false},
    };
    uint64_t unclassified = 0;

    (void)state;
    add_path(1, alice);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t data[4] = {rows[i].first, 1, 2, 3};

        assert_ptr_equal(receive(1, data, sizeof(data)), rows[i].is_known ? alice : NULL);
        unclassified += !rows[i].is_known;
    }
    assert_null(receive(1, NULL, 0));
    assert_int_equal(stats_now().unclassified, unclassified + 1);
    assert_int_equal(stats_now().unknown_path, 0);
    remove_path(1, alice);
}

static void strangers_are_counted_and_dropped(void **state)
{
    static const uint8_t dtls[] = {22, 254, 253};
    static const uint8_t rtp[] = {128, 96, 0, 1};
    static const uint8_t response[] = {1, 1, 0, 0};

    (void)state;
    assert_null(receive(1, dtls, sizeof(dtls)));
    assert_null(receive(1, rtp, sizeof(rtp)));
    assert_null(receive(1, response, sizeof(response)));
    assert_int_equal(stats_now().unknown_path, 3);
    assert_null(check_from(1, ""));
    assert_int_equal(stats_now().plain_bindings, 1);
}

static void stun_on_a_known_path_goes_to_its_owner_unless_the_username_is_anothers(void **state)
{
    static const uint8_t indication[20] = {0, 0x11};

    (void)state;
    assert_int_equal(mux_add_ufrag(mux, "bobb", bob), 0);
    add_path(1, alice);
    assert_ptr_equal(check_from(1, "nobody:x"), alice);
    assert_ptr_equal(check_from(1, ""), alice);
    assert_ptr_equal(receive(1, indication, sizeof(indication)), alice);
    assert_ptr_equal(check_from(1, "bobb:x"), bob);
    mux_remove_ufrag(mux, "bobb");
    remove_path(1, alice);
}

static void a_path_changes_hands_and_the_older_owner_cannot_remove_it(void **state)
{
    static const uint8_t rtp[] = {128, 96, 0, 1};

    (void)state;
    add_path(1, alice);
    add_path(1, bob);
    assert_ptr_equal(receive(1, rtp, sizeof(rtp)), bob);
    remove_path(1, alice);
    assert_ptr_equal(receive(1, rtp, sizeof(rtp)), bob);
    remove_path(1, bob);
    assert_null(receive(1, rtp, sizeof(rtp)));
}

static void every_part_of_a_path_counts(void **state)
{
    static const uint8_t rtp[] = {128, 96, 0, 1};
    struct path base = path_of(1);
    struct path others[] = {base, base, base, base, base, base};

    (void)state;
    others[0].remote.port++;
    others[1].remote.ip[3]++;
    others[2].local.family = 4;
    others[3].conn_id = 1;
    others[4].socket = 1;
    others[5].protocol = PATH_TCP;
    add_path(1, alice);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct packet *pkt = packet_new(pool);

        memcpy(pkt->data, rtp, sizeof(rtp));
        pkt->len = sizeof(rtp);
        mux_receive(mux, &others[i], pkt, 5);
        assert_int_equal(told.packets, 0);
    }
    remove_path(1, alice);
}

static void a_closed_path_is_told_once_and_gone(void **state)
{
    struct path path = path_of(1);

    (void)state;
    add_path(1, alice);
    mux_path_closed(mux, &path, 6);
    assert_ptr_equal(told.tp, alice);
    assert_true(path_eq(&told.path, &path));
    mux_path_closed(mux, &path, 6);
    assert_int_equal(told.closed, 1);
}

static void tables_are_bounded(void **state)
{
    char ufrag[8] = "ufrag0";
    size_t ufrags = 0, paths = 0;
    struct path path = path_of(1);

    (void)state;
    while (ufrag[5] = (char)('A' + ufrags), mux_add_ufrag(mux, ufrag, alice) == 0)
        ufrags++;
    assert_int_equal(ufrags, 8); /* two for each of the four */
    while (path.remote.port = (uint16_t)(paths + 1), mux_add_path(mux, &path, alice) == 0)
        paths++;
    assert_int_equal(paths, 4 * MAX_PATHS_PER_TRANSPORT);
    assert_int_equal(mux_add_path(mux, &path, alice), E_LIMIT);
    for (size_t i = 0; i < ufrags; i++) {
        ufrag[5] = (char)('A' + i);
        mux_remove_ufrag(mux, ufrag);
    }
    for (size_t i = 0; i < paths; i++) {
        path.remote.port = (uint16_t)(i + 1);
        mux_remove_path(mux, &path, alice);
    }
}

#define WITH_MUX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MUX(checks_find_their_transport_by_username),
        WITH_MUX(a_ufrag_belongs_to_one_transport),
        WITH_MUX(media_follows_the_path_by_class),
        WITH_MUX(strangers_are_counted_and_dropped),
        WITH_MUX(stun_on_a_known_path_goes_to_its_owner_unless_the_username_is_anothers),
        WITH_MUX(a_path_changes_hands_and_the_older_owner_cannot_remove_it),
        WITH_MUX(every_part_of_a_path_counts),
        WITH_MUX(a_closed_path_is_told_once_and_gone),
        WITH_MUX(tables_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
