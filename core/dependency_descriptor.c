/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dependency_descriptor.c - the syntax of AV1 RTP s A.4.1.
 *
 *      |S|E|template id| frame number                  |
 *      |T|A|D|F|C|  T: the structure, A: the mask of active decode targets,
 *      D, F, C: the frame's own indications, references, chain differences
 *
 * The mask stands right behind the structure, or behind the five flags: that is where the rewriter cuts.
 */
#include "core/dependency_descriptor.h"

#include <string.h>

#include "core/bits.h"
#include "core/err.h"
#include "core/seq.h"
#include "core/wire.h"

#define FLAGS_AT 24u /* bits */
#define FLAGS_BITS 5u
#define FLAG_ACTIVE_AT 25u

/* next_layer_idc, table A.3 */
enum { LAYER_SAME, LAYER_NEXT_TEMPORAL, LAYER_NEXT_SPATIAL, LAYER_NO_MORE };

static uint32_t all_targets(unsigned count)
{
    return count >= 32 ? UINT32_MAX : (1u << count) - 1;
}

/* ---- parts that templates and frames share ---- */

static void read_indications(struct dd_relations *f, struct bit_reader *r, unsigned targets)
{
    f->dti_low = f->dti_high = 0;
    for (unsigned i = 0; i < targets; i++) {
        uint32_t dti = bit_reader_get(r, 2);
        f->dti_low |= (dti & 1) << i;
        f->dti_high |= (dti >> 1) << i;
    }
}

static void add_ref(struct dd_relations *f, uint32_t diff_minus_one)
{
    if (diff_minus_one < 32)
        f->refs |= 1u << diff_minus_one;
    else
        f->has_far_refs = true;
}

/* ---- the structure ---- */

static void read_layers(struct dd_structure *s, struct bit_reader *r)
{
    uint8_t spatial = 0, temporal = 0;

    for (;;) {
        if (s->template_count == DD_MAX_TEMPLATES || spatial >= DD_MAX_SPATIAL ||
            temporal >= DD_MAX_TEMPORAL) {
            r->failed = true;
            return;
        }
        struct dd_relations *t = &s->templates[s->template_count++];
        t->spatial = spatial;
        t->temporal = temporal;
        uint32_t next = bit_reader_get(r, 2);
        if (r->failed || next == LAYER_NO_MORE)
            break;
        if (next == LAYER_NEXT_TEMPORAL)
            temporal++;
        if (next == LAYER_NEXT_SPATIAL) {
            spatial++;
            temporal = 0;
        }
    }
    s->spatial_count = (uint8_t)(spatial + 1);
}

static void read_template_refs(struct dd_structure *s, struct bit_reader *r)
{
    for (unsigned i = 0; i < s->template_count; i++)
        while (bit_reader_get(r, 1))
            add_ref(&s->templates[i], bit_reader_get(r, 4));
}

static void read_chains(struct dd_structure *s, struct bit_reader *r)
{
    s->chain_count = (uint8_t)bit_reader_ns(r, s->targets.count + 1u);
    if (s->chain_count == 0)
        return;
    for (unsigned i = 0; i < s->targets.count; i++)
        s->chain_of_target[i] = (uint8_t)bit_reader_ns(r, s->chain_count);
    for (unsigned i = 0; i < s->template_count; i++)
        for (unsigned c = 0; c < s->chain_count; c++)
            s->templates[i].chain_diff[c] = (uint8_t)bit_reader_get(r, 4);
}

static void read_sizes(struct dd_structure *s, struct bit_reader *r)
{
    s->has_sizes = bit_reader_get(r, 1) != 0;
    for (unsigned i = 0; s->has_sizes && i < s->spatial_count; i++) {
        /* 65536 would be the size "minus one" at its highest: nothing has it, and 0 is "not told" */
        s->width[i] = (uint16_t)(bit_reader_get(r, 16) + 1);
        s->height[i] = (uint16_t)(bit_reader_get(r, 16) + 1);
    }
}

static void find_layers_of_targets(struct dd_structure *s)
{
    for (unsigned i = 0; i < s->template_count; i++) {
        const struct dd_relations *f = &s->templates[i];
        for (unsigned t = 0; t < s->targets.count; t++) {
            if (dd_indication_of(f, t) == DD_NOT_PRESENT)
                continue;
            s->targets.spatial[t] = MAX(s->targets.spatial[t], f->spatial);
            s->targets.temporal[t] = MAX(s->targets.temporal[t], f->temporal);
        }
    }
}

