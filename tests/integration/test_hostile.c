/* SPDX-License-Identifier: Apache-2.0 */
/* test_hostile.c - what nobody should send: refused and counted, while a conference beside it loses nothing. */
#include "tests/unit/core/cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/wire.h"
#include "tests/integration/group.h"

#define MALLORY 3
#define FLOOD_DATAGRAMS 500 /* of each class */
#define FLOOD_BURST 25      /* at once: what honest packets share the socket's buffer with */

static const uint32_t tags[] = {1, 2, MALLORY};

/* ---- the honest ones ---- */

/* Two full agents that get everything from each other, from here on. */
static void begin_honest(struct client *c[2])
{
    struct client_group group = {c, tags, 2};

    group_call_of_two(c, LINK_NICE_UDP);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    client_reset_received(c[0]);
    client_reset_received(c[1]);
}

struct flow {
    struct client *to;
    uint32_t tag, past;
};

static bool has_flown(void *arg)
{
    const struct flow *f = arg;

    return client_stats(f->to)->audio[f->tag].last > f->past;
}

static void assert_undisturbed(struct client *c[2])
{
    for (size_t i = 0; i < 2; i++) {
        uint32_t tag = tags[1 - i];
        struct flow f = {c[i], tag, client_stats(c[1 - i])->sent_audio};
        const struct client_stats *s = client_stats(c[i]);
        assert_true(clock_wait(has_flown, &f, WAIT_MS));
        assert_int_equal(s->audio[tag].missing + s->video[tag].missing, 0);
        assert_int_equal(s->audio[tag].repeated + s->video[tag].repeated, 0);
        assert_int_equal(s->sequence_gaps + s->rtp_refused + s->rtcp_refused, 0);
        assert_int_equal(seat_transport(client_seat(c[i])).state, TRANSPORT_OPEN);
    }
}

/* ---- counters ---- */

struct wanted {
    struct client *client;
    uint64_t (*read)(struct client *c);
    uint64_t at_least;
};

static bool is_counted(void *arg)
{
    const struct wanted *w = arg;

    return w->read(w->client) >= w->at_least;
}

static void assert_counts(struct client *c, uint64_t (*read_counter)(struct client *c),
                          uint64_t at_least)
{
    struct wanted w = {c, read_counter, at_least};

    if (!clock_wait(is_counted, &w, WAIT_MS))
        fail_msg("counted %llu, expected %llu", (unsigned long long)read_counter(c),
                 (unsigned long long)at_least);
}

#define TRANSPORT_COUNTER(name)                     \
    static uint64_t count_##name(struct client *c)  \
    {                                               \
        return seat_transport(client_seat(c)).name; \
    }
TRANSPORT_COUNTER(srtp_before_open)
TRANSPORT_COUNTER(srtp_replayed)
TRANSPORT_COUNTER(srtp_auth_failed)
TRANSPORT_COUNTER(srtp_malformed)
TRANSPORT_COUNTER(rtcp_unknown_ssrc)
TRANSPORT_COUNTER(rtcp_malformed)

#define HOST_COUNTER(name, field)                        \
    static uint64_t count_##name(struct client *c)       \
    {                                                    \
        (void)c;                                         \
        return test_server_stats(group_server, 0).field; \
    }
HOST_COUNTER(unknown_ssrc, sfu.unknown_ssrc)
HOST_COUNTER(unknown_path, mux.unknown_path)
HOST_COUNTER(unknown_ufrag, mux.unknown_ufrag)
HOST_COUNTER(unclassified, mux.unclassified)
HOST_COUNTER(plain_bindings, mux.plain_bindings)
HOST_COUNTER(unbound_timeouts, port.tcp_unbound_timeouts)
HOST_COUNTER(bad_frames, port.tcp_bad_frames)
HOST_COUNTER(refused, port.tcp_refused)

/* ---- media ---- */

static bool is_connected(void *arg)
{
    return client_link(arg)->is_connected;
}

