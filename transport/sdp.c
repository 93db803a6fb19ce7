/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdp.c - one pass over the lines: v=, o=, m= here, a= in the table of sdp_attr.c, everything else is ignored.
 *
 * Every line must be UTF-8 without control characters, for parts of it come back in answers, logs and JSON.
 */
#include "transport/sdp.h"

#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "transport/sdp_internal.h"

#define MAX_QUOTE_LEN 72

/* ---- refusing ---- */

int sdp_refuse(struct sdp_error *why, int err, unsigned line, const char *fmt, ...)
{
    va_list ap;

    why->line = line;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return err;
}

/* What may be shown of a line: printable ASCII, cut, and no password. */
static void quote(struct str line, char out[MAX_QUOTE_LEN + 4])
{
    size_t len = MIN(line.len, (size_t)MAX_QUOTE_LEN);

    if (str_starts(line, STR("a=ice-pwd:")) || str_starts(line, STR("a=crypto:")))
        len = (size_t)((const char *)memchr(line.p, ':', line.len) + 1 - line.p);
    for (size_t i = 0; i < len; i++)
        out[i] = line.p[i] >= 0x20 && line.p[i] < 0x7f && line.p[i] != '"' ? line.p[i] : '?';
    memcpy(out + len, len < line.len ? "..." : "", len < line.len ? 4 : 1);
}

