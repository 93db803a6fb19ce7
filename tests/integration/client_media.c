/* SPDX-License-Identifier: Apache-2.0 */
/* client_media.c - what a client sends and receives once it is open; see client.h. */
#include <string.h>

#include "core/wire.h"
#include "tests/integration/client_internal.h"
#include "tests/integration/clock.h"

#define MEDIA_MS 20
#define REPORT_MS 500
#define PACKET_ROOM_BYTES 64 /* for SRTP's trailer */
#define TAG_OFFSET 14        /* in each payload: tag, number */
#define PAYLOAD_BYTES 80
#define MID_ELEMENT_BYTES 8 /* extension header, two one-byte elements, or one and padding */
#define RTCP_SR 200
#define RTCP_RR 201
#define RTCP_BYE 203
#define RTCP_PSFB 206

/* ---- sending ---- */

bool client_send(struct client *c, bool is_rtcp, uint8_t *buf, size_t len)
{
    return !c->is_silent && secure_protect(c->secure, is_rtcp, buf, &len) &&
           link_send(c->link, buf, len);
}

/* Header with the section's mid and the level of audio (RFC 8285 one-byte form), then a payload that names its sender. */
static size_t write_rtp(struct client *c, struct sender *s, uint8_t pt, char mid, bool marker,
                        uint8_t *out)
{
    struct writer w = writer_of(out, 12 + MID_ELEMENT_BYTES + PAYLOAD_BYTES);

    writer_u8(&w, 0x90);
    writer_u8(&w, (uint8_t)(pt | (marker ? 0x80 : 0)));
    writer_u16(&w, s->seq++);
    writer_u32(&w, s->ts);
    writer_u32(&w, s->ssrc);
    writer_u16(&w, 0xBEDE);
    writer_u16(&w, 1);
    writer_u8(&w, SDP_MID_EXT_ID << 4);
    writer_u8(&w, (uint8_t)mid);
    writer_u16(&w, pt == c->offer.audio_pt ? SDP_LEVEL_EXT_ID << 12 | c->level : 0);
    uint8_t *payload = out + writer_len(&w);
    memset(payload, 0, PAYLOAD_BYTES);
    wire_put_u32(payload + TAG_OFFSET, c->config.tag);
    wire_put_u32(payload + TAG_OFFSET + 4, s->number++);
    s->packets++;
    s->bytes += PAYLOAD_BYTES;
    return writer_len(&w) + PAYLOAD_BYTES;
}

size_t client_write_audio(struct client *c, uint8_t *out)
{
    size_t len = write_rtp(c, &c->audio, c->offer.audio_pt, '0', false, out);

    out[len - PAYLOAD_BYTES] = 0x78; /* Opus: CELT, 20 ms, mono */
    c->audio.ts += 960;
    return len;
}

static size_t write_video(struct client *c, bool is_first, bool is_key, uint8_t *out)
{
    size_t len = write_rtp(c, &c->video, c->offer.video_pt, '1', !is_first, out);
    uint8_t *vp8 = out + len - PAYLOAD_BYTES;

    vp8[0] = is_first ? 0x90 : 0x80; /* RFC 7741 s4.2: X, S */
    vp8[1] = 0x80;                   /* I */
    wire_put_u16(vp8 + 2, (uint16_t)(0x8000 | (c->frames & 0x7fff)));
    if (is_first && is_key) {
        const uint8_t header[10] = {0x10, 0x02, 0x00, 0x9d, 0x01,
                                    0x2a, 0x40, 0x01, 0xf0, 0x00}; /* 320x240 */
        memcpy(vp8 + 4, header, sizeof(header));
    } else if (is_first) {
        vp8[4] = 0x11;
    }
    return len;
}

