/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - see net.h. */
#include "tests/sim/net.h"

#include <string.h>

#include "core/check.h"
#include "core/deadline.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/rng.h"
#include "tests/sim/link.h"

#define REORDER_US 30000u

struct line {
    struct net_line quality;
    uint64_t newest_us; /* arrival of the newest datagram that kept the order */
};

struct net_host {
    struct list node;
    struct net *net;
    struct addr at;
    struct line up, down;
    struct link *up_link, *down_link;
    net_on_datagram *on_datagram;
    void *arg;
};

struct datagram {
    struct list node; /* by arrival */
    uint64_t arrival_us;
    struct addr from, to;
    size_t len;
    uint8_t bytes[];
};

struct net {
    uint64_t now_us;
    struct wheel *wheel;
    struct rng rng;
    struct list hosts, flight;
    void (*on_turn_end)(void *arg);
    void *arg;
};

struct net *net_new(uint64_t seed, uint64_t start_us)
{
    struct net *n = MEM_NEW(struct net);

    n->now_us = start_us;
    n->wheel = wheel_new(start_us);
    rng_seed(&n->rng, seed);
    list_init(&n->hosts);
    list_init(&n->flight);
    return n;
}

void net_free(struct net **np)
{
    struct net *n = *np;

    if (n == NULL)
        return;
    *np = NULL;
    CHECK(list_is_empty(&n->hosts));
    LIST_EACH(&n->flight, struct datagram, node, d)
        mem_free(d);
    wheel_free(&n->wheel);
    mem_free(n);
}

uint64_t net_now_us(const struct net *n)
{
    return n->now_us;
}

struct wheel *net_wheel(struct net *n)
{
    return n->wheel;
}

void net_set_turn_hook(struct net *n, void (*on_turn_end)(void *arg), void *arg)
{
    n->on_turn_end = on_turn_end;
    n->arg = arg;
}

/* ---- hosts ---- */

struct net_host *net_attach(struct net *n, const struct addr *at, net_on_datagram *on_datagram,
                            void *arg)
{
    struct net_host *h = MEM_NEW(struct net_host);

    h->net = n;
    h->at = *at;
    h->on_datagram = on_datagram;
    h->arg = arg;
    list_append(&n->hosts, &h->node);
    return h;
}

void net_detach(struct net_host **hp)
{
    struct net_host *h = *hp;

    if (h == NULL)
        return;
    *hp = NULL;
    list_remove(&h->node);
    mem_free(h);
}

void net_move(struct net_host *h, const struct addr *to)
{
    h->at = *to;
}

void net_set_up(struct net_host *h, const struct net_line *line)
{
    h->up.quality = *line;
}

void net_set_down(struct net_host *h, const struct net_line *line)
{
    h->down.quality = *line;
}

void net_set_down_link(struct net_host *h, struct link *link)
{
    h->down_link = link;
}

void net_set_up_link(struct net_host *h, struct link *link)
{
    h->up_link = link;
}

const struct addr *net_addr(const struct net_host *h)
{
    return &h->at;
}

static struct net_host *find_host(const struct net *n, const struct addr *at)
{
    LIST_EACH(&n->hosts, struct net_host, node, h)
        if (addr_eq(&h->at, at))
            return h;
    return NULL;
}

/* ---- datagrams ---- */

static void put_in_flight(struct net *n, const struct addr *from, const struct addr *to,
                          const uint8_t *buf, size_t len, uint64_t arrival_us)
{
    struct datagram *d = mem_alloc(sizeof(*d) + len);
    struct list *after = n->flight.prev;

    d->arrival_us = arrival_us;
    d->from = *from;
    d->to = *to;
    d->len = len;
    if (len > 0)
        memcpy(d->bytes, buf, len);
    while (after != &n->flight &&
           CONTAINER_OF(after, struct datagram, node)->arrival_us > arrival_us)
        after = after->prev;
    list_insert_between(&d->node, after, after->next);
}

static bool chance(struct net *n, unsigned permille)
{
    return permille > 0 && rng_below(&n->rng, 1000) < permille;
}

/* When a datagram that enters the line at @at_us leaves it; 0: never. */
static uint64_t cross(struct net *n, struct line *line, uint64_t at_us)
{
    const struct net_line *q = &line->quality;

    if (chance(n, q->loss_permille))
        return 0;
    at_us += q->delay_us + (q->jitter_us > 0 ? rng_below(&n->rng, (uint32_t)q->jitter_us) : 0);
    if (chance(n, q->reorder_permille))
        return at_us + rng_below(&n->rng, REORDER_US);
    if (q->jitter_us ==
        0) /* the order is kept, and a host with many senders does not make them wait for each other */
        return at_us;
    line->newest_us = MAX(line->newest_us, at_us);
    return line->newest_us;
}

/* The senders to a host with a bottleneck, and a host that sends through one, have lines without delay, so that the order of calls is that of time. */
static uint64_t cross_link(struct link *link, size_t len, uint64_t at_us)
{
    uint64_t arrives_us, waited_us;

    return link_send(link, len, at_us, &arrives_us, &waited_us) ? arrives_us : 0;
}

void net_send_from(struct net_host *h, const struct addr *from, const struct addr *to,
                   const uint8_t *buf, size_t len)
{
    struct net *n = h->net;
    struct net_host *dest = find_host(n, to);
    uint64_t arrival_us = cross(n, &h->up, n->now_us);

    if (arrival_us != 0 && h->up_link != NULL)
        arrival_us = cross_link(h->up_link, len, arrival_us);
    if (dest != NULL && arrival_us != 0 && dest->down_link != NULL)
        arrival_us = cross_link(dest->down_link, len, arrival_us);
    if (dest != NULL && arrival_us != 0)
        arrival_us = cross(n, &dest->down, arrival_us);
    if (arrival_us == 0 || dest == NULL)
        return;
    put_in_flight(n, from, to, buf, len, arrival_us);
    if (chance(n, h->up.quality.duplicate_permille + dest->down.quality.duplicate_permille))
        put_in_flight(n, from, to, buf, len, arrival_us + rng_below(&n->rng, REORDER_US));
}

void net_send(struct net_host *h, const struct addr *to, const uint8_t *buf, size_t len)
{
    net_send_from(h, &h->at, to, buf, len);
}

/* ---- time ---- */

static void end_turn(struct net *n)
{
    if (n->on_turn_end != NULL)
        n->on_turn_end(n->arg);
}

static void deliver(struct net *n, struct datagram *d)
{
    struct net_host *h = find_host(n, &d->to);

    list_remove(&d->node);
    if (h != NULL)
        h->on_datagram(&d->from, d->bytes, d->len, n->now_us, h->arg);
    mem_free(d);
}

void net_run(struct net *n, uint64_t duration_us)
{
    uint64_t end_us = n->now_us + duration_us;

    end_turn(n);
    for (;;) {
        struct datagram *first = LIST_FIRST(&n->flight, struct datagram, node);
        uint64_t datagram_us = first == NULL ? UINT64_MAX : first->arrival_us;
        uint64_t wheel_us = wheel_next_us(n->wheel);
        uint64_t next_us = MIN(datagram_us, wheel_us);
        if (next_us > end_us)
            break;
        n->now_us = MAX(n->now_us, next_us);
        if (datagram_us <= wheel_us)
            deliver(n, first);
        else
            wheel_advance(n->wheel, n->now_us);
        end_turn(n);
    }
    n->now_us = end_us;
}
