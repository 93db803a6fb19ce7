/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bilinear.c - rows are blended by libyuv, samples of the blended row by one shuffle and one multiplication for eight of them.
 *
 *   block of 8:  at ──► 16 bytes ──shuffle──► a0 b0 a1 b1 … a7 b7 ──multiply, add pairs──► 8 samples
 */
#include "mixer/bilinear.h"

#include <libyuv.h>
#include <string.h>

#include "core/limits.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define BLOCK 8
#define LOADED 16
#define WEIGHT_BITS 7
#define POSITION_BITS 16
#define STEP_BITS 32
#define MAX_BLOCKS ((MAX_PICTURE_SIDE + BLOCK - 1) / BLOCK)

struct block {
    uint8_t pick
        [LOADED]; /* which of the loaded bytes: the left and the right neighbour of each sample */
    uint8_t weight[LOADED]; /* of 128 */
    int at;                 /* of the first loaded byte in the row */
};

/* Where the centres of one line's samples lie among those of another, in 1/2^32 of a sample. */
struct axis {
    int64_t first, step;
    int from; /* samples of the other line */
};

static struct axis axis_of(int to, int from)
{
    int64_t step = ((int64_t)from << STEP_BITS) / to;

    return (struct axis){.first = (step - (1ll << STEP_BITS)) / 2, .step = step, .from = from};
}

/* Of sample @i, in 1/65536, kept between the outermost centres. */
static int64_t position(const struct axis *a, int i)
{
    int64_t p = (a->first + i * a->step) >> (STEP_BITS - POSITION_BITS);

    return MAX(0, MIN(p, (int64_t)(a->from - 1) << POSITION_BITS));
}

/* The left neighbour of that position, which has a right one, and the weight of the right one. */
static int neighbour(int64_t p, int from, int bits, int *weight)
{
    int left = MIN((int)(p >> POSITION_BITS), from - 2);
    int64_t beyond = p - ((int64_t)left << POSITION_BITS);

    *weight = (int)((beyond + (1 << (POSITION_BITS - bits - 1))) >> (POSITION_BITS - bits));
    return left;
}

static void plan_block(struct block *b, const struct axis *a, int first, int to)
{
    for (int i = 0; i < BLOCK; i++) {
        int weight;
        int left = neighbour(position(a, MIN(first + i, to - 1)), a->from, WEIGHT_BITS, &weight);

        if (i == 0)
            b->at = MIN(left, a->from - LOADED);
        b->pick[2 * i] = (uint8_t)(left - b->at);
        b->pick[2 * i + 1] = (uint8_t)(left - b->at + 1);
        b->weight[2 * i] = (uint8_t)((1 << WEIGHT_BITS) - weight);
        b->weight[2 * i + 1] = (uint8_t)weight;
    }
}

/* Samples are taken as -128..127, so that products of unsigned weights and signed samples fit 16 bits. */
__attribute__((target("ssse3"))) static __m128i blend_block(const uint8_t *row,
                                                            const struct block *b)
{
    const __m128i half = _mm_set1_epi16(1 << (WEIGHT_BITS - 1)), middle = _mm_set1_epi8(-128);
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(row + b->at));

    v = _mm_shuffle_epi8(v, _mm_loadu_si128((const __m128i *)(const void *)b->pick));
    v = _mm_maddubs_epi16(_mm_loadu_si128((const __m128i *)(const void *)b->weight),
                          _mm_xor_si128(v, middle));
    v = _mm_srai_epi16(_mm_add_epi16(v, half), WEIGHT_BITS);
    return _mm_xor_si128(_mm_packs_epi16(v, v), middle);
}

__attribute__((target("avx2"))) static __m256i load_pair(const uint8_t *low, const uint8_t *high)
{
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)low)),
        _mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

/* Two blocks at once, as blend_block() does one. Returns how many samples there are now. */
__attribute__((target("avx2"))) static int blend_pairs(uint8_t *to, int width, const uint8_t *row,
                                                       const struct block *b)
{
    const __m256i half = _mm256_set1_epi16(1 << (WEIGHT_BITS - 1));
    const __m256i middle = _mm256_set1_epi8(-128);
    int x = 0;

    for (; x + 2 * BLOCK <= width; x += 2 * BLOCK, b += 2) {
        __m256i v = load_pair(row + b[0].at, row + b[1].at);

        v = _mm256_shuffle_epi8(v, load_pair(b[0].pick, b[1].pick));
        v = _mm256_maddubs_epi16(load_pair(b[0].weight, b[1].weight), _mm256_xor_si256(v, middle));
        v = _mm256_srai_epi16(_mm256_add_epi16(v, half), WEIGHT_BITS);
        v = _mm256_xor_si256(_mm256_packs_epi16(v, v), middle);
        _mm_storeu_si128(
            (__m128i *)(void *)(to + x),
            _mm256_castsi256_si128(_mm256_permute4x64_epi64(v, _MM_SHUFFLE(3, 1, 2, 0))));
    }
    return x;
}

__attribute__((target("ssse3"))) static void blend_row(uint8_t *to, int width, const uint8_t *row,
                                                       const struct block *b)
{
    uint8_t last[LOADED];
    int x = __builtin_cpu_supports("avx2") ? blend_pairs(to, width, row, b) : 0;

    b += x / BLOCK;
    for (; x + BLOCK <= width; x += BLOCK, b++)
        _mm_storel_epi64((__m128i *)(void *)(to + x), blend_block(row, b));
    if (x == width)
        return;
    _mm_storeu_si128((__m128i *)(void *)last, blend_block(row, b));
    memcpy(to + x, last, (size_t)(width - x));
}

bool bilinear_scale(uint8_t *to, int to_stride, int to_width, int to_height, const uint8_t *from,
                    int from_stride, int from_width, int from_height)
{
    struct block plan[MAX_BLOCKS];
    struct axis across, down;
    uint8_t row[MAX_PICTURE_SIDE];

    if (from_width < LOADED || from_height < 2 || from_width > 2 * to_width ||
        to_width > MAX_PICTURE_SIDE || from_width > MAX_PICTURE_SIDE ||
        !__builtin_cpu_supports("ssse3"))
        return false;
    across = axis_of(to_width, from_width);
    down = axis_of(to_height, from_height);
    for (int i = 0; i * BLOCK < to_width; i++)
        plan_block(&plan[i], &across, i * BLOCK, to_width);
    for (int y = 0; y < to_height; y++) {
        int weight, above = neighbour(position(&down, y), from_height, 8, &weight);
        const uint8_t *line = from + (ptrdiff_t)(above + (weight == 256)) * from_stride;

        if (weight % 256 != 0) {
            (void)InterpolatePlane(line, from_stride, line + from_stride, from_stride, row,
                                   from_width, from_width, 1, weight);
            line = row;
        }
        blend_row(to + (ptrdiff_t)y * to_stride, to_width, line, plan);
    }
    return true;
}

#else

bool bilinear_scale(uint8_t *to, int to_stride, int to_width, int to_height, const uint8_t *from,
                    int from_stride, int from_width, int from_height)
{
    (void)to, (void)to_stride, (void)to_width, (void)to_height;
    (void)from, (void)from_stride, (void)from_width, (void)from_height;
    return false;
}

#endif
