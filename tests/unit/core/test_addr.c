/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/err.h"
#include "tests/unit/core/leaks.h"

static struct addr addr_of_text(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(&a, str_of(text)), 0);
    return a;
}

static void test_text_is_parsed_and_written(void **state)
{
    static const struct {
        const char *in, *out, *ip;
    } rows[] = {
        {"1.2.3.4:5", "1.2.3.4:5", "1.2.3.4"},
        {"1.2.3.4", "1.2.3.4:0", "1.2.3.4"},
        {"0.0.0.0:65535", "0.0.0.0:65535", "0.0.0.0"},
        {"[::1]:5", "[::1]:5", "::1"},
        {"[::1]", "[::1]:0", "::1"},
        {"::1", "[::1]:0", "::1"},
        {"::", "[::]:0", "::"},
        {"2001:DB8::1:80", "[2001:db8::1:80]:0", "2001:db8::1:80"},
        {"::ffff:10.0.0.1", "10.0.0.1:0", "10.0.0.1"},
        {"[::ffff:10.0.0.1]:9", "10.0.0.1:9", "10.0.0.1"},
        {"fe80::1%7", "[fe80::1%7]:0", "fe80::1%7"},
        {"[fe80::1%7]:80", "[fe80::1%7]:80", "fe80::1%7"},
        {"[fe80::1%lo]:80", "[fe80::1%1]:80", "fe80::1%1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:0",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"[fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
         "[fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
         "fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295"},
    };
    char text[ADDR_TEXT_LEN];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct addr a = addr_of_text(rows[i].in);
        assert_string_equal(addr_text(&a, text), rows[i].out);
        assert_string_equal(addr_ip_text(&a, text), rows[i].ip);
    }
}

static void test_malformed_text_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        ":",
        ":5",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:x",
        "1.2.3.4:5:6",
        "1.2.3.4%1",
        "[1.2.3.4]:5",
        "[::1",
        "[::1]5",
        "[::1]:",
        "[]",
        "[]:5",
        "::1]:5",
        "[::1]:5 ",
        "fe80::1%",
        "fe80::1%0",
        "fe80::1%nope-no-such-if-here",
        "example.org:1",
        "localhost",
        "1.2.3.4.5:1",
        ":::",
        "[::1%]:5",
        "1.2.3.4:-1",
        "[::1]:99999",
        "1.2.3.4\n:5",
    };
    struct addr a;

    (void)state;
    memset(&a, 0x55, sizeof(a));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(addr_parse(&a, str_of(rows[i])), E_MALFORMED);
        assert_int_equal(a.family, 0x55);
    }
    assert_int_equal(addr_parse(&a, (struct str){"1.2.3.4\0x", 9}), E_MALFORMED);
    assert_int_equal(addr_parse(&a, (struct str){NULL, 0}), E_MALFORMED);
}

static void test_kinds(void **state)
{
    enum { ANY = 1, LOOPBACK = 2, LINK_LOCAL = 4, PRIVATE = 8 };
    static const struct {
        const char *text;
        int kinds;
    } rows[] = {
        {"0.0.0.0", ANY},
        {"::", ANY},
        {"127.0.0.1", LOOPBACK},
        {"127.9.9.9", LOOPBACK},
        {"::1", LOOPBACK},
        {"128.0.0.1", 0},
        {"169.254.1.1", LINK_LOCAL},
        {"fe80::1%1", LINK_LOCAL},
        {"febf::1%1", LINK_LOCAL},
        {"fec0::1", 0},
        {"10.1.2.3", PRIVATE},
        {"172.15.0.1", 0},
        {"172.16.0.1", PRIVATE},
        {"172.31.255.255", PRIVATE},
        {"172.32.0.0", 0},
        {"192.168.0.1", PRIVATE},
        {"192.169.0.1", 0},
        {"100.63.0.1", 0},
        {"100.64.0.1", PRIVATE},
        {"100.127.0.1", PRIVATE},
        {"100.128.0.1", 0},
        {"fc00::1", PRIVATE},
        {"fdff::1", PRIVATE},
        {"fe00::1", 0},
        {"2001:db8::1", 0},
        {"8.8.8.8", 0},
    };
    const struct addr none = {.family = 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct addr a = addr_of_text(rows[i].text);
        int kinds = (addr_is_any(&a) ? ANY : 0) | (addr_is_loopback(&a) ? LOOPBACK : 0) |
                    (addr_is_link_local(&a) ? LINK_LOCAL : 0) | (addr_is_private(&a) ? PRIVATE : 0);
        assert_int_equal(kinds, rows[i].kinds);
    }
    assert_false(addr_is_any(&none));
}

static void test_sockaddrs_go_there_and_back(void **state)
{
    static const char *const rows[] = {"1.2.3.4:5", "[::1]:6", "[fe80::1%7]:8", "[2001:db8::9]:10"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct addr a = addr_of_text(rows[i]);
        struct sockaddr_storage sa;
        size_t len;
        memset(&sa, 0xff, sizeof(sa));
        len = addr_to_sockaddr(&a, &sa);
        assert_int_equal(len,
                         a.family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        struct addr back = addr_of_sockaddr((const struct sockaddr *)&sa);
        assert_true(addr_eq(&a, &back));
    }
    struct sockaddr_storage other = {.ss_family = AF_UNIX};
    assert_int_equal(addr_of_sockaddr((const struct sockaddr *)&other).family, 0);
}

static void test_equality(void **state)
{
    struct addr a = addr_of_text("1.2.3.4:5"), b = addr_of_text("1.2.3.4:6");
    struct addr c = addr_of_text("fe80::1%1"), d = addr_of_text("fe80::1%2");

    (void)state;
    assert_true(addr_eq(&a, &a));
    assert_false(addr_eq(&a, &b));
    assert_true(addr_ip_eq(&a, &b));
    assert_false(addr_ip_eq(&c, &d));
    assert_int_equal(sizeof(struct addr), 24);
}

static void test_interfaces_include_the_loopback(void **state)
{
    struct addr list[64];
    size_t n = addr_list_interfaces(list, ARRAY_LEN(list));
    bool has_loopback = false;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(list[i].port, 0);
        has_loopback |= addr_is_loopback(&list[i]);
    }
    assert_true(has_loopback);
    assert_int_equal(addr_list_interfaces(list, 1), 1);
}

static void test_resolve(void **state)
{
    struct addr list[4];
    char label[70] = "";

    (void)state;
    assert_int_equal(addr_resolve("192.0.2.7", list, ARRAY_LEN(list)), 1);
    assert_int_equal(list[0].family, 4);
    assert_int_equal(addr_resolve("2001:db8::7", list, ARRAY_LEN(list)), 1);
    assert_int_equal(list[0].family, 6);
    assert_true(addr_resolve("localhost", list, ARRAY_LEN(list)) >= 1);
    assert_true(addr_is_loopback(&list[0]));
    memset(label, 'a',
           sizeof(label) - 1); /* longer than a label may be: refused without asking anybody */
    assert_true(addr_resolve(label, list, ARRAY_LEN(list)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(test_text_is_parsed_and_written),
        LEAK_FREE(test_malformed_text_is_refused),
        LEAK_FREE(test_kinds),
        LEAK_FREE(test_sockaddrs_go_there_and_back),
        LEAK_FREE(test_equality),
        LEAK_FREE(test_interfaces_include_the_loopback),
        LEAK_FREE(test_resolve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
