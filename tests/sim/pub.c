/* SPDX-License-Identifier: Apache-2.0 */
/* pub.c - synthetic media of an endpoint: Opus-like and VP8 frames that tell what they are, and sender reports. */
#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/timebase.h"
#include "tests/sim/endpoint_internal.h"
#include "tests/sim/feedback.h"

#define AUDIO_US 20000ull
#define VIDEO_US 33000ull
#define FILL_BYTES 60
#define MAX_TEMPORAL_LAYERS 3
#define PADDING_BYTES 100

void content_write(struct writer *w, const struct content *c)
{
    writer_u32(w, c->track);
    writer_u8(w, c->encoding);
    writer_u8(w, c->index);
    writer_u8(w, c->count);
    writer_u8(w, c->is_keyframe);
    writer_u8(w, c->temporal);
    writer_u8(w, c->temporal_layers);
    writer_u32(w, c->frame);
    writer_u32(w, c->ref);
    writer_u64(w, c->capture_us);
}

bool content_read(struct content *c, struct reader *r)
{
    c->track = reader_u32(r);
    c->encoding = reader_u8(r);
    c->index = reader_u8(r);
    c->count = reader_u8(r);
    c->is_keyframe = reader_u8(r) != 0;
    c->temporal = reader_u8(r);
    c->temporal_layers = reader_u8(r);
    c->frame = reader_u32(r);
    c->ref = reader_u32(r);
    c->capture_us = reader_u64(r);
    return !r->failed && c->temporal < MAX_TEMPORAL_LAYERS && c->count > 0 &&
           c->count <= CONTENT_MAX_PACKETS && c->index < c->count;
}

static uint32_t ts_at(const struct pub *p, const struct pub_encoding *enc, uint64_t now_us)
{
    return enc->first_ts + (uint32_t)(now_us * p->clock_hz / US_PER_S);
}

/* ---- frames ---- */

uint8_t pub_level(const struct pub *p, uint32_t frame)
{
    return (uint8_t)(p->level < 0 ? frame & 0x7f : (uint32_t)p->level);
}

struct pub *pub_of_track(const struct sim *sim, uint64_t track)
{
    LIST_EACH(&sim->endpoints, struct endpoint, node, e)
        for (unsigned i = 0; i < e->pub_count; i++)
            if (e->pub[i].track == track)
                return &e->pub[i];
    return NULL;
}

static size_t write_head(struct pub *p, struct pub_encoding *enc, const struct content *c,
                         uint8_t *out, size_t size)
{
    struct endpoint *e = p->owner;
    uint8_t level = pub_level(p, c->frame);
    uint32_t sent = (uint32_t)((sim_now_us(e->sim) << 18) / US_PER_S); /* 6.18 bits */
    static const uint8_t fill[UINT8_MAX] = {7};
    const uint8_t sent_at[] = {(uint8_t)(sent >> 16), (uint8_t)(sent >> 8), (uint8_t)sent};
    const struct rtp_ext_out ext[] = {
        {endpoint_ext_id(e, RTP_EXT_MID), (uint8_t)strlen(p->section.mid),
         (const uint8_t *)p->section.mid},
        {p->section.ext.id[RTP_EXT_RID], (uint8_t)strlen(enc->rid), (const uint8_t *)enc->rid},
        {p->section.ext.id[RTP_EXT_AUDIO_LEVEL], 1, &level},
        {p->section.ext.id[RTP_EXT_ABS_SEND_TIME], sizeof(sent_at), sent_at},
        {p->head_fill_bytes > 0 ? p->section.ext.id[RTP_EXT_COLOR_SPACE] : 0, p->head_fill_bytes,
         fill},
    };

    return rtp_write_header(out, size, p->sends_red ? p->red_pt : p->pt, c->index + 1 == c->count,
                            enc->seq, ts_at(p, enc, c->capture_us), enc->ssrc, ext, ARRAY_LEN(ext));
}

/* ---- temporal layers ---- */

static const uint8_t patterns[MAX_TEMPORAL_LAYERS + 1][4] = {
    {0}, {0, 0, 0, 0}, {0, 1, 0, 1}, {0, 2, 1, 2}};

