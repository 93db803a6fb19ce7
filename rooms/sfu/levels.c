/* SPDX-License-Identifier: Apache-2.0 */
/* levels.c - see levels.h. */
#include "rooms/sfu/levels.h"

#include "core/timebase.h"

void levels_init(struct levels *l)
{
    *l = (struct levels){.next_us = UINT64_MAX};
    list_init(&l->waiting);
}

void level_meter_init(struct level_meter *m, uint64_t track_id)
{
    *m = (struct level_meter){.heard = {.track_id = track_id}};
    list_init(&m->node);
}

static bool is_waiting(const struct level_meter *m)
{
    return !list_is_empty(&m->node);
}

void level_meter_fini(struct levels *l, struct level_meter *m)
{
    l->count -= is_waiting(m);
    list_remove(&m->node);
    if (l->count == 0)
        l->next_us = UINT64_MAX;
}

/* ---- frames ---- */

static uint64_t at_us(const struct track_levels *t, const struct level_frame *f)
{
    return t->first_us + f->after_ms * US_PER_MS;
}

/* A report that was not taken for so long begins anew: whoever takes it sees that time as silence. */
static bool is_stale(const struct track_levels *t, uint64_t now_us)
{
    return t->count > 0 && now_us - t->first_us > UINT16_MAX * US_PER_MS;
}

static void add_frame(struct track_levels *t, uint8_t level, bool voice, uint64_t now_us)
{
    struct level_frame *last = t->count == 0 ? NULL : &t->frame[t->count - 1];

    if (last != NULL &&
        (t->count == LEVELS_MAX_FRAMES || now_us < at_us(t, last) + LEVELS_FRAME_US)) {
        last->level = MIN(last->level, level);
        last->voice |= voice;
        return;
    }
    if (t->count == 0)
        t->first_us = now_us;
    t->frame[t->count++] = (struct level_frame){
        .after_ms = (uint16_t)((now_us - t->first_us) / US_PER_MS), .level = level, .voice = voice};
}

static void count_silence(struct level_meter *m, uint8_t level)
{
    if (level < LEVELS_SILENCE)
        m->silent_packets = 0;
    else if (m->silent_packets <= LEVELS_SILENT_PACKETS)
        m->silent_packets++;
}

static void wait_for_report(struct levels *l, struct level_meter *m, uint64_t due_us)
{
    if (!is_waiting(m)) {
        list_append(&l->waiting, &m->node);
        l->count++;
    }
    l->next_us = MIN(l->next_us, due_us);
}

void level_meter_note(struct levels *l, struct level_meter *m, uint8_t level, bool voice,
                      uint64_t now_us)
{
    bool is_loud = level < LEVELS_QUIET;
    bool was_heard = is_waiting(m) || (m->loud_us != 0 && now_us - m->loud_us < LEVELS_HOLD_US);

    count_silence(m, level);
    if (is_loud)
        m->loud_us = now_us;
    /* Of a quiet track the newest frame is kept: a report that begins with it tells when the sound began. */
    if (is_stale(&m->heard, now_us) || (!is_loud && !was_heard))
        m->heard.count = 0;
    add_frame(&m->heard, level, voice, now_us);
    if (is_loud || was_heard)
        wait_for_report(l, m, now_us + (was_heard ? LEVELS_INTERVAL_US : LEVELS_SOON_US));
}

bool level_meter_is_silent(const struct level_meter *m)
{
    return m->silent_packets > LEVELS_SILENT_PACKETS;
}

/* ---- reports ---- */

uint64_t levels_next_us(const struct levels *l)
{
    return l->next_us;
}

size_t levels_count(const struct levels *l)
{
    return l->count;
}

size_t levels_take(struct levels *l, struct track_levels *out, size_t max)
{
    struct level_meter *m;
    size_t n = 0;

    while (n < max && (m = LIST_FIRST(&l->waiting, struct level_meter, node)) != NULL) {
        out[n++] = m->heard;
        m->heard.count = 0;
        level_meter_fini(l, m);
    }
    return n;
}
