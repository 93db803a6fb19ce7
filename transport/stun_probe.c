/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stun_probe.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stun/stunagent.h>
#include <stun/usages/bind.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/timebase.h"

#define FIRST_RETRANSMIT_US 200000ull /* doubled each time: requests at 0, 200, 600 and 1400 ms */
#define STILL_WAITING 1
#define REQUEST_BYTES 128

struct probe {
    int fd;
    StunAgent agent;
    uint8_t request[REQUEST_BYTES];
    size_t request_bytes;
};

/* The family of the socket is the server's; connect() keeps strangers' datagrams out and brings ICMP errors in. */
static int open_socket(const struct addr *server, const struct addr *local)
{
    struct sockaddr_storage to, from;
    struct addr source = *local;
    socklen_t to_len = (socklen_t)addr_to_sockaddr(server, &to);

    source.port = 0;
    socklen_t from_len = (socklen_t)addr_to_sockaddr(&source, &from);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&from, from_len) != 0 ||
        connect(fd, (struct sockaddr *)&to, to_len) != 0) {
        int err = -errno;

        (void)close(fd);
        return err;
    }
    return fd;
}

/* Read one datagram. Returns STILL_WAITING when it was not the answer. */
static int read_answer(struct probe *p, struct addr *out)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];
    struct sockaddr_storage mapped, alternate;
    socklen_t mapped_len = sizeof(mapped), alternate_len = sizeof(alternate);
    StunMessage answer;
    ssize_t n = recv(p->fd, buf, sizeof(buf), 0);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? STILL_WAITING : -errno;
    if (stun_agent_validate(&p->agent, &answer, buf, (size_t)n, NULL, NULL) !=
        STUN_VALIDATION_SUCCESS)
        return STILL_WAITING;
    switch (stun_usage_bind_process(&answer, (struct sockaddr *)&mapped, &mapped_len,
                                    (struct sockaddr *)&alternate, &alternate_len)) {
    case STUN_USAGE_BIND_RETURN_SUCCESS:
        *out = addr_of_sockaddr((struct sockaddr *)&mapped);
        return 0;
    case STUN_USAGE_BIND_RETURN_INVALID:
        return STILL_WAITING;
    default:
        return E_UNSUPPORTED;
    }
}

/* Wait until @until_us. Returns STILL_WAITING when no answer came. */
static int wait_answer(struct probe *p, uint64_t until_us, struct addr *out)
{
    for (;;) {
        uint64_t now_us = timebase_now_us();
        struct pollfd pfd = {.fd = p->fd, .events = POLLIN};

        if (now_us >= until_us)
            return STILL_WAITING;
        int ready = poll(&pfd, 1, (int)((until_us - now_us + US_PER_MS - 1) / US_PER_MS));

        if (ready < 0 && errno != EINTR)
            return -errno;
        int rc = ready > 0 ? read_answer(p, out) : STILL_WAITING;

        if (rc != STILL_WAITING)
            return rc;
    }
}

static int ask(struct probe *p, struct addr *out)
{
    uint64_t start_us = timebase_now_us();
    uint64_t end_us = start_us + STUN_PROBE_TIMEOUT_US;
    uint64_t pause_us = FIRST_RETRANSMIT_US;
    uint64_t until_us = start_us;

    while (until_us < end_us) {
        if (send(p->fd, p->request, p->request_bytes, 0) < 0 && errno != EAGAIN)
            return -errno;
        until_us = MIN(until_us + pause_us, end_us);
        pause_us *= 2;
        int rc = wait_answer(p, until_us, out);

        if (rc != STILL_WAITING)
            return rc;
    }
    return E_TIMEOUT;
}

int stun_probe(const struct addr *server, const struct addr *local, struct addr *out)
{
    static const uint16_t known_attributes[] = {
        STUN_ATTRIBUTE_MAPPED_ADDRESS, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_ERROR_CODE,
        STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
        /* of servers that still speak RFC 3489 as well */
        STUN_ATTRIBUTE_SOURCE_ADDRESS, STUN_ATTRIBUTE_CHANGED_ADDRESS,
        STUN_ATTRIBUTE_REFLECTED_FROM, 0};
    struct probe p;
    StunMessage request;

    if (server->family == 0 || server->family != local->family)
        return E_INVALID;
    stun_agent_init(&p.agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
    p.request_bytes = stun_usage_bind_create(&p.agent, &request, p.request, sizeof(p.request));
    p.fd = open_socket(server, local);
    if (p.fd < 0)
        return p.fd;
    int err = ask(&p, out);

    (void)close(p.fd);
    return err;
}
