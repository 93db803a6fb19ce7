/* SPDX-License-Identifier: Apache-2.0 */
/* publisher.c - see publisher.h. */
#include "bench/loadgen/publisher_internal.h"

#include <string.h>

#include "bench/loadgen/clip.h"
#include "bench/loadgen/generator.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/sound_loop.h"
#include "core/check.h"
#include "core/mem.h"
#include "core/rtp.h"
#include "core/timebase.h"
#include "core/wire.h"
#include "transport/rtx.h"

#define REPORT_INTERVAL_US US_PER_S
#define AUDIO_INTERVAL_US 20000ull
#define AUDIO_PAYLOAD_BYTES 80 /* 32 kbit/s */
#define MAX_FRAME_DEBT 8       /* frames sent at once after a stall; older ones are left out */

/* ---- packets ---- */

/* abs-send-time: seconds in 6.18 fixed point. */
static void write_send_time(uint8_t out[3])
{
    uint64_t now_us = timebase_now_us();
    uint32_t t = (uint32_t)((now_us % (64 * US_PER_S) << 18) / US_PER_S);

    out[0] = (uint8_t)(t >> 16);
    out[1] = (uint8_t)(t >> 8);
    out[2] = (uint8_t)t;
}

struct rtp_fields {
    const struct answer_media *media;
    uint8_t pt;
    bool marker;
    uint16_t seq;
    uint32_t ts, ssrc;
    const char *mid, *rid; /* NULL: none */
    const uint8_t *level;  /* of sound; NULL: none */
    bool is_repair;        /* the RID is that of what is repaired */
};

static size_t write_head(struct publisher *p, const struct rtp_fields *f, uint8_t *out, size_t size)
{
    const uint8_t *id = f->media->ext.id;
    uint8_t twcc[2], send_time[3];
    size_t rid_len = f->rid != NULL ? strlen(f->rid) : 0;
    struct rtp_ext_out ext[] = {
        {id[RTP_EXT_ABS_SEND_TIME], sizeof(send_time), send_time},
        {id[RTP_EXT_TWCC], sizeof(twcc), twcc},
        {id[RTP_EXT_MID], (uint8_t)(f->mid != NULL ? strlen(f->mid) : 0), (const uint8_t *)f->mid},
        {id[f->is_repair ? RTP_EXT_REPAIRED_RID : RTP_EXT_RID], (uint8_t)rid_len,
         (const uint8_t *)f->rid},
        {id[RTP_EXT_AUDIO_LEVEL], f->level != NULL, f->level},
    };

    write_send_time(send_time);
    wire_put_u16(twcc, p->next_twcc_seq);
    if (id[RTP_EXT_TWCC] != 0)
        p->next_twcc_seq++;
    return rtp_write_header(out, size, f->pt, f->marker, f->seq, f->ts, f->ssrc, ext,
                            ARRAY_LEN(ext));
}

/* The n-th slot of the send scratch. */
static uint8_t *slot(struct publisher *p, size_t i)
{
    return p->scratch + i * SEND_SLOT_BYTES;
}

static void add_to_batch(struct publisher *p, struct datagram *batch, size_t i, size_t head,
                         struct video_packet *v)
{
    uint8_t *out = slot(p, i);

    memcpy(out + head, v->payload, v->len);
    batch[i] = (struct datagram){.data = out, .len = head + v->len};
    p->stats.packets++;
    p->stats.payload_bytes += v->len;
}

