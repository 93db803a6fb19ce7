/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsep_encoding.c - RIDs win over SSRCs: where a section has both, packets carry the RID, and the order of the SSRC lines is
 * not promised to be that of the RIDs.
 *
 * All alternatives of a simulcast list are accepted: "hi,mid;low" are three RIDs. The answer repeats the mark of a paused one,
 * "~low", for without it Chromium takes the answer as a wish and starts the encoding, whatever the page had set.
 */
#include "transport/jsep_encoding.h"

#include <string.h>

#include "core/err.h"

/* ---- by RID ---- */

static const struct sdp_rid *find_rid(const struct sdp_section *s, struct str id)
{
    for (size_t i = 0; i < s->rid_count; i++)
        if (s->rid[i].is_send && str_eq(s->rid[i].id, id))
            return &s->rid[i];
    return NULL;
}

static const struct negotiated_encoding *find_encoding(const struct transceiver *t, struct str rid)
{
    for (size_t i = 0; i < t->encoding_count; i++)
        if (str_eq_c(rid, t->encoding[i].rid))
            return &t->encoding[i];
    return NULL;
}

/* One of a list "96,97" that was negotiated, from *rest on; PT_NONE at the end. */
static uint8_t next_negotiated_pt(const struct transceiver *t, struct str *rest)
{
    uint64_t pt;

    while (rest->len > 0)
        if (str_to_u64(str_trim(str_cut(rest, ',')), 127, &pt) &&
            transceiver_find_pt(t, (uint8_t)pt))
            return (uint8_t)pt;
    return PT_NONE;
}

/* A RID may be bound to payload types (RFC 8851 s5); it is of use when one of them was negotiated. */
static bool is_usable(const struct transceiver *t, const struct sdp_rid *rid)
{
    struct str list;

    return !codec_fmtp_get(rid->restrictions, "pt", &list) ||
           next_negotiated_pt(t, &list) != PT_NONE;
}

static void add_rid(struct transceiver *t, const struct sdp_rid *rid)
{
    struct negotiated_encoding *e = &t->encoding[t->encoding_count];

    if (t->encoding_count < MAX_ENCODINGS && is_usable(t, rid) &&
        str_copy(e->rid, sizeof e->rid, rid->id))
        t->encoding_count++;
}

/* One RID of a simulcast list. */
struct item {
    struct str id;
    bool is_paused;
    char separator; /* what follows: ';' the next encoding, ',' an alternative, 0 nothing */
};

static struct item next_item(struct str *list)
{
    struct item item = {.id = *list};
    size_t len = 0;

    while (len < list->len && list->p[len] != ',' && list->p[len] != ';')
        len++;
    item.separator = len < list->len ? list->p[len] : 0;
    item.id.len = len;
    item.is_paused = str_starts(item.id, STR("~"));
    if (item.is_paused)
        item.id = (struct str){item.id.p + 1, len - 1};
    if (item.separator)
        len++;
    *list = (struct str){list->p + len, list->len - len};
    return item;
}

static int negotiate_simulcast(struct transceiver *t, const struct sdp_section *s,
                               struct sdp_error *why)
{
    struct str list = s->simulcast_send, seen[MAX_RIDS_PER_SECTION];
    size_t seen_count = 0;
    struct item item;

    do {
        item = next_item(&list);
        struct str id = item.id;
        const struct sdp_rid *rid = find_rid(s, id);
        if (rid == NULL)
            return sdp_refuse(why, E_MALFORMED, s->simulcast_line,
                              "the simulcast list names \"%.*s\", but no a=rid line sends it",
                              (int)MIN(id.len, 32u), id.p);
        for (size_t i = 0; i < seen_count; i++)
            if (str_eq(seen[i], id))
                return sdp_refuse(why, E_MALFORMED, s->simulcast_line,
                                  "the simulcast list names \"%.*s\" twice", (int)id.len, id.p);
        seen[seen_count++] = id; /* each is another a=rid line, of which there are no more */
        add_rid(t, rid);
    } while (item.separator);
    return 0;
}

static int negotiate_rids(struct transceiver *t, const struct sdp_section *s, struct sdp_error *why)
{
    if (s->simulcast_send.len > 0)
        return negotiate_simulcast(t, s, why);
    for (size_t i = 0; i < s->rid_count; i++)
        if (s->rid[i].is_send)
            add_rid(t, &s->rid[i]);
    return 0;
}

/* ---- by SSRC ---- */

