/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdp_attr.c - the attributes: one table of names and handlers. A handler gets what stands behind the colon and writes it
 * into the section, or into the session when no m= line came yet. Attributes that are not in the table are ignored.
 */
#include "transport/sdp_internal.h"

#include <string.h>

#include "core/err.h"
#include "core/mem.h"

/* ---- words ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_made_of(struct str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.p[i]) && (s.p[i] == 0 || strchr(others, s.p[i]) == NULL))
            return false;
    return s.len > 0;
}

bool sdp_is_token(struct str s)
{
    return is_made_of(s, "!#$%&'*+-.^_`{|}~");
}

/* The next word of a list that is separated by spaces; "" at the end. */
static struct str next_word(struct str *rest)
{
    struct str word;

    do {
        word = str_cut(rest, ' ');
    } while (word.len == 0 && rest->len > 0);
    return word;
}

static struct sdp_transport *transport_of(struct sdp_parse *p)
{
    return p->section ? &p->section->transport : &p->sdp->transport;
}

/* Append a zeroed element to @array, which has @count; leaves the handler when that is not possible. */
#define APPEND(p, array, count, max, element)                                                 \
    do {                                                                                      \
        if ((count) == (max))                                                                 \
            return sdp_parse_refuse((p), E_LIMIT, "more than %d such lines in one m-section", \
                                    (max));                                                   \
        void *grown_ = sdp_grow((array), (count), sizeof *(array));                           \
        if (grown_ == NULL)                                                                   \
            return sdp_parse_refuse((p), E_NO_MEMORY, "no memory for another attribute");     \
        (array) = grown_;                                                                     \
        (element) = &(array)[(count)++];                                                      \
    } while (0)

/* ---- session ---- */

/* a=group:BUNDLE 0 1 (RFC 9143); only the first such group counts. */
static int parse_group(struct sdp_parse *p, struct str value)
{
    struct sdp *s = p->sdp;

    if (!str_eq_c(next_word(&value), "BUNDLE") || s->has_bundle)
        return 0;
    s->has_bundle = true;
    for (struct str mid = next_word(&value); mid.len > 0; mid = next_word(&value)) {
        if (s->bundle_count == MAX_SECTIONS)
            return sdp_parse_refuse(p, E_LIMIT, "more than %d mids in a group", MAX_SECTIONS);
        if (!sdp_is_token(mid))
            return sdp_parse_refuse(p, E_MALFORMED, "a mid in the group is not a token");
        s->bundle[s->bundle_count++] = mid;
    }
    return 0;
}

static int parse_ext_mixed(struct sdp_parse *p, struct str value)
{
    (void)value;
    *(p->section ? &p->section->ext_mixed : &p->sdp->ext_mixed) = true;
    return 0;
}

/* ---- transport ---- */

/* USERNAME is "ufrag:ufrag", hence no colon; else any printable character is let through (RFC 8839 s5.4 names fewer). */
static bool is_ice_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == ':')
            return false;
    return true;
}

static int parse_ice_text(struct sdp_parse *p, struct str value, struct str *out, size_t min_len)
{
    if (value.len < min_len || value.len > MAX_ICE_CREDENTIAL_LEN || !is_ice_text(value))
        return sdp_parse_refuse(p, E_MALFORMED, "this must be %u to %d characters of [A-Za-z0-9+/]",
                                (unsigned)min_len, MAX_ICE_CREDENTIAL_LEN);
    if (out->len > 0 && !str_eq(*out, value))
        return sdp_parse_refuse(p, E_MALFORMED, "given twice with different values");
    *out = value;
    return 0;
}

static int parse_ice_ufrag(struct sdp_parse *p, struct str value)
{
    return parse_ice_text(p, value, &transport_of(p)->ice_ufrag, 4);
}

static int parse_ice_pwd(struct sdp_parse *p, struct str value)
{
    return parse_ice_text(p, value, &transport_of(p)->ice_pwd, 22);
}

static int parse_ice_lite(struct sdp_parse *p, struct str value)
{
    (void)value;
    transport_of(p)->ice_lite = true;
    return 0;
}