static void read_structure(struct dd_structure *s, struct bit_reader *r)
{
    memset(s, 0, sizeof(*s));
    s->first_id = (uint8_t)bit_reader_get(r, 6);
    s->targets.count = (uint8_t)(bit_reader_get(r, 5) + 1);
    read_layers(s, r);
    for (unsigned i = 0; i < s->template_count; i++)
        read_indications(&s->templates[i], r, s->targets.count);
    read_template_refs(s, r);
    read_chains(s, r);
    read_sizes(s, r);
    find_layers_of_targets(s);
}

/* ---- one descriptor ---- */

struct flags {
    bool structure, active, own_indications, own_refs, own_chains;
};

static void read_mandatory(struct dependency_descriptor *d, struct bit_reader *r)
{
    d->is_frame_start = bit_reader_get(r, 1) != 0;
    d->is_frame_end = bit_reader_get(r, 1) != 0;
    d->template_id = (uint8_t)bit_reader_get(r, 6);
    d->frame_number = (uint16_t)bit_reader_get(r, 16);
}

static struct flags read_flags(struct bit_reader *r, size_t len)
{
    struct flags f = {0};

    if (len <= DD_MANDATORY_BYTES)
        return f;
    f.structure = bit_reader_get(r, 1) != 0;
    f.active = bit_reader_get(r, 1) != 0;
    f.own_indications = bit_reader_get(r, 1) != 0;
    f.own_refs = bit_reader_get(r, 1) != 0;
    f.own_chains = bit_reader_get(r, 1) != 0;
    return f;
}

static void read_own_refs(struct dd_relations *f, struct bit_reader *r)
{
    uint32_t size;

    f->refs = 0;
    f->has_far_refs = false;
    while ((size = bit_reader_get(r, 2)) != 0)
        add_ref(f, bit_reader_get(r, 4 * size));
}

static bool read_frame(struct dependency_descriptor *d, const struct dd_structure *s,
                       struct bit_reader *r, const struct flags *f)
{
    unsigned index = (unsigned)(d->template_id + DD_MAX_TEMPLATES - s->first_id) % DD_MAX_TEMPLATES;

    if (index >= s->template_count)
        return false;
    d->frame = s->templates[index];
    d->target_count = s->targets.count;
    d->chain_count = s->chain_count;
    if (f->own_indications)
        read_indications(&d->frame, r, s->targets.count);
    if (f->own_refs)
        read_own_refs(&d->frame, r);
    for (unsigned c = 0; f->own_chains && c < s->chain_count; c++)
        d->frame.chain_diff[c] = (uint8_t)bit_reader_get(r, 8);
    if (s->has_sizes) {
        d->width = s->width[d->frame.spatial];
        d->height = s->height[d->frame.spatial];
    }
    return true;
}

/* Older by few frames: it came late, by a retransmission. Older by many: the source began anew. */
static bool is_late(uint16_t number, uint16_t than)
{
    int diff = seq16_diff(number, than);

    return diff < 0 && diff > -DD_OLD_STRUCTURE;
}

static void keep_structure(struct dependency_state *state, const struct dd_structure *s,
                           uint16_t number)
{
    state->structure = *s;
    state->structure_number = state->active_number = number;
    state->active = all_targets(s->targets.count);
    state->has_structure = true;
}

/* The mask that holds for this frame; a newer one than the state's is kept. */
static void settle_active(struct dependency_descriptor *d, struct dependency_state *state,
                          bool is_current, uint32_t mask)
{
    if (!d->has_active) {
        d->active = is_current ? state->active : all_targets(d->target_count);
        return;
    }
    d->active = mask;
    if (is_current && !is_late(d->frame_number, state->active_number)) {
        state->active = mask;
        state->active_number = d->frame_number;
    }
}

int dependency_descriptor_peek(struct dependency_descriptor *out, const uint8_t *data, size_t len)
{
    struct bit_reader r = bit_reader_of(data, len);
    struct dependency_descriptor d = {0};

    read_mandatory(&d, &r);
    if (r.failed)
        return E_MALFORMED;
    *out = d;
    return 0;
}

