/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_forwarder_property.c - forwarder and layer filter as a subscription uses them, on thousands of random streams: every
 * codec and layer structure, losses that are repaired late, duplicates, reordering, pauses, padding, numbers that wrap, and
 * changes of source and of layers at any time. Each outgoing packet is checked against what the encoder knows.
 */
#include "tests/unit/core/cmocka_all.h"
#include <stdio.h>
#include <string.h>

#include "core/attr.h"
#include "core/dependency_descriptor.h"
#include "core/payload.h"
#include "core/payload_vp8.h"
#include "core/payload_vp9.h"
#include "core/seq.h"
#include "rooms/sfu/forwarder.h"
#include "rooms/sfu/layer_filter.h"
#include "tests/support/media_source.h"
#include "tests/unit/core/seed.h"
#include "transport/rtp_recv.h"

#define SCENARIOS 2000
#define SOURCES 3
#define MAX_PICTURES 192
#define MAX_PACKETS 4096
#define MAX_FLIGHT 512
#define FRAME_US 33333ull
#define MAX_BEHIND 15 /* pictures since the keyframe that a switch begins with: half a second */
#define TRACE_LINES 64

enum fate { UNSEEN, LOST, OUT, EMPTY, LEFT, REFUSED, BEFORE };

struct source {
    struct media_source media;
    struct rtp_recv recv;
    struct dependency_state dd;
    struct media_picture picture[MAX_PICTURES];
    struct media_packet packet[MAX_PACKETS];
    enum fate fate[MAX_PACKETS]; /* in this epoch */
    int64_t out_ext[MAX_PACKETS];
    bool out_marker[MAX_PACKETS];
    /* The history. */
    bool is_here[MAX_PACKETS];
    struct media_info info[MAX_PACKETS];
    int64_t newest_here,
        repaired_key; /* the latter began with a retransmission; -1: the newest one did not */
    uint64_t newest_here_us;
    uint64_t next_picture_us, paused_until_us;
};

struct flight {
    unsigned source;
    int64_t n;
    bool is_retransmission;
    uint64_t arrival_us;
};

/* A picture of the source that flows, in this epoch. */
struct picture_story {
    bool is_seen, rose,
        is_counted; /* rose: the spatial layer went up in its middle; counted: left out, its id closes up */
    int first_out_id; /* -1: none yet */
    enum { NO_VERDICT, FORWARDED, DROPPED } verdict[MEDIA_SOURCE_LAYERS];
    int top; /* highest spatial layer that goes out; -1: the picture was overtaken, it is not known */
};

static struct world {
    struct rng rng;
    uint64_t seed, now_us;
    struct source source[SOURCES];
    unsigned sources;
    struct flight flight[MAX_FLIGHT];
    size_t in_flight;
    bool has_loss, has_reorder, has_duplicates;
    /* the subscription */
    struct forwarder forwarder;
    struct layer_filter filter;
    int current; /* source; -1: none */
    unsigned wanted;
    /* the viewer */
    struct dependency_state viewer_dd;
    struct seq16_unwrapper out_seq;
    uint64_t owner[65536];
    int64_t owned_ext[65536];
    int64_t newest_ext;
    struct forwarder_out newest;
    uint64_t newest_sent_us;
    bool newest_has_ids, newest_has_dd;
    uint16_t newest_frame_number;
    int newest_picture;
    /* this epoch */
    int64_t first_n;
    int first_picture, newest_seen_picture;
    uint32_t ts_offset;
    uint16_t frame_number_offset, vp9_offset;
    uint8_t tl0_offset, keyidx_offset;
    struct picture_story story[MAX_PICTURES];
    unsigned catching_up; /* pictures whose time is squeezed */
    bool is_retimed;
    bool
        is_behind; /* it began with a keyframe that came late: what is older than what went out before is squeezed */
    uint32_t distance;
    int group_temporal; /* temporal layer at the start of the group of pictures; -1: something came in between */
    char trace[TRACE_LINES][96];
    unsigned traced;
} w;

static struct packet_pool *pool;

static struct totals {
    uint64_t scenarios, out, left, empty, refused, switches, rises_in_space, rises_in_time, falls;
    uint64_t forwarded_frames, late, filled, switches_behind, squeezed;
} total;

/* ---- telling what happened ---- */

PRINTF_LIKE(1, 2) static void trace(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(w.trace[w.traced++ % TRACE_LINES], sizeof(w.trace[0]), format, args);
    va_end(args);
}

static void print_trace(void)
{
    for (unsigned i = w.traced > TRACE_LINES ? w.traced - TRACE_LINES : 0; i < w.traced; i++)
        printf("  %s\n", w.trace[i % TRACE_LINES]);
    for (unsigned i = 0; i < w.sources; i++) {
        const struct media_source_config *c = &w.source[i].media.cfg;
        printf("  source %u: %s L%uT%u mode %d%s%s%s\n", i, codec_name(c->codec), c->spatial,
               c->temporal, (int)c->mode, c->has_dd ? " dd" : "", c->is_flexible ? " flexible" : "",
               c->has_wide_ids ? " wide" : "");
    }
    seed_print(w.seed);
}

