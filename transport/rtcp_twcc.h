/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtcp_twcc.h - transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 s3.1): read it into arrivals, and
 * build it of arrivals. Pure; when to send, and what to make of it, is decided elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/wire.h"
#include "transport/rtcp.h"

#define TWCC_TICK_US 250        /* unit of deltas */
#define TWCC_REFERENCE_US 64000 /* unit of the reference time */

struct rtcp_twcc {
    int32_t reference; /* in TWCC_REFERENCE_US, 24 bits signed: wraps after 12 days */
    uint8_t feedback_seq;
    size_t n;
    struct rtcp_twcc_status {
        uint16_t seq; /* consecutive ones */
        int16_t
            delta; /* in TWCC_TICK_US since the previous received packet, the first since the reference time */
        bool received; /* else delta is 0 */
    } at[MAX_TWCC_STATUSES];
};

/**
 * Read a feedback packet (an RTCP_RTPFB with fmt RTCP_RTPFB_TWCC).
 *
 * Errors: E_MALFORMED when cut short, without a packet, or with the reserved symbol; E_LIMIT past MAX_TWCC_STATUSES. *out is
 *         undefined then.
 */
MUST_CHECK int rtcp_twcc_parse(struct rtcp_twcc *out, const struct rtcp_fb *fb);

/* A feedback packet in the making. Fields are private. */
struct rtcp_twcc_builder {
    uint16_t base_seq, next_seq;
    size_t statuses;
    int64_t reference, last_tick;
    struct rtcp_twcc_chunk { /* symbols that are not yet a chunk on the wire */
        uint8_t symbol[14];
        uint16_t n;
        bool has_large, is_run;
    } open;
    size_t chunk_count, delta_bytes;
    uint16_t chunks[MAX_TWCC_FEEDBACK_BYTES / 2];
    uint8_t deltas[MAX_TWCC_FEEDBACK_BYTES];
};

/**
 * Begin a packet that tells of the packets from @base_seq on.
 *
 * Units: @first_arrival_us is when the first packet that will be added arrived; the reference time is made of it.
 */
void rtcp_twcc_start(struct rtcp_twcc_builder *b, uint16_t base_seq, uint64_t first_arrival_us);
/**
 * Add a received packet; those between it and the previous one count as lost. @seq must be newer than the previous one (an
 * arrival before its predecessor's is fine).
 *
 * Returns false, with nothing changed, when it does not go in (MAX_TWCC_FEEDBACK_BYTES, MAX_TWCC_STATUSES, or a delta past
 * 8 s): write this packet, start another one at @seq or before it, and add it there. Only an empty packet whose base is too
 * far away can refuse its first one; start at @seq then.
 */
MUST_CHECK bool rtcp_twcc_add(struct rtcp_twcc_builder *b, uint16_t seq, uint64_t arrival_us);
/** The sequence number behind the last one added: where the next packet goes on. */
uint16_t rtcp_twcc_next_seq(const struct rtcp_twcc_builder *b);
/** Write the packet, which holds at least one received packet. It takes at most MAX_TWCC_FEEDBACK_BYTES. */
void rtcp_twcc_write(const struct rtcp_twcc_builder *b, struct writer *w, uint32_t sender_ssrc,
                     uint32_t media_ssrc, uint8_t feedback_seq);
