/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_code.h - a number drawn into a picture so that it survives encoding, scaling and encoding again: two rows of eight blocks in the
 * middle, the lower row the upper one's inverse. Pure.
 */
#pragma once

#include <stdbool.h>

#include "core/attr.h"
#include "mixer/picture.h"

#define TIME_CODES 256

/** Draw @code, below TIME_CODES. A block is a sixteenth of the width wide. */
void time_code_draw(const struct picture_view *v, unsigned code);
/** Read what was drawn into the picture of which @v is a copy of any size; false when that shows none. */
MUST_CHECK bool time_code_read(const struct picture_view *v, unsigned *code);
