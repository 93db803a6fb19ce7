/* SPDX-License-Identifier: Apache-2.0 */
/* payload.c - from a codec's own descriptor, and the dependency descriptor, to the facts that a forwarder acts on. */
#include "core/payload.h"

#include <string.h>

#include "core/err.h"
#include "core/payload_av1.h"
#include "core/payload_h264.h"
#include "core/payload_vp8.h"
#include "core/payload_vp9.h"
#include "core/wire.h"

#define PICTURE_ID_IS_LONG 0x80
#define KEYIDX_MASK 0x1F
#define ALL_SPATIAL 0x01010101u /* of one temporal layer, in a mask of layers */

_Static_assert(MEDIA_MAX_SPATIAL == DD_MAX_SPATIAL && MEDIA_MAX_TEMPORAL == DD_MAX_TEMPORAL,
               "a layer of the dependency descriptor has a bit");

static const struct media_info not_told = {.spatial = -1, .temporal = -1};

/* ---- one codec each ---- */

static void set_picture_id(struct payload_ids *ids, uint16_t picture_id, bool is_15bit, uint8_t at)
{
    ids->picture_id = picture_id;
    ids->picture_id_bits = is_15bit ? 15 : 7;
    ids->picture_id_at = at;
    ids->bytes = (uint8_t)(at + (is_15bit ? 2 : 1));
}

static int inspect_vp8(struct media_info *m, const uint8_t *payload, size_t len)
{
    struct vp8_descriptor d;
    int err = vp8_parse(&d, payload, len);

    if (err < 0)
        return err;
    m->is_keyframe = d.is_keyframe;
    m->is_frame_start = m->starts_layer = d.start_of_partition && d.partition == 0;
    if (d.has_tid)
        m->temporal = (int8_t)d.tid;
    if (d.y) /* refers to the base layer alone */
        m->switches = MEDIA_LAYER_BIT(0, d.tid);
    if (d.has_picture_id)
        set_picture_id(&m->ids, d.picture_id, d.picture_id_is_15bit, d.picture_id_at);
    m->ids.closes_up = d.has_picture_id;
    m->ids.tl0picidx = d.tl0picidx;
    m->ids.keyidx = d.keyidx;
    m->ids.tl0picidx_at = d.has_tl0picidx ? d.tl0picidx_at : 0;
    m->ids.keyidx_at = d.has_keyidx ? d.tid_keyidx_at : 0;
    if (d.has_picture_id || d.has_tl0picidx || d.has_keyidx)
        m->ids.bytes = d.bytes;
    return 0;
}

/* Flexible mode tells what the picture refers to (in the same spatial layer); the other mode only that it does. */
static void read_vp9_refs(struct media_info *m, const struct vp9_descriptor *d)
{
    for (unsigned i = 0; i < d->p_diff_count; i++) {
        if (d->p_diff[i] >= 1 && d->p_diff[i] <= 32)
            m->refs |= 1u << (d->p_diff[i] - 1);
        else
            m->has_far_refs = true;
    }
}

static void set_vp9_ids(struct media_info *m, const struct vp9_descriptor *d)
{
    if (d->has_picture_id) {
        set_picture_id(&m->ids, d->picture_id, d->picture_id_is_15bit, d->picture_id_at);
        m->number = d->picture_id;
        m->number_bits = m->ids.picture_id_bits;
    }
    if (d->has_tl0picidx) {
        m->ids.tl0picidx = d->tl0picidx;
        m->ids.tl0picidx_at = d->tl0picidx_at;
        m->ids.bytes = (uint8_t)(d->tl0picidx_at + 1);
    }
}

