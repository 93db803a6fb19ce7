/* SPDX-License-Identifier: Apache-2.0 */
/* sound.h - test signals, and measures of what came out. Stereo blocks have both channels alike, where not said otherwise. */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/rng.h"
#include "mixer/pcm.h"

/* A sine of @hz, going on from sample @from. */
static inline void sound_sine(int16_t *pcm, size_t pairs, double hz, double amplitude, size_t from)
{
    for (size_t i = 0; i < pairs; i++)
        pcm[2 * i] = pcm[2 * i + 1] =
            (int16_t)lrint(amplitude * sin(2 * M_PI * hz * (double)(from + i) / PCM_HZ));
}

/* A voice: pulses at @hz through one resonance, louder and softer like syllables. */
struct sound_voice {
    double hz, amplitude, phase, y1, y2;
    size_t at;
};

static inline void sound_speak(struct sound_voice *v, int16_t *pcm, size_t pairs)
{
    double r = exp(-M_PI * 90 / PCM_HZ), c = 2 * r * cos(2 * M_PI * 700 / PCM_HZ);

    for (size_t i = 0; i < pairs; i++, v->at++) {
        v->phase += v->hz / PCM_HZ;
        double pulse = v->phase >= 1 ? 1 : 0;
        v->phase -= pulse;
        double y = pulse + c * v->y1 - r * r * v->y2;
        v->y2 = v->y1;
        v->y1 = y;
        double loud = 0.6 + 0.4 * sin(2 * M_PI * 4 * (double)v->at / PCM_HZ);
        pcm[2 * i] = pcm[2 * i + 1] =
            (int16_t)lrint(fmax(-32767, fmin(32767, v->amplitude * y * loud * 0.25)));
    }
}

static inline void sound_noise(int16_t *pcm, size_t pairs, double amplitude, struct rng *rng)
{
    for (size_t i = 0; i < pairs; i++)
        pcm[2 * i] = pcm[2 * i + 1] = (int16_t)lrint(amplitude * (2 * rng_unit(rng) - 1));
}

static inline double sound_rms(const int16_t *pcm, size_t pairs)
{
    return sqrt((double)pcm_energy(pcm, 2 * pairs) / (double)(2 * pairs));
}

/* The amplitude of the sine of @hz in the left channel; a whole number of its periods should fit in. */
static inline double sound_amplitude(const int16_t *pcm, size_t pairs, double hz)
{
    double re = 0, im = 0;

    for (size_t i = 0; i < pairs; i++) {
        re += pcm[2 * i] * cos(2 * M_PI * hz * (double)i / PCM_HZ);
        im += pcm[2 * i] * sin(2 * M_PI * hz * (double)i / PCM_HZ);
    }
    return 2 * sqrt(re * re + im * im) / (double)pairs;
}

/* The largest change from one pair to the next: a click is one. */
static inline int sound_steepest(const int16_t *pcm, size_t pairs)
{
    int most = 0;

    for (size_t i = 1; i < pairs; i++) {
        int step = abs(pcm[2 * i] - pcm[2 * i - 2]);
        most = step > most ? step : most;
    }
    return most;
}

static inline double sound_db(double ratio)
{
    return 20 * log10(ratio);
}