static void media_before_the_handshake_is_counted(void **state)
{
    const struct client_config config = {
        .identity = "mallory",
        .tag = MALLORY,
        .link = {.kind = LINK_LIGHT},
        .secure = {.drop_out = 1000}, /* says nothing of DTLS */
        .slots = 1,
        .publishes = true,
    };
    struct client *c[2];
    uint8_t rtp[60] = {0x80, 111}, rtcp[60] = {0x80, 200};

    (void)state;
    begin_honest(c);
    struct client *mallory = client_join(group_server, &config);
    assert_non_null(mallory);
    assert_true(clock_wait(is_connected, mallory, WAIT_MS));
    for (unsigned i = 0; i < 100; i++) {
        assert_true(link_send(client_link(mallory), rtp, sizeof(rtp)));
        assert_true(link_send(client_link(mallory), rtcp, sizeof(rtcp)));
    }
    assert_counts(mallory, count_srtp_before_open, 200);
    assert_int_equal(seat_transport(client_seat(mallory)).state, TRANSPORT_HANDSHAKE);
    assert_undisturbed(c);
    client_leave(&mallory);
    group_leave(c, 2);
}

/* Mallory in the room, open. */
static struct client *join_mallory(void)
{
    struct client *mallory = group_join("mallory", MALLORY, LINK_LIGHT, 2);

    assert_true(client_wait_open(mallory));
    return mallory;
}

