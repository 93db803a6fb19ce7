/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtcp.h - compound RTCP packets: walk one, and write SR, RR, SDES and BYE (RFC 3550 s6). Pure.
 *
 * A reader walks the packets of a datagram; reduced-size compounds (RFC 5506) are compounds like any other. What feedback
 * packets say is rtcp_fb.h's, transport-wide feedback rtcp_twcc.h's. The writers append to a `struct writer`, so that
 * several make up a compound; one that does not fit leaves nothing of itself behind and the writer failed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/str.h"
#include "core/wire.h"

#define RTCP_HEADER_BYTES 4
#define RTCP_MAX_CNAME_LEN 255 /* RFC 3550 s6.5: one byte of length */

/* Packet types on the wire. */
#define RTCP_PT_SR 200 /* RFC 3550 s12.1 */
#define RTCP_PT_RR 201
#define RTCP_PT_SDES 202
#define RTCP_PT_BYE 203
#define RTCP_PT_RTPFB 205 /* RFC 4585 s9 */
#define RTCP_PT_PSFB 206

/* Feedback message types (FMT). */
#define RTCP_RTPFB_NACK 1  /* RFC 4585 s6.2.1 */
#define RTCP_RTPFB_TWCC 15 /* draft-holmer-rmcat-transport-wide-cc-extensions-01 s3.1 */
#define RTCP_PSFB_PLI 1    /* RFC 4585 s6.3.1 */
#define RTCP_PSFB_FIR 4    /* RFC 5104 s4.3.1 */
#define RTCP_PSFB_AFB 15   /* RFC 4585 s6.4: application layer feedback, REMB among it */

/* A report block (RFC 3550 s6.4.1): what its sender received of @ssrc. */
struct rtcp_block {
    uint32_t ssrc;
    uint8_t fraction_lost;   /* of 256, since the previous report */
    int32_t cumulative_lost; /* 24 bits on the wire; negative: duplicates. Written clamped */
    uint32_t highest_seq_ext;
    uint32_t jitter_ts;
    uint32_t lsr;  /* middle 32 bits of the NTP time of the last SR; 0: none */
    uint32_t dlsr; /* since then, in 1/65536 s */
};

struct rtcp_blocks {
    size_t n;
    struct rtcp_block at[MAX_RTCP_BLOCKS];
};

struct rtcp_sender_info {
    uint32_t ssrc;
    uint64_t ntp; /* 32.32 */
    uint32_t rtp_ts;
    uint32_t packets, octets; /* modulo 2^32 */
};

struct rtcp_sr {
    struct rtcp_sender_info sender;
    struct rtcp_blocks blocks;
};

struct rtcp_rr {
    uint32_t ssrc;
    struct rtcp_blocks blocks;
};

struct rtcp_sdes {
    size_t n;
    struct rtcp_sdes_chunk {
        uint32_t ssrc;
        struct str cname; /* a view into the datagram, any bytes; empty when the chunk has none */
    } at[MAX_RTCP_BLOCKS];
};

struct rtcp_bye {
    size_t n;
    uint32_t ssrc[MAX_RTCP_BLOCKS];
};

/* RFC 4585 s6.1. */
struct rtcp_fb {
    uint8_t fmt; /* RTCP_RTPFB_* or RTCP_PSFB_* by the packet's type */
    uint32_t sender_ssrc, media_ssrc;
    const uint8_t *fci; /* feedback control information: a view into the datagram */
    size_t fci_bytes;
};

enum rtcp_type { RTCP_SR, RTCP_RR, RTCP_SDES, RTCP_BYE, RTCP_RTPFB, RTCP_PSFB, RTCP_OTHER };

struct rtcp_packet {
    enum rtcp_type type;
    uint8_t pt; /* as it came: tells what RTCP_OTHER is (204 APP, 207 XR) */
    union {
        struct rtcp_sr sr;
        struct rtcp_rr rr;
        struct rtcp_sdes sdes;
        struct rtcp_bye bye;
        struct rtcp_fb fb; /* RTCP_RTPFB, RTCP_PSFB */
    };
};

struct rtcp_reader {
    struct reader bytes;
    size_t packets; /* read so far */
    bool failed;    /* the datagram is no well-formed compound; nothing is read any more */
};

/** Begin a walk. The bytes must outlive it, and the views in its packets. */
struct rtcp_reader rtcp_reader_of(const uint8_t *buf, size_t len);
/**
 * Read the next packet.
 *
 * Returns false at the end, and when the rest is malformed (a wrong version, a length or a count past the end, bad padding,
 * more than MAX_RTCP_PACKETS packets): then r->failed is set. *out is undefined after false.
 */
MUST_CHECK bool rtcp_next(struct rtcp_reader *r, struct rtcp_packet *out);

/** Write a sender report. @n is at most MAX_RTCP_BLOCKS. */
void rtcp_write_sr(struct writer *w, const struct rtcp_sender_info *sender,
                   const struct rtcp_block *blocks, size_t n);
/** Write a receiver report; none of @n (at most MAX_RTCP_BLOCKS) blocks makes the empty one that opens a compound. */
void rtcp_write_rr(struct writer *w, uint32_t ssrc, const struct rtcp_block *blocks, size_t n);
/** Write an SDES packet of one chunk with a CNAME of at most RTCP_MAX_CNAME_LEN bytes. */
void rtcp_write_sdes_cname(struct writer *w, uint32_t ssrc, struct str cname);
/** Write a BYE for @n (1..MAX_RTCP_BLOCKS) SSRCs. */
void rtcp_write_bye(struct writer *w, const uint32_t *ssrcs, size_t n);
/**
 * Write the head of a feedback packet (RFC 4585 s6.1) and make room for its control information.
 *
 * Returns a writer over exactly @fci_bytes (a multiple of 4), failed when they do not fit.
 */
struct writer rtcp_write_fb(struct writer *w, uint8_t pt, uint8_t fmt, uint32_t sender_ssrc,
                            uint32_t media_ssrc, size_t fci_bytes);
