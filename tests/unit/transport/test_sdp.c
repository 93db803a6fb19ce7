/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "core/err.h"
#include "core/mem.h"
#include "tests/unit/transport/offers.h"
#include "transport/sdp.h"

#define M "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"

static int parse(struct sdp **out, const char *text, struct sdp_error *why)
{
    return sdp_parse(out, text, strlen(text), why);
}

static struct sdp *parsed(const char *text)
{
    struct sdp_error why;
    struct sdp *s = NULL;

    if (parse(&s, text, &why) < 0)
        fail_msg("line %u: %s", why.line, why.text);
    return s;
}

static bool is(struct str s, const char *text)
{
    return str_eq_c(s, text);
}

static void every_attribute_lands_in_its_field(void **state)
{
    (void)state;
    struct sdp *s = parsed(
        "v=0\r\no=- 18446744073709551615 7 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        "a=group:LS a b\r\na=group:BUNDLE a b\r\na=group:BUNDLE b\r\na=extmap-allow-mixed\r\n"
        "a=ice-lite\r\na=ice-options:trickle renomination\r\na=setup:active\r\n"
        "a=fingerprint:sha-256 AB:CD\r\na=x-unknown:1\r\nz=0 0\r\n"
        "m=audio 9/2 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\nb=AS:64\r\na=mid:a\r\n"
        "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=setup:actpass\r\n"
        "a=sendonly\r\na=rtcp-mux\r\na=rtcp-mux-only\r\na=rtcp-rsize\r\na=bundle-only\r\n"
        "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
        "a=rtcp-fb:111 transport-cc\r\na=rtcp-fb:* nack pli\r\n"
        "a=extmap:1 urn:x\r\na=extmap:2/recvonly urn:y attributes\r\na=extmap:4096 urn:later\r\n"
        "a=ssrc:4294967295 cname:c d\r\na=ssrc-group:FID 1 2\r\na=msid:stream track\r\n"
        "a=msid:other track\r\na=ptime:20\r\na=maxptime:60.5\r\n"
        "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n"
        "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:b\r\na=rid:hi send pt=96;max-width=1280\r\n"
        "a=rid:x recv\r\na=simulcast:send hi recv x\r\na=extmap-allow-mixed\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n");

    assert_true(s->session_id == UINT64_MAX && s->session_version == 7);
    assert_true(s->has_bundle && s->bundle_count == 2 && is(s->bundle[1], "b"));
    assert_true(s->ext_mixed && s->transport.ice_lite && s->transport.ice_trickle &&
                s->transport.ice_renomination);
    assert_int_equal(s->transport.setup, SDP_SETUP_ACTIVE);
    assert_true(is(s->transport.fingerprint[0].hash, "sha-256") &&
                is(s->transport.fingerprint[0].value, "AB:CD"));
    assert_int_equal(s->section_count, 3);

    const struct sdp_section *a = &s->section[0];
    assert_true(a->line == 15 && is(a->media, "audio") && a->port == 9 &&
                is(a->protocol, "UDP/TLS/RTP/SAVPF"));
    assert_true(a->pt_count == 2 && a->pt[0] == 111 && a->pt[1] == 0 && is(a->format, "111"));
    assert_true(a->has_mid && is(a->mid, "a") && a->direction == SDP_SENDONLY);
    assert_true(is(a->transport.ice_ufrag, "abcd") &&
                is(a->transport.ice_pwd, "0123456789abcdefghijkl"));
    assert_int_equal(a->transport.setup, SDP_SETUP_ACTPASS);
    assert_true(a->rtcp_mux && a->rtcp_mux_only && a->rtcp_rsize && a->bundle_only &&
                a->end_of_candidates);
    assert_true(a->rtpmap_count == 1 && is(a->rtpmap[0].encoding, "opus") &&
                a->rtpmap[0].clock_hz == 48000);
    assert_true(a->rtpmap[0].channels == 2 &&
                is(sdp_find_fmtp(a, 111)->params, "minptime=10;useinbandfec=1"));
    assert_true(a->rtcp_fb[0].pt == 111 && a->rtcp_fb[1].pt == -1 &&
                is(a->rtcp_fb[1].value, "nack pli"));
    assert_true(a->extmap_count == 2 && a->extmap[1].id == 2 && is(a->extmap[1].uri, "urn:y"));
    assert_true(!a->extmap[0].has_direction && a->extmap[1].direction == SDP_RECVONLY);
    assert_true(a->ssrc[0].ssrc == UINT32_MAX && is(a->ssrc[0].attribute, "cname") &&
                is(a->ssrc[0].value, "c d"));
    assert_true(is(a->ssrc_group[0].semantics, "FID") && a->ssrc_group[0].count == 2);
    assert_true(is(a->msid_stream, "stream") && is(a->msid_track, "track"));
    assert_true(a->ptime_ms == 20 && a->maxptime_ms == 60);
    assert_true(a->candidate_count == 1 && is(a->candidate[0], "1 1 udp 1 192.0.2.1 1 typ host"));

    const struct sdp_section *b = sdp_find_mid(s, STR("b"));
    assert_true(b == &s->section[1] && b->port == 0 && b->ext_mixed &&
                b->direction == SDP_SENDRECV);
    assert_true(b->rid[0].is_send && is(b->rid[0].restrictions, "pt=96;max-width=1280") &&
                !b->rid[1].is_send);
    assert_true(is(b->simulcast_send, "hi") && is(b->simulcast_recv, "x"));

    const struct sdp_section *c = &s->section[2];
    assert_true(!c->has_mid && c->pt_count == 0 && is(c->format, "webrtc-datachannel") &&
                is(c->sctp_port, "5000"));
    assert_null(sdp_find_mid(s, STR("c")));
    assert_null(sdp_find_rtpmap(c, 111));
    sdp_free(&s);
    assert_null(s);
    sdp_free(&s);
}

