/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_sender.h - the sending half of the floor: encrypts a clip's frames for many viewers and sends each as one run.
 *
 * The packets of a frame are padded to one size, so that a frame is one send a viewer.
 */
#pragma once

#include <netinet/in.h>

#include "bench/floor.h"
#include "core/attr.h"
#include "transport/fanout_cipher.h"

struct floor_viewer {
    struct sockaddr_in to;
    struct fanout_key *key;
    struct fanout_stream stream;
};

/** Pin this process, send for the configured time from @fd to all @viewer, and tell the sender's part of the result. Errors: those of
 * the cipher. */
MUST_CHECK int floor_send(const struct floor_config *config, int fd, struct floor_viewer *viewer,
                          struct floor_result *out);