static int inspect_vp9(struct media_info *m, const uint8_t *payload, size_t len)
{
    struct vp9_descriptor d;
    int err = vp9_parse(&d, payload, len);

    if (err < 0)
        return err;
    /* Nobody sends more spatial layers than four; if somebody does, the upper ones are one layer. */
    unsigned spatial = MIN(d.spatial, MEDIA_MAX_SPATIAL - 1u);
    m->is_keyframe = d.is_keyframe;
    m->starts_layer = d.is_frame_start;
    m->ends_layer = d.is_frame_end;
    m->is_frame_start =
        d.is_frame_start && d.spatial == 0; /* a picture is the frames of all spatial layers */
    if (d.has_layer) {
        m->spatial = (int8_t)spatial;
        m->temporal = (int8_t)d.temporal;
    }
    m->enters_layer = !d.is_predicted;
    /* The flag is about the picture, and it is the picture's first frame at which one goes up in time. Senders set it where
     * the picture itself refers to lower temporal layers alone; that is more than RFC 9628 asks for. */
    if (d.is_switching_up_point && spatial == 0)
        m->switches = ALL_SPATIAL << d.temporal;
    read_vp9_refs(m, &d);
    set_vp9_ids(m, &d);
    return 0;
}

static int inspect_h264(struct media_info *m, const uint8_t *payload, size_t len)
{
    struct h264_payload h;
    int err = h264_parse(&h, payload, len);

    if (err < 0)
        return err;
    m->is_keyframe = h.is_keyframe;
    m->is_frame_start = m->starts_layer = h.is_frame_start;
    return 0;
}

/* Without a dependency descriptor the layers stay untold: only the first packet of an OBU shows its own, and nothing says where
 * one may switch. */
static int inspect_av1(struct media_info *m, const uint8_t *payload, size_t len)
{
    struct av1_payload a;
    int err = av1_parse(&a, payload, len);

    if (err < 0)
        return err;
    m->is_keyframe = a.is_keyframe;
    m->is_frame_start = m->starts_layer = a.is_frame_start;
    return 0;
}

int payload_inspect(struct packet *p)
{
    const uint8_t *payload = p->data + p->rtp.header_bytes;
    size_t len = p->rtp.payload_bytes;

    p->media = not_told;
    if (len == 0) /* padding only: media of no kind */
        return 0;
    p->media.ends_layer = p->rtp.marker;
    switch ((enum codec_id)p->codec) {
    case CODEC_VP8:
        return inspect_vp8(&p->media, payload, len);
    case CODEC_VP9:
        return inspect_vp9(&p->media, payload, len);
    case CODEC_H264:
        return inspect_h264(&p->media, payload, len);
    case CODEC_AV1:
        return inspect_av1(&p->media, payload, len);
    case CODEC_OPUS:
    case CODEC_PCMU:
    case CODEC_PCMA:
    case CODEC_TELEPHONE_EVENT:
    case CODEC_RED:
        p->media.is_keyframe = true;
        p->media.is_frame_start = true;
        return 0;
    default:
        return 0;
    }
}

/* ---- the dependency descriptor ---- */

static uint32_t layers_of_targets(const struct dd_targets *targets, uint32_t mask)
{
    uint32_t layers = 0;

    for (; mask != 0; mask &= mask - 1) {
        unsigned t = (unsigned)__builtin_ctz(mask);
        layers |= MEDIA_LAYER_BIT(targets->spatial[t], targets->temporal[t]);
    }
    return layers;
}

static void apply_descriptor(struct media_info *m, const struct dependency_descriptor *d,
                             const struct dependency_state *state)
{
    m->spatial = (int8_t)d->frame.spatial;
    m->temporal = (int8_t)d->frame.temporal;
    m->starts_layer = d->is_frame_start;
    m->ends_layer = d->is_frame_end;
    m->is_frame_start = d->is_frame_start && d->frame.spatial == 0;
    m->number = d->frame_number;
    m->number_bits = 16;
    m->enters_layer = false;
    m->refs = d->frame.refs;
    m->has_far_refs = d->frame.has_far_refs;
    m->switches = d->is_frame_start
                      ? layers_of_targets(&state->structure.targets, dd_switch_targets(&d->frame))
                      : 0;
    m->dd.has_structure = d->has_structure;
    m->dd.has_active = d->has_active;
    m->dd.target_count = d->target_count;
    m->dd.active_at = d->active_at;
    m->dd.active = d->active;
}