static int parse_ice_options(struct sdp_parse *p, struct str value)
{
    for (struct str option = next_word(&value); option.len > 0; option = next_word(&value)) {
        transport_of(p)->ice_trickle |= str_eq_c(option, "trickle");
        transport_of(p)->ice_renomination |= str_eq_c(option, "renomination");
    }
    return 0;
}

static int parse_setup(struct sdp_parse *p, struct str value)
{
    static const char *const name[] = {[SDP_SETUP_ACTPASS] = "actpass",
                                       [SDP_SETUP_ACTIVE] = "active",
                                       [SDP_SETUP_PASSIVE] = "passive",
                                       [SDP_SETUP_HOLDCONN] = "holdconn"};

    for (size_t i = SDP_SETUP_ACTPASS; i < ARRAY_LEN(name); i++) {
        if (!str_eq_c(value, name[i]))
            continue;
        transport_of(p)->setup = (enum sdp_setup)i;
        return 0;
    }
    return sdp_parse_refuse(p, E_MALFORMED, "a setup role is actpass, active or passive");
}

static int parse_fingerprint(struct sdp_parse *p, struct str value)
{
    struct sdp_transport *t = transport_of(p);
    struct str hash = next_word(&value), digest = next_word(&value);

    if (!sdp_is_token(hash) || !is_made_of(digest, ":"))
        return sdp_parse_refuse(p, E_MALFORMED,
                                "a fingerprint is a hash name and hexadecimal bytes");
    if (t->fingerprint_count == MAX_FINGERPRINTS)
        return sdp_parse_refuse(p, E_LIMIT, "more than %d fingerprints", MAX_FINGERPRINTS);
    t->fingerprint[t->fingerprint_count++] = (struct sdp_fingerprint){hash, digest, p->line_number};
    return 0;
}

static int parse_candidate(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct str *candidate;

    if (value.len > MAX_CANDIDATE_LINE_LEN || s->candidate_count == MAX_CANDIDATES_PER_SECTION)
        return 0;
    APPEND(p, s->candidate, s->candidate_count, MAX_CANDIDATES_PER_SECTION, candidate);
    *candidate = value;
    return 0;
}

/* ---- sections ---- */

static int parse_mid(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;

    if (!sdp_is_token(value))
        return sdp_parse_refuse(p, E_MALFORMED, "a mid is a token");
    if (value.len > MAX_MID_LEN)
        return sdp_parse_refuse(p, E_LIMIT, "a mid is longer than %d characters", MAX_MID_LEN);
    if (s->has_mid)
        return sdp_parse_refuse(p, E_MALFORMED, "an m-section has two mids");
    s->has_mid = true;
    s->mid = value;
    return 0;
}

static bool direction_of(struct str word, enum sdp_direction *out)
{
    static const char *const name[] = {[SDP_SENDRECV] = "sendrecv",
                                       [SDP_SENDONLY] = "sendonly",
                                       [SDP_RECVONLY] = "recvonly",
                                       [SDP_INACTIVE] = "inactive"};

    for (size_t i = 0; i < ARRAY_LEN(name); i++)
        if (str_eq_c(word, name[i])) {
            *out = (enum sdp_direction)i;
            return true;
        }
    return false;
}

/* The attribute's name is its value. At session level it is the default of the sections (RFC 8866 s6.7). */
static int parse_direction(struct sdp_parse *p, struct str name)
{
    if (!direction_of(name, p->section ? &p->section->direction : &p->direction))
        return sdp_parse_refuse(p, E_MALFORMED, "unknown direction");
    return 0;
}

/* Payload type at the start of a value. */
static int parse_pt(struct sdp_parse *p, struct str word, uint8_t *out)
{
    uint64_t pt;

    if (!str_to_u64(word, 127, &pt))
        return sdp_parse_refuse(p, E_MALFORMED, "payload types are numbers from 0 to 127");
    *out = (uint8_t)pt;
    return 0;
}

