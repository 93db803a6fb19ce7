/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lowest four bits of the first byte choose the codec, the highest one puts a dependency descriptor in front: a byte with its
 * length, and the descriptor. The rest is a payload.
 */
#include <string.h>

#include "core/attr.h"
#include "core/check.h"
#include "core/mem.h"
#include "core/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rewritten ids are read back, and nothing else has changed. */
static void rewrite_ids(struct packet *p, uint8_t *payload, const struct rtp_ext *ext)
{
    static struct dependency_state state;
    struct media_info before = p->media;
    struct payload_ids *ids = &p->media.ids;

    CHECK(ids->bytes <= p->rtp.payload_bytes);
    CHECK(ids->picture_id_bits == 0 || ids->picture_id_at + ids->picture_id_bits / 8 < ids->bytes);
    CHECK(ids->tl0picidx_at == 0 || ids->tl0picidx_at < ids->bytes);
    CHECK(ids->keyidx_at == 0 || ids->keyidx_at < ids->bytes);
    payload_rewrite(payload, ids, 0x5A5A, 0xA5, 0x15);
    memset(&state, 0, sizeof(state));
    CHECK(payload_inspect_described(p, ext, &state) == 0);
    CHECK(ids->picture_id_bits != 15 || ids->picture_id == 0x5A5A);
    CHECK(ids->picture_id_bits != 7 || ids->picture_id == 0x5A);
    CHECK(ids->tl0picidx_at == 0 || ids->tl0picidx == 0xA5);
    CHECK(ids->keyidx_at == 0 || ids->keyidx == 0x15);
    CHECK(p->media.is_keyframe == before.is_keyframe && p->media.temporal == before.temporal);
    CHECK(p->media.refs == before.refs && p->media.switches == before.switches);
}

static void check_values(const struct packet *p, int err)
{
    const struct media_info *m = &p->media;

    CHECK(m->spatial >= -1 && m->spatial < MEDIA_MAX_SPATIAL);
    CHECK(m->temporal >= -1 && m->temporal < MEDIA_MAX_TEMPORAL);
    CHECK(err == 0 || (!m->is_keyframe && !m->is_frame_start && m->ids.bytes == 0));
    CHECK(err == 0 || (!m->dd.has_frame_number && m->number_bits == 0));
    CHECK(!m->is_keyframe || m->is_frame_start || p->codec == CODEC_H264 || p->codec == CODEC_AV1 ||
          m->dd.has_frame_number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct packet p;
    static struct dependency_state state;
    struct media_size sizes[MEDIA_MAX_SPATIAL];
    struct rtp_ext ext = {.id = 1};

    if (size < 2 || size > UINT16_MAX)
        return 0;
    size_t len = size - 1;
    uint8_t *bytes = mem_alloc(len);
    memcpy(bytes, data + 1, len);
    if (data[0] & 0x80) {
        ext.len = (uint8_t)MIN(bytes[0], len - 1);
        ext.offset = 1;
    }
    memset(&state, 0, sizeof(state));
    p.data = bytes;
    p.codec = (data[0] & 0x0F) % CODEC_COUNT;
    p.rtp.header_bytes = (uint16_t)(ext.offset + ext.len);
    p.rtp.payload_bytes = (uint16_t)(len - p.rtp.header_bytes);
    int err = payload_inspect_described(&p, ext.offset != 0 ? &ext : NULL, &state);
    check_values(&p, err);
    CHECK(payload_sizes(&p, ext.offset != 0 ? &ext : NULL, sizes) <= MEDIA_MAX_SPATIAL);
    if (err == 0)
        rewrite_ids(&p, bytes + p.rtp.header_bytes, ext.offset != 0 ? &ext : NULL);
    mem_free(bytes);
    return 0;
}
