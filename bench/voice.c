/* SPDX-License-Identifier: Apache-2.0 */
/* voice.c - see voice.h. */
#include "bench/voice.h"

#include <math.h>

#include "core/err.h"
#include "core/rng.h"
#include "mixer/audio_level.h"
#include "mixer/coder_opus.h"
#include "mixer/pcm.h"

#define BURST_HZ 5000.0 /* above what voices have */
#define BURST_AMPLITUDE 9000.0
#define BURST_HEARD 2500.0 /* the limiter and the fade take some of it */
#define PART_PAIRS 240     /* 5 ms: as exact as it is heard */
#define QUIET_PARTS 40     /* of silence before the next one: the tone may waver */

/* Formants through which pulses or noise go, changing some times a second. */
struct voice {
    struct rng rng;
    double hz, phase, loud, formant[3], y1[3], y2[3];
    unsigned left;
    enum { VOICE_PAUSE, VOICE_NOISE, VOICE_VOWEL } sound;
};

static void next_sound(struct voice *v)
{
    uint32_t dice = rng_below(&v->rng, 10);

    v->left = 2400 + rng_below(&v->rng, 9600); /* 50 to 250 ms */
    v->sound = dice < 1 ? VOICE_PAUSE : dice < 3 ? VOICE_NOISE : VOICE_VOWEL;
    v->formant[0] = 300 + 500 * rng_unit(&v->rng);
    v->formant[1] = 900 + 1400 * rng_unit(&v->rng);
    v->formant[2] = 2300 + 900 * rng_unit(&v->rng);
}

static double excitation(struct voice *v)
{
    double noise = 2 * rng_unit(&v->rng) - 1;

    v->phase += v->hz / PCM_HZ;
    bool is_pulse = v->phase >= 1;
    v->phase -= is_pulse;
    return v->sound == VOICE_NOISE ? noise : (is_pulse ? 20 : 0) + 0.1 * noise;
}

static int16_t speak(struct voice *v)
{
    double sum = 0, in = excitation(v);

    if (v->left-- == 0)
        next_sound(v);
    v->loud += ((v->sound == VOICE_PAUSE ? 0 : 1) - v->loud) * 0.002;
    for (size_t k = 0; k < 3; k++) {
        double r = exp(-M_PI * (60 + 40 * (double)k) / PCM_HZ);
        double y = in * (1 - r) * 2 + 2 * r * cos(2 * M_PI * v->formant[k] / PCM_HZ) * v->y1[k] -
                   r * r * v->y2[k];
        v->y2[k] = v->y1[k];
        v->y1[k] = y;
        sum += y / (double)(k + 1);
    }
    return (int16_t)fmax(-32767, fmin(32767, sum * v->loud * 5000));
}

/* Encode what @draw draws. The loop is encoded twice and kept the second time: its end goes over into its beginning. */
static int record(struct sound_loop *out, void (*draw)(int16_t *pcm, size_t tick, void *arg),
                  void *arg)
{
    struct coder_opus_settings as_browser = {
        .bitrate_bps = 32000, .complexity = 9, .loss_percent = 10, .is_mono = true};
    struct coder_opus_encoder *e = coder_opus_encoder_new(&as_browser);
    int16_t pcm[PCM_TICK_SAMPLES];

    if (e == NULL)
        return E_NO_MEMORY;
    for (size_t i = 0; i < 2 * SOUND_LOOP_TICKS; i++) {
        size_t t = i % SOUND_LOOP_TICKS;
        draw(pcm, t, arg);
        out->level[t] = audio_level_of(pcm, PCM_TICK_PAIRS);
        out->len[t] = (uint16_t)coder_opus_encode(e, pcm, out->payload[t], sizeof(out->payload[t]));
    }
    coder_opus_encoder_free(&e);
    return 0;
}

static void draw_voice(int16_t *pcm, size_t tick, void *arg)
{
    (void)tick;
    for (size_t i = 0; i < PCM_TICK_PAIRS; i++)
        pcm[2 * i] = pcm[2 * i + 1] = speak(arg);
}

int voice_record(struct sound_loop *out, unsigned who)
{
    struct voice v = {.hz = 90 + 15 * (double)who};

    rng_seed(&v.rng, who);
    return record(out, draw_voice, &v);
}

static void draw_room(int16_t *pcm, size_t tick, void *arg)
{
    (void)tick;
    for (size_t i = 0; i < PCM_TICK_PAIRS; i++)
        pcm[2 * i] = pcm[2 * i + 1] = (int16_t)((int)rng_below(arg, 21) - 10);
}

int voice_record_room(struct sound_loop *out)
{
    struct rng rng;

    rng_seed(&rng, 1);
    return record(out, draw_room, &rng);
}

/* ---- bursts ---- */

static void draw_burst(int16_t *pcm, size_t tick, void *arg)
{
    bool is_on = tick % VOICE_BURST_EVERY < VOICE_BURST_TICKS;

    (void)arg;
    for (size_t i = 0; i < PCM_TICK_PAIRS; i++)
        pcm[2 * i] = pcm[2 * i + 1] =
            is_on ? (int16_t)(BURST_AMPLITUDE * sin(2 * M_PI * BURST_HZ * (double)i / PCM_HZ)) : 0;
}

int voice_record_bursts(struct sound_loop *out)
{
    return record(out, draw_burst, NULL);
}

/* Of the tone in a part of a tick, which holds a whole number of its periods. */
static double amplitude(const int16_t *pcm)
{
    double re = 0, im = 0;

    for (size_t i = 0; i < PART_PAIRS; i++) {
        re += pcm[2 * i] * cos(2 * M_PI * BURST_HZ * (double)i / PCM_HZ);
        im += pcm[2 * i] * sin(2 * M_PI * BURST_HZ * (double)i / PCM_HZ);
    }
    return 2 * sqrt(re * re + im * im) / PART_PAIRS;
}

int voice_hear_burst(struct voice_listener *l, const int16_t *pcm)
{
    int begin = -1;

    for (int at = 0; at < PCM_TICK_PAIRS; at += PART_PAIRS) {
        bool is_loud = amplitude(pcm + 2 * at) > BURST_HEARD;
        if (is_loud && l->quiet >= QUIET_PARTS && begin < 0)
            begin = at;
        l->quiet = is_loud ? 0 : l->quiet + 1;
    }
    return begin;
}