/* a=rtpmap:111 opus/48000/2 */
static int parse_rtpmap(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct sdp_rtpmap map = {.line = p->line_number}, *slot;
    uint64_t clock, channels = 1;

    int err = parse_pt(p, next_word(&value), &map.pt);
    if (err < 0)
        return err;
    struct str rest = next_word(&value);
    map.encoding = str_cut(&rest, '/');
    struct str clock_text = str_cut(&rest, '/');
    if (!sdp_is_token(map.encoding) || !str_to_u64(clock_text, UINT32_MAX, &clock) || clock == 0 ||
        (rest.len > 0 && !str_to_u64(rest, 255, &channels)))
        return sdp_parse_refuse(p, E_MALFORMED, "an rtpmap is name/clock or name/clock/channels");
    if (sdp_find_rtpmap(s, map.pt))
        return sdp_parse_refuse(p, E_MALFORMED, "payload type %u is mapped twice", map.pt);
    map.clock_hz = (uint32_t)clock;
    map.channels = (uint8_t)channels;
    APPEND(p, s->rtpmap, s->rtpmap_count, MAX_CODECS_PER_SECTION, slot);
    *slot = map;
    return 0;
}

/* a=fmtp:111 minptime=10;useinbandfec=1 */
static int parse_fmtp(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct sdp_fmtp *slot;
    uint8_t pt = 0;

    int err = parse_pt(p, next_word(&value), &pt);
    if (err < 0)
        return err;
    APPEND(p, s->fmtp, s->fmtp_count, MAX_CODECS_PER_SECTION, slot);
    *slot = (struct sdp_fmtp){pt, str_trim(value), p->line_number};
    return 0;
}

/* a=rtcp-fb:96 nack pli, a=rtcp-fb:* nack (RFC 4585 s4.2) */
static int parse_rtcp_fb(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct sdp_rtcp_fb *slot;
    struct str word = next_word(&value);
    uint8_t pt = 0;
    bool is_for_all = str_eq_c(word, "*");

    int err = is_for_all ? 0 : parse_pt(p, word, &pt);
    if (err < 0)
        return err;
    APPEND(p, s->rtcp_fb, s->rtcp_fb_count, MAX_RTCP_FB_PER_SECTION, slot);
    *slot = (struct sdp_rtcp_fb){is_for_all ? -1 : pt, str_trim(value)};
    return 0;
}

/* a=extmap:9/sendonly urn:… (RFC 8285 s5): ids 4096..4351 are offers without a place yet, and are passed over. */
static int parse_extmap(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct sdp_extmap map = {.line = p->line_number}, *slot;
    uint64_t id;

    struct str head = next_word(&value);
    if (!str_to_u64(str_cut(&head, '/'), 4351, &id) || id == 0 || (id > 255 && id < 4096))
        return sdp_parse_refuse(p, E_MALFORMED, "ids of header extensions are 1 to 255");
    map.has_direction = head.len > 0;
    if (map.has_direction && !direction_of(head, &map.direction))
        return sdp_parse_refuse(p, E_MALFORMED, "unknown direction of a header extension");
    map.uri = next_word(&value);
    if (map.uri.len == 0)
        return sdp_parse_refuse(p, E_MALFORMED, "a header extension needs a URI");
    if (id > 255)
        return 0;
    map.id = (uint8_t)id;
    for (size_t i = 0; i < s->extmap_count; i++)
        if (s->extmap[i].id == map.id)
            return sdp_parse_refuse(p, E_MALFORMED, "the header extension id %u is used twice",
                                    map.id);
    APPEND(p, s->extmap, s->extmap_count, MAX_EXTS_PER_SECTION, slot);
    *slot = map;
    return 0;
}

/* 0 stands for "not signalled" here, so nobody may claim it. */
static bool to_ssrc(struct str word, uint32_t *out)
{
    uint64_t ssrc;

    if (!str_to_u64(word, UINT32_MAX, &ssrc) || ssrc == 0)
        return false;
    *out = (uint32_t)ssrc;
    return true;
}

/* a=ssrc:1234 cname:x (RFC 5576 s4.1) */
static int parse_ssrc(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct sdp_ssrc line = {.line = p->line_number}, *slot;

    if (!to_ssrc(next_word(&value), &line.ssrc))
        return sdp_parse_refuse(p, E_MALFORMED, "an SSRC is a decimal number of 32 bits, not 0");
    line.value = str_trim(value);
    line.attribute = str_cut(&line.value, ':');
    APPEND(p, s->ssrc, s->ssrc_count, MAX_SSRC_LINES_PER_SECTION, slot);
    *slot = line;
    return 0;
}

