/* SPDX-License-Identifier: Apache-2.0 */
/* viewer.c - see viewer.h. */
#include "bench/loadgen/viewer.h"

#include "bench/loadgen/clear_header.h"
#include "bench/loadgen/generator.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/vp8_packetizer.h"
#include "core/payload_vp8.h"
#include "core/rtp.h"
#include "core/timebase.h"
#include "core/wire.h"
#include "transport/rtcp.h"
#include "transport/twcc.h"

#define REPORT_INTERVAL_US US_PER_S
#define REPORTER_SSRC 1u /* as Chromium's receive-only connections */
#define RTCP_BYTES 1400
#define VIDEO_CLOCK_HZ 90000
#define AUDIO_CLOCK_HZ 48000

/* ---- reports ---- */

static void add_block(struct rtp_recv *r, struct rtcp_block *blocks, size_t *n, uint64_t now_us)
{
    if (r->started && rtp_recv_report(r, &blocks[*n], now_us))
        (*n)++;
}

static void send_report(struct viewer *v, uint64_t now_us)
{
    struct rtcp_block blocks[2];
    uint8_t buf[RTCP_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));
    size_t n = 0;

    add_block(&v->video, blocks, &n, now_us);
    add_block(&v->audio, blocks, &n, now_us);
    rtcp_write_rr(&w, REPORTER_SSRC, blocks, n);
    endpoint_send_rtcp(v->session.endpoint, buf, writer_len(&w));
}

static void send_feedback(struct viewer *v, uint64_t now_us)
{
    uint8_t buf[RTCP_BYTES];

    for (;;) {
        struct writer w = writer_of(buf, sizeof(buf));
        if (!twcc_write(v->twcc, &w, REPORTER_SSRC, v->video.ssrc, now_us))
            break;
        endpoint_send_rtcp(v->session.endpoint, buf, writer_len(&w));
    }
    v->twcc_due_us = twcc_due_us(v->twcc);
}

static void arm(struct viewer *v)
{
    deadline_set(loop_wheel(v->session.generator->loop), &v->rtcp,
                 MIN(v->report_due_us, v->twcc_due_us));
}

static void on_rtcp_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct viewer *v = arg;

    (void)d;
    if (!endpoint_is_open(v->session.endpoint))
        return;
    if (now_us >= v->report_due_us) {
        send_report(v, now_us);
        v->report_due_us = now_us + REPORT_INTERVAL_US;
    }
    if (now_us >= v->twcc_due_us)
        send_feedback(v, now_us);
    arm(v);
}

static void note_twcc(struct viewer *v, const struct clear_header *h, const struct datagram *d,
                      uint8_t ext_id, uint64_t now_us)
{
    uint16_t seq;

    if (v->twcc == NULL || !clear_header_ext_u16(h, d->data, ext_id, &seq))
        return;
    twcc_add(v->twcc, seq, d->len + d->missing, MIN(d->arrival_us, now_us), now_us);
    uint64_t due_us = twcc_due_us(v->twcc);
    if (due_us == v->twcc_due_us)
        return;
    v->twcc_due_us = due_us;
    if (due_us < v->rtcp.at_us)
        arm(v);
}

/* ---- pictures ---- */

/* The packets of a keyframe, without a gap, up to the marker. */
static void watch_packet(struct viewer *v, const struct rtp_header *h, const uint8_t *payload)
{
    struct frame_watch *w = &v->watch;
    struct vp8_descriptor d;

    if (h->payload_bytes == 0 || vp8_parse(&d, payload, h->payload_bytes) != 0)
        return;
    if (d.is_keyframe && d.start_of_partition)
        *w = (struct frame_watch){.is_running = true, .next_seq = h->seq, .ts = h->ts};
    if (!w->is_running)
        return;
    w->is_running = h->seq == w->next_seq && h->ts == w->ts;
    w->next_seq++;
    if (w->is_running && h->marker) {
        v->has_picture = true;
        v->picture_us = timebase_now_us(); /* not the arrival: packets may wait for the keys */
        if (!v->is_sampled && v->handlers->on_media == NULL)
            endpoint_read_heads(v->session.endpoint);
        v->handlers->on_picture(v, v->arg);
    }
}

static void look_inside(struct viewer *v, bool is_video, struct datagram *d)
{
    struct rtp_header h;
    uint64_t sent_us, arrival_us = d->arrival_us;

    if (endpoint_unprotect(v->session.endpoint, d) != 0 || rtp_parse(&h, d->data, d->len) != 0) {
        v->broken_packets++;
        return;
    }
    if (v->handlers->on_media != NULL)
        v->handlers->on_media(v, is_video, d, v->arg);
    if (!is_video)
        return;
    const uint8_t *payload = d->data + h.header_bytes;
    if (!v->has_picture)
        watch_packet(v, &h, payload);
    if (v->is_sampled && h.marker && frame_trailer_read(payload, h.payload_bytes, &sent_us))
        v->handlers->on_delay(v, arrival_us > sent_us ? arrival_us - sent_us : 0, v->arg);
}

/* ---- packets ---- */

