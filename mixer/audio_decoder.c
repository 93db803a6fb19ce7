/* SPDX-License-Identifier: Apache-2.0 */
/* audio_decoder.c - see audio_decoder.h. */
#include "mixer/audio_decoder.h"

#include <string.h>

#include "core/check.h"
#include "core/mem.h"
#include "mixer/coder_g711.h"
#include "mixer/coder_opus.h"
#include "mixer/pcm.h"

#define OPUS_STEP 120 /* pairs; it conceals in multiples of 2.5 ms */
#define G711_STEP (PCM_HZ / CODER_G711_HZ)

struct audio_decoder {
    struct coder_opus_decoder *opus; /* one of the two */
    struct coder_g711 *g711;
};

bool audio_decoder_supports(enum codec_id codec)
{
    return codec == CODEC_OPUS || codec == CODEC_PCMU || codec == CODEC_PCMA;
}

uint32_t audio_decoder_clock_hz(enum codec_id codec)
{
    return codec == CODEC_OPUS ? PCM_HZ : CODER_G711_HZ;
}

uint32_t audio_decoder_span_ts(enum codec_id codec, const uint8_t *payload, size_t len)
{
    int pairs;

    if (codec != CODEC_OPUS)
        return len <= CODER_G711_MAX_BYTES ? (uint32_t)len : 0;
    pairs = coder_opus_pairs(payload, len);
    return pairs < 0 ? 0 : (uint32_t)pairs;
}

bool audio_decoder_is_pause(enum codec_id codec, const uint8_t *payload, size_t len)
{
    return codec == CODEC_OPUS && coder_opus_is_dtx(payload, len);
}

struct audio_decoder *audio_decoder_new(enum codec_id codec)
{
    struct audio_decoder *d = mem_try_alloc(sizeof(*d));

    CHECK(audio_decoder_supports(codec));
    if (d == NULL)
        return NULL;
    if (codec == CODEC_OPUS)
        d->opus = coder_opus_decoder_new();
    else
        d->g711 = coder_g711_new(codec == CODEC_PCMU ? G711_MU_LAW : G711_A_LAW);
    if (d->opus == NULL && d->g711 == NULL)
        audio_decoder_free(&d);
    return d;
}

void audio_decoder_free(struct audio_decoder **d)
{
    if (*d != NULL) {
        coder_opus_decoder_free(&(*d)->opus);
        coder_g711_free(&(*d)->g711);
    }
    MEM_FREE(*d);
}

void audio_decoder_reset(struct audio_decoder *d)
{
    if (d->opus != NULL)
        coder_opus_decoder_reset(d->opus);
    else
        coder_g711_reset(d->g711);
}

int audio_decoder_decode(struct audio_decoder *d, const uint8_t *payload, size_t len, int16_t *out)
{
    return d->opus != NULL ? coder_opus_decode(d->opus, payload, len, out)
                           : coder_g711_decode(d->g711, payload, len, out);
}

bool audio_decoder_conceal(struct audio_decoder *d, const uint8_t *next, size_t next_len,
                           size_t pairs, int16_t *out)
{
    size_t whole = pairs - pairs % (d->opus != NULL ? OPUS_STEP : G711_STEP);

    memset(out + whole * PCM_CHANNELS, 0, (pairs - whole) * PCM_CHANNELS * sizeof(*out));
    if (whole > 0 && d->opus != NULL)
        return coder_opus_conceal(d->opus, next, next_len, whole, out);
    if (whole > 0)
        coder_g711_conceal(d->g711, whole, out);
    return false;
}
