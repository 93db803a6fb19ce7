/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_trend.h - is the delay on the way growing? A line through the latest delays, and a threshold for its slope that adapts to
 * what is usual on this path (draft-ietf-rmcat-gcc-02 s5.4; the line in place of its Kalman filter, as libwebrtc has it). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BWE_TREND_POINTS 20

enum bwe_usage { BWE_USAGE_NORMAL, BWE_USAGE_OVER, BWE_USAGE_UNDER };

/** "normal", "over", "under". */
const char *bwe_usage_name(enum bwe_usage u);

/* Fields are private. */
struct bwe_trend {
    struct bwe_trend_point {
        double arrival_ms, delay_ms;
    } point[BWE_TREND_POINTS]; /* a ring */
    uint32_t points;           /* ever, up to a maximum */
    uint32_t next;
    double delay_ms, smoothed_ms;
    double slope, threshold_ms;
    double over_for_ms; /* below 0: not */
    uint32_t over_count;
    enum bwe_usage usage;
};

/** Start with nothing known. */
void bwe_trend_init(struct bwe_trend *t);
/** Forget the delays, keep the threshold: it belongs to the path. */
void bwe_trend_restart(struct bwe_trend *t);
/**
 * Add one group of packets.
 *
 * Units: @delay_ms more delay than the group before, which was sent @sent_ms earlier; @arrival_ms of the endpoint's clock, from
 *        any origin that is not too far away.
 */
void bwe_trend_add(struct bwe_trend *t, double delay_ms, double sent_ms, double arrival_ms);
