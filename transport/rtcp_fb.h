/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtcp_fb.h - what feedback packets say: NACK and PLI (RFC 4585), FIR (RFC 5104), REMB (draft-alvestrand-rmcat-remb-03).
 *
 * Readers take the `struct rtcp_fb` of a packet whose type and fmt the caller has looked at. Writers append whole packets,
 * like those of rtcp.h. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/wire.h"
#include "transport/rtcp.h"

/* ---- generic NACK (RFC 4585 s6.2.1) ---- */

/* Walks the sequence numbers of a NACK, those past MAX_NACKED_SEQS left out. */
struct rtcp_nack_reader {
    struct reader items;
    uint16_t pid, blp; /* bits of the item that are still to come */
    size_t seqs;       /* given so far */
};

/** Begin a walk; the datagram must outlive it. */
struct rtcp_nack_reader rtcp_fb_nack_reader_of(const struct rtcp_fb *fb);
/** Give the next lost sequence number; false at the end. */
MUST_CHECK bool rtcp_fb_nack_next(struct rtcp_nack_reader *r, uint16_t *seq);
/** Collect them; returns how many, at most @max. */
size_t rtcp_fb_nack_list(const struct rtcp_fb *fb, uint16_t *seqs, size_t max);
/** Write a NACK of @n (1..MAX_NACKED_SEQS) sequence numbers, which rise (across the wrap too). */
void rtcp_fb_write_nack(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                        const uint16_t *seqs, size_t n);

/* ---- keyframe requests ---- */

/** Write a PLI (RFC 4585 s6.3.1). Reading one needs no more than fb->media_ssrc. */
void rtcp_fb_write_pli(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc);

struct rtcp_fir {
    size_t n;
    struct rtcp_fir_entry {
        uint32_t ssrc;
        uint8_t seq; /* a repeated number repeats the request, it makes no new one */
    } at[MAX_FIR_ENTRIES];
};

/**
 * Read a FIR (RFC 5104 s4.3.1.1). Entries past MAX_FIR_ENTRIES are ignored.
 *
 * Errors: E_MALFORMED without an entry or with part of one; *out is untouched then.
 */
MUST_CHECK int rtcp_fb_parse_fir(struct rtcp_fir *out, const struct rtcp_fb *fb);
/** Write a FIR of @n (1..MAX_FIR_ENTRIES) entries. */
void rtcp_fb_write_fir(struct writer *w, uint32_t sender_ssrc, const struct rtcp_fir_entry *entries,
                       size_t n);

/* ---- receiver estimated maximum bitrate ---- */

struct rtcp_remb {
    uint64_t bitrate_bps;
    size_t n;
    uint32_t ssrc[MAX_REMB_SSRCS]; /* the streams that share it */
};

/**
 * Read a REMB (s2.2).
 *
 * Errors: E_UNSUPPORTED for other application layer feedback; E_MALFORMED when cut short or past 64 bits; E_LIMIT past
 *         MAX_REMB_SSRCS. *out is untouched then.
 */
MUST_CHECK int rtcp_fb_parse_remb(struct rtcp_remb *out, const struct rtcp_fb *fb);
/** Write a REMB; the bitrate is rounded down to 18 bits of mantissa. */
void rtcp_fb_write_remb(struct writer *w, uint32_t sender_ssrc, const struct rtcp_remb *remb);
