/* SPDX-License-Identifier: Apache-2.0 */
/* loudest.c - see loudest.h. */
#include "mixer/loudest.h"

#include "core/attr.h"

#define LOWEST_DBOV 127.0f
#define ATTACK_US 20000.0f   /* a word's beginning is worth its level within a packet or two */
#define RELEASE_US 600000.0f /* over syllables */

void loudest_note(struct loudest *l, uint8_t level, uint64_t span_us, uint64_t now_us)
{
    float db = LOWEST_DBOV - (float)MIN(level, 127);
    float share = (float)span_us / (db > l->level_db ? ATTACK_US : RELEASE_US);

    l->level_db += (db - l->level_db) * MIN(share, 1.0f);
    if (db - LOWEST_DBOV > LOUDEST_FLOOR_DBOV)
        l->sound_us = now_us;
}

void loudest_clear(struct loudest *l)
{
    *l = (struct loudest){0};
}

float loudest_dbov(const struct loudest *l)
{
    return l->level_db - LOWEST_DBOV;
}

static bool has_sound(const struct loudest *l, uint64_t now_us)
{
    return l->sound_us != 0 && now_us < l->sound_us + LOUDEST_HANG_US;
}

/* Who is silent leaves. Returns how many stay. */
static size_t let_go(struct loudest *const *inputs, size_t n, uint64_t now_us)
{
    size_t heard = 0;

    for (size_t i = 0; i < n; i++) {
        inputs[i]->is_heard = inputs[i]->is_heard && has_sound(inputs[i], now_us);
        heard += inputs[i]->is_heard;
    }
    return heard;
}

static struct loudest *loudest_waiting(struct loudest *const *inputs, size_t n, uint64_t now_us)
{
    struct loudest *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (!inputs[i]->is_heard && has_sound(inputs[i], now_us) &&
            loudest_dbov(inputs[i]) > LOUDEST_FLOOR_DBOV &&
            (best == NULL || inputs[i]->level_db > best->level_db))
            best = inputs[i];
    return best;
}

static struct loudest *quietest_heard(struct loudest *const *inputs, size_t n)
{
    struct loudest *least = NULL;

    for (size_t i = 0; i < n; i++)
        if (inputs[i]->is_heard && (least == NULL || inputs[i]->level_db < least->level_db))
            least = inputs[i];
    return least;
}

static void let_in(struct loudest *l, uint64_t now_us)
{
    l->is_heard = true;
    l->since_us = now_us;
}

/* At most one a tick: the loudest that waits for the quietest that is heard. */
static void exchange(struct loudest *const *inputs, size_t n, uint64_t now_us)
{
    struct loudest *in = loudest_waiting(inputs, n, now_us);
    struct loudest *out = quietest_heard(inputs, n);

    if (in == NULL || out == NULL || in->level_db < out->level_db + LOUDEST_MARGIN_DB ||
        now_us < out->since_us + LOUDEST_STAY_US)
        return;
    out->is_heard = false;
    let_in(in, now_us);
}

/* The maximum may have been lowered. */
static size_t keep_to(struct loudest *const *inputs, size_t n, size_t heard, size_t max)
{
    for (; heard > max; heard--)
        quietest_heard(inputs, n)->is_heard = false;
    return heard;
}

size_t loudest_choose(struct loudest *const *inputs, size_t n, size_t max, uint64_t now_us)
{
    size_t heard = keep_to(inputs, n, let_go(inputs, n, now_us), max);
    struct loudest *in;

    if (heard == max) {
        exchange(inputs, n, now_us);
        return heard;
    }
    while (heard < max && (in = loudest_waiting(inputs, n, now_us)) != NULL) {
        let_in(in, now_us);
        heard++;
    }
    return heard;
}
