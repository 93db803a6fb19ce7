/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/media_source.h"

#include <string.h>

#include "core/attr.h"
#include "core/check.h"
#include "core/wire.h"
#include "tests/support/dd_bytes.h"

static const uint8_t patterns[4][4] = {{0}, {0}, {0, 1}, {0, 2, 1, 2}};
static const uint8_t pattern_len[4] = {1, 1, 2, 4};

static bool chance(struct media_source *s, unsigned percent)
{
    return rng_below(s->rng, 100) < percent;
}

static uint32_t near_wrap(struct media_source *s, uint32_t size)
{
    return chance(s, 50) ? size - 1 - rng_below(s->rng, 12) : rng_below(s->rng, size);
}

void media_source_init(struct media_source *s, const struct media_source_config *cfg,
                       struct rng *rng)
{
    *s = (struct media_source){.cfg = *cfg, .rng = rng, .wants_key = true};
    s->clock_hz = codec_kind(cfg->codec) == MEDIA_AUDIO ? 48000 : 90000;
    s->first_seq = (uint16_t)near_wrap(s, 65536);
    s->picture_id = (uint16_t)near_wrap(s, cfg->has_wide_ids ? 32768 : 128);
    s->frame_number = (uint16_t)near_wrap(s, 65536);
    s->ts = chance(s, 50) ? UINT32_MAX - rng_below(rng, 90000) : rng_u32(rng);
    s->tl0 = (uint8_t)near_wrap(s, 256);
    s->keyidx = (uint8_t)near_wrap(s, 32);
    s->first_template = (uint8_t)rng_below(rng, 64);
}

/* ---- what refers to what ---- */

static void add_ref(struct media_frame *f, int picture, unsigned spatial)
{
    if (picture < 0)
        return;
    CHECK(f->ref_count < MEDIA_SOURCE_REFS);
    f->ref[f->ref_count++] = (struct media_frame_ref){picture, (uint8_t)spatial};
}

/* Whether nothing of this picture but its base refers to before its group: layers above start anew with the group. */
static int last_in_group(const struct media_source *s, unsigned spatial, unsigned temporal,
                         int group_start)
{
    int last = s->last[spatial][temporal];

    return s->is_in_sync && temporal > 0 && last < group_start ? -1 : last;
}

static void refer(struct media_source *s, struct media_picture *p, unsigned spatial, bool restarts)
{
    struct media_frame *f = &p->frame[spatial];
    int group_start = p->index - (int)s->group_at;
    bool is_on_top =
        spatial > 0 && (s->cfg.mode == SVC_FULL || (s->cfg.mode == SVC_KEY && p->is_key));

    if (is_on_top)
        add_ref(f, p->index, spatial - 1);
    if (p->is_key || restarts)
        return;
    f->is_predicted = true;
    for (unsigned t = 0; t <= f->temporal; t++)
        add_ref(f, last_in_group(s, spatial, t, group_start), spatial);
}

static void forget_layer(struct media_source *s, unsigned spatial)
{
    for (unsigned t = 0; t < MEDIA_SOURCE_LAYERS; t++)
        s->last[spatial][t] = -1;
}

/* Layers above a restarted one restart with it: they sit on it. */
static void make_picture(struct media_source *s, struct media_picture *p)
{
    unsigned length = pattern_len[s->cfg.temporal];
    bool restarts = false;

    if (s->wants_key || chance(s, s->cfg.key_percent)) {
        s->wants_key = false;
        p->is_key = true;
        s->group_at = 0;
        s->keyidx = (s->keyidx + 1) & 31;
    }
    p->temporal = patterns[s->cfg.temporal][s->group_at];
    if (s->group_at == 0) {
        s->is_in_sync = p->is_key || chance(s, s->cfg.sync_percent);
        restarts = !p->is_key && s->cfg.mode != SVC_KEY && chance(s, s->cfg.restart_percent);
        s->is_in_sync |= restarts;
        s->tl0++;
    }
    p->starts_group = s->group_at == 0;
    p->ends_group = s->group_at + 1 == length;
    p->is_in_sync = s->is_in_sync;
    unsigned restart_at = restarts ? 1 + rng_below(s->rng, MEDIA_SOURCE_LAYERS - 1) : 99;
    for (unsigned i = 0; i < s->cfg.spatial; i++) {
        struct media_frame *f = &p->frame[i];
        f->spatial = (uint8_t)i;
        f->temporal = p->temporal;
        f->number = s->frame_number++;
        if (p->is_key || i >= restart_at)
            forget_layer(s, i);
        refer(s, p, i, i >= restart_at);
    }
    for (unsigned i = 0; i < s->cfg.spatial; i++)
        s->last[i][p->temporal] = p->index;
    s->group_at = (s->group_at + 1) % length;
}