/* What stands behind the structure, if there is one: the mask and the frame. */
static int read_rest(struct dependency_descriptor *d, const struct dd_structure *s,
                     struct bit_reader *r, const struct flags *f, uint32_t *mask)
{
    d->active_at = (uint16_t)r->pos;
    *mask = f->active ? bit_reader_get(r, s->targets.count) : 0;
    if (!read_frame(d, s, r, f))
        return r->failed ? E_MALFORMED : E_STATE;
    return r->failed ? E_MALFORMED : 0;
}

int dependency_descriptor_parse(struct dependency_descriptor *out, struct dependency_state *state,
                                const uint8_t *data, size_t len)
{
    struct bit_reader r = bit_reader_of(data, len);
    struct dependency_descriptor d = {0};
    struct dd_structure own;
    uint32_t mask;
    bool is_current = true;

    read_mandatory(&d, &r);
    struct flags f = read_flags(&r, len);
    if (f.structure)
        read_structure(&own, &r);
    if (r.failed)
        return E_MALFORMED;
    if (!f.structure && !state->has_structure)
        return E_STATE;
    d.has_structure = f.structure;
    d.has_active = f.active;
    int err = read_rest(&d, f.structure ? &own : &state->structure, &r, &f, &mask);
    if (err != 0)
        return err;
    if (f.structure) {
        is_current = !state->has_structure || !is_late(d.frame_number, state->structure_number);
        if (is_current)
            keep_structure(state, &own, d.frame_number);
    }
    settle_active(&d, state, is_current, mask);
    *out = d;
    return 0;
}

int dependency_descriptor_targets(struct dd_targets *out, const uint8_t *data, size_t len)
{
    struct dependency_state state = {0};
    struct dependency_descriptor d;
    int err = dependency_descriptor_parse(&d, &state, data, len);

    if (err == 0 && !d.has_structure)
        err = E_NOT_FOUND;
    if (err == E_STATE)
        err = E_NOT_FOUND;
    if (err == 0)
        *out = state.structure.targets;
    return err;
}

uint32_t dd_targets_within(const struct dd_targets *t, uint8_t spatial, uint8_t temporal)
{
    uint32_t mask = 0;

    for (unsigned i = 0; i < t->count; i++)
        if (t->spatial[i] <= spatial && t->temporal[i] <= temporal)
            mask |= 1u << i;
    return mask;
}

/* ---- rewriting ---- */

/* Everything but the mask is copied, bit by bit from where it stands; zeros fill up the last byte. */
static size_t rewrite_mask(uint8_t *out, size_t size, const uint8_t *data, size_t len,
                           uint16_t active_at, uint8_t target_count, uint32_t mask)
{
    struct bit_reader r = bit_reader_of(data, len);
    struct bit_writer w = bit_writer_of(out, MIN(size, (size_t)DD_MAX_BYTES));
    bool is_short = len <= DD_MANDATORY_BYTES;

    bit_copy(&w, &r, FLAGS_AT);
    bool has_structure = !is_short && bit_reader_get(&r, 1);
    bool has_active = !is_short && bit_reader_get(&r, 1);
    bit_writer_put(&w, has_structure, 1);
    bit_writer_put(&w, 1, 1);
    if (is_short)
        bit_writer_put(&w, 0, 3);
    else
        bit_copy(&w, &r, active_at - FLAG_ACTIVE_AT - 1);
    bit_writer_put(&w, mask, target_count);
    if (has_active)
        (void)bit_reader_get(&r, target_count);
    if (!is_short && !r.failed)
        bit_copy(&w, &r, r.end - r.pos);
    return r.failed || w.failed ? 0 : bit_writer_len(&w);
}

size_t dependency_descriptor_rewrite(uint8_t *out, size_t size, const uint8_t *data, size_t len,
                                     uint16_t frame_number, uint16_t active_at,
                                     uint8_t target_count, bool has_mask, uint32_t mask)
{
    if (len < DD_MANDATORY_BYTES)
        return 0;
    if (has_mask) {
        if (len > DD_MANDATORY_BYTES && active_at < FLAGS_AT + FLAGS_BITS)
            return 0;
        len = rewrite_mask(out, size, data, len, active_at, target_count, mask);
    } else if (len <= size) {
        memcpy(out, data, len);
    } else {
        len = 0;
    }
    if (len != 0)
        wire_put_u16(out + 1, frame_number);
    return len;
}
