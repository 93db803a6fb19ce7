/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mux.h - finds the transport of an incoming datagram on a port that all transports of a worker share: by path, and for STUN by
 * the username fragment (RFC 8445 s7.3, RFC 7983 for the classes).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/path.h"

struct mux;
struct packet;
struct transport;

struct mux_stats {
    uint64_t unknown_path;  /* DTLS, SRTP, or other STUN from a path that showed no check */
    uint64_t unknown_ufrag; /* STUN for nobody here */
    uint64_t unclassified;  /* first byte of no known protocol */
    uint64_t
        plain_bindings; /* STUN Binding requests without USERNAME: we are no STUN server, so no answer */
};

/** Make an empty one for @max_transports, with two fragments and MAX_PATHS_PER_TRANSPORT paths each. */
MUST_CHECK struct mux *mux_new(size_t max_transports);
/** Free it; checks that no transport is registered. */
void mux_free(struct mux **m);
/** Register and withdraw a username fragment of ours. Errors: E_CONFLICT, E_LIMIT, E_NO_MEMORY. */
MUST_CHECK int mux_add_ufrag(struct mux *m, const char *ufrag, struct transport *tp);
void mux_remove_ufrag(struct mux *m, const char *ufrag);
/** Register a validated path; an older owner of it loses it. Errors: E_LIMIT, E_NO_MEMORY. */
MUST_CHECK int mux_add_path(struct mux *m, const struct path *path, struct transport *tp);
void mux_remove_path(struct mux *m, const struct path *path, const struct transport *owner);
/** Hand a datagram to its transport; takes @pkt. */
void mux_receive(struct mux *m, const struct path *from, struct packet *pkt, uint64_t now_us);
/** A TCP connection ended: its path is taken out, and its transport is told. */
void mux_path_closed(struct mux *m, const struct path *path, uint64_t now_us);
void mux_read_stats(const struct mux *m, struct mux_stats *out);
