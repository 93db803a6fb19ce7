/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "tests/unit/core/leaks.h"
#include "transport/announce.h"

#define MAX_LIST 80

/* Addresses from a text of words. */
struct addrs {
    struct addr addr[MAX_LIST];
    size_t count;
};

static struct addrs addrs_of(const char *words)
{
    struct addrs out = {.count = 0};
    struct str rest = str_of(words);

    while (rest.len > 0) {
        struct str word = str_cut(&rest, ' ');

        if (word.len > 0)
            assert_int_equal(addr_parse(&out.addr[out.count++], word), 0);
    }
    return out;
}

static struct announce_result result;

/* What is told, in order, and what is left out: "udp 1.2.3.4:5 | tcp …" and "1.2.3.4: reason". */
static const char *told(void)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < result.candidate_count; i++) {
        const struct candidate *c = &result.candidate[i];
        char addr[ADDR_TEXT_LEN];

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s", i > 0 ? " | " : "",
                                c->protocol == CANDIDATE_UDP ? "udp" : "tcp",
                                addr_text(&c->addr, addr));
        assert_true(len < sizeof(text));
    }
    return text;
}

static const char *left_out(void)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < result.left_out_count; i++) {
        char addr[ADDR_TEXT_LEN];
        const char *reason = result.left_out[i].reason;

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %.*s", i > 0 ? " | " : "",
                                addr_ip_text(&result.left_out[i].addr, addr),
                                (int)strcspn(reason, " :"), reason);
        assert_true(len < sizeof(text));
    }
    return text;
}

struct row {
    const char *name, *bound, *interfaces, *announce, *public_addr;
    bool udp, tcp;
    uint16_t worker;
    const char *told, *left_out; /* left_out: address and first word of the reason */
};

static void decide(const struct row *row)
{
    struct addrs bound = addrs_of(row->bound);
    struct addrs interfaces = addrs_of(row->interfaces);
    struct addrs announce = addrs_of(row->announce);
    struct addrs public_addr = addrs_of(row->public_addr);
    struct announce_input in = {
        .bound = bound.addr,
        .bound_count = bound.count,
        .interface = interfaces.addr,
        .interface_count = interfaces.count,
        .announce = announce.addr,
        .announce_count = announce.count,
        .public_addr = public_addr.count > 0 ? public_addr.addr : NULL,
        .udp = row->udp,
        .tcp = row->tcp,
        .worker = row->worker,
    };

    announce_decide(&in, &result);
}

#define MACHINE "127.0.0.1 ::1 192.168.1.5 10.0.0.5 2001:db8::5 fe80::5 169.254.3.4"

static const struct row rows[] = {
    {"an address listened on is told", "192.168.1.5:40000", MACHINE, "", "", true, false, 0,
     "udp 192.168.1.5:40000", ""},
    {"TCP comes behind all UDP", "192.168.1.5:40000 10.0.0.5:40000", MACHINE, "", "", true, true, 0,
     "udp 192.168.1.5:40000 | udp 10.0.0.5:40000 | tcp 192.168.1.5:40000 | tcp 10.0.0.5:40000", ""},
    {"TCP alone", "10.0.0.5:1", MACHINE, "", "", false, true, 0, "tcp 10.0.0.5:1", ""},
    {"loopback listened on is told", "127.0.0.1:40000", MACHINE, "", "", true, false, 0,
     "udp 127.0.0.1:40000", ""},
    {"the wildcard stands for the machine's addresses", "0.0.0.0:40000", MACHINE, "", "", true,
     false, 0, "udp 192.168.1.5:40000 | udp 10.0.0.5:40000",
     "169.254.3.4 link-local | 127.0.0.1 loopback"},
    {"families take turns, IPv6 first", "0.0.0.0:40000 [::]:40000", MACHINE, "", "", true, false, 0,
     "udp [2001:db8::5]:40000 | udp 192.168.1.5:40000 | udp 10.0.0.5:40000",
     "169.254.3.4 link-local | fe80::5 link-local | 127.0.0.1 loopback | ::1 loopback"},
    {"loopback is told when it is alone", "0.0.0.0:40000 [::]:40000", "127.0.0.1 ::1 fe80::5", "",
     "", true, false, 0, "udp [::1]:40000 | udp 127.0.0.1:40000", "fe80::5 link-local"},
    {"an address behind two sockets is told once", "0.0.0.0:40000 192.168.1.5:40000", "192.168.1.5",
     "", "", true, false, 0, "udp 192.168.1.5:40000", "192.168.1.5 already"},
    {"the public address comes on top", "0.0.0.0:40000", "127.0.0.1 10.0.0.5", "", "203.0.113.9",
     true, false, 0, "udp 10.0.0.5:40000 | udp 203.0.113.9:40000", "127.0.0.1 loopback"},
    {"a public address that is ours is told once", "203.0.113.9:40000", "203.0.113.9", "",
     "203.0.113.9:1234", true, false, 0, "udp 203.0.113.9:40000", "203.0.113.9 already"},
    {"a public address needs a socket of its family", "10.0.0.5:40000", "10.0.0.5", "",
     "2001:db8::9", true, false, 0, "udp 10.0.0.5:40000", "2001:db8::9 nothing"},
    {"announced addresses replace all others", "0.0.0.0:40000", MACHINE, "203.0.113.9",
     "203.0.113.8", true, true, 0, "udp 203.0.113.9:40000 | tcp 203.0.113.9:40000",
     "127.0.0.1 media.announce | 192.168.1.5 media.announce | 10.0.0.5 media.announce | "
     "169.254.3.4 media.announce | 203.0.113.8 media.announce"},
    {"an announced address of our own is not left out", "0.0.0.0:40000", "10.0.0.5 10.0.0.6",
     "10.0.0.6", "", true, false, 0, "udp 10.0.0.6:40000", "10.0.0.5 media.announce"},
    {"an announced port is worker 0's", "10.0.0.5:40003", "10.0.0.5", "203.0.113.9:5000", "", true,
     false, 3, "udp 203.0.113.9:5003", "10.0.0.5 media.announce"},
    {"without one the worker's own is told", "10.0.0.5:40003", "10.0.0.5", "203.0.113.9", "", true,
     false, 3, "udp 203.0.113.9:40003", "10.0.0.5 media.announce"},
    {"a port past the end is left out", "10.0.0.5:40003", "10.0.0.5",
     "203.0.113.9:65534 203.0.113.8", "", true, false, 2, "udp 203.0.113.8:40003",
     "203.0.113.9 the | 10.0.0.5 media.announce"},
    {"an announced family must be listened on", "10.0.0.5:40000", "10.0.0.5", "2001:db8::9", "",
     true, false, 0, "", "2001:db8::9 nothing | 10.0.0.5 media.announce"},
    {"the wildcard cannot be announced", "10.0.0.5:40000", "10.0.0.5", "0.0.0.0:5 203.0.113.9", "",
     true, false, 0, "udp 203.0.113.9:40000", "0.0.0.0 no | 10.0.0.5 media.announce"},
    {"neither protocol, no candidates", "10.0.0.5:40000", "10.0.0.5", "", "", false, false, 0, "",
     ""},
};

