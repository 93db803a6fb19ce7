/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speaker.c - see speaker.h.
 *
 *     frames   ▁▂▆▇▆ ▆▇▇▅▂ ▁▁▁▁▁ ▃▇▇▇▆        a frame is active when it is loud, clearly above the member's noise, and voice
 *     blocks     1     1     0     1           a block is, when most of its frames are
 *     window   ...1101                         what is compared: how many blocks of the last two seconds
 *
 * Frames follow each member's own packets; where none come (discontinuous transmission, loss, mute) they are silent.
 */
#include "rooms/sfu/speaker.h"

#include "core/check.h"

#define BLOCK_ACTIVE 3    /* frames of five: a click of the keyboard has two */
#define MAX_HELD_FRAMES 3 /* a packet stands for so many frames: packets of 60 ms, or jitter */

#define LOUD_MIN 70    /* -57 dBov: the quietest speech */
#define ABOVE_FLOOR 10 /* dB */
#define FLOOR_MAX 85 /* whoever speaks without a pause is no noise: -32 dBov is loud in any case */
#define FLOOR_FRAMES 250 /* five seconds: speech has pauses in it */

#define RECENT_BLOCKS 10
#define FIRST_BLOCKS 3    /* to become dominant where nobody is: 300 ms of speech */
#define SPEECH_BLOCKS 4   /* of the last ten: more than a cough */
#define GIVEN_IN_BLOCKS 6 /* of silence: longer than a breath */
#define TAKE_OVER_LEAD 5  /* blocks of the window, over somebody who goes on speaking */
#define NOT_QUIETER_Q8 (6 << 8)
#define PLACE_LOUDER_Q8 (6 << 8) /* dB, to push out somebody who speaks */

#define ATTACK_SHIFT 2 /* of the smoothed loudness: 80 ms up, 320 ms down */
#define DECAY_SHIFT 4

/* ---- frames ---- */

/* How many of the newest @blocks were active. */
static unsigned active_of(const struct speaker_member *m, unsigned blocks)
{
    return (unsigned)__builtin_popcount(m->blocks & ((1u << blocks) - 1));
}

static unsigned floor_of(const struct speaker_member *m)
{
    return MIN(MIN(m->floor_past, m->floor_now), (unsigned)FLOOR_MAX);
}

static void track_floor(struct speaker_member *m, uint8_t loudness)
{
    m->floor_now = MIN(m->floor_now, loudness);
    if (++m->floor_frames < FLOOR_FRAMES)
        return;
    m->floor_past = m->floor_now;
    m->floor_now = UINT8_MAX;
    m->floor_frames = 0;
}

static bool is_active(const struct speaker_member *m, uint8_t loudness)
{
    return loudness >= LOUD_MIN && loudness >= floor_of(m) + ABOVE_FLOOR;
}

static void smooth(struct speaker_member *m, uint8_t loudness)
{
    int now = loudness << 8, was = m->loud_q8;

    m->loud_q8 = (uint16_t)(was + (now - was) / (1 << (now > was ? ATTACK_SHIFT : DECAY_SHIFT)));
}

static void add_frame(struct speaker_member *m, uint8_t loudness)
{
    track_floor(m, loudness);
    bool active = is_active(m, loudness);
    smooth(m, active ? loudness : 0);
    m->active_frames = (uint8_t)(m->active_frames + active);
    if (++m->frames < SPEAKER_BLOCK_FRAMES)
        return;
    m->blocks = m->blocks << 1 | (m->active_frames >= BLOCK_ACTIVE);
    m->frames = m->active_frames = 0;
}

/* Frames up to @now_us: of silence, and the last ones as loud as @loudness. */
static void add_frames(struct speaker_member *m, uint8_t loudness, unsigned held, uint64_t now_us)
{
    uint64_t frames = (now_us - m->cursor_us) / SPEAKER_FRAME_US;
    const uint64_t window = SPEAKER_WINDOW_BLOCKS * SPEAKER_BLOCK_FRAMES;

    m->cursor_us += frames * SPEAKER_FRAME_US;
    for (uint64_t silent = MIN(frames - MIN(frames, held), window); silent > 0; silent--)
        add_frame(m, 0);
    for (uint64_t loud = MIN(frames, held); loud > 0; loud--)
        add_frame(m, loudness);
}

/* ---- places ---- */

static bool is_speaking(const struct speaker_member *m)
{
    return m->loud_q8 >=
           LOUD_MIN << 7; /* half the loudness: the smoothed value after a pause of 200 ms */
}

int speaker_place_of(const struct speaker_places *p, const struct speaker_member *m)
{
    for (unsigned i = 0; i <= p->heard; i++)
        if (p->place[i].member == m)
            return (int)i;
    return -1;
}

