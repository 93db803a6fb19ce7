/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - see history.h. */
#include "rooms/sfu/history.h"

#include "core/mem.h"
#include "core/packet.h"
#include "core/seq.h"

void history_init(struct history *h, struct history_budget *budget)
{
    *h = (struct history){.budget = budget};
}

static size_t capacity(const struct history *h)
{
    return h->slot == NULL ? 0 : h->mask + 1u;
}

static size_t beyond_least(size_t packets)
{
    return packets > HISTORY_MIN_PACKETS ? packets - HISTORY_MIN_PACKETS : 0;
}

void history_clear(struct history *h)
{
    for (size_t i = 0; i < capacity(h); i++)
        packet_unref(&h->slot[i]);
    h->started = h->has_keyframe = false;
}

void history_fini(struct history *h)
{
    history_clear(h);
    if (h->budget != NULL)
        h->budget->packets -= beyond_least(capacity(h));
    MEM_FREE(h->slot);
}

/* Make the ring @packets long; false when there is no room for that. */
static bool resize(struct history *h, size_t packets)
{
    size_t more = beyond_least(packets) - beyond_least(capacity(h));
    struct packet **slot = NULL;

    if (h->budget->packets + more > h->budget->max_packets ||
        (slot = mem_try_alloc(packets * sizeof(struct packet *))) == NULL)
        return false;
    for (size_t i = 0; i < capacity(h); i++)
        if (h->slot[i] != NULL)
            slot[h->slot[i]->rtp.seq & (packets - 1)] = h->slot[i];
    mem_free(h->slot);
    h->slot = slot;
    h->mask = (uint32_t)(packets - 1);
    h->budget->packets += more;
    return true;
}

/* The packet that has to go is young: the ring is too short for the rate. */
static void make_room(struct history *h, const struct packet *pkt)
{
    const struct packet *oldest = h->slot[pkt->rtp.seq & h->mask];

    if (oldest != NULL && capacity(h) < HISTORY_MAX_PACKETS &&
        pkt->arrival_us - oldest->arrival_us < HISTORY_US)
        (void)resize(h, 2 * capacity(h));
}

/* What lies between the newest packet and @seq was not received, and its slots hold what is a ring older. */
static void advance(struct history *h, uint16_t seq)
{
    int ahead = seq16_diff(seq, h->newest);

    if (ahead > (int)h->mask) {
        history_clear(h);
    } else {
        for (int i = 1; i <= ahead; i++)
            packet_unref(&h->slot[(uint16_t)(h->newest + i) & h->mask]);
    }
    h->started = true;
    h->newest = seq;
}

void history_add(struct history *h, struct packet *pkt)
{
    uint16_t seq = pkt->rtp.seq;

    if (h->slot == NULL && !resize(h, HISTORY_MIN_PACKETS))
        return;
    if (!h->started || seq16_newer(seq, h->newest)) {
        make_room(h, pkt);
        if (h->started)
            advance(h, seq);
        h->started = true;
        h->newest = seq;
    } else if (seq16_diff(h->newest, seq) > (int)h->mask) {
        return;
    }
    struct packet **slot = &h->slot[seq & h->mask];
    packet_unref(slot);
    *slot = packet_ref(pkt);
    if (pkt->media.is_keyframe && (!h->has_keyframe || seq16_newer(seq, h->keyframe_seq) ||
                                   history_find(h, h->keyframe_seq) == NULL)) {
        h->has_keyframe = true;
        h->keyframe_seq = h->whole_seq = seq;
        h->keyframe_us = pkt->arrival_us;
    }
}

struct packet *history_find(const struct history *h, uint16_t seq)
{
    struct packet *pkt = h->slot == NULL ? NULL : h->slot[seq & h->mask];

    return pkt != NULL && pkt->rtp.seq == seq ? pkt : NULL;
}

bool history_can_start(const struct history *h, uint64_t max_age_us, size_t max_packets,
                       uint64_t now_us)
{
    if (!h->started || !h->has_keyframe || now_us - h->keyframe_us > max_age_us)
        return false;
    int count = seq16_diff(h->newest, h->keyframe_seq) + 1;
    return count > 0 && (size_t)count <= max_packets && history_find(h, h->keyframe_seq) != NULL;
}

/* Its dependency descriptor needs a structure that came later: what it told of its layers is not known. */
static bool is_undescribed(const struct packet *pkt)
{
    return pkt->media.dd.has_frame_number && pkt->media.dd.target_count == 0;
}

bool history_is_whole(struct history *h)
{
    for (; !seq16_newer(h->whole_seq, h->newest); h->whole_seq++) {
        const struct packet *pkt = history_find(h, h->whole_seq);
        if (pkt == NULL || is_undescribed(pkt))
            return false;
    }
    return h->has_keyframe;
}

bool history_next_hole(const struct history *h, uint16_t *seq)
{
    while (!seq16_newer(*seq, h->newest) && history_find(h, *seq) != NULL)
        (*seq)++;
    return !seq16_newer(*seq, h->newest);
}
