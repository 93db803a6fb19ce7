/* SPDX-License-Identifier: Apache-2.0 */
/* tun.h - one end of a wire: a TUN device in a network namespace. It lives as long as its descriptor. */
#pragma once

#include "core/attr.h"

/**
 * Make the device @device in the namespace @netns (a name of `ip netns`), without addresses and not up yet.
 *
 * Owner:  the descriptor, which does not block, is the caller's.
 * Errors: -1 with errno set; this thread is in its own namespace again in any case.
 */
MUST_CHECK int tun_open(const char *netns, const char *device);
