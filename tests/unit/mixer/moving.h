/* SPDX-License-Identifier: Apache-2.0 */
/* moving.h - synthetic moving pictures, and how alike two pictures are. */
#pragma once

#include <math.h>

#include "mixer/picture.h"

/* The picture of time @t: a gradient that pans, and a square that moves over it. */
static inline void draw_moving(const struct picture_view *v, int t)
{
    int side = v->height / 3, at = (t * 4) % (v->width - side + 1);

    for (int y = 0; y < v->height; y++)
        for (int x = 0; x < v->width; x++) {
            bool in = x >= at && x < at + side && y >= side && y < 2 * side;
            v->plane[0][y * v->stride[0] + x] =
                (uint8_t)(in ? 200 + ((x - at) ^ y) % 30 : 40 + (x + y / 2 + t) % 128);
        }
    for (int i = 1; i < PICTURE_PLANES; i++)
        for (int y = 0; y < picture_chroma(v->height); y++)
            for (int x = 0; x < picture_chroma(v->width); x++)
                v->plane[i][y * v->stride[i] + x] = (uint8_t)(96 + i * 16 + (x + t / 2) % 32);
}

/* Decibels of luma. */
static inline double psnr_of(const struct picture_view *a, const struct picture_view *b)
{
    double sum = 0;

    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            int d = a->plane[0][y * a->stride[0] + x] - b->plane[0][y * b->stride[0] + x];
            sum += d * d;
        }
    sum /= a->width * a->height;
    return sum > 0 ? 10 * log10(255 * 255 / sum) : 100;
}
