/* SPDX-License-Identifier: Apache-2.0 */
/* overlay.c - ARGB to planes of colour and alpha, and their blending by libyuv. */
#include "mixer/overlay.h"

#include <libyuv.h>
#include <string.h>

#include "core/check.h"
#include "core/mem.h"

#define ALIGNMENT 16

struct rgb {
    int r, g, b, a; /* not multiplied by a */
};

/* --- making ------------------------------------------------------------------------------------------ */

/* BT.601, limited range, in 1/65536: 0.257 R + 0.504 G + 0.098 B + 16 and so on, to the nearest. */
static uint8_t luma(struct rgb c)
{
    return (uint8_t)((16829 * c.r + 33039 * c.g + 6416 * c.b + (16 << 16) + 32768) >> 16);
}

static uint8_t blue_difference(struct rgb c)
{
    return (uint8_t)((-9714 * c.r - 19071 * c.g + 28784 * c.b + (128 << 16) + 32768) >> 16);
}

static uint8_t red_difference(struct rgb c)
{
    return (uint8_t)((28784 * c.r - 24103 * c.g - 4681 * c.b + (128 << 16) + 32768) >> 16);
}

struct picture_colour overlay_colour(uint32_t rgb)
{
    struct rgb c = {(int)(rgb >> 16 & 0xFF), (int)(rgb >> 8 & 0xFF), (int)(rgb & 0xFF), 255};

    return (struct picture_colour){luma(c), blue_difference(c), red_difference(c)};
}

/* Sums of premultiplied colours and of their alphas give the colour that is seen. */
static struct rgb divide(int r, int g, int b, int a, int samples)
{
    if (a == 0)
        return (struct rgb){0, 0, 0, 0};
    return (struct rgb){MIN(255, (r * 255 + a / 2) / a), MIN(255, (g * 255 + a / 2) / a),
                        MIN(255, (b * 255 + a / 2) / a), (a + samples / 2) / samples};
}

static struct rgb sample_at(const uint8_t *argb, int stride, int x, int y, int side)
{
    int r = 0, g = 0, b = 0, a = 0;

    for (int j = y; j < y + side; j++)
        for (int i = x; i < x + side; i++) {
            uint32_t c;

            memcpy(&c, argb + (ptrdiff_t)j * stride + (ptrdiff_t)i * 4, sizeof(c));
            a += (int)(c >> 24);
            r += (int)(c >> 16 & 0xFF);
            g += (int)(c >> 8 & 0xFF);
            b += (int)(c & 0xFF);
        }
    return divide(r, g, b, a, side * side);
}

static void fill(struct overlay *o, const uint8_t *argb, int stride)
{
    for (int y = 0; y < o->height; y++)
        for (int x = 0; x < o->width; x++) {
            struct rgb c = sample_at(argb, stride, x, y, 1);

            o->y[y * o->stride + x] = luma(c);
            o->alpha[y * o->stride + x] = (uint8_t)c.a;
        }
    for (int y = 0; y < o->height / 2; y++)
        for (int x = 0; x < o->width / 2; x++) {
            struct rgb c = sample_at(argb, stride, 2 * x, 2 * y, 2);
            int at = y * o->chroma_stride + x;

            o->u[at] = blue_difference(c);
            o->v[at] = red_difference(c);
            o->chroma_alpha[at] = (uint8_t)c.a;
        }
}

static int aligned(int side)
{
    return (side + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t luma_bytes(const struct overlay *o)
{
    return (size_t)o->stride * (size_t)o->height;
}

static size_t chroma_bytes(const struct overlay *o)
{
    return (size_t)o->chroma_stride * (size_t)o->height / 2;
}

size_t overlay_bytes(const struct overlay *o)
{
    return sizeof(*o) + 2 * luma_bytes(o) + 3 * chroma_bytes(o);
}

struct overlay *overlay_new(const uint8_t *argb, int stride, int width, int height)
{
    struct overlay o = {.width = width, .height = height};
    struct overlay *made;
    uint8_t *at;

    if (!picture_size_is_allowed(width, height) || width % 2 != 0 || height % 2 != 0)
        return NULL;
    o.stride = aligned(width);
    o.chroma_stride = aligned(width / 2);
    made = mem_try_alloc_aligned(overlay_bytes(&o));
    if (made == NULL)
        return NULL;
    at = (uint8_t *)(made + 1);
    o.y = at;
    o.alpha = o.y + luma_bytes(&o);
    o.u = o.alpha + luma_bytes(&o);
    o.v = o.u + chroma_bytes(&o);
    o.chroma_alpha = o.v + chroma_bytes(&o);
    *made = o;
    fill(made, argb, stride);
    return made;
}

void overlay_free(struct overlay **o)
{
    MEM_FREE(*o);
}

/* --- blending ---------------------------------------------------------------------------------------- */

void overlay_blend(const struct picture_view *to, const struct overlay *o, int x, int y)
{
    int left = MAX(0, -x), top = MAX(0, -y);
    int width = MIN(o->width, to->width - x) - left, height = MIN(o->height, to->height - y) - top;
    struct picture_view v;
    ptrdiff_t at = (ptrdiff_t)top * o->stride + left;
    ptrdiff_t chroma_at = (ptrdiff_t)(top / 2) * o->chroma_stride + left / 2;
    const uint8_t *chroma[] = {o->u, o->v};

    CHECK(x % 2 == 0 && y % 2 == 0);
    if (width <= 0 || height <= 0)
        return;
    v = picture_crop(to, x + left, y + top, width, height);
    CHECK(BlendPlane(o->y + at, o->stride, v.plane[0], v.stride[0], o->alpha + at, o->stride,
                     v.plane[0], v.stride[0], width, height) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(BlendPlane(chroma[i] + chroma_at, o->chroma_stride, v.plane[1 + i], v.stride[1 + i],
                         o->chroma_alpha + chroma_at, o->chroma_stride, v.plane[1 + i],
                         v.stride[1 + i], picture_chroma(width), picture_chroma(height)) == 0);
}
