/* SPDX-License-Identifier: Apache-2.0 */
/* keyframe.c - see keyframe.h. */
#include "rooms/sfu/keyframe.h"

#include "core/attr.h"

static bool send_now(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us)
{
    uint64_t patience_us =
        MIN(2 * MIN(round_trip_us, KEYFRAME_MAX_PATIENCE_US), KEYFRAME_MAX_PATIENCE_US);

    patience_us = MAX(patience_us, KEYFRAME_MIN_INTERVAL_US);
    k->last_sent_us = now_us;
    k->next_due_us = now_us + (patience_us << MIN(k->tries, KEYFRAME_MAX_BACKOFF));
    k->tries++;
    k->sent++;
    return true;
}

bool keyframe_is_pending(const struct keyframe_requester *k)
{
    return k->is_wanted && k->tries < KEYFRAME_TRIES;
}

bool keyframe_ask(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us)
{
    k->asked++;
    if (keyframe_is_pending(k)) {
        k->merged++;
        return false;
    }
    k->is_wanted = true;
    k->tries = 0;
    if (k->sent == 0 || now_us - k->last_sent_us >= KEYFRAME_MIN_INTERVAL_US)
        return send_now(k, round_trip_us, now_us);
    k->merged++;
    k->next_due_us = k->last_sent_us + KEYFRAME_MIN_INTERVAL_US;
    return false;
}

bool keyframe_tick(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us)
{
    return keyframe_is_pending(k) && now_us >= k->next_due_us && send_now(k, round_trip_us, now_us);
}

void keyframe_received(struct keyframe_requester *k)
{
    k->is_wanted = false;
    k->tries = 0;
    k->received++;
}

uint64_t keyframe_next_us(const struct keyframe_requester *k)
{
    return keyframe_is_pending(k) ? k->next_due_us : UINT64_MAX;
}