/* Send @n packets from @seq on, back to back. */
static void send_packets(struct publisher *p, struct video_stream *v, uint16_t seq, size_t n)
{
    struct datagram batch[SEND_SLOTS];

    while (n > 0) {
        size_t group = MIN(n, (size_t)SEND_SLOTS);
        for (size_t i = 0; i < group; i++) {
            struct video_packet *pkt = video_stream_find(v, (uint16_t)(seq + i));
            const struct rtp_fields f = {.media = &p->video,
                                         .pt = p->video.pt,
                                         .marker = pkt->is_last,
                                         .seq = pkt->seq,
                                         .ts = pkt->ts,
                                         .ssrc = v->ssrc,
                                         .mid = p->is_known ? NULL : "0",
                                         .rid = p->is_known ? NULL : v->rid};
            if (p->on_sent != NULL)
                p->on_sent(pkt->payload, pkt->len, pkt->is_last, p->on_sent_arg);
            if (pkt->is_last)
                frame_trailer_stamp(pkt->payload, pkt->len, timebase_now_us());
            add_to_batch(p, batch, i, write_head(p, &f, slot(p, i), SEND_SLOT_BYTES), pkt);
            v->packets_sent++;
            v->octets_sent += pkt->len;
        }
        endpoint_send_rtp(p->session.endpoint, batch, group);
        seq = (uint16_t)(seq + group);
        n -= group;
    }
}

void publisher_retransmit(struct publisher *p, struct video_stream *v, uint16_t seq)
{
    struct video_packet *pkt = video_stream_find(v, seq);
    struct datagram d = {.data = slot(p, 0)};
    bool is_rtx = p->video.rtx_pt != PT_NONE;
    struct rtp_fields f = {.media = &p->video,
                           .pt = is_rtx ? p->video.rtx_pt : p->video.pt,
                           .seq = seq,
                           .ssrc = is_rtx ? v->rtx_ssrc : v->ssrc,
                           .rid = v->rid,
                           .is_repair = is_rtx};

    p->stats.nacked++;
    if (pkt == NULL)
        return;
    f.ts = pkt->ts;
    f.marker = pkt->is_last;
    f.mid = v->rid != NULL ? "0" : NULL;
    if (is_rtx)
        f.seq = v->rtx_seq++;
    d.len = write_head(p, &f, d.data, SEND_SLOT_BYTES);
    if (is_rtx) {
        wire_put_u16(d.data + d.len, seq);
        d.len += RTX_OSN_BYTES;
    }
    memcpy(d.data + d.len, pkt->payload, pkt->len);
    d.len += pkt->len;
    p->stats.retransmitted++;
    endpoint_send_rtp(p->session.endpoint, &d, 1);
}

/* ---- the schedule ---- */

static void on_paced(struct deadline *d, uint64_t now_us, void *arg)
{
    struct publisher *p = arg;
    size_t left = 0;

    (void)d;
    for (size_t i = 0; i < p->stream_count; i++) {
        struct paced *q = &p->paced[i];
        uint64_t gone_us = now_us - q->start_us;
        size_t due = gone_us >= PACING_SPREAD_US
                         ? q->count
                         : 1 + (size_t)(gone_us * q->count / PACING_SPREAD_US);
        due = MIN(due, q->count);
        if (due > q->sent)
            send_packets(p, &p->stream[i], (uint16_t)(q->seq + q->sent), due - q->sent);
        q->sent = MAX(q->sent, due);
        left += q->count - q->sent;
    }
    if (left > 0)
        deadline_set(loop_wheel(p->config.generator->loop), &p->pace, now_us + US_PER_MS);
}

static void send_frame(struct publisher *p, uint64_t now_us)
{
    unsigned fps = p->stream[p->stream_count - 1].clip->fps;
    uint32_t ts = p->first_ts + (uint32_t)(p->frame_index * VIDEO_CLOCK_HZ / fps);

    if (p->config.pacing == PACING_SPREAD)
        on_paced(&p->pace, now_us + PACING_SPREAD_US, p); /* what is left of the frame before */
    for (size_t i = 0; i < p->stream_count; i++) {
        uint16_t seq;
        size_t at = video_stream_next_index(&p->stream[i]);
        size_t n = video_stream_next_frame(&p->stream[i], ts, &seq);
        if (p->config.watch.on_frame != NULL)
            p->config.watch.on_frame(OFFER_ENCODINGS - p->stream_count + i, at,
                                     p->config.watch.arg);
        p->paced[i] = (struct paced){.start_us = now_us, .seq = seq, .count = n};
        if (p->config.pacing == PACING_BURST) {
            send_packets(p, &p->stream[i], seq, n);
            p->paced[i].sent = n;
        }
    }
    p->stats.frames++;
    if (p->config.pacing == PACING_SPREAD)
        on_paced(&p->pace, now_us, p);
}

