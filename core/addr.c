/* SPDX-License-Identifier: Apache-2.0 */
/* addr.c - addresses to and from text, sockaddrs, interfaces and names. */
#include "core/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/check.h"
#include "core/err.h"

static const uint8_t v4_mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* --- questions -------------------------------------------------------------------------------- */

bool addr_eq(const struct addr *a, const struct addr *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool addr_is_any(const struct addr *a)
{
    static const uint8_t zero[sizeof(a->ip)];

    return a->family != 0 && memcmp(a->ip, zero, sizeof(zero)) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
    static const uint8_t v6_loopback[sizeof(a->ip)] = {[15] = 1};

    if (a->family == 4)
        return a->ip[0] == 127;
    return a->family == 6 && memcmp(a->ip, v6_loopback, sizeof(v6_loopback)) == 0;
}

bool addr_is_link_local(const struct addr *a)
{
    if (a->family == 4)
        return a->ip[0] == 169 && a->ip[1] == 254;
    return a->family == 6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

bool addr_is_private(const struct addr *a)
{
    const uint8_t *ip = a->ip;

    if (a->family == 4)
        return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
               (ip[0] == 192 && ip[1] == 168) || (ip[0] == 100 && (ip[1] & 0xc0) == 64);
    return a->family == 6 && (ip[0] & 0xfe) == 0xfc;
}

/* --- sockaddrs -------------------------------------------------------------------------------- */

static struct addr addr_of_v4(const void *ip, uint16_t port)
{
    struct addr a = {.family = 4, .port = port};

    memcpy(a.ip, ip, 4);
    return a;
}

static struct addr addr_of_v6(const void *ip, uint32_t scope, uint16_t port)
{
    struct addr a = {.family = 6, .port = port};

    if (memcmp(ip, v4_mapped_prefix, sizeof(v4_mapped_prefix)) == 0)
        return addr_of_v4((const uint8_t *)ip + sizeof(v4_mapped_prefix), port);
    memcpy(a.ip, ip, sizeof(a.ip));
    if (addr_is_link_local(&a)) /* elsewhere a zone would make one address look like two */
        a.scope = scope;
    return a;
}

struct addr addr_of_sockaddr(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;
        return addr_of_v4(&in->sin_addr, ntohs(in->sin_port));
    }
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sa;
        return addr_of_v6(&in6->sin6_addr, in6->sin6_scope_id, ntohs(in6->sin6_port));
    }
    return (struct addr){.family = 0};
}

size_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
    if (a->family == 4) {
        struct sockaddr_in *in = (void *)out;
        *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof(*in);
    }
    CHECK(a->family == 6);
    struct sockaddr_in6 *in6 = (void *)out;
    *in6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
    memcpy(&in6->sin6_addr, a->ip, sizeof(a->ip));
    return sizeof(*in6);
}

/* --- text ------------------------------------------------------------------------------------- */

static bool parse_scope(struct str text, uint32_t *scope)
{
    char name[IF_NAMESIZE];
    uint64_t number;

    if (str_to_u64(text, UINT32_MAX, &number))
        *scope = (uint32_t)number;
    else
        *scope = str_copy(name, sizeof(name), text) ? if_nametoindex(name) : 0;
    return *scope != 0;
}

/* An address without port and brackets. */
static bool parse_ip(struct addr *out, struct str text, uint16_t port)
{
    struct str ip = str_cut(&text, '%'); /* the rest is the zone */
    bool has_zone = ip.p + ip.len != text.p + text.len;
    char name[INET6_ADDRSTRLEN];
    uint8_t raw[16];
    uint32_t scope = 0;

    if (!str_copy(name, sizeof(name), ip) || strlen(name) != ip.len)
        return false;
    if (!has_zone && inet_pton(AF_INET, name, raw) == 1) {
        *out = addr_of_v4(raw, port);
        return true;
    }
    if (inet_pton(AF_INET6, name, raw) != 1 || (has_zone && !parse_scope(text, &scope)))
        return false;
    *out = addr_of_v6(raw, scope, port);
    return true;
}

