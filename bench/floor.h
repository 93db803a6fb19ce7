/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor.h - what broadcasting to n viewers costs at least, on this machine, now: each frame's packets encrypted once for each viewer,
 * with the cipher that Parley would take, and sent in one GSO run a viewer to as many real sockets, which the generator drains.
 *
 * No reception, no room, no subscription, no feedback: what is above it in a server's figure is the server's own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/loadgen/clip.h"
#include "core/attr.h"
#include "transport/dtls.h"

#define FLOOR_CIPHER_LEN 64

struct floor_config {
    const struct clip *clip; /* its frame sizes are sent, in its rhythm */
    size_t viewers;
    double seconds; /* of measuring, after half a second */
    enum srtp_profile profile;
    bool gro; /* on the receivers' sockets, as the viewers have it */
    int cpu;  /* of the sender, a process of its own */
};

struct floor_result {
    uint64_t packets;     /* sent in the window */
    uint64_t sender_us;   /* length of the window: longer than asked for when the core is full */
    uint64_t cpu_ns;      /* of the sender, in the window */
    double encrypt_share; /* of its busy time; the rest is sending */
    char cipher[FLOOR_CIPHER_LEN];
    uint64_t all_sent, all_received; /* window or not */
    uint64_t own_ns, window_us;      /* of the generator */
};

/** Measure it. Errors: -errno, E_CRYPTO, E_STATE when the sender died. */
MUST_CHECK int floor_measure(const struct floor_config *config, struct floor_result *out);