static void addresses_are_told_or_left_out_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        decide(&rows[i]);
        if (strcmp(told(), rows[i].told) != 0)
            fail_msg("%s: told %s", rows[i].name, told());
        if (strcmp(left_out(), rows[i].left_out) != 0)
            fail_msg("%s: left out %s", rows[i].name, left_out());
    }
}

static void priorities_fall_and_foundations_follow_address_and_protocol(void **state)
{
    const struct row row = {.bound = "0.0.0.0:40000 [::]:40000 10.0.0.5:50000",
                            .interfaces = MACHINE,
                            .announce = "",
                            .public_addr = "203.0.113.9",
                            .udp = true,
                            .tcp = true};

    (void)state;
    decide(&row);
    assert_int_equal(result.candidate_count, 10);
    for (size_t i = 0; i < result.candidate_count; i++) {
        const struct candidate *a = &result.candidate[i];
        struct strbuf line;
        struct candidate back;

        assert_int_equal(a->component, 1);
        assert_int_equal(a->type, CANDIDATE_HOST);
        assert_int_equal(a->tcptype,
                         a->protocol == CANDIDATE_TCP ? CANDIDATE_TCP_PASSIVE : CANDIDATE_TCP_NONE);
        if (i > 0)
            assert_true(a->priority < a[-1].priority);
        for (size_t n = 0; n < i; n++) {
            const struct candidate *b = &result.candidate[n];
            bool is_same = a->protocol == b->protocol && addr_ip_eq(&a->addr, &b->addr);

            assert_int_equal(strcmp(a->foundation, b->foundation) == 0, is_same);
        }
        strbuf_init(&line, 512);
        assert_true(candidate_write(a, &line));
        assert_int_equal(candidate_parse(&back, (struct str){line.p, line.len}), 0);
        strbuf_fini(&line);
    }
}

static void more_addresses_than_there_is_room_for_are_left_out(void **state)
{
    struct addr many[MAX_ANNOUNCED_ADDRS + MAX_ANNOUNCE_LEFT_OUT + 5];
    struct announce_input in = {
        .bound = many, .bound_count = ARRAY_LEN(many), .udp = true, .tcp = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] =
            (struct addr){.ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}, .port = 1, .family = 4};
    announce_decide(&in, &result);
    assert_int_equal(result.candidate_count, MAX_ANNOUNCED_CANDIDATES);
    assert_int_equal(result.left_out_count, MAX_ANNOUNCE_LEFT_OUT);
    assert_string_equal(result.left_out[0].reason, "the list is full");
}

static void entries_are_cut_into_host_and_port(void **state)
{
    static const struct {
        const char *entry;
        const char *host; /* NULL: malformed */
        uint16_t port;
    } entries[] = {
        {"1.2.3.4", "1.2.3.4", 0},
        {"1.2.3.4:5", "1.2.3.4", 5},
        {" media.example.org:65535 ", "media.example.org", 65535},
        {"media.example.org", "media.example.org", 0},
        {"2001:db8::1", "2001:db8::1", 0},
        {"::1", "::1", 0},
        {"[2001:db8::1]", "2001:db8::1", 0},
        {"[2001:db8::1]:7", "2001:db8::1", 7},
        {"", NULL, 0},
        {":5", NULL, 0},
        {"name:", NULL, 0},
        {"name:0", NULL, 0},
        {"name:65536", NULL, 0},
        {"name:x", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]7", NULL, 0},
        {"[::1]:", NULL, 0},
        {"[]:7", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        struct str host = STR("untouched");
        uint16_t port = 99;
        int err = announce_split(str_of(entries[i].entry), &host, &port);

        if (err != (entries[i].host == NULL ? E_MALFORMED : 0))
            fail_msg("row %zu: %s", i, entries[i].entry);
        assert_true(str_eq_c(host, err != 0 ? "untouched" : entries[i].host));
        assert_int_equal(port, err != 0 ? 99 : entries[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(addresses_are_told_or_left_out_with_a_reason),
        LEAK_FREE(priorities_fall_and_foundations_follow_address_and_protocol),
        LEAK_FREE(more_addresses_than_there_is_room_for_are_left_out),
        LEAK_FREE(entries_are_cut_into_host_and_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
