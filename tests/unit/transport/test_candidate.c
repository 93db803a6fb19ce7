/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "tests/unit/core/leaks.h"
#include "transport/candidate.h"

static void lines_that_browsers_send_are_understood(void **state)
{
    static const struct {
        const char *line;
        enum candidate_protocol protocol;
        enum candidate_type type;
        enum candidate_tcptype tcptype;
        const char *addr; /* "" for a name */
        uint32_t priority;
    } rows[] = {
        {"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.1 rport "
         "46154 "
         "generation 0 ufrag rZ/x network-cost 999",
         CANDIDATE_UDP, CANDIDATE_SRFLX, CANDIDATE_TCP_NONE, "203.0.113.7:46154", 1677729535},
        {"a=candidate:1 1 UDP 2122252543 2001:db8::1 50000 typ host", CANDIDATE_UDP, CANDIDATE_HOST,
         CANDIDATE_TCP_NONE, "[2001:db8::1]:50000", 2122252543},
        {"candidate:2 1 TCP 2105458943 192.0.2.1 9 typ host tcptype active", CANDIDATE_TCP,
         CANDIDATE_HOST, CANDIDATE_TCP_ACTIVE, "192.0.2.1:9", 2105458943},
        {"candidate:0 1 UDP 2122187007 8d2c1b2e-9b1a-4c2e-8f43-0b3c2a1d9e77.local 53000 typ host",
         CANDIDATE_UDP, CANDIDATE_HOST, CANDIDATE_TCP_NONE, "", 2122187007},
        {"candidate:3 1 udp 41885439 198.51.100.2 3478 typ relay raddr 0.0.0.0 rport 0",
         CANDIDATE_UDP, CANDIDATE_RELAY, CANDIDATE_TCP_NONE, "198.51.100.2:3478", 41885439},
        {"candidate:3 2 tcp 1 198.51.100.2 65535 typ prflx raddr 1.2.3.4 rport 5 tcptype so",
         CANDIDATE_TCP, CANDIDATE_PRFLX, CANDIDATE_TCP_SO, "198.51.100.2:65535", 1},
        {"  candidate:abc+/  1  udp  5  192.0.2.1  7  typ  host  ", CANDIDATE_UDP, CANDIDATE_HOST,
         CANDIDATE_TCP_NONE, "192.0.2.1:7", 5},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct candidate c;
        char text[ADDR_TEXT_LEN];

        assert_int_equal(candidate_parse(&c, str_of(rows[i].line)), 0);
        assert_int_equal(c.protocol, rows[i].protocol);
        assert_int_equal(c.type, rows[i].type);
        assert_int_equal(c.tcptype, rows[i].tcptype);
        assert_int_equal(c.priority, rows[i].priority);
        assert_int_equal(c.has_name, rows[i].addr[0] == '\0');
        if (c.has_name)
            assert_int_equal(c.addr.family, 0);
        else
            assert_string_equal(addr_text(&c.addr, text), rows[i].addr);
    }
}

static void bad_lines_are_refused(void **state)
{
    static const struct {
        const char *line;
        int err;
    } rows[] = {
        {"", E_MALFORMED},
        {"candidate:", E_MALFORMED},
        {"a=", E_MALFORMED},
        {"1 1 udp 1 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:1", E_MALFORMED},
        {"candidate:1 1 udp 1 192.0.2.1 7", E_MALFORMED},
        {"candidate:1 1 udp 1 192.0.2.1 7 typ", E_UNSUPPORTED},
        {"candidate:1 1 udp 1 192.0.2.1 7 type host", E_MALFORMED},
        {"candidate:1 1 udp 1 192.0.2.1 7 typ hostess", E_UNSUPPORTED},
        {"candidate:1 1 sctp 1 192.0.2.1 7 typ host", E_UNSUPPORTED},
        {"candidate:1 1 ssltcp 1 192.0.2.1 7 typ host", E_UNSUPPORTED},
        {"candidate:1 0 udp 1 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:1 256 udp 1 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:1 -1 udp 1 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:1 1 udp 4294967296 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:1 1 udp x 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:1 1 udp 1 192.0.2.256 7 typ host", E_MALFORMED},
        {"candidate:1 1 udp 1 192.0.2.1:5 7 typ host", E_MALFORMED},
        {"candidate:1 1 udp 1 [2001:db8::1] 7 typ host", E_MALFORMED},
        {"candidate:1 1 udp 1 2001:db8::g 7 typ host", E_MALFORMED},
        {"candidate:1 1 udp 1 na*me.local 7 typ host", E_MALFORMED},
        {"candidate:1 1 udp 1 192.0.2.1 65536 typ host", E_MALFORMED},
        {"candidate:1_2 1 udp 1 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:1 1 tcp 1 192.0.2.1 7 typ host", E_MALFORMED},
        {"candidate:1 1 tcp 1 192.0.2.1 7 typ host tcptype", E_MALFORMED},
        {"candidate:1 1 tcp 1 192.0.2.1 7 typ host tcptype lazy", E_MALFORMED},
        {"candidate:1 1 udp 1 192.0.2.1 7 typ host tcptype passive", E_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct candidate c = {.component = 77};

        if (candidate_parse(&c, str_of(rows[i].line)) != rows[i].err)
            fail_msg("row %zu: %s", i, rows[i].line);
        assert_int_equal(c.component, 77); /* untouched */
    }
}

static void a_line_past_the_limit_is_refused(void **state)
{
    char line[MAX_CANDIDATE_LINE_LEN + 64];
    struct candidate c;

    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "candidate:1 1 udp 1 192.0.2.1 7 typ host ", 41);
    assert_int_equal(candidate_parse(&c, (struct str){line, MAX_CANDIDATE_LINE_LEN}), 0);
    assert_int_equal(candidate_parse(&c, (struct str){line, sizeof(line)}), E_MALFORMED);
}

