/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ice_client.h - the controlling side of ICE towards a lite server at a known address: connectivity checks that nominate, and their
 * answers (RFC 8445 s7.2). For the load generator and for tests; sans-I/O. Servers and browsers behind NATs need the full agent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "transport/jsep.h"

struct ice_client;

#define ICE_CLIENT_CHECK_MAX_BYTES 512

/** Make it with its own and the server's credentials. */
MUST_CHECK struct ice_client *ice_client_new(const struct ice_credentials *local,
                                             const struct ice_credentials *remote);
void ice_client_free(struct ice_client **c);
/** Write a Binding request with USE-CANDIDATE: the first check, and later the consent checks. Returns its length. */
size_t ice_client_check(struct ice_client *c, uint8_t *out, size_t size);
/** Take a STUN datagram. Returns true for an authenticated success answer to one of our checks. */
bool ice_client_input(struct ice_client *c, const uint8_t *buf, size_t len);
/** Answer a check of the server, which a full ICE agent makes too (RFC 8445 s7.3). Returns the length of the reply, 0: none is due. */
size_t ice_client_answer(struct ice_client *c, const struct addr *from, const uint8_t *buf,
                         size_t len, uint8_t *out, size_t size);
