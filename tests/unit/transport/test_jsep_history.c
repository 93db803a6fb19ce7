/* SPDX-License-Identifier: Apache-2.0 */
/* From offer to offer: what stays, what may change; and the offers of real clients, one after the other. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "core/mem.h"
#include "tests/unit/transport/offers.h"

#define NEW_UFRAG "a=ice-ufrag:efgh\r\n"
#define NEW_PWD "a=ice-pwd:9876543210abcdefghijkl\r\n"
#define OTHER_FINGERPRINT                                                                        \
    "a=fingerprint:sha-256 "                                                                     \
    "FF:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:" \
    "CD:EF\r\n"
#define FIRST SESSION_HEAD BUNDLE("0 1") AUDIO("0", "a=sendonly\r\n") VIDEO("1", "a=recvonly\r\n")

static void take(struct answerer *a, const char *offer)
{
    if (answerer_take(a, offer) < 0)
        fail_msg("line %u: %s", a->why.line, a->why.text);
}

static void a_repeated_offer_changes_the_version_only(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    take(&a, FIRST);
    const struct ice_credentials local = a.result->local;
    char *before = mem_strdup(a.answer.p);
    take(&a, FIRST);
    assert_true(!a.result->is_first && !a.result->is_ice_restart);
    assert_memory_equal(&a.result->local, &local, sizeof local);
    char *version = strstr(before, " 1 IN IP4");
    version[1] = '2';
    assert_string_equal(a.answer.p, before);
    mem_free(before);
    answerer_fini(&a);
}

static void sections_are_added_and_ours_keep_their_ssrcs(void **state)
{
    struct answerer a;
    uint32_t ssrc, rtx_ssrc;

    (void)state;
    answerer_init(&a);
    take(&a, FIRST);
    ssrc = a.result->transceiver[1].ssrc;
    rtx_ssrc = a.result->transceiver[1].rtx_ssrc;
    take(&a, SESSION_HEAD BUNDLE("0 1 2") AUDIO("0", "a=sendonly\r\n") VIDEO("1", "a=inactive\r\n")
                 VIDEO("2", "a=recvonly\r\n"));
    assert_false(a.result->transceiver[1].send);
    take(&a, SESSION_HEAD BUNDLE("0 1 2") AUDIO("0", "a=sendrecv\r\n") VIDEO("1", "a=recvonly\r\n")
                 VIDEO("2", "a=recvonly\r\n"));
    const struct transceiver *t = a.result->transceiver;
    assert_true(t[0].recv && t[0].send && t[1].send && t[2].send);
    assert_true(t[1].ssrc == ssrc && t[1].rtx_ssrc == rtx_ssrc);
    assert_true(t[2].ssrc != ssrc && t[2].ssrc != t[0].ssrc && t[2].ssrc != rtx_ssrc);
    answerer_fini(&a);
}

static void new_credentials_of_both_kinds_are_an_ice_restart(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO("0", ""));
    const struct ice_credentials local = a.result->local;
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO_LINE
         "a=mid:0\r\n" NEW_UFRAG NEW_PWD FINGERPRINT ACTPASS MUX OPUS);
    assert_true(a.result->is_ice_restart && !a.result->is_first);
    assert_string_equal(a.result->remote.ice.ufrag, "efgh");
    assert_string_not_equal(a.result->local.ufrag, local.ufrag);
    assert_string_not_equal(a.result->local.pwd, local.pwd);
    const struct ice_credentials restarted = a.result->local;
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO_LINE
         "a=mid:0\r\n" NEW_UFRAG NEW_PWD FINGERPRINT ACTPASS MUX OPUS);
    assert_false(a.result->is_ice_restart);
    assert_memory_equal(&a.result->local, &restarted, sizeof restarted);
    answerer_fini(&a);
}

static void ice_is_restarted_without_an_offer(void **state)
{
    const struct ice_credentials fresh = {"fresh", "lkjihgfedcba9876543210"},
                                 half = {"other", "lkjihgfedcba9876543210"};
    struct ice_credentials local, again;
    struct answerer a;
    bool is_new = false;

    (void)state;
    answerer_init(&a);
    assert_int_equal(jsep_restart_ice(a.jsep, &fresh, &local, &is_new), E_STATE);
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO("0", ""));
    const struct ice_credentials before = a.result->local;
    assert_int_equal(jsep_restart_ice(a.jsep, &fresh, &local, &is_new), 0);
    assert_true(is_new);
    assert_string_not_equal(local.ufrag, before.ufrag);
    assert_string_not_equal(local.pwd, before.pwd);
    assert_int_equal(jsep_restart_ice(a.jsep, &fresh, &again, &is_new), 0);
    assert_false(is_new);
    assert_memory_equal(&again, &local, sizeof local);
    assert_int_equal(jsep_restart_ice(a.jsep, &half, &again, &is_new), E_MALFORMED);
    /* What an offer says next is compared with the credentials of now. */
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO("0", ""));
    assert_true(a.result->is_ice_restart);
    answerer_fini(&a);
}