static void set_place(struct speaker_places *p, int place, struct speaker_member *m,
                      uint64_t now_us)
{
    p->place[place] = (struct speaker_place){m, now_us};
    p->changed |= 1u << place;
}

/* Of the places in [from, to) the one that @m may take: a free one, that of the quietest, or -1. */
static int find_place(const struct speaker_places *p, unsigned from, unsigned to,
                      const struct speaker_member *m, uint64_t now_us)
{
    int quietest = -1;

    for (unsigned i = from; i < to; i++) {
        const struct speaker_member *holder = p->place[i].member;
        if (holder == NULL)
            return (int)i;
        if (quietest < 0 || holder->loud_q8 < p->place[quietest].member->loud_q8)
            quietest = (int)i;
    }
    if (quietest < 0)
        return -1;
    const struct speaker_place *taken = &p->place[quietest];
    if (!is_speaking(taken->member))
        return quietest;
    bool may_go = now_us >= taken->since_us + SPEAKER_PLACE_DWELL_US;
    return may_go && m->loud_q8 >= taken->member->loud_q8 + PLACE_LOUDER_Q8 ? quietest : -1;
}

/* The spare one is for who finds no other; and is left for another. */
static bool seek_place_in(struct speaker_places *p, struct speaker_member *m, uint64_t now_us)
{
    int has = speaker_place_of(p, m);

    if (has >= 0 && has < (int)p->heard)
        return false;
    int place = find_place(p, 0, p->heard, m, now_us);
    if (place < 0 && has < 0)
        place = find_place(p, p->heard, p->heard + 1, m, now_us);
    if (place < 0)
        return false;
    if (has >= 0)
        set_place(p, has, NULL, now_us);
    set_place(p, place, m, now_us);
    return true;
}

static unsigned seek_place(struct speaker *s, struct speaker_member *m, uint64_t now_us)
{
    unsigned changed = 0;

    LIST_EACH(&s->places, struct speaker_places, node, p)
        if (seek_place_in(p, m, now_us))
            changed = SPEAKER_PLACES_CHANGED;
    s->place_changes += changed != 0;
    return changed;
}

unsigned speaker_offer_place(struct speaker *s, struct speaker_member *m, uint64_t now_us)
{
    unsigned changed = 0;

    LIST_EACH(&s->places, struct speaker_places, node, p)
        for (unsigned i = 0; i < p->heard && speaker_place_of(p, m) < 0; i++)
            if (p->place[i].member == NULL) {
                set_place(p, (int)i, m, now_us);
                changed = SPEAKER_PLACES_CHANGED;
            }
    return changed;
}

void speaker_places_add(struct speaker *s, struct speaker_places *p, unsigned heard)
{
    CHECK(heard > 0 && heard <= MAX_MOVING_SOURCES);
    *p = (struct speaker_places){.heard = heard};
    list_init(&p->node);
    list_append(&s->places, &p->node);
}

void speaker_places_remove(struct speaker_places *p)
{
    list_remove(&p->node);
}

/* ---- levels ---- */

static uint8_t loudness_of(struct speaker_member *m, uint8_t level, bool voice)
{
    m->tells_voice |= voice;
    if (m->tells_voice && !voice)
        return 0;
    return (uint8_t)(SPEAKER_LEVEL_SILENCE - MIN(level, SPEAKER_LEVEL_SILENCE));
}

static void watch(struct speaker *s, struct speaker_member *m, uint64_t now_us)
{
    if (!list_is_empty(&m->node))
        return;
    list_append(&s->active, &m->node);
    if (s->next_us == UINT64_MAX)
        s->next_us = now_us + SPEAKER_TICK_US;
}

unsigned speaker_level(struct speaker *s, struct speaker_member *m, uint8_t level, bool voice,
                       uint64_t now_us)
{
    uint8_t loudness = loudness_of(m, level, voice);

    if (!m->is_heard) {
        m->is_heard = true;
        m->cursor_us = now_us - SPEAKER_FRAME_US;
    }
    m->pending = MAX(m->pending, loudness);
    if (now_us < m->cursor_us + SPEAKER_FRAME_US)
        return 0;
    loudness = m->pending;
    m->pending = 0;
    add_frames(m, loudness, MAX_HELD_FRAMES, now_us);
    if (!is_active(m, loudness))
        return 0;
    watch(s, m, now_us);
    return seek_place(s, m, now_us);
}

/* ---- who is dominant ---- */

