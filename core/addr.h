/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr.h - an IP address with a port, as a small value that hashes and compares by memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/str.h"

struct sockaddr;
struct sockaddr_storage;

#define ADDR_TEXT_LEN 64

/* IPv4 is kept in bytes 0..3 of ip, the rest zero. No padding: 24 bytes compare with memcmp. */
struct addr {
    uint8_t ip[16];
    uint32_t scope; /* IPv6 link-local zone, else 0 */
    uint16_t port;
    uint8_t family; /* 4, 6, or 0: none */
    uint8_t pad;
};

/** Whether address, zone and port are the same. */
bool addr_eq(const struct addr *a, const struct addr *b);
/** Whether they are the same but for the port. */
bool addr_ip_eq(const struct addr *a, const struct addr *b);
bool addr_is_any(const struct addr *a); /* 0.0.0.0 or :: */
bool addr_is_loopback(const struct addr *a);
bool addr_is_link_local(const struct addr *a);
bool addr_is_private(const struct addr *a); /* RFC 1918, RFC 4193, RFC 6598 */
/** An IPv4-mapped IPv6 address becomes the IPv4 one; family 0 for what is no IP address. */
struct addr addr_of_sockaddr(const struct sockaddr *sa);
/** Returns the length of the sockaddr written; nothing behind it is touched. @a has a family. */
size_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
/** Parse "1.2.3.4:5", "[::1]:5", "1.2.3.4", "::1"; the port is 0 when absent. Errors: E_MALFORMED. No name look-up. */
MUST_CHECK int addr_parse(struct addr *out, struct str text);
/** Write "1.2.3.4:5" or "[::1]:5"; returns @out. */
const char *addr_text(const struct addr *a, char out[ADDR_TEXT_LEN]);
/** Write the address without its port or brackets. */
const char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT_LEN]);
/** List this machine's addresses that are up (port 0), loopback included, none twice. Returns how many were written. */
size_t addr_list_interfaces(struct addr *out, size_t max);
/** Resolve a host name (blocking; at start only), port 0, none twice. Returns how many were written, or an error: E_NOT_FOUND,
 * E_TIMEOUT (no name server answered), E_NO_MEMORY, UV_E*. */
MUST_CHECK int addr_resolve(const char *host, struct addr *out, size_t max);
