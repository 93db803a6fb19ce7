/* SPDX-License-Identifier: Apache-2.0 */
/* uplink.c - see uplink.h. */
#include "rooms/sfu/uplink.h"

#include "core/packet.h"
#include "core/timebase.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"

#define LATE_KNOWN_US 500000ull /* no frame for so long: how late they come is not known */

static const struct ladder_known *known_of(const struct encoding *e)
{
    return &e->track->ladder.known[e - e->track->encoding];
}

/* As it was sent last. */
static unsigned fps_of(const struct encoding *e)
{
    const struct ladder_known *known = known_of(e);

    return known->count == 0 ? 0 : known->option[known->count - 1].fps;
}

static bool is_smaller(const struct encoding *a, const struct encoding *b)
{
    const struct track *t = b->track;

    return known_of(a)->count > 0 && known_of(b)->count > 0 &&
           t->ladder.rank[a - t->encoding] < t->ladder.rank[b - t->encoding];
}

/* A smaller encoding whose packets come; NULL: there is none, and this one is all that there is. */
static const struct encoding *smaller_live(const struct encoding *e, uint64_t now_us)
{
    const struct track *t = e->track;

    for (unsigned i = 0; i < t->encoding_count; i++)
        if (is_smaller(&t->encoding[i], e) && encoding_is_live(&t->encoding[i], now_us))
            return &t->encoding[i];
    return NULL;
}

bool uplink_is_choked(const struct encoding *e, uint64_t now_us)
{
    return e->choked_us != 0 && now_us - e->choked_us < UPLINK_CHOKED_US;
}

uint64_t uplink_late_us(const struct track *t, uint64_t now_us)
{
    return now_us - t->late_known_us < LATE_KNOWN_US ? t->late_us : 0;
}

static void choke(struct encoding *e, uint64_t now_us)
{
    if (!uplink_is_choked(e, now_us)) {
        e->chokes++;
        e->track->sfu->totals.encodings_choked += e->track->owner != NULL;
        e->track->review_us = 0; /* viewers leave it with the next packet */
    }
    e->choked_us = now_us;
}

/* All go the same way: what one of them loses there, the others lose, too. Each but the smallest. */
static void choke_all(struct track *t, uint64_t now_us)
{
    for (unsigned i = 0; i < t->encoding_count; i++)
        if (smaller_live(&t->encoding[i], now_us) != NULL &&
            encoding_is_live(&t->encoding[i], now_us))
            choke(&t->encoding[i], now_us);
}

void uplink_note_packet(struct encoding *e, const struct packet *pkt, bool has_gap, uint64_t now_us)
{
    struct track *t = e->track;

    if ((pkt->flags & PACKET_IS_RETRANSMISSION) != 0)
        return;
    e->newest_media_us = now_us;
    if (e->has_stopped)
        e->choked_us = 0; /* it goes on */
    e->has_stopped = false;
    if (pkt->media.is_frame_start) {
        e->frame_at = (uint8_t)((e->frame_at + 1) % UPLINK_SILENT_FRAMES);
        e->frame_us[e->frame_at] = now_us;
        frame_delay_add(&e->delay, pkt->rtp.ts, e->recv.clock_hz, now_us);
        t->late_us = e->delay.late_us;
        t->late_known_us = now_us;
    }
    if (has_gap && uplink_late_us(t, now_us) >= UPLINK_LATE_US)
        choke_all(t, now_us);
}

/* Whether so many frames of it came after @since_us. */
static bool came_since(const struct encoding *e, uint64_t since_us)
{
    return e->frame_us[(e->frame_at + 1) % UPLINK_SILENT_FRAMES] > since_us;
}

static bool has_stopped(const struct encoding *e, uint64_t now_us)
{
    const struct encoding *smaller = smaller_live(e, now_us);
    uint64_t since_us = e->newest_media_us;
    uint64_t silent_us = now_us - since_us;

    return since_us != 0 && silent_us >= UPLINK_SILENT_US && silent_us <= ENCODING_SILENT_US &&
           silent_us * fps_of(e) >= UPLINK_SILENT_FRAMES * US_PER_S && smaller != NULL &&
           came_since(smaller, since_us);
}

void uplink_review(struct track *t, uint64_t now_us)
{
    unsigned wanted = demand_set(&t->demand);

    for (unsigned i = 0; i < t->encoding_count; i++) {
        struct encoding *e = &t->encoding[i];
        if ((wanted >> i & 1) == 0 || !has_stopped(e, now_us))
            continue;
        choke(e, now_us);
        e->has_stopped = true;
    }
}

bool uplink_is_beyond_repair(struct encoding *e, uint64_t now_us)
{
    uint64_t bps = rate_bps(&e->recv.rate, now_us);
    uint64_t packets = e->recv.packets_received;

    if (packets == 0 || uplink_late_us(e->track, now_us) < UPLINK_LATE_US)
        return false;
    return e->nack.count * (e->recv.bytes_received / packets) * 8 * US_PER_S >
           bps * UPLINK_REPAIR_US;
}
