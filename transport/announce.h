/* SPDX-License-Identifier: Apache-2.0 */
/*
 * announce.h - which of our addresses the endpoints are told: from settings and what the machine has to a list of candidates,
 * and a reason for each address that was left out. Pure.
 *
 *   media.announce given      only its addresses; what is bound stays untold
 *   listening on an address   that address
 *   listening on a wildcard   all addresses of the machine of that family, but link-local ones and loopback
 *   a STUN server told one    that address as well (1:1 NAT: the ports are ours)
 *   nothing else is left      loopback
 *
 * All are told as host candidates: the far end of a 1:1 NAT is ours in every way that an endpoint sees, and a lite agent has no
 * other kind (RFC 8445 s5.2). IPv6 and IPv4 take turns in preference, IPv6 first (RFC 8421); TCP stands behind all UDP.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/str.h"
#include "transport/candidate.h"

#define MAX_ANNOUNCED_ADDRS 64
#define MAX_ANNOUNCED_CANDIDATES (2 * MAX_ANNOUNCED_ADDRS) /* UDP and TCP of each */
#define MAX_ANNOUNCE_LEFT_OUT 128

/* All borrowed for the call. */
struct announce_input {
    const struct addr *bound; /* what this worker's port is bound to (port_locals) */
    size_t bound_count;
    const struct addr *interface; /* addr_list_interfaces */
    size_t interface_count;
    const struct addr *announce; /* media.announce, resolved; port 0: the one that is bound */
    size_t announce_count;
    const struct addr *public_addr; /* what a STUN server told (its port is not used); NULL: none */
    bool udp, tcp;
    uint16_t worker; /* an announced port belongs to worker 0, the next one to worker 1, … */
};

struct announce_left_out {
    struct addr addr;
    const char *reason; /* a static text: "loopback: only this machine reaches it" */
};

struct announce_result {
    struct candidate candidate[MAX_ANNOUNCED_CANDIDATES]; /* most preferred first */
    size_t candidate_count;
    struct announce_left_out left_out[MAX_ANNOUNCE_LEFT_OUT];
    size_t left_out_count;
};

/** Decide. Past the maxima, the rest is left out. */
void announce_decide(const struct announce_input *in, struct announce_result *out);
/**
 * Cut an entry of media.announce or media.stun_server into host and port: "1.2.3.4", "1.2.3.4:5", "[::1]:5", "::1",
 * "name", "name:5". @host borrows from @entry and is without brackets: for addr_resolve(). Port 0: none was given.
 *
 * Errors: E_MALFORMED.
 */
MUST_CHECK int announce_split(struct str entry, struct str *host, uint16_t *port);
