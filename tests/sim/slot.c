/* SPDX-License-Identifier: Apache-2.0 */
/* slot.c - what an endpoint makes of the packets it receives: are the numbers right, do frames decode? */
#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/payload_red.h"
#include "core/payload_vp8.h"
#include "core/timebase.h"
#include "tests/sim/endpoint_internal.h"
#include "tests/sim/feedback.h"
#include "transport/rtcp_fb.h"

#define BROKEN_FRAMES 3 /* behind the newest, before a keyframe is asked for */
#define BROKEN_US 100000ull
#define REPAIR_US 800000ull
#define WATCHED_PACKETS 100    /* after a change of mind a source may begin where it stopped */
#define SWITCH_ERROR_US 400000 /* media time at a switch against true time: arrivals jitter */
/* A viewer that starts from the server's history is shown it faster than it was; by then it has caught up. */
#define CATCHUP_US 2500000ull
/* The server waits so long for a packet in the middle that came late. */
#define CATCHUP_HOLD_US 500000ull

static bool is_same_source(const struct content *a, const struct content *b)
{
    return a->count != 0 && b->count != 0 && a->track == b->track && a->encoding == b->encoding;
}

static uint64_t digest(const struct content *c)
{
    return (uint64_t)c->track << 48 ^ (uint64_t)c->encoding << 44 ^ (uint64_t)c->frame << 8 ^
           c->index;
}

/* Whether nothing but frames of higher temporal layers can be between them. */
static bool follows(const struct content *before, const struct content *c)
{
    uint32_t ahead = c->frame - before->frame;

    return is_same_source(before, c) &&
           (ahead == 1 || (ahead >= 1 && ahead <= 4 && c->temporal_layers > 1));
}

static void fault(struct slot *s, const char *what, const struct content *c)
{
    endpoint_fault(s->owner, "slot %s: %s (track %u/%u frame %u packet %u/%u)", s->section.mid,
                   what, c->track, c->encoding, c->frame, c->index, c->count);
}

/* ---- opening and watching ---- */

struct slot *endpoint_add_slot(struct endpoint *e, enum media_kind kind)
{
    return endpoint_add_slot_of(e, kind == MEDIA_VIDEO ? CODEC_VP8 : CODEC_OPUS);
}

struct slot *endpoint_add_slot_of(struct endpoint *e, enum codec_id codec)
{
    enum media_kind kind = codec_kind(codec);
    struct sim *sim = e->sim;
    CHECK(e->slot_count < ENDPOINT_MAX_SLOTS);
    struct slot *s = &e->slot[e->slot_count++];
    struct transceiver *t = &s->section;

    *s = (struct slot){.owner = e, .id = e->id * 100 + e->slot_count, .kind = kind, .newest = -1};
    (void)snprintf(t->mid, sizeof(t->mid), "s%u", e->slot_count);
    (void)snprintf(t->msid, sizeof(t->msid), "stream");
    t->kind = kind;
    t->send = true;
    t->ssrc = 0x50000000u + (uint32_t)s->id;
    t->codec[t->codec_count++] = endpoint_codec(e, codec);
    t->ext.id[RTP_EXT_MID] = endpoint_ext_id(e, RTP_EXT_MID);
    if (kind == MEDIA_AUDIO)
        t->ext.id[RTP_EXT_AUDIO_LEVEL] = endpoint_ext_id(e, RTP_EXT_AUDIO_LEVEL);
    else
        t->ext.id[RTP_EXT_COLOR_SPACE] = endpoint_ext_id(e, RTP_EXT_COLOR_SPACE);
    if (codec == CODEC_AV1 || codec == CODEC_VP9)
        t->ext.id[RTP_EXT_DEPENDENCY_DESCRIPTOR] =
            endpoint_ext_id(e, RTP_EXT_DEPENDENCY_DESCRIPTOR);
    feedback_negotiate_slot(s);
    rtp_recv_init(&s->recv, t->ssrc, t->codec[0].codec.clock_hz);
    SIM_EXPECT(sim, sfu_subscription_open(sim->sfu, s->id, e->id, t, sim_now_us(sim)) == 0);
    return s;
}

