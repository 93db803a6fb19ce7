/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - one way to an endpoint: a UDP 5-tuple or a TCP connection of a port. A small value; the key of the demultiplexer. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/addr.h"

enum path_protocol { PATH_UDP, PATH_TCP };

struct path {
    struct addr remote;
    struct addr
        local; /* the address the endpoint sends to; family 0 when the socket is bound to it anyway */
    uint32_t conn_id;  /* TCP: the connection's id in its port, never reused; 0 for UDP */
    uint16_t socket;   /* index of the port's socket */
    uint16_t protocol; /* enum path_protocol */
};

static inline bool path_eq(const struct path *a, const struct path *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}
