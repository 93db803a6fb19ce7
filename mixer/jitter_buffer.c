/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jitter_buffer.c - see jitter_buffer.h.
 *
 *        played │ what the next pull is about │ packets, in order of their numbers
 *   ────────────┴─────────────────────────────┴─────────────────────────────────▶ media time, unwrapped
 *            next_ts                       head->ts
 *
 * Numbers and timestamps are unwrapped into one line that goes on over every restart: what begins anew is laid behind the newest
 * packet. While packets are missing and none is behind them, they may be late rather than lost: sound is filled in and next_ts
 * stands still (held_ts counts what was filled in). When a packet comes, what was filled in pays for the gap before it; what is left
 * is added delay, to be brought down later.
 */
#include "mixer/jitter_buffer.h"

#include <string.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/seq.h"
#include "core/timebase.h"
#include "mixer/jitter_delay.h"

#define SILENCE_US 20000
#define CONCEAL_US 100000       /* longer than that nothing sensible can be made up */
#define IDLE_US 1000000         /* over twice the time between two packets of a pause (400 ms) */
#define MAX_SEQ_JUMP 3000       /* RFC 3550 A.1, MAX_DROPOUT */
#define RESTART_AFTER 8         /* old packets in a row: the sender counts anew */
#define OLD_SSRC_US 2000000     /* stragglers of the stream before */
#define LATER_JUMP_US 200000    /* above the ceiling: no delay, but a clock that stood still */
#define EARLIER_JUMP_US 1000000 /* no packet overtakes that much */
#define WINDOW_US 100000        /* advice is given once a window */
#define SHRINK_US 15000         /* too much delay: more than a period of the voice */
#define SHRINK_FAST_US 60000
#define REPEATED_WEIGHT \
    3                 /* so that one lost packet in a hundred is worth waiting for its repetition */
#define GROW_US 10000 /* too little, or half of a target that is below twice that */

struct slot {
    struct packet *packet;
    int64_t seq, ts; /* unwrapped */
    uint32_t span_ts;
    bool is_pause, is_restart;
};

struct jitter_buffer {
    uint32_t clock_hz;
    uint64_t max_delay_us;
    struct jitter_delay delay;
    struct jitter_buffer_stats stats;

    /* what came */
    bool has_stream;
    uint32_t ssrc, old_ssrc;
    uint64_t ssrc_since_us;
    int64_t newest_seq, newest_ts, newest_end_ts;
    uint16_t newest_wire_seq;
    uint32_t newest_wire_ts;
    uint64_t came; /* bit i: newest_seq - i */
    unsigned old_in_a_row;

    /* what was given */
    bool is_playing;
    bool is_silent; /* the last thing given was silence */
    bool is_paused; /* the last packet given said that silence follows */
    int64_t next_seq, next_ts;
    uint32_t last_span_ts;
    int64_t held_ts, concealed_ts; /* without a packet between */

    /* advice */
    uint64_t window_from_us;
    int64_t least_excess_us;
    enum jitter_advice advice;

    size_t count;
    struct slot slot[MAX_JITTER_PACKETS]; /* by seq */
};

static int64_t us_of(const struct jitter_buffer *b, int64_t ts)
{
    return ts * (int64_t)US_PER_S / b->clock_hz;
}

static int64_t ts_of(const struct jitter_buffer *b, int64_t us)
{
    return us * b->clock_hz / (int64_t)US_PER_S;
}

/* How late it is to play @ts now, against the earliest that it could have come. */
static int64_t delay_of(const struct jitter_buffer *b, int64_t ts, uint64_t now_us)
{
    return jitter_delay_of(&b->delay, us_of(b, ts), now_us);
}

static int64_t excess_of(const struct jitter_buffer *b, int64_t ts, uint64_t now_us)
{
    return delay_of(b, ts, now_us) - (int64_t)jitter_delay_target_us(&b->delay);
}

/* --- life -------------------------------------------------------------------------------------------- */

struct jitter_buffer *jitter_buffer_new(uint32_t clock_hz, uint64_t max_delay_us)
{
    struct jitter_buffer *b = mem_try_alloc(sizeof(*b));

    CHECK(clock_hz >= 8000 && clock_hz <= 192000 && max_delay_us <= MAX_JITTER_DELAY_US);
    if (b == NULL)
        return NULL;
    b->clock_hz = clock_hz;
    b->max_delay_us = max_delay_us;
    b->least_excess_us = INT64_MAX;
    jitter_delay_init(&b->delay, max_delay_us);
    return b;
}

void jitter_buffer_free(struct jitter_buffer **b)
{
    if (*b != NULL)
        jitter_buffer_flush(*b);
    MEM_FREE(*b);
}

