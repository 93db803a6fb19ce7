/* SPDX-License-Identifier: Apache-2.0 */
/* publisher_rtcp.c - sender reports, and what the server asks for: keyframes and retransmissions. */
#include <string.h>

#include "bench/loadgen/publisher_internal.h"
#include "core/timebase.h"
#include "core/wire.h"
#include "transport/rtcp.h"
#include "transport/rtcp_fb.h"

#define REPORT_BYTES 512

static struct video_stream *find_stream(struct publisher *p, uint32_t ssrc)
{
    for (size_t i = 0; i < p->stream_count; i++)
        if (p->stream[i].ssrc == ssrc)
            return &p->stream[i];
    return NULL;
}

/* One compound a stream: SR and SDES (RFC 3550 s6.1). */
static void send_report(struct publisher *p, const struct rtcp_sender_info *info)
{
    uint8_t buf[REPORT_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));

    rtcp_write_sr(&w, info, NULL, 0);
    rtcp_write_sdes_cname(&w, info->ssrc, STR("bench"));
    if (!w.failed)
        endpoint_send_rtcp(p->session.endpoint, buf, writer_len(&w));
}

void publisher_send_reports(struct publisher *p)
{
    uint64_t age_us = timebase_now_us() - p->started_us;
    struct rtcp_sender_info info = {.ntp = timebase_ntp_of_wall_us(timebase_wall_us())};

    for (size_t i = 0; i < p->stream_count; i++) {
        const struct video_stream *v = &p->stream[i];
        info.ssrc = v->ssrc;
        info.rtp_ts = p->first_ts + (uint32_t)(age_us * VIDEO_CLOCK_HZ / US_PER_S);
        info.packets = v->packets_sent;
        info.octets = v->octets_sent;
        send_report(p, &info);
    }
    if (p->config.sound == NULL || p->audio_packets == 0)
        return;
    info.ssrc = p->audio_ssrc;
    info.rtp_ts = (uint32_t)(age_us * AUDIO_CLOCK_HZ / US_PER_S);
    info.packets = p->audio_packets;
    info.octets = p->audio_octets;
    send_report(p, &info);
}

static void want_keyframe(struct publisher *p, uint32_t ssrc)
{
    struct video_stream *v = find_stream(p, ssrc);

    if (v == NULL)
        return;
    v->wants_keyframe = true;
    p->stats.keyframe_requests++;
}

static void take_fir(struct publisher *p, const struct rtcp_fb *fb)
{
    struct rtcp_fir fir;

    if (rtcp_fb_parse_fir(&fir, fb) != 0)
        return;
    for (size_t i = 0; i < fir.n; i++) {
        if (p->has_fir_seq && p->fir_seq == fir.at[i].seq)
            continue;
        p->has_fir_seq = true;
        p->fir_seq = fir.at[i].seq;
        want_keyframe(p, fir.at[i].ssrc);
    }
}

static void take_nack(struct publisher *p, const struct rtcp_fb *fb)
{
    struct video_stream *v = find_stream(p, fb->media_ssrc);
    struct rtcp_nack_reader r = rtcp_fb_nack_reader_of(fb);
    uint16_t seq;

    while (v != NULL && rtcp_fb_nack_next(&r, &seq))
        publisher_retransmit(p, v, seq);
}

static void take_blocks(struct publisher *p, const struct rtcp_blocks *blocks)
{
    for (size_t i = 0; i < blocks->n; i++)
        p->is_known |= find_stream(p, blocks->at[i].ssrc) != NULL;
}

void publisher_take_rtcp(struct publisher *p, const uint8_t *buf, size_t len)
{
    struct rtcp_reader r = rtcp_reader_of(buf, len);
    struct rtcp_packet pkt;

    while (rtcp_next(&r, &pkt)) {
        if (pkt.type == RTCP_RR)
            take_blocks(p, &pkt.rr.blocks);
        else if (pkt.type == RTCP_SR)
            take_blocks(p, &pkt.sr.blocks);
        else if (pkt.type == RTCP_RTPFB && pkt.fb.fmt == RTCP_RTPFB_NACK)
            take_nack(p, &pkt.fb);
        else if (pkt.type == RTCP_PSFB && pkt.fb.fmt == RTCP_PSFB_PLI)
            want_keyframe(p, pkt.fb.media_ssrc);
        else if (pkt.type == RTCP_PSFB && pkt.fb.fmt == RTCP_PSFB_FIR)
            take_fir(p, &pkt.fb);
    }
}