void slot_take_red(struct slot *s)
{
    struct endpoint *e = s->owner;

    s->section.codec[s->section.codec_count++] = endpoint_codec(e, CODEC_RED);
    sfu_subscription_update(e->sim->sfu, s->id, &s->section, sim_now_us(e->sim));
}

void slot_watch(struct slot *s, const struct pub *p)
{
    struct sim *sim = s->owner->sim;

    s->watched_at = s->newest;
    s->flow_since_us = sim_now_us(sim);
    sfu_subscription_set_source(sim->sfu, s->id, p == NULL ? 0 : p->track, sim_now_us(sim));
}

struct slot *endpoint_watch(struct endpoint *e, const struct pub *p)
{
    struct slot *s = endpoint_add_slot(e, codec_kind(p->codec));

    slot_watch(s, p);
    return s;
}

struct slot *slot_find(struct endpoint *e, uint32_t ssrc)
{
    for (unsigned i = 0; i < e->slot_count; i++)
        if (e->slot[i].section.ssrc == ssrc)
            return &e->slot[i];
    return NULL;
}

static struct slot_source *find_source(struct slot *s, uint32_t track)
{
    struct slot_source *src = s->source;

    while (src->track != 0 && src->track != track && src < &s->source[SLOT_MAX_SOURCES - 1])
        src++;
    src->track = track;
    return src;
}

const struct slot_source *slot_source(const struct slot *s, const struct pub *p)
{
    static const struct slot_source none;

    for (unsigned i = 0; i < SLOT_MAX_SOURCES; i++)
        if (s->source[i].track == p->track)
            return &s->source[i];
    return &none;
}

/* ---- numbering ---- */

/* A packet that follows the newest one without a gap. */
static void check_successor(struct slot *s, const struct rtp_header *h,
                            const struct vp8_descriptor *vp8, const struct content *c)
{
    const struct content *before = &s->newest_content;
    bool is_same = is_same_source(before, c);
    bool is_next = follows(before, c);

    bool starts_again = c->is_keyframe && c->index == 0; /* of the history */

    if (is_same && c->frame == before->frame && !starts_again) {
        if (h->ts != s->newest_ts || (vp8 != NULL && vp8->picture_id != s->newest_picture_id))
            fault(s, "a frame with two timestamps or picture ids", c);
        if (c->index != before->index + 1)
            fault(s, "packets of a frame in another order", c);
        return;
    }
    if (c->index != 0 || (!is_next && !c->is_keyframe))
        fault(s, "starts in the middle", c);
    if (!ts32_newer(h->ts, s->newest_ts))
        fault(s, "time goes back", c);
    if (vp8 == NULL)
        return;
    if (vp8->picture_id != ((s->newest_picture_id + 1) & 0x7fff) ||
        vp8->tl0picidx != (uint8_t)(s->newest_tl0 + (c->temporal == 0)) ||
        vp8->keyidx != ((s->newest_keyidx + c->is_keyframe) & 0x1f))
        fault(s, "VP8 ids do not go on", c);
}

/* A switch to a keyframe that came late, with what followed it: frames from before the newest one shown go out a tick behind each
 * other, and the first one after that at its own time. Whether that is what it is. */
static bool catches_up(struct slot *s, const struct content *c, int64_t us, int64_t true_us)
{
    const struct content *before = &s->newest_content;
    int64_t tick_us = (int64_t)US_PER_S / s->recv.clock_hz + 1;

    if (!is_same_source(before, c))
        s->ahead_us = c->is_keyframe && true_us < 0 ? us - true_us : 0;
    else if (us > tick_us)
        s->ahead_us = 0; /* from now on exact */
    else
        s->ahead_us -= true_us - us;
    return s->ahead_us > 0 && us > 0 && us <= tick_us;
}