/* a=ssrc-group:FID 1234 5678 (RFC 5576 s4.2) */
static int parse_ssrc_group(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct sdp_ssrc_group group = {.line = p->line_number, .semantics = next_word(&value)}, *slot;

    for (struct str word = next_word(&value); word.len > 0; word = next_word(&value)) {
        if (group.count == MAX_SSRCS_PER_SECTION)
            return sdp_parse_refuse(p, E_LIMIT, "more than %d SSRCs in a group",
                                    MAX_SSRCS_PER_SECTION);
        uint32_t *ssrc = &group.ssrc[group.count];
        if (!to_ssrc(word, ssrc))
            return sdp_parse_refuse(p, E_MALFORMED,
                                    "an SSRC is a decimal number of 32 bits, not 0");
        for (size_t i = 0; i < group.count; i++)
            if (group.ssrc[i] == *ssrc)
                return sdp_parse_refuse(p, E_MALFORMED, "a group has an SSRC twice");
        group.count++;
    }
    APPEND(p, s->ssrc_group, s->ssrc_group_count, MAX_SSRC_LINES_PER_SECTION, slot);
    *slot = group;
    return 0;
}

/* a=rid:hi send pt=96;max-width=1280 (RFC 8851) */
static int parse_rid(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct sdp_rid rid = {.line = p->line_number, .id = next_word(&value)}, *slot;
    struct str direction = next_word(&value);

    if (!is_made_of(rid.id, "-_"))
        return sdp_parse_refuse(p, E_MALFORMED,
                                "a RID is made of letters, digits, \"-\" and \"_\"");
    if (rid.id.len > MAX_RID_LEN)
        return sdp_parse_refuse(p, E_LIMIT, "a RID is longer than %d characters", MAX_RID_LEN);
    rid.is_send = str_eq_c(direction, "send");
    if (!rid.is_send && !str_eq_c(direction, "recv"))
        return sdp_parse_refuse(p, E_MALFORMED, "the direction of a RID is send or recv");
    for (size_t i = 0; i < s->rid_count; i++)
        if (str_eq(s->rid[i].id, rid.id))
            return sdp_parse_refuse(p, E_MALFORMED, "a RID is declared twice");
    rid.restrictions = str_trim(value);
    APPEND(p, s->rid, s->rid_count, MAX_RIDS_PER_SECTION, slot);
    *slot = rid;
    return 0;
}

/* a=simulcast:send hi;mid,~low recv x (RFC 8853 s5.1) */
static int parse_simulcast(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;

    if (s->simulcast_line > 0)
        return sdp_parse_refuse(p, E_MALFORMED, "an m-section has two simulcast lines");
    s->simulcast_line = p->line_number;
    for (struct str word = next_word(&value); word.len > 0; word = next_word(&value)) {
        bool is_send = str_eq_c(word, "send");
        struct str *list = is_send ? &s->simulcast_send : &s->simulcast_recv;
        struct str rids = next_word(&value);
        if (!is_send && !str_eq_c(word, "recv"))
            return sdp_parse_refuse(p, E_MALFORMED, "simulcast lists follow \"send\" or \"recv\"");
        if (list->len > 0 || !is_made_of(rids, "-_~,;"))
            return sdp_parse_refuse(
                p, E_MALFORMED, "a simulcast list is missing, given twice, or not made of RIDs");
        *list = rids;
    }
    return 0;
}

/* a=msid:stream track (RFC 8830); a further line would be another stream of the same track. */
static int parse_msid(struct sdp_parse *p, struct str value)
{
    struct sdp_section *s = p->section;
    struct str stream = next_word(&value);

    if (stream.len > MAX_MSID_LEN)
        return sdp_parse_refuse(p, E_LIMIT, "a stream id is longer than %d characters",
                                MAX_MSID_LEN);
    if (s->msid_stream.len > 0)
        return 0;
    s->msid_stream = stream;
    s->msid_track = next_word(&value);
    return 0;
}

