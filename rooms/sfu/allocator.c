/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocator.c - one walk over all steps of all ladders, in the order of their worth, taking each that fits.
 *
 * A step that the last run had taken fits up to the estimate itself (keep). One that it had not taken fits up to a limit with
 * room to spare (up), or where it replaces steps of less worth, up to what the last run's steps cost now (swap). So a step up is
 * never undone by the next bit of noise, and what is taken anew pushes out only what comes later in the walk.
 */
#include "rooms/sfu/allocator.h"

#include <string.h>

#include "core/check.h"
#include "core/timebase.h"

#define SMOOTH_ESTIMATE_US 1000000ull
#define SMOOTH_RISE_US 400000ull /* of what probes found: it is either so or cut again soon */
#define SMOOTH_BITRATE_US 3000000ull
#define MAX_RISE_DOUBT \
    8 /* a rise by more than that share is no scatter: probes find more, and more than that */
#define SETTLES_US 250000ull        /* when to look again whether it has */
#define FORGET_AFTER_US 10000000ull /* then what was smoothed is no more than history */
#define SCATTERS 3 /* mean deviations below its average that an estimate is surely not to fall */
#define ROOMY_PERCENT 150 /* of what is to be sent: room that does not depend on a few percent */
#define RISE_PERCENT 130  /* a bitrate that rises by more than noise counts at once */
/* A layer is large enough for a tile with three quarters of its pixels (a scale of 1.15), fast enough with nine tenths of the
 * rate. */
#define ENOUGH_PIXELS_PERCENT 75
#define ENOUGH_FPS_PERCENT 90

const char *allocator_reason_name(enum allocator_reason reason)
{
    static const char *const names[] = {
#define X(name, text, why) [ALLOCATOR_##name] = text,
        ALLOCATOR_REASON_MAP(X)
#undef X
    };

    CHECK((size_t)reason < ARRAY_LEN(names));
    return names[reason];
}

/* ---- smoothing ---- */

/* One sample after @us into an exponential average with time constant @tau_us. */
static uint64_t blend(uint64_t smooth, uint64_t sample, uint64_t us, uint64_t tau_us)
{
    int64_t difference = (int64_t)sample - (int64_t)smooth;

    return (uint64_t)((int64_t)smooth + difference * (int64_t)us / (int64_t)(us + tau_us));
}

static void take_estimate(struct allocator *a, uint64_t bps, uint64_t now_us)
{
    uint64_t us = now_us - a->smoothed_us;

    a->estimate_bps = MIN(bps, ALLOCATOR_MAX_BPS);
    if (a->smoothed_us == 0 || us > FORGET_AFTER_US) {
        a->smooth_bps = a->estimate_bps;
        a->scatter_bps = 0;
    } else {
        uint64_t doubt_bps = a->smooth_bps / MAX_RISE_DOUBT;
        bool has_jumped = a->estimate_bps > a->smooth_bps + doubt_bps;
        uint64_t off = a->estimate_bps < a->smooth_bps
                           ? a->smooth_bps - a->estimate_bps
                           : MIN(a->estimate_bps - a->smooth_bps, doubt_bps);
        a->scatter_bps = blend(a->scatter_bps, off, us, SMOOTH_ESTIMATE_US);
        a->smooth_bps = blend(a->smooth_bps, a->estimate_bps, us,
                              has_jumped ? SMOOTH_RISE_US : SMOOTH_ESTIMATE_US);
    }
    a->smoothed_us = now_us;
}

static uint32_t smooth_cost(uint32_t smooth, uint32_t sample, uint64_t us)
{
    if (smooth == 0 || us > FORGET_AFTER_US || sample > (uint64_t)smooth * RISE_PERCENT / 100)
        return sample;
    return (uint32_t)blend(smooth, sample, us, SMOOTH_BITRATE_US);
}

static void take_bitrates(struct allocator_item *it, uint64_t now_us)
{
    uint64_t us = it->smoothed_us == 0 ? UINT64_MAX : now_us - it->smoothed_us;

    for (unsigned i = 0; i < it->layers; i++) {
        it->cost_bps[i] = smooth_cost(it->cost_bps[i], it->layer[i].bitrate_bps, us);
        if (i > 0)
            it->cost_bps[i] = MAX(it->cost_bps[i], it->cost_bps[i - 1]);
    }
    it->smoothed_us = now_us;
}

/* ---- what is wanted ---- */