static uint64_t frame_due_us(const struct publisher *p, uint64_t index)
{
    return p->started_us + index * US_PER_S / p->stream[p->stream_count - 1].clip->fps;
}

static void on_frame_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct publisher *p = arg;

    for (unsigned i = 0; i < MAX_FRAME_DEBT && frame_due_us(p, p->frame_index) <= now_us; i++) {
        uint64_t late_us = timebase_now_us() - frame_due_us(p, p->frame_index);
        p->stats.late_max_us = MAX(p->stats.late_max_us, late_us);
        p->stats.late_frames += late_us > PUBLISHER_LATE_US;
        send_frame(p, now_us);
        p->frame_index++;
    }
    while (frame_due_us(p, p->frame_index) <= now_us)
        p->frame_index++; /* counted late above; the clock goes on */
    deadline_set(loop_wheel(p->config.generator->loop), d, frame_due_us(p, p->frame_index));
}

/* Returns its length. */
static size_t write_sound(struct publisher *p, uint8_t *out)
{
    const struct sound_loop *sound = p->config.sound;
    size_t tick = p->audio_index % SOUND_LOOP_TICKS;

    if (sound == NULL) {
        memset(out, 0x5a, AUDIO_PAYLOAD_BYTES); /* nobody decodes it */
        return AUDIO_PAYLOAD_BYTES;
    }
    if (p->config.watch.on_sound != NULL)
        p->config.watch.on_sound(tick, p->config.watch.arg);
    memcpy(out, sound->payload[tick], sound->len[tick]);
    return sound->len[tick];
}

static void on_audio_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct publisher *p = arg;
    const struct sound_loop *sound = p->config.sound;
    struct datagram out = {.data = slot(p, 0)};
    const struct rtp_fields f = {
        .media = &p->audio,
        .pt = p->audio.pt,
        .seq = p->audio_seq++,
        .ts = (uint32_t)(p->audio_index * AUDIO_CLOCK_HZ * AUDIO_INTERVAL_US / US_PER_S),
        .ssrc = p->audio_ssrc,
        .mid = p->is_known ? NULL : "1",
        .level = sound != NULL ? &sound->level[p->audio_index % SOUND_LOOP_TICKS] : NULL};

    out.len = write_head(p, &f, out.data, SEND_SLOT_BYTES);
    size_t len = write_sound(p, out.data + out.len);
    out.len += len;
    p->audio_octets += (uint32_t)len;
    endpoint_send_rtp(p->session.endpoint, &out, 1);
    p->audio_packets++;
    do {
        p->audio_index++;
    } while (p->started_us + p->audio_index * AUDIO_INTERVAL_US <= now_us);
    deadline_set(loop_wheel(p->config.generator->loop), d,
                 p->started_us + p->audio_index * AUDIO_INTERVAL_US);
}

static void on_report_due(struct deadline *d, uint64_t now_us, void *arg)
{
    publisher_send_reports(arg);
    deadline_set(loop_wheel(((struct publisher *)arg)->config.generator->loop), d,
                 now_us + REPORT_INTERVAL_US);
}

/* ---- session ---- */

static void on_answer(const struct answer *a, void *arg)
{
    struct publisher *p = arg;

    p->video = a->video;
    p->audio = a->audio;
    if (p->config.is_simulcast && a->video.rids == 0)
        p->failure = "the server does not take simulcast by RID";
}

