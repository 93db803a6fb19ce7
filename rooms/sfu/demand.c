/* SPDX-License-Identifier: Apache-2.0 */
/* demand.c - see demand.h. */
#include "rooms/sfu/demand.h"

#include "core/check.h"

static bool is_told(const struct demand *d, unsigned i)
{
    return (d->told >> i & 1) != 0;
}

void demand_init(struct demand *d, unsigned encodings, uint64_t now_us)
{
    CHECK(encodings <= MAX_ENCODINGS);
    *d = (struct demand){.encodings = (uint8_t)encodings, .told = (uint8_t)((1u << encodings) - 1)};
    for (unsigned i = 0; i < encodings; i++)
        d->since_us[i] = now_us;
}

bool demand_move(struct demand *d, unsigned from, unsigned to, uint64_t now_us)
{
    unsigned before = demand_set(d);

    /* By the bits that differ: to compare bit by bit is what gcc 12.2 makes wrong code of. */
    for (unsigned i = 0, changed = from ^ to; i < d->encodings; i++) {
        bool is = (to >> i & 1) != 0;
        if ((changed >> i & 1) == 0)
            continue;
        CHECK(is || d->votes[i] > 0);
        d->votes[i] += is ? 1u : UINT32_MAX;
        if (d->votes[i] == 0)
            d->since_us[i] = now_us;
    }
    return demand_set(d) != before;
}

unsigned demand_set(const struct demand *d)
{
    unsigned set = 0;

    for (unsigned i = 0; i < d->encodings; i++)
        set |= (unsigned)(d->votes[i] > 0) << i;
    return set;
}

size_t demand_collect(struct demand *d, uint64_t now_us, struct demand_event out[MAX_ENCODINGS])
{
    size_t n = 0;

    for (unsigned i = 0; i < d->encodings; i++) {
        bool is_wanted = d->votes[i] > 0;
        if (is_wanted == is_told(d, i))
            continue;
        if (!is_wanted && now_us < d->since_us[i] + DEMAND_OFF_DELAY_US)
            continue;
        d->told ^= (uint8_t)(1u << i);
        out[n++] = (struct demand_event){.encoding = (uint8_t)i, .is_wanted = is_wanted};
    }
    return n;
}

uint64_t demand_next_us(const struct demand *d)
{
    uint64_t next_us = UINT64_MAX;

    for (unsigned i = 0; i < d->encodings; i++)
        if (d->votes[i] == 0 && is_told(d, i))
            next_us = MIN(next_us, d->since_us[i] + DEMAND_OFF_DELAY_US);
    return next_us;
}

bool demand_is_off(const struct demand *d, unsigned encoding)
{
    return encoding < d->encodings && !is_told(d, encoding);
}
