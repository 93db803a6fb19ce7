/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet_head.h - the RTP header that a packet has for one viewer: its own numbers, and the extensions as it negotiated them.
 *
 * A burst goes to hundreds of viewers, most of whom negotiated the same: the header made for the one before is kept and copied, with
 * other numbers, as long as nothing in its extensions is the viewer's own. Thread: the worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rtp_ext.h"
#include "rooms/sfu/burst.h"
#include "transport/transceiver.h"

struct outgoing;
struct packet;
struct subscription;

#define KNOWN_HEAD_BYTES 64 /* longer ones are made anew for each viewer */

/* What the header of one packet of a burst was for the latest viewer. */
struct known_head {
    const struct packet *pkt; /* whose it is, compared only */
    uint64_t flush;           /* in which it was made */
    struct rtp_ext_ids ext;   /* what the viewer negotiated */
    uint8_t mid_len;
    bool is_numbered;
    uint8_t bytes, stamp_at;
    char mid[MAX_MID_LEN + 1];
    uint8_t head[KNOWN_HEAD_BYTES];
};

/* Scratch of a worker; all zero is empty. */
struct known_heads {
    uint64_t flush; /* counts up: what was made for another burst does not count */
    struct known_head of[BURST_PACKETS];
};

struct packet_head {
    size_t bytes;
    uint8_t *stamp; /* where the transport-wide number goes, or the send time; NULL: it has none */
    bool has_send_time;
};

/** Write the header of @item's packet for @sub to @to, which has @room bytes, KNOWN_HEAD_BYTES at least. false: it is too long. */
bool packet_head_write(struct known_heads *known, const struct subscription *sub,
                       const struct burst_item *item, const struct outgoing *out, uint8_t *to,
                       size_t room, struct packet_head *head);
