/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments as clients write them, and what is wrong with others. */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "api/sdpfrag.h"
#include "core/err.h"
#include "core/mem.h"

#define UFRAG "a=ice-ufrag:EsAw\r\n"
#define PWD "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
#define CANDIDATE "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n"

static int parse(struct sdpfrag *frag, const char *text, struct refusal *why)
{
    return sdpfrag_parse(frag, str_of(text), why);
}

static void fragments_of_clients_are_read(void **state)
{
    static const struct {
        const char *text;
        bool has_credentials;
        size_t candidates;
        bool has_end;
    } rows[] = {
        /* RFC 9725 */
        {UFRAG PWD "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n" CANDIDATE CANDIDATE
                   "a=end-of-candidates\r\n",
         true, 2, true},
        /* draft-ietf-wish-whep: inside the section */
        {"a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
         "a=mid:0\r\n" UFRAG PWD CANDIDATE,
         true, 1, false},
        /* the same in each section */
        {"m=audio 9 RTP/AVP 0\r\n" UFRAG PWD CANDIDATE
         "m=video 9 RTP/AVP 0\r\n" UFRAG PWD CANDIDATE,
         true, 2, false},
        {UFRAG PWD, true, 0, false},
        {CANDIDATE, false, 1, false},
        {"a=end-of-candidates\n\n", false, 0, true},
        {"v=0\ns= \na=candidate:1 1 udp 1 a.local 9 typ host", false, 1, false},
        {"a=end-of-candidates-and-more\r\n", false, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sdpfrag frag;
        struct refusal why;

        assert_int_equal(parse(&frag, rows[i].text, &why), 0);
        assert_int_equal(frag.ufrag.len > 0, rows[i].has_credentials);
        assert_int_equal(frag.pwd.len > 0, rows[i].has_credentials);
        assert_int_equal(frag.candidate_count, rows[i].candidates);
        assert_int_equal(frag.has_end, rows[i].has_end);
        if (rows[i].has_credentials)
            assert_true(str_eq_c(frag.ufrag, "EsAw"));
        if (frag.candidate_count > 0)
            assert_true(str_starts(frag.candidate[0].value, STR("candidate:1 1 udp")));
    }
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    static const struct {
        const char *text;
        int err;
        unsigned line;
    } rows[] = {
        {"", E_MALFORMED, 0},
        {"hello\r\n", E_MALFORMED, 1},
        {UFRAG PWD "A=mid:0\r\n", E_MALFORMED, 3},
        {UFRAG "a\r\n", E_MALFORMED, 2},
        {UFRAG "a=mid:\001\r\n", E_MALFORMED, 2},
        {UFRAG, E_MALFORMED, 0},
        {PWD, E_MALFORMED, 0},
        {"a=ice-ufrag:abc\r\n" PWD, E_MALFORMED, 1},
        {"a=ice-ufrag:a:bcd\r\n" PWD, E_MALFORMED, 1},
        {"a=ice-ufrag:a bcd\r\n" PWD, E_MALFORMED, 1},
        {UFRAG "a=ice-pwd:tooshort\r\n", E_MALFORMED, 2},
        {UFRAG PWD "a=ice-ufrag:other\r\n", E_UNSUPPORTED, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sdpfrag frag;
        struct refusal why;

        assert_int_equal(parse(&frag, rows[i].text, &why), rows[i].err);
        assert_int_equal(why.line, rows[i].line);
        assert_true(why.text[0] != 0);
    }
}

static void bounds_hold(void **state)
{
    struct sdpfrag frag;
    struct refusal why;
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 2 * MAX_SDPFRAG_BYTES);
    for (int i = 0; i < MAX_CANDIDATES_PER_REQUEST; i++)
        strbuf_add(&text, CANDIDATE);
    assert_int_equal(parse(&frag, text.p, &why), 0);
    strbuf_add(&text, CANDIDATE);
    assert_int_equal(parse(&frag, text.p, &why), E_LIMIT);
    assert_int_equal(why.line, MAX_CANDIDATES_PER_REQUEST + 1);

    strbuf_clear(&text);
    strbuf_add(&text, "a=candidate:");
    while (text.len <= MAX_CANDIDATE_LINE_LEN + 2)
        strbuf_add_char(&text, 'x');
    assert_int_equal(parse(&frag, text.p, &why), E_LIMIT);
    while (text.len <= MAX_SDPFRAG_BYTES)
        strbuf_add(&text, "\na=mid:0");
    assert_int_equal(parse(&frag, text.p, &why), E_LIMIT);
    strbuf_fini(&text);
}

static void a_restart_tells_session_and_section(void **state)
{
    static const char answer[] =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 1\r\na=ice-lite\r\n"
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=inactive\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=ice-ufrag:old1\r\n"
        "a=ice-pwd:old\r\na=setup:passive\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
        "a=candidate:2 1 tcp 1 192.0.2.1 1 typ host tcptype passive\r\na=end-of-candidates\r\n"
        "a=recvonly\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=ice-ufrag:old1\r\na=ice-pwd:old\r\n";
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 4096);
    sdpfrag_write_restart(STR(answer), "new1", "new-password", &text);
    assert_string_equal(text.p,
                        "a=group:BUNDLE 1\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
                        "a=mid:1\r\na=ice-ufrag:new1\r\na=ice-pwd:new-password\r\n"
                        "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
                        "a=candidate:2 1 tcp 1 192.0.2.1 1 typ host tcptype passive\r\n"
                        "a=end-of-candidates\r\n");
    strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_of_clients_are_read),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(a_restart_tells_session_and_section),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
