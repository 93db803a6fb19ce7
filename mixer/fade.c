/* SPDX-License-Identifier: Apache-2.0 */
/* fade.c - see fade.h. */
#include "mixer/fade.h"

#include <math.h>

#include "core/attr.h"
#include "mixer/pcm.h"

static int32_t gain_at(const struct fade *f, uint32_t at)
{
    if (at >= FADE_PAIRS)
        return f->to;
    float way = 0.5f - 0.5f * cosf((float)M_PI * (float)at / FADE_PAIRS);
    return f->from + (int32_t)lrintf((float)(f->to - f->from) * way);
}

void fade_init(struct fade *f, int32_t gain)
{
    *f = (struct fade){.from = gain, .to = gain, .at = FADE_PAIRS};
}

void fade_to(struct fade *f, int32_t gain)
{
    if (f->to == gain)
        return;
    *f = (struct fade){.from = gain_at(f, f->at), .to = gain};
}

bool fade_is_silent(const struct fade *f)
{
    return f->to == 0 && f->at >= FADE_PAIRS;
}

void fade_apply(struct fade *f, int32_t *out, const int16_t *in, size_t pairs)
{
    size_t i = 0;

    for (; i < pairs && f->at < FADE_PAIRS; i++)
        pcm_scale(out + 2 * i, in + 2 * i, PCM_CHANNELS, gain_at(f, ++f->at));
    pcm_scale(out + 2 * i, in + 2 * i, PCM_CHANNELS * (pairs - i), f->to);
}
