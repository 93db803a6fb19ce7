/* SPDX-License-Identifier: Apache-2.0 */
/* packetizer_h264.c - NAL units found between start codes (H.264 annex B), then RFC 6184 s5.6 to s5.8. */
#include <string.h>

#include "core/err.h"
#include "mixer/packetizer_internal.h"

#define NAL_TYPE 0x1F
#define NAL_F_NRI 0xE0
#define NAL_F 0x80
#define NAL_NRI 0x60
#define NAL_STAP_A 24
#define NAL_FU_A 28
#define FU_START 0x80
#define FU_END 0x40

#define START_CODE_BYTES 3 /* 00 00 01, with zeros in front that belong to nobody */

/* The next start code from @at on, or the end. */
static size_t find_start_code(const struct outgoing_frame *f, size_t at)
{
    for (; at + START_CODE_BYTES <= f->len; at++) {
        const uint8_t *one = memchr(f->data + at + 2, 1, f->len - at - 2);

        if (one == NULL)
            break;
        at = (size_t)(one - f->data) - 2;
        if (f->data[at] == 0 && f->data[at + 1] == 0)
            return at;
    }
    return f->len;
}

static int add_nal(struct packetizer *p, size_t from, size_t to)
{
    while (to > from && p->frame.data[to - 1] == 0)
        to--;
    if (to == from)
        return 0;
    if (p->nals == MAX_NAL_UNITS)
        return E_LIMIT;
    p->nal[p->nals++] = (struct packetizer_nal){(uint32_t)from, (uint32_t)(to - from)};
    return 0;
}

int packetizer_begin_h264(struct packetizer *p)
{
    size_t at = find_start_code(&p->frame, 0);
    int err = 0;

    while (err == 0 && at < p->frame.len) {
        size_t from = at + START_CODE_BYTES;

        at = find_start_code(&p->frame, from);
        err = add_nal(p, from, at);
    }
    if (err == 0 && p->nals == 0)
        err = E_INVALID;
    if (err != 0)
        p->nals = 0;
    return err;
}

static void write_fragment(struct packetizer *p, struct writer *w)
{
    uint8_t header = p->frame.data[p->nal[p->next_nal].at];
    size_t from = p->at;
    bool is_first = p->part == 0;
    size_t len = packetizer_take_part(p);
    bool is_last = p->part == p->parts;

    writer_u8(w, (header & NAL_F_NRI) | NAL_FU_A);
    writer_u8(w,
              (uint8_t)((is_first ? FU_START : 0) | (is_last ? FU_END : 0) | (header & NAL_TYPE)));
    writer_bytes(w, p->frame.data + from, len);
    if (is_last)
        p->next_nal++;
}

/* How many units from the next one on fit into one payload; 1 when they are not to be aggregated. */
static unsigned count_aggregated(const struct packetizer *p)
{
    size_t bytes = 1;
    unsigned n = 0;

    while (p->next_nal + n < p->nals) {
        bytes += 2 + p->nal[p->next_nal + n].len;
        if (bytes > p->max_bytes)
            break;
        n++;
    }
    return n > 1 ? n : 1;
}

static void write_aggregate(struct packetizer *p, struct writer *w, unsigned n)
{
    uint8_t f = 0, nri = 0;

    for (unsigned i = 0; i < n; i++) { /* s5.7: F of any, the highest NRI */
        uint8_t header = p->frame.data[p->nal[p->next_nal + i].at];
        f |= header & NAL_F;
        if ((header & NAL_NRI) > nri)
            nri = header & NAL_NRI;
    }
    writer_u8(w, f | nri | NAL_STAP_A);
    for (unsigned i = 0; i < n; i++, p->next_nal++) {
        const struct packetizer_nal *nal = &p->nal[p->next_nal];
        writer_u16(w, (uint16_t)nal->len);
        writer_bytes(w, p->frame.data + nal->at, nal->len);
    }
}

void packetizer_next_h264(struct packetizer *p, struct writer *w)
{
    const struct packetizer_nal *nal = &p->nal[p->next_nal];
    unsigned n;

    if (p->part == p->parts && nal->len > p->max_bytes)
        packetizer_cut(p, nal->at + 1, nal->len - 1, p->max_bytes - 2);
    if (p->part < p->parts) {
        write_fragment(p, w);
        return;
    }
    n = count_aggregated(p);
    if (n > 1) {
        write_aggregate(p, w, n);
        return;
    }
    writer_bytes(w, p->frame.data + nal->at, nal->len);
    p->next_nal++;
}