/* Whoever speaks now: where nobody does, from one who has given in, or over one who goes on. */
static bool may_take_over(const struct speaker *s, const struct speaker_member *m)
{
    const struct speaker_member *d = s->dominant;

    if ((m->blocks & 1) == 0)
        return false;
    if (d == NULL)
        return active_of(m, RECENT_BLOCKS) >= FIRST_BLOCKS;
    if (active_of(m, RECENT_BLOCKS) < SPEECH_BLOCKS)
        return false;
    if (active_of(d, GIVEN_IN_BLOCKS) == 0)
        return true;
    return active_of(m, SPEAKER_WINDOW_BLOCKS) >=
               active_of(d, SPEAKER_WINDOW_BLOCKS) + TAKE_OVER_LEAD &&
           m->loud_q8 + NOT_QUIETER_Q8 >= d->loud_q8;
}

static bool is_more_active(const struct speaker_member *a, const struct speaker_member *b)
{
    unsigned of_a = active_of(a, SPEAKER_WINDOW_BLOCKS);
    unsigned of_b = b == NULL ? 0 : active_of(b, SPEAKER_WINDOW_BLOCKS);

    return b == NULL || of_a > of_b || (of_a == of_b && a->loud_q8 > b->loud_q8);
}

static unsigned choose_dominant(struct speaker *s, uint64_t now_us)
{
    struct speaker_member *best = NULL;
    bool is_held = s->dominant != NULL && active_of(s->dominant, GIVEN_IN_BLOCKS) > 0 &&
                   now_us - s->dominant_since_us < SPEAKER_DWELL_US;

    LIST_EACH(&s->active, struct speaker_member, node, m)
        if (!is_held && m != s->dominant && may_take_over(s, m) && is_more_active(m, best))
            best = m;
    if (best == NULL)
        return 0;
    s->dominant = best;
    s->dominant_since_us = now_us;
    s->switches++;
    list_remove(&best->recent);
    list_prepend(&s->recent, &best->recent);
    return SPEAKER_DOMINANT_CHANGED;
}

static bool has_faded(const struct speaker_member *m)
{
    return active_of(m, SPEAKER_WINDOW_BLOCKS) == 0 && m->active_frames == 0 && !is_speaking(m);
}

/* Silence for those whose packets stopped. */
static void catch_up(struct speaker_member *m, uint64_t now_us)
{
    const uint64_t patience_us = MAX_HELD_FRAMES * SPEAKER_FRAME_US;

    if (now_us > m->cursor_us + patience_us)
        add_frames(m, 0, 0, now_us - patience_us);
}

unsigned speaker_tick(struct speaker *s, uint64_t now_us)
{
    unsigned changed = 0;

    if (now_us < s->next_us)
        return 0;
    LIST_EACH(&s->active, struct speaker_member, node, m)
        catch_up(m, now_us);
    changed |= choose_dominant(s, now_us);
    LIST_EACH(&s->active, struct speaker_member, node, m) {
        if (m->blocks & 1)
            changed |= seek_place(s, m, now_us);
        if (has_faded(m))
            list_remove(&m->node);
    }
    s->next_us = list_is_empty(&s->active) ? UINT64_MAX : now_us + SPEAKER_TICK_US;
    return changed;
}

uint64_t speaker_next_us(const struct speaker *s)
{
    return s->next_us;
}

size_t speaker_recent(const struct speaker *s, struct speaker_member **out, size_t max)
{
    size_t n = 0;

    LIST_EACH(&s->recent, struct speaker_member, recent, m)
        if (n < max)
            out[n++] = m;
    return n;
}

/* ---- life ---- */

void speaker_init(struct speaker *s)
{
    *s = (struct speaker){.next_us = UINT64_MAX};
    list_init(&s->active);
    list_init(&s->recent);
    list_init(&s->places);
}

void speaker_add(struct speaker *s, struct speaker_member *m, uint64_t id)
{
    (void)s;
    /* The past was quiet: who begins loudly begins to speak. */
    *m = (struct speaker_member){.id = id, .floor_now = UINT8_MAX};
    list_init(&m->node);
    list_init(&m->recent);
}

unsigned speaker_remove(struct speaker *s, struct speaker_member *m)
{
    unsigned changed = 0;

    list_remove(&m->node);
    list_remove(&m->recent);
    if (s->dominant == m) {
        s->dominant = NULL;
        changed |= SPEAKER_DOMINANT_CHANGED;
    }
    LIST_EACH(&s->places, struct speaker_places, node, p) {
        int place = speaker_place_of(p, m);
        if (place < 0)
            continue;
        set_place(p, place, NULL, 0);
        changed |= SPEAKER_PLACES_CHANGED;
    }
    s->place_changes += (changed & SPEAKER_PLACES_CHANGED) != 0;
    return changed;
}
