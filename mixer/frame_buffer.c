/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_buffer.c - the ring of packets, and when a frame is whole.
 *
 *        taken │ the next frame: all there so far │ ? │ there, or not │
 *   ───────────┴──────────────────────────────────┴───┴───────────────┴──▶ sequence number
 *             next                              scanned              newest
 *
 * Every number in the picture is unwrapped. While a keyframe is searched for, `next` is the oldest number that is still taken.
 */
#include "mixer/frame_buffer.h"

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rtp_ext.h"
#include "core/seq.h"
#include "mixer/depacketizer.h"

#define RING MAX_FRAME_BUFFER_PACKETS
/* Packets kept while no keyframe is in sight: its first one may be overtaken by as many. */
#define SEARCHED_PACKETS 128
#define RESTART_AFTER 64 /* late packets in a row: the publisher counts anew */

enum state {
    SEARCHING, /* nothing comes out; a keyframe is looked for */
    STARTING,  /* `next` is the first packet of what looks like one */
    RUNNING,   /* all before `next` came out */
};

struct slot {
    int64_t seq;
    struct packet *packet; /* NULL: padding, which only counts */
    bool is_there;
    struct payload_place place;
};

struct frame_buffer {
    struct frame_buffer_config config;
    const struct depacketizer *depacketizer;
    enum state state;
    uint32_t ssrc;
    struct seq16_unwrapper unwrapper;
    int64_t next, scanned, newest;
    int64_t gap;           /* the missing number that is waited for */
    uint64_t gap_since_us; /* valid while is_waiting */
    bool is_waiting;
    unsigned keyframe_packets; /* in the ring */
    unsigned late_in_a_row;
    uint16_t rotation;
    struct depacketizer_frame frame;
    struct frame_buffer_stats stats;
    struct slot ring[RING];
};

/* --- the ring ---------------------------------------------------------------------------------------- */

static struct slot *slot_at(struct frame_buffer *fb, int64_t seq)
{
    return &fb->ring[(uint64_t)seq % RING];
}

static struct slot *find(struct frame_buffer *fb, int64_t seq)
{
    struct slot *s = slot_at(fb, seq);

    return s->is_there && s->seq == seq ? s : NULL;
}

static void empty_slot(struct frame_buffer *fb, struct slot *s)
{
    if (!s->is_there)
        return;
    if (s->place.is_keyframe)
        fb->keyframe_packets--;
    packet_unref(&s->packet);
    *s = (struct slot){0};
}

/* Forget everything before @seq. Returns how many packets that were. */
static uint64_t drop_before(struct frame_buffer *fb, int64_t seq)
{
    uint64_t dropped = 0;

    if (seq <= fb->next)
        return 0;
    for (int64_t i = MAX(fb->next, seq - RING); i < seq; i++) {
        struct slot *s = slot_at(fb, i);
        if (!s->is_there || s->seq >= seq)
            continue;
        dropped += s->packet != NULL;
        empty_slot(fb, s);
    }
    fb->next = seq;
    fb->scanned = MAX(fb->scanned, seq);
    return dropped;
}

/* --- states ------------------------------------------------------------------------------------------ */

static void set_state(struct frame_buffer *fb, enum state to)
{
    static const bool is_legal[][3] = {
        [SEARCHING] = {[SEARCHING] = true, [STARTING] = true},
        [STARTING] = {[SEARCHING] = true, [STARTING] = true, [RUNNING] = true},
        [RUNNING] = {[SEARCHING] = true, [STARTING] = true, [RUNNING] = true},
    };

    CHECK(is_legal[fb->state][to]);
    fb->state = to;
    fb->scanned = fb->next;
    fb->is_waiting = false;
}

/* Look for a keyframe from @seq on. */
static void search_from(struct frame_buffer *fb, int64_t seq)
{
    fb->stats.dropped += drop_before(fb, seq);
    set_state(fb, SEARCHING);
}

/* Go on with the keyframe that begins at @seq. */
static void start_at(struct frame_buffer *fb, int64_t seq)
{
    fb->stats.dropped += drop_before(fb, seq);
    set_state(fb, STARTING);
}

/* A new stream: the numbers say nothing about what was before. */
static void start_over(struct frame_buffer *fb, uint16_t seq)
{
    for (size_t i = 0; i < RING; i++)
        empty_slot(fb, &fb->ring[i]);
    fb->unwrapper = (struct seq16_unwrapper){0};
    fb->newest = seq16_unwrap(&fb->unwrapper, seq);
    fb->next = fb->newest - SEARCHED_PACKETS;
    fb->late_in_a_row = 0;
    set_state(fb, SEARCHING);
}

/* --- packets in -------------------------------------------------------------------------------------- */

