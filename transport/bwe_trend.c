/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_trend.c - the trendline filter, the overuse detector (s5.5) and its adaptive threshold (s5.4). */
#include "transport/bwe_trend.h"

#include <math.h>

#include "core/attr.h"

#define SMOOTHING 0.9
#define GAIN 4.0             /* makes the slope comparable with the draft's offset */
#define MAX_COUNTED 60       /* groups: fewer make the slope count less */
#define FIRST_THRESHOLD 12.5 /* ms, del_var_th(0) of s5.4 */
#define MIN_THRESHOLD 6.0
#define MAX_THRESHOLD 600.0
#define THRESHOLD_UP 0.0087 /* K_u and K_d of s5.4 */
#define THRESHOLD_DOWN 0.039
#define SPIKE_MS 15.0 /* s5.4: what is that far above the threshold does not move it */
#define MAX_THRESHOLD_STEP_MS 100.0
#define OVER_FOR_MS 10.0 /* overuse_time_th of s5.5 */

const char *bwe_usage_name(enum bwe_usage u)
{
    static const char *const name[] = {"normal", "over", "under"};

    return name[u];
}

void bwe_trend_init(struct bwe_trend *t)
{
    *t = (struct bwe_trend){.threshold_ms = FIRST_THRESHOLD, .over_for_ms = -1};
}

void bwe_trend_restart(struct bwe_trend *t)
{
    *t = (struct bwe_trend){.threshold_ms = t->threshold_ms, .over_for_ms = -1};
}

/* Least squares; false when all arrived at one moment. */
static bool fit_line(const struct bwe_trend *t, double *slope)
{
    double x_mean = 0, y_mean = 0, xy = 0, xx = 0;

    for (unsigned i = 0; i < BWE_TREND_POINTS; i++) {
        x_mean += t->point[i].arrival_ms / BWE_TREND_POINTS;
        y_mean += t->point[i].delay_ms / BWE_TREND_POINTS;
    }
    for (unsigned i = 0; i < BWE_TREND_POINTS; i++) {
        double x = t->point[i].arrival_ms - x_mean;
        xy += x * (t->point[i].delay_ms - y_mean);
        xx += x * x;
    }
    if (xx <= 0)
        return false;
    *slope = xy / xx;
    return true;
}

static void adapt_threshold(struct bwe_trend *t, double trend_ms, double sent_ms)
{
    double size = fabs(trend_ms);
    double gain = size < t->threshold_ms ? THRESHOLD_DOWN : THRESHOLD_UP;

    if (size > t->threshold_ms + SPIKE_MS)
        return;
    t->threshold_ms += gain * (size - t->threshold_ms) * MIN(sent_ms, MAX_THRESHOLD_STEP_MS);
    t->threshold_ms = MIN(MAX(t->threshold_ms, MIN_THRESHOLD), MAX_THRESHOLD);
}

/* Overuse is told of only when it lasts, over more than one group, and does not get less. */
static void detect(struct bwe_trend *t, double trend_ms, double sent_ms, bool is_rising)
{
    if (trend_ms <= t->threshold_ms) {
        t->usage = trend_ms < -t->threshold_ms ? BWE_USAGE_UNDER : BWE_USAGE_NORMAL;
        t->over_for_ms = -1;
        t->over_count = 0;
        return;
    }
    t->over_for_ms = t->over_for_ms < 0 ? sent_ms / 2 : t->over_for_ms + sent_ms;
    t->over_count++;
    if (t->over_for_ms > OVER_FOR_MS && t->over_count > 1 && is_rising) {
        t->usage = BWE_USAGE_OVER;
        t->over_for_ms = 0;
        t->over_count = 0;
    }
}

void bwe_trend_add(struct bwe_trend *t, double delay_ms, double sent_ms, double arrival_ms)
{
    double before = t->slope;

    t->delay_ms += delay_ms;
    t->smoothed_ms = SMOOTHING * t->smoothed_ms + (1 - SMOOTHING) * t->delay_ms;
    t->point[t->next] = (struct bwe_trend_point){arrival_ms, t->smoothed_ms};
    t->next = (t->next + 1) % BWE_TREND_POINTS;
    t->points = MIN(t->points + 1, MAX_COUNTED);
    if (t->points < BWE_TREND_POINTS || !fit_line(t, &t->slope))
        return;

    double trend_ms = t->points * t->slope * GAIN;
    detect(t, trend_ms, sent_ms, t->slope >= before);
    adapt_threshold(t, trend_ms, sent_ms);
}
