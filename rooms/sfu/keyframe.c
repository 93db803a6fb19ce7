/* SPDX-License-Identifier: Apache-2.0 */
/* keyframe.c - see keyframe.h. */
#include "rooms/sfu/keyframe.h"

#include "core/attr.h"

static void note_sent(struct keyframe_requester *k, uint64_t retry_us, uint64_t now_us)
{
    k->last_sent_us = now_us;
    k->next_due_us = now_us + retry_us;
    k->tries++;
    k->sent++;
}

bool keyframe_ask(struct keyframe_requester *k, uint64_t now_us)
{
    bool is_too_soon = k->last_sent_us != 0 && now_us - k->last_sent_us < KEYFRAME_MIN_INTERVAL_US;

    k->asked++;
    if (k->is_wanted || is_too_soon) {
        k->merged++;
        if (k->is_wanted && k->tries < KEYFRAME_RETRIES)
            return false; /* one is under way, and will be repeated */
        k->tries = 0;
        k->is_wanted = true;
        k->next_due_us = MAX(now_us, k->last_sent_us + KEYFRAME_MIN_INTERVAL_US);
        return false;
    }
    k->is_wanted = true;
    k->tries = 0;
    note_sent(k, KEYFRAME_MIN_INTERVAL_US, now_us);
    return true;
}

bool keyframe_tick(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us)
{
    uint64_t retry_us = MAX(MAX(KEYFRAME_RETRY_MIN_US, 2 * round_trip_us), KEYFRAME_MIN_INTERVAL_US);

    if (!k->is_wanted || now_us < k->next_due_us || k->tries >= KEYFRAME_RETRIES)
        return false;
    note_sent(k, retry_us << MIN(k->tries, 4u), now_us); /* back off: the publisher may be asleep */
    return true;
}

void keyframe_received(struct keyframe_requester *k, uint64_t now_us)
{
    (void)now_us;
    k->is_wanted = false;
    k->tries = 0;
    k->received++;
}

uint64_t keyframe_next_us(const struct keyframe_requester *k)
{
    return k->is_wanted && k->tries < KEYFRAME_RETRIES ? k->next_due_us : UINT64_MAX;
}
