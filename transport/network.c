/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - see network.h. */
#include "transport/network.h"

#include "core/err.h"
#include "core/log.h"
#include "core/str.h"
#include "transport/stun_probe.h"

#define STUN_DEFAULT_PORT 3478 /* RFC 8489 s18.6 */

static int add_listen(struct network *n, const struct addr *a)
{
    if (n->listen_count == MAX_LISTEN_ADDRS)
        return E_LIMIT;
    n->listen[n->listen_count++] = *a;
    return 0;
}

/* Every address of the machine by itself, loopback included. What it has beyond the bound is left out. */
static void add_machine(struct network *n, uint16_t port)
{
    for (size_t i = 0; i < n->interface_count; i++) {
        struct addr a = n->interface[i];
        char text[ADDR_TEXT_LEN];
        a.port = port;
        if (!addr_is_link_local(&a) && add_listen(n, &a) != 0)
            log_warn(LOG_NET, NULL, "media.listen: %s is left out, %d addresses are the most",
                     addr_ip_text(&a, text), MAX_LISTEN_ADDRS);
    }
}

static int read_listen(const struct config *config, struct network *n)
{
    for (size_t i = 0; i < config->media_listen.count; i++) {
        const char *text = config->media_listen.item[i];
        struct str host;
        uint16_t port = 0;
        struct addr a;
        if (announce_split(str_of(text), &host, &port) == 0 && str_eq_c(host, "machine")) {
            add_machine(n, port);
            continue;
        }
        int err = addr_parse(&a, str_of(text));
        if (err == 0)
            err = add_listen(n, &a);
        if (err != 0) {
            log_error(LOG_NET, NULL, "media.listen: \"%s\" is not an address, or one too many",
                      text);
            return err;
        }
    }
    return 0;
}

/* A name that cannot be resolved is left out with a warning: a start never fails because somebody else does not answer. */
static void read_announce(const struct config *config, struct network *n)
{
    for (size_t i = 0; i < config->media_announce.count; i++) {
        const char *entry = config->media_announce.item[i];
        struct str host;
        uint16_t port;
        char name[256];
        if (announce_split(str_of(entry), &host, &port) != 0 ||
            !str_copy(name, sizeof(name), host)) {
            log_warn(LOG_NET, NULL, "media.announce: \"%s\" is left out: not an address or name",
                     entry);
            continue;
        }
        int got = addr_resolve(name, &n->announce[n->announce_count],
                               MAX_ANNOUNCED_ADDRS - n->announce_count);
        if (got <= 0)
            log_warn(LOG_NET, NULL, "media.announce: \"%s\" is left out: it cannot be resolved",
                     entry);
        for (int k = 0; k < got; k++)
            n->announce[n->announce_count++].port = port;
    }
}

/* Ask each address of the server whose family we listen on, until one answers. */
static int stun_probe_by_name(const char *server, struct network *n)
{
    struct str host;
    uint16_t port;
    char name[256];
    struct addr addrs[8];
    int err = announce_split(str_of(server), &host, &port);

    if (err != 0 || !str_copy(name, sizeof(name), host))
        return E_MALFORMED;
    int got = addr_resolve(name, addrs, ARRAY_LEN(addrs));
    err = got < 0 ? got : E_NOT_FOUND;
    for (int i = 0; i < got; i++)
        for (size_t k = 0; k < n->listen_count; k++) {
            if (addrs[i].family != n->listen[k].family)
                continue;
            addrs[i].port = port != 0 ? port : STUN_DEFAULT_PORT;
            if ((err = stun_probe(&addrs[i], &n->listen[k], &n->public_addr)) == 0)
                return 0;
        }
    return err;
}

static void ask_stun_server(const struct config *config, struct network *n)
{
    char text[ADDR_TEXT_LEN];

    if (config->media_stun_server[0] == 0)
        return;
    int err = stun_probe_by_name(config->media_stun_server, n);
    if (err != 0)
        log_warn(LOG_NET, NULL,
                 "media.stun_server: %s does not tell our public address (%s): going on without",
                 config->media_stun_server, err_text(err));
    else
        log_info(LOG_NET, NULL, "public address found: %s", addr_ip_text(&n->public_addr, text));
}

int network_read(struct network *n, const struct config *config)
{
    *n = (struct network){.listen_count = 0};
    n->interface_count = addr_list_interfaces(n->interface, MAX_ANNOUNCED_ADDRS);
    int err = read_listen(config, n);
    if (err != 0)
        return err;
    read_announce(config, n);
    ask_stun_server(config, n);
    return 0;
}

void network_decide(const struct network *n, const struct config *config, const struct addr *bound,
                    size_t bound_count, unsigned worker, struct announce_result *out)
{
    const struct announce_input in = {
        .bound = bound,
        .bound_count = bound_count,
        .interface = n->interface,
        .interface_count = n->interface_count,
        .announce = n->announce,
        .announce_count = n->announce_count,
        .public_addr = n->public_addr.family == 0 ? NULL : &n->public_addr,
        .udp = config->media_udp,
        .tcp = config->media_tcp,
        .worker = (uint16_t)worker,
    };

    announce_decide(&in, out);
}