/* A frame needs the newest one below it: the second frame of the highest of three layers that of the middle one. */
static void place(const struct pub *p, struct pub_encoding *enc, struct content *c)
{
    enc->place = (uint8_t)(c->is_keyframe ? 0 : (enc->place + 1) % 4);
    c->temporal_layers = (uint8_t)p->temporal_layers;
    c->temporal = patterns[p->temporal_layers][enc->place];
    c->ref = c->temporal == 2 && enc->place == 3 ? enc->middle_frame : enc->base_frame;
    if (c->temporal == 0)
        enc->base_frame = c->frame;
    if (c->temporal == 1)
        enc->middle_frame = c->frame;
}

static unsigned is_synced(const struct pub_encoding *enc, const struct content *c)
{
    return c->temporal > 0 && c->ref == enc->base_frame ? 1u : 0u;
}

/* RFC 7741 s4.2 with all extensions; then, in the first packet, the frame tag of RFC 6386 s9.1. */
static void write_vp8(struct writer *w, const struct pub_encoding *enc, const struct content *c)
{
    writer_u8(w, c->index == 0 ? 0x90 : 0x80);
    writer_u8(w, 0xf0);
    writer_u16(w, 0x8000 | enc->picture_id);
    writer_u8(w, enc->tl0);
    /* Y, layer sync: refers to the base layer alone */
    writer_u8(w, (uint8_t)((unsigned)c->temporal << 6 | is_synced(enc, c) << 5 | enc->keyidx));
    if (c->index > 0)
        return;
    writer_u8(w, c->is_keyframe ? 0x00 : 0x01);
    if (!c->is_keyframe)
        return;
    writer_u16(w, 0);
    writer_u24(w, 0x9d012a);
    writer_u16(w, (uint16_t)(enc->width << 8 | enc->width >> 8)); /* little-endian */
    writer_u16(w, (uint16_t)(enc->height << 8 | enc->height >> 8));
}

void pub_send_red(struct pub *p, bool sends_red)
{
    struct endpoint *e = p->owner;
    struct negotiated_codec red = endpoint_codec(e, CODEC_RED);

    p->sends_red = sends_red;
    p->before_bytes = 0;
    if (p->red_pt == red.pt)
        return;
    p->red_pt = red.pt;
    p->section.codec[p->section.codec_count++] = red;
    sfu_track_update(e->sim->sfu, p->track, &p->section, sim_now_us(e->sim));
}

/* RFC 2198 s3: the heads and the sound of the packet before. */
static void write_red(struct writer *w, const struct pub *p, uint32_t ts)
{
    if (p->before_bytes > 0) {
        writer_u8(w, 0x80 | p->pt);
        writer_u24(w, (ts - p->before_ts) << 10 | (uint32_t)p->before_bytes);
    }
    writer_u8(w, p->pt);
    writer_bytes(w, p->before, p->before_bytes);
}

static void keep(struct pub *p, uint32_t ts, const uint8_t *sound, size_t bytes)
{
    CHECK(bytes <= sizeof(p->before));
    memcpy(p->before, sound, bytes);
    p->before_bytes = bytes;
    p->before_ts = ts;
}

static void send_packet(struct pub *p, struct pub_encoding *enc, const struct content *c)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];
    size_t head = write_head(p, enc, c, buf, sizeof(buf));
    struct writer w = writer_of(buf + head, sizeof(buf) - head);

    uint32_t ts = ts_at(p, enc, c->capture_us);

    if (p->sends_red)
        write_red(&w, p, ts);
    size_t sound = head + writer_len(&w);
    if (p->codec == CODEC_VP8)
        write_vp8(&w, enc, c);
    else
        writer_u8(&w, 0x78);
    content_write(&w, c);
    for (unsigned i = 0; i < p->fill_bytes && p->level != 127; i++) /* silence is short */
        writer_u8(&w, (uint8_t)(c->frame + i));
    CHECK(!w.failed);
    if (p->sends_red)
        keep(p, ts, buf + sound, head + writer_len(&w) - sound);
    if (c->is_keyframe && (p->lost_of_keyframe >> c->index & 1) != 0)
        feedback_keep(p->owner, buf, head + writer_len(&w));
    else
        endpoint_send_rtp(p->owner, buf, head + writer_len(&w));
    enc->seq++;
    enc->packets++;
    enc->octets += (uint32_t)writer_len(&w);
}

