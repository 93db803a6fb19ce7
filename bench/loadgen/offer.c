/* SPDX-License-Identifier: Apache-2.0 */
/* offer.c - see offer.h. The attributes are those that browsers offer, so that a server does for us what it does for them. */
#include "bench/loadgen/offer.h"

#include <inttypes.h>

#include "core/rtp_ext.h"
#include "transport/cert.h"

const char *const offer_rid[OFFER_ENCODINGS] = {"q", "h", "f"};

/* Kind to id; what is not listed is not offered. */
static const struct {
    enum rtp_ext_kind kind;
    unsigned id;
} extensions[] = {
    {RTP_EXT_ABS_SEND_TIME, 2}, {RTP_EXT_TWCC, 3}, {RTP_EXT_MID, 4},
    {RTP_EXT_AUDIO_LEVEL, 1},   {RTP_EXT_RID, 10}, {RTP_EXT_REPAIRED_RID, 11},
};

static bool is_of_congestion(enum rtp_ext_kind kind)
{
    return kind == RTP_EXT_ABS_SEND_TIME || kind == RTP_EXT_TWCC;
}

static void add_extensions(const struct offer *o, bool is_video, struct strbuf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
        if (rtp_ext_is_for(extensions[i].kind, is_video) &&
            !(o->is_plain && is_of_congestion(extensions[i].kind)))
            strbuf_addf(out, "a=extmap:%u %s\r\n", extensions[i].id,
                        rtp_ext_uri(extensions[i].kind));
}

static void add_section_head(const struct offer *o, bool is_video, struct strbuf *out)
{
    char fingerprint[FINGERPRINT_TEXT_LEN];

    fingerprint_text(&o->fingerprint, fingerprint);
    if (is_video && o->is_plain)
        strbuf_addf(out, "m=video 9 UDP/TLS/RTP/SAVPF %d\r\n", OFFER_PT_VP8);
    else if (is_video)
        strbuf_addf(out, "m=video 9 UDP/TLS/RTP/SAVPF %d %d\r\n", OFFER_PT_VP8, OFFER_PT_RTX);
    else
        strbuf_addf(out, "m=audio 9 UDP/TLS/RTP/SAVPF %d\r\n", OFFER_PT_OPUS);
    strbuf_addf(out,
                "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"
                "a=fingerprint:%s\r\na=setup:actpass\r\na=mid:%d\r\n",
                o->ice.ufrag, o->ice.pwd, fingerprint, is_video ? 0 : 1);
    add_extensions(o, is_video, out);
    strbuf_addf(out, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", o->sends ? "sendonly" : "recvonly");
    if (o->sends)
        strbuf_addf(out, "a=msid:bench %s\r\n", is_video ? "video" : "audio");
}

static void add_ssrc(uint32_t ssrc, struct strbuf *out)
{
    strbuf_addf(out, "a=ssrc:%" PRIu32 " cname:bench\r\n", ssrc);
}

static void add_simulcast(struct strbuf *out)
{
    for (size_t i = 0; i < OFFER_ENCODINGS; i++)
        strbuf_addf(out, "a=rid:%s send\r\n", offer_rid[i]);
    strbuf_add(out, "a=simulcast:send ");
    for (size_t i = 0; i < OFFER_ENCODINGS; i++)
        strbuf_addf(out, "%s%s", i > 0 ? ";" : "", offer_rid[i]);
    strbuf_add(out, "\r\n");
}

static void add_video_format(const struct offer *o, struct strbuf *out)
{
    static const char *const feedback[] = {"ccm fir", "nack pli", "goog-remb", "transport-cc",
                                           "nack"};
    size_t n = o->is_plain ? 2 : ARRAY_LEN(feedback);

    strbuf_addf(out, "a=rtpmap:%d VP8/90000\r\n", OFFER_PT_VP8);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(out, "a=rtcp-fb:%d %s\r\n", OFFER_PT_VP8, feedback[i]);
    if (!o->is_plain)
        strbuf_addf(out, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", OFFER_PT_RTX,
                    OFFER_PT_RTX, OFFER_PT_VP8);
}

static void add_video(const struct offer *o, struct strbuf *out)
{
    add_section_head(o, true, out);
    add_video_format(o, out);
    if (o->sends && o->is_simulcast) {
        add_simulcast(out);
    } else if (o->sends && o->is_plain) {
        add_ssrc(o->ssrc, out);
    } else if (o->sends) {
        strbuf_addf(out, "a=ssrc-group:FID %" PRIu32 " %" PRIu32 "\r\n", o->ssrc, o->rtx_ssrc);
        add_ssrc(o->ssrc, out);
        add_ssrc(o->rtx_ssrc, out);
    }
}

static void add_audio(const struct offer *o, struct strbuf *out)
{
    add_section_head(o, false, out);
    strbuf_addf(out, "a=rtpmap:%d opus/48000/2\r\na=fmtp:%d minptime=10;useinbandfec=1\r\n",
                OFFER_PT_OPUS, OFFER_PT_OPUS);
    if (!o->is_plain)
        strbuf_addf(out, "a=rtcp-fb:%d transport-cc\r\n", OFFER_PT_OPUS);
    if (o->sends)
        add_ssrc(o->audio_ssrc, out);
}

void offer_write(const struct offer *o, struct strbuf *out)
{
    strbuf_addf(out,
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0%s\r\n"
                "a=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n",
                o->has_audio ? " 1" : "");
    add_video(o, out);
    if (o->has_audio)
        add_audio(o, out);
}