/* ---- descriptors ---- */

/* All that it refers to in earlier pictures is of lower temporal layers. */
static bool is_sync(const struct media_source *s, const struct media_picture *p,
                    const struct media_frame *f, bool base_only)
{
    const uint8_t *pattern = patterns[s->cfg.temporal];

    if (f->temporal == 0)
        return false;
    for (unsigned i = 0; i < f->ref_count; i++) {
        int back = p->index - f->ref[i].picture;
        if (back == 0)
            continue;
        unsigned at = (unsigned)((int)s->group_at - 1 - back + 4 * pattern_len[s->cfg.temporal]);
        unsigned temporal = pattern[at % pattern_len[s->cfg.temporal]];
        if (temporal >= f->temporal || (base_only && temporal > 0))
            return false;
    }
    return true;
}

static void put_vp8(struct writer *w, const struct media_source *s, const struct media_picture *p,
                    bool starts)
{
    const struct media_frame *f = &p->frame[0];

    writer_u8(w, (uint8_t)(0x80 | (starts ? 0x10 : 0)));
    writer_u8(w, 0xF0);
    if (s->cfg.has_wide_ids)
        writer_u16(w, 0x8000 | s->picture_id);
    else
        writer_u8(w, (uint8_t)s->picture_id);
    writer_u8(w, s->tl0);
    writer_u8(w, (uint8_t)(f->temporal << 6 | (is_sync(s, p, f, true) ? 0x20 : 0) | s->keyidx));
    writer_u8(w, starts && p->is_key ? 0 : 1);
}

static void put_vp9_sizes(struct writer *w, const struct media_source *s)
{
    writer_u8(w, (uint8_t)((s->cfg.spatial - 1) << 5 | 0x10));
    for (unsigned i = 0; i < s->cfg.spatial; i++) {
        writer_u16(w, (uint16_t)(160u << i));
        writer_u16(w, (uint16_t)(90u << i));
    }
}

static unsigned p_diffs(const struct media_picture *p, const struct media_frame *f,
                        uint8_t diffs[MEDIA_SOURCE_REFS])
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->ref_count; i++)
        if (f->ref[i].picture != p->index)
            diffs[n++] = (uint8_t)(p->index - f->ref[i].picture);
    return n;
}

static void put_vp9(struct writer *w, const struct media_source *s, const struct media_picture *p,
                    const struct media_frame *f, bool starts, bool ends)
{
    bool has_sizes = starts && p->is_key && f->spatial == 0;
    uint8_t diffs[MEDIA_SOURCE_REFS];
    unsigned n = p_diffs(p, f, diffs);

    writer_u8(w, (uint8_t)(0xA0 | (f->is_predicted ? 0x40 : 0) | (s->cfg.is_flexible ? 0x10 : 0) |
                           (starts ? 8 : 0) | (ends ? 4 : 0) | (has_sizes ? 2 : 0)));
    if (s->cfg.has_wide_ids)
        writer_u16(w, 0x8000 | s->picture_id);
    else
        writer_u8(w, (uint8_t)s->picture_id);
    bool sits = f->ref_count > 0 && f->ref[0].picture == p->index;
    writer_u8(w, (uint8_t)(f->temporal << 5 | (is_sync(s, p, f, false) ? 0x10 : 0) |
                           f->spatial << 1 | sits));
    if (!s->cfg.is_flexible)
        writer_u8(w, s->tl0);
    for (unsigned i = 0; f->is_predicted && s->cfg.is_flexible && i < n; i++)
        writer_u8(w, (uint8_t)(diffs[i] << 1 | (i + 1 < n)));
    if (has_sizes)
        put_vp9_sizes(w, s);
}

