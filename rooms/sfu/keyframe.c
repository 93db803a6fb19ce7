/* SPDX-License-Identifier: Apache-2.0 */
/* keyframe.c - see keyframe.h. */
#include "rooms/sfu/keyframe.h"

#include "core/attr.h"

/* How long an answer may take. */
static uint64_t patience_us(uint64_t round_trip_us)
{
    uint64_t us = 2 * MIN(round_trip_us, KEYFRAME_MAX_PATIENCE_US);

    return MAX(MIN(us, KEYFRAME_MAX_PATIENCE_US), KEYFRAME_MIN_INTERVAL_US);
}

static bool send_now(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us)
{
    k->last_sent_us = now_us;
    k->next_due_us = now_us + (patience_us(round_trip_us) << MIN(k->tries, KEYFRAME_MAX_BACKOFF));
    k->tries++;
    k->sent++;
    return true;
}

bool keyframe_is_pending(const struct keyframe_requester *k)
{
    return k->is_wanted && k->tries < KEYFRAME_TRIES;
}

/* When a request may be sent that has not been sent yet. */
static uint64_t affordable_us(const struct keyframe_requester *k)
{
    return k->spent_us > KEYFRAME_CREDIT_US ? k->spent_us - KEYFRAME_CREDIT_US : 0;
}

bool keyframe_ask(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us)
{
    bool is_pending = keyframe_is_pending(k);
    uint64_t free_us =
        k->last_sent_us + (is_pending ? patience_us(round_trip_us) : KEYFRAME_MIN_INTERVAL_US);

    if (!is_pending || k->tries == 0)
        free_us = MAX(free_us, affordable_us(k));
    k->asked++;
    k->is_wanted = true;
    if (k->sent == 0 || now_us >= free_us) {
        k->tries = 0;
        return send_now(k, round_trip_us, now_us);
    }
    k->merged++;
    if (!is_pending)
        k->tries = 0;
    /* A new reason does not wait for the end of a gap that repetitions have made long. */
    k->next_due_us = is_pending ? MIN(k->next_due_us, free_us) : free_us;
    return false;
}

bool keyframe_tick(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us)
{
    return keyframe_is_pending(k) && now_us >= k->next_due_us && send_now(k, round_trip_us, now_us);
}

void keyframe_received(struct keyframe_requester *k)
{
    if (k->is_wanted)
        k->spent_us = MAX(k->spent_us, k->last_sent_us) + KEYFRAME_SPACING_US;
    k->is_wanted = false;
    k->tries = 0;
    k->received++;
}

uint64_t keyframe_next_us(const struct keyframe_requester *k)
{
    return keyframe_is_pending(k) ? k->next_due_us : UINT64_MAX;
}
