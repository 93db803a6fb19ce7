/* SPDX-License-Identifier: Apache-2.0 */
/* rtp_ext.c - the table of header extensions, made of RTP_EXT_MAP. */
#include "core/rtp_ext.h"

#include "core/check.h"

static const struct {
    const char *uri;
    bool for_audio, for_video, is_copied;
} kinds[RTP_EXT_KIND_COUNT] = {
#define X(name, uri, audio, video, copied) [RTP_EXT_##name] = {uri, audio, video, copied},
    RTP_EXT_MAP(X)
#undef X
};

enum rtp_ext_kind rtp_ext_kind_of_uri(struct str uri)
{
    enum rtp_ext_kind kind = 0;

    while (kind < RTP_EXT_KIND_COUNT && !str_eq_c(uri, kinds[kind].uri))
        kind++;
    return kind;
}

const char *rtp_ext_uri(enum rtp_ext_kind kind)
{
    CHECK(kind < RTP_EXT_KIND_COUNT);
    return kinds[kind].uri;
}

bool rtp_ext_is_for(enum rtp_ext_kind kind, bool video)
{
    CHECK(kind < RTP_EXT_KIND_COUNT);
    return video ? kinds[kind].for_video : kinds[kind].for_audio;
}

bool rtp_ext_is_copied(enum rtp_ext_kind kind)
{
    CHECK(kind < RTP_EXT_KIND_COUNT);
    return kinds[kind].is_copied;
}
