/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "bench/loadgen/answer.h"
#include "bench/loadgen/offer.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rng.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "transport/jsep.h"
#include "transport/transceiver.h"

#define FINGERPRINT                                                                          \
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:" \
    "AA:BB:CC:DD:EE:FF"
#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define TRANSPORT \
    "a=ice-ufrag:theirs\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:" FINGERPRINT "\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\na=rtpmap:102 VP8/90000\r\n"

static char why[ANSWER_WHY_LEN];

static int parse(struct answer *a, const char *text)
{
    return answer_parse(a, str_of(text), why);
}

static void other_servers_words_are_understood(void **state)
{
    struct answer a;

    (void)state;
    int err = parse(&a, HEAD TRANSPORT
                    "a=setup:active\r\na=ice-lite\r\n" VIDEO
                    "a=mid:0\r\na=sendonly\r\na=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n"
                    "a=rtcp-fb:102 transport-cc\r\n"
                    "a=extmap:7 http://www.ietf.org/id/"
                    "draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
                    "a=candidate:1 1 tcp 9 127.0.0.1 9 typ host tcptype passive\r\n"
                    "a=candidate:2 1 udp 9 fe80::1 9 typ host\r\n"
                    "a=candidate:3 1 udp 9 192.0.2.1 5000 typ host\r\n"
                    "a=candidate:4 1 udp 1 127.0.0.1 5001 typ host\r\n");
    if (err != 0)
        fail_msg("%s", why);
    assert_string_equal(a.ice.ufrag, "theirs");
    assert_int_equal(a.fingerprint_count, 1);
    assert_true(a.is_dtls_client);
    assert_true(addr_is_loopback(&a.addr));
    assert_int_equal(a.addr.port, 5001);
    assert_true(a.video.is_accepted && a.video.twcc);
    assert_int_equal(a.video.pt, 102);
    assert_int_equal(a.video.rtx_pt, 103);
    assert_int_equal(a.video.ext.id[RTP_EXT_TWCC], 7);
    assert_int_equal(a.video.ext.id[RTP_EXT_MID], 0);
    assert_false(a.audio.is_accepted);
}

static void feedback_needs_both_its_lines(void **state)
{
    struct answer a;

    (void)state;
    assert_int_equal(parse(&a, HEAD TRANSPORT VIDEO
                           "a=setup:passive\r\n"
                           "a=rtcp-fb:102 transport-cc\r\n"
                           "a=candidate:3 1 udp 9 192.0.2.1 5000 typ host\r\n"),
                     0);
    assert_false(a.video.twcc);
    assert_false(a.is_dtls_client);
    assert_int_equal(a.video.rtx_pt, PT_NONE);
    assert_int_equal(a.addr.port, 5000);
}

static void accepted_rids_are_told_apart(void **state)
{
    struct answer a;

    (void)state;
    assert_int_equal(parse(&a, HEAD TRANSPORT VIDEO
                           "a=rid:q recv\r\na=rid:f recv\r\na=simulcast:recv ~q;f\r\n"
                           "a=candidate:3 1 udp 9 192.0.2.1 5000 typ host\r\n"),
                     0);
    assert_int_equal(a.video.rids, 1 | 4);
}

static void what_cannot_be_used_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {"nonsense", E_MALFORMED},
        {HEAD, E_UNSUPPORTED},
        {HEAD TRANSPORT VIDEO, E_UNSUPPORTED}, /* no candidate */
        {HEAD VIDEO "a=candidate:3 1 udp 9 192.0.2.1 5000 typ host\r\n", E_MALFORMED},
        {HEAD "a=ice-ufrag:theirs\r\na=ice-pwd:0123456789012345678901\r\n" VIDEO, E_MALFORMED},
        {HEAD TRANSPORT "m=video 0 UDP/TLS/RTP/SAVPF 102\r\n", E_UNSUPPORTED},
        {HEAD TRANSPORT "m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=rtpmap:102 H264/90000\r\n"
                        "a=candidate:3 1 udp 9 192.0.2.1 5000 typ host\r\n",
         E_UNSUPPORTED},
    };
    struct answer a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        why[0] = 0;
        int err = parse(&a, rows[i].text);
        if (err != rows[i].want || why[0] == 0)
            fail_msg("row %zu: %d, %s", i, err, why);
    }
}