/* The pixels of the smallest layer that is large enough; UINT32_MAX when none is known to be. */
static uint32_t enough_pixels(const struct allocator_item *it)
{
    uint64_t wanted = (uint64_t)it->wanted_width * it->wanted_height * ENOUGH_PIXELS_PERCENT / 100;
    uint32_t best = UINT32_MAX;

    for (unsigned i = 0; i < it->layers && wanted > 0; i++)
        if (it->layer[i].pixels > 0 && it->layer[i].pixels >= wanted)
            best = MIN(best, it->layer[i].pixels);
    return best;
}

/* One whose size is not known yet lies above one that is large enough. */
static bool is_too_large(const struct allocator_layer *l, uint32_t max_pixels)
{
    return max_pixels != UINT32_MAX && (l->pixels == 0 || l->pixels > max_pixels);
}

/* Whether the step below @i is the same picture, and fast enough. */
static bool is_below_enough(const struct allocator_item *it, int i)
{
    const struct allocator_layer *below = &it->layer[i - 1];

    return it->wanted_fps > 0 && below->pixels == it->layer[i].pixels &&
           below->fps * 100 >= it->wanted_fps * ENOUGH_FPS_PERCENT;
}

static int8_t wanted_layer(const struct allocator_item *it)
{
    uint32_t max_pixels = enough_pixels(it);
    int top = MIN(it->layers - 1, MAX(it->max_layer, 0));

    if (!it->is_wanted || it->is_muted || it->layers == 0)
        return -1;
    while (top > 0 && is_too_large(&it->layer[top], max_pixels))
        top--;
    while (top > 0 && is_below_enough(it, top))
        top--;
    return (int8_t)top;
}

static uint64_t cost_of(const struct allocator_item *it, int layer)
{
    return layer < 0 ? 0 : it->cost_bps[layer];
}

static void prepare(struct allocator_item *it, uint64_t now_us)
{
    CHECK(it->layers <= MAX_LADDER_LAYERS);
    take_bitrates(it, now_us);
    it->wanted = wanted_layer(it);
    it->target = MIN(it->target, it->wanted); /* less is wanted: less it is */
    it->next = -1;
    if (it->wanted < 0)
        it->has_begun = false;
}

/* ---- the order of worth ---- */

static unsigned rank_of(const struct allocator_item *it)
{
    return it->kind == MEDIA_AUDIO ? UINT8_MAX + 1u : it->priority;
}

/* Audio, then by falling priority, then as given: a counting sort. */
static void sort(struct allocator *a, struct allocator_item *const *items, size_t n)
{
    uint8_t end[UINT8_MAX + 2] = {0};
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++)
        end[rank_of(items[i])]++;
    for (unsigned rank = UINT8_MAX + 2; rank-- > 0;) {
        sum += end[rank];
        end[rank] = (uint8_t)sum;
    }
    for (size_t i = n; i-- > 0;)
        a->order[--end[rank_of(items[i])]] = (uint8_t)i;
}

/* ---- steps ---- */

static bool is_keep(const struct allocator_item *it, int to)
{
    return to <= it->target || (!it->has_begun && to == 0);
}

/* Until when nothing goes up to @after_bps in all. Where there is far more room than that, what was short may have been a mistake, and
 * what goes up does not stand on the edge: a quarter of the time has to do. */
static uint64_t hold_until_us(const struct allocator *a, uint64_t after_bps)
{
    bool is_roomy = after_bps * ROOMY_PERCENT / 100 <= a->up_limit_bps;

    return is_roomy ? MIN(a->hold_until_us, a->last_short_us + a->hold_us / 4) : a->hold_until_us;
}

/* One up a run; a start goes as high as it can, but not soon after a down. */
static bool is_in_time(const struct allocator *a, const struct allocator_item *it, int to,
                       uint64_t after_bps)
{
    if (a->now_us < hold_until_us(a, after_bps))
        return false;
    return !it->has_begun || (a->now_us >= a->next_up_us && to == it->target + 1);
}

/* Look again when it is in time; earlier, when there may be far more room than what is smoothed says so far. */
static void wait_for_time(struct allocator *a, uint64_t after_bps)
{
    uint64_t until_us = hold_until_us(a, after_bps);

    if (until_us == a->hold_until_us && after_bps * ROOMY_PERCENT / 100 <= a->estimate_bps)
        until_us = MIN(until_us, a->now_us + SETTLES_US);
    a->wait_until_us = MIN(a->wait_until_us, MAX(until_us, a->next_up_us));
}

