/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtcp_twcc.c - status chunks and receive deltas of transport-wide feedback.
 *
 *      | base sequence number          | packet status count           |
 *      | reference time, 64 ms                         | feedback seq  |
 *      | chunk         | chunk         | ...           | deltas, zeros |
 *
 *      chunk:  0 S S <run length, 13>     so many packets of one symbol
 *              1 0 <14 symbols of 1 bit>  lost, or received with a small delta
 *              1 1 <7 symbols of 2 bits>
 */
#include "transport/rtcp_twcc.h"

#include "core/check.h"
#include "core/err.h"
#include "core/seq.h"

enum symbol { LOST, SMALL_DELTA, LARGE_DELTA, RESERVED };

#define CHUNK_IS_VECTOR 0x8000
#define CHUNK_IS_TWO_BIT 0x4000
#define MAX_RUN 0x1FFF
#define ONE_BIT_SYMBOLS 14
#define TWO_BIT_SYMBOLS 7

#define FB_HEAD_BYTES 12  /* RTCP header and both SSRCs */
#define TWCC_HEAD_BYTES 8 /* up to the first chunk */
#define TICKS_PER_REFERENCE (TWCC_REFERENCE_US / TWCC_TICK_US)

/* ---- reading ---- */

/* The symbols are put where the deltas will stand. */
static bool read_chunks(struct rtcp_twcc *t, struct reader *r)
{
    size_t i = 0;

    while (i < t->n) {
        uint16_t chunk = reader_u16(r);

        if (r->failed)
            return false;
        if (!(chunk & CHUNK_IS_VECTOR)) {
            for (unsigned run = chunk & MAX_RUN; run > 0 && i < t->n; run--)
                t->at[i++].delta = (chunk >> 13) & 3;
        } else if (!(chunk & CHUNK_IS_TWO_BIT)) {
            for (int shift = ONE_BIT_SYMBOLS - 1; shift >= 0 && i < t->n; shift--)
                t->at[i++].delta = (chunk >> shift) & 1;
        } else {
            for (int shift = 2 * (TWO_BIT_SYMBOLS - 1); shift >= 0 && i < t->n; shift -= 2)
                t->at[i++].delta = (chunk >> shift) & 3;
        }
    }
    return true;
}

static bool read_deltas(struct rtcp_twcc *t, uint16_t base_seq, struct reader *r)
{
    for (size_t i = 0; i < t->n; i++) {
        struct rtcp_twcc_status *s = &t->at[i];
        enum symbol symbol = (enum symbol)s->delta;

        if (symbol == RESERVED)
            return false;
        s->seq = (uint16_t)(base_seq + i);
        s->received = symbol != LOST;
        s->delta = 0;
        if (symbol == SMALL_DELTA)
            s->delta = reader_u8(r);
        else if (symbol == LARGE_DELTA)
            s->delta = (int16_t)reader_u16(r);
    }
    return !r->failed;
}

int rtcp_twcc_parse(struct rtcp_twcc *out, const struct rtcp_fb *fb)
{
    struct reader r = reader_of(fb->fci, fb->fci_bytes);
    uint16_t base_seq = reader_u16(&r);

    out->n = reader_u16(&r);
    out->reference = (int32_t)(reader_u24(&r) ^ 0x800000u) - 0x800000;
    out->feedback_seq = reader_u8(&r);
    if (r.failed || out->n == 0)
        return E_MALFORMED;
    if (out->n > MAX_TWCC_STATUSES)
        return E_LIMIT;
    return read_chunks(out, &r) && read_deltas(out, base_seq, &r) ? 0 : E_MALFORMED;
}

/* ---- building ---- */

static int64_t tick_of(uint64_t us)
{
    return (int64_t)((us + TWCC_TICK_US / 2) / TWCC_TICK_US);
}

static bool is_open_for(const struct rtcp_twcc_chunk *c, enum symbol symbol)
{
    if (c->n < TWO_BIT_SYMBOLS)
        return true;
    if (c->n < ONE_BIT_SYMBOLS && !c->has_large && symbol != LARGE_DELTA)
        return true;
    return c->n < MAX_RUN && c->is_run && c->symbol[0] == symbol;
}

static void put_symbol(struct rtcp_twcc_chunk *c, enum symbol symbol)
{
    if (c->n < ONE_BIT_SYMBOLS)
        c->symbol[c->n] = (uint8_t)symbol;
    c->is_run = c->n == 0 || (c->is_run && c->symbol[0] == symbol);
    c->has_large |= symbol == LARGE_DELTA;
    c->n++;
}

static uint16_t vector_of(const struct rtcp_twcc_chunk *c, unsigned symbols, unsigned bits)
{
    unsigned v = CHUNK_IS_VECTOR | (bits == 2 ? CHUNK_IS_TWO_BIT : 0);

    for (unsigned i = 0; i < symbols && i < c->n; i++)
        v |= (unsigned)c->symbol[i] << (bits * (symbols - 1 - i));
    return (uint16_t)v;
}