/* The RTX SSRC of @ssrc by its FID group (RFC 4588 s8.3, RFC 5576 s4.2); 0 without. */
static uint32_t find_rtx_ssrc(const struct sdp_section *s, uint32_t ssrc)
{
    for (size_t i = 0; i < s->ssrc_group_count; i++) {
        const struct sdp_ssrc_group *g = &s->ssrc_group[i];
        if (str_eq_c(g->semantics, "FID") && g->count == 2 && g->ssrc[0] == ssrc)
            return g->ssrc[1];
    }
    return 0;
}

/* Whether @ssrc repairs another one: second in an FID or FEC-FR group. */
static bool is_repair(const struct sdp_section *s, uint32_t ssrc)
{
    for (size_t i = 0; i < s->ssrc_group_count; i++) {
        const struct sdp_ssrc_group *g = &s->ssrc_group[i];
        if (!str_eq_c(g->semantics, "SIM") && g->count == 2 && g->ssrc[1] == ssrc)
            return true;
    }
    return false;
}

static void add_ssrc(struct transceiver *t, const struct sdp_section *s, uint32_t ssrc)
{
    if (t->encoding_count < MAX_ENCODINGS)
        t->encoding[t->encoding_count++] =
            (struct negotiated_encoding){.ssrc = ssrc, .rtx_ssrc = find_rtx_ssrc(s, ssrc)};
}

static const struct sdp_ssrc_group *find_sim(const struct sdp_section *s)
{
    for (size_t i = 0; i < s->ssrc_group_count; i++)
        if (str_eq_c(s->ssrc_group[i].semantics, "SIM") && s->ssrc_group[i].count > 0)
            return &s->ssrc_group[i];
    return NULL;
}

static void negotiate_ssrcs(struct transceiver *t, const struct sdp_section *s)
{
    const struct sdp_ssrc_group *sim = find_sim(s);

    for (size_t i = 0; sim && i < sim->count; i++)
        add_ssrc(t, s, sim->ssrc[i]);
    for (size_t i = 0; i < s->ssrc_count && t->encoding_count == 0; i++)
        if (!is_repair(s, s->ssrc[i].ssrc))
            add_ssrc(t, s, s->ssrc[i].ssrc);
}

int jsep_encoding_negotiate(struct transceiver *t, const struct sdp_section *s,
                            struct sdp_error *why)
{
    int err = 0;

    if (t->ext.id[RTP_EXT_RID] != 0) /* without the extension no packet can tell its RID */
        err = negotiate_rids(t, s, why);
    if (err == 0 && t->encoding_count == 0)
        negotiate_ssrcs(t, s);
    if (t->encoding_count == 0)
        t->encoding_count = 1; /* one encoding that nobody named */
    t->is_simulcast = t->encoding_count > 1;
    return err;
}

/* ---- the answer ---- */

/* The offer's restrictions bind a receiver as well; only payload types that were not negotiated go. */
static void write_restrictions(const struct transceiver *t, struct str restrictions,
                               struct strbuf *out)
{
    char before = ' ';

    while (restrictions.len > 0) {
        struct str one = str_trim(str_cut(&restrictions, ';')), list = one;
        if (one.len == 0)
            continue;
        strbuf_add_char(out, before);
        before = ';';
        if (!str_eq_nocase(str_cut(&list, '='), STR("pt"))) {
            strbuf_add_str(out, one);
            continue;
        }
        const char *sign = "pt=";
        for (uint8_t pt = next_negotiated_pt(t, &list); pt != PT_NONE;
             pt = next_negotiated_pt(t, &list)) {
            strbuf_addf(out, "%s%u", sign, pt);
            sign = ",";
        }
    }
}

static void write_simulcast(const struct transceiver *t, struct str list, struct strbuf *out)
{
    char before = ' ';
    struct item item;

    strbuf_add(out, "a=simulcast:recv");
    do {
        item = next_item(&list);
        if (find_encoding(t, item.id)) {
            strbuf_add_char(out, before);
            strbuf_add(out, item.is_paused ? "~" : "");
            strbuf_add_str(out, item.id);
            before = ',';
        }
        if (item.separator == ';' && before != ' ')
            before = ';';
    } while (item.separator);
    strbuf_add(out, "\r\n");
}

void jsep_encoding_write(const struct transceiver *t, const struct sdp_section *s,
                         struct strbuf *out)
{
    if (!t->recv || t->encoding_count == 0 || t->encoding[0].rid[0] == 0)
        return;
    for (size_t i = 0; i < t->encoding_count; i++) {
        const struct sdp_rid *rid = find_rid(s, str_of(t->encoding[i].rid));
        strbuf_addf(out, "a=rid:%s recv", t->encoding[i].rid);
        if (rid)
            write_restrictions(t, rid->restrictions, out);
        strbuf_add(out, "\r\n");
    }
    if (s->simulcast_send.len > 0)
        write_simulcast(t, s->simulcast_send, out);
}
