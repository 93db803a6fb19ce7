/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/codec.h"
#include "core/err.h"

static struct codec codec_of(enum codec_id id, const char *fmtp)
{
    struct codec c = {.id = id, .clock_hz = 90000, .channels = 1};

    assert_true(str_copy(c.fmtp, sizeof(c.fmtp), str_of(fmtp)));
    return c;
}

static void codecs_are_found_by_name_clock_and_channels(void **state)
{
    static const struct {
        const char *name;
        uint32_t clock_hz;
        uint8_t channels;
        enum codec_id want;
    } rows[] = {
        {"opus", 48000, 2, CODEC_OPUS},
        {"OPUS", 48000, 2, CODEC_OPUS},
        {"opus", 48000, 1, CODEC_NONE}, /* RFC 7587 s7: always 2 */
        {"opus", 16000, 2, CODEC_NONE},
        {"PCMU", 8000, 1, CODEC_PCMU},
        {"pcma", 8000, 0, CODEC_PCMA}, /* channels not named */
        {"PCMU", 16000, 1, CODEC_NONE},
        {"telephone-event", 8000, 1, CODEC_TELEPHONE_EVENT},
        {"telephone-event", 16000, 1, CODEC_TELEPHONE_EVENT},
        {"telephone-event", 32000, 1, CODEC_TELEPHONE_EVENT},
        {"telephone-event", 48000, 1, CODEC_TELEPHONE_EVENT},
        {"telephone-event", 0, 1, CODEC_NONE},
        {"VP8", 90000, 1, CODEC_VP8},
        {"vp9", 90000, 0, CODEC_VP9},
        {"H264", 90000, 1, CODEC_H264},
        {"AV1", 90000, 1, CODEC_AV1},
        {"rtx", 90000, 1, CODEC_RTX},
        {"rtx", 48000, 1, CODEC_RTX},
        {"red", 48000, 2, CODEC_RED},
        {"red", 90000, 1, CODEC_NONE}, /* video's RED is another thing */
        {"ulpfec", 90000, 1, CODEC_NONE},
        {"", 90000, 1, CODEC_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum codec_id id = codec_find(str_of(rows[i].name), rows[i].clock_hz, rows[i].channels);
        if (id != rows[i].want)
            fail_msg("row %zu: %s", i, codec_name(id));
    }
}

static void names_and_kinds(void **state)
{
    (void)state;
    assert_string_equal(codec_name(CODEC_NONE), "");
    assert_string_equal(codec_name(CODEC_VP8), "VP8");
    assert_int_equal(codec_kind(CODEC_OPUS), MEDIA_AUDIO);
    assert_int_equal(codec_kind(CODEC_AV1), MEDIA_VIDEO);
    assert_int_equal(codec_kind(CODEC_RTX), MEDIA_OTHER);
}

static void parameters_are_found_in_a_list(void **state)
{
    static const struct {
        const char *fmtp, *name, *want; /* NULL: absent */
    } rows[] = {
        {"a=1;b=2", "a", "1"}, {"a=1;b=2", "b", "2"},  {"a=1; b=2 ;c", "B", "2"},
        {"a=1;b", "b", ""},    {"ab=1;b=2", "b", "2"}, {";;b=2", "b", "2"},
        {"b = 2", "b", "2"},   {"b=x=y", "b", "x=y"},  {"b=1;b=2", "b", "1"},
        {"", "b", NULL},       {"=1", "", NULL},       {"bb=1", "b", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str value = STR("untouched");
        bool found = codec_fmtp_get(str_of(rows[i].fmtp), rows[i].name, &value);

        if (found != (rows[i].want != NULL) || !str_eq_c(value, found ? rows[i].want : "untouched"))
            fail_msg("row %zu: \"%.*s\"", i, (int)value.len, value.p);
    }
}

static void configurations_are_the_same_when_a_stream_fits_both(void **state)
{
    static const struct {
        enum codec_id id;
        const char *a, *b;
        bool want;
    } rows[] = {
        /* constrained baseline in its three spellings (RFC 6184 table 5), levels aside */
        {CODEC_H264, "packetization-mode=1;profile-level-id=42e01f",
         "profile-level-id=42E034;packetization-mode=1", true},
        {CODEC_H264, "packetization-mode=1;profile-level-id=42e01f",
         "packetization-mode=1;profile-level-id=4d801f", true},
        {CODEC_H264, "packetization-mode=1;profile-level-id=42c00b",
         "packetization-mode=1;profile-level-id=58c01f", true},
        {CODEC_H264, "packetization-mode=1;profile-level-id=42f00b",
         "packetization-mode=1;profile-level-id=42c00a", true}, /* 1b */
        {CODEC_H264, "packetization-mode=1;profile-level-id=42001f",
         "packetization-mode=1;profile-level-id=58801f", true},
        {CODEC_H264, "packetization-mode=1;profile-level-id=42001f",
         "packetization-mode=1;profile-level-id=42e01f", true}, /* as every encoder sends it */
        {CODEC_H264, "packetization-mode=1;profile-level-id=4d001f",
         "packetization-mode=1;profile-level-id=4d4028", true},
        {CODEC_H264, "packetization-mode=1;profile-level-id=64001f",
         "packetization-mode=1;profile-level-id=640028", true},
        {CODEC_H264, "packetization-mode=1;profile-level-id=64001f",
         "packetization-mode=1;profile-level-id=640c1f", false},
        {CODEC_H264, "packetization-mode=1;profile-level-id=42e01f",
         "packetization-mode=2;profile-level-id=42e01f", false},
        {CODEC_H264, "packetization-mode=0", "profile-level-id=42000a", true}, /* the defaults */
        {CODEC_H264, "", "packetization-mode=2;profile-level-id=42e01f", false},
        {CODEC_H264, "", "", true},
        {CODEC_H264, "profile-level-id=nonsens", "profile-level-id=nonsens", false},
        {CODEC_H264, "profile-level-id=42e0", "profile-level-id=42e0", false},
        {CODEC_H264, "profile-level-id=11001f", "profile-level-id=11001f",
         false}, /* no such profile */
        {CODEC_H264, "packetization-mode=3", "packetization-mode=3", false},
        {CODEC_VP9, "profile-id=0", "", true},
        {CODEC_VP9, "profile-id=0", "profile-id=2", false},
        {CODEC_VP9, "profile-id=x", "profile-id=x", false},
        {CODEC_AV1, "level-idx=5;profile=0;tier=0", "", true},
        {CODEC_AV1, "profile=0;level-idx=5", "profile=0;level-idx=13", true},
        {CODEC_AV1, "profile=1", "profile=0", false},
        {CODEC_VP8, "max-fs=12288;max-fr=60", "", true},
        {CODEC_OPUS, "minptime=10;useinbandfec=1", "stereo=1", true},
        {CODEC_NONE, "", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct codec a = codec_of(rows[i].id, rows[i].a), b = codec_of(rows[i].id, rows[i].b);

        if (codec_fits(&a, &b) != rows[i].want || codec_fits(&b, &a) != rows[i].want)
            fail_msg("row %zu", i);
    }
}

static void clock_channels_and_id_must_agree(void **state)
{
    struct codec a = codec_of(CODEC_TELEPHONE_EVENT, ""), b = a;

    (void)state;
    assert_true(codec_fits(&a, &b));
    b.clock_hz = 8000;
    assert_false(codec_fits(&a, &b));
    b = a;
    b.channels = 2;
    assert_false(codec_fits(&a, &b));
    b = a;
    b.id = CODEC_PCMU;
    assert_false(codec_fits(&a, &b));
}

static void supported_is_what_we_answer(void **state)
{
    static const struct {
        enum codec_id id;
        const char *fmtp;
        bool want;
    } rows[] = {
        {CODEC_H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
         true},
        {CODEC_H264, "packetization-mode=1;profile-level-id=42001f", true},
        {CODEC_H264, "packetization-mode=1", true}, /* baseline by default */
        {CODEC_H264, "packetization-mode=0;profile-level-id=42e01f", false},
        {CODEC_H264, "profile-level-id=42e01f", false},
        {CODEC_H264, "", false},
        {CODEC_H264, "packetization-mode=2;profile-level-id=42e01f", false},
        {CODEC_H264, "packetization-mode=1;profile-level-id=4d001f", false},
        {CODEC_H264, "packetization-mode=1;profile-level-id=4d801f",
         true}, /* main that is constrained baseline */
        {CODEC_H264, "packetization-mode=1;profile-level-id=64001f", false},
        {CODEC_H264, "packetization-mode=1;profile-level-id=", false},
        {CODEC_VP9, "", true},
        {CODEC_VP9, "profile-id=0", true},
        {CODEC_VP9, "profile-id=2", false},
        {CODEC_VP9, "profile-id=-1", false},
        {CODEC_AV1, "", true},
        {CODEC_AV1, "level-idx=5;profile=0;tier=0", true},
        {CODEC_AV1, "profile=1", false},
        {CODEC_VP8, "", true},
        {CODEC_OPUS, "minptime=10", true},
        {CODEC_PCMU, "", true},
        {CODEC_PCMA, "", true},
        {CODEC_TELEPHONE_EVENT, "0-16", true},
        {CODEC_RTX, "apt=96", true},
        {CODEC_RTX, "", false},
        {CODEC_RED, "111/111", true},
        {CODEC_RED, "111", false},
        {CODEC_NONE, "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct codec c = codec_of(rows[i].id, rows[i].fmtp);
        if (codec_is_supported(&c) != rows[i].want)
            fail_msg("row %zu", i);
    }
}

static void red_names_one_codec_for_all_blocks(void **state)
{
    static const struct {
        const char *fmtp;
        int want; /* a payload type, or an error */
    } rows[] = {
        {"111/111", 111},
        {"0/0/0/0", 0},
        {"127/127", 127},
        {"", E_UNSUPPORTED},
        {"111", E_UNSUPPORTED},
        {"111/", E_UNSUPPORTED},
        {"/111", E_UNSUPPORTED},
        {"111/111/", E_UNSUPPORTED},
        {"111//111", E_UNSUPPORTED},
        {"111/110", E_UNSUPPORTED},
        {"128/128", E_UNSUPPORTED},
        {"111/111;x=1", E_UNSUPPORTED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct codec c = codec_of(CODEC_RED, rows[i].fmtp);
        uint8_t pt = 255;
        int err = codec_read_red(&c, &pt);
        if ((err < 0 ? err : pt) != rows[i].want)
            fail_msg("row %zu", i);
    }
}

static void answers_follow_the_offer(void **state)
{
    static const struct {
        enum codec_id id;
        const char *offered, *want;
    } rows[] = {
        {CODEC_OPUS, "minptime=10;useinbandfec=1", "minptime=10;useinbandfec=1"},
        {CODEC_OPUS, "maxplaybackrate=48000;stereo=1;usedtx=1",
         "maxplaybackrate=48000;stereo=1;usedtx=1"},
        {CODEC_VP8, "", ""},
        {CODEC_VP8, "max-fs=12288;max-fr=60", "max-fs=12288;max-fr=60"},
        {CODEC_VP9, "profile-id=0", "profile-id=0"},
        {CODEC_AV1, "level-idx=5;profile=0;tier=0", "level-idx=5;profile=0;tier=0"},
        {CODEC_TELEPHONE_EVENT, "0-16", "0-16"},
        {CODEC_H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
         "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
        {CODEC_H264, "profile-level-id=42E01F;packetization-mode=1;level-asymmetry-allowed=0",
         "packetization-mode=1;profile-level-id=42e01f"},
        {CODEC_H264,
         "packetization-mode=1;profile-level-id=42f00b;sprop-parameter-sets=Z0LgC5ZUCg/"
         "I,aM48gA==;max-fs=99",
         "packetization-mode=1;profile-level-id=42f00b"}, /* level 1b stays; nothing asymmetric comes back */
        {CODEC_H264, "packetization-mode=1", "packetization-mode=1;profile-level-id=42000a"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct codec c = codec_of(rows[i].id, rows[i].offered);
        char out[MAX_FMTP_LEN];

        assert_int_equal(codec_answer_fmtp(&c, out), 0);
        if (strcmp(out, rows[i].want) != 0)
            fail_msg("row %zu: %s", i, out);
    }
}

static void mode_0_is_received_and_not_sent(void **state)
{
    static const struct {
        const char *fmtp;
        bool want;
    } rows[] = {
        {"", true},
        {"profile-level-id=42e01f", true},
        {"packetization-mode=1;profile-level-id=42e01f", true},
        {"packetization-mode=2;profile-level-id=42e01f", false},
        {"profile-level-id=64001f", false},
        {"profile-level-id=zzzzzz", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct codec c = codec_of(CODEC_H264, rows[i].fmtp);
        if (codec_is_receivable(&c) != rows[i].want)
            fail_msg("row %zu", i);
    }
    struct codec mode_0 = codec_of(CODEC_H264, ""),
                 mode_1 = codec_of(CODEC_H264, "packetization-mode=1;profile-level-id=42e01f");
    assert_true(codec_fits(&mode_0, &mode_1)); /* single NAL units among others */
    assert_false(codec_fits(&mode_1, &mode_0));
}

static void an_unreadable_h264_offer_has_no_answer(void **state)
{
    struct codec c = codec_of(CODEC_H264, "packetization-mode=1;profile-level-id=zzzzzz");
    char out[MAX_FMTP_LEN];

    (void)state;
    assert_int_equal(codec_answer_fmtp(&c, out), E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_are_found_by_name_clock_and_channels),
        cmocka_unit_test(names_and_kinds),
        cmocka_unit_test(parameters_are_found_in_a_list),
        cmocka_unit_test(configurations_are_the_same_when_a_stream_fits_both),
        cmocka_unit_test(clock_channels_and_id_must_agree),
        cmocka_unit_test(supported_is_what_we_answer),
        cmocka_unit_test(red_names_one_codec_for_all_blocks),
        cmocka_unit_test(answers_follow_the_offer),
        cmocka_unit_test(mode_0_is_received_and_not_sent),
        cmocka_unit_test(an_unreadable_h264_offer_has_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
