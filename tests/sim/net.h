/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - a virtual network with a virtual clock: hosts with addresses, and for each what happens to datagrams on their way.
 *
 * Time moves in net_run() only, from event to event: a datagram that arrives, a deadline of the wheel. After each, the turn hook runs,
 * as at the end of a loop turn. Everything that is random comes from the seed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"

struct link;
struct net;
struct net_host;
struct wheel;

/* One direction of a host's line. Jitter keeps the order; what is reordered arrives up to 30 ms after its successors. */
struct net_line {
    unsigned loss_permille, duplicate_permille, reorder_permille;
    uint64_t delay_us, jitter_us;
};

typedef void net_on_datagram(const struct addr *from, const uint8_t *buf, size_t len,
                             uint64_t now_us, void *arg);

/** Make an empty network; the clock starts at @start_us. */
MUST_CHECK struct net *net_new(uint64_t seed, uint64_t start_us);
/** Free it and what is under way; hosts must have been detached. */
void net_free(struct net **n);
uint64_t net_now_us(const struct net *n);
struct wheel *net_wheel(struct net *n);
/** Called after each event, and by net_run() at its start, for what the caller did before. */
void net_set_turn_hook(struct net *n, void (*on_turn_end)(void *arg), void *arg);
/** Let time pass. */
void net_run(struct net *n, uint64_t duration_us);

/** Add a host with perfect lines. */
MUST_CHECK struct net_host *net_attach(struct net *n, const struct addr *at,
                                       net_on_datagram *on_datagram, void *arg);
void net_detach(struct net_host **h);
/** Give it another address; what is under way to the old one is lost. */
void net_move(struct net_host *h, const struct addr *to);
/** Set the line that leaves the host, and the one that leads to it. */
void net_set_up(struct net_host *h, const struct net_line *line);
void net_set_down(struct net_host *h, const struct net_line *line);
/** Have what is sent to the host pass a bottleneck (link.h, borrowed) behind the line of its sender; NULL: none. */
void net_set_down_link(struct net_host *h, struct link *link);
/** The same of what the host sends, whose own line then has no delay. */
void net_set_up_link(struct net_host *h, struct link *link);
/** Send a datagram, with the host's own source address or, for what is forged, any. */
void net_send(struct net_host *h, const struct addr *to, const uint8_t *buf, size_t len);
void net_send_from(struct net_host *h, const struct addr *from, const struct addr *to,
                   const uint8_t *buf, size_t len);
const struct addr *net_addr(const struct net_host *h);