static void line_ends_blank_lines_and_a_missing_last_end_do_not_matter(void **state)
{
    static const char *const rows[] = {"v=0\r\ns=-\r\n" M "a=mid:x\r\n",
                                       "v=0\ns=-\nm=audio 9 RTP/AVP 0\na=mid:x",
                                       "v=0\r\n\r\ns=-\n\n" M "\na=mid:x\n\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sdp *s = parsed(rows[i]);
        assert_true(s->section_count == 1 && is(s->section[0].mid, "x"));
        sdp_free(&s);
    }
}

static void session_direction_is_the_default_of_sections(void **state)
{
    (void)state;
    struct sdp *s = parsed("v=0\r\na=recvonly\r\n" M M "a=inactive\r\n");
    assert_int_equal(s->section[0].direction, SDP_RECVONLY);
    assert_int_equal(s->section[1].direction, SDP_INACTIVE);
    sdp_free(&s);
}

static void text_outlives_its_source(void **state)
{
    struct sdp_error why;
    struct sdp *s = NULL;
    char text[] = "v=0\r\n" M "a=mid:keep\r\n";

    (void)state;
    assert_int_equal(parse(&s, text, &why), 0);
    memset(text, 'x', sizeof text);
    assert_true(is(s->section[0].mid, "keep"));
    sdp_free(&s);
}