int sdp_parse_refuse(struct sdp_parse *p, int err, const char *fmt, ...)
{
    char quoted[MAX_QUOTE_LEN + 4], reason[sizeof p->why->text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    quote(p->line, quoted);
    return sdp_refuse(p->why, err, p->line_number, "%.110s: \"%s\"", reason, quoted);
}

/* ---- dynamic arrays ---- */

/* Sizes are 4, 8, 16, …: the count alone tells when the array is full. */
void *sdp_grow(void *array, size_t count, size_t bytes_each)
{
    bool is_full = count == 0 || (count >= 4 && (count & (count - 1)) == 0);
    char *grown = array;

    if (is_full)
        grown = mem_try_realloc(array, MAX(count * 2, (size_t)4) * bytes_each);
    if (grown)
        memset(grown + count * bytes_each, 0, bytes_each);
    return grown;
}

/* ---- v=, o=, m= ---- */

static int parse_version(struct sdp_parse *p, struct str value)
{
    if (!str_eq_c(value, "0"))
        return sdp_parse_refuse(p, E_UNSUPPORTED, "only SDP version 0 is known");
    return 0;
}

/* o=<username> <sess-id> <sess-version> <nettype> <addrtype> <address> */
static int parse_origin(struct sdp_parse *p, struct str rest)
{
    uint64_t id, version;

    str_cut(&rest, ' ');
    if (!str_to_u64(str_cut(&rest, ' '), UINT64_MAX, &id) ||
        !str_to_u64(str_cut(&rest, ' '), UINT64_MAX, &version))
        return sdp_parse_refuse(p, E_MALFORMED, "session id and version must be decimal numbers");
    p->sdp->session_id = id;
    p->sdp->session_version = version;
    return 0;
}

static bool has_pt(const struct sdp_section *s, uint64_t pt)
{
    return s->pt_count > 0 && memchr(s->pt, (int)pt, s->pt_count) != NULL;
}

static int parse_payload_types(struct sdp_parse *p, struct sdp_section *s, struct str formats)
{
    uint64_t pt;

    while (formats.len > 0) {
        struct str format = str_cut(&formats, ' ');
        if (format.len == 0)
            continue;
        if (!str_to_u64(format, 127, &pt))
            return sdp_parse_refuse(p, E_MALFORMED, "payload types are numbers from 0 to 127");
        if (has_pt(s, pt))
            return sdp_parse_refuse(p, E_MALFORMED, "payload type %u is listed twice",
                                    (unsigned)pt);
        if (s->pt_count == MAX_CODECS_PER_SECTION)
            return sdp_parse_refuse(p, E_LIMIT, "more than %d payload types",
                                    MAX_CODECS_PER_SECTION);
        s->pt[s->pt_count++] = (uint8_t)pt;
    }
    return 0;
}

static bool is_rtp(struct str protocol)
{
    for (; protocol.len > 0; str_cut(&protocol, '/'))
        if (str_starts(protocol, STR("RTP/")))
            return true;
    return false;
}

/* m=<media> <port>[/<count>] <proto> <fmt> … */
static int parse_media(struct sdp_parse *p, struct str rest)
{
    struct sdp *sdp = p->sdp;
    uint64_t port;

    if (sdp->section_count == MAX_SECTIONS)
        return sdp_parse_refuse(p, E_LIMIT, "more than %d m-sections", MAX_SECTIONS);
    struct sdp_section *grown = sdp_grow(sdp->section, sdp->section_count, sizeof *grown);
    if (grown == NULL)
        return sdp_parse_refuse(p, E_NO_MEMORY, "no memory for another m-section");
    sdp->section = grown;
    struct sdp_section *s = p->section = &grown[sdp->section_count++];
    s->line = p->line_number;
    s->direction = p->direction;
    s->media = str_cut(&rest, ' ');
    struct str ports = str_cut(&rest, ' ');
    s->protocol = str_cut(&rest, ' ');
    s->format = rest;
    s->format = str_cut(&s->format, ' ');
    if (!sdp_is_token(s->media) || s->protocol.len == 0 || s->format.len == 0)
        return sdp_parse_refuse(p, E_MALFORMED,
                                "an m= line needs media, port, protocol and a format");
    if (!str_to_u64(str_cut(&ports, '/'), 65535, &port))
        return sdp_parse_refuse(p, E_MALFORMED, "the port is not a number from 0 to 65535");
    s->port = (uint32_t)port;
    return is_rtp(s->protocol) ? parse_payload_types(p, s, rest) : 0;
}

/* ---- lines ---- */

static int parse_line(struct sdp_parse *p)
{
    struct str value = {p->line.p + 2, p->line.len - 2};

    if (p->line.p[0] == 'a')
        return sdp_attr_parse(p, value);
    if (p->line.p[0] == 'm')
        return parse_media(p, value);
    if (p->line.p[0] == 'o' && p->section == NULL)
        return parse_origin(p, value);
    return 0; /* s=, t=, c=, b= and what may come say nothing that matters here */
}

static int check_line(struct sdp_parse *p)
{
    if (p->line_number > MAX_SDP_LINES)
        return sdp_parse_refuse(p, E_LIMIT, "more than %d lines", MAX_SDP_LINES);
    if (p->line.len > MAX_SDP_LINE_BYTES)
        return sdp_parse_refuse(p, E_LIMIT, "a line is longer than %d bytes", MAX_SDP_LINE_BYTES);
    if (!str_is_clean_utf8(p->line))
        return sdp_parse_refuse(p, E_MALFORMED, "control characters, or not UTF-8");
    if (p->line.len < 2 || p->line.p[1] != '=')
        return sdp_parse_refuse(p, E_MALFORMED, "a line must start with a letter and \"=\"");
    return 0;
}

static int parse_lines(struct sdp_parse *p, struct str text)
{
    bool is_begun = false;

    while (text.len > 0) {
        p->line = str_cut(&text, '\n');
        p->line_number++;
        if (p->line.len > 0 && p->line.p[p->line.len - 1] == '\r')
            p->line.len--;
        if (p->line.len == 0)
            continue; /* hand-made descriptions end in empty lines, or have some between the sections */
        int err = check_line(p);
        if (err == 0 && !is_begun && p->line.p[0] != 'v')
            err = sdp_parse_refuse(p, E_MALFORMED, "a session description starts with v=0");
        if (err == 0)
            err = is_begun ? parse_line(p)
                           : parse_version(p, (struct str){p->line.p + 2, p->line.len - 2});
        if (err < 0)
            return err;
        is_begun = true;
    }
    return is_begun ? 0 : sdp_refuse(p->why, E_MALFORMED, 0, "the session description is empty");
}

/* ---- what one line alone cannot tell ---- */

/* Mids name sections: they must be unique, and a BUNDLE group must name sections that exist. */
static int check_mids(const struct sdp *s, struct sdp_error *why)
{
    for (size_t i = 0; i < s->section_count; i++) {
        const struct sdp_section *section = &s->section[i];
        if (section->has_mid && sdp_find_mid(s, section->mid) != section)
            return sdp_refuse(why, E_MALFORMED, section->line,
                              "two m-sections have the mid \"%.*s\"", (int)section->mid.len,
                              section->mid.p);
    }
    for (size_t i = 0; i < s->bundle_count; i++) {
        struct str mid = s->bundle[i];
        if (sdp_find_mid(s, mid) == NULL)
            return sdp_refuse(why, E_MALFORMED, 0,
                              "the BUNDLE group names the mid \"%.*s\", which no m-section has",
                              (int)mid.len, mid.p);
        for (size_t k = 0; k < i; k++)
            if (str_eq(s->bundle[k], mid))
                return sdp_refuse(why, E_MALFORMED, 0,
                                  "the BUNDLE group names the mid \"%.*s\" twice", (int)mid.len,
                                  mid.p);
    }
    return 0;
}

int sdp_parse(struct sdp **out, const char *text, size_t len, struct sdp_error *why)
{
    *why = (struct sdp_error){0};
    if (len > MAX_SDP_BYTES)
        return sdp_refuse(why, E_LIMIT, 0, "the session description is longer than %d bytes",
                          MAX_SDP_BYTES);
    struct sdp *s = mem_try_alloc(sizeof *s);
    if (s)
        s->text = mem_try_alloc(len + 1);
    if (s == NULL || s->text == NULL) {
        sdp_free(&s);
        return sdp_refuse(why, E_NO_MEMORY, 0, "no memory for the session description");
    }
    if (len > 0)
        memcpy(s->text, text, len);
    struct sdp_parse p = {.sdp = s, .why = why};
    int err = parse_lines(&p, (struct str){s->text, len});
    if (err == 0)
        err = check_mids(s, why);
    if (err < 0)
        sdp_free(&s);
    else
        *out = s;
    return err;
}

static void free_section(struct sdp_section *s)
{
    mem_free(s->rtpmap);
    mem_free(s->fmtp);
    mem_free(s->rtcp_fb);
    mem_free(s->extmap);
    mem_free(s->ssrc);
    mem_free(s->ssrc_group);
    mem_free(s->rid);
    mem_free(s->candidate);
}

void sdp_free(struct sdp **s)
{
    if (*s == NULL)
        return;
    for (size_t i = 0; i < (*s)->section_count; i++)
        free_section(&(*s)->section[i]);
    mem_free((*s)->section);
    mem_free((*s)->text);
    MEM_FREE(*s);
}

/* ---- asking ---- */

const struct sdp_rtpmap *sdp_find_rtpmap(const struct sdp_section *s, uint8_t pt)
{
    for (size_t i = 0; i < s->rtpmap_count; i++)
        if (s->rtpmap[i].pt == pt)
            return &s->rtpmap[i];
    return NULL;
}

const struct sdp_fmtp *sdp_find_fmtp(const struct sdp_section *s, uint8_t pt)
{
    for (size_t i = 0; i < s->fmtp_count; i++)
        if (s->fmtp[i].pt == pt)
            return &s->fmtp[i];
    return NULL;
}

const struct sdp_section *sdp_find_mid(const struct sdp *s, struct str mid)
{
    for (size_t i = 0; i < s->section_count; i++)
        if (s->section[i].has_mid && str_eq(s->section[i].mid, mid))
            return &s->section[i];
    return NULL;
}
