/* SPDX-License-Identifier: Apache-2.0 */
/* rtcp_fb.c - the control information of NACK, PLI, FIR and REMB, byte for byte. */
#include "transport/rtcp_fb.h"

#include "core/check.h"
#include "core/err.h"
#include "core/seq.h"

#define NACK_ITEM_BYTES 4
#define NACK_BLP_BITS 16
#define FIR_ENTRY_BYTES 8

#define REMB_NAME 0x52454D42u /* "REMB" */
#define REMB_HEAD_BYTES 8
#define REMB_MANTISSA_BITS 18

/* ---- NACK: the first lost sequence number, and a bitmask of those lost among the 16 behind it ---- */

struct rtcp_nack_reader rtcp_fb_nack_reader_of(const struct rtcp_fb *fb)
{
    return (struct rtcp_nack_reader){.items = reader_of(fb->fci, fb->fci_bytes)};
}

bool rtcp_fb_nack_next(struct rtcp_nack_reader *r, uint16_t *seq)
{
    if (r->seqs == MAX_NACKED_SEQS)
        return false;
    if (r->blp != 0) {
        int bit = __builtin_ctz(r->blp);
        *seq = (uint16_t)(r->pid + 1 + bit);
        r->blp = (uint16_t)(r->blp & (r->blp - 1));
    } else {
        if (reader_left(&r->items) < NACK_ITEM_BYTES)
            return false;
        r->pid = reader_u16(&r->items);
        r->blp = reader_u16(&r->items);
        *seq = r->pid;
    }
    r->seqs++;
    return true;
}

size_t rtcp_fb_nack_list(const struct rtcp_fb *fb, uint16_t *seqs, size_t max)
{
    struct rtcp_nack_reader r = rtcp_fb_nack_reader_of(fb);
    size_t n = 0;

    while (n < max && rtcp_fb_nack_next(&r, &seqs[n]))
        n++;
    return n;
}

/* How many of the numbers one item holds, and its bitmask. */
static size_t fill_item(const uint16_t *seqs, size_t n, uint16_t *blp)
{
    size_t i = 1;

    *blp = 0;
    for (; i < n; i++) {
        int ahead = seq16_diff(seqs[i], seqs[0]);
        if (ahead < 1 || ahead > NACK_BLP_BITS)
            break;
        *blp = (uint16_t)(*blp | 1u << (ahead - 1));
    }
    return i;
}

void rtcp_fb_write_nack(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                        const uint16_t *seqs, size_t n)
{
    size_t items = 0;
    uint16_t blp;

    CHECK(n > 0 && n <= MAX_NACKED_SEQS);
    for (size_t i = 0; i < n; i += fill_item(seqs + i, n - i, &blp))
        items++;
    struct writer fci = rtcp_write_fb(w, RTCP_PT_RTPFB, RTCP_RTPFB_NACK, sender_ssrc, media_ssrc,
                                      items * NACK_ITEM_BYTES);
    for (size_t i = 0; i < n;) {
        size_t held = fill_item(seqs + i, n - i, &blp);
        writer_u16(&fci, seqs[i]);
        writer_u16(&fci, blp);
        i += held;
    }
}

/* ---- keyframe requests ---- */

void rtcp_fb_write_pli(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc)
{
    (void)rtcp_write_fb(w, RTCP_PT_PSFB, RTCP_PSFB_PLI, sender_ssrc, media_ssrc, 0);
}

int rtcp_fb_parse_fir(struct rtcp_fir *out, const struct rtcp_fb *fb)
{
    struct reader r = reader_of(fb->fci, fb->fci_bytes);

    if (fb->fci_bytes == 0 || fb->fci_bytes % FIR_ENTRY_BYTES != 0)
        return E_MALFORMED;
    out->n = MIN(fb->fci_bytes / FIR_ENTRY_BYTES, (size_t)MAX_FIR_ENTRIES);
    for (size_t i = 0; i < out->n; i++) {
        out->at[i].ssrc = reader_u32(&r);
        out->at[i].seq = reader_u8(&r);
        reader_skip(&r, 3); /* reserved */
    }
    return 0;
}

void rtcp_fb_write_fir(struct writer *w, uint32_t sender_ssrc, const struct rtcp_fir_entry *entries,
                       size_t n)
{
    CHECK(n > 0 && n <= MAX_FIR_ENTRIES);
    /* RFC 5104 s4.3.1.2: the media source of the head is not used and 0. */
    struct writer fci =
        rtcp_write_fb(w, RTCP_PT_PSFB, RTCP_PSFB_FIR, sender_ssrc, 0, n * FIR_ENTRY_BYTES);

    for (size_t i = 0; i < n; i++) {
        writer_u32(&fci, entries[i].ssrc);
        writer_u8(&fci, entries[i].seq);
        writer_u24(&fci, 0);
    }
}

/* ---- REMB: name, number of SSRCs, six bits of exponent and 18 of mantissa, the SSRCs ---- */

int rtcp_fb_parse_remb(struct rtcp_remb *out, const struct rtcp_fb *fb)
{
    struct reader r = reader_of(fb->fci, fb->fci_bytes);

    if (reader_u32(&r) != REMB_NAME)
        return E_UNSUPPORTED;
    size_t n = reader_u8(&r);
    uint32_t rate = reader_u24(&r);
    if (r.failed || reader_left(&r) < n * sizeof(out->ssrc[0]))
        return E_MALFORMED;
    if (n > MAX_REMB_SSRCS)
        return E_LIMIT;
    unsigned exponent = rate >> REMB_MANTISSA_BITS;
    uint64_t mantissa = rate & ((1u << REMB_MANTISSA_BITS) - 1);
    if (mantissa << exponent >> exponent != mantissa)
        return E_MALFORMED;
    out->bitrate_bps = mantissa << exponent;
    out->n = n;
    for (size_t i = 0; i < n; i++)
        out->ssrc[i] = reader_u32(&r);
    return 0;
}

void rtcp_fb_write_remb(struct writer *w, uint32_t sender_ssrc, const struct rtcp_remb *remb)
{
    uint64_t mantissa = remb->bitrate_bps;
    uint32_t exponent = 0;

    CHECK(remb->n <= MAX_REMB_SSRCS);
    for (; mantissa >> REMB_MANTISSA_BITS != 0; mantissa >>= 1)
        exponent++;
    struct writer fci = rtcp_write_fb(w, RTCP_PT_PSFB, RTCP_PSFB_AFB, sender_ssrc, 0,
                                      REMB_HEAD_BYTES + remb->n * sizeof(remb->ssrc[0]));
    writer_u32(&fci, REMB_NAME);
    writer_u8(&fci, (uint8_t)remb->n);
    writer_u24(&fci, exponent << REMB_MANTISSA_BITS | (uint32_t)mantissa);
    for (size_t i = 0; i < remb->n; i++)
        writer_u32(&fci, remb->ssrc[i]);
}
