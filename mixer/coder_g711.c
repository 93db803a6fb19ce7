/* SPDX-License-Identifier: Apache-2.0 */
/* coder_g711.c - see coder_g711.h. The laws are formulas of a few operations; at 8 kHz a table would save nothing. */
#include "mixer/coder_g711.h"

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "mixer/conceal.h"
#include "mixer/pcm.h"
#include "mixer/resample.h"

#define MU_BIAS 132 /* added before the segment is found, in 16-bit units */
#define MU_CLIP (32767 - MU_BIAS)

struct coder_g711 {
    enum g711_law law;
    struct resample resample;
    struct conceal conceal;
};

/* --- the laws: sign, three bits of segment, four of place in it ------------------------------------------ */

static int16_t expand_mu(uint8_t code)
{
    unsigned bits = (uint8_t)~code;
    int magnitude = (int)((((bits & 15) << 3) + MU_BIAS) << ((bits >> 4) & 7)) - MU_BIAS;

    return (int16_t)(bits & 0x80 ? -magnitude : magnitude);
}

static int16_t expand_a(uint8_t code)
{
    unsigned bits = code ^ 0x55u, segment = (bits >> 4) & 7;
    int magnitude = (int)((bits & 15) << 4) + 8;

    if (segment > 0)
        magnitude = (magnitude + 256) << (segment - 1);
    return (int16_t)(bits & 0x80 ? magnitude : -magnitude);
}

/* The highest bit of @value, counted from @lowest; 0 when it is below that. */
static unsigned segment_of(unsigned value, unsigned lowest)
{
    unsigned segment = 0;

    while (segment < 7 && value >> (lowest + segment + 1) != 0)
        segment++;
    return segment;
}

static uint8_t compress_mu(int16_t sample)
{
    unsigned sign = sample < 0 ? 0x80 : 0;
    unsigned magnitude = (unsigned)MIN(sample < 0 ? -sample : sample, MU_CLIP) + MU_BIAS;
    unsigned segment = segment_of(magnitude, 7);

    return (uint8_t) ~(sign | segment << 4 | ((magnitude >> (segment + 3)) & 15));
}

static uint8_t compress_a(int16_t sample)
{
    unsigned sign = sample < 0 ? 0 : 0x80;
    unsigned magnitude = (unsigned)(sample < 0 ? -sample - 1 : sample);
    unsigned segment = segment_of(magnitude, 7);
    unsigned place = segment == 0 ? magnitude >> 4 : magnitude >> (segment + 3);

    return (uint8_t)((sign | segment << 4 | (place & 15)) ^ 0x55);
}

int16_t coder_g711_expand(enum g711_law law, uint8_t code)
{
    return law == G711_MU_LAW ? expand_mu(code) : expand_a(code);
}

uint8_t coder_g711_compress(enum g711_law law, int16_t sample)
{
    return law == G711_MU_LAW ? compress_mu(sample) : compress_a(sample);
}

/* --- the coder ------------------------------------------------------------------------------------------- */

struct coder_g711 *coder_g711_new(enum g711_law law)
{
    struct coder_g711 *c = mem_try_alloc(sizeof(*c));

    if (c == NULL)
        return NULL;
    c->law = law;
    coder_g711_reset(c);
    return c;
}

void coder_g711_free(struct coder_g711 **c)
{
    MEM_FREE(*c);
}

void coder_g711_reset(struct coder_g711 *c)
{
    resample_init(&c->resample);
    c->conceal = (struct conceal){0};
}

static void give(struct coder_g711 *c, const int16_t *narrow, size_t n, int16_t *out)
{
    int16_t wide[CODER_G711_MAX_BYTES * RESAMPLE_RATIO];

    resample_up(&c->resample, narrow, n, wide);
    pcm_spread(out, wide, n * RESAMPLE_RATIO);
}

int coder_g711_decode(struct coder_g711 *c, const uint8_t *payload, size_t len, int16_t *out)
{
    int16_t narrow[CODER_G711_MAX_BYTES];

    if (len == 0 || len > CODER_G711_MAX_BYTES)
        return E_MALFORMED;
    for (size_t i = 0; i < len; i++)
        narrow[i] = coder_g711_expand(c->law, payload[i]);
    conceal_note(&c->conceal, narrow, len);
    give(c, narrow, len, out);
    return (int)(len * RESAMPLE_RATIO);
}

void coder_g711_conceal(struct coder_g711 *c, size_t pairs, int16_t *out)
{
    int16_t narrow[CODER_G711_MAX_BYTES];
    size_t n = pairs / RESAMPLE_RATIO;

    CHECK(pairs % RESAMPLE_RATIO == 0 && n <= CODER_G711_MAX_BYTES);
    conceal_fill(&c->conceal, narrow, n);
    give(c, narrow, n, out);
}

size_t coder_g711_encode(struct coder_g711 *c, const int16_t *pcm, size_t pairs, uint8_t *out)
{
    int16_t wide[CODER_G711_MAX_BYTES * RESAMPLE_RATIO] = {0}, narrow[CODER_G711_MAX_BYTES];
    size_t n = pairs / RESAMPLE_RATIO;

    CHECK(pairs % RESAMPLE_RATIO == 0 && n <= CODER_G711_MAX_BYTES);
    for (size_t i = 0; i < pairs; i++)
        wide[i] = (int16_t)((pcm[2 * i] + pcm[2 * i + 1]) / 2);
    resample_down(&c->resample, wide, n, narrow);
    for (size_t i = 0; i < n; i++)
        out[i] = coder_g711_compress(c->law, narrow[i]);
    return n;
}
