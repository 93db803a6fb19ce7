/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/announce.h"

#include <stdio.h>
#include <string.h>

#include "core/err.h"

/* Local preference of RFC 6544 s4.2: three bits of direction (4: a passive host candidate), thirteen of our order. */
#define TCP_PASSIVE_LOCAL_PREF (4u << 13)
#define TCP_OTHER_PREF_MAX ((1u << 13) - 1)

static const char why_announce[] = "media.announce lists what to tell instead";
static const char why_family[] = "nothing listens on an address of its family (media.listen)";
static const char why_port[] = "the announced port plus the worker's number is past 65535";
static const char why_link_local[] = "link-local: browsers cannot use it without a zone";
static const char why_loopback[] = "loopback: only this machine reaches it";
static const char why_wildcard[] = "no address to listen on: the wildcard cannot be told";
static const char why_twice[] = "already listed";
static const char why_full[] = "the list is full";

/* The list of one family on its way to being interleaved. */
struct addr_list {
    struct addr addr[MAX_ANNOUNCED_ADDRS];
    size_t count;
};

struct decision {
    const struct announce_input *in;
    struct announce_result *out;
    struct addr_list v6, v4;
};

static void leave_out(struct decision *d, const struct addr *addr, const char *reason)
{
    struct announce_result *out = d->out;

    if (out->left_out_count < MAX_ANNOUNCE_LEFT_OUT)
        out->left_out[out->left_out_count++] = (struct announce_left_out){*addr, reason};
}

static bool is_listed(const struct addr_list *list, const struct addr *addr)
{
    for (size_t i = 0; i < list->count; i++)
        if (addr_eq(&list->addr[i], addr))
            return true;
    return false;
}

static void tell(struct decision *d, const struct addr *addr)
{
    struct addr_list *list = addr->family == 6 ? &d->v6 : &d->v4;

    if (is_listed(list, addr))
        leave_out(d, addr, why_twice);
    else if (d->v6.count + d->v4.count == MAX_ANNOUNCED_ADDRS)
        leave_out(d, addr, why_full);
    else
        list->addr[list->count++] = *addr;
}

/* ---- what the machine has ---- */

/* The addresses behind a bound wildcard. */
static void tell_interfaces(struct decision *d, const struct addr *bound, bool is_loopback_pass)
{
    const struct announce_input *in = d->in;

    for (size_t i = 0; i < in->interface_count; i++) {
        struct addr addr = in->interface[i];

        if (addr.family != bound->family || addr_is_loopback(&addr) != is_loopback_pass)
            continue;
        addr.port = bound->port;
        if (addr_is_link_local(&addr))
            leave_out(d, &addr, why_link_local);
        else
            tell(d, &addr);
    }
}

static void tell_local(struct decision *d)
{
    const struct announce_input *in = d->in;

    for (size_t i = 0; i < in->bound_count; i++) {
        if (addr_is_any(&in->bound[i]))
            tell_interfaces(d, &in->bound[i], false);
        else
            tell(d, &in->bound[i]);
    }
}

/* Loopback of wildcards: told only when it is all there is. */
static void settle_loopback(struct decision *d)
{
    const struct announce_input *in = d->in;
    bool is_alone = d->v6.count + d->v4.count == 0;

    for (size_t i = 0; i < in->bound_count; i++) {
        if (!addr_is_any(&in->bound[i]))
            continue;
        if (is_alone)
            tell_interfaces(d, &in->bound[i], true);
        for (size_t n = 0; !is_alone && n < in->interface_count; n++)
            if (in->interface[n].family == in->bound[i].family &&
                addr_is_loopback(&in->interface[n]))
                leave_out(d, &in->interface[n], why_loopback);
    }
}

/* ---- what somebody told us ---- */

/* Port of the first socket of that family; 0 when there is none. */
static uint16_t bound_port(const struct announce_input *in, uint8_t family)
{
    for (size_t i = 0; i < in->bound_count; i++)
        if (in->bound[i].family == family)
            return in->bound[i].port;
    return 0;
}

static void tell_public(struct decision *d)
{
    struct addr addr = *d->in->public_addr;

    addr.port = bound_port(d->in, addr.family);
    if (addr.port == 0)
        leave_out(d, &addr, why_family);
    else
        tell(d, &addr);
}

static void tell_announced(struct decision *d, struct addr addr)
{
    const struct announce_input *in = d->in;
    uint16_t port = bound_port(in, addr.family);

    if (port == 0)
        leave_out(d, &addr, why_family);
    else if (addr_is_any(&addr))
        leave_out(d, &addr, why_wildcard);
    else if (addr.port > UINT16_MAX - in->worker)
        leave_out(d, &addr, why_port);
    else {
        addr.port = addr.port == 0 ? port : (uint16_t)(addr.port + in->worker);
        tell(d, &addr);
    }
}