/* A bandwidth probe: no payload, the padding bit (RFC 3550 s5.1). */
static void send_padding(struct pub *p, struct pub_encoding *enc, const struct content *c)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];
    size_t head = write_head(p, enc, c, buf, sizeof(buf));

    buf[0] |= 0x20;
    memset(buf + head, 0, PADDING_BYTES);
    buf[head + PADDING_BYTES - 1] = PADDING_BYTES;
    endpoint_send_rtp(p->owner, buf, head + PADDING_BYTES);
    enc->seq++;
    enc->packets++;
}

static uint8_t packet_count(const struct pub *p, const struct pub_encoding *enc, bool is_keyframe)
{
    if (is_keyframe && p->keyframe_packets > 0)
        return (uint8_t)p->keyframe_packets;
    return (uint8_t)MIN(enc->packets_per_frame * (is_keyframe ? p->keyframe_times : 1),
                        CONTENT_MAX_PACKETS);
}

static void send_frame(struct pub *p, struct pub_encoding *enc, uint64_t now_us)
{
    bool is_video = p->codec == CODEC_VP8;
    bool is_keyframe = !is_video || enc->wants_keyframe || enc->frames == 0;
    struct content c = {
        .track = (uint32_t)p->track,
        .encoding = (uint8_t)(enc - p->encoding),
        .count = packet_count(p, enc, is_video && is_keyframe),
        .is_keyframe = is_keyframe,
        .frame = enc->frames,
        .capture_us = now_us,
    };

    enc->wants_keyframe = false;
    enc->frames++;
    enc->keyframes += is_keyframe;
    enc->picture_id = (enc->picture_id + 1) & 0x7fff;
    place(p, enc, &c);
    enc->tl0 = (uint8_t)(enc->tl0 + (c.temporal == 0));
    enc->keyidx = (enc->keyidx + is_keyframe) & 0x1f;
    for (; c.index < c.count; c.index++)
        send_packet(p, enc, &c);
    c.index--;
    if (is_keyframe)
        p->lost_of_keyframe = 0;
    for (unsigned n = rng_below(&p->owner->sim->rng, 100) < p->padding_percent ? 2 : 0; n > 0; n--)
        send_padding(p, enc, &c);
}

static void on_tick(struct deadline *d, uint64_t now_us, void *arg)
{
    struct pub *p = arg;

    deadline_set(net_wheel(p->owner->sim->net), d, now_us + p->interval_us);
    if (!p->is_sending || p->owner->rtpsec == NULL)
        return;
    for (unsigned i = 0; i < p->encoding_count; i++)
        if (p->encoding[i].is_on)
            send_frame(p, &p->encoding[i], now_us);
}

void pub_start(struct pub *p)
{
    struct sim *sim = p->owner->sim;

    p->is_sending = true;
    deadline_init(&p->tick, on_tick, p);
    deadline_set(net_wheel(sim->net), &p->tick,
                 sim_now_us(sim) + rng_below(&sim->rng, (uint32_t)p->interval_us));
}

void pub_stop(struct pub *p)
{
    p->is_sending = false;
    deadline_clear(&p->tick);
}

/* ---- publishing ---- */

static struct pub *add_pub(struct endpoint *e, enum codec_id codec, unsigned encodings)
{
    CHECK(e->pub_count < ENDPOINT_MAX_PUBS);
    struct pub *p = &e->pub[e->pub_count++];
    struct transceiver *t = &p->section;
    struct negotiated_codec negotiated = endpoint_codec(e, codec);

    *p = (struct pub){.owner = e,
                      .level = -1,
                      .track = e->id * 10 + e->pub_count,
                      .codec = codec,
                      .temporal_layers = 1,
                      .fill_bytes = FILL_BYTES,
                      .keyframe_times = 2,
                      .wanted = (1u << encodings) - 1,
                      .encoding_count = encodings};
    p->pt = negotiated.pt;
    p->clock_hz = negotiated.codec.clock_hz;
    p->interval_us = codec_kind(codec) == MEDIA_VIDEO ? VIDEO_US : AUDIO_US;
    (void)snprintf(t->mid, sizeof(t->mid), "p%u", e->pub_count);
    t->kind = codec_kind(codec);
    t->recv = true;
    t->codec[t->codec_count++] = negotiated;
    if (codec == CODEC_OPUS)
        t->codec[t->codec_count++] = endpoint_codec(e, CODEC_PCMU);
    t->ext.id[RTP_EXT_MID] = endpoint_ext_id(e, RTP_EXT_MID);
    if (t->kind == MEDIA_AUDIO)
        t->ext.id[RTP_EXT_AUDIO_LEVEL] = endpoint_ext_id(e, RTP_EXT_AUDIO_LEVEL);
    else
        t->ext.id[RTP_EXT_COLOR_SPACE] = endpoint_ext_id(e, RTP_EXT_COLOR_SPACE);
    for (unsigned i = 0; i < encodings; i++) {
        struct rng *rng = &e->sim->rng;
        p->encoding[i] =
            (struct pub_encoding){.ssrc = rng_u32(rng) | 1,
                                  .seq = (uint16_t)rng_u32(rng),
                                  .first_ts = rng_u32(rng),
                                  .picture_id = (uint16_t)rng_u32(rng) & 0x7fff,
                                  .tl0 = (uint8_t)rng_u32(rng),
                                  .keyidx = (uint8_t)rng_u32(rng) & 0x1f,
                                  .width = (uint16_t)(320u << i),
                                  .height = (uint16_t)(180u << i),
                                  .packets_per_frame = t->kind == MEDIA_VIDEO ? 1u << i : 1,
                                  .is_on = true};
    }
    return p;
}

