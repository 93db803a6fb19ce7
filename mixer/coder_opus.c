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
#define ALIKE_TICKS 50 /* a second, so that a stereo source that pauses does not change the mode */
#define MAX_FRAMES 48  /* RFC 6716 s3.2.5: of a packet, of 2.5 ms each */
#define MIN_PAIRS 120  /* 2.5 ms */

struct coder_opus_decoder {
    OpusDecoder *opus; /* in the same block */
    bool
        is_stereo; /* a stereo payload has come: one channel is decoded in a good deal less time than two */
};

struct coder_opus_encoder {
    OpusEncoder *opus; /* in the same block, large enough for two channels */
    struct coder_opus_settings settings;
    int channels;         /* of opus */
    unsigned alike_ticks; /* blocks in a row in which both channels were the same */
    bool is_refreshing;
    int16_t last[PCM_TICK_SAMPLES]; /* the block before */
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
    CHECK(opus_decoder_init(d->opus, PCM_HZ, 1) == OPUS_OK);
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

/* Returns the pairs, or one of libopus's errors. */
static int decode(struct coder_opus_decoder *d, const uint8_t *payload, size_t len, size_t size,
                  bool is_fec, int16_t *out)
{
    int16_t mono[CODER_OPUS_MAX_PAIRS];
    int pairs = opus_decode(d->opus, payload, (opus_int32)len, d->is_stereo ? out : mono, (int)size,
                            is_fec);

    if (pairs > 0 && !d->is_stereo)
        pcm_spread(out, mono, (size_t)pairs);
    return pairs;
}

static bool is_first_in_stereo(const struct coder_opus_decoder *d, const uint8_t *payload,
                               size_t len)
{
    const uint8_t *frames[MAX_FRAMES];
    opus_int16 sizes[MAX_FRAMES];

    return !d->is_stereo && opus_packet_get_nb_channels(payload) == 2 &&
           opus_packet_parse(payload, (opus_int32)len, NULL, frames, sizes, NULL) > 0;
}

/* Decode with a new state of two channels. What the old one would have gone on with is blended with the beginning, nothing clicks. */
static int begin_stereo(struct coder_opus_decoder *d, const uint8_t *payload, size_t len,
                        int16_t *out)
{
    int16_t before[MIN_PAIRS * PCM_CHANNELS] = {0};
    int pairs;

    (void)decode(d, NULL, 0, MIN_PAIRS, false, before);
    d->is_stereo = true;
    CHECK(opus_decoder_init(d->opus, PCM_HZ, PCM_CHANNELS) == OPUS_OK);
    pairs = decode(d, payload, len, CODER_OPUS_MAX_PAIRS, false, out);
    for (int i = 0; i < PCM_CHANNELS * MIN_PAIRS && pairs >= MIN_PAIRS; i++)
        out[i] = (int16_t)(before[i] + (out[i] - before[i]) * (i / 2 + 1) / (MIN_PAIRS + 1));
    return pairs;
}

int coder_opus_decode(struct coder_opus_decoder *d, const uint8_t *payload, size_t len,
                      int16_t *out)
{
    int pairs = coder_opus_pairs(payload, len);

    if (pairs < 0)
        return pairs;
    pairs = is_first_in_stereo(d, payload, len)
                ? begin_stereo(d, payload, len, out)
                : decode(d, payload, len, CODER_OPUS_MAX_PAIRS, false, out);
    return pairs > 0 ? pairs : E_MALFORMED;
}

bool coder_opus_conceal(struct coder_opus_decoder *d, const uint8_t *next, size_t next_len,
                        size_t pairs, int16_t *out)
{
    CHECK(pairs > 0 && pairs % MIN_PAIRS == 0 && pairs <= CODER_OPUS_MAX_PAIRS);
    if (next != NULL && coder_opus_pairs(next, next_len) > 0 &&
        decode(d, next, next_len, pairs, true, out) == (int)pairs)
        return true;
    if (decode(d, NULL, 0, pairs, false, out) != (int)pairs)
        memset(out, 0, pairs * PCM_CHANNELS * sizeof(*out));
    return false;
}

/* --- encoder ----------------------------------------------------------------------------------------- */

bool coder_opus_settings_are_valid(const struct coder_opus_settings *s)
{
    return s->bitrate_bps >= 6000 && s->bitrate_bps <= 510000 && s->complexity <= 10 &&
           s->loss_percent <= 100;
}

static void init_encoder(struct coder_opus_encoder *e, int channels)
{
    const struct coder_opus_settings *s = &e->settings;
    OpusEncoder *opus = e->opus;
    int application =
        s->is_low_delay ? OPUS_APPLICATION_RESTRICTED_LOWDELAY : OPUS_APPLICATION_VOIP;
    bool ok = opus_encoder_init(opus, PCM_HZ, channels, application) == OPUS_OK &&
              opus_encoder_ctl(opus, OPUS_SET_BITRATE((opus_int32)s->bitrate_bps)) == OPUS_OK &&
              opus_encoder_ctl(opus, OPUS_SET_COMPLEXITY(s->complexity)) == OPUS_OK &&
              opus_encoder_ctl(opus, OPUS_SET_PACKET_LOSS_PERC(s->loss_percent)) == OPUS_OK &&
              opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(s->loss_percent > 0)) == OPUS_OK;

