/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_sdp.c - any text through the SDP parser; every view it hands out must lie inside its copy of the text. */
#include <stdint.h>
#include <string.h>

#include "core/check.h"
#include "transport/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(const struct sdp *s, struct str view, size_t size)
{
    CHECK(view.len == 0 || (view.p >= s->text && view.p + view.len <= s->text + size));
}

static void check_section(const struct sdp *s, const struct sdp_section *section, size_t size)
{
    const struct str views[] = {section->media,
                                section->protocol,
                                section->format,
                                section->mid,
                                section->msid_stream,
                                section->msid_track,
                                section->simulcast_send,
                                section->simulcast_recv,
                                section->sctp_port,
                                section->transport.ice_ufrag,
                                section->transport.ice_pwd};

    for (size_t i = 0; i < ARRAY_LEN(views); i++)
        check_view(s, views[i], size);
    for (size_t i = 0; i < section->rtpmap_count; i++)
        check_view(s, section->rtpmap[i].encoding, size);
    for (size_t i = 0; i < section->fmtp_count; i++)
        check_view(s, section->fmtp[i].params, size);
    for (size_t i = 0; i < section->rtcp_fb_count; i++)
        check_view(s, section->rtcp_fb[i].value, size);
    for (size_t i = 0; i < section->extmap_count; i++)
        check_view(s, section->extmap[i].uri, size);
    for (size_t i = 0; i < section->rid_count; i++)
        check_view(s, section->rid[i].restrictions, size);
    for (size_t i = 0; i < section->candidate_count; i++)
        check_view(s, section->candidate[i], size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp *s = NULL;
    struct sdp_error why;

    if (sdp_parse(&s, (const char *)data, size, &why) < 0) {
        CHECK(s == NULL && why.text[0] != 0 && memchr(why.text, 0, sizeof why.text) != NULL);
        return 0;
    }
    for (size_t i = 0; i < s->section_count; i++)
        check_section(s, &s->section[i], size);
    sdp_free(&s);
    return 0;
}
