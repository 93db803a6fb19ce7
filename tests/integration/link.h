/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - the ICE side of a client: datagrams to and from the server over a pair that ICE found.
 *
 *   nice   libnice's full agent: an implementation of ICE that shares no code with the server's checks. UDP, ICE-TCP (active), IPv4, IPv6.
 *   light  one UDP socket and the load generator's checks (transport/ice_client.h): for hundreds of clients and for misbehaving
 *
 * Owner: the client. Thread: the test's, in clock_context().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/jsep.h"

struct link;

enum link_kind { LINK_NICE_UDP, LINK_NICE_TCP, LINK_NICE_BOTH, LINK_LIGHT };

struct link_config {
    enum link_kind kind;
    bool ipv6;
    bool controlled; /* nice: starts in the wrong role, so that the server must tell it to change */
    bool
        regular_nomination; /* nice: nominates one pair at the end, instead of all that it checks */
};

struct link_handlers {
    void (*on_connected)(void *arg); /* may be told more than once */
    void (*on_datagram)(const uint8_t *buf, size_t len, void *arg);
};

/* What each kind does; the struct stands first in its own. */
struct link_ops {
    void (*set_remote)(struct link *l, const struct ice_credentials *remote, char *const *candidate,
                       size_t n);
    bool (*send)(struct link *l, const uint8_t *buf, size_t len);
    void (*restart)(struct link *l);
    void (*move)(struct link *l);
    void (*free)(struct link *l);
};

struct link {
    const struct link_ops *ops;
    struct link_config config;
    struct link_handlers handlers;
    void *arg;
    struct ice_credentials local;
    bool is_connected;
    unsigned connections; /* how often it was told to be: grows with each restart */
};

/** Make a link with its own credentials in ->local (nice: candidates are gathered when it returns). */
MUST_CHECK struct link *link_new(const struct link_config *config,
                                 const struct link_handlers *handlers, void *arg);
void link_free(struct link **l);
/** What the answer says; checks begin. @candidate are lines "a=candidate:…". */
void link_set_remote(struct link *l, const struct ice_credentials *remote, char *const *candidate,
                     size_t n);
/** Send one datagram; false while there is no pair. */
bool link_send(struct link *l, const uint8_t *buf, size_t len);
/** New credentials of its own, as for an ICE restart; the server's follow with link_set_remote(). */
void link_restart(struct link *l);
/** Go on from another local port with the same credentials, as a client whose address changed. */
void link_move(struct link *l);

/* link_nice.c, link_light.c */
struct link *link_nice_new(const struct link_config *config);
struct link *link_light_new(const struct link_config *config);