static void put_payload(struct writer *w, const struct media_source *s,
                        const struct media_picture *p, const struct media_frame *f, bool starts,
                        bool ends)
{
    switch (s->cfg.codec) {
    case CODEC_VP8:
        put_vp8(w, s, p, starts);
        break;
    case CODEC_VP9:
        put_vp9(w, s, p, f, starts, ends);
        break;
    case CODEC_H264: /* one slice in fragments */
        writer_u8(w, 0x7C);
        writer_u8(w, (uint8_t)((starts ? 0x80 : 0) | (ends ? 0x40 : 0) | (p->is_key ? 5 : 1)));
        writer_u8(w, 0x88);
        break;
    case CODEC_AV1:
        writer_u8(w, (uint8_t)(0x10 | (starts ? 0 : 0x80) | (ends ? 0 : 0x40) |
                               (starts && p->is_key && f->spatial == 0 ? 8 : 0)));
        writer_u8(w, 0x32); /* a frame OBU */
        break;
    default:
        break;
    }
}

/* ---- the dependency descriptor: one template a layer, everything else the frame's own ---- */

static unsigned target_of(const struct media_source *s, unsigned spatial, unsigned temporal)
{
    return spatial * s->cfg.temporal + temporal;
}

static char indication(const struct media_source *s, const struct media_picture *p,
                       const struct media_frame *f, unsigned spatial, unsigned temporal)
{
    bool serves = f->spatial == spatial || (f->spatial < spatial && s->cfg.mode == SVC_FULL) ||
                  (f->spatial < spatial && s->cfg.mode == SVC_KEY && p->is_key);

    if (!serves || f->temporal > temporal)
        return '-';
    if (p->is_key)
        return 'S';
    if (f->spatial == spatial && f->temporal == 0 && (temporal == 0 || s->is_in_sync))
        return 'S';
    if (f->spatial == spatial && f->temporal == 1 && temporal == 1 && is_sync(s, p, f, false))
        return 'S';
    return f->temporal == 2 ? 'D' : 'R';
}

static void fill_structure(const struct media_source *s, struct dd_bytes_structure *out,
                           char text[9][10])
{
    unsigned targets = (unsigned)s->cfg.spatial * s->cfg.temporal;

    *out = (struct dd_bytes_structure){.first_id = s->first_template,
                                       .targets = (uint8_t)targets,
                                       .templates = (uint8_t)targets,
                                       .sizes = s->cfg.spatial};
    for (unsigned i = 0; i < s->cfg.spatial; i++) {
        out->width[i] = (uint16_t)(160u << i);
        out->height[i] = (uint16_t)(90u << i);
        for (unsigned t = 0; t < s->cfg.temporal; t++) {
            unsigned at = target_of(s, i, t);
            for (unsigned k = 0; k < targets; k++)
                text[at][k] = k >= at && k % s->cfg.temporal >= t &&
                                      (s->cfg.mode != SVC_SIMUL || k / s->cfg.temporal == i)
                                  ? 'R'
                                  : '-';
            out->t[at] = (struct dd_bytes_template){
                .spatial = (uint8_t)i, .temporal = (uint8_t)t, .indications = text[at]};
        }
    }
}

static size_t put_descriptor(const struct media_source *s, const struct media_picture *p,
                             const struct media_frame *f, bool starts, bool ends, uint8_t *out)
{
    struct dd_bytes_structure structure;
    char text[9][10], own_text[10];
    struct dd_bytes_template own = {.indications = own_text};

    fill_structure(s, &structure, text);
    for (unsigned i = 0; i < structure.targets; i++)
        own_text[i] = indication(s, p, f, i / s->cfg.temporal, i % s->cfg.temporal);
    unsigned n = 0;
    for (unsigned i = 0; i < f->ref_count; i++) {
        const struct media_frame_ref *r = &f->ref[i];
        unsigned back =
            (unsigned)(p->index - r->picture) * s->cfg.spatial + f->spatial - r->spatial;
        own.diffs[n++] = (uint16_t)back;
    }
    struct dd_bytes_frame frame = {
        .starts = starts,
        .ends = ends,
        .has_structure = starts && p->is_key && f->spatial == 0,
        .template_index = (uint8_t)target_of(s, f->spatial, f->temporal),
        .number = f->number,
        .own = &own,
        .own_indications = true,
        .own_diffs = true,
    };
    return dd_bytes_write(out, &structure, &frame);
}