static void a_stopped_place_is_kept_and_may_become_another_section(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    take(&a, FIRST);
    uint32_t ssrc = a.result->transceiver[1].ssrc;
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO("0", "a=sendonly\r\n") STOPPED("video", "1"));
    assert_true(a.result->transceiver[1].rejected);
    assert_true(answerer_said(&a, "a=group:BUNDLE 0\r\n"));
    take(&a, SESSION_HEAD BUNDLE("0 x") AUDIO("0", "a=sendonly\r\n") AUDIO("x", "a=recvonly\r\n"));
    assert_true(!a.result->transceiver[1].rejected && a.result->transceiver[1].kind == MEDIA_AUDIO);
    assert_string_equal(a.result->transceiver[1].mid, "x");
    assert_true(a.result->transceiver[1].send && a.result->transceiver[1].ssrc != ssrc);
    answerer_fini(&a);
}

static void a_rejected_section_may_come_again_with_a_codec_we_know(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    take(&a, SESSION_HEAD BUNDLE("0 1")
                 AUDIO("0", "") "m=video 9 UDP/TLS/RTP/SAVPF 50\r\na=mid:1\r\n" TRANSPORT);
    assert_true(a.result->transceiver[1].rejected);
    take(&a, SESSION_HEAD BUNDLE("0 1") AUDIO("0", "") VIDEO("1", ""));
    assert_false(a.result->transceiver[1].rejected);
    answerer_fini(&a);
}

static void after_everything_was_stopped_the_transport_is_new(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO("0", ""));
    const struct ice_credentials local = a.result->local;
    take(&a, SESSION_HEAD STOPPED("audio", "0"));
    assert_false(a.result->is_first);
    assert_memory_equal(&a.result->local, &local, sizeof local);
    assert_false(answerer_said(&a, "a=group"));
    take(&a, SESSION_HEAD BUNDLE("1") AUDIO_LINE "a=mid:1\r\n" NEW_UFRAG NEW_PWD OTHER_FINGERPRINT
                                                 "a=setup:passive\r\n" MUX OPUS);
    assert_true(a.result->is_first && !a.result->is_ice_restart && a.result->remote.dtls_active);
    assert_string_not_equal(a.result->local.ufrag, local.ufrag);
    answerer_fini(&a);
}

static void the_dtls_role_stays_as_it_began(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO_LINE
         "a=mid:0\r\na=setup:passive\r\n" UFRAG PWD FINGERPRINT MUX OPUS);
    assert_true(a.result->remote.dtls_active);
    take(&a, SESSION_HEAD BUNDLE("0") AUDIO("0", ""));
    assert_true(a.result->remote.dtls_active && answerer_said(&a, "a=setup:active\r\n"));
    answerer_fini(&a);
}

