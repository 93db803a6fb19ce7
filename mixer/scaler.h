/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scaler.h - a picture into a rectangle of another size: cropped or letterboxed, turned upright, scaled by libyuv.
 *
 * Down by two or more: each sample is the mean of those it stands for; else bilinear. Thread: that of the pictures.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "mixer/picture.h"

enum scaler_fit {
    SCALER_CROP,      /* fills the rectangle; what does not fit is cut off on both sides */
    SCALER_LETTERBOX, /* all of it is seen; bars on both sides */
};

/* What of the source goes where. All coordinates are even. */
struct scaler_plan {
    struct {
        int x, y, width, height;
    } from, /* of the source as it came, before it is turned */
        to; /* of the rectangle */
};

/** Plan for a source of a size and rotation in a rectangle of even sides. Pure. */
struct scaler_plan scaler_fit(int source_width, int source_height, uint16_t rotation, int width,
                              int height, enum scaler_fit fit);

/** Scale all of @from to all of @to. */
void scaler_scale(const struct picture_view *to, const struct picture_view *from);

/**
 * Draw @from into @to by the plan, with bars of colour @bars.
 *
 * @pool: for what is scaled before it is turned.
 * Errors: E_NO_MEMORY: the pool has no room; @to has the colour of the bars all over.
 */
MUST_CHECK int scaler_draw(const struct picture_view *to, const struct picture_view *from,
                           uint16_t rotation, enum scaler_fit fit, struct picture_colour bars,
                           struct picture_pool *pool);
