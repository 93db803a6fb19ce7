/* SPDX-License-Identifier: Apache-2.0 */
/* pcm.c - see pcm.h. */
#include "mixer/pcm.h"

#include <math.h>

#include "core/attr.h"

#define GAIN_BITS 13

int32_t pcm_gain_of_db(double db)
{
    return (int32_t)MIN(lrint(PCM_GAIN_ONE * pow(10, MIN(db, 12.0412) / 20)), (long)PCM_GAIN_MAX);
}

void pcm_scale(int32_t *restrict out, const int16_t *restrict in, size_t samples, int32_t gain)
{
    for (size_t i = 0; i < samples; i++)
        out[i] = (in[i] * gain + (1 << (GAIN_BITS - 1))) >> GAIN_BITS;
}

void pcm_add(int32_t *restrict sum, const int32_t *restrict in, size_t samples)
{
    for (size_t i = 0; i < samples; i++)
        sum[i] += in[i];
}

void pcm_subtract(int32_t *restrict out, const int32_t *restrict sum, const int32_t *restrict part,
                  size_t samples)
{
    for (size_t i = 0; i < samples; i++)
        out[i] = sum[i] - part[i];
}

int32_t pcm_peak(const int32_t *in, size_t samples)
{
    int32_t peak = 0;

    for (size_t i = 0; i < samples; i++) {
        int32_t magnitude = in[i] < 0 ? -in[i] : in[i];
        peak = magnitude > peak ? magnitude : peak;
    }
    return peak;
}

uint64_t pcm_energy(const int16_t *in, size_t samples)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < samples; i++)
        sum += (uint32_t)(in[i] * in[i]);
    return sum;
}

void pcm_spread(int16_t *restrict out, const int16_t *restrict mono, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++)
        out[2 * i] = out[2 * i + 1] = mono[i];
}
