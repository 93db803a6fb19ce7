/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_step.c - how much longer than the packet before it each one takes. */
#include "transport/bwe_step.h"

#include "core/attr.h"
#include "core/timebase.h"

#define JITTERS 4 /* uniform jitter makes steps of up to three times its average */
#define AGAIN_SHARE \
    2 /* half of the last one is another one like it; jitter of the new way is less */
#define REST_US 2000000
#define SAME_SHARE 3 /* delays that differ by less than a third of the step are the same */

/* What our own packets explain at the most. */
static int64_t most_us(const struct bwe_step *s, size_t bytes, uint64_t jitter_us)
{
    int64_t us = (int64_t)((s->unseen_bytes + bytes) * 8 * US_PER_S / BWE_STEP_LEAST_BPS);

    us = MAX(us, BWE_STEP_LEAST_US);
    return MAX(us, JITTERS * (int64_t)jitter_us);
}

static enum bwe_step_kind take_back(struct bwe_step *s, uint64_t sent_us)
{
    s->is_watched = false;
    s->rest_until_us = sent_us + REST_US;
    return BWE_STEP_TAKEN_BACK;
}

static COLD enum bwe_step_kind take_step(struct bwe_step *s, int64_t by_us, uint64_t sent_us,
                                         int64_t delay_us)
{
    if (s->is_watched)
        return by_us < s->by_us / AGAIN_SHARE ? BWE_STEP_NONE : take_back(s, sent_us);
    if (sent_us < s->rest_until_us)
        return BWE_STEP_NONE;
    s->is_watched = true;
    s->stepped_us = sent_us;
    s->by_us = by_us;
    s->early_us = s->late_us = INT64_MAX;
    s->first_us = delay_us;
    return BWE_STEP_LONGER;
}

/* Delays fell again after the step, or went on rising. */
static bool is_other_than_at_first(const struct bwe_step *s)
{
    int64_t same_us = s->by_us / SAME_SHARE;

    return MIN(s->early_us, s->late_us) < s->first_us - same_us ||
           (s->late_us != INT64_MAX && s->late_us > s->early_us + same_us);
}

static COLD enum bwe_step_kind watch(struct bwe_step *s, uint64_t sent_us, int64_t delay_us)
{
    uint64_t since_us = sent_us - s->stepped_us;

    if (since_us < BWE_STEP_WATCH_US / 2)
        s->early_us = MIN(s->early_us, delay_us);
    else
        s->late_us = MIN(s->late_us, delay_us);
    if (since_us < BWE_STEP_WATCH_US)
        return BWE_STEP_NONE;
    s->is_watched = false;
    return is_other_than_at_first(s) ? take_back(s, sent_us) : BWE_STEP_NONE;
}

HOT enum bwe_step_kind bwe_step_add(struct bwe_step *s, uint64_t sent_us, int64_t arrival_us,
                                    size_t bytes, uint64_t jitter_us)
{
    int64_t delay_us = arrival_us - (int64_t)sent_us;
    int64_t by_us = delay_us - s->delay_us;
    enum bwe_step_kind kind = BWE_STEP_NONE;

    if (UNLIKELY(sent_us < s->sent_us))
        return BWE_STEP_NONE;
    if (UNLIKELY(by_us > BWE_STEP_LEAST_US) && s->has_packet &&
        by_us > most_us(s, bytes, jitter_us))
        kind = take_step(s, by_us, sent_us, delay_us);
    if (UNLIKELY(s->is_watched))
        kind = MAX(kind, watch(s, sent_us, delay_us));
    s->has_packet = true;
    s->sent_us = sent_us;
    s->delay_us = delay_us;
    s->unseen_bytes = 0;
    return kind;
}

void bwe_step_lost(struct bwe_step *s, size_t bytes)
{
    s->unseen_bytes += bytes;
}

void bwe_step_break(struct bwe_step *s)
{
    s->has_packet = false;
}
