/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the codec, the rest is a payload. */
#include <string.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/payload.h"
#include "core/payload_vp8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rewritten ids are read back, and nothing else has changed. */
static void rewrite_vp8(uint8_t *payload, size_t len)
{
    struct vp8_descriptor before, after;

    if (vp8_parse(&before, payload, len) < 0)
        return;
    CHECK(before.bytes < len);
    vp8_rewrite(payload, &before, 0x5A5A, 0xA5, 0x15);
    CHECK(vp8_parse(&after, payload, len) == 0);
    CHECK(after.bytes == before.bytes && after.is_keyframe == before.is_keyframe);
    CHECK(after.tid == before.tid && after.y == before.y);
    CHECK(!after.has_picture_id || after.picture_id == (after.picture_id_is_15bit ? 0x5A5A : 0x5A));
    CHECK(!after.has_tl0picidx || after.tl0picidx == 0xA5);
    CHECK(!after.has_keyidx || after.keyidx == 0x15);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct packet p;

    if (size < 2 || size > UINT16_MAX)
        return 0;
    size_t len = size - 1;
    uint8_t *payload = mem_alloc(len);
    memcpy(payload, data + 1, len);
    p.data = payload;
    p.codec = data[0] % CODEC_COUNT;
    p.rtp.payload_bytes = (uint16_t)len;
    int err = payload_inspect(&p);
    CHECK(p.media.spatial >= -1 && p.media.spatial <= 7);
    CHECK(p.media.temporal >= -1 && p.media.temporal <= 7);
    CHECK(err == 0 || (!p.media.is_keyframe && !p.media.is_frame_start));
    CHECK(!p.media.is_keyframe || p.media.is_frame_start || p.codec == CODEC_H264 ||
          p.codec == CODEC_AV1);
    if (p.codec == CODEC_VP8)
        rewrite_vp8(payload, len);
    mem_free(payload);
    return 0;
}