static int parse_sctp_port(struct sdp_parse *p, struct str value)
{
    p->section->sctp_port = value;
    return 0;
}

/* The grammar allows fractions of a millisecond; nobody counts in them. */
static int parse_ms(struct sdp_parse *p, struct str value, uint32_t *out)
{
    uint64_t ms;

    if (!str_to_u64(str_cut(&value, '.'), UINT32_MAX, &ms))
        return sdp_parse_refuse(p, E_MALFORMED, "a packet time is a number of milliseconds");
    *out = (uint32_t)ms;
    return 0;
}

static int parse_ptime(struct sdp_parse *p, struct str value)
{
    return parse_ms(p, value, &p->section->ptime_ms);
}

static int parse_maxptime(struct sdp_parse *p, struct str value)
{
    return parse_ms(p, value, &p->section->maxptime_ms);
}

static int parse_flag(struct sdp_parse *p, struct str name)
{
    struct sdp_section *s = p->section;

    s->rtcp_mux |= str_eq_c(name, "rtcp-mux");
    s->rtcp_mux_only |= str_eq_c(name, "rtcp-mux-only");
    s->rtcp_rsize |= str_eq_c(name, "rtcp-rsize");
    s->bundle_only |= str_eq_c(name, "bundle-only");
    s->end_of_candidates |= str_eq_c(name, "end-of-candidates");
    return 0;
}

/* ---- the table ---- */

enum level { SESSION = 1, SECTION = 2, BOTH = SESSION | SECTION };

static const struct attribute {
    const char *name;
    enum level level;
    bool is_flag; /* no value: the handler gets the name */
    int (*parse)(struct sdp_parse *p, struct str value);
} attributes[] = {
    {"bundle-only", SECTION, true, parse_flag},
    {"candidate", SECTION, false, parse_candidate},
    {"end-of-candidates", SECTION, true, parse_flag},
    {"extmap", SECTION, false, parse_extmap},
    {"extmap-allow-mixed", BOTH, true, parse_ext_mixed},
    {"fingerprint", BOTH, false, parse_fingerprint},
    {"fmtp", SECTION, false, parse_fmtp},
    {"group", SESSION, false, parse_group},
    {"ice-lite", BOTH, true, parse_ice_lite},
    {"ice-options", BOTH, false, parse_ice_options},
    {"ice-pwd", BOTH, false, parse_ice_pwd},
    {"ice-ufrag", BOTH, false, parse_ice_ufrag},
    {"inactive", BOTH, true, parse_direction},
    {"maxptime", SECTION, false, parse_maxptime},
    {"mid", SECTION, false, parse_mid},
    {"msid", SECTION, false, parse_msid},
    {"ptime", SECTION, false, parse_ptime},
    {"recvonly", BOTH, true, parse_direction},
    {"rid", SECTION, false, parse_rid},
    {"rtcp-fb", SECTION, false, parse_rtcp_fb},
    {"rtcp-mux", SECTION, true, parse_flag},
    {"rtcp-mux-only", SECTION, true, parse_flag},
    {"rtcp-rsize", SECTION, true, parse_flag},
    {"rtpmap", SECTION, false, parse_rtpmap},
    {"sctp-port", SECTION, false, parse_sctp_port},
    {"sendonly", BOTH, true, parse_direction},
    {"sendrecv", BOTH, true, parse_direction},
    {"setup", BOTH, false, parse_setup},
    {"simulcast", SECTION, false, parse_simulcast},
    {"ssrc", SECTION, false, parse_ssrc},
    {"ssrc-group", SECTION, false, parse_ssrc_group},
};

int sdp_attr_parse(struct sdp_parse *p, struct str attribute)
{
    enum level level = p->section ? SECTION : SESSION;
    struct str value = attribute, name = str_cut(&value, ':');

    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        const struct attribute *a = &attributes[i];
        if (!(a->level & level) || !str_eq_c(name, a->name))
            continue;
        return a->parse(p, a->is_flag ? name : str_trim(value));
    }
    return 0;
}