static void check_time(struct slot *s, const struct rtp_header *h, const struct content *c)
{
    const struct content *before = &s->newest_content;
    int64_t clock_hz = s->recv.clock_hz;
    int64_t true_us = (int64_t)(c->capture_us - before->capture_us);
    int64_t us = (int64_t)ts32_diff(h->ts, s->newest_ts) * (int64_t)US_PER_S / clock_hz;
    int64_t error_us = us > true_us ? us - true_us : true_us - us;

    bool was_ahead = s->ahead_us > 0;

    if (catches_up(s, c, us, true_us))
        return;
    bool is_exact = follows(before, c) && !was_ahead &&
                    (!c->is_keyframe || s->newest > s->watched_at + WATCHED_PACKETS);

    if (sim_now_us(s->owner->sim) - s->flow_since_us < CATCHUP_US && us > 0 &&
        us <= MAX(true_us,
                  (int64_t)(sim_now_us(s->owner->sim) - s->newest_content_us + CATCHUP_HOLD_US)))
        return;
    if (is_exact ? error_us > 100 : error_us > SWITCH_ERROR_US)
        fault(s, "time does not go on by the real distance", c);
}

static void check_number(struct slot *s, const struct rtp_header *h,
                         const struct vp8_descriptor *vp8, const struct content *c)
{
    int64_t ext = seq16_unwrap(&s->seqs, h->seq);
    size_t i = (size_t)ext % ARRAY_LEN(s->seen);

    if (s->seen_ext[i] == ext && s->seen[i] != digest(c))
        fault(s, "two packets under one number", c);
    s->seen_ext[i] = ext;
    s->seen[i] = digest(c);
    if (ext <= s->newest)
        return;
    if (!s->owner->may_lose && s->newest_content.count == 0 && (c->index != 0 || !c->is_keyframe) &&
        s->newest < 0)
        fault(s, "does not start at a keyframe", c);
    if (s->newest_content.count != 0 && ext == s->newest + 1 && !s->is_gap)
        check_successor(s, h, vp8, c);
    if (s->newest_content.count != 0)
        check_time(s, h, c);
    if (s->newest_content.count == 0 || s->newest_content.track != c->track)
        s->flow_since_us = sim_now_us(s->owner->sim);
    s->switches += s->newest_content.count != 0 && !is_same_source(&s->newest_content, c);
    s->is_gap = false;
    s->newest = ext;
    s->newest_content = *c;
    s->newest_content_us = sim_now_us(s->owner->sim);
    s->newest_ts = h->ts;
    if (vp8 != NULL) {
        s->newest_picture_id = vp8->picture_id;
        s->newest_tl0 = vp8->tl0picidx;
        s->newest_keyidx = vp8->keyidx;
    }
}

/* ---- decoding ---- */

static struct slot_frame *frame_of(struct slot *s, const struct content *c, uint32_t ts)
{
    struct slot_frame *oldest = &s->frame[0];

    for (unsigned i = 0; i < SLOT_MAX_FRAMES; i++) {
        struct slot_frame *f = &s->frame[i];
        if (is_same_source(&f->id, c) && f->id.frame == c->frame)
            return f;
        if (oldest->id.count != 0 && (f->id.count == 0 || f->id.capture_us < oldest->id.capture_us))
            oldest = f;
    }
    *oldest = (struct slot_frame){.id = *c, .ts = ts};
    return oldest;
}

static bool was_decoded(const struct slot *s, uint32_t frame)
{
    uint32_t age = s->decoded.frame - frame;

    return age < 64 && (s->decoded_before >> age & 1) != 0;
}

static bool is_decodable(const struct slot *s, const struct slot_frame *f)
{
    bool is_complete = f->id.count != 0 && f->got == (uint32_t)((1ull << f->id.count) - 1);

    if (!is_complete || !is_same_source(&f->id, &s->newest_content))
        return false;
    if (!is_same_source(&f->id, &s->decoded))
        return f->id.is_keyframe;
    return f->id.is_keyframe ? f->id.frame > s->decoded.frame : was_decoded(s, f->id.ref);
}