/* The unwrapped number; false when the packet is of no use any more. */
static bool take_seq(struct frame_buffer *fb, const struct packet *p, int64_t *out)
{
    if (!fb->unwrapper.started || p->rtp.ssrc != fb->ssrc) {
        if (fb->unwrapper.started)
            fb->stats.restarts++;
        fb->ssrc = p->rtp.ssrc;
        start_over(fb, p->rtp.seq);
    }
    *out = seq16_unwrap(&fb->unwrapper, p->rtp.seq);
    if (*out >= fb->next) {
        fb->late_in_a_row = 0;
        return true;
    }
    fb->stats.late++;
    if (++fb->late_in_a_row < RESTART_AFTER)
        return false;
    fb->stats.restarts++;
    start_over(fb, p->rtp.seq);
    *out = fb->newest;
    return true;
}

/* The ring ends behind next: make room for @seq at its end. */
static void make_room(struct frame_buffer *fb, int64_t seq)
{
    if (seq - fb->next >= RING) {
        fb->stats.losses += fb->state != SEARCHING;
        search_from(fb, seq - SEARCHED_PACKETS);
    }
    if (fb->state == SEARCHING && seq - fb->next > SEARCHED_PACKETS)
        fb->stats.dropped += drop_before(fb, seq - SEARCHED_PACKETS);
}

static struct payload_place look(struct frame_buffer *fb, const struct packet *p)
{
    struct payload_place place = {0};

    if (fb->depacketizer->look(p->data + p->rtp.header_bytes, p->rtp.payload_bytes, &place) != 0)
        fb->stats.malformed++; /* what is made of it will fail */
    return place;
}

void frame_buffer_push(struct frame_buffer *fb, struct packet *p)
{
    int64_t seq;
    struct slot *s;

    DCHECK(p->flags & PACKET_HAS_RTP);
    if (!take_seq(fb, p, &seq))
        return;
    if (find(fb, seq) != NULL) {
        fb->stats.duplicates++;
        return;
    }
    if (seq > fb->newest) {
        make_room(fb, seq);
        fb->newest = seq;
    }
    s = slot_at(fb, seq);
    *s = (struct slot){.seq = seq, .is_there = true};
    if (p->rtp.payload_bytes == 0)
        return;
    s->packet = packet_ref(p);
    s->place = look(fb, p);
    if (s->place.is_keyframe)
        fb->keyframe_packets++;
}

/* --- where frames begin and end ---------------------------------------------------------------------- */

/* From @at on, which is inside a frame that begins with @first (NULL: with the next packet): go behind the frame's last packet, or
 * (false) to the first missing one. Padding in front of a frame belongs to it. */
static bool find_end(struct frame_buffer *fb, int64_t *at, const struct packet *first)
{
    const struct slot *s;

    for (; (s = find(fb, *at)) != NULL; ++*at) {
        if (s->packet == NULL)
            continue;
        if (first == NULL)
            first = s->packet;
        if (s->packet->rtp.ts != first->rtp.ts)
            return true;
        if (s->packet->rtp.marker) {
            ++*at;
            return true;
        }
    }
    return false;
}

static const struct packet *first_packet(struct frame_buffer *fb, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) {
        const struct slot *s = find(fb, i);
        if (s != NULL && s->packet != NULL)
            return s->packet;
    }
    return NULL;
}

/* A run of packets of one frame. */
struct run {
    int64_t begin;
    bool is_begin_known; /* else packets in front may be missing */
};

/* Packet @s goes on with the run, or begins one. An H.264 frame may have an IDR picture without parameter sets: then it begins
 * behind a packet of another frame. */
static void follow_run(struct frame_buffer *fb, struct run *run, const struct slot *s)
{
    const struct slot *before = find(fb, s->seq - 1);

    if (before == NULL)
        *run = (struct run){s->seq, false};
    else if (before->packet == NULL || before->packet->rtp.ts != s->packet->rtp.ts)
        *run = (struct run){s->seq, true};
    if (s->place.is_first && !run->is_begin_known)
        *run = (struct run){s->seq, true};
}

/* The first keyframe from @from on; @whole: of those that are complete. */
static bool find_keyframe(struct frame_buffer *fb, int64_t from, bool whole, int64_t *begin)
{
    struct run run = {0};
    int64_t tried = -1;

    for (int64_t seq = from; fb->keyframe_packets > 0 && seq <= fb->newest; seq++) {
        const struct slot *s = find(fb, seq);
        int64_t end;

        if (s == NULL || s->packet == NULL)
            continue;
        follow_run(fb, &run, s);
        if (!s->place.is_keyframe || !run.is_begin_known || run.begin == tried)
            continue;
        *begin = end = tried = run.begin;
        if (!whole || find_end(fb, &end, NULL))
            return true;
    }
    return false;
}

/* --- frames out -------------------------------------------------------------------------------------- */

static void read_rotation(struct frame_buffer *fb, const struct packet *p)
{
    const struct rtp_ext *e = rtp_find_ext(&p->rtp, fb->config.orientation_ext_id);

    if (fb->config.orientation_ext_id != 0 && e != NULL && e->len >= 1)
        fb->rotation = (uint16_t)((p->data[e->offset] & 3) * 90); /* 3GPP TS 26.114 s7.4.5 */
}

