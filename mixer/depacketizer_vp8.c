/* SPDX-License-Identifier: Apache-2.0 */
/* depacketizer_vp8.c - VP8 (RFC 7741 s4.5): the frame is what stands behind the payload descriptors. */
#include "core/payload_vp8.h"
#include "mixer/depacketizer.h"

static int look(const uint8_t *payload, size_t len, struct payload_place *out)
{
    struct vp8_descriptor d;
    int err = vp8_parse(&d, payload, len);

    if (err == 0)
        *out = (struct payload_place){
            .is_first = d.start_of_partition && d.partition == 0,
            .is_keyframe = d.is_keyframe,
        };
    return err;
}

static int add(struct depacketizer_frame *f, const uint8_t *payload, size_t len)
{
    struct vp8_descriptor d;
    int err = vp8_parse(&d, payload, len);

    return err != 0 ? err : depacketizer_frame_add(f, payload + d.bytes, len - d.bytes);
}

const struct depacketizer depacketizer_vp8 = {.look = look, .add = add};