static void replayed_and_forged_packets_are_counted(void **state)
{
    struct client *c[2];
    uint8_t buf[256], broken[13] = {0x9f, 111};
    size_t len;

    (void)state;
    begin_honest(c);
    struct client *mallory = join_mallory();
    len = client_write_audio(mallory, buf);
    assert_true(secure_protect(client_secure(mallory), false, buf, &len));
    for (unsigned i = 0; i < 5; i++)
        assert_true(link_send(client_link(mallory), buf, len));
    assert_counts(mallory, count_srtp_replayed, 4);
    for (unsigned i = 0; i < 5; i++) {
        buf[3]++;       /* another sequence number: no replay, */
        buf[len - 1]++; /* and a tag that does not fit */
        assert_true(link_send(client_link(mallory), buf, len));
    }
    assert_counts(mallory, count_srtp_auth_failed, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_true(link_send(client_link(mallory), broken, sizeof(broken)));
    assert_counts(mallory, count_srtp_malformed, 5);
    assert_int_equal(seat_transport(client_seat(mallory)).srtp_replayed, 4);
    assert_undisturbed(c);
    client_leave(&mallory);
    group_leave(c, 2);
}

/* ---- what belongs to somebody else ---- */

static uint32_t slot_ssrc(struct client *c, bool is_video)
{
    const struct sdp_answer *a = client_answer(c);

    for (size_t i = 0; i < a->section_count; i++)
        if (a->section[i].ssrc != 0 && a->section[i].is_video == is_video)
            return a->section[i].ssrc;
    fail_msg("no slot");
    return 0;
}

static void send_feedback(struct client *mallory, uint8_t fmt, uint8_t pt, uint32_t media_ssrc)
{
    uint8_t buf[128];
    struct writer w = writer_of(buf, 64);

    writer_u8(&w, (uint8_t)(0x80 | fmt));
    writer_u8(&w, pt);
    writer_u16(&w, 2);
    writer_u32(&w, client_audio_ssrc(mallory));
    writer_u32(&w, media_ssrc);
    assert_true(client_send(mallory, true, buf, writer_len(&w)));
}

/* RFC 3550 s6.4.2: a block about a stream that mallory does not get. */
static void send_foreign_report(struct client *mallory, uint32_t ssrc)
{
    uint8_t buf[128];
    struct writer w = writer_of(buf, 64);

    writer_u8(&w, 0x81);
    writer_u8(&w, 201);
    writer_u16(&w, 7);
    writer_u32(&w, client_audio_ssrc(mallory));
    writer_u32(&w, ssrc);
    for (unsigned i = 0; i < 5; i++)
        writer_u32(&w, 0xffffffff);
    assert_true(client_send(mallory, true, buf, writer_len(&w)));
}

static void send_foreign_bye(struct client *mallory, uint32_t ssrc)
{
    uint8_t buf[128];
    struct writer w = writer_of(buf, 64);

    writer_u8(&w, 0x81);
    writer_u8(&w, 203);
    writer_u16(&w, 1);
    writer_u32(&w, ssrc);
    assert_true(client_send(mallory, true, buf, writer_len(&w)));
}

static void feedback_about_foreign_streams_is_counted(void **state)
{
    struct client *c[2];

    (void)state;
    begin_honest(c);
    struct client *mallory = join_mallory();
    clock_pass(1500); /* keyframe requests for mallory's own slots are over */
    unsigned plis = client_stats(c[0])->plis + client_stats(c[1])->plis;
    uint64_t before = count_rtcp_unknown_ssrc(mallory);
    for (unsigned i = 0; i < 10; i++) {
        send_feedback(mallory, 1, 206,
                      slot_ssrc(c[0], true)); /* a picture that alice gets from bob */
        send_feedback(mallory, 1, 206, client_audio_ssrc(c[1]) + 1);
        send_foreign_report(mallory, slot_ssrc(c[0], true));
        send_foreign_bye(mallory, client_audio_ssrc(c[1]));
    }
    assert_counts(mallory, count_rtcp_unknown_ssrc, before + 30);
    assert_undisturbed(c);
    assert_int_equal(client_stats(c[0])->plis + client_stats(c[1])->plis, plis);
    client_leave(&mallory);
    group_leave(c, 2);
}

static void broken_rtcp_is_counted(void **state)
{
    struct client *c[2];

    (void)state;
    begin_honest(c);
    struct client *mallory = join_mallory();
    for (unsigned i = 0; i < 10; i++) {
        uint8_t buf[128] = {0x81, 201, 0xff, 0xff, 0, 0, 0, 1}; /* longer than it is */
        assert_true(client_send(mallory, true, buf, 32));
    }
    assert_counts(mallory, count_rtcp_malformed, 10);
    assert_undisturbed(c);
    client_leave(&mallory);
    group_leave(c, 2);
}

static void media_under_a_foreign_ssrc_reaches_nobody(void **state)
{
    struct client *c[2];

    (void)state;
    begin_honest(c);
    struct client *mallory = join_mallory();
    uint64_t before = count_unknown_ssrc(mallory);
    for (unsigned i = 0; i < 10; i++) {
        uint8_t buf[256];
        size_t len = client_write_audio(mallory, buf);
        wire_put_u32(buf + 8, client_audio_ssrc(c[1])); /* bob's, on a section that is not there */
        buf[17] = '9';
        assert_true(client_send(mallory, false, buf, len));
    }
    assert_counts(mallory, count_unknown_ssrc, before + 10);
    assert_undisturbed(c);
    assert_int_equal(client_stats(c[0])->audio[MALLORY].packets, 0);
    client_leave(&mallory);
    group_leave(c, 2);
}

/* ---- floods of datagrams ---- */

struct flood_class {
    const char *name;
    uint8_t first, last; /* first byte of the datagrams (RFC 7983) */
    uint64_t (*count)(struct client *c);
};

static int open_udp(void)
{
    struct sockaddr_storage to;
    struct addr server = test_server_addr(group_server, 0, 4);
    socklen_t len = (socklen_t)addr_to_sockaddr(&server, &to);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    return fd;
}

/* The worker answers between two looks at its sockets: what was sent before is read. */
static void let_server_read(void)
{
    clock_pass(1);
    for (unsigned i = 0; i < 2; i++)
        (void)test_server_stats(group_server, 0);
}

/* Random bytes of random length behind a first byte of the class. */
static void fill(uint8_t *buf, size_t len, const struct flood_class *class, GRand *rand)
{
    for (size_t i = 0; i < len; i++)
        buf[i] = (uint8_t)g_rand_int(rand);
    buf[0] = (uint8_t)g_rand_int_range(rand, class->first, class->last + 1);
}

static const struct flood_class classes[] = {
    {"STUN", 0, 3, count_unknown_path},
    {"ZRTP", 16, 19, count_unclassified},
    {"DTLS", 20, 63, count_unknown_path},
    {"TURN channels", 64, 79, count_unclassified},
    {"RTP and RTCP", 128, 191, count_unknown_path},
    {"QUIC and the rest", 192, 255, count_unclassified},
};

static void garbage_of_each_class_is_counted(void **state)
{
    struct client *c[2];
    GRand *rand = g_rand_new_with_seed(20);
    int fd;

    (void)state;
    begin_honest(c);
    fd = open_udp();
    for (size_t k = 0; k < ARRAY_LEN(classes); k++) {
        uint64_t before = classes[k].count(NULL);
        for (unsigned i = 0; i < FLOOD_DATAGRAMS; i++) {
            uint8_t buf[1400];
            size_t len = (size_t)g_rand_int_range(rand, 1, sizeof(buf));
            fill(buf, len, &classes[k], rand);
            assert_int_equal(send(fd, buf, len, 0), (ssize_t)len);
            if (i % FLOOD_BURST == 0)
                let_server_read();
        }
        assert_counts(NULL, classes[k].count,
                      before + FLOOD_DATAGRAMS * 9 / 10); /* the kernel may drop some */
    }
    close(fd);
    g_rand_free(rand);
    assert_undisturbed(c);
    group_leave(c, 2);
}

static uint64_t count_received(struct client *c)
{
    return seat_transport(client_seat(c)).packets_received;
}

/* From an address whose checks were fine: now it reaches DTLS and SRTP. */
static void garbage_over_a_validated_path_is_survived(void **state)
{
    struct client *c[2];
    GRand *rand = g_rand_new_with_seed(21);

    (void)state;
    begin_honest(c);
    struct client *mallory = join_mallory();
    uint64_t before = count_received(mallory);
    for (size_t k = 0; k < ARRAY_LEN(classes); k++) {
        for (unsigned i = 0; i < FLOOD_DATAGRAMS; i++) {
            uint8_t buf[1400];
            size_t len = (size_t)g_rand_int_range(rand, 1, sizeof(buf));
            fill(buf, len, &classes[k], rand);
            (void)link_send(client_link(mallory), buf, len);
            if (i % FLOOD_BURST == 0)
                let_server_read();
        }
    }
    assert_counts(mallory, count_received, before + 3 * FLOOD_DATAGRAMS * 9 / 10);
    assert_int_equal(seat_transport(client_seat(mallory)).state, TRANSPORT_OPEN);
    assert_undisturbed(c);
    client_leave(&mallory);
    g_rand_free(rand);
    group_leave(c, 2);
}

/* Well-formed requests without and with a name that nobody here has. */
static void bindings_for_nobody_get_no_answer(void **state)
{
    static const uint8_t plain[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1,  2,
                                      3, 4, 5, 6, 7,    8,    9,    10,   11, 12};
    static const uint8_t named[36] = {0,   1,   0,   16,  0x21, 0x12, 0xa4, 0x42, 1,   2,   3,   4,
                                      5,   6,   7,   8,   9,    10,   11,   12,   0,   6,   0,   11,
                                      'n', 'o', 'b', 'o', 'd',  'y',  ':',  'x',  'x', 'x', 'x', 0};
    struct client *c[2];
    uint8_t reply[64];
    int fd;

    (void)state;
    begin_honest(c);
    fd = open_udp();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(send(fd, plain, sizeof(plain), 0), sizeof(plain));
        assert_int_equal(send(fd, named, sizeof(named), 0), sizeof(named));
    }
    assert_counts(NULL, count_plain_bindings, 100);
    assert_counts(NULL, count_unknown_ufrag, 100);
    assert_true(recv(fd, reply, sizeof(reply), MSG_DONTWAIT) < 0);
    close(fd);
    assert_undisturbed(c);
    group_leave(c, 2);
}

