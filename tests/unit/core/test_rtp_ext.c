/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rtp_ext.h"

static void every_uri_finds_its_kind(void **state)
{
    (void)state;
    for (enum rtp_ext_kind kind = 0; kind < RTP_EXT_KIND_COUNT; kind++)
        assert_int_equal(rtp_ext_kind_of_uri(str_of(rtp_ext_uri(kind))), kind);
}

static void unknown_uris_find_nothing(void **state)
{
    static const char *const uris[] = {
        "",
        "urn:ietf:params:rtp-hdrext:toffset",
        "urn:ietf:params:rtp-hdrext:sdes:mid2",
        "urn:ietf:params:rtp-hdrext:sdes:mi",
        "URN:IETF:PARAMS:RTP-HDREXT:SDES:MID",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(uris); i++)
        assert_int_equal(rtp_ext_kind_of_uri(str_of(uris[i])), RTP_EXT_KIND_COUNT);
}

static void kinds_tell_where_they_belong(void **state)
{
    static const struct {
        const char *uri;
        bool audio, video, copied;
    } rows[] = {
        {"urn:ietf:params:rtp-hdrext:sdes:mid", true, true, false},
        {"urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", false, true, false},
        {"urn:ietf:params:rtp-hdrext:ssrc-audio-level", true, false, true},
        {"urn:ietf:params:rtp-hdrext:csrc-audio-level", true, false, false},
        {"urn:3gpp:video-orientation", false, true, true},
        {"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", true, true,
         false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum rtp_ext_kind kind = rtp_ext_kind_of_uri(str_of(rows[i].uri));

        if (rtp_ext_is_for(kind, false) != rows[i].audio ||
            rtp_ext_is_for(kind, true) != rows[i].video ||
            rtp_ext_is_copied(kind) != rows[i].copied)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_uri_finds_its_kind),
        cmocka_unit_test(unknown_uris_find_nothing),
        cmocka_unit_test(kinds_tell_where_they_belong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
