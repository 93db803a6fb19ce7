/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - when a packet leaves is computed when it comes, since all rates to come are known. */
#include "tests/sim/link.h"

#include "core/attr.h"
#include "core/check.h"

#define US_PER_S 1000000.0

void link_init(struct link *l, uint64_t seed, uint64_t bps, uint64_t delay_us, uint64_t queue_us)
{
    *l = (struct link){.delay_us = delay_us, .queue_us = queue_us};
    rng_seed(&l->rng, seed);
    link_change(l, 0, bps);
}

void link_change(struct link *l, uint64_t from_us, uint64_t bps)
{
    CHECK(l->steps < LINK_MAX_STEPS);
    CHECK(l->steps == 0 || l->step[l->steps - 1].from_us < from_us);
    l->step[l->steps++] = (struct link_step){from_us, bps};
}

static unsigned step_at(const struct link *l, uint64_t at_us)
{
    unsigned i = l->steps - 1;

    while (i > 0 && l->step[i].from_us > at_us)
        i--;
    return i;
}

uint64_t link_bps(const struct link *l, uint64_t at_us)
{
    return l->step[step_at(l, at_us)].bps;
}

static uint64_t end_of(const struct link *l, unsigned step)
{
    return step + 1 < l->steps ? l->step[step + 1].from_us : UINT64_MAX;
}

uint64_t link_capacity_bytes(const struct link *l, uint64_t from_us, uint64_t to_us)
{
    double bytes = 0;

    for (unsigned i = step_at(l, from_us); i < l->steps && l->step[i].from_us < to_us; i++) {
        uint64_t from = MAX(from_us, l->step[i].from_us), to = MIN(to_us, end_of(l, i));
        bytes += (double)l->step[i].bps / 8 * (double)(to - from) / US_PER_S;
    }
    return (uint64_t)bytes;
}

/* When @bytes are through, that begin at @at_us. The last step moves. */
static uint64_t transmit(const struct link *l, size_t bytes, uint64_t at_us)
{
    double bits = (double)bytes * 8;

    for (unsigned i = step_at(l, at_us);; i++) {
        uint64_t end_us = end_of(l, i);
        double room = (double)l->step[i].bps * (double)(end_us - at_us) / US_PER_S;

        CHECK(end_us != UINT64_MAX || l->step[i].bps > 0);
        if (end_us == UINT64_MAX || room >= bits)
            return at_us + (uint64_t)(bits * US_PER_S / (double)l->step[i].bps);
        bits -= room;
        at_us = end_us;
    }
}

static bool is_lost_on_the_way(struct link *l, uint64_t now_us)
{
    if (now_us >= l->blocked_from_us && now_us < l->blocked_to_us)
        return true;
    if (l->in_burst)
        l->in_burst = rng_unit(&l->rng) >= l->burst_ends;
    else
        l->in_burst = l->burst_starts > 0 && rng_unit(&l->rng) < l->burst_starts;
    return l->in_burst || (l->loss > 0 && rng_unit(&l->rng) < l->loss);
}

static bool is_policed(struct link *l, size_t bytes, uint64_t now_us)
{
    if (l->policed_bps == 0)
        return false;
    l->tokens += (double)l->policed_bps / 8 * (double)(now_us - l->policed_us) / US_PER_S;
    l->tokens = MIN(l->tokens, (double)l->bucket_bytes);
    l->policed_us = now_us;
    if (l->tokens < (double)bytes)
        return true;
    l->tokens -= (double)bytes;
    return false;
}

static bool has_room(struct link *l, size_t bytes, uint64_t now_us)
{
    while (l->count > 0 && l->queued[l->first].departs_us <= now_us) {
        l->bytes_queued -= l->queued[l->first].bytes;
        l->first = (l->first + 1) % LINK_MAX_QUEUED;
        l->count--;
    }
    double limit = (double)link_bps(l, now_us) / 8 * (double)l->queue_us / US_PER_S;
    limit = MAX(limit, 15000); /* ten packets; a link that stands still holds some more */
    if (l->queue_bytes > 0)
        limit = MIN(limit, (double)l->queue_bytes);
    return l->count < LINK_MAX_QUEUED && (double)(l->bytes_queued + bytes) <= limit;
}

/* With slots packets are late together, as on a radio link and on the wire of tests/net. */
static uint64_t jitter_at(struct link *l, uint64_t at_us)
{
    uint64_t slot = l->jitter_slot_us == 0 ? 0 : at_us / l->jitter_slot_us + 1;

    if (l->jitter_us == 0)
        return 0;
    if (slot == 0 || slot != l->slot)
        l->slot_jitter_us = rng_below(&l->rng, (uint32_t)l->jitter_us);
    l->slot = slot;
    return l->slot_jitter_us;
}

static uint64_t arrival(struct link *l, uint64_t departs_us)
{
    uint64_t at_us = departs_us + l->delay_us + jitter_at(l, departs_us);

    if (l->batch_us > 0)
        at_us = (at_us + l->batch_us - 1) / l->batch_us * l->batch_us;
    l->last_arrival_us = MAX(l->last_arrival_us, at_us);
    return l->last_arrival_us;
}

bool link_send(struct link *l, size_t bytes, uint64_t now_us, uint64_t *arrives_us,
               uint64_t *waited_us)
{
    if (is_lost_on_the_way(l, now_us) || is_policed(l, bytes, now_us) ||
        !has_room(l, bytes, now_us))
        return false;
    uint64_t start_us = MAX(l->busy_until_us, now_us);
    l->busy_until_us = transmit(l, bytes, start_us);
    l->queued[(l->first + l->count++) % LINK_MAX_QUEUED] =
        (struct link_queued){l->busy_until_us, (uint32_t)bytes};
    l->bytes_queued += bytes;
    *waited_us = start_us - now_us;
    *arrives_us = arrival(l, l->busy_until_us);
    return true;
}
