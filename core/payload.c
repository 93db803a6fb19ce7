/* SPDX-License-Identifier: Apache-2.0 */
/* payload.c - from a codec's own descriptor to the four facts that a forwarder acts on. */
#include "core/payload.h"

#include "core/err.h"
#include "core/payload_av1.h"
#include "core/payload_h264.h"
#include "core/payload_vp8.h"
#include "core/payload_vp9.h"

static const struct media_info not_told = {.spatial = -1, .temporal = -1};

static int inspect_vp8(struct media_info *m, const uint8_t *payload, size_t len)
{
    struct vp8_descriptor d;
    int err = vp8_parse(&d, payload, len);

    if (err < 0)
        return err;
    m->is_keyframe = d.is_keyframe;
    m->is_frame_start = d.start_of_partition && d.partition == 0;
    if (d.has_tid)
        m->temporal = (int8_t)d.tid;
    return 0;
}

static int inspect_vp9(struct media_info *m, const uint8_t *payload, size_t len)
{
    struct vp9_descriptor d;
    int err = vp9_parse(&d, payload, len);

    if (err < 0)
        return err;
    m->is_keyframe = d.is_keyframe;
    m->is_frame_start =
        d.is_frame_start && d.spatial == 0; /* a picture is the frames of all spatial layers */
    if (d.has_layer) {
        m->spatial = (int8_t)d.spatial;
        m->temporal = (int8_t)d.temporal;
    }
    return 0;
}

static int inspect_h264(struct media_info *m, const uint8_t *payload, size_t len)
{
    struct h264_payload h;
    int err = h264_parse(&h, payload, len);

    if (err < 0)
        return err;
    m->is_keyframe = h.is_keyframe;
    m->is_frame_start = h.is_frame_start;
    return 0;
}

static int inspect_av1(struct media_info *m, const uint8_t *payload, size_t len)
{
    struct av1_payload a;
    int err = av1_parse(&a, payload, len);

    if (err < 0)
        return err;
    m->is_keyframe = a.is_keyframe;
    m->is_frame_start = a.is_frame_start;
    if (a.has_layer) {
        m->spatial = (int8_t)a.spatial;
        m->temporal = (int8_t)a.temporal;
    }
    return 0;
}

int payload_inspect(struct packet *p)
{
    const uint8_t *payload = p->data + p->rtp.header_bytes;
    size_t len = p->rtp.payload_bytes;

    p->media = not_told;
    if (len == 0) /* padding only: media of no kind */
        return 0;
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