/* ---- connections ---- */

static int open_tcp(void)
{
    struct sockaddr_storage to;
    struct addr server = test_server_addr(group_server, 0, 4);
    socklen_t len = (socklen_t)addr_to_sockaddr(&server, &to);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    return fd;
}

static bool is_hung_up(void *arg)
{
    uint8_t byte;
    ssize_t n = recv(*(int *)arg, &byte, 1, MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void send_frame(int fd, uint16_t claimed, const uint8_t *body, size_t len)
{
    uint8_t frame[2 + 2000];

    wire_put_u16(frame, claimed);
    memcpy(frame + 2, body, len);
    (void)send(fd, frame, 2 + len, MSG_NOSIGNAL); /* it may be hung up already */
}

static void connections_that_make_no_sense_are_ended(void **state)
{
    uint8_t garbage[1500];
    struct client *c[2];

    (void)state;
    memset(garbage, 0x55, sizeof(garbage));
    begin_honest(c);
    int silent = open_tcp(), half = open_tcp(), empty = open_tcp(), stray = open_tcp(),
        too_long = open_tcp();
    send_frame(half, 100, garbage, 7); /* and the rest never comes */
    send_frame(empty, 0, garbage, 0);  /* allowed, and says nothing */
    garbage[0] = 22;                   /* DTLS before any check */
    send_frame(stray, 1000, garbage, 1000);
    send_frame(too_long, MAX_TCP_FRAME_BYTES + 1, garbage, 10);
    assert_true(clock_wait(is_hung_up, &too_long, 2000));
    assert_int_equal(count_bad_frames(NULL), 1);
    assert_counts(NULL, count_unknown_path, 1);
    assert_true(clock_wait(is_hung_up, &silent, WAIT_MS)); /* TCP_UNBOUND_TIMEOUT_US */
    assert_true(clock_wait(is_hung_up, &half, WAIT_MS));
    assert_true(clock_wait(is_hung_up, &empty, WAIT_MS));
    assert_true(clock_wait(is_hung_up, &stray, WAIT_MS));
    assert_counts(NULL, count_unbound_timeouts, 4);
    assert_int_equal(test_server_stats(group_server, 0).port.tcp_live, 0);
    close(silent);
    close(half);
    close(empty);
    close(stray);
    close(too_long);
    assert_undisturbed(c);
    group_leave(c, 2);
}

static void a_flood_of_connections_does_not_keep_others_out(void **state)
{
    enum { COUNT = MAX_TCP_UNBOUND_CONNS + 50 };
    struct client *c[2];
    int fd[COUNT];

    (void)state;
    begin_honest(c);
    for (size_t i = 0; i < COUNT; i++) {
        fd[i] = open_tcp();
        if (i % FLOOD_BURST == 0)
            clock_pass(1);
    }
    assert_counts(NULL, count_refused, 50);
    assert_true(test_server_stats(group_server, 0).port.tcp_live <= MAX_TCP_UNBOUND_CONNS);
    struct client *carol = group_join("carol", 4, LINK_NICE_TCP, 1);
    assert_true(client_wait_open(carol));
    assert_int_equal(seat_transport(client_seat(carol)).selected.protocol, PATH_TCP);
    for (size_t i = 0; i < COUNT; i++)
        close(fd[i]);
    assert_undisturbed(c);
    client_leave(&carol);
    group_leave(c, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GROUP_TEST(media_before_the_handshake_is_counted),
        GROUP_TEST(replayed_and_forged_packets_are_counted),
        GROUP_TEST(feedback_about_foreign_streams_is_counted),
        GROUP_TEST(broken_rtcp_is_counted),
        GROUP_TEST(media_under_a_foreign_ssrc_reaches_nobody),
        GROUP_TEST(garbage_of_each_class_is_counted),
        GROUP_TEST(garbage_over_a_validated_path_is_survived),
        GROUP_TEST(bindings_for_nobody_get_no_answer),
        GROUP_TEST(connections_that_make_no_sense_are_ended),
        GROUP_TEST(a_flood_of_connections_does_not_keep_others_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
