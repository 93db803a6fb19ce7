/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/join_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/timebase.h"
#include "transport/ice_client.h"

#define REPEAT_CHECK_US 200000ull
#define GIVE_UP_US 10000000ull
#define POLL_MS 20

/* One endpoint under way. */
struct seat {
    int fd; /* -1: empty */
    struct ice_client *ice;
    struct dtls *dtls;
    bool has_answer, is_open, is_closed;
    uint64_t began_us, checked_us;
};

struct join_client {
    const struct join_client_config *config;
    struct seat seat[JOIN_CLIENT_UNDER_WAY];
    size_t started, joined;
};

static void on_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    struct seat *s = arg;

    (void)d;
    (void)send(s->fd, buf, len, 0); /* what is lost is sent again */
}

static void on_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    struct seat *s = arg;

    (void)d;
    (void)keys;
    s->is_open = true;
}

static void on_data(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d, (void)buf, (void)len, (void)arg;
}

static void on_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    struct seat *s = arg;

    (void)d, (void)err, (void)reason;
    s->is_closed = true;
}

static void seat_close(struct seat *s)
{
    dtls_free(&s->dtls); /* silently: the server keeps the association */
    ice_client_free(&s->ice);
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

static void check(struct seat *s, uint64_t now_us)
{
    uint8_t buf[ICE_CLIENT_CHECK_MAX_BYTES];
    size_t len = ice_client_check(s->ice, buf, sizeof(buf));

    (void)send(s->fd, buf, len, 0);
    s->checked_us = now_us;
}

static int seat_open(struct seat *s, const struct join_client_config *config,
                     const struct join_endpoint *endpoint, uint64_t now_us)
{
    static const struct dtls_handlers handlers = {on_send, on_open, on_data, on_closed};
    struct sockaddr_storage to;
    socklen_t to_len = (socklen_t)addr_to_sockaddr(&config->server, &to);
    int err = 0;

    *s = (struct seat){.fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                       .began_us = now_us};
    if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)&to, to_len) != 0)
        return -errno;
    err = dtls_new(&s->dtls, config->dtls, true, &config->server_fingerprint, 1, &handlers, s);
    if (err != 0)
        return err;
    s->ice = ice_client_new(&endpoint->local, &endpoint->remote);
    check(s, now_us);
    return 0;
}

static void take(struct seat *s, const uint8_t *buf, size_t len)
{
    if (buf[0] >= 20) { /* RFC 7983 */
        dtls_input(s->dtls, buf, len);
    } else if (ice_client_input(s->ice, buf, len) && !s->has_answer) {
        s->has_answer = true;
        dtls_start(s->dtls);
    }
}

static void read_all(struct seat *s)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];
    ssize_t n = 0;

    while (!s->is_open && !s->is_closed && (n = recv(s->fd, buf, sizeof(buf), 0)) > 0)
        take(s, buf, (size_t)n);
}

/* Repeat what may have been lost. */
static void tick(struct seat *s, uint64_t now_us)
{
    if (s->has_answer)
        dtls_tick(s->dtls);
    else if (now_us - s->checked_us > REPEAT_CHECK_US)
        check(s, now_us);
}

/* An empty seat is taken by the next endpoint, one that is through leaves it. */
static int advance(struct join_client *c, struct seat *s, uint64_t now_us)
{
    if (s->fd >= 0) {
        read_all(s);
        tick(s, now_us);
        if (s->is_closed || now_us - s->began_us > GIVE_UP_US)
            return E_TIMEOUT;
        if (!s->is_open)
            return 0;
        c->joined++;
        seat_close(s);
    }
    if (c->started == c->config->count)
        return 0;
    return seat_open(s, c->config, &c->config->endpoint[c->started++], now_us);
}

static int advance_all(struct join_client *c)
{
    struct pollfd fds[JOIN_CLIENT_UNDER_WAY];
    int err = 0;

    for (size_t i = 0; i < ARRAY_LEN(c->seat) && err == 0; i++) {
        err = advance(c, &c->seat[i], timebase_now_us());
        fds[i] = (struct pollfd){.fd = c->seat[i].fd, .events = POLLIN};
    }
    if (err == 0 && c->joined < c->config->count)
        (void)poll(fds, ARRAY_LEN(fds), POLL_MS);
    return err;
}

int join_client_run(const struct join_client_config *config)
{
    struct join_client c = {.config = config};
    int err = 0;

    for (size_t i = 0; i < ARRAY_LEN(c.seat); i++)
        c.seat[i].fd = -1;
    while (err == 0 && c.joined < config->count)
        err = advance_all(&c);
    for (size_t i = 0; i < ARRAY_LEN(c.seat); i++)
        seat_close(&c.seat[i]);
    return err;
}