/* Offers that may not follow FIRST. */
static const struct {
    const char *offer;
    int err;
    unsigned line;
    const char *reason;
} refusals[] = {
    {SESSION_HEAD BUNDLE("0") AUDIO("0", ""), E_MALFORMED, 0,
     "1 m-sections, but the last one had 2"},
    {SESSION_HEAD BUNDLE("1 0") VIDEO("1", "") AUDIO("0", ""), E_MALFORMED, 6,
     "from \"0\" to \"1\""},
    {SESSION_HEAD BUNDLE("0 2") AUDIO("0", "") VIDEO("2", ""), E_MALFORMED, 15,
     "from \"1\" to \"2\""},
    {SESSION_HEAD BUNDLE("0 1") AUDIO("0", "") AUDIO("1", ""), E_MALFORMED, 15, "kind"},
    {SESSION_HEAD BUNDLE("0 1") AUDIO_LINE
     "a=mid:0\r\n" NEW_UFRAG PWD FINGERPRINT ACTPASS MUX OPUS VIDEO("1", ""),
     E_MALFORMED, 6, "together"},
    {SESSION_HEAD BUNDLE("0 1") AUDIO_LINE
     "a=mid:0\r\n" UFRAG NEW_PWD FINGERPRINT ACTPASS MUX OPUS VIDEO("1", ""),
     E_MALFORMED, 6, "together"},
    {SESSION_HEAD BUNDLE("0 1") AUDIO_LINE "a=mid:0\r\n" UFRAG PWD FINGERPRINT
                                           "a=setup:passive\r\n" MUX OPUS VIDEO("1", ""),
     E_UNSUPPORTED, 6, "role"},
    {SESSION_HEAD BUNDLE("0 1") AUDIO_LINE
     "a=mid:0\r\n" UFRAG PWD OTHER_FINGERPRINT ACTPASS MUX OPUS VIDEO("1", ""),
     E_UNSUPPORTED, 6, "certificate"},
    {"v=0\r\nrubbish", E_MALFORMED, 2, "letter"},
};

static void a_refused_offer_leaves_the_session_as_it_was(void **state)
{
    struct answerer a;

    (void)state;
    answerer_init(&a);
    take(&a, FIRST);
    const struct jsep_result *before = a.result;
    const struct ice_credentials local = a.result->local;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        int err = answerer_take(&a, refusals[i].offer);
        if (err != refusals[i].err || a.why.line != refusals[i].line ||
            !strstr(a.why.text, refusals[i].reason))
            fail_msg("row %zu: %s, line %u: %s", i, err_name(err), a.why.line, a.why.text);
        assert_ptr_equal(a.result, before);
    }
    take(&a, FIRST);
    assert_true(!a.result->is_first && !a.result->is_ice_restart);
    assert_memory_equal(&a.result->local, &local, sizeof local);
    assert_true(answerer_said(&a, " 2 IN IP4 127.0.0.1\r\n"));
    answerer_fini(&a);
}

static void running_out_of_memory_leaves_the_session_as_it_was(void **state)
{
    struct answerer a;
    unsigned failures = 0;

    (void)state;
    answerer_init(&a);
    take(&a, FIRST);
    const struct ice_credentials local = a.result->local;
    for (uint64_t nth = 1; nth < 1000; nth++) {
        strbuf_fini(&a.answer);
        mem_fail_nth(nth);
        int err = answerer_take(&a, FIRST);
        mem_fail_nth(0);
        if (err == 0)
            break;
        assert_int_equal(err, E_NO_MEMORY);
        assert_int_equal(a.answer.len, 0);
        failures++;
    }
    assert_in_range(failures, 10, 100);
    take(&a, FIRST);
    assert_memory_equal(&a.result->local, &local, sizeof local);
    answerer_fini(&a);
}

/* ---- real clients ---- */

#define MAX_STEPS 4

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = mem_alloc(MAX_SDP_BYTES + 1);
    size_t len = fread(text, 1, MAX_SDP_BYTES, file);
    assert_true(len > 0 && len < MAX_SDP_BYTES);
    fclose(file);
    return text;
}

