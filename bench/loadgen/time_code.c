/* SPDX-License-Identifier: Apache-2.0 */
/* time_code.c - see time_code.h. */
#include "bench/loadgen/time_code.h"

#define BITS 8
#define BLOCKS_A_WIDTH 16
#define DARK 40
#define LIGHT 210
#define MIN_CONTRAST 60 /* between a block and the one below it */

static void fill(const struct picture_view *v, int x, int y, int side, uint8_t luma)
{
    for (int i = y; i < y + side; i++)
        for (int k = x; k < x + side; k++)
            v->plane[0][i * v->stride[0] + k] = luma;
}

void time_code_draw(const struct picture_view *v, unsigned code)
{
    int side = v->width / BLOCKS_A_WIDTH;
    int left = v->width / 2 - BITS / 2 * side, top = v->height / 2 - side;

    for (int bit = 0; bit < BITS; bit++) {
        bool is_set = (code >> bit & 1) != 0;
        fill(v, left + bit * side, top, side, is_set ? LIGHT : DARK);
        fill(v, left + bit * side, top + side, side, is_set ? DARK : LIGHT);
    }
}

/* Mean of the middle of a block whose corner is at @x, @y; sides are fractions of samples in a scaled picture. */
static int mean(const struct picture_view *v, double x, double y, double side)
{
    int x0 = (int)(x + side * 0.3), x1 = (int)(x + side * 0.7) + 1;
    int y0 = (int)(y + side * 0.3), y1 = (int)(y + side * 0.7) + 1;
    int sum = 0;

    for (int i = y0; i < y1; i++)
        for (int k = x0; k < x1; k++)
            sum += v->plane[0][i * v->stride[0] + k];
    return sum / ((x1 - x0) * (y1 - y0));
}

bool time_code_read(const struct picture_view *v, unsigned *code)
{
    double side = v->width / (double)BLOCKS_A_WIDTH;
    double left = v->width / 2.0 - BITS / 2 * side, top = v->height / 2.0 - side;
    unsigned found = 0;

    if (v->width < 4 * BLOCKS_A_WIDTH || v->height < 4 * side)
        return false;
    for (int bit = 0; bit < BITS; bit++) {
        int upper = mean(v, left + bit * side, top, side);
        int lower = mean(v, left + bit * side, top + side, side);
        if (upper - lower < MIN_CONTRAST && lower - upper < MIN_CONTRAST)
            return false;
        found |= (unsigned)(upper > lower) << bit;
    }
    *code = found;
    return true;
}
