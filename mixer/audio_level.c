/* SPDX-License-Identifier: Apache-2.0 */
/* audio_level.c - see audio_level.h. */
#include "mixer/audio_level.h"

#include <math.h>

#include "core/limits.h"
#include "mixer/pcm.h"

static uint8_t level_of_energy(uint64_t energy, size_t samples)
{
    if (energy == 0 || samples == 0)
        return AUDIO_LEVEL_SILENCE;
    float mean = (float)energy / (float)samples;
    long level = lrintf(-10.0f * log10f(mean / (32768.0f * 32768.0f)));
    return (uint8_t)MAX(0, MIN(AUDIO_LEVEL_SILENCE, level));
}

uint8_t audio_level_of(const int16_t *pcm, size_t pairs)
{
    uint64_t left = 0, right = 0;

    for (size_t i = 0; i < pairs; i++) {
        left += (uint32_t)(pcm[2 * i] * pcm[2 * i]);
        right += (uint32_t)(pcm[2 * i + 1] * pcm[2 * i + 1]);
    }
    return level_of_energy(MAX(left, right), pairs);
}

size_t audio_level_write_csrc(uint8_t *out, size_t size, const uint8_t *levels, size_t n)
{
    size_t bytes = MIN(MIN(n, (size_t)MAX_CSRCS), size);

    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)MIN(levels[i], AUDIO_LEVEL_SILENCE);
    return bytes;
}