void jitter_buffer_flush(struct jitter_buffer *b)
{
    while (b->count > 0)
        packet_unref(&b->slot[--b->count].packet);
    b->is_playing = false;
}

/* The oldest packet, without its place. */
static struct slot remove_head(struct jitter_buffer *b)
{
    struct slot head = b->slot[0];

    memmove(b->slot, b->slot + 1, --b->count * sizeof(*b->slot));
    b->next_seq = head.seq + 1;
    b->next_ts = MAX(b->next_ts, head.ts + head.span_ts);
    b->last_span_ts = head.span_ts;
    b->is_paused = head.is_pause;
    b->held_ts = 0;
    b->concealed_ts = 0;
    return head;
}

static void drop_head(struct jitter_buffer *b)
{
    bool is_restart = b->slot[0].is_restart;
    struct slot head = remove_head(b);

    packet_unref(&head.packet);
    if (is_restart && b->count > 0)
        b->slot[0].is_restart = true;
}

/* --- coming in --------------------------------------------------------------------------------------- */

/* Another stream, or one whose numbers mean nothing any more: it goes on behind the newest packet. */
static void begin_stream(struct jitter_buffer *b, const struct packet *p)
{
    if (b->has_stream) {
        b->stats.restarts++;
        if (p->rtp.ssrc != b->ssrc) {
            b->old_ssrc = b->ssrc;
            b->ssrc_since_us = p->arrival_us;
        }
    }
    b->has_stream = true;
    b->ssrc = p->rtp.ssrc;
    b->newest_seq++;
    b->newest_ts = b->newest_end_ts;
    b->newest_wire_seq = p->rtp.seq;
    b->newest_wire_ts = p->rtp.ts;
    b->came = 0;
    b->old_in_a_row = 0;
    jitter_delay_restart(&b->delay);
}

static bool is_straggler(const struct jitter_buffer *b, const struct packet *p)
{
    return b->has_stream && p->rtp.ssrc != b->ssrc && p->rtp.ssrc == b->old_ssrc &&
           p->arrival_us < b->ssrc_since_us + OLD_SSRC_US;
}

static void place(const struct jitter_buffer *b, const struct packet *p, struct slot *s)
{
    s->seq = b->newest_seq + seq16_diff(p->rtp.seq, b->newest_wire_seq);
    s->ts = b->newest_ts + ts32_diff(p->rtp.ts, b->newest_wire_ts);
}

/* Whether its numbers do not follow from those before. Only a newer packet begins a stream by that; an old one is discarded. */
static bool has_jumped(const struct jitter_buffer *b, const struct packet *p, const struct slot *s)
{
    int64_t late_us = delay_of(b, s->ts, p->arrival_us);

    return s->seq > b->newest_seq + MAX_SEQ_JUMP || late_us < -EARLIER_JUMP_US ||
           late_us > (int64_t)b->max_delay_us + LATER_JUMP_US;
}

static bool has_come(const struct jitter_buffer *b, int64_t seq)
{
    int64_t back = b->newest_seq - seq;

    return back >= 0 && back < 64 && (b->came >> back & 1) != 0;
}

static void note_come(struct jitter_buffer *b, const struct packet *p, const struct slot *s)
{
    int64_t ahead = s->seq - b->newest_seq;

    if (ahead > 0) {
        b->came = ahead < 64 ? b->came << ahead : 0;
        b->newest_seq = s->seq;
        b->newest_ts = s->ts;
        b->newest_wire_seq = p->rtp.seq;
        b->newest_wire_ts = p->rtp.ts;
    }
    if (ahead > -64)
        b->came |= 1ull << (ahead < 0 ? -ahead : 0);
    b->newest_end_ts = MAX(b->newest_end_ts, s->ts + s->span_ts);
}

/* A retransmission tells of the round trip, not of jitter. */
static void note_delay(struct jitter_buffer *b, const struct packet *p, const struct slot *s)
{
    if ((p->flags & PACKET_IS_RETRANSMISSION) == 0)
        (void)jitter_delay_add(&b->delay, us_of(b, s->ts), p->arrival_us,
                               (uint64_t)us_of(b, s->span_ts));
}

static void insert(struct jitter_buffer *b, struct packet *p, struct slot s)
{
    size_t i;

    if (b->count == MAX_JITTER_PACKETS) {
        drop_head(b);
        b->stats.overflows++;
    }
    for (i = b->count++; i > 0 && b->slot[i - 1].seq > s.seq; i--)
        b->slot[i] = b->slot[i - 1];
    s.packet = packet_ref(p);
    b->slot[i] = s;
}

