/* SPDX-License-Identifier: Apache-2.0 */
/* mix_media.c - see mix_media.h. */
#include "bench/mix_media.h"

#include <string.h>

#include "bench/loadgen/clip.h"
#include "bench/moving_clip.h"
#include "bench/voice.h"
#include "core/attr.h"
#include "core/check.h"
#include "core/mem.h"

#define POOL_BYTES ((size_t)64 * 1024 * 1024)
#define IVF_HEADER_BYTES 32u
#define IVF_FRAME_HEADER_BYTES 12u

static const struct {
    int width, height;
    uint32_t bitrate_bps;
} encodings[OFFER_ENCODINGS] = {{320, 180, 150000}, {640, 360, 500000}, {1280, 720, 1500000}};

static void put_le(uint8_t *p, size_t n, uint32_t v)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* As an IVF file (clip.c). Frames that the encoder left out are not in it; @code tells which the others are. */
static int to_clip(struct clip **out, const struct moving_clip *m, size_t encoding, uint8_t *code)
{
    size_t size = IVF_HEADER_BYTES, at = IVF_HEADER_BYTES, n = 0;

    for (size_t t = 0; t < MOVING_CLIP_FRAMES; t++)
        size += m->frame[t].len > 0 ? IVF_FRAME_HEADER_BYTES + m->frame[t].len : 0;
    uint8_t *bytes = mem_alloc(size);
    memcpy(bytes, "DKIF\0\0\x20\0VP80", 12);
    put_le(bytes + 12, 2, (uint32_t)encodings[encoding].width);
    put_le(bytes + 14, 2, (uint32_t)encodings[encoding].height);
    put_le(bytes + 16, 4, MOVING_CLIP_FPS);
    put_le(bytes + 20, 4, 1);
    for (size_t t = 0; t < MOVING_CLIP_FRAMES; t++) {
        if (m->frame[t].len == 0)
            continue;
        code[n++] = (uint8_t)(encoding * MIX_MEDIA_CODES_AN_ENCODING + t);
        put_le(bytes + at, 4, (uint32_t)m->frame[t].len);
        memcpy(bytes + at + IVF_FRAME_HEADER_BYTES, m->frame[t].data, m->frame[t].len);
        at += IVF_FRAME_HEADER_BYTES + m->frame[t].len;
    }
    int err = clip_parse(out, bytes, size);
    if (err != 0)
        mem_free(bytes);
    return err;
}

static int make_clip(struct mix_media *m, unsigned which, size_t e, struct picture_pool *pool)
{
    struct moving_clip made = {{{NULL, 0}}};
    uint8_t unused[MOVING_CLIP_FRAMES];
    unsigned first_code = (unsigned)e * MIX_MEDIA_CODES_AN_ENCODING;
    int err;

    _Static_assert(MOVING_CLIP_FRAMES <= MIX_MEDIA_CODES_AN_ENCODING, "each frame has a code");
    if (which == 0)
        err = moving_clip_make_coded(&made, which, encodings[e].width, encodings[e].height,
                                     encodings[e].bitrate_bps, first_code, pool);
    else
        err = moving_clip_make(&made, which, encodings[e].width, encodings[e].height,
                               encodings[e].bitrate_bps, pool);
    if (err == 0)
        err = to_clip(&m->clip[which][e], &made, e, which == 0 ? m->code[e] : unused);
    moving_clip_fini(&made);
    return err;
}

static int make_sound(struct mix_media *m)
{
    int err = voice_record_bursts(&m->bursts);

    if (err == 0)
        err = voice_record_room(&m->room);
    for (unsigned i = 0; err == 0 && i < MIX_MEDIA_TALKERS; i++)
        err = voice_record(&m->talker[i], i + 1);
    return err;
}

int mix_media_new(struct mix_media **out)
{
    struct mix_media *m = MEM_NEW(struct mix_media);
    struct picture_pool *pool = picture_pool_new(POOL_BYTES);
    int err = make_sound(m);

    for (unsigned which = 0; err == 0 && which < MIX_MEDIA_CLIPS; which++)
        for (size_t e = 0; err == 0 && e < OFFER_ENCODINGS; e++)
            err = make_clip(m, which, e, pool);
    picture_pool_free(&pool);
    if (err != 0) {
        mix_media_free(&m);
        return err;
    }
    *out = m;
    return 0;
}

void mix_media_free(struct mix_media **mp)
{
    struct mix_media *m = *mp;

    if (m == NULL)
        return;
    *mp = NULL;
    for (size_t i = 0; i < MIX_MEDIA_CLIPS; i++)
        for (size_t e = 0; e < OFFER_ENCODINGS; e++)
            clip_free(&m->clip[i][e]);
    mem_free(m);
}

void mix_media_write(const struct mix_media *m, unsigned member, unsigned talkers,
                     struct publisher_config *out)
{
    unsigned which = member == 0 ? 0 : 1 + (member - 1) % (MIX_MEDIA_CLIPS - 1);

    CHECK(talkers <= MIX_MEDIA_TALKERS);
    for (size_t e = 0; e < OFFER_ENCODINGS; e++)
        out->clip[e] = m->clip[which][e];
    out->is_simulcast = true;
    out->has_audio = true;
    out->sound = member == 0 ? &m->bursts : member <= talkers ? &m->talker[member - 1] : &m->room;
}

unsigned mix_media_code(const struct mix_media *m, size_t encoding, size_t frame)
{
    return m->code[encoding][frame];
}