/* ---- packets ---- */

static struct media_packet *new_packet(struct media_source *s, const struct media_picture *p,
                                       struct media_packet *m)
{
    *m = (struct media_packet){.n = s->next_n++, .picture = p->index};
    m->rtp.seq = (uint16_t)(s->first_seq + m->n);
    m->rtp.ts = p->ts;
    m->header_bytes = RTP_FIXED_HEADER_BYTES;
    return m;
}

static void make_media(struct media_source *s, const struct media_picture *p,
                       const struct media_frame *f, unsigned index, unsigned count,
                       struct media_packet *m)
{
    bool starts = index == 0, ends = index + 1 == count;

    m->spatial = f->spatial;
    m->is_last_of_frame = ends;
    m->rtp.marker = ends && f->spatial + 1 == s->cfg.spatial;
    if (s->cfg.has_dd) {
        m->dd_at = m->header_bytes;
        m->dd_len = (uint16_t)put_descriptor(s, p, f, starts, ends, m->bytes + m->dd_at);
        m->header_bytes = (uint16_t)(m->header_bytes + m->dd_len);
    }
    struct writer w = writer_of(m->bytes + m->header_bytes, sizeof(m->bytes) - m->header_bytes);
    put_payload(&w, s, p, f, starts, ends);
    writer_u64(&w, (uint64_t)m->n); /* the picture's data */
    CHECK(!w.failed);
    m->len = (uint16_t)(m->header_bytes + writer_len(&w));
}

size_t media_source_next(struct media_source *s, uint64_t now_us, uint64_t elapsed_us,
                         struct media_picture *picture,
                         struct media_packet packets[MEDIA_SOURCE_PACKETS])
{
    size_t n = 0;

    s->ts += (uint32_t)(elapsed_us * s->clock_hz / 1000000);
    s->picture_id = (uint16_t)((s->picture_id + 1) & (s->cfg.has_wide_ids ? 0x7FFF : 0x7F));
    *picture = (struct media_picture){.index = s->pictures++, .ts = s->ts, .sent_us = now_us};
    make_picture(s, picture);
    for (unsigned i = 0; i < s->cfg.spatial; i++) {
        unsigned count = 1 + rng_below(s->rng, s->cfg.max_packets);
        for (unsigned k = 0; k < count; k++, n++)
            make_media(s, picture, &picture->frame[i], k, count,
                       new_packet(s, picture, &packets[n]));
    }
    for (unsigned k = chance(s, s->cfg.padding_percent) ? 1 + rng_below(s->rng, 3) : 0; k > 0;
         k--) {
        struct media_packet *m = new_packet(s, picture, &packets[n++]);
        m->is_padding = true;
        m->len = m->header_bytes;
    }
    CHECK(n <= MEDIA_SOURCE_PACKETS);
    return n;
}

void media_packet_fill(struct packet *pkt, const struct media_packet *m, enum codec_id codec)
{
    memcpy(pkt->data, m->bytes, m->len);
    pkt->len = m->len;
    pkt->codec = (uint8_t)codec;
    pkt->rtp = m->rtp;
    pkt->rtp.header_bytes = m->header_bytes;
    pkt->rtp.payload_bytes = (uint16_t)(m->len - m->header_bytes);
    pkt->rtp.ext_count = m->dd_len > 0;
    pkt->rtp.ext[0] = (struct rtp_ext){MEDIA_SOURCE_DD_ID, (uint8_t)m->dd_len, m->dd_at};
}