/* The chunk that holds all open symbols; is_open_for() sees to it that there is one. */
static uint16_t encode_open(const struct rtcp_twcc_chunk *c)
{
    if (c->is_run)
        return (uint16_t)(c->symbol[0] << 13 | c->n);
    return c->n > TWO_BIT_SYMBOLS ? vector_of(c, ONE_BIT_SYMBOLS, 1)
                                  : vector_of(c, TWO_BIT_SYMBOLS, 2);
}

/* Put what is open on the wire, in front of a symbol that does not go in with it. */
static void close_chunk(struct rtcp_twcc_builder *b)
{
    struct rtcp_twcc_chunk old = b->open;

    CHECK(b->chunk_count < ARRAY_LEN(b->chunks));
    b->open = (struct rtcp_twcc_chunk){0};
    if (old.is_run || old.n == ONE_BIT_SYMBOLS) {
        b->chunks[b->chunk_count++] = encode_open(&old);
        return;
    }
    /* Between 7 and 13 small ones and now a large delta: seven go out, the others stay open. */
    b->chunks[b->chunk_count++] = vector_of(&old, TWO_BIT_SYMBOLS, 2);
    for (size_t i = TWO_BIT_SYMBOLS; i < old.n; i++)
        put_symbol(&b->open, (enum symbol)old.symbol[i]);
}

static void add_symbol(struct rtcp_twcc_builder *b, enum symbol symbol)
{
    while (!is_open_for(&b->open, symbol))
        close_chunk(b);
    put_symbol(&b->open, symbol);
}

static size_t fci_bytes(const struct rtcp_twcc_builder *b, size_t delta_bytes)
{
    size_t chunks = b->chunk_count + (b->open.n > 0 ? 1 : 0);

    return (TWCC_HEAD_BYTES + 2 * chunks + delta_bytes + 3) / 4 * 4;
}

void rtcp_twcc_start(struct rtcp_twcc_builder *b, uint16_t base_seq, uint64_t first_arrival_us)
{
    b->base_seq = base_seq;
    b->next_seq = base_seq;
    b->statuses = 0;
    b->reference = tick_of(first_arrival_us) / TICKS_PER_REFERENCE;
    b->last_tick = b->reference * TICKS_PER_REFERENCE;
    b->open = (struct rtcp_twcc_chunk){0};
    b->chunk_count = 0;
    b->delta_bytes = 0;
}

static void append_delta(struct rtcp_twcc_builder *b, int64_t delta, enum symbol symbol)
{
    if (symbol == LARGE_DELTA)
        b->deltas[b->delta_bytes++] = (uint8_t)((uint16_t)delta >> 8);
    b->deltas[b->delta_bytes++] = (uint8_t)delta;
}

bool rtcp_twcc_add(struct rtcp_twcc_builder *b, uint16_t seq, uint64_t arrival_us)
{
    int lost = seq16_diff(seq, b->next_seq);
    int64_t tick = tick_of(arrival_us);
    int64_t delta = tick - b->last_tick;
    enum symbol symbol = delta >= 0 && delta <= UINT8_MAX ? SMALL_DELTA : LARGE_DELTA;

    CHECK(lost >= 0);
    if (delta < INT16_MIN || delta > INT16_MAX)
        return false;
    if (b->statuses + (size_t)lost + 1 > MAX_TWCC_STATUSES)
        return false;

    struct rtcp_twcc_chunk open_before = b->open;
    size_t chunks_before = b->chunk_count;
    for (int i = 0; i < lost; i++)
        add_symbol(b, LOST);
    add_symbol(b, symbol);
    size_t delta_bytes = b->delta_bytes + (symbol == LARGE_DELTA ? 2 : 1);
    if (FB_HEAD_BYTES + fci_bytes(b, delta_bytes) > MAX_TWCC_FEEDBACK_BYTES) {
        b->open = open_before;
        b->chunk_count = chunks_before;
        return false;
    }
    append_delta(b, delta, symbol);
    b->statuses += (size_t)lost + 1;
    b->next_seq = (uint16_t)(seq + 1);
    b->last_tick = tick;
    return true;
}

uint16_t rtcp_twcc_next_seq(const struct rtcp_twcc_builder *b)
{
    return b->next_seq;
}

void rtcp_twcc_write(const struct rtcp_twcc_builder *b, struct writer *w, uint32_t sender_ssrc,
                     uint32_t media_ssrc, uint8_t feedback_seq)
{
    CHECK(b->statuses > 0);
    struct writer fci = rtcp_write_fb(w, RTCP_PT_RTPFB, RTCP_RTPFB_TWCC, sender_ssrc, media_ssrc,
                                      fci_bytes(b, b->delta_bytes));

    writer_u16(&fci, b->base_seq);
    writer_u16(&fci, (uint16_t)b->statuses);
    writer_u24(&fci, (uint32_t)b->reference & 0xFFFFFF);
    writer_u8(&fci, feedback_seq);
    for (size_t i = 0; i < b->chunk_count; i++)
        writer_u16(&fci, b->chunks[i]);
    writer_u16(&fci, encode_open(&b->open));
    writer_bytes(&fci, b->deltas, b->delta_bytes);
    while (writer_left(&fci) > 0)
        writer_u8(&fci, 0);
}
