/* SPDX-License-Identifier: Apache-2.0 */
/* moving_clip.c - drawing the clip's pictures, and encoding them. */
#include "bench/moving_clip.h"

#include <string.h>

#include "bench/loadgen/time_code.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "mixer/video_encoder.h"

static uint8_t texture(unsigned x, unsigned y, unsigned seed)
{
    unsigned h = (x / 4 * 73856093u) ^ (y / 4 * 19349663u) ^ (seed * 83492791u);

    h = (h ^ h >> 13) * 0x5bd1e995u;
    return (uint8_t)(64 + (x + 2 * y + 37 * seed) % 80 + (h >> 24) % 24);
}

void moving_clip_draw(const struct picture_view *v, unsigned which, unsigned t, struct rng *noise)
{
    int radius = v->height / 4, x0 = v->width / 2, y0 = v->height / 2;

    x0 += (int)(t % 40 < 20 ? t % 20 : 20 - t % 20) * v->width / 160;
    y0 += (int)((t + which * 7) % 30) * v->height / 360;
    for (int y = 0; y < v->height; y++)
        for (int x = 0; x < v->width; x++) {
            int dx = x - x0, dy = y - y0;
            bool in = dx * dx + dy * dy < radius * radius;
            unsigned grain = rng_u32(noise) % 5;

            v->plane[0][y * v->stride[0] + x] =
                (uint8_t)(grain + (in ? 130u + (unsigned)(dx * dy / 64) % 60u
                                      : texture((unsigned)x, (unsigned)y, which)));
            v->plane[1][y / 2 * v->stride[1] + x / 2] = in ? 112 : (uint8_t)(120 + which * 3);
            v->plane[2][y / 2 * v->stride[2] + x / 2] = in ? 150 : (uint8_t)(130 - which * 2);
        }
}

#define NO_CODE TIME_CODES

static int make(struct moving_clip *c, unsigned which, int width, int height, uint32_t bitrate_bps,
                unsigned first_code, struct picture_pool *pool)
{
    const struct video_encoder_config config = {.codec = CODEC_VP8,
                                                .width = width,
                                                .height = height,
                                                .bitrate_bps = bitrate_bps,
                                                .framerate = MOVING_CLIP_FPS};
    struct picture *p = picture_new(pool, width, height);
    struct video_encoder *e = NULL;
    struct rng noise;
    int err = p != NULL ? video_encoder_new(&e, &config) : E_NO_MEMORY;

    rng_seed(&noise, which);
    for (unsigned t = 0; err == 0 && t < MOVING_CLIP_FRAMES; t++) {
        struct video_encoder_input in = {.pts_us = t * US_PER_S / MOVING_CLIP_FPS};
        struct video_encoder_output out = {0};

        moving_clip_draw(&p->view, which, t, &noise);
        if (first_code < NO_CODE)
            time_code_draw(&p->view, first_code + t);
        in.picture = p->view;
        err = video_encoder_encode(e, &in, &out);
        c->frame[t].data = mem_alloc(out.len + 1);
        c->frame[t].len = out.len;
        if (out.len > 0)
            memcpy(c->frame[t].data, out.data, out.len);
    }
    video_encoder_free(&e);
    picture_unref(&p);
    return err;
}

int moving_clip_make(struct moving_clip *c, unsigned which, int width, int height,
                     uint32_t bitrate_bps, struct picture_pool *pool)
{
    return make(c, which, width, height, bitrate_bps, NO_CODE, pool);
}

int moving_clip_make_coded(struct moving_clip *c, unsigned which, int width, int height,
                           uint32_t bitrate_bps, unsigned first_code, struct picture_pool *pool)
{
    return make(c, which, width, height, bitrate_bps, first_code, pool);
}

void moving_clip_fini(struct moving_clip *c)
{
    for (size_t t = 0; t < MOVING_CLIP_FRAMES; t++)
        MEM_FREE(c->frame[t].data);
}
