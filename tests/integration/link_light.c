/* SPDX-License-Identifier: Apache-2.0 */
/* link_light.c - a link on one UDP socket with checks of transport/ice_client.h; see link.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "core/addr.h"
#include "tests/integration/clock.h"
#include "tests/integration/link.h"
#include "transport/candidate.h"
#include "transport/ice_client.h"

#define FIRST_CHECKS_MS 20 /* until one is answered */
#define CONSENT_CHECKS_MS 500

struct light_link {
    struct link link;
    int fd;
    GSource *readable, *check;
    struct ice_client *ice;
    struct addr server;
    struct ice_credentials remote;
};

static struct light_link *light_of(struct link *l)
{
    return (struct light_link *)(void *)l;
}

static bool send_datagram(struct link *l, const uint8_t *buf, size_t len)
{
    struct light_link *n = light_of(l);
    struct sockaddr_storage to;
    socklen_t to_len = (socklen_t)addr_to_sockaddr(&n->server, &to);

    return sendto(n->fd, buf, len, 0, (struct sockaddr *)&to, to_len) == (ssize_t)len;
}

static gboolean on_check_due(void *arg)
{
    struct light_link *n = arg;
    uint8_t buf[ICE_CLIENT_CHECK_MAX_BYTES];

    (void)send_datagram(&n->link, buf, ice_client_check(n->ice, buf, sizeof(buf)));
    return G_SOURCE_CONTINUE;
}

static void check_every(struct light_link *n, unsigned ms)
{
    clock_remove(&n->check);
    n->check = clock_every(ms, on_check_due, n);
}

static void take_stun(struct light_link *n, const uint8_t *buf, size_t len)
{
    if (n->ice == NULL || !ice_client_input(n->ice, buf, len) || n->link.is_connected)
        return;
    n->link.is_connected = true;
    n->link.connections++;
    check_every(n, CONSENT_CHECKS_MS);
    if (n->link.handlers.on_connected != NULL)
        n->link.handlers.on_connected(n->link.arg);
}

static gboolean on_readable(int fd, GIOCondition condition, void *arg)
{
    struct light_link *n = arg;
    uint8_t buf[2048];

    (void)condition;
    ssize_t len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
    if (len <= 0)
        return G_SOURCE_CONTINUE;
    if (buf[0] < 4) /* RFC 7983 */
        take_stun(n, buf, (size_t)len);
    else
        n->link.handlers.on_datagram(buf, (size_t)len, n->link.arg);
    return G_SOURCE_CONTINUE;
}

static void open_socket(struct light_link *n)
{
    struct addr any;
    struct sockaddr_storage sa;

    if (addr_parse(&any, str_of(n->link.config.ipv6 ? "[::1]:0" : "127.0.0.1:0")) != 0)
        g_error("loopback address");
    socklen_t len = (socklen_t)addr_to_sockaddr(&any, &sa);
    n->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd < 0 || bind(n->fd, (struct sockaddr *)&sa, len) != 0)
        g_error("socket: %s", g_strerror(errno));
    n->readable = g_unix_fd_source_new(n->fd, G_IO_IN);
    g_source_set_callback(n->readable, G_SOURCE_FUNC(on_readable), n, NULL);
    g_source_attach(n->readable, clock_context());
}

static void close_socket(struct light_link *n)
{
    clock_remove(&n->check);
    clock_remove(&n->readable);
    close(n->fd);
}

static void make_local(struct link *l)
{
    static uint32_t last;

    g_snprintf(l->local.ufrag, sizeof(l->local.ufrag), "l%08x", ++last);
    g_snprintf(l->local.pwd, sizeof(l->local.pwd), "password-of-the-light-%08x", last);
}

static void begin_checks(struct light_link *n)
{
    n->link.is_connected = false;
    ice_client_free(&n->ice);
    n->ice = ice_client_new(&n->link.local, &n->remote);
    check_every(n, FIRST_CHECKS_MS);
    (void)on_check_due(n);
}

static void set_remote(struct link *l, const struct ice_credentials *remote, char *const *candidate,
                       size_t count)
{
    struct light_link *n = light_of(l);

    n->remote = *remote;
    for (size_t i = 0; i < count; i++) {
        struct candidate c;
        if (candidate_parse(&c, str_of(candidate[i])) == 0 && c.protocol == CANDIDATE_UDP &&
            c.addr.family == (l->config.ipv6 ? 6 : 4)) {
            n->server = c.addr;
            break;
        }
    }
    if (n->server.family == 0)
        g_error("no candidate of the family");
    begin_checks(n);
}

static void restart(struct link *l)
{
    make_local(l);
}

static void move(struct link *l)
{
    struct light_link *n = light_of(l);

    close_socket(n);
    open_socket(n);
    begin_checks(n);
}

static void free_link(struct link *l)
{
    struct light_link *n = light_of(l);

    close_socket(n);
    ice_client_free(&n->ice);
    g_free(n);
}

static const struct link_ops ops = {.set_remote = set_remote,
                                    .send = send_datagram,
                                    .restart = restart,
                                    .move = move,
                                    .free = free_link};

struct link *link_light_new(const struct link_config *config)
{
    struct light_link *n = g_new0(struct light_link, 1);

    n->link.ops = &ops;
    n->link.config = *config;
    open_socket(n);
    make_local(&n->link);
    return &n->link;
}