static void what_the_grammar_forbids_is_refused_with_line_and_reason(void **state)
{
    static const struct {
        const char *text;
        int err;
        unsigned line;
        const char *reason;
    } rows[] = {
        {"", E_MALFORMED, 0, "empty"},
        {"\r\n\r\n", E_MALFORMED, 0, "empty"},
        {"o=- 1 1 IN IP4 0.0.0.0\r\n", E_MALFORMED, 1,
         "starts with v=0: \"o=- 1 1 IN IP4 0.0.0.0\""},
        {"v=1\r\n", E_UNSUPPORTED, 1, "version 0"},
        {"v=0\r\nnonsense\r\n", E_MALFORMED, 2, "letter and \"=\": \"nonsense\""},
        {"v=0\r\ns", E_MALFORMED, 2, "letter"},
        {"v=0\r\ns=a\tb\r\n", E_MALFORMED, 2, "control characters, or not UTF-8: \"s=a?b\""},
        {"v=0\r\ns=a\rb\r\n", E_MALFORMED, 2, "control"},
        {"v=0\r\ns=\xff\r\n", E_MALFORMED, 2, "UTF-8: \"s=?\""},
        {"v=0\r\no=- x 1 IN IP4 0.0.0.0\r\n", E_MALFORMED, 2, "decimal"},
        {"v=0\r\no=- 1 18446744073709551616 IN IP4 0.0.0.0\r\n", E_MALFORMED, 2, "decimal"},
        {"v=0\r\nm=audio 9\r\n", E_MALFORMED, 2, "needs media"},
        {"v=0\r\nm=audio x RTP/SAVPF 0\r\n", E_MALFORMED, 2, "port"},
        {"v=0\r\nm=audio 65536 RTP/SAVPF 0\r\n", E_MALFORMED, 2, "port"},
        {"v=0\r\nm=audio 9 RTP/SAVPF 128\r\n", E_MALFORMED, 2, "0 to 127"},
        {"v=0\r\nm=audio 9 RTP/SAVPF 8 0 8\r\n", E_MALFORMED, 2, "payload type 8 is listed twice"},
        {"v=0\r\n" M "a=mid:a b\r\n", E_MALFORMED, 3, "token"},
        {"v=0\r\n" M "a=mid:\r\n", E_MALFORMED, 3, "token"},
        {"v=0\r\n" M "a=mid:123456789012345678901234567890123\r\n", E_LIMIT, 3, "longer than 32"},
        {"v=0\r\n" M "a=mid:a\r\na=mid:b\r\n", E_MALFORMED, 4, "two mids"},
        {"v=0\r\n" M "a=mid:a\r\n" M "a=mid:a\r\n", E_MALFORMED, 4,
         "two m-sections have the mid \"a\""},
        {"v=0\r\na=group:BUNDLE a\r\n" M, E_MALFORMED, 0, "no m-section has"},
        {"v=0\r\na=group:BUNDLE a a\r\n" M "a=mid:a\r\n", E_MALFORMED, 0, "twice"},
        {"v=0\r\na=group:BUNDLE \"a\r\n" M, E_MALFORMED, 2, "not a token"},
        {"v=0\r\n" M "a=ice-ufrag:abc\r\n", E_MALFORMED, 3, "4 to 256"},
        {"v=0\r\n" M "a=ice-ufrag:ab:cd\r\n", E_MALFORMED, 3, "4 to 256"},
        {"v=0\r\n" M "a=ice-pwd:tooshort\r\n", E_MALFORMED, 3, "22 to 256"},
        {"v=0\r\n" M "a=ice-ufrag:abcd\r\na=ice-ufrag:efgh\r\n", E_MALFORMED, 4, "twice"},
        {"v=0\r\n" M "a=setup:server\r\n", E_MALFORMED, 3, "setup role"},
        {"v=0\r\n" M "a=fingerprint:sha-256\r\n", E_MALFORMED, 3, "fingerprint"},
        {"v=0\r\n" M "a=rtpmap:111 opus\r\n", E_MALFORMED, 3, "name/clock"},
        {"v=0\r\n" M "a=rtpmap:111 opus/0\r\n", E_MALFORMED, 3, "name/clock"},
        {"v=0\r\n" M "a=rtpmap:111 opus/48000/256\r\n", E_MALFORMED, 3, "name/clock"},
        {"v=0\r\n" M "a=rtpmap:111 a/1\r\na=rtpmap:111 b/1\r\n", E_MALFORMED, 4, "mapped twice"},
        {"v=0\r\n" M "a=rtpmap:x opus/48000\r\n", E_MALFORMED, 3, "0 to 127"},
        {"v=0\r\n" M "a=fmtp:200 x=1\r\n", E_MALFORMED, 3, "0 to 127"},
        {"v=0\r\n" M "a=rtcp-fb:-1 nack\r\n", E_MALFORMED, 3, "0 to 127"},
        {"v=0\r\n" M "a=extmap:0 urn:x\r\n", E_MALFORMED, 3, "1 to 255"},
        {"v=0\r\n" M "a=extmap:256 urn:x\r\n", E_MALFORMED, 3, "1 to 255"},
        {"v=0\r\n" M "a=extmap:1\r\n", E_MALFORMED, 3, "URI"},
        {"v=0\r\n" M "a=extmap:1/both urn:x\r\n", E_MALFORMED, 3, "direction"},
        {"v=0\r\n" M "a=extmap:1 urn:x\r\na=extmap:1 urn:y\r\n", E_MALFORMED, 4,
         "id 1 is used twice"},
        {"v=0\r\n" M "a=ssrc:0 cname:x\r\n", E_MALFORMED, 3, "SSRC"},
        {"v=0\r\n" M "a=ssrc:4294967296 cname:x\r\n", E_MALFORMED, 3, "SSRC"},
        {"v=0\r\n" M "a=ssrc-group:FID 1 x\r\n", E_MALFORMED, 3, "SSRC"},
        {"v=0\r\n" M "a=ssrc-group:FID 1 1\r\n", E_MALFORMED, 3, "twice"},
        {"v=0\r\n" M "a=ssrc-group:SIM 1 2 3 4 5 6 7 8 9\r\n", E_LIMIT, 3, "more than 8"},
        {"v=0\r\n" M "a=rid:a/b send\r\n", E_MALFORMED, 3, "letters"},
        {"v=0\r\n" M "a=rid:12345678901234567 send\r\n", E_LIMIT, 3, "longer than 16"},
        {"v=0\r\n" M "a=rid:a both\r\n", E_MALFORMED, 3, "send or recv"},
        {"v=0\r\n" M "a=rid:a send\r\na=rid:a send\r\n", E_MALFORMED, 4, "twice"},
        {"v=0\r\n" M "a=simulcast:send\r\n", E_MALFORMED, 3, "list"},
        {"v=0\r\n" M "a=simulcast:a;b\r\n", E_MALFORMED, 3, "send"},
        {"v=0\r\n" M "a=simulcast:send a send b\r\n", E_MALFORMED, 3, "twice"},
        {"v=0\r\n" M "a=simulcast:send a\r\na=simulcast:send b\r\n", E_MALFORMED, 4,
         "two simulcast"},
        {"v=0\r\n" M "a=ptime:soon\r\n", E_MALFORMED, 3, "milliseconds"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sdp_error why;
        struct sdp *s = NULL;
        int err = parse(&s, rows[i].text, &why);
        if (err != rows[i].err || why.line != rows[i].line ||
            strstr(why.text, rows[i].reason) == NULL)
            fail_msg("row %zu: %s, line %u: %s", i, err_name(err), why.line, why.text);
        assert_null(s);
    }
}

static void passwords_are_not_quoted(void **state)
{
    struct sdp_error why;
    struct sdp *s = NULL;

    (void)state;
    assert_int_equal(parse(&s, "v=0\r\n" M "a=ice-pwd:secret word\r\n", &why), E_MALFORMED);
    assert_null(strstr(why.text, "secret"));
    assert_non_null(strstr(why.text, "a=ice-pwd:..."));
}

static void long_lines_are_quoted_in_part(void **state)
{
    char text[400] = "v=0\r\nm=";
    struct sdp_error why;
    struct sdp *s = NULL;

    (void)state;
    memset(text + strlen(text), 'a', 300);
    assert_int_equal(parse(&s, text, &why), E_MALFORMED);
    assert_non_null(strstr(why.text, "aaa...\""));
    assert_true(strlen(why.text) < sizeof why.text - 1);
}

/* A description with @count lines made of @fmt, which takes a number. */
static int parse_many(const char *fmt, unsigned count, struct sdp_error *why)
{
    struct strbuf b;
    struct sdp *s = NULL;

    strbuf_init(&b, MAX_SDP_BYTES * 2);
    strbuf_add(&b, "v=0\r\n" M);
    for (unsigned i = 1; i <= count; i++) {
        char line[128];
        const char *hash = strchr(fmt, '#');
        if (hash)
            snprintf(line, sizeof line, "%.*s%u%s", (int)(hash - fmt), fmt, i, hash + 1);
        else
            snprintf(line, sizeof line, "%s", fmt);
        strbuf_add(&b, line);
        strbuf_add(&b, "\r\n");
    }
    int err = parse(&s, b.p, why);
    sdp_free(&s);
    strbuf_fini(&b);
    return err;
}

static void counts_end_at_their_limits(void **state)
{
    static const struct {
        const char *line;
        unsigned max;
    } rows[] = {
        {"m=audio 9 RTP/SAVPF 0", MAX_SECTIONS - 1},
        {"a=extmap:# urn:x", MAX_EXTS_PER_SECTION},
        {"a=fmtp:1 x=1", MAX_CODECS_PER_SECTION},
        {"a=rtpmap:# x/1", MAX_CODECS_PER_SECTION},
        {"a=rtcp-fb:1 nack", MAX_RTCP_FB_PER_SECTION},
        {"a=ssrc:1 cname:x", MAX_SSRC_LINES_PER_SECTION},
        {"a=ssrc-group:FID 1 2", MAX_SSRC_LINES_PER_SECTION},
        {"a=rid:r# send", MAX_RIDS_PER_SECTION},
        {"a=fingerprint:sha-256 AB", MAX_FINGERPRINTS},
        {"s=-", MAX_SDP_LINES - 2},
    };
    struct sdp_error why;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(parse_many(rows[i].line, rows[i].max, &why), 0);
        assert_int_equal(parse_many(rows[i].line, rows[i].max + 1, &why), E_LIMIT);
        assert_int_equal(why.line, rows[i].max + 3);
    }
    assert_int_equal(parse_many("a=candidate:# 1 udp 1 192.0.2.1 1 typ host", 500, &why), 0);
    assert_int_equal(parse_many("s=--------------------------------------------------------",
                                MAX_SDP_LINES - 10, &why),
                     E_LIMIT);
    assert_int_equal(why.line, 0);
}