static void note_decoded(struct slot *s, const struct content *c)
{
    uint32_t ahead = c->frame - s->decoded.frame;

    if (c->is_keyframe) {
        s->decoded = *c;
        s->decoded_before = 1;
    } else if (ahead < 64) {
        s->decoded = *c;
        s->decoded_before = s->decoded_before << ahead | 1;
    } else if (-ahead < 64) {
        s->decoded_before |= 1ull << -ahead;
    }
}

static void decode_all(struct slot *s)
{
    for (unsigned i = 0; i < SLOT_MAX_FRAMES; i++) {
        struct slot_frame *f = &s->frame[i];
        if (!is_decodable(s, f))
            continue;
        struct slot_source *src = find_source(s, f->id.track);
        src->decoded++;
        src->keyframes += f->id.is_keyframe;
        src->temporal[f->id.temporal]++;
        note_decoded(s, &f->id);
        f->id.count = 0;
        i = UINT32_MAX; /* perhaps another one can now */
    }
}

static bool is_broken(const struct slot *s)
{
    const struct content *newest = &s->newest_content;

    return newest->count != 0 && (!is_same_source(newest, &s->decoded) ||
                                  newest->frame > s->decoded.frame + BROKEN_FRAMES);
}

void slot_wish(struct slot *s, const struct sfu_wish *wish)
{
    struct sim *sim = s->owner->sim;

    s->flow_since_us = sim_now_us(sim); /* it may have been paused, and start from the history */
    sfu_subscription_set_wish(sim->sfu, s->id, wish, sim_now_us(sim));
}

void slot_ask_keyframe(struct slot *s)
{
    uint8_t buf[64];
    struct writer w = writer_of(buf, sizeof(buf));

    rtcp_write_rr(&w, 1, NULL, 0);
    rtcp_fb_write_pli(&w, 1, s->section.ssrc);
    endpoint_send_rtcp(s->owner, &w);
    s->plis++;
}

void slot_begin_anew(struct slot *s)
{
    memset(s->frame, 0, sizeof(s->frame));
    s->decoded.count = 0;
    s->newest_content.count = 0;
}

/* Who can ask for what is missing waits for it. */
static uint64_t patience_us(const struct slot *s)
{
    return s->section.codec[0].nack ? REPAIR_US : BROKEN_US;
}

void slot_tend(struct slot *s, uint64_t now_us)
{
    if (!is_broken(s)) {
        s->broken_since_us = 0;
        return;
    }
    if (s->broken_since_us == 0)
        s->broken_since_us = now_us;
    if (s->kind != MEDIA_VIDEO || now_us - s->broken_since_us < patience_us(s) ||
        now_us - s->pli_us < PLI_INTERVAL_US)
        return;
    s->pli_us = now_us;
    slot_ask_keyframe(s);
}

/* ---- receiving ---- */

static void check_head(struct slot *s, const struct rtp_header *h, const uint8_t *buf,
                       const struct content *c)
{
    const struct rtp_ext *mid = rtp_find_ext(h, s->section.ext.id[RTP_EXT_MID]);
    const struct rtp_ext *level = rtp_find_ext(h, endpoint_ext_id(s->owner, RTP_EXT_AUDIO_LEVEL));
    const struct pub *p = pub_of_track(s->owner->sim, c->track);

    if (transceiver_find_pt(&s->section, h->pt) == NULL)
        fault(s, "a payload type that is not ours", c);
    if (mid == NULL ||
        !str_eq_c((struct str){(const char *)buf + mid->offset, mid->len}, s->section.mid))
        fault(s, "not our MID", c);
    if ((s->kind == MEDIA_AUDIO) != (level != NULL) ||
        (level != NULL && p != NULL && p->level < 0 &&
         buf[level->offset] != pub_level(p, c->frame)))
        fault(s, "not the audio level of this packet", c);
}