/* Too late, or from far before. Returns whether so many of them came that the sender must be counting anew. */
static bool discard_old(struct jitter_buffer *b, const struct packet *p, const struct slot *s)
{
    b->stats.packets_discarded++;
    if (s->seq > b->newest_seq - 64 && !has_jumped(b, p, s)) {
        note_come(b, p, s);
        note_delay(b, p, s);
    }
    return ++b->old_in_a_row >= RESTART_AFTER;
}

static bool is_old(const struct jitter_buffer *b, const struct slot *s)
{
    return b->is_playing ? s->seq < b->next_seq || s->ts + s->span_ts <= b->next_ts
                         : s->seq <= b->newest_seq - 64;
}

bool jitter_buffer_push(struct jitter_buffer *b, struct packet *p, uint32_t span_ts, bool is_pause)
{
    struct slot s = {.span_ts = span_ts, .is_pause = is_pause};

    b->stats.packets_received++;
    if (span_ts == 0 || us_of(b, span_ts) > (int64_t)MAX_AUDIO_FRAME_US) {
        b->stats.malformed++;
        return false;
    }
    if (is_straggler(b, p)) {
        b->stats.packets_discarded++;
        return false;
    }
    place(b, p, &s);
    bool is_newer = s.seq > b->newest_seq;
    if (!b->has_stream || p->rtp.ssrc != b->ssrc || (is_newer && has_jumped(b, p, &s))) {
        s.is_restart = b->has_stream;
        begin_stream(b, p);
    } else if (has_come(b, s.seq)) {
        b->stats.duplicates++;
        return false;
    } else if (is_old(b, &s) || (!is_newer && has_jumped(b, p, &s))) {
        if (!discard_old(b, p, &s))
            return false;
        s.is_restart = true;
        begin_stream(b, p);
    }
    place(b, p, &s);
    b->old_in_a_row = 0;
    note_come(b, p, &s);
    note_delay(b, p, &s);
    insert(b, p, s);
    return true;
}

bool jitter_buffer_note_repeated(struct jitter_buffer *b, const struct packet *p, unsigned back,
                                 uint32_t behind_ts)
{
    struct slot s;

    if (!b->has_stream || p->rtp.ssrc != b->ssrc)
        return false;
    place(b, p, &s);
    int64_t behind_newest = b->newest_seq - (s.seq - back);
    if (behind_newest < 0 || behind_newest >= 64 || b->came >> behind_newest == 0 ||
        has_come(b, s.seq - back))
        return false;
    (void)jitter_delay_add(&b->delay, us_of(b, s.ts - behind_ts), p->arrival_us,
                           REPEATED_WEIGHT * (uint64_t)us_of(b, behind_ts / back));
    return true;
}

/* --- going out --------------------------------------------------------------------------------------- */

static void give_silence(struct jitter_buffer *b, int64_t span_ts, struct jitter_frame *out)
{
    b->is_silent = true;
    out->kind = JITTER_SILENCE;
    out->span_ts = (uint32_t)MAX(1, MIN(span_ts, ts_of(b, SILENCE_US)));
}

/* Something for sound that is missing, while that makes sense; else silence. Returns its media time. */
static int64_t give_missing(struct jitter_buffer *b, int64_t span_ts, struct jitter_frame *out)
{
    if (b->is_paused || b->concealed_ts >= ts_of(b, CONCEAL_US)) {
        give_silence(b, span_ts, out);
        return out->span_ts;
    }
    b->stats.concealments++;
    b->concealed_ts += span_ts;
    out->kind = JITTER_LOST;
    out->span_ts = (uint32_t)span_ts;
    return span_ts;
}

/* Nothing is here. */
static void hold(struct jitter_buffer *b, struct jitter_frame *out)
{
    b->held_ts += give_missing(b, MIN(b->last_span_ts, ts_of(b, SILENCE_US)), out);
    if (b->held_ts >= ts_of(b, IDLE_US))
        b->is_playing = false;
}

/* Leave out of a silent gap what is more delay than wanted. */
static void shorten_gap(struct jitter_buffer *b, const struct slot *head, uint64_t now_us)
{
    int64_t excess_ts = ts_of(b, excess_of(b, b->next_ts, now_us));

    if (excess_ts > 0)
        b->next_ts += MIN(excess_ts, head->ts - b->next_ts);
}

/* What is between next_ts and the first packet: true when something was given for it. */
static bool fill_gap(struct jitter_buffer *b, uint64_t now_us, struct jitter_frame *out)
{
    const struct slot *head = &b->slot[0];
    bool is_pause = head->seq == b->next_seq;
    int64_t gap;

    if (head->ts > b->next_ts && (is_pause || b->is_silent))
        shorten_gap(b, head, now_us);
    gap = head->ts - b->next_ts;
    if (gap <= 0)
        return false;
    if (is_pause) {
        give_silence(b, gap, out);
    } else {
        (void)give_missing(b, MIN(gap, b->last_span_ts), out);
        if (out->kind == JITTER_LOST) {
            out->next = out->span_ts == gap ? head->packet : NULL;
            out->later = head->packet;
            out->behind_ts = (uint32_t)gap;
        }
    }
    b->next_ts += out->span_ts;
    return true;
}

