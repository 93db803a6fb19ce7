/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun_probe.h - asks a STUN server which address the world sees us under (RFC 8489 Binding). Blocking: at start only.
 *
 * Uses a short-lived socket of its own, so only the IP of the answer says something about the media ports: behind a NAT they
 * must be forwarded one to one, under the same numbers. Where they are not, media.announce tells what is true.
 */
#pragma once

#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"

#define STUN_PROBE_TIMEOUT_US 2000000ull

/**
 * Ask @server from the address of @local (its port is not used; any address of the server's family, or the wildcard).
 *
 * Errors: E_TIMEOUT after STUN_PROBE_TIMEOUT_US, E_INVALID when the families differ, E_UNSUPPORTED when the server refuses,
 *         UV_E* of the socket. *out is untouched then. Not reaching a server is no reason not to start.
 */
MUST_CHECK int stun_probe(const struct addr *server, const struct addr *local, struct addr *out);