/* ---- our own server's answer to our own offer ---- */

static struct jsep *make_jsep(struct rng *rng, struct candidate *candidate)
{
    struct jsep_config config = {.candidate = candidate, .candidate_count = 1, .rng = rng};

    rng_seed(rng, 1);
    *candidate = (struct candidate){.foundation = "1", .component = 1, .priority = 1};
    assert_int_equal(addr_parse(&candidate->addr, STR("127.0.0.1:4000")), 0);
    (void)snprintf(config.fingerprint.hash, sizeof(config.fingerprint.hash), "sha-256");
    config.fingerprint.len = 32;
    return jsep_new(&config);
}

static void expect_feedback(const struct transceiver *t, const struct answer *a, bool is)
{
    const struct negotiated_codec *vp8 = &t->codec[0];

    assert_true(vp8->pli && vp8->fir && !vp8->remb);
    assert_true(vp8->twcc == is && vp8->nack == is);
    assert_int_equal(vp8->rtx_pt, is ? OFFER_PT_RTX : PT_NONE);
    assert_int_equal(a->video.rtx_pt, vp8->rtx_pt);
    assert_true((a->video.ext.id[RTP_EXT_TWCC] != 0) == is);
    assert_true((a->audio.ext.id[RTP_EXT_TWCC] != 0) == is);
}

static void expect_taken(bool is_plain)
{
    struct offer o = {.sends = true,
                      .has_audio = true,
                      .is_simulcast = true,
                      .audio_ssrc = 3,
                      .is_plain = is_plain};
    const struct jsep_result *result;
    struct candidate candidate;
    struct sdp_error reason;
    struct strbuf offer, text;
    struct answer a;
    struct rng rng;
    struct jsep *j = make_jsep(&rng, &candidate);

    (void)snprintf(o.ice.ufrag, sizeof(o.ice.ufrag), "abcd");
    (void)snprintf(o.ice.pwd, sizeof(o.ice.pwd), "0123456789012345678901");
    (void)snprintf(o.fingerprint.hash, sizeof(o.fingerprint.hash), "sha-256");
    o.fingerprint.len = 32;
    strbuf_init(&offer, 10000);
    strbuf_init(&text, 10000);
    offer_write(&o, &offer);
    if (jsep_answer(j, (struct str){offer.p, offer.len}, NULL, NULL, &text, &result, &reason) != 0)
        fail_msg("line %u: %s", reason.line, reason.text);
    assert_int_equal(result->transceiver_count, 2);
    assert_true(result->transceiver[0].is_simulcast);
    assert_int_equal(result->transceiver[0].encoding_count, OFFER_ENCODINGS);
    if (answer_parse(&a, (struct str){text.p, text.len}, why) != 0)
        fail_msg("%s", why);
    assert_int_equal(a.video.pt, OFFER_PT_VP8);
    assert_int_equal(a.audio.pt, OFFER_PT_OPUS);
    assert_int_equal(a.video.rids, 7);
    assert_int_equal(a.addr.port, 4000);
    assert_true(a.video.ext.id[RTP_EXT_MID] != 0 && a.video.ext.id[RTP_EXT_RID] != 0);
    expect_feedback(&result->transceiver[0], &a, !is_plain);
    strbuf_fini(&offer);
    strbuf_fini(&text);
    jsep_free(&j);
}

static void parley_takes_the_offer(void **state)
{
    (void)state;
    expect_taken(false);
    expect_taken(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(other_servers_words_are_understood),
        LEAK_FREE(feedback_needs_both_its_lines),
        LEAK_FREE(accepted_rids_are_told_apart),
        LEAK_FREE(what_cannot_be_used_is_refused_with_a_sentence),
        LEAK_FREE(parley_takes_the_offer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