static bool may_take(struct allocator *a, const struct allocator_item *it, int to,
                     uint64_t after_bps)
{
    if (after_bps <= a->swap_limit_bps)
        return true;
    if (after_bps > a->up_limit_bps)
        return false;
    if (is_in_time(a, it, to, after_bps))
        return true;
    wait_for_time(a, after_bps);
    return false;
}

static bool fits(struct allocator *a, const struct allocator_item *it, int to, uint64_t after_bps)
{
    if (is_keep(it, to))
        return after_bps <= a->keep_limit_bps;
    if (!may_take(a, it, to, after_bps))
        return false;
    /* What is kept beside something new needs the same room: or all together stands on the edge of the estimate. */
    a->keep_limit_bps = MAX(a->up_limit_bps, a->swap_limit_bps);
    return true;
}

/* Take the item's next step if it fits, or in any case. */
static bool step(struct allocator *a, struct allocator_item *it, bool is_forced)
{
    int to = it->next + 1;
    uint64_t more_bps = cost_of(it, to) - cost_of(it, it->next);

    if (to > it->wanted)
        return false;
    if (!is_forced && !fits(a, it, to, a->used_bps + more_bps)) {
        if (a->step_bps == 0)
            a->step_bps = MAX(more_bps, 1u);
        return false;
    }
    it->next = (int8_t)to;
    a->used_bps += more_bps;
    return true;
}

/* Items order[from..end) have one rank: a step each in turn, until none fits. */
static void improve(struct allocator *a, struct allocator_item *const *items, size_t from,
                    size_t end)
{
    bool took_one = true;

    while (took_one) {
        took_one = false;
        for (size_t i = from; i < end; i++) {
            struct allocator_item *it = items[a->order[i]];
            took_one |= it->next >= 0 && step(a, it, false);
        }
    }
}

static size_t end_of_rank(const struct allocator *a, struct allocator_item *const *items, size_t n,
                          size_t from)
{
    unsigned rank = rank_of(items[a->order[from]]);

    while (from < n && rank_of(items[a->order[from]]) == rank)
        from++;
    return from;
}

static void fill(struct allocator *a, struct allocator_item *const *items, size_t n)
{
    size_t audio_end =
        n > 0 && items[a->order[0]]->kind == MEDIA_AUDIO ? end_of_rank(a, items, n, 0) : 0;

    for (size_t i = 0; i < n; i++)
        if (!items[i]->is_pausable)
            (void)step(a, items[i], true);
    for (size_t i = 0; i < n; i++) {
        if (items[a->order[i]]->next < 0)
            (void)step(a, items[a->order[i]], false);
        if (i + 1 == audio_end)
            improve(a, items, 0, audio_end);
    }
    for (size_t from = audio_end, end; from < n; from = end) {
        end = end_of_rank(a, items, n, from);
        improve(a, items, from, end);
    }
}

/* ---- up and down in time ---- */

/* The last run's targets cost more than there is now: nothing goes up for a while, and longer when an up was to blame. */
static void note_shortage(struct allocator *a)
{
    bool is_ups_fault =
        a->last_up_us > a->last_short_us && a->now_us - a->last_up_us < ALLOCATOR_QUICK_US;

    if (is_ups_fault)
        a->hold_us = MIN(2 * a->hold_us, ALLOCATOR_MAX_HOLD_US);
    else if (a->now_us - a->last_short_us > a->hold_us + ALLOCATOR_QUICK_US)
        a->hold_us = ALLOCATOR_HOLD_US;
    a->last_short_us = a->now_us;
    a->hold_until_us = a->now_us + a->hold_us;
    a->shortages++;
}

static void set_limits(struct allocator *a, uint64_t kept_bps)
{
    uint64_t sure_bps = a->smooth_bps - MIN(SCATTERS * a->scatter_bps, a->smooth_bps);
    bool is_short = kept_bps > a->estimate_bps;

    a->keep_limit_bps = a->estimate_bps;
    a->up_limit_bps = MIN(a->estimate_bps, sure_bps) * 100 / (100 + ALLOCATOR_HEADROOM_PERCENT);
    a->swap_limit_bps = is_short ? 0 : kept_bps;
    if (is_short)
        note_shortage(a);
}

static void note_change(struct allocator *a, const struct allocator_item *it)
{
    if (!it->has_begun || it->next == it->target)
        return;
    if (it->next < it->target) {
        a->downs++;
        a->pauses += it->next < 0;
        return;
    }
    a->ups++;
    a->resumes += it->target < 0;
    a->last_up_us = a->now_us;
    a->next_up_us = a->now_us + ALLOCATOR_UP_INTERVAL_US;
}

