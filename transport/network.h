/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.h - what of the network is the same for all workers: listening addresses, interfaces, announced names resolved, the
 * public address. Read once at start; blocking (names, STUN).
 */
#pragma once

#include <stddef.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/config.h"
#include "transport/announce.h"

#define MAX_LISTEN_ADDRS 16

struct network {
    struct addr listen[MAX_LISTEN_ADDRS];
    size_t listen_count;
    struct addr interface[MAX_ANNOUNCED_ADDRS];
    size_t interface_count;
    struct addr announce[MAX_ANNOUNCED_ADDRS];
    size_t announce_count;
    struct addr public_addr; /* family 0: not known */
};

/**
 * Read media.listen, media.announce and media.stun_server. A name that cannot be resolved and a STUN server that does not answer
 * are left out with a warning: a start never fails because somebody else is not there.
 *
 * Errors: E_MALFORMED, E_LIMIT of media.listen; logged. *out is in an unusable state then.
 */
MUST_CHECK int network_read(struct network *out, const struct config *config);
/** Decide what endpoints on one worker are told, whose port is bound to @bound (announce.h). */
void network_decide(const struct network *n, const struct config *config, const struct addr *bound,
                    size_t bound_count, unsigned worker, struct announce_result *out);