static void on_open(uint64_t now_us, void *arg)
{
    struct publisher *p = arg;
    struct wheel *w = loop_wheel(p->config.generator->loop);

    if (p->failure != NULL)
        return;
    p->started_us = now_us;
    p->is_sending = true;
    deadline_set(w, &p->frame, now_us);
    deadline_set(w, &p->report, now_us + REPORT_INTERVAL_US / 4);
    if (p->audio.is_accepted)
        deadline_set(w, &p->audio_due, now_us);
}

static void on_rtcp(const uint8_t *buf, size_t len, uint64_t now_us, void *arg)
{
    (void)now_us;
    publisher_take_rtcp(arg, buf, len);
}

static void stop(struct publisher *p)
{
    p->is_sending = false;
    deadline_clear(&p->frame);
    deadline_clear(&p->pace);
    deadline_clear(&p->report);
    deadline_clear(&p->audio_due);
}

static void on_ended(void *arg)
{
    stop(arg);
}

static void init_streams(struct publisher *p)
{
    size_t first = p->config.is_simulcast ? 0 : OFFER_ENCODINGS - 1;

    for (size_t i = first; i < OFFER_ENCODINGS; i++) {
        struct video_stream *v = &p->stream[p->stream_count++];
        video_stream_init(v, p->config.clip[i]);
        v->rid = p->config.is_simulcast ? offer_rid[i] : NULL;
    }
    p->first_ts = generator_random_ssrc();
    p->audio_ssrc = generator_random_ssrc();
}

struct publisher *publisher_open(const struct publisher_config *config)
{
    static const struct session_handlers handlers = {
        .on_answer = on_answer, .on_open = on_open, .on_rtcp = on_rtcp, .on_ended = on_ended};
    struct publisher *p = MEM_NEW(struct publisher);
    struct session_config session = {.generator = config->generator, .url = config->url};

    p->config = *config;
    init_streams(p);
    deadline_init(&p->frame, on_frame_due, p);
    deadline_init(&p->pace, on_paced, p);
    deadline_init(&p->report, on_report_due, p);
    deadline_init(&p->audio_due, on_audio_due, p);
    session.offer = (struct offer){.sends = true,
                                   .has_audio = config->has_audio,
                                   .is_simulcast = config->is_simulcast,
                                   .ssrc = p->stream[0].ssrc,
                                   .rtx_ssrc = p->stream[0].rtx_ssrc,
                                   .audio_ssrc = p->audio_ssrc};
    session_open(&p->session, &session, &handlers, p);
    return p;
}

void publisher_close(struct publisher **pp)
{
    struct publisher *p = *pp;

    if (p == NULL)
        return;
    *pp = NULL;
    stop(p);
    session_close(&p->session);
    for (size_t i = 0; i < p->stream_count; i++)
        video_stream_fini(&p->stream[i]);
    mem_free(p);
}

bool publisher_is_sending(const struct publisher *p)
{
    return p->is_sending && p->stats.frames > 0;
}

bool publisher_has_failed(const struct publisher *p, const char **why)
{
    *why = p->failure != NULL ? p->failure : session_why(&p->session);
    return p->failure != NULL || p->session.state == SESSION_FAILED;
}

void publisher_delete(struct publisher *p)
{
    stop(p);
    session_delete(&p->session);
}

bool publisher_is_gone(const struct publisher *p)
{
    return p->session.state == SESSION_GONE;
}

void publisher_read_stats(const struct publisher *p, struct publisher_stats *out)
{
    *out = p->stats;
    out->send_drops = p->session.endpoint != NULL ? endpoint_send_drops(p->session.endpoint) : 0;
}

void publisher_tell_sent(struct publisher *p,
                         void (*on_sent)(const uint8_t *payload, size_t len, bool is_last,
                                         void *arg),
                         void *arg)
{
    p->on_sent = on_sent;
    p->on_sent_arg = arg;
}

void publisher_clear_late(struct publisher *p)
{
    p->stats.late_frames = 0;
    p->stats.late_max_us = 0;
}