/* ---- the outcome ---- */

static int8_t best_sent(const struct allocator_item *it)
{
    int i = it->target;

    while (i >= 0 && !it->layer[i].is_sent)
        i--;
    return (int8_t)i;
}

static enum allocator_reason reason_of(const struct allocator_item *it)
{
    if (!it->is_wanted)
        return ALLOCATOR_NOT_WANTED;
    if (it->is_muted)
        return ALLOCATOR_MUTED;
    if (it->target < it->wanted)
        return ALLOCATOR_BANDWIDTH;
    return it->forward < it->target || it->layers == 0 ? ALLOCATOR_NOT_SENT : ALLOCATOR_NONE;
}

static void settle(struct allocator *a, struct allocator_item *it)
{
    note_change(a, it);
    it->target = it->next;
    it->has_begun = it->wanted >= 0;
    it->target_bps = (uint32_t)cost_of(it, it->target);
    it->forward = best_sent(it);
    it->reason = reason_of(it);
    a->total_bps += it->target_bps;
    a->wanted_bps += cost_of(it, it->wanted);
}

/* What is smoothed comes to that by itself: no other estimate may come, as when nothing is sent. */
static bool is_enough_by_now(const struct allocator *a)
{
    return (a->total_bps + a->step_bps) * (100 + ALLOCATOR_HEADROOM_PERCENT) / 100 <=
           a->estimate_bps;
}

static void report(struct allocator *a)
{
    a->next_step_bps = 0;
    a->next_run_us = UINT64_MAX;
    if (a->step_bps == 0)
        return;
    /* A little over the limit, which what is smoothed comes near to but does not reach. */
    a->next_step_bps = (a->total_bps + a->step_bps) * (101 + ALLOCATOR_HEADROOM_PERCENT) / 100 +
                       SCATTERS * a->scatter_bps;
    if (a->wait_until_us != UINT64_MAX)
        a->next_run_us = MAX(a->wait_until_us, a->now_us + 1);
    else if (is_enough_by_now(a))
        a->next_run_us = a->now_us + SETTLES_US;
}

void allocator_run(struct allocator *a, struct allocator_item *const *items, size_t n,
                   uint64_t estimate_bps, uint64_t now_us)
{
    uint64_t kept_bps = 0;

    CHECK(n <= MAX_SLOTS_PER_PARTICIPANT);
    a->now_us = now_us;
    a->used_bps = a->total_bps = a->wanted_bps = a->step_bps = 0;
    a->wait_until_us = UINT64_MAX;
    take_estimate(a, estimate_bps, now_us);
    for (size_t i = 0; i < n; i++) {
        prepare(items[i], now_us);
        kept_bps += cost_of(items[i], items[i]->target);
    }
    set_limits(a, kept_bps);
    sort(a, items, n);
    fill(a, items, n);
    for (size_t i = 0; i < n; i++)
        settle(a, items[i]);
    report(a);
}

/* ---- life ---- */

void allocator_init(struct allocator *a)
{
    *a = (struct allocator){.hold_us = ALLOCATOR_HOLD_US, .next_run_us = UINT64_MAX};
}

void allocator_item_init(struct allocator_item *it, enum media_kind kind)
{
    *it = (struct allocator_item){
        .kind = kind,
        .priority = ALLOCATOR_PRIORITY_USUAL,
        .is_wanted = true,
        .is_pausable = kind == MEDIA_VIDEO,
        .max_layer = INT8_MAX,
        .target = -1,
        .forward = -1,
        .wanted = -1,
        .next = -1,
    };
}

void allocator_item_restart(struct allocator_item *it)
{
    it->target = it->forward = it->wanted = it->next = -1;
    it->has_begun = false;
    it->smoothed_us = 0;
    memset(it->cost_bps, 0, sizeof(it->cost_bps));
}

void allocator_item_remap(struct allocator_item *it, const int8_t was[MAX_LADDER_LAYERS])
{
    uint32_t cost_bps[MAX_LADDER_LAYERS];
    int8_t target = -1;

    memcpy(cost_bps, it->cost_bps, sizeof(cost_bps));
    for (int8_t i = 0; i < it->layers; i++) {
        it->cost_bps[i] = was[i] < 0 ? 0 : cost_bps[was[i]];
        if (was[i] >= 0 && was[i] <= it->target)
            target = i;
    }
    if (target < 0 && it->target >= 0 && it->layers > 0)
        target = 0; /* other steps are no reason to pause */
    it->target = target;
}
