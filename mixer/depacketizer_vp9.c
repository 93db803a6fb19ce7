/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depacketizer_vp9.c - VP9 (RFC 9628): what stands behind the payload descriptors.
 *
 * The frames of the spatial layers of one picture follow each other; decoders take them one by one and show the last.
 */
#include "core/payload_vp9.h"
#include "mixer/depacketizer.h"

static int look(const uint8_t *payload, size_t len, struct payload_place *out)
{
    struct vp9_descriptor d;
    int err = vp9_parse(&d, payload, len);

    if (err == 0)
        *out = (struct payload_place){
            .is_first = d.is_frame_start && d.spatial == 0,
            .is_keyframe = d.is_keyframe,
        };
    return err;
}

static int add(struct depacketizer_frame *f, const uint8_t *payload, size_t len)
{
    struct vp9_descriptor d;
    int err = vp9_parse(&d, payload, len);

    return err != 0 ? err : depacketizer_frame_add(f, payload + d.bytes, len - d.bytes);
}

const struct depacketizer depacketizer_vp9 = {.look = look, .add = add};