static void written_lines_read_back(void **state)
{
    static const struct {
        struct candidate c;
        const char *line;
    } rows[] = {
        {{"1",
          1,
          CANDIDATE_UDP,
          CANDIDATE_HOST,
          CANDIDATE_TCP_NONE,
          2130706431,
          {{192, 0, 2, 1}, 0, 40000, 4, 0},
          false},
         "candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host"},
        {{"2",
          1,
          CANDIDATE_TCP,
          CANDIDATE_HOST,
          CANDIDATE_TCP_PASSIVE,
          1518280447,
          {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0, 40000, 6, 0},
          false},
         "candidate:2 1 tcp 1518280447 2001:db8::1 40000 typ host tcptype passive"},
        {{"3",
          1,
          CANDIDATE_UDP,
          CANDIDATE_SRFLX,
          CANDIDATE_TCP_NONE,
          7,
          {{192, 0, 2, 1}, 0, 5, 4, 0},
          false},
         "candidate:3 1 udp 7 192.0.2.1 5 typ srflx raddr 0.0.0.0 rport 9"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct candidate back;
        struct strbuf out;

        strbuf_init(&out, MAX_CANDIDATE_LINE_LEN);
        assert_true(candidate_write(&rows[i].c, &out));
        assert_string_equal(out.p, rows[i].line);
        assert_int_equal(candidate_parse(&back, (struct str){out.p, out.len}), 0);
        assert_string_equal(back.foundation, rows[i].c.foundation);
        assert_true(addr_eq(&back.addr, &rows[i].c.addr));
        assert_int_equal(back.tcptype, rows[i].c.tcptype);
        assert_int_equal(back.priority, rows[i].c.priority);
        strbuf_fini(&out);
    }
}

static void writing_past_the_room_is_told(void **state)
{
    struct candidate c = {.foundation = "1", .component = 1, .addr = {.family = 4}};
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 20);
    assert_false(candidate_write(&c, &out));
    strbuf_fini(&out);
}

static void udp_stands_above_tcp_and_local_preference_decides_within(void **state)
{
    (void)state;
    /* RFC 8445 s5.1.2.1: 2^24 * type + 2^8 * local + 256 - component */
    assert_int_equal(candidate_priority(CANDIDATE_HOST, CANDIDATE_UDP, 65535), 2130706431);
    for (int type = CANDIDATE_HOST; type <= CANDIDATE_RELAY; type++) {
        uint32_t udp = candidate_priority((enum candidate_type)type, CANDIDATE_UDP, 0);
        uint32_t tcp = candidate_priority((enum candidate_type)type, CANDIDATE_TCP, 65535);

        assert_true(udp > tcp);
        assert_true(tcp >= 1 && udp <= 0x7fffffff);
    }
    assert_true(candidate_priority(CANDIDATE_SRFLX, CANDIDATE_UDP, 0) >
                candidate_priority(CANDIDATE_HOST, CANDIDATE_TCP, 65535));
    assert_true(candidate_priority(CANDIDATE_HOST, CANDIDATE_UDP, 2) >
                candidate_priority(CANDIDATE_HOST, CANDIDATE_UDP, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(lines_that_browsers_send_are_understood),
        LEAK_FREE(bad_lines_are_refused),
        LEAK_FREE(a_line_past_the_limit_is_refused),
        LEAK_FREE(written_lines_read_back),
        LEAK_FREE(writing_past_the_room_is_told),
        LEAK_FREE(udp_stands_above_tcp_and_local_preference_decides_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
