/* SPDX-License-Identifier: Apache-2.0 */
/* coder_opus.c - see coder_opus.h. */
#include "mixer/coder_opus.h"

#include <string.h>

#include <opus/opus.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "mixer/pcm.h"

#define DTX_BYTES \
    2 /* RFC 7587 s3.1.3 and libopus: shorter ones need not be sent, they hold no sound */
#define TOC_DTX \
    0xfc /* RFC 6716 s3.1: the transform coder, 20 ms, stereo, one frame; without bytes it is lost or silent */
#define MIN_PAIRS 120 /* 2.5 ms */

struct coder_opus_decoder {
    OpusDecoder *opus; /* in the same block */
};

struct coder_opus_encoder {
    OpusEncoder *opus; /* in the same block */
    bool is_mono, is_refreshing;
};

/* An object and libopus's state behind it, so that our allocator counts both. NULL without memory. */
static void *alloc_with_state(size_t bytes, int state_bytes, void **state)
{
    size_t head = (bytes + 15) / 16 * 16;
    uint8_t *block = mem_try_alloc(head + (size_t)state_bytes);

    *state = block == NULL ? NULL : block + head;
    return block;
}

/* --- payloads ---------------------------------------------------------------------------------------- */

int coder_opus_pairs(const uint8_t *payload, size_t len)
{
    int pairs;

    if (len == 0 || len > INT16_MAX)
        return E_MALFORMED;
    pairs = opus_packet_get_nb_samples(payload, (opus_int32)len, PCM_HZ);
    return pairs < MIN_PAIRS || pairs > CODER_OPUS_MAX_PAIRS ? E_MALFORMED : pairs;
}

bool coder_opus_is_dtx(const uint8_t *payload, size_t len)
{
    (void)payload;
    return len <= DTX_BYTES;
}

size_t coder_opus_write_dtx(uint8_t *out, size_t size)
{
    if (size == 0)
        return 0;
    out[0] = TOC_DTX;
    return 1;
}

/* --- decoder ----------------------------------------------------------------------------------------- */

struct coder_opus_decoder *coder_opus_decoder_new(void)
{
    void *state;
    struct coder_opus_decoder *d =
        alloc_with_state(sizeof(*d), opus_decoder_get_size(PCM_CHANNELS), &state);

    if (d == NULL)
        return NULL;
    d->opus = state;
    CHECK(opus_decoder_init(d->opus, PCM_HZ, PCM_CHANNELS) == OPUS_OK);
    return d;
}

void coder_opus_decoder_free(struct coder_opus_decoder **d)
{
    MEM_FREE(*d);
}

void coder_opus_decoder_reset(struct coder_opus_decoder *d)
{
    CHECK(opus_decoder_ctl(d->opus, OPUS_RESET_STATE) == OPUS_OK);
}

int coder_opus_decode(struct coder_opus_decoder *d, const uint8_t *payload, size_t len,
                      int16_t *out)
{
    int pairs = coder_opus_pairs(payload, len);

    if (pairs < 0)
        return pairs;
    pairs = opus_decode(d->opus, payload, (opus_int32)len, out, CODER_OPUS_MAX_PAIRS, 0);
    return pairs > 0 ? pairs : E_MALFORMED;
}

bool coder_opus_conceal(struct coder_opus_decoder *d, const uint8_t *next, size_t next_len,
                        size_t pairs, int16_t *out)
{
    int size = (int)pairs;

    CHECK(pairs > 0 && pairs % MIN_PAIRS == 0 && pairs <= CODER_OPUS_MAX_PAIRS);
    if (next != NULL && coder_opus_pairs(next, next_len) > 0 &&
        opus_decode(d->opus, next, (opus_int32)next_len, out, size, 1) == size)
        return true;
    if (opus_decode(d->opus, NULL, 0, out, size, 0) != size)
        memset(out, 0, pairs * PCM_CHANNELS * sizeof(*out));
    return false;
}

/* --- encoder ----------------------------------------------------------------------------------------- */

bool coder_opus_settings_are_valid(const struct coder_opus_settings *s)
{
    return s->bitrate_bps >= 6000 && s->bitrate_bps <= 510000 && s->complexity <= 10 &&
           s->loss_percent <= 100;
}

static void configure(OpusEncoder *opus, const struct coder_opus_settings *s)
{
    bool ok = opus_encoder_ctl(opus, OPUS_SET_BITRATE((opus_int32)s->bitrate_bps)) == OPUS_OK &&
              opus_encoder_ctl(opus, OPUS_SET_COMPLEXITY(s->complexity)) == OPUS_OK &&
              opus_encoder_ctl(opus, OPUS_SET_PACKET_LOSS_PERC(s->loss_percent)) == OPUS_OK &&
              opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(s->loss_percent > 0)) == OPUS_OK;

    CHECK(ok);
}

struct coder_opus_encoder *coder_opus_encoder_new(const struct coder_opus_settings *settings)
{
    int channels = settings->is_mono ? 1 : PCM_CHANNELS;
    int application =
        settings->is_low_delay ? OPUS_APPLICATION_RESTRICTED_LOWDELAY : OPUS_APPLICATION_VOIP;
    struct coder_opus_encoder *e;
    void *state;

    if (!coder_opus_settings_are_valid(settings))
        return NULL;
    e = alloc_with_state(sizeof(*e), opus_encoder_get_size(channels), &state);
    if (e == NULL)
        return NULL;
    e->opus = state;
    e->is_mono = settings->is_mono;
    CHECK(opus_encoder_init(e->opus, PCM_HZ, channels, application) == OPUS_OK);
    configure(e->opus, settings);
    return e;
}

void coder_opus_encoder_free(struct coder_opus_encoder **e)
{
    MEM_FREE(*e);
}

int coder_opus_encoder_set_bitrate(struct coder_opus_encoder *e, uint32_t bitrate_bps)
{
    if (!coder_opus_settings_are_valid(&(struct coder_opus_settings){.bitrate_bps = bitrate_bps}))
        return E_INVALID;
    CHECK(opus_encoder_ctl(e->opus, OPUS_SET_BITRATE((opus_int32)bitrate_bps)) == OPUS_OK);
    return 0;
}

static void set_prediction(struct coder_opus_encoder *e, bool is_on)
{
    CHECK(opus_encoder_ctl(e->opus, OPUS_SET_PREDICTION_DISABLED(is_on ? 0 : 1)) == OPUS_OK);
}

void coder_opus_encoder_refresh(struct coder_opus_encoder *e)
{
    e->is_refreshing = true;
    set_prediction(e, false);
}

static const int16_t *to_mono(const int16_t *pcm, int16_t *out)
{
    for (size_t i = 0; i < PCM_TICK_PAIRS; i++)
        out[i] = (int16_t)((pcm[2 * i] + pcm[2 * i + 1]) / 2);
    return out;
}

size_t coder_opus_encode(struct coder_opus_encoder *e, const int16_t *pcm, uint8_t *out,
                         size_t size)
{
    int16_t mono[PCM_TICK_PAIRS];
    int bytes = opus_encode(e->opus, e->is_mono ? to_mono(pcm, mono) : pcm, PCM_TICK_PAIRS, out,
                            (opus_int32)MIN(size, (size_t)MAX_AUDIO_PAYLOAD_BYTES));

    if (e->is_refreshing) {
        e->is_refreshing = false;
        set_prediction(e, true);
    }
    return bytes > 0 ? (size_t)bytes : 0;
}
