/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_timeline.h - where the media of an SSRC of ours ended, for whoever sends under it next: its receiver is the one from before,
 * and to it it is one stream.
 *
 * A plain value. Owner: the transport, beside the stream's fanout_stream (transport_send_timeline()).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct send_timeline {
    bool started;
    uint32_t clock_hz, ts; /* the newest timestamp, and when it left */
    uint64_t at_us;
    uint64_t packets, bytes; /* as sender reports count */
    uint16_t picture_id, frame_number;
    uint8_t tl0picidx, keyidx;
};