/* What holds for every answer, whoever offered. */
static void check_answer(const char *name, const char *offer_text, const struct answerer *a)
{
    struct sdp *offer = NULL, *answer = NULL;
    struct sdp_error why;
    size_t accepted = 0;

    assert_int_equal(sdp_parse(&offer, offer_text, strlen(offer_text), &why), 0);
    if (sdp_parse(&answer, a->answer.p, a->answer.len, &why) < 0)
        fail_msg("%s: line %u: %s\n%s", name, why.line, why.text, a->answer.p);
    assert_int_equal(answer->section_count, offer->section_count);
    assert_true(answer->transport.ice_lite);
    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *o = &offer->section[i], *s = &answer->section[i];
        const struct transceiver *t = &a->result->transceiver[i];
        assert_true(str_eq(o->media, s->media) && str_eq(o->protocol, s->protocol) &&
                    str_eq(o->mid, s->mid));
        assert_int_equal(s->port == 0, t->rejected);
        if (t->rejected)
            continue;
        accepted++;
        assert_true(s->rtcp_mux && s->transport.ice_pwd.len >= 22 &&
                    s->transport.fingerprint_count == 1);
        assert_true(t->codec_count > 0 && s->rtpmap_count >= t->codec_count);
        assert_true(t->recv ? o->direction != SDP_RECVONLY && t->encoding_count > 0
                            : t->encoding_count == 0);
        assert_true(!t->send ||
                    (o->direction != SDP_SENDONLY && t->ssrc != 0 && s->ssrc_count > 0));
        assert_true(t->recv || t->send);
        assert_true(s->candidate_count == 2 || (offer->has_bundle && accepted > 1));
        for (size_t k = 0; k < s->pt_count; k++)
            assert_true(memchr(o->pt, s->pt[k], o->pt_count) != NULL &&
                        sdp_find_rtpmap(s, s->pt[k]));
        for (size_t k = 0; k < s->rtcp_fb_count; k++)
            assert_true(s->rtcp_fb[k].pt >= 0 &&
                        transceiver_find_pt(t, (uint8_t)s->rtcp_fb[k].pt) != NULL);
    }
    assert_true(accepted > 0);
    assert_int_equal(answer->bundle_count, offer->has_bundle ? accepted : 0);
    sdp_free(&offer);
    sdp_free(&answer);
}

static void answer_steps(const char *folder, const char *name)
{
    struct answerer a;

    answerer_init(&a);
    for (int step = 1; step <= MAX_STEPS; step++) {
        char path[1024], suffix[8] = "";
        if (step > 1)
            snprintf(suffix, sizeof suffix, "-%d", step);
        assert_true(snprintf(path, sizeof path, "%s/%s%s.sdp", folder, name, suffix) <
                    (int)sizeof path);
        char *offer = read_file(path);
        if (offer == NULL)
            break;
        if (answerer_take(&a, offer) < 0)
            fail_msg("%s%s: line %u: %s", name, suffix, a.why.line, a.why.text);
        assert_int_equal(a.result->is_first, step == 1);
        assert_int_equal(a.result->is_ice_restart,
                         step == 2 && strstr(name, "ice-restart") != NULL);
        check_answer(name, offer, &a);
        if (strstr(name, "simulcast") != NULL)
            assert_true(a.result->transceiver[a.result->transceiver_count - 1].encoding_count == 3);
        if (strstr(name, "h264") != NULL)
            assert_int_equal(a.result->transceiver[1].codec[0].codec.id, CODEC_H264);
        if (strstr(name, "pcmu") != NULL)
            assert_int_equal(a.result->transceiver[0].codec[0].codec.id, CODEC_PCMU);
        mem_free(offer);
    }
    answerer_fini(&a);
}

static bool is_first_step(const char *file_name, char *name, size_t size)
{
    size_t len = strlen(file_name);

    if (len < 5 || strcmp(file_name + len - 4, ".sdp") != 0 || len >= size)
        return false;
    snprintf(name, size, "%.*s", (int)(len - 4), file_name);
    return !(name[len - 6] == '-' && name[len - 5] >= '2' && name[len - 5] <= '9');
}

static void offers_of_real_clients_are_answered(void **state)
{
    const char *root = getenv("PARLEY_SOURCE_DIR");
    char folder[900], name[256];
    unsigned count = 0;

    (void)state;
    snprintf(folder, sizeof folder, "%s/tests/vectors/sdp", root ? root : ".");
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (is_first_step(entry->d_name, name, sizeof name)) {
            answer_steps(folder, name);
            count++;
        }
    closedir(dir);
    assert_true(count >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(a_repeated_offer_changes_the_version_only),
        LEAK_FREE(sections_are_added_and_ours_keep_their_ssrcs),
        LEAK_FREE(new_credentials_of_both_kinds_are_an_ice_restart),
        LEAK_FREE(ice_is_restarted_without_an_offer),
        LEAK_FREE(a_stopped_place_is_kept_and_may_become_another_section),
        LEAK_FREE(a_rejected_section_may_come_again_with_a_codec_we_know),
        LEAK_FREE(after_everything_was_stopped_the_transport_is_new),
        LEAK_FREE(the_dtls_role_stays_as_it_began),
        LEAK_FREE(a_refused_offer_leaves_the_session_as_it_was),
        LEAK_FREE(running_out_of_memory_leaves_the_session_as_it_was),
        LEAK_FREE(offers_of_real_clients_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
