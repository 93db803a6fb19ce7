/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bilinear.h - bilinear scaling of one plane, to any size down to half.
 *
 * libyuv does the same, but on x86 its horizontal part works on two samples at a time, which is most of what composing costs (128 us for
 * 640x360 to 424x236; 30 us this way). Here it works on eight: their neighbours are always within sixteen bytes, so that one
 * shuffle finds them. Elsewhere libyuv is fast enough and this is not there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"

/**
 * Scale, sample centres over sample centres.
 *
 * Returns false, with nothing written, when this CPU cannot, or the sizes are not for it: down by more than two, or narrower than
 * sixteen samples.
 */
MUST_CHECK bool bilinear_scale(uint8_t *to, int to_stride, int to_width, int to_height,
                               const uint8_t *from, int from_stride, int from_width,
                               int from_height);