static void tell_only_announced(struct decision *d)
{
    const struct announce_input *in = d->in;

    for (size_t i = 0; i < in->announce_count; i++)
        tell_announced(d, in->announce[i]);
    for (size_t i = 0; i < in->bound_count; i++) {
        const struct addr *bound = &in->bound[i];

        if (!addr_is_any(bound)) {
            if (!is_listed(bound->family == 6 ? &d->v6 : &d->v4, bound))
                leave_out(d, bound, why_announce);
            continue;
        }
        for (size_t n = 0; n < in->interface_count; n++) {
            struct addr addr = in->interface[n];

            addr.port = bound->port;
            if (addr.family == bound->family &&
                !is_listed(addr.family == 6 ? &d->v6 : &d->v4, &addr))
                leave_out(d, &addr, why_announce);
        }
    }
    if (in->public_addr != NULL)
        leave_out(d, in->public_addr, why_announce);
}

/* ---- candidates ---- */

/* Same type, address and protocol: same foundation (RFC 8445 s5.1.1.3). */
static void set_foundation(const struct announce_result *out, struct candidate *c)
{
    size_t same = 0;

    while (same < out->candidate_count && (out->candidate[same].protocol != c->protocol ||
                                           !addr_ip_eq(&out->candidate[same].addr, &c->addr)))
        same++;
    if (same < out->candidate_count)
        memcpy(c->foundation, out->candidate[same].foundation, sizeof(c->foundation));
    else
        (void)snprintf(c->foundation, sizeof(c->foundation), "%zu", same + 1);
}

static void add_candidate(struct decision *d, const struct addr *addr,
                          enum candidate_protocol protocol, size_t order)
{
    struct announce_result *out = d->out;
    bool is_tcp = protocol == CANDIDATE_TCP;
    unsigned local_pref = is_tcp ? TCP_PASSIVE_LOCAL_PREF + TCP_OTHER_PREF_MAX - (unsigned)order
                                 : UINT16_MAX - (unsigned)order;
    struct candidate c = {
        .component = 1,
        .protocol = protocol,
        .type = CANDIDATE_HOST,
        .tcptype = is_tcp ? CANDIDATE_TCP_PASSIVE : CANDIDATE_TCP_NONE,
        .priority = candidate_priority(CANDIDATE_HOST, protocol, (uint16_t)local_pref),
        .addr = *addr,
    };

    set_foundation(out, &c);
    out->candidate[out->candidate_count++] = c;
}

/* One of each family in turn, IPv6 first; the tail of the longer list follows. */
static void add_candidates(struct decision *d, enum candidate_protocol protocol)
{
    size_t order = 0;

    for (size_t i = 0; i < d->v6.count || i < d->v4.count; i++) {
        if (i < d->v6.count)
            add_candidate(d, &d->v6.addr[i], protocol, order++);
        if (i < d->v4.count)
            add_candidate(d, &d->v4.addr[i], protocol, order++);
    }
}

void announce_decide(const struct announce_input *in, struct announce_result *out)
{
    struct decision d = {.in = in, .out = out};

    out->candidate_count = 0;
    out->left_out_count = 0;
    if (in->announce_count > 0) {
        tell_only_announced(&d);
    } else {
        tell_local(&d);
        if (in->public_addr != NULL)
            tell_public(&d);
        settle_loopback(&d);
    }
    if (in->udp)
        add_candidates(&d, CANDIDATE_UDP);
    if (in->tcp)
        add_candidates(&d, CANDIDATE_TCP);
}

/* ---- entries ---- */

static int parse_port(struct str text, uint16_t *out)
{
    uint64_t port;

    if (!str_to_u64(text, UINT16_MAX, &port) || port == 0)
        return E_MALFORMED;
    *out = (uint16_t)port;
    return 0;
}

int announce_split(struct str entry, struct str *host, uint16_t *port)
{
    struct str rest = str_trim(entry);
    struct str name = rest;
    uint16_t number = 0;
    int err = 0;

    if (str_starts(rest, STR("["))) {
        rest = (struct str){rest.p + 1, rest.len - 1};
        name = str_cut(&rest, ']');
        if (name.p + name.len == rest.p) /* no closing bracket */
            return E_MALFORMED;
        if (rest.len > 0)
            err = rest.p[0] == ':' ? parse_port((struct str){rest.p + 1, rest.len - 1}, &number)
                                   : E_MALFORMED;
    } else {
        name = str_cut(&rest, ':');
        if (rest.len > 0 &&
            memchr(rest.p, ':', rest.len) != NULL) /* an IPv6 address without brackets */
            name = str_trim(entry);
        else if (name.len < str_trim(entry).len)
            err = parse_port(rest, &number);
    }
    if (err != 0 || name.len == 0)
        return E_MALFORMED;
    *host = name;
    *port = number;
    return 0;
}
