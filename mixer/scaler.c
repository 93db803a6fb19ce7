/* SPDX-License-Identifier: Apache-2.0 */
/* scaler.c - the geometry of fitting, and the calls into libyuv. */
#include "mixer/scaler.h"

#include <libyuv.h>

#include "core/check.h"
#include "core/err.h"
#include "mixer/bilinear.h"

#define CUT_PART 32 /* of a side, which nobody misses */

/* --- geometry ---------------------------------------------------------------------------------------- */

static int even(int64_t v)
{
    return (int)(v & ~1LL);
}

/* The largest part of @width x @height with the shape of @of_width x @of_height, in the middle of it. Sides within a sample or two
 * of the whole are the whole. */
static void inscribe(int width, int height, int64_t of_width, int64_t of_height, int *x, int *y,
                     int *w, int *h)
{
    int64_t fitted_height = (width * of_height + of_width / 2) / of_width;
    int64_t fitted_width = (height * of_width + of_height / 2) / of_height;

    *w = width;
    *h = height;
    if (fitted_height < height - 1)
        *h = MAX(even(fitted_height + 1), 2);
    else if (fitted_width < width - 1)
        *w = MAX(even(fitted_width + 1), 2);
    *x = even((width - *w) / 2);
    *y = even((height - *h) / 2);
}

static bool is_lying(uint16_t rotation)
{
    return rotation == 90 || rotation == 270;
}

/* Then it is better cut off than scaled: sharper, and a copy. */
static bool is_hardly_larger(int source, int side)
{
    return source >= side && source - side <= source / CUT_PART;
}

struct scaler_plan scaler_fit(int source_width, int source_height, uint16_t rotation, int width,
                              int height, enum scaler_fit fit)
{
    struct scaler_plan p = {.from = {0, 0, source_width, source_height},
                            .to = {0, 0, width, height}};
    bool lying = is_lying(rotation);
    int upright_width = lying ? source_height : source_width;
    int upright_height = lying ? source_width : source_height;

    CHECK(source_width > 0 && source_height > 0 && width > 0 && height > 0);
    if (fit == SCALER_CROP && is_hardly_larger(upright_width, width) &&
        is_hardly_larger(upright_height, height)) {
        p.from.width = lying ? height : width;
        p.from.height = lying ? width : height;
        p.from.x = even((source_width - p.from.width) / 2);
        p.from.y = even((source_height - p.from.height) / 2);
    } else if (fit == SCALER_CROP)
        inscribe(source_width, source_height, lying ? height : width, lying ? width : height,
                 &p.from.x, &p.from.y, &p.from.width, &p.from.height);
    else
        inscribe(width, height, lying ? source_height : source_width,
                 lying ? source_width : source_height, &p.to.x, &p.to.y, &p.to.width, &p.to.height);
    return p;
}

/* --- samples ----------------------------------------------------------------------------------------- */

/* libyuv has code of its own for three quarters. */
static bool is_three_quarters(const struct picture_view *to, const struct picture_view *from)
{
    return 4 * to->width == 3 * from->width && 4 * to->height == 3 * from->height;
}

static bool scale_bilinear(const struct picture_view *to, const struct picture_view *from)
{
    for (int i = 0; i < PICTURE_PLANES; i++) {
        bool is_luma = i == 0;

        if (!bilinear_scale(to->plane[i], to->stride[i],
                            is_luma ? to->width : picture_chroma(to->width),
                            is_luma ? to->height : picture_chroma(to->height), from->plane[i],
                            from->stride[i], is_luma ? from->width : picture_chroma(from->width),
                            is_luma ? from->height : picture_chroma(from->height)))
            return false;
    }
    return true;
}

void scaler_scale(const struct picture_view *to, const struct picture_view *from)
{
    bool shrinks = from->width >= 2 * to->width || from->height >= 2 * to->height;

    if (to->width == from->width && to->height == from->height) {
        picture_copy(to, from);
        return;
    }
    if (!shrinks && !is_three_quarters(to, from) && scale_bilinear(to, from))
        return;
    CHECK(I420Scale(from->plane[0], from->stride[0], from->plane[1], from->stride[1],
                    from->plane[2], from->stride[2], from->width, from->height, to->plane[0],
                    to->stride[0], to->plane[1], to->stride[1], to->plane[2], to->stride[2],
                    to->width, to->height, shrinks ? kFilterBox : kFilterBilinear) == 0);
}

/* Turned after it was scaled, when it is smaller. */
static int scale_and_turn(const struct picture_view *to, const struct picture_view *from,
                          uint16_t rotation, struct picture_pool *pool)
{
    bool lying = is_lying(rotation);
    struct picture *p =
        picture_new(pool, lying ? to->height : to->width, lying ? to->width : to->height);
    const struct picture_view *v;

    if (p == NULL)
        return E_NO_MEMORY;
    v = &p->view;
    scaler_scale(v, from);
    CHECK(I420Rotate(v->plane[0], v->stride[0], v->plane[1], v->stride[1], v->plane[2],
                     v->stride[2], to->plane[0], to->stride[0], to->plane[1], to->stride[1],
                     to->plane[2], to->stride[2], v->width, v->height,
                     (enum RotationMode)rotation) == 0);
    picture_unref(&p);
    return 0;
}

static void fill_bars(const struct picture_view *to, const struct scaler_plan *p,
                      struct picture_colour colour)
{
    int right = p->to.x + p->to.width, below = p->to.y + p->to.height;
    const struct {
        int x, y, width, height;
    } bars[] = {
        {0, 0, to->width, p->to.y},
        {0, below, to->width, to->height - below},
        {0, p->to.y, p->to.x, p->to.height},
        {right, p->to.y, to->width - right, p->to.height},
    };

    for (size_t i = 0; i < ARRAY_LEN(bars); i++) {
        struct picture_view bar;

        if (bars[i].width <= 0 || bars[i].height <= 0)
            continue;
        bar = picture_crop(to, bars[i].x, bars[i].y, bars[i].width, bars[i].height);
        picture_fill(&bar, colour);
    }
}

int scaler_draw(const struct picture_view *to, const struct picture_view *from, uint16_t rotation,
                enum scaler_fit fit, struct picture_colour bars, struct picture_pool *pool)
{
    struct scaler_plan p =
        scaler_fit(from->width, from->height, rotation, to->width, to->height, fit);
    struct picture_view part = picture_crop(from, p.from.x, p.from.y, p.from.width, p.from.height);
    struct picture_view place = picture_crop(to, p.to.x, p.to.y, p.to.width, p.to.height);
    int err = 0;

    fill_bars(to, &p, bars);
    if (rotation == 0)
        scaler_scale(&place, &part);
    else
        err = scale_and_turn(&place, &part, rotation, pool);
    if (err != 0)
        picture_fill(&place, bars);
    return err;
}