    CHECK(ok);
    e->channels = channels;
}

struct coder_opus_encoder *coder_opus_encoder_new(const struct coder_opus_settings *settings)
{
    struct coder_opus_encoder *e;
    void *state;

    if (!coder_opus_settings_are_valid(settings))
        return NULL;
    e = alloc_with_state(sizeof(*e), opus_encoder_get_size(PCM_CHANNELS), &state);
    if (e == NULL)
        return NULL;
    e->opus = state;
    e->settings = *settings;
    e->alike_ticks = ALIKE_TICKS - 1; /* the first block decides */
    init_encoder(e, settings->is_mono ? 1 : PCM_CHANNELS);
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
    e->settings.bitrate_bps = bitrate_bps;
    CHECK(opus_encoder_ctl(e->opus, OPUS_SET_BITRATE((opus_int32)bitrate_bps)) == OPUS_OK);
    return 0;
}

static void set_prediction(struct coder_opus_encoder *e, bool is_on)
{
    CHECK(opus_encoder_ctl(e->opus, OPUS_SET_PREDICTION_DISABLED(is_on ? 0 : 1)) == OPUS_OK);
}

void coder_opus_encoder_reset(struct coder_opus_encoder *e)
{
    CHECK(opus_encoder_ctl(e->opus, OPUS_RESET_STATE) == OPUS_OK);
    memset(e->last, 0, sizeof(e->last));
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

static bool are_alike(const int16_t *pcm)
{
    int differences = 0;

    for (size_t i = 0; i < PCM_TICK_PAIRS; i++)
        differences |= pcm[2 * i] ^ pcm[2 * i + 1];
    return differences == 0;
}

static int encode_block(struct coder_opus_encoder *e, const int16_t *pcm, uint8_t *out, size_t size)
{
    int16_t mono[PCM_TICK_PAIRS];

    return opus_encode(e->opus, e->channels == 1 ? to_mono(pcm, mono) : pcm, PCM_TICK_PAIRS, out,
                       (opus_int32)MIN(size, (size_t)MAX_AUDIO_PAYLOAD_BYTES));
}

/* Go on with another number of channels: a new state, which is shown the block before. */
static void change_channels(struct coder_opus_encoder *e, int channels)
{
    uint8_t unused[MAX_AUDIO_PAYLOAD_BYTES];

    init_encoder(e, channels);
    (void)encode_block(e, e->last, unused, sizeof(unused));
    coder_opus_encoder_refresh(e);
}

/* One channel where both are the same, as nearly all voices are: two thirds of the time, and all of the bits. */
static void choose_channels(struct coder_opus_encoder *e, const int16_t *pcm)
{
    int channels;

    e->alike_ticks = are_alike(pcm) ? MIN(e->alike_ticks + 1, ALIKE_TICKS) : 0;
    channels = e->alike_ticks == 0 ? PCM_CHANNELS : e->alike_ticks == ALIKE_TICKS ? 1 : e->channels;
    if (channels != e->channels)
        change_channels(e, channels);
}

size_t coder_opus_encode(struct coder_opus_encoder *e, const int16_t *pcm, uint8_t *out,
                         size_t size)
{
    int bytes;

    if (!e->settings.is_mono)
        choose_channels(e, pcm);
    bytes = encode_block(e, pcm, out, size);
    memcpy(e->last, pcm, sizeof(e->last));
    if (e->is_refreshing) {
        e->is_refreshing = false;
        set_prediction(e, true);
    }
    return bytes > 0 ? (size_t)bytes : 0;
}
