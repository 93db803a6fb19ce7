/* SPDX-License-Identifier: Apache-2.0 */
/* sdp_text.c - see sdp_text.h. */
#include "tests/integration/sdp_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

/* ---- offers ---- */

static void add_codec(const struct sdp_offer *o, bool is_video, GString *out)
{
    if (is_video)
        g_string_append_printf(out,
                               "a=rtpmap:%u VP8/90000\r\na=rtcp-fb:%u nack\r\na=rtcp-fb:%u nack "
                               "pli\r\na=rtcp-fb:%u ccm fir\r\n",
                               o->video_pt, o->video_pt, o->video_pt, o->video_pt);
    else
        g_string_append_printf(
            out, "a=rtpmap:%u opus/48000/2\r\na=fmtp:%u minptime=10;useinbandfec=1\r\n",
            o->audio_pt, o->audio_pt);
}

static void add_section(const struct sdp_offer *o, size_t index, GString *out)
{
    const struct sdp_offer_section *s = &o->section[index];

    g_string_append_printf(out, "m=%s 9 UDP/TLS/RTP/SAVPF %u\r\nc=IN IP4 0.0.0.0\r\n",
                           s->is_video ? "video" : "audio",
                           s->is_video ? o->video_pt : o->audio_pt);
    g_string_append_printf(
        out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:%s\r\n",
        o->ufrag, o->pwd, o->fingerprint, o->setup);
    g_string_append_printf(
        out,
        "a=mid:%zu\r\na=extmap:%d urn:ietf:params:rtp-hdrext:sdes:mid\r\na=%s\r\na=rtcp-mux\r\n",
        index, SDP_MID_EXT_ID, s->sends ? "sendonly" : "recvonly");
    if (!s->is_video)
        g_string_append_printf(out, "a=extmap:%d urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n",
                               SDP_LEVEL_EXT_ID);
    add_codec(o, s->is_video, out);
    if (s->sends)
        g_string_append_printf(out, "a=msid:%s t%zu\r\na=ssrc:%" PRIu32 " cname:%s\r\n",
                               o->identity, index, s->ssrc, o->identity);
}

char *sdp_offer_text(const struct sdp_offer *o)
{
    GString *out = g_string_new("v=0\r\n");

    g_string_append_printf(out, "o=- 4711 %u IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE",
                           o->version);
    for (size_t i = 0; i < o->section_count; i++)
        g_string_append_printf(out, " %zu", i);
    g_string_append(out, "\r\n");
    if (o->session_line != NULL)
        g_string_append_printf(out, "%s\r\n", o->session_line);
    for (size_t i = 0; i < o->section_count; i++)
        add_section(o, i, out);
    return g_string_free(out, FALSE);
}

/* ---- answers ---- */

static void take(char *out, size_t size, const char *line, const char *prefix)
{
    if (g_str_has_prefix(line, prefix) && out[0] == 0)
        g_strlcpy(out, line + strlen(prefix), size);
}

static void read_media_line(struct sdp_answer *a, const char *line)
{
    struct sdp_answer_section *s = &a->section[a->section_count++];

    if (a->section_count == SDP_MAX_SECTIONS)
        g_error("a long answer");
    s->is_video = g_str_has_prefix(line, "m=video");
    s->is_rejected = strstr(line, " 0 UDP") != NULL;
}

static void read_section_line(struct sdp_answer_section *s, const char *line)
{
    static const char *const directions[] = {"a=sendrecv", "a=sendonly", "a=recvonly",
                                             "a=inactive"};

    take(s->mid, sizeof(s->mid), line, "a=mid:");
    if (g_str_has_prefix(line, "a=ssrc:") && s->ssrc == 0)
        s->ssrc = (uint32_t)strtoul(line + 7, NULL, 10);
    for (size_t i = 0; i < G_N_ELEMENTS(directions); i++)
        if (strcmp(line, directions[i]) == 0)
            g_strlcpy(s->direction, line + 2, sizeof(s->direction));
}

void sdp_answer_read(struct sdp_answer *a, const char *text)
{
    gchar **lines = g_strsplit(text, "\r\n", -1);

    memset(a, 0, sizeof(*a));
    for (gchar **line = lines; *line != NULL; line++) {
        if (g_str_has_prefix(*line, "m="))
            read_media_line(a, *line);
        take(a->ice.ufrag, sizeof(a->ice.ufrag), *line, "a=ice-ufrag:");
        take(a->ice.pwd, sizeof(a->ice.pwd), *line, "a=ice-pwd:");
        take(a->fingerprint, sizeof(a->fingerprint), *line, "a=fingerprint:sha-256 ");
        take(a->setup, sizeof(a->setup), *line, "a=setup:");
        if (g_str_has_prefix(*line, "a=candidate:") && a->candidate_count < SDP_MAX_CANDIDATES)
            a->candidate[a->candidate_count++] = g_strdup(*line);
        if (a->section_count > 0)
            read_section_line(&a->section[a->section_count - 1], *line);
    }
    g_strfreev(lines);
}

void sdp_answer_fini(struct sdp_answer *a)
{
    for (size_t i = 0; i < a->candidate_count; i++)
        g_free(a->candidate[i]);
    memset(a, 0, sizeof(*a));
}