/* What was filled in while nothing was here pays for the gap. */
static void pay_gap(struct jitter_buffer *b)
{
    int64_t gap = b->slot[0].ts - b->next_ts;

    if (gap > 0)
        b->next_ts += MIN(gap, b->held_ts);
    b->held_ts = 0;
}

/* Once a window: what the least excess in it calls for. */
static void note_excess(struct jitter_buffer *b, uint64_t now_us)
{
    const struct slot *head = &b->slot[0];
    int64_t behind_ts = b->slot[b->count - 1].ts - head->ts;
    int64_t excess = MIN(excess_of(b, head->ts, now_us), us_of(b, behind_ts));

    b->stats.delay_us = (uint64_t)MAX(0, delay_of(b, head->ts, now_us));
    b->least_excess_us = MIN(b->least_excess_us, excess);
    if (now_us < b->window_from_us + WINDOW_US)
        return;
    excess = b->least_excess_us;
    int64_t grow_below = -MIN(GROW_US, (int64_t)jitter_delay_target_us(&b->delay) / 2);
    b->advice = excess > SHRINK_FAST_US ? JITTER_SHRINK_FAST
                : excess > SHRINK_US    ? JITTER_SHRINK
                : excess < grow_below   ? JITTER_GROW
                                        : JITTER_KEEP;
    b->window_from_us = now_us;
    b->least_excess_us = INT64_MAX;
}

static void give_packet(struct jitter_buffer *b, uint64_t now_us, struct jitter_frame *out)
{
    note_excess(b, now_us);
    struct slot head = remove_head(b);
    b->is_silent = false;
    out->kind = JITTER_PACKET;
    out->packet = head.packet;
    out->span_ts = head.span_ts;
    out->is_restart = head.is_restart;
}

/* More than the ceiling is here: the network let go of a jam. */
static void drop_jam(struct jitter_buffer *b)
{
    while (b->count > 1 &&
           us_of(b, b->slot[b->count - 1].ts - b->slot[0].ts) > (int64_t)b->max_delay_us) {
        drop_head(b);
        b->stats.overflows++;
    }
}

static void skip_ahead(struct jitter_buffer *b, uint64_t now_us)
{
    while (b->count > 1 && excess_of(b, b->slot[0].ts, now_us) >= us_of(b, b->slot[0].span_ts))
        drop_head(b);
}

static bool is_time_to_start(struct jitter_buffer *b, uint64_t now_us)
{
    return b->count > 0 && excess_of(b, b->slot[0].ts, now_us) >= 0;
}

static void start(struct jitter_buffer *b)
{
    b->is_playing = true;
    b->next_seq = b->slot[0].seq;
    b->next_ts = b->slot[0].ts;
    b->held_ts = 0;
    b->concealed_ts = 0;
}

void jitter_buffer_pull(struct jitter_buffer *b, uint64_t now_us, bool is_heard,
                        struct jitter_frame *out)
{
    *out = (struct jitter_frame){0};
    drop_jam(b);
    if (!is_heard)
        skip_ahead(b, now_us);
    if (!b->is_playing) {
        if (!is_time_to_start(b, now_us)) {
            give_silence(b, INT64_MAX, out);
            return;
        }
        start(b);
    }
    if (b->count == 0) {
        hold(b, out);
        return;
    }
    pay_gap(b);
    if (fill_gap(b, now_us, out))
        return;
    if ((b->is_silent || !is_heard) && excess_of(b, b->slot[0].ts, now_us) < 0)
        give_silence(b, INT64_MAX, out); /* a pause gets longer */
    else
        give_packet(b, now_us, out);
}

enum jitter_advice jitter_buffer_advice(const struct jitter_buffer *b)
{
    return b->advice;
}

void jitter_buffer_stretched(struct jitter_buffer *b)
{
    b->advice = JITTER_KEEP;
    b->least_excess_us = INT64_MAX;
}

bool jitter_buffer_is_idle(const struct jitter_buffer *b)
{
    return !b->is_playing && b->count == 0;
}

void jitter_buffer_read_stats(const struct jitter_buffer *b, struct jitter_buffer_stats *out)
{
    *out = b->stats;
    out->target_us = jitter_delay_target_us(&b->delay);
    out->jitter_us = jitter_delay_median_us(&b->delay);
    if (b->count > 0)
        out->buffered_us = (uint64_t)MAX(
            0, us_of(b, b->slot[b->count - 1].ts + b->slot[b->count - 1].span_ts - b->slot[0].ts));
}