/* A new SSRC under the payload type starts the count anew: a server may change it at the start. */
static bool count_packet(struct rtp_recv *r, const struct clear_header *h, const struct datagram *d,
                         uint32_t clock_hz)
{
    if (r->ssrc != h->ssrc || r->clock_hz == 0)
        rtp_recv_init(r, h->ssrc, clock_hz);
    return rtp_recv_packet(r, h->seq, h->ts, d->len + d->missing, d->arrival_us);
}

static void on_rtp(struct datagram *d, uint64_t now_us, void *arg)
{
    struct viewer *v = arg;
    struct clear_header h;

    if (clear_header_parse(&h, d->data, d->len) != 0) {
        v->broken_packets++;
        return;
    }
    if (h.pt == v->video_media.pt) {
        note_twcc(v, &h, d, v->video_media.ext.id[RTP_EXT_TWCC], now_us);
        v->payload_bytes += d->len + d->missing - h.header_bytes;
        if (count_packet(&v->video, &h, d, VIDEO_CLOCK_HZ) &&
            (!v->has_picture || (v->is_sampled && h.marker) || v->handlers->on_media != NULL))
            look_inside(v, true, d);
    } else if (h.pt == v->audio_media.pt) {
        note_twcc(v, &h, d, v->audio_media.ext.id[RTP_EXT_TWCC], now_us);
        v->payload_bytes += d->len + d->missing - h.header_bytes;
        if (count_packet(&v->audio, &h, d, AUDIO_CLOCK_HZ) && v->handlers->on_media != NULL)
            look_inside(v, false, d);
    } else if (h.pt == v->video_media.rtx_pt) {
        note_twcc(v, &h, d, v->video_media.ext.id[RTP_EXT_TWCC], now_us);
        v->rtx_packets++;
    } else {
        v->other_packets++;
    }
}

static void on_rtcp(const uint8_t *buf, size_t len, uint64_t now_us, void *arg)
{
    struct viewer *v = arg;
    struct rtcp_reader r = rtcp_reader_of(buf, len);
    struct rtcp_packet pkt;

    while (rtcp_next(&r, &pkt)) {
        if (pkt.type != RTCP_SR)
            continue;
        const struct rtcp_sender_info *s = &pkt.sr.sender;
        struct rtp_recv *of = s->ssrc == v->video.ssrc   ? &v->video
                              : s->ssrc == v->audio.ssrc ? &v->audio
                                                         : NULL;
        if (of != NULL)
            rtp_recv_sender_report(of, s->ntp, s->rtp_ts, now_us);
    }
}

/* ---- session ---- */

static void on_answer(const struct answer *a, void *arg)
{
    struct viewer *v = arg;

    v->video_media = a->video;
    v->audio_media = a->audio;
    if (a->video.twcc)
        v->twcc = twcc_new();
    v->handlers->on_answered(v, v->arg);
}

static void on_open(uint64_t now_us, void *arg)
{
    struct viewer *v = arg;

    v->report_due_us = now_us + REPORT_INTERVAL_US;
    v->twcc_due_us = UINT64_MAX;
    arm(v);
    v->handlers->on_open(v, now_us, v->arg);
}

static void on_ended(void *arg)
{
    struct viewer *v = arg;

    deadline_clear(&v->rtcp);
    v->handlers->on_ended(v, v->arg);
}

void viewer_open(struct viewer *v, const struct viewer_config *config,
                 const struct viewer_handlers *handlers, void *arg)
{
    static const struct session_handlers session_handlers = {.on_answer = on_answer,
                                                             .on_open = on_open,
                                                             .on_rtp = on_rtp,
                                                             .on_rtcp = on_rtcp,
                                                             .on_ended = on_ended};
    const struct session_config session = {.generator = config->generator,
                                           .url = config->url,
                                           .offer = {.has_audio = config->has_audio},
                                           .timestamps = config->is_sampled};

    *v = (struct viewer){.handlers = handlers, .arg = arg, .is_sampled = config->is_sampled};
    deadline_init(&v->rtcp, on_rtcp_due, v);
    session_open(&v->session, &session, &session_handlers, v);
}

void viewer_delete(struct viewer *v)
{
    deadline_clear(&v->rtcp);
    session_delete(&v->session);
}

void viewer_close(struct viewer *v)
{
    if (v->handlers == NULL)
        return;
    deadline_clear(&v->rtcp);
    session_close(&v->session);
    twcc_free(&v->twcc);
    v->handlers = NULL;
}

/* ---- counts ---- */

static void add_stream(const struct rtp_recv *r, struct viewer_totals *sum)
{
    if (!r->started)
        return;
    sum->packets += r->packets_received;
    sum->expected += r->cycles + r->highest_seq - r->base_seq + 1;
    sum->duplicates += r->packets_duplicate_or_old;
}

void viewer_add_totals(const struct viewer *v, struct viewer_totals *sum)
{
    if (v->handlers == NULL)
        return;
    add_stream(&v->video, sum);
    add_stream(&v->audio, sum);
    sum->payload_bytes += v->payload_bytes;
    sum->rtx_packets += v->rtx_packets;
    sum->other_packets += v->other_packets;
    sum->broken_packets += v->broken_packets;
    if (v->session.endpoint != NULL)
        sum->socket_drops += endpoint_recv_drops(v->session.endpoint);
}
