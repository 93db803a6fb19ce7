/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/candidate.h"

#include <string.h>

#include "core/err.h"
#include "core/limits.h"

#define MAX_NAME_BYTES 253 /* RFC 1035 s2.3.4, as text */
#define DISCARD_PORT 9     /* RFC 8839 s5.1, RFC 6544 s4.5: where no port is told */

static const char *const type_name[] = {
    [CANDIDATE_HOST] = "host",
    [CANDIDATE_SRFLX] = "srflx",
    [CANDIDATE_PRFLX] = "prflx",
    [CANDIDATE_RELAY] = "relay",
};

static const char *const tcptype_name[] = {
    [CANDIDATE_TCP_NONE] = "",
    [CANDIDATE_TCP_ACTIVE] = "active",
    [CANDIDATE_TCP_PASSIVE] = "passive",
    [CANDIDATE_TCP_SO] = "so",
};

/* RFC 8445 s5.1.2.2 for UDP. TCP stands below every direct UDP type (RFC 6544 s4.2). */
static const uint8_t type_preference[][2] = {
    [CANDIDATE_HOST] = {[CANDIDATE_UDP] = 126, [CANDIDATE_TCP] = 90},
    [CANDIDATE_PRFLX] = {[CANDIDATE_UDP] = 110, [CANDIDATE_TCP] = 80},
    [CANDIDATE_SRFLX] = {[CANDIDATE_UDP] = 100, [CANDIDATE_TCP] = 70},
    [CANDIDATE_RELAY] = {[CANDIDATE_UDP] = 2, [CANDIDATE_TCP] = 1},
};

uint32_t candidate_priority(enum candidate_type type, enum candidate_protocol protocol,
                            uint16_t local_pref)
{
    return (uint32_t)type_preference[type][protocol] << 24 | (uint32_t)local_pref << 8 |
           (256 - 1); /* component 1, the only one with rtcp-mux */
}

bool candidate_write(const struct candidate *c, struct strbuf *out)
{
    char ip[ADDR_TEXT_LEN];

    strbuf_addf(out, "candidate:%s %u %s %u %s %u typ %s", c->foundation, (unsigned)c->component,
                c->protocol == CANDIDATE_UDP ? "udp" : "tcp", (unsigned)c->priority,
                addr_ip_text(&c->addr, ip), (unsigned)c->addr.port, type_name[c->type]);
    if (c->type != CANDIDATE_HOST) /* the related address must stand there, and may say nothing */
        strbuf_addf(out, " raddr %s rport %d", c->addr.family == 6 ? "::" : "0.0.0.0",
                    DISCARD_PORT);
    if (c->protocol == CANDIDATE_TCP)
        strbuf_addf(out, " tcptype %s", tcptype_name[c->tcptype]);
    return !out->failed;
}

/* ---- parsing ---- */

/* The next word; empty at the end. */
static struct str next_word(struct str *rest)
{
    *rest = str_trim(*rest);
    return str_cut(rest, ' ');
}

static bool parse_number(struct str *rest, uint64_t max, uint64_t *out)
{
    return str_to_u64(next_word(rest), max, out);
}

/* Index of @word in @names without regard to case; -1 when it is not there. */
static int find_name(struct str word, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (word.len > 0 && str_eq_nocase(word, str_of(names[i])))
            return (int)i;
    return -1;
}

static bool is_ice_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

static bool parse_foundation(struct candidate *c, struct str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (!is_ice_char(word.p[i]))
            return false;
    return word.len > 0 && str_copy(c->foundation, sizeof(c->foundation), word);
}

static bool is_host_name(struct str word)
{
    bool has_letter = false;

    if (word.len == 0 || word.len > MAX_NAME_BYTES)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
            return false;
        has_letter = has_letter || is_letter;
    }
    return has_letter;
}

/* An IP address without port or brackets, or a name (mDNS). */
static bool parse_address(struct candidate *c, struct str word)
{
    bool is_bracketed = word.len > 0 && word.p[0] == '[';

    if (!is_bracketed && addr_parse(&c->addr, word) == 0)
        return c->addr.port == 0;
    c->has_name = is_host_name(word);
    return c->has_name;
}

/* Pairs of name and value behind the type; what we do not know is passed over (RFC 8839 s5.1). */
static bool parse_extensions(struct candidate *c, struct str rest)
{
    for (;;) {
        struct str name = next_word(&rest);
        struct str value = next_word(&rest);

        if (name.len == 0)
            break;
        if (!str_eq_c(name, "tcptype"))
            continue;
        int tcptype = find_name(value, tcptype_name, ARRAY_LEN(tcptype_name));

        if (tcptype < 0)
            return false;
        c->tcptype = (enum candidate_tcptype)tcptype;
    }
    return (c->protocol == CANDIDATE_TCP) == (c->tcptype != CANDIDATE_TCP_NONE);
}

static int parse_type(struct candidate *c, struct str word)
{
    int type = find_name(word, type_name, ARRAY_LEN(type_name));

    if (type < 0)
        return E_UNSUPPORTED;
    c->type = (enum candidate_type)type;
    return 0;
}

static int parse_protocol(struct candidate *c, struct str word)
{
    static const char *const names[] = {[CANDIDATE_UDP] = "udp", [CANDIDATE_TCP] = "tcp"};
    int protocol = find_name(word, names, ARRAY_LEN(names));

    if (word.len == 0)
        return E_MALFORMED;
    if (protocol < 0)
        return E_UNSUPPORTED;
    c->protocol = (enum candidate_protocol)protocol;
    return 0;
}

int candidate_parse(struct candidate *out, struct str line)
{
    struct candidate c = {0};
    struct str rest = str_trim(line);
    uint64_t component, priority, port;

    if (str_starts(rest, STR("a=")))
        rest = (struct str){rest.p + 2, rest.len - 2};
    if (rest.len > MAX_CANDIDATE_LINE_LEN || !str_starts(rest, STR("candidate:")))
        return E_MALFORMED;
    rest = (struct str){rest.p + sizeof("candidate:") - 1, rest.len - (sizeof("candidate:") - 1)};

    if (!parse_foundation(&c, next_word(&rest)) || !parse_number(&rest, 255, &component) ||
        component == 0)
        return E_MALFORMED;
    int rc = parse_protocol(&c, next_word(&rest));

    if (rc != 0)
        return rc;
    if (!parse_number(&rest, UINT32_MAX, &priority) || !parse_address(&c, next_word(&rest)) ||
        !parse_number(&rest, UINT16_MAX, &port) || !str_eq_c(next_word(&rest), "typ"))
        return E_MALFORMED;
    rc = parse_type(&c, next_word(&rest));
    if (rc != 0)
        return rc;
    if (!parse_extensions(&c, rest))
        return E_MALFORMED;

    c.component = (uint8_t)component;
    c.priority = (uint32_t)priority;
    c.addr.port = (uint16_t)port;
    *out = c;
    return 0;
}