void client_send_media(struct client *c)
{
    uint8_t buf[12 + MID_ELEMENT_BYTES + PAYLOAD_BYTES + PACKET_ROOM_BYTES];
    bool is_key = c->wants_keyframe || c->frames == 0;

    if (!c->config.publishes || !client_is_open(c))
        return;
    (void)client_send(c, false, buf, client_write_audio(c, buf));
    (void)client_send(c, false, buf, write_video(c, true, is_key, buf));
    (void)client_send(c, false, buf, write_video(c, false, is_key, buf));
    c->wants_keyframe = false;
    c->frames++;
    c->video.ts += 1800;
    c->stats.sent_audio = c->audio.number;
    c->stats.sent_video = c->video.number;
}

void client_set_level(struct client *c, uint8_t level)
{
    c->level = level;
}

static gboolean on_media_due(void *arg)
{
    client_send_media(arg);
    return G_SOURCE_CONTINUE;
}

static void write_sdes(struct writer *w, uint32_t ssrc)
{
    writer_u8(w, 0x81);
    writer_u8(w, 202);
    writer_u16(w, 3);
    writer_u32(w, ssrc);
    writer_u8(w, 1); /* CNAME */
    writer_u8(w, 4);
    writer_u8(w, 't');
    writer_u8(w, 'e');
    writer_u8(w, 's');
    writer_u8(w, 't');
    writer_u16(w, 0);
}

static void send_sender_report(struct client *c, const struct sender *s)
{
    uint8_t buf[44 + PACKET_ROOM_BYTES];
    struct writer w = writer_of(buf, 44);
    uint64_t wall_us = (uint64_t)g_get_real_time();

    writer_u8(&w, 0x80);
    writer_u8(&w, RTCP_SR);
    writer_u16(&w, 6);
    writer_u32(&w, s->ssrc);
    writer_u32(&w, (uint32_t)(wall_us / 1000000 + 2208988800u)); /* 1970 as NTP has it */
    writer_u32(&w, (uint32_t)((wall_us % 1000000 << 32) / 1000000));
    writer_u32(&w, s->ts);
    writer_u32(&w, s->packets);
    writer_u32(&w, s->bytes);
    write_sdes(&w, s->ssrc);
    c->stats.reports_sent += client_send(c, true, buf, writer_len(&w));
}

/* RFC 3550 s6.4.2, one block a slot that received something. */
static void send_receiver_report(struct client *c)
{
    for (size_t i = 0; i < c->answer.section_count; i++) {
        uint8_t buf[48 + PACKET_ROOM_BYTES];
        struct writer w = writer_of(buf, 48);
        if (c->slot[i].received == 0)
            continue;
        writer_u8(&w, 0x81);
        writer_u8(&w, RTCP_RR);
        writer_u16(&w, 7);
        writer_u32(&w, c->audio.ssrc);
        writer_u32(&w, c->answer.section[i].ssrc);
        writer_u32(&w, 0); /* nothing lost */
        writer_u32(&w, c->slot[i].seq);
        writer_u32(&w, 0);
        writer_u32(&w, 0);
        writer_u32(&w, 0);
        write_sdes(&w, c->audio.ssrc);
        c->stats.reports_sent += client_send(c, true, buf, writer_len(&w));
    }
}

static gboolean on_reports_due(void *arg)
{
    struct client *c = arg;

    if (c->audio.packets > 0) {
        send_sender_report(c, &c->audio);
        send_sender_report(c, &c->video);
    }
    send_receiver_report(c);
    return G_SOURCE_CONTINUE;
}

void client_send_pli(struct client *c)
{
    for (size_t i = 0; i < c->answer.section_count; i++) {
        uint8_t buf[12 + PACKET_ROOM_BYTES];
        struct writer w = writer_of(buf, 12);
        if (!c->answer.section[i].is_video || c->answer.section[i].ssrc == 0)
            continue;
        writer_u8(&w, 0x81);
        writer_u8(&w, RTCP_PSFB);
        writer_u16(&w, 2);
        writer_u32(&w, c->audio.ssrc);
        writer_u32(&w, c->answer.section[i].ssrc);
        (void)client_send(c, true, buf, writer_len(&w));
    }
}