int payload_inspect_described(struct packet *p, const struct rtp_ext *ext,
                              struct dependency_state *state)
{
    struct dependency_descriptor d;
    struct media_info *m = &p->media;
    int err = payload_inspect(p);

    if (ext == NULL || p->rtp.payload_bytes == 0 ||
        dependency_descriptor_peek(&d, p->data + ext->offset, ext->len) != 0)
        return err;
    bool is_understood =
        dependency_descriptor_parse(&d, state, p->data + ext->offset, ext->len) == 0;
    if (err != 0 && !is_understood)
        return err;
    if (err != 0)
        *m = not_told;
    m->dd.has_frame_number = true;
    m->dd.frame_number = d.frame_number;
    if (is_understood) {
        apply_descriptor(m, &d, state);
        m->is_keyframe |= d.has_structure && m->is_frame_start;
    }
    return 0;
}

static unsigned sizes_of_descriptor(const uint8_t *data, size_t len,
                                    struct media_size out[MEDIA_MAX_SPATIAL])
{
    struct dependency_state state = {0};
    const struct dd_structure *s = &state.structure;
    struct dependency_descriptor d;

    if (dependency_descriptor_parse(&d, &state, data, len) != 0 || !s->has_sizes)
        return 0;
    for (unsigned i = 0; i < s->spatial_count; i++)
        out[i] = (struct media_size){s->width[i], s->height[i]};
    return s->spatial_count;
}

static unsigned sizes_of_payload(const struct packet *p, struct media_size out[MEDIA_MAX_SPATIAL])
{
    const uint8_t *payload = p->data + p->rtp.header_bytes;
    struct vp8_descriptor vp8;
    struct vp9_descriptor vp9;
    unsigned n = 0;

    if (p->codec == CODEC_VP8 && vp8_parse(&vp8, payload, p->rtp.payload_bytes) == 0 &&
        vp8.width != 0)
        out[n++] = (struct media_size){vp8.width, vp8.height};
    if (p->codec == CODEC_VP9 && vp9_parse(&vp9, payload, p->rtp.payload_bytes) == 0 &&
        vp9.has_sizes)
        for (; n < MIN(vp9.spatial_layers, MEDIA_MAX_SPATIAL); n++)
            out[n] = (struct media_size){vp9.width[n], vp9.height[n]};
    return n;
}

unsigned payload_sizes(const struct packet *p, const struct rtp_ext *ext,
                       struct media_size out[MEDIA_MAX_SPATIAL])
{
    unsigned n = 0;

    if (ext != NULL && p->media.dd.has_structure)
        n = sizes_of_descriptor(p->data + ext->offset, ext->len, out);
    return n > 0 ? n : sizes_of_payload(p, out);
}

/* ---- rewriting ---- */

void payload_rewrite(uint8_t *payload, const struct payload_ids *ids, uint16_t picture_id,
                     uint8_t tl0picidx, uint8_t keyidx)
{
    if (ids->picture_id_bits == 15)
        wire_put_u16(payload + ids->picture_id_at,
                     (uint16_t)(PICTURE_ID_IS_LONG << 8 | (picture_id & 0x7FFF)));
    else if (ids->picture_id_bits == 7)
        payload[ids->picture_id_at] = picture_id & 0x7F;
    if (ids->tl0picidx_at != 0)
        payload[ids->tl0picidx_at] = tl0picidx;
    if (ids->keyidx_at != 0)
        payload[ids->keyidx_at] =
            (uint8_t)((payload[ids->keyidx_at] & ~KEYIDX_MASK) | (keyidx & KEYIDX_MASK));
}