static void a_line_ends_at_its_limit(void **state)
{
    static char text[MAX_SDP_LINE_BYTES + 64] = "v=0\r\ns=";
    struct sdp_error why;
    struct sdp *s = NULL;

    (void)state;
    memset(text + 7, 'x', MAX_SDP_LINE_BYTES - 2);
    assert_int_equal(parse(&s, text, &why), 0);
    sdp_free(&s);
    text[7 + MAX_SDP_LINE_BYTES - 2] = 'x';
    assert_int_equal(parse(&s, text, &why), E_LIMIT);
    assert_int_equal(why.line, 2);
}

static void running_out_of_memory_is_an_error_at_every_step(void **state)
{
    static const char text[] =
        SESSION_HEAD BUNDLE("0 1") AUDIO("0", "a=ssrc:1 cname:x\r\na=ssrc-group:FID 1 2\r\n") VIDEO(
            "1", RID_EXTS
            "a=rtcp-fb:96 nack\r\na=rid:a send\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n");
    struct sdp_error why;
    struct sdp *s = NULL;
    uint64_t nth = 1;

    (void)state;
    for (; nth < 100; nth++) {
        mem_fail_nth(nth);
        int err = parse(&s, text, &why);
        mem_fail_nth(0);
        if (err == 0)
            break;
        assert_int_equal(err, E_NO_MEMORY);
        assert_null(s);
    }
    assert_in_range(nth, 10, 50);
    sdp_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(every_attribute_lands_in_its_field),
        LEAK_FREE(line_ends_blank_lines_and_a_missing_last_end_do_not_matter),
        LEAK_FREE(session_direction_is_the_default_of_sections),
        LEAK_FREE(text_outlives_its_source),
        LEAK_FREE(what_the_grammar_forbids_is_refused_with_line_and_reason),
        LEAK_FREE(passwords_are_not_quoted),
        LEAK_FREE(long_lines_are_quoted_in_part),
        LEAK_FREE(counts_end_at_their_limits),
        LEAK_FREE(a_line_ends_at_its_limit),
        LEAK_FREE(running_out_of_memory_is_an_error_at_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