static void take_content(struct slot *s, const struct rtp_header *h,
                         const struct vp8_descriptor *vp8, const struct content *c, uint64_t now_us)
{
    struct slot_source *src = find_source(s, c->track);
    struct slot_frame *f = NULL;

    check_number(s, h, vp8, c);
    src->packets++;
    src->encoding = c->encoding;
    s->packets++;
    if (s->newest_arrival_us != 0)
        s->largest_gap_us = MAX(s->largest_gap_us, now_us - s->newest_arrival_us);
    s->newest_arrival_us = now_us;
    f = frame_of(s, c, h->ts);
    bool starts_again =
        c->is_keyframe && c->index == 0; /* a switch back, to what was seen in part */
    if (f->ts != h->ts && (starts_again || now_us - s->flow_since_us < CATCHUP_US)) {
        /* from the history again */
        if (!ts32_newer(h->ts, f->ts))
            return; /* from before that */
        memset(s->frame, 0, sizeof(s->frame));
        s->decoded.count = 0;
        f = frame_of(s, c, h->ts);
    }
    if (f->ts != h->ts)
        fault(s, "a frame with two timestamps", c);
    src->frames += f->got == 0;
    f->got |= 1u << c->index;
    decode_all(s);
    slot_tend(s, now_us);
}

/* Of redundant audio the primary block; the other one must be the sound before it. */
static struct reader unwrap_red(struct slot *s, const uint8_t *payload, size_t len)
{
    struct content c = {0}, before = {0};
    struct red red;

    if (red_parse(&red, payload, len) != 0 || red.pt != endpoint_codec(s->owner, CODEC_OPUS).pt) {
        fault(s, "redundant audio of blocks that are not ours", &c);
        return reader_of(payload, 0);
    }
    struct reader r = reader_of(payload + red.primary.at, red.primary.bytes), primary = r;
    reader_skip(&primary, 1);
    for (unsigned i = 0; i < red.redundant; i++) {
        struct reader block = reader_of(payload + red.block[i].at, red.block[i].bytes);
        reader_skip(&block, 1);
        if (!content_read(&before, &block) || !content_read(&c, &primary) ||
            before.frame + 1 != c.frame || before.track != c.track)
            fault(s, "another sound than the one before", &before);
    }
    s->reds++;
    return r;
}

void slot_receive(struct slot *s, const struct rtp_header *h, const uint8_t *buf, size_t len,
                  uint64_t now_us)
{
    struct vp8_descriptor vp8 = {0};
    struct content c = {0};
    struct reader r = reader_of(buf + h->header_bytes, h->payload_bytes);

    if (!rtp_recv_packet(&s->recv, h->seq, h->ts, len, now_us))
        return;
    if (s->on_packet != NULL) {
        s->packets++;
        s->on_packet(s, h, buf, s->arg);
        return;
    }
    if (h->payload_bytes ==
        0) { /* padding of the publisher's, which came too late to be left out */
        int64_t ext = seq16_unwrap(&s->seqs, h->seq);
        s->is_gap |= ext > s->newest; /* perhaps it was a picture that is left out */
        s->newest = MAX(s->newest, ext);
        s->empty++;
        return;
    }
    if (s->kind == MEDIA_AUDIO && h->pt == endpoint_codec(s->owner, CODEC_RED).pt)
        r = unwrap_red(s, buf + h->header_bytes, h->payload_bytes);
    if (s->kind == MEDIA_AUDIO)
        reader_skip(&r, 1);
    else if (vp8_parse(&vp8, buf + h->header_bytes, h->payload_bytes) == 0)
        reader_skip(&r, vp8.bytes + (!vp8.start_of_partition ? 0u : vp8.is_keyframe ? 10u : 1u));
    if (!content_read(&c, &r)) {
        fault(s, "no payload of ours", &c);
        return;
    }
    check_head(s, h, buf, &c);
    take_content(s, h, s->kind == MEDIA_VIDEO ? &vp8 : NULL, &c, now_us);
}

int64_t slot_wall_of_ts(const struct slot *s, uint32_t ts)
{
    return (int64_t)timebase_wall_us_of_ntp(s->sr_ntp) +
           (int64_t)ts32_diff(ts, s->sr_ts) * (int64_t)US_PER_S / (int64_t)s->recv.clock_hz;
}