/* Split "[ip]:port", "[ip]", "ip:port" (one colon only) and "ip". */
static bool split_port(struct str text, struct str *ip, struct str *port)
{
    const char *colon = text.len > 0 ? memchr(text.p, ':', text.len) : NULL;

    *port = STR("0");
    *ip = text;
    if (text.len > 0 && text.p[0] == '[') {
        const char *close = memchr(text.p, ']', text.len);
        if (close == NULL)
            return false;
        *ip = (struct str){text.p + 1, (size_t)(close - text.p) - 1};
        size_t left = text.len - ip->len - 2;
        if (left > 0)
            *port = (struct str){close + 2, left - 1};
        return memchr(ip->p, ':', ip->len) != NULL && (left == 0 || close[1] == ':');
    }
    if (colon != NULL && memchr(colon + 1, ':', text.len - (size_t)(colon - text.p) - 1) == NULL) {
        ip->len = (size_t)(colon - text.p);
        *port = (struct str){colon + 1, text.len - ip->len - 1};
    }
    return true;
}

int addr_parse(struct addr *out, struct str text)
{
    struct str ip, port_text;
    uint64_t port;

    if (!split_port(text, &ip, &port_text) || !str_to_u64(port_text, UINT16_MAX, &port) ||
        !parse_ip(out, ip, (uint16_t)port))
        return E_MALFORMED;
    return 0;
}

const char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT_LEN])
{
    out[0] = 0;
    if (a->family == 4)
        CHECK(inet_ntop(AF_INET, a->ip, out, ADDR_TEXT_LEN) != NULL);
    else if (a->family == 6)
        CHECK(inet_ntop(AF_INET6, a->ip, out, ADDR_TEXT_LEN) != NULL);
    if (a->scope != 0) {
        size_t len = strlen(out);
        (void)snprintf(out + len, ADDR_TEXT_LEN - len, "%%%u", a->scope);
    }
    return out;
}

const char *addr_text(const struct addr *a, char out[ADDR_TEXT_LEN])
{
    char ip[ADDR_TEXT_LEN];

    (void)addr_ip_text(a, ip); /* at most 45 + 11 characters: there is room for 8 more */
    (void)snprintf(out, ADDR_TEXT_LEN, a->family == 6 ? "[%.56s]:%u" : "%.56s:%u", ip, a->port);
    return out;
}

/* --- this machine, and names ------------------------------------------------------------------ */

/* Append unless it is no IP address or there already; returns the new count. */
static size_t add_unique(struct addr *list, size_t n, const struct addr *a)
{
    if (a->family == 0)
        return n;
    for (size_t i = 0; i < n; i++)
        if (addr_eq(&list[i], a))
            return n;
    list[n] = *a;
    return n + 1;
}

size_t addr_list_interfaces(struct addr *out, size_t max)
{
    struct ifaddrs *all = NULL;
    size_t n = 0;

    if (getifaddrs(&all) != 0)
        return 0;
    for (const struct ifaddrs *i = all; i != NULL && n < max; i = i->ifa_next) {
        if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0)
            continue;
        struct addr a = addr_of_sockaddr(i->ifa_addr);
        n = add_unique(out, n, &a);
    }
    freeifaddrs(all);
    return n;
}

static int err_of_resolver(int code)
{
    switch (code) {
    case EAI_SYSTEM:
        return errno != 0 ? -errno : E_NOT_FOUND;
    case EAI_MEMORY:
        return E_NO_MEMORY;
    case EAI_AGAIN:
        return E_TIMEOUT;
    default:
        return E_NOT_FOUND;
    }
}

int addr_resolve(const char *host, struct addr *out, size_t max)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *all = NULL;
    int code = getaddrinfo(host, NULL, &hints, &all);
    size_t n = 0;

    if (code != 0)
        return err_of_resolver(code);
    for (const struct addrinfo *i = all; i != NULL && n < max; i = i->ai_next) {
        struct addr a = addr_of_sockaddr(i->ai_addr);
        n = add_unique(out, n, &a);
    }
    freeaddrinfo(all);
    return (int)n;
}