/* Put the packets before @end together. Returns false when they do not make a frame. */
static bool assemble(struct frame_buffer *fb, int64_t end, struct encoded_frame *out)
{
    const struct depacketizer *d = fb->depacketizer;
    struct depacketizer_frame *f = &fb->frame;

    depacketizer_frame_clear(f);
    *out = (struct encoded_frame){0};
    for (int64_t seq = fb->next; seq < end; seq++) {
        const struct slot *s = find(fb, seq);
        const struct packet *p = s->packet;

        if (p == NULL)
            continue;
        if (d->add(f, p->data + p->rtp.header_bytes, p->rtp.payload_bytes) != 0)
            return false;
        read_rotation(fb, p);
        out->ts = p->rtp.ts;
        out->arrival_us = MAX(out->arrival_us, p->arrival_us);
        out->is_keyframe |= s->place.is_keyframe;
    }
    if (d->is_whole != NULL && !d->is_whole(f))
        return false;
    if (d->is_keyframe != NULL)
        out->is_keyframe = d->is_keyframe(f);
    out->data = f->data;
    out->len = f->len;
    out->rotation = fb->rotation;
    return true;
}

/* The frame in front ends before @end. Returns whether it comes out. */
static bool take_frame(struct frame_buffer *fb, int64_t end, struct encoded_frame *out)
{
    bool ok = assemble(fb, end, out);

    (void)drop_before(fb, end);
    if (!ok)
        fb->stats.malformed++;
    if (!ok || (fb->state == STARTING && !out->is_keyframe)) {
        set_state(fb, SEARCHING);
        return false;
    }
    set_state(fb, RUNNING);
    fb->stats.frames++;
    fb->stats.keyframes += out->is_keyframe;
    return true;
}

static bool search(struct frame_buffer *fb)
{
    int64_t begin;

    if (!find_keyframe(fb, fb->next, false, &begin))
        return false;
    start_at(fb, begin);
    return true;
}

/* The frame in front is not complete. Returns true when that changed what is in front. */
static bool wait_or_give_up(struct frame_buffer *fb, uint64_t now_us)
{
    int64_t begin;

    if (fb->newest < fb->scanned) /* the rest is still on its way */
        return false;
    if (!fb->is_waiting || fb->gap != fb->scanned) {
        fb->is_waiting = true;
        fb->gap = fb->scanned;
        fb->gap_since_us = now_us;
    }
    if (find_keyframe(fb, fb->scanned + 1, true, &begin)) {
        fb->stats.losses++;
        start_at(fb, begin);
        return true;
    }
    if (now_us < frame_buffer_due_us(fb))
        return false;
    fb->stats.losses++;
    search_from(fb, fb->scanned + 1);
    return true;
}

bool frame_buffer_pull(struct frame_buffer *fb, struct encoded_frame *out, uint64_t now_us)
{
    struct encoded_frame frame;

    for (;;) {
        if (fb->state == SEARCHING && !search(fb))
            return false;
        if (find_end(fb, &fb->scanned, first_packet(fb, fb->next, fb->scanned))) {
            if (!take_frame(fb, fb->scanned, &frame))
                continue;
            *out = frame;
            return true;
        }
        if (!wait_or_give_up(fb, now_us))
            return false;
    }
}

/* --- the rest ---------------------------------------------------------------------------------------- */

struct frame_buffer *frame_buffer_new(const struct frame_buffer_config *config)
{
    const struct depacketizer *d = depacketizer_of(config->codec);
    struct frame_buffer *fb = d != NULL ? mem_try_alloc(sizeof(*fb)) : NULL;

    if (fb == NULL)
        return NULL;
    fb->config = *config;
    fb->depacketizer = d;
    if (fb->config.max_wait_us == 0)
        fb->config.max_wait_us = FRAME_BUFFER_WAIT_US;
    return fb;
}

void frame_buffer_free(struct frame_buffer **fbp)
{
    struct frame_buffer *fb = *fbp;

    if (fb == NULL)
        return;
    for (size_t i = 0; i < RING; i++)
        empty_slot(fb, &fb->ring[i]);
    depacketizer_frame_fini(&fb->frame);
    MEM_FREE(*fbp);
}

uint64_t frame_buffer_due_us(const struct frame_buffer *fb)
{
    return fb->is_waiting ? fb->gap_since_us + fb->config.max_wait_us : UINT64_MAX;
}

bool frame_buffer_needs_keyframe(const struct frame_buffer *fb)
{
    return fb->state == SEARCHING;
}

void frame_buffer_restart(struct frame_buffer *fb)
{
    fb->stats.restarts++;
    search_from(fb, fb->newest + 1);
}

const struct frame_buffer_stats *frame_buffer_read_stats(const struct frame_buffer *fb)
{
    return &fb->stats;
}