#define EXPECT(condition, ...)          \
    do {                                \
        if (!(condition)) {             \
            print_trace();              \
            printf("  " __VA_ARGS__);   \
            printf("\n");               \
            fail_msg("%s", #condition); \
        }                               \
    } while (0)

static bool chance(unsigned percent)
{
    return rng_below(&w.rng, 100) < percent;
}

static const struct media_picture *picture_of(const struct source *s, const struct media_packet *m)
{
    return &s->picture[m->picture];
}

/* ---- the end of an epoch: what can only be told in hindsight ---- */

/* A gap between two that went out is filled by what was lost upstream, and by nothing else. */
static void check_gaps(const struct source *s)
{
    int64_t previous = -1, excused = 0;

    for (int64_t n = w.first_n; n < s->media.next_n; n++) {
        if (s->fate[n] == LOST || s->fate[n] == UNSEEN || s->fate[n] == REFUSED) {
            excused++;
            continue;
        }
        if (s->fate[n] != OUT && s->fate[n] != EMPTY)
            continue;
        if (previous >= 0) {
            int64_t gap = s->out_ext[n] - s->out_ext[previous] - 1;
            EXPECT(gap >= 0, "packet %lld goes out before %lld", (long long)n, (long long)previous);
            EXPECT(gap <= excused, "%lld numbers are missing before packet %lld, %lld were lost",
                   (long long)gap, (long long)n, (long long)excused);
        }
        previous = n;
        excused = 0;
    }
}

/* What a frame refers to was not left out. */
static void check_refs(const struct source *s, int picture, unsigned spatial)
{
    const struct media_frame *f = &s->picture[picture].frame[spatial];

    if (s->media.cfg.codec == CODEC_OPUS)
        return;
    for (unsigned i = 0; i < f->ref_count; i++) {
        int to = f->ref[i].picture;
        EXPECT(to >= w.first_picture, "picture %d S%u refers to %d, before the start %d", picture,
               spatial, to, w.first_picture);
        EXPECT(w.story[to].verdict[f->ref[i].spatial] != DROPPED,
               "picture %d S%u refers to picture %d S%u, which was left out", picture, spatial, to,
               f->ref[i].spatial);
    }
}

/* The last packet of what goes out of a picture has the marker, and no other one. */
static void check_marker(const struct source *s, int64_t n)
{
    const struct media_packet *m = &s->packet[n];
    const struct picture_story *story = &w.story[m->picture];
    bool is_last = m->is_last_of_frame && m->spatial == story->top;

    if (s->fate[n] != OUT || story->top < 0 || s->media.cfg.codec == CODEC_OPUS)
        return;
    if (is_last)
        EXPECT(s->out_marker[n], "picture %d: no marker on S%u", m->picture, m->spatial);
    else if (!story->rose || !m->is_last_of_frame)
        EXPECT(!s->out_marker[n], "picture %d: a marker on S%u, S%d follows", m->picture,
               m->spatial, story->top);
}

static void end_epoch(void)
{
    if (w.current < 0)
        return;
    const struct source *s = &w.source[w.current];
    check_gaps(s);
    for (int p = w.first_picture; p < s->media.pictures; p++)
        for (unsigned i = 0; i < s->media.cfg.spatial; i++)
            if (w.story[p].verdict[i] == FORWARDED) {
                check_refs(s, p, i);
                total.forwarded_frames++;
            }
    for (int64_t n = w.first_n; n < s->media.next_n; n++)
        check_marker(s, n);
}

static void begin_epoch(unsigned source, const struct media_packet *m)
{
    struct source *s = &w.source[source];

    end_epoch();
    w.current = (int)source;
    w.first_n = m->n;
    w.first_picture = w.newest_seen_picture = m->picture;
    memset(w.story, 0, sizeof(w.story));
    for (int i = 0; i < MAX_PICTURES; i++)
        w.story[i].first_out_id = w.story[i].top = -1;
    for (int64_t n = 0; n < s->media.next_n; n++)
        if (s->fate[n] != LOST)
            s->fate[n] = n < m->n ? BEFORE : UNSEEN;
    w.catching_up = !w.has_reorder && chance(30) ? rng_below(&w.rng, 20) : 0;
    w.is_retimed = w.is_behind = false;
    w.group_temporal = -1;
    total.switches++;
    trace("---- switch to source %u, picture %d ----", source, m->picture);
}

/* ---- the numbers of an outgoing packet ---- */

static void note_owner(unsigned source, int64_t n, int64_t ext)
{
    uint64_t id = (uint64_t)source << 56 | (uint64_t)n;
    size_t i = (size_t)ext % 65536;

    EXPECT(w.owned_ext[i] != ext || w.owner[i] == id, "number %lld is given twice", (long long)ext);
    w.owned_ext[i] = ext;
    w.owner[i] = id;
}

/* Of frames from before what went out: a tick later each, or at the distance, which holds from then on. */
static void check_squeezed(const struct media_packet *m, const struct forwarder_out *out,
                           bool is_first)
{
    uint32_t own_ts = m->rtp.ts + w.distance;

    if (is_first || out->ts - m->rtp.ts != w.ts_offset) {
        EXPECT(ts32_newer(out->ts, w.newest.ts), "time stands still while catching up");
        EXPECT(out->ts == own_ts || (out->ts == w.newest.ts + 1 && !ts32_newer(own_ts, out->ts)),
               "picture %d goes out at %u, its own time is %u", m->picture, out->ts, own_ts);
        total.squeezed += out->ts != own_ts;
    }
    w.ts_offset = out->ts - m->rtp.ts;
}

static void check_time(const struct source *s, const struct media_packet *m,
                       const struct forwarder_out *out, bool is_first)
{
    if (w.is_behind && (is_first || w.is_retimed)) {
        check_squeezed(m, out, is_first);
        w.is_retimed = false;
        return;
    }
    if (w.is_retimed && !is_first) {
        EXPECT(ts32_newer(out->ts, w.newest.ts), "time stands still while catching up");
        w.ts_offset = out->ts - m->rtp.ts;
        w.is_retimed = false;
    }
    if (!is_first) {
        EXPECT(out->ts - m->rtp.ts == w.ts_offset, "another distance in time");
        return;
    }
    w.ts_offset = out->ts - m->rtp.ts;
    if (w.newest_ext < 0)
        return;
    int64_t hz = s->media.clock_hz;
    int64_t real = (int64_t)(picture_of(s, m)->sent_us - w.newest_sent_us) * hz / 1000000;
    int64_t ticks = ts32_diff(out->ts, w.newest.ts);
    EXPECT(ticks > 0, "time stands still at a switch");
    EXPECT(ticks - real < hz / 4 && real - ticks < hz / 4, "%lld ticks, really %lld",
           (long long)ticks, (long long)real);
}

static int id_diff(int a, int b, unsigned bits)
{
    int size = 1 << bits, d = ((a - b) % size + size) % size;

    return d >= size / 2 ? d - size : d;
}

/* Picture ids of VP8: each picture has one, and those left out are not counted. */
static void check_closed_up(const struct source *s, const struct media_packet *m, int id)
{
    unsigned bits = s->media.cfg.has_wide_ids ? 15 : 7;
    struct picture_story *story = &w.story[m->picture];
    int before = m->picture - 1, counted = 0;

    if (story->first_out_id >= 0) {
        EXPECT(story->first_out_id == id, "picture %d has the ids %d and %d", m->picture,
               story->first_out_id, id);
        return;
    }
    story->first_out_id = id;
    for (; before >= w.first_picture && w.story[before].first_out_id < 0; before--)
        counted += w.story[before].is_counted;
    if (before < w.first_picture)
        return;
    int diff = id_diff(id, w.story[before].first_out_id, bits);
    EXPECT(diff == m->picture - before - counted,
           "picture %d has id %d, picture %d had %d, %d left out", m->picture, id, before,
           w.story[before].first_out_id, counted);
}

static void check_vp8(const struct source *s, const struct media_packet *m, const uint8_t *payload,
                      size_t len, const struct vp8_descriptor *was, bool is_first)
{
    struct vp8_descriptor d;

    EXPECT(vp8_parse(&d, payload, len) == 0, "not VP8 any more");
    EXPECT(d.tid == was->tid && d.y == was->y && d.is_keyframe == was->is_keyframe, "not the same");
    if (is_first) {
        w.tl0_offset = (uint8_t)(d.tl0picidx - was->tl0picidx);
        w.keyidx_offset = (d.keyidx - was->keyidx) & 31;
        if (w.newest_has_ids)
            EXPECT(id_diff(d.picture_id, w.newest.picture_id, d.picture_id_is_15bit ? 15 : 7) ==
                           1 &&
                       d.tl0picidx == (uint8_t)(w.newest.tl0picidx + 1) &&
                       d.keyidx == ((w.newest.keyidx + 1) & 31),
                   "ids step at a switch: %d after %d", d.picture_id, w.newest.picture_id);
    }
    EXPECT((uint8_t)(d.tl0picidx - was->tl0picidx) == w.tl0_offset, "TL0PICIDX");
    EXPECT(((d.keyidx - was->keyidx) & 31) == w.keyidx_offset, "KEYIDX");
    check_closed_up(s, m, d.picture_id);
}

static void check_vp9(const uint8_t *payload, size_t len, const struct vp9_descriptor *was,
                      bool is_first)
{
    struct vp9_descriptor d;

    EXPECT(vp9_parse(&d, payload, len) == 0, "not VP9 any more");
    unsigned bits = d.picture_id_is_15bit ? 15 : 7;
    if (is_first) {
        w.vp9_offset = (uint16_t)(d.picture_id - was->picture_id);
        w.tl0_offset = (uint8_t)(d.tl0picidx - was->tl0picidx);
        if (w.newest_has_ids)
            EXPECT(id_diff(d.picture_id, w.newest.picture_id, bits) == 1, "PictureID steps");
        if (w.newest_has_ids && d.has_tl0picidx)
            EXPECT(d.tl0picidx == (uint8_t)(w.newest.tl0picidx + 1), "TL0PICIDX steps");
    }
    EXPECT(id_diff(d.picture_id, was->picture_id + w.vp9_offset, bits) == 0, "PictureID");
    EXPECT(!d.has_tl0picidx || (uint8_t)(d.tl0picidx - was->tl0picidx) == w.tl0_offset,
           "TL0PICIDX");
    struct vp9_descriptor same = d;
    same.picture_id = was->picture_id;
    same.tl0picidx = was->tl0picidx;
    EXPECT(memcmp(&same, was, sizeof(same)) == 0, "another descriptor");
}

/* What goes out of a payload: its ids rewritten, the rest as it was. */
static void check_payload(const struct source *s, const struct media_packet *m,
                          const struct packet *pkt, const struct forwarder_out *out, bool is_first)
{
    uint8_t payload[400];
    const uint8_t *was = pkt->data + pkt->rtp.header_bytes;
    size_t len = pkt->rtp.payload_bytes;
    struct vp8_descriptor vp8;
    struct vp9_descriptor vp9;

    memcpy(payload, was, len);
    if (out->rewrites_ids)
        payload_rewrite(payload, &pkt->media.ids, out->picture_id, out->tl0picidx, out->keyidx);
    EXPECT(memcmp(payload + pkt->media.ids.bytes, was + pkt->media.ids.bytes,
                  len - pkt->media.ids.bytes) == 0,
           "the payload changed");
    if (s->media.cfg.codec == CODEC_VP8 && vp8_parse(&vp8, was, len) == 0)
        check_vp8(s, m, payload, len, &vp8, is_first);
    if (s->media.cfg.codec == CODEC_VP9 && vp9_parse(&vp9, was, len) == 0)
        check_vp9(payload, len, &vp9, is_first);
}

/* The mask tells of no target that needs more than goes out, and of each that needs no more. */
static void check_active(const struct dependency_descriptor *d, struct layer_point at)
{
    const struct dd_targets *t = &w.viewer_dd.structure.targets;

    EXPECT(d->active == dd_targets_within(t, MIN(at.spatial, 3), MIN(at.temporal, 7)),
           "active decode targets are %x at S%uT%u", d->active, at.spatial, at.temporal);
}

static void check_descriptor(const struct source *s, const struct media_packet *m,
                             const struct packet *pkt, const struct forwarder_out *out,
                             const struct layer_verdict *v, struct layer_point at, bool is_first)
{
    struct dependency_descriptor d;
    uint8_t bytes[DD_MAX_BYTES];
    const struct descriptor_ids *ids = &pkt->media.dd;
    uint16_t was = s->picture[m->picture].frame[m->spatial].number;
    size_t len = dependency_descriptor_rewrite(bytes, sizeof(bytes), m->bytes + m->dd_at, m->dd_len,
                                               out->frame_number, ids->active_at, ids->target_count,
                                               v->has_active, v->active);

    EXPECT(len > 0, "the descriptor does not fit");
    EXPECT(dependency_descriptor_peek(&d, bytes, len) == 0 && d.frame_number == out->frame_number,
           "no descriptor any more");
    if (is_first) {
        w.frame_number_offset = (uint16_t)(d.frame_number - was);
        w.viewer_dd = (struct dependency_state){0};
        if (w.newest_has_dd)
            EXPECT((uint16_t)(d.frame_number - w.newest_frame_number) == 1, "frame number steps");
    }
    EXPECT((uint16_t)(d.frame_number - was) == w.frame_number_offset, "frame number");
    if (dependency_descriptor_parse(&d, &w.viewer_dd, bytes, len) != 0)
        return; /* the structure was lost */
    EXPECT(d.frame.refs == pkt->media.refs || pkt->media.number_bits == 0, "other references");
    if ((v->has_active || d.has_structure) && m->picture == w.newest_seen_picture)
        check_active(&d, at);
}

/* ---- the subscription ---- */

static void note_newest(const struct source *s, const struct media_packet *m,
                        const struct packet *pkt, const struct forwarder_out *out, int64_t ext)
{
    if (ext <= w.newest_ext)
        return;
    w.newest_ext = ext;
    w.newest.seq = out->seq;
    if (ts32_newer(out->ts, w.newest.ts) || w.newest_ext == 0 || w.newest_sent_us == 0) {
        w.newest.ts = out->ts;
        bool is_squeezed = w.catching_up > 0 ||
                           (w.is_behind && !forwarder_has_caught_up(&w.forwarder, w.distance));
        w.newest_sent_us = is_squeezed ? w.now_us - 20000 : picture_of(s, m)->sent_us;
    }
    if (pkt->rtp.payload_bytes == 0)
        return;
    if (out->rewrites_ids) {
        w.newest.picture_id = out->picture_id;
        w.newest.tl0picidx = out->tl0picidx;
        w.newest.keyidx = out->keyidx;
        w.newest_has_ids = true;
    }
    if (m->dd_len > 0) {
        w.newest_frame_number = out->frame_number;
        w.newest_has_dd = true;
    }
}

static bool is_in_run(uint16_t seq)
{
    for (unsigned i = 0; i < w.forwarder.run_count; i++)
        if ((uint16_t)(seq - w.forwarder.run[i].first) < w.forwarder.run[i].count)
            return true;
    return false;
}

static void send_out(struct source *s, const struct media_packet *m, struct packet *pkt,
                     const struct layer_verdict *v, struct layer_point at, bool is_empty,
                     bool is_first)
{
    struct forwarder_out out;
    struct media_info none = {.spatial = -1, .temporal = -1};

    if (!forwarder_pass(&w.forwarder, &pkt->rtp, is_empty ? &none : &pkt->media, w.now_us, &out)) {
        EXPECT(!is_first, "the first packet is refused");
        bool is_left_out = is_in_run(pkt->rtp.seq);
        EXPECT(!is_left_out || is_empty, "%lld is wanted, and was left out with its neighbours",
               (long long)m->n);
        s->fate[m->n] = is_left_out ? LEFT : REFUSED;
        total.refused += !is_left_out;
        trace("%lld refused", (long long)m->n);
        return;
    }
    int64_t ext = seq16_unwrap(&w.out_seq, out.seq);
    trace("%lld picture %d S%u goes out as %u%s%s", (long long)m->n, m->picture, m->spatial,
          out.seq, is_empty ? " empty" : "", v->marker ? " M" : "");
    EXPECT(!is_first || w.newest_ext < 0 || ext == w.newest_ext + 1, "a gap at a switch");
    note_owner((unsigned)w.current, m->n, ext);
    s->fate[m->n] = is_empty ? EMPTY : OUT;
    s->out_ext[m->n] = ext;
    s->out_marker[m->n] = v->marker;
    check_time(s, m, &out, is_first);
    total.out++;
    if (is_empty) {
        total.empty++;
        pkt->rtp.payload_bytes = 0;
    } else {
        check_payload(s, m, pkt, &out, is_first);
        if (m->dd_len > 0)
            check_descriptor(s, m, pkt, &out, v, at, is_first);
    }
    note_newest(s, m, pkt, &out, ext);
}

static void note_verdict(const struct media_packet *m, bool goes_out)
{
    struct picture_story *story = &w.story[m->picture];

    EXPECT(story->verdict[m->spatial] == NO_VERDICT ||
               story->verdict[m->spatial] == (goes_out ? FORWARDED : DROPPED),
           "picture %d S%u goes out by half", m->picture, m->spatial);
    story->verdict[m->spatial] = goes_out ? FORWARDED : DROPPED;
}

/* The point moved: down only with a new picture, up only where the stream allows (check_refs() sees to that). */
static void note_moves(const struct media_packet *m, struct layer_point before)
{
    struct layer_point at = layer_filter_current(&w.filter);
    struct picture_story *story = &w.story[m->picture];
    bool is_new = m->picture > w.newest_seen_picture;

    if (at.spatial < before.spatial || at.temporal < before.temporal) {
        EXPECT(is_new, "down in the middle of a picture");
        total.falls++;
    }
    if (at.spatial > before.spatial)
        total.rises_in_space++;
    if (at.spatial > before.spatial && (!is_new || m->spatial > 0))
        story->rose = true;
    if (at.temporal > before.temporal)
        total.rises_in_time++;
    w.newest_seen_picture = MAX(w.newest_seen_picture, m->picture);
    if (m->picture == w.newest_seen_picture)
        story->top = MIN(at.spatial, w.source[w.current].media.cfg.spatial - 1);
    if (memcmp(&at, &before, sizeof(at)) != 0)
        trace("  point S%uT%u -> S%uT%u, target S%uT%u", before.spatial, before.temporal,
              at.spatial, at.temporal, w.filter.target.spatial, w.filter.target.temporal);
}

static void leave_out(struct source *s, const struct media_packet *m, struct packet *pkt)
{
    uint16_t count_before = w.forwarder.seq_offset;
    const struct layer_verdict none = {0};

    if (!forwarder_leave_out(&w.forwarder, &pkt->rtp, &pkt->media)) {
        send_out(s, m, pkt, &none, layer_filter_current(&w.filter), true, false);
        return;
    }
    trace("%lld picture %d S%u left out%s", (long long)m->n, m->picture, m->spatial,
          m->is_padding ? ", padding" : "");
    s->fate[m->n] = LEFT;
    total.left++;
    total.filled += (uint16_t)(count_before - w.forwarder.seq_offset) > 1;
    if (!m->is_padding && s->media.cfg.codec == CODEC_VP8)
        w.story[m->picture].is_counted = true;
}

/* As a viewer that starts from the history does it. */
static void squeeze_time(const struct media_packet *m, const struct packet *pkt)
{
    if (w.is_behind && m->picture > w.newest_seen_picture &&
        !forwarder_has_caught_up(&w.forwarder, w.distance)) {
        forwarder_squeeze(&w.forwarder, &pkt->rtp, w.distance);
        w.is_retimed = true;
    }
    if (w.catching_up == 0 || m->picture <= w.newest_seen_picture)
        return;
    if (--w.catching_up == 0)
        return;
    forwarder_retime(&w.forwarder, &pkt->rtp, w.now_us);
    w.is_retimed = true;
    trace("time is squeezed to picture %d", m->picture);
}

/* It does not stay down where it could go up: at a keyframe, and a step with each group that is in sync. */
static void check_rises(const struct source *s, const struct media_packet *m,
                        const struct packet *pkt)
{
    const struct media_picture *p = picture_of(s, m);
    struct layer_point at = layer_filter_current(&w.filter), target = w.filter.target;
    int top = MIN(target.temporal, s->media.cfg.temporal - 1);

    if (pkt->media.temporal < 0 || w.has_loss || w.has_reorder)
        return;
    if (pkt->media.is_keyframe)
        EXPECT(memcmp(&at, &target, sizeof(at)) == 0, "a keyframe leaves it at S%uT%u", at.spatial,
               at.temporal);
    if (p->starts_group && m->spatial == 0 && pkt->media.starts_layer)
        w.group_temporal = p->is_in_sync ? MIN(at.temporal, top) : -1;
    if (p->ends_group && m->spatial + 1 == s->media.cfg.spatial && w.group_temporal >= 0) {
        EXPECT(at.temporal >= MIN(w.group_temporal + 1, top),
               "a group in sync leaves it at T%u, target T%u", at.temporal, target.temporal);
        w.group_temporal = -1;
    }
}

static void on_packet(struct source *s, const struct media_packet *m, struct packet *pkt,
                      bool is_first)
{
    struct layer_verdict v = {0};
    struct layer_point before = layer_filter_current(&w.filter);

    EXPECT(forwarder_follows(&w.forwarder, pkt->rtp.seq), "it does not follow");
    if (pkt->rtp.payload_bytes == 0) {
        leave_out(s, m, pkt);
        return;
    }
    if (m->n < w.first_n) { /* from before the start */
        struct forwarder_out out;
        EXPECT(!forwarder_pass(&w.forwarder, &pkt->rtp, &pkt->media, w.now_us, &out),
               "older than the switch");
        return;
    }
    if (pkt->media.dd.has_structure)
        layer_filter_learn(&w.filter, m->bytes + m->dd_at, m->dd_len);
    if (!is_first)
        squeeze_time(m, pkt);
    bool goes_out = layer_filter_take(&w.filter, &pkt->rtp, &pkt->media, &v);
    if (is_first)
        before = layer_filter_current(&w.filter);
    note_moves(m, before);
    note_verdict(m, goes_out);
    check_rises(s, m, pkt);
    if (goes_out)
        check_refs(s, m->picture, m->spatial);
    if (!goes_out) {
        leave_out(s, m, pkt);
        return;
    }
    send_out(s, m, pkt, &v, layer_filter_current(&w.filter), false, is_first);
}

/* ---- switching to a keyframe that came as a retransmission, with what followed it ---- */

static void note_here(struct source *s, const struct media_packet *m, const struct packet *pkt,
                      bool is_retransmission)
{
    s->is_here[m->n] = true;
    s->info[m->n] = pkt->media;
    if (m->n > s->newest_here) {
        s->newest_here = m->n;
        s->newest_here_us = w.now_us;
    }
    if (pkt->media.is_keyframe && m->n > s->repaired_key)
        s->repaired_key = is_retransmission ? m->n : -1;
}

static bool can_switch_behind(const struct source *s)
{
    const struct media_packet *key = &s->packet[MAX(s->repaired_key, 0)];

    if (s->repaired_key < 0 || s->packet[s->newest_here].picture - key->picture > MAX_BEHIND)
        return false;
    for (int64_t n = s->repaired_key; n <= s->newest_here; n++)
        if (!s->is_here[n] || (s->info[n].dd.has_frame_number && s->info[n].dd.target_count == 0))
            return false;
    return true;
}

/* Where the newest packet of @s stands, by its own clock, beside what went out. */
static void check_distance(const struct source *s)
{
    const struct media_packet *m = &s->packet[s->newest_here];
    int64_t hz = s->media.clock_hz;

    if (w.newest_ext < 0)
        return;
    int64_t real = (int64_t)(picture_of(s, m)->sent_us - w.newest_sent_us) * hz / 1000000;
    int64_t ticks = ts32_diff(m->rtp.ts + w.distance, w.newest.ts);
    EXPECT(ticks - real < hz / 4 && real - ticks < hz / 4, "a distance of %lld ticks, really %lld",
           (long long)ticks, (long long)real);
}

static void send_from_history(struct source *s, int64_t n, bool is_first)
{
    const struct media_packet *m = &s->packet[n];
    struct packet *pkt = packet_new(pool);

    assert_non_null(pkt);
    media_packet_fill(pkt, m, s->media.cfg.codec);
    pkt->media = s->info[n];
    if (is_first)
        forwarder_begin_behind(&w.forwarder, &pkt->rtp, &pkt->media, w.distance, w.now_us);
    on_packet(s, m, pkt, is_first);
    packet_unref(&pkt);
}

static void switch_behind(unsigned source)
{
    struct source *s = &w.source[source];
    int64_t first = s->repaired_key;
    uint32_t distance = forwarder_distance(&w.forwarder, s->packet[s->newest_here].rtp.ts, false, 0,
                                           s->newest_here_us);

    begin_epoch(source, &s->packet[first]);
    w.catching_up = 0;
    w.is_behind = true;
    w.distance = distance;
    check_distance(s);
    layer_filter_restart(&w.filter);
    for (int64_t n = first; n <= s->newest_here; n++)
        send_from_history(s, n, n == first);
    total.switches_behind++;
}

/* ---- arrivals ---- */

static void take(const struct flight *fl, struct packet *pkt)
{
    struct source *s = &w.source[fl->source];
    const struct media_packet *m = &s->packet[fl->n];
    bool is_switch = fl->source == w.wanted && w.current != (int)w.wanted;
    bool is_first = is_switch && pkt->media.is_keyframe && !fl->is_retransmission;

    if (is_switch && !is_first && w.forwarder.clock_hz == s->media.clock_hz &&
        can_switch_behind(s)) {
        switch_behind(fl->source);
        return;
    }
    if (is_first) {
        begin_epoch(fl->source, m);
        layer_filter_restart(&w.filter);
        forwarder_begin(&w.forwarder, &pkt->rtp, &pkt->media, s->media.clock_hz, false, 0,
                        w.now_us);
    }
    if (w.current == (int)fl->source)
        on_packet(s, m, pkt, is_first);
}

static void deliver(const struct flight *fl)
{
    struct source *s = &w.source[fl->source];
    const struct media_packet *m = &s->packet[fl->n];
    struct packet *pkt;

    if (!rtp_recv_packet(&s->recv, m->rtp.seq, m->rtp.ts, m->len, w.now_us))
        return;
    pkt = packet_new(pool);
    assert_non_null(pkt);
    media_packet_fill(pkt, m, s->media.cfg.codec);
    assert_int_equal(
        payload_inspect_described(pkt, rtp_find_ext(&pkt->rtp, MEDIA_SOURCE_DD_ID), &s->dd), 0);
    total.late += fl->is_retransmission;
    note_here(s, m, pkt, fl->is_retransmission);
    take(fl, pkt);
    packet_unref(&pkt);
}

/* ---- the network ---- */

static void fly(unsigned source, int64_t n, bool is_retransmission, uint64_t delay_us)
{
    if (w.in_flight < MAX_FLIGHT)
        w.flight[w.in_flight++] =
            (struct flight){source, n, is_retransmission, w.now_us + delay_us};
}

static void put_in_flight(unsigned source, int64_t n)
{
    struct source *s = &w.source[source];
    uint64_t delay_us = 20000 + (w.has_reorder ? rng_below(&w.rng, chance(8) ? 70000 : 2000) : 0);

    if (w.has_loss && chance(6)) {
        if (chance(70))
            fly(source, n, true, delay_us + 40000 + rng_below(&w.rng, 100000));
        else
            s->fate[n] = LOST;
        return;
    }
    fly(source, n, false, delay_us);
    if (w.has_duplicates && chance(3))
        fly(source, n, false, delay_us + rng_below(&w.rng, 20000));
}

static void deliver_due(void)
{
    for (;;) {
        size_t best = w.in_flight;
        for (size_t i = 0; i < w.in_flight; i++)
            if (w.flight[i].arrival_us <= w.now_us &&
                (best == w.in_flight || w.flight[i].arrival_us < w.flight[best].arrival_us))
                best = i;
        if (best == w.in_flight)
            return;
        struct flight fl = w.flight[best];
        memmove(&w.flight[best], &w.flight[best + 1], (--w.in_flight - best) * sizeof(fl));
        deliver(&fl);
    }
}

/* ---- a scenario ---- */

static void draw_source(struct source *s)
{
    static const enum codec_id codecs[] = {CODEC_VP8, CODEC_VP8, CODEC_VP9,  CODEC_VP9,
                                           CODEC_AV1, CODEC_AV1, CODEC_H264, CODEC_OPUS};
    struct media_source_config c = {
        .codec = codecs[rng_below(&w.rng, ARRAY_LEN(codecs))], .spatial = 1, .temporal = 1};

    if (w.sources > 0 && chance(70)) /* simulcast: all of one kind */
        c = w.source[0].media.cfg;
    else if (c.codec != CODEC_OPUS) {
        c.has_dd = chance(c.codec == CODEC_AV1 ? 85 : c.codec == CODEC_H264 ? 50 : 20);
        c.temporal = c.codec == CODEC_H264 && !c.has_dd ? 1 : (uint8_t)(1 + rng_below(&w.rng, 3));
        if (c.codec == CODEC_VP9 || (c.codec == CODEC_AV1 && c.has_dd))
            c.spatial = (uint8_t)(1 + rng_below(&w.rng, 3));
        c.mode = (enum svc_mode)rng_below(&w.rng, 3);
        c.is_flexible = chance(50);
        c.has_wide_ids = chance(60);
        c.max_packets = (uint8_t)(1 + rng_below(&w.rng, 5));
        c.key_percent = (uint8_t)rng_below(&w.rng, 8);
        c.sync_percent = (uint8_t)rng_below(&w.rng, 100);
        c.restart_percent = (uint8_t)rng_below(&w.rng, 30);
        c.padding_percent = chance(50) ? (uint8_t)rng_below(&w.rng, 30) : 0;
    }
    c.max_packets = MAX(c.max_packets, 1);
    media_source_init(&s->media, &c, &w.rng);
    rtp_recv_init(&s->recv, w.sources + 1, s->media.clock_hz);
    s->next_picture_us = w.now_us + rng_below(&w.rng, FRAME_US);
    s->dd = (struct dependency_state){0};
    memset(s->fate, 0, sizeof(s->fate));
    memset(s->is_here, 0, sizeof(s->is_here));
    s->newest_here = s->repaired_key = -1;
}

static void emit(unsigned i)
{
    struct source *s = &w.source[i];
    struct media_packet packets[MEDIA_SOURCE_PACKETS];
    struct media_picture picture;

    if (s->media.pictures == MAX_PICTURES || s->media.next_n + MEDIA_SOURCE_PACKETS > MAX_PACKETS)
        return;
    uint64_t step_us = chance(1) ? FRAME_US * (1 + rng_below(&w.rng, 90)) : FRAME_US; /* a pause */
    int64_t first = s->media.next_n;
    size_t n = media_source_next(&s->media, w.now_us, step_us, &picture, packets);
    s->picture[picture.index] = picture;
    memcpy(&s->packet[first], packets, n * sizeof(packets[0]));
    for (size_t k = 0; k < n; k++)
        put_in_flight(i, first + (int64_t)k);
    s->next_picture_us += step_us;
}

static void change_something(void)
{
    unsigned what = rng_below(&w.rng, 10);

    if (what < 3) {
        w.wanted = rng_below(&w.rng, w.sources);
        w.source[w.wanted].media.wants_key |= chance(80);
        trace("wanted: source %u", w.wanted);
    } else if (what < 9) {
        layer_filter_set_target(&w.filter, (uint8_t)rng_below(&w.rng, 4),
                                (uint8_t)rng_below(&w.rng, 4));
        w.group_temporal = -1;
        trace("target: S%uT%u", w.filter.target.spatial, w.filter.target.temporal);
    }
    if (w.current >= 0 && layer_filter_wants_keyframe(&w.filter) && chance(30))
        w.source[w.current].media.wants_key = true;
}

static void run_scenario(uint64_t seed)
{
    w.seed = seed;
    rng_seed(&w.rng, seed);
    w.now_us = 7000000;
    w.in_flight = 0;
    w.traced = 0;
    w.has_loss = chance(60);
    w.has_reorder = chance(60);
    w.has_duplicates = chance(40);
    w.current = -1;
    w.newest_ext = -1;
    w.newest_sent_us = 0;
    w.newest_has_ids = w.newest_has_dd = false;
    w.out_seq = (struct seq16_unwrapper){0};
    memset(w.owned_ext, 0xff, sizeof(w.owned_ext));
    forwarder_init(&w.forwarder, (uint16_t)rng_u32(&w.rng), rng_u32(&w.rng),
                   (uint16_t)rng_u32(&w.rng) & 0x7fff);
    layer_filter_init(&w.filter);
    unsigned sources = 1 + rng_below(&w.rng, SOURCES);
    for (w.sources = 0; w.sources < sources; w.sources++)
        draw_source(&w.source[w.sources]);
    w.wanted = rng_below(&w.rng, w.sources);
    unsigned pictures = 20 + rng_below(&w.rng, MAX_PICTURES - 20);
    uint64_t end_us = w.now_us + pictures * FRAME_US;
    for (; w.now_us < end_us; w.now_us += 2000 + rng_below(&w.rng, 6000)) {
        for (unsigned i = 0; i < w.sources; i++)
            for (; w.source[i].next_picture_us <= w.now_us &&
                   w.source[i].media.pictures < MAX_PICTURES;)
                emit(i);
        deliver_due();
        if (chance(4))
            change_something();
    }
    end_epoch();
    total.scenarios++;
}

static void random_streams_go_out_whole_and_decodable(void **state)
{
    const char *text = getenv("PARLEY_TEST_SCENARIOS");
    uint64_t seed = seed_of_test(), scenarios = text != NULL ? strtoull(text, NULL, 0) : SCENARIOS;

    (void)state;
    seed_print(seed);
    pool = packet_pool_new(4);
    assert_non_null(pool);
    for (uint64_t i = 0; i < scenarios; i++)
        run_scenario(seed + i);
    packet_pool_free(&pool);
    printf("%" PRIu64 " packets out, %" PRIu64 " left out, %" PRIu64 " empty, %" PRIu64
           " refused, %" PRIu64 " retransmitted; %" PRIu64 " switches, %" PRIu64 " falls, %" PRIu64
           " rises in space, %" PRIu64 " in time; %" PRIu64 " frames, %" PRIu64
           " gaps filled; %" PRIu64 " switches to what was repaired, %" PRIu64 " frames squeezed\n",
           total.out, total.left, total.empty, total.refused, total.late, total.switches,
           total.falls, total.rises_in_space, total.rises_in_time, total.forwarded_frames,
           total.filled, total.switches_behind, total.squeezed);
    assert_true(total.out > scenarios * 100 && total.left > scenarios * 10);
    assert_true(total.switches > scenarios && total.falls > scenarios);
    assert_true(total.rises_in_space > scenarios / 10 && total.rises_in_time > scenarios / 10);
    assert_true(total.refused < total.out / 100 && total.filled > 0);
    assert_true(total.switches_behind > scenarios / 100 && total.squeezed > total.switches_behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_streams_go_out_whole_and_decodable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
