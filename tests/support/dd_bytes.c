/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/dd_bytes.h"

#include <string.h>

#include "core/bits.h"
#include "core/check.h"

const struct dd_bytes_structure dd_bytes_l1t3 = {
    .first_id = 60,
    .targets = 3,
    .chains = 1,
    .templates = 5,
    .t =
        {
            {0, 0, "SSS", {0}, {0}},
            {0, 0, "SSS", {4}, {4}},
            {0, 1, "SD-", {2}, {2}},
            {0, 2, "D--", {1}, {1}},
            {0, 2, "D--", {1}, {3}},
        },
    .sizes = 1,
    .width = {640},
    .height = {360},
};

const struct dd_bytes_structure dd_bytes_l2t2 = {
    .first_id = 5,
    .targets = 4, /* S0T0, S0T1, S1T0, S1T1 */
    .chains = 2,
    .templates = 6,
    .chain_of_target = {0, 0, 1, 1},
    .t =
        {
            {0, 0, "SSSS", {0}, {0, 0}},
            {0, 0, "SSRR", {4}, {4, 3}},
            {0, 1, "-D-R", {2}, {2, 1}},
            {1, 0, "--SS", {1}, {1, 1}},
            {1, 0, "--SS", {1, 4}, {1, 1}},
            {1, 1, "---D", {1, 2}, {3, 2}},
        },
    .sizes = 2,
    .width = {320, 640},
    .height = {180, 360},
};

static void put_ns(struct bit_writer *w, uint32_t v, uint32_t n)
{
    unsigned bits = 0;

    while (n >> bits != 0)
        bits++;
    uint32_t m = (1u << bits) - n;
    if (bits == 0)
        return;
    if (v < m) {
        bit_writer_put(w, v, bits - 1);
        return;
    }
    bit_writer_put(w, (v + m) >> 1, bits - 1);
    bit_writer_put(w, (v + m) & 1, 1);
}

static void put_indications(struct bit_writer *w, const char *text, unsigned targets)
{
    for (unsigned i = 0; i < targets; i++)
        bit_writer_put(w, (uint32_t)(strchr("-DSR", text[i]) - "-DSR"), 2);
}

static void put_layers(struct bit_writer *w, const struct dd_bytes_structure *s)
{
    for (unsigned i = 0; i + 1 < s->templates; i++) {
        const struct dd_bytes_template *a = &s->t[i], *b = &s->t[i + 1];
        if (b->spatial == a->spatial)
            bit_writer_put(w, b->temporal == a->temporal ? 0 : 1, 2);
        else
            bit_writer_put(w, 2, 2);
    }
    bit_writer_put(w, 3, 2);
}

static void put_structure(struct bit_writer *w, const struct dd_bytes_structure *s)
{
    bit_writer_put(w, s->first_id, 6);
    bit_writer_put(w, s->targets - 1u, 5);
    put_layers(w, s);
    for (unsigned i = 0; i < s->templates; i++)
        put_indications(w, s->t[i].indications, s->targets);
    for (unsigned i = 0; i < s->templates; i++) {
        for (unsigned d = 0; d < 8 && s->t[i].diffs[d] != 0; d++)
            bit_writer_put(w, 16u | (s->t[i].diffs[d] - 1u), 5);
        bit_writer_put(w, 0, 1);
    }
    put_ns(w, s->chains, s->targets + 1u);
    for (unsigned i = 0; s->chains > 0 && i < s->targets; i++)
        put_ns(w, s->chain_of_target[i], s->chains);
    for (unsigned i = 0; i < s->templates; i++)
        for (unsigned c = 0; c < s->chains; c++)
            bit_writer_put(w, s->t[i].chain_diffs[c], 4);
    bit_writer_put(w, s->sizes != 0, 1);
    for (unsigned i = 0; i < s->sizes; i++) {
        bit_writer_put(w, s->width[i] - 1u, 16);
        bit_writer_put(w, s->height[i] - 1u, 16);
    }
}

static void put_own_diffs(struct bit_writer *w, const struct dd_bytes_template *own)
{
    for (unsigned d = 0; d < 8 && own->diffs[d] != 0; d++) {
        unsigned size = own->diffs[d] > 256 ? 3 : own->diffs[d] > 16 ? 2 : 1;
        bit_writer_put(w, size, 2);
        bit_writer_put(w, own->diffs[d] - 1u, 4 * size);
    }
    bit_writer_put(w, 0, 2);
}

static void put_extended(struct bit_writer *w, const struct dd_bytes_structure *s,
                         const struct dd_bytes_frame *f)
{
    bit_writer_put(w, f->has_structure, 1);
    bit_writer_put(w, f->has_active, 1);
    bit_writer_put(w, f->own_indications, 1);
    bit_writer_put(w, f->own_diffs, 1);
    bit_writer_put(w, f->own_chains, 1);
    if (f->has_structure)
        put_structure(w, s);
    if (f->has_active)
        bit_writer_put(w, f->active, s->targets);
    if (f->own_indications)
        put_indications(w, f->own->indications, s->targets);
    if (f->own_diffs)
        put_own_diffs(w, f->own);
    for (unsigned c = 0; f->own_chains && c < s->chains; c++)
        bit_writer_put(w, f->own->chain_diffs[c], 8);
}

size_t dd_bytes_write(uint8_t out[DD_BYTES_MAX], const struct dd_bytes_structure *s,
                      const struct dd_bytes_frame *f)
{
    struct bit_writer w = bit_writer_of(out, DD_BYTES_MAX);

    bit_writer_put(&w, f->starts, 1);
    bit_writer_put(&w, f->ends, 1);
    bit_writer_put(&w, (s->first_id + f->template_index) % 64u, 6);
    bit_writer_put(&w, f->number, 16);
    if (f->has_structure || f->has_active || f->own_indications || f->own_diffs || f->own_chains)
        put_extended(&w, s, f);
    CHECK(!w.failed);
    return bit_writer_len(&w);
}