static struct pub *open_pub(struct pub *p)
{
    struct sim *sim = p->owner->sim;

    feedback_negotiate_pub(p);
    SIM_EXPECT(sim,
               sfu_track_open(sim->sfu, p->track, p->owner->id, &p->section, sim_now_us(sim)) == 0);
    pub_start(p);
    return p;
}

struct pub *endpoint_publish(struct endpoint *e, enum codec_id codec)
{
    struct pub *p = add_pub(e, codec, 1);

    p->encoding[0].packets_per_frame = codec_kind(codec) == MEDIA_VIDEO ? 3 : 1;
    p->section.encoding[0].ssrc = p->encoding[0].ssrc;
    p->section.encoding_count = 1;
    return open_pub(p);
}

struct pub *endpoint_publish_simulcast(struct endpoint *e, unsigned n)
{
    static const char rids[MAX_ENCODINGS][2] = {"q", "h", "f"};
    struct pub *p = add_pub(e, CODEC_VP8, n);

    for (unsigned i = 0; i < n; i++) {
        memcpy(p->encoding[i].rid, rids[i], 2);
        memcpy(p->section.encoding[i].rid, rids[i], 2);
    }
    p->section.encoding_count = (uint8_t)n;
    p->section.is_simulcast = true;
    p->section.ext.id[RTP_EXT_RID] = endpoint_ext_id(e, RTP_EXT_RID);
    return open_pub(p);
}

void endpoint_unpublish(struct pub *p)
{
    struct sim *sim = p->owner->sim;

    pub_stop(p);
    sfu_track_close(sim->sfu, p->track, sim_now_us(sim));
}

struct pub_encoding *pub_find(struct endpoint *e, uint32_t ssrc)
{
    for (unsigned i = 0; i < e->pub_count; i++)
        for (unsigned k = 0; k < e->pub[i].encoding_count; k++)
            if (e->pub[i].encoding[k].ssrc == ssrc)
                return &e->pub[i].encoding[k];
    return NULL;
}

void pub_take_demand(struct pub *p, unsigned wanted)
{
    p->wanted = wanted;
    p->demands++;
    for (unsigned i = 0; i < p->encoding_count && p->obeys_demand; i++) {
        bool is_on = (wanted >> i & 1) != 0;
        p->encoding[i].wants_keyframe |= is_on && !p->encoding[i].is_on;
        p->encoding[i].is_on = is_on;
    }
}

void pub_write_reports(struct endpoint *e, struct writer *w)
{
    uint64_t ntp = timebase_ntp_of_wall_us(sim_wall_us(e->sim) + (uint64_t)e->ntp_offset_us);

    for (unsigned i = 0; i < e->pub_count; i++) {
        struct pub *p = &e->pub[i];
        for (unsigned k = 0; k < p->encoding_count; k++) {
            struct pub_encoding *enc = &p->encoding[k];
            const struct rtcp_sender_info info = {.ssrc = enc->ssrc,
                                                  .ntp = ntp,
                                                  .rtp_ts = ts_at(p, enc, sim_now_us(e->sim)),
                                                  .packets = enc->packets,
                                                  .octets = enc->octets};
            if (p->is_sending && enc->is_on && enc->packets > 0)
                rtcp_write_sr(w, &info, NULL, 0);
        }
    }
}