void client_start_media(struct client *c)
{
    if (c->media == NULL)
        c->media = clock_every(MEDIA_MS, on_media_due, c);
    if (c->reports == NULL)
        c->reports = clock_every(REPORT_MS, on_reports_due, c);
}

void client_stop_media(struct client *c)
{
    clock_remove(&c->media);
    clock_remove(&c->reports);
}

/* ---- receiving ---- */

static void note_source(struct client_source *s, uint32_t number)
{
    if (s->packets == 0) {
        s->first = number;
    } else if (number > s->last) {
        s->missing += number - s->last - 1;
    } else {
        s->repeated++;
        s->packets++;
        return;
    }
    s->last = number;
    s->packets++;
}

static void note_payload(struct client *c, bool is_video, const uint8_t *payload, size_t len)
{
    uint32_t tag = len >= PAYLOAD_BYTES ? wire_get_u32(payload + TAG_OFFSET) : 0;

    if (tag == 0 || tag >= CLIENT_MAX_SOURCES) {
        c->stats.rtp_foreign++;
        return;
    }
    struct client_source *s = is_video ? &c->stats.video[tag] : &c->stats.audio[tag];
    note_source(s, wire_get_u32(payload + TAG_OFFSET + 4));
    s->keyframes += is_video && payload[0] == 0x90 && (payload[4] & 1) == 0;
}

static size_t header_bytes(const uint8_t *buf, size_t len)
{
    size_t n = 12 + 4 * (size_t)(buf[0] & 15);

    if ((buf[0] & 0x10) != 0 && n + 4 <= len)
        n += 4 + 4 * (size_t)wire_get_u16(buf + n + 2);
    return n <= len ? n : len;
}

static void take_rtp(struct client *c, const uint8_t *buf, size_t len)
{
    uint32_t ssrc = wire_get_u32(buf + 8);
    uint16_t seq = wire_get_u16(buf + 2);
    size_t head = header_bytes(buf, len);

    for (size_t i = 0; i < c->answer.section_count; i++) {
        const struct sdp_answer_section *s = &c->answer.section[i];
        struct slot_receiver *r = &c->slot[i];
        if (s->ssrc != ssrc || ssrc == 0 ||
            (buf[1] & 127) != (s->is_video ? c->offer.video_pt : c->offer.audio_pt))
            continue;
        c->stats.sequence_gaps += r->has_seq && (uint16_t)(r->seq + 1) != seq;
        r->has_seq = true;
        r->seq = seq;
        r->received++;
        note_payload(c, s->is_video, buf + head, len - head);
        return;
    }
    c->stats.rtp_foreign++;
}

static void take_rtcp(struct client *c, const uint8_t *buf, size_t len)
{
    while (len >= 8) {
        size_t bytes = 4 + 4 * (size_t)wire_get_u16(buf + 2);
        if (bytes > len)
            return;
        c->stats.reports_received += buf[1] == RTCP_SR || buf[1] == RTCP_RR;
        c->stats.report_blocks += buf[1] == RTCP_SR || buf[1] == RTCP_RR ? buf[0] & 31u : 0;
        c->stats.byes += buf[1] == RTCP_BYE;
        if (buf[1] == RTCP_PSFB && (buf[0] & 31) == 1 && bytes >= 12 &&
            wire_get_u32(buf + 8) == c->video.ssrc) {
            c->stats.plis++;
            c->wants_keyframe = true;
        }
        buf += bytes;
        len -= bytes;
    }
}

void client_take_media(struct client *c, const uint8_t *datagram, size_t len)
{
    uint8_t buf[2048];
    bool is_rtcp = len >= 2 && datagram[1] >= 192 && datagram[1] <= 223; /* RFC 5761 s4 */

    if (len < 12 || len > sizeof(buf))
        return;
    memcpy(buf, datagram, len);
    if (!secure_unprotect(c->secure, is_rtcp, buf, &len))
        is_rtcp ? c->stats.rtcp_refused++ : c->stats.rtp_refused++;
    else if (is_rtcp)
        take_rtcp(c, buf, len);
    else
        take_rtp(c, buf, len);
}
