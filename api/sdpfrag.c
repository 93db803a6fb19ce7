/* SPDX-License-Identifier: Apache-2.0 */
/* sdpfrag.c - line by line, once. */
#include "api/sdpfrag.h"

#include "core/err.h"

#define MIN_UFRAG_LEN 4 /* RFC 8839 s5.4 */
#define MIN_PWD_LEN 22

struct parse {
    struct sdpfrag *out;
    struct refusal *why;
    unsigned line;
};

static int refuse_line(const struct parse *p, int err, const char *sentence)
{
    (void)refuse(p->why, err, NULL, "line %u: %s", p->line, sentence);
    p->why->line = p->line;
    return err;
}

/* The next line without its end. */
static struct str next_line(struct str *rest)
{
    struct str line = str_cut(rest, '\n');

    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Cut off "a=name:"; false when @line is something else. */
static bool take_prefix(struct str *line, struct str prefix)
{
    if (!str_starts(*line, prefix))
        return false;
    line->p += prefix.len;
    line->len -= prefix.len;
    return true;
}

/* As sdp.h reads them: printable, and no colon, which stands between two of them in STUN. */
static bool is_credential(struct str s, size_t min_len)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7F || s.p[i] == ':')
            return false;
    return s.len >= min_len && s.len <= MAX_ICE_CREDENTIAL_LEN;
}

static int take_credential(const struct parse *p, struct str value, size_t min_len, struct str *to)
{
    if (!is_credential(value, min_len))
        return refuse_line(
            p, E_MALFORMED,
            "the ICE credential is too short, too long, or of characters that may not be in it");
    if (to->len > 0 && !str_eq(*to, value))
        return refuse_line(p, E_UNSUPPORTED,
                           "all sections share one transport, but the ICE credentials differ");
    *to = value;
    return 0;
}

static int take_candidate(const struct parse *p, struct str line)
{
    struct sdpfrag *out = p->out;
    struct str value = {line.p + 2, line.len - 2}; /* without "a=" */

    if (value.len > MAX_CANDIDATE_LINE_LEN)
        return refuse_line(p, E_LIMIT, "the candidate is too long");
    if (out->candidate_count == MAX_CANDIDATES_PER_REQUEST)
        return refuse_line(p, E_LIMIT, "there are too many candidates");
    out->candidate[out->candidate_count++] =
        (struct sdpfrag_candidate){.value = value, .line = p->line};
    return 0;
}

static int parse_line(const struct parse *p, struct str line)
{
    struct str rest = line;

    if (line.len < 2 || line.p[0] < 'a' || line.p[0] > 'z' || line.p[1] != '=')
        return refuse_line(p, E_MALFORMED, "a line of SDP is a letter, \"=\" and a value");
    for (size_t i = 2; i < line.len; i++)
        if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
            return refuse_line(p, E_MALFORMED, "there is a control character");
    if (take_prefix(&rest, STR("a=ice-ufrag:")))
        return take_credential(p, rest, MIN_UFRAG_LEN, &p->out->ufrag);
    if (take_prefix(&rest, STR("a=ice-pwd:")))
        return take_credential(p, rest, MIN_PWD_LEN, &p->out->pwd);
    if (str_starts(line, STR("a=candidate:")))
        return take_candidate(p, line);
    if (str_eq(line, STR("a=end-of-candidates")))
        p->out->has_end = true;
    return 0;
}

int sdpfrag_parse(struct sdpfrag *out, struct str text, struct refusal *why)
{
    struct parse p = {.out = out, .why = why};

    *out = (struct sdpfrag){0};
    if (text.len > MAX_SDPFRAG_BYTES)
        return refuse(why, E_LIMIT, NULL, "the fragment is longer than %d bytes",
                      MAX_SDPFRAG_BYTES);
    while (text.len > 0) {
        struct str line = next_line(&text);
        p.line++;
        if (line.len == 0) /* some clients end with one more line */
            continue;
        int err = parse_line(&p, line);
        if (err != 0)
            return err;
    }
    if (p.line == 0)
        return refuse(why, E_MALFORMED, NULL, "the fragment is empty");
    if ((out->ufrag.len == 0) != (out->pwd.len == 0))
        return refuse(why, E_MALFORMED, NULL,
                      "a=ice-ufrag and a=ice-pwd belong together: one of them is missing");
    return 0;
}

/* ---- writing ---- */

/* Copy the lines of @part that begin with one of the prefixes, which end with NULL. */
static void copy_lines(struct str part, const char *const *prefix, struct strbuf *out)
{
    while (part.len > 0) {
        struct str line = next_line(&part);

        for (size_t i = 0; prefix[i] != NULL; i++) {
            if (!str_starts(line, str_of(prefix[i])))
                continue;
            strbuf_add_str(out, line);
            strbuf_add(out, "\r\n");
        }
    }
}

/* The lines before the first section, and the section that has the candidates (the last one, when none has any). */
static void split(struct str answer, struct str *session, struct str *section)
{
    const char *start = answer.p, *begin = answer.p;
    bool is_found = false;

    *session = answer;
    *section = (struct str){0};
    while (answer.len > 0) {
        const char *at = answer.p;
        struct str line = next_line(&answer);

        if (str_starts(line, STR("m="))) {
            if (begin == start)
                session->len = (size_t)(at - start);
            if (is_found)
                return;
            begin = at;
        }
        is_found = is_found || str_starts(line, STR("a=candidate:"));
        *section = (struct str){begin, (size_t)(line.p + line.len - begin)};
    }
}

void sdpfrag_write_restart(struct str answer, const char *ufrag, const char *pwd,
                           struct strbuf *out)
{
    /* What an ICE restart repeats (RFC 8840 s4.4, draft-ietf-wish-whep s4.4.3). */
    static const char *const of_session[] = {"a=ice-lite", "a=ice-options:", "a=group:BUNDLE",
                                             NULL};
    static const char *const of_section[] = {"m=", "a=mid:", NULL};
    static const char *const candidates[] = {"a=candidate:", "a=end-of-candidates", NULL};
    struct str session, section;

    split(answer, &session, &section);
    copy_lines(session, of_session, out);
    copy_lines(section, of_section, out);
    strbuf_addf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ufrag, pwd);
    copy_lines(section, candidates, out);
}
