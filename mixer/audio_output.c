/* SPDX-License-Identifier: Apache-2.0 */
/* audio_output.c - see audio_output.h. */
#include "mixer/audio_output.h"

#include <string.h>

#include "core/mem.h"
#include "mixer/limiter.h"
#include "mixer/pcm.h"

#define LAST_TICKS 4   /* of silence that are encoded, so that what was before rings out */
#define PURE_TICKS 2   /* the last of them are silence to the bit; one may be lost */
#define PAUSE_TICKS 20 /* between two payloads of a pause: 400 ms, as libopus has it */

struct audio_output {
    struct coder_opus_encoder *encoder;
    struct limiter limiter;
    unsigned silent_ticks; /* without a sum, in a row */
    int16_t pcm[PCM_TICK_SAMPLES];
    struct audio_payload payload;
};

static const int32_t no_sum[PCM_TICK_SAMPLES];

struct audio_output *audio_output_new(const struct coder_opus_settings *settings)
{
    struct audio_output *o = mem_try_alloc(sizeof(*o));

    if (o == NULL)
        return NULL;
    o->encoder = coder_opus_encoder_new(settings);
    if (o->encoder == NULL)
        audio_output_free(&o);
    else
        limiter_init(&o->limiter);
    return o;
}

struct audio_output *audio_output_branch(const struct audio_output *from,
                                         const struct coder_opus_settings *settings)
{
    struct audio_output *o = audio_output_new(settings);

    if (o == NULL)
        return NULL;
    o->limiter = from->limiter;
    o->silent_ticks = from->silent_ticks;
    memcpy(o->pcm, from->pcm, sizeof(o->pcm));
    /* The encoder looks back at what came before: give it that. */
    (void)coder_opus_encode(o->encoder, o->pcm, o->payload.bytes, sizeof(o->payload.bytes));
    coder_opus_encoder_refresh(o->encoder);
    return o;
}

void audio_output_free(struct audio_output **o)
{
    if (*o != NULL)
        coder_opus_encoder_free(&(*o)->encoder);
    MEM_FREE(*o);
}

void audio_output_refresh(struct audio_output *o)
{
    coder_opus_encoder_refresh(o->encoder);
}

int audio_output_set_bitrate(struct audio_output *o, uint32_t bitrate_bps)
{
    return coder_opus_encoder_set_bitrate(o->encoder, bitrate_bps);
}

static void pause_tick(struct audio_output *o)
{
    unsigned paused = o->silent_ticks - LAST_TICKS - 1;

    if (paused == 0) {
        memset(o->pcm, 0, sizeof(o->pcm));
        limiter_init(&o->limiter);
    }
    o->payload.is_start = false;
    o->payload.len = paused % PAUSE_TICKS == 0
                         ? coder_opus_write_dtx(o->payload.bytes, sizeof(o->payload.bytes))
                         : 0;
}

const struct audio_payload *audio_output_run(struct audio_output *o, const int32_t *sum)
{
    bool was_paused = o->silent_ticks > LAST_TICKS;

    o->silent_ticks = sum == NULL ? o->silent_ticks + 1 : 0;
    if (o->silent_ticks > LAST_TICKS) {
        pause_tick(o);
        return &o->payload;
    }
    if (was_paused)
        coder_opus_encoder_refresh(o->encoder);
    /* Else decoders make noise of what they heard before, until something comes again. */
    if (o->silent_ticks > LAST_TICKS - PURE_TICKS)
        coder_opus_encoder_reset(o->encoder);
    limiter_run(&o->limiter, sum == NULL ? no_sum : sum, o->pcm);
    o->payload.is_start = was_paused;
    o->payload.len =
        coder_opus_encode(o->encoder, o->pcm, o->payload.bytes, sizeof(o->payload.bytes));
    return &o->payload;
}

const struct audio_payload *audio_output_payload(const struct audio_output *o)
{
    return &o->payload;
}

const int16_t *audio_output_pcm(const struct audio_output *o)
{
    return o->pcm;
}
