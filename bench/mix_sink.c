/* SPDX-License-Identifier: Apache-2.0 */
/* mix_sink.c - see mix_sink.h. */
#include "bench/mix_sink.h"

#include <string.h>

#include "bench/loadgen/recv_batch.h"
#include "bench/loadgen/time_code.h"
#include "bench/voice.h"
#include "core/check.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/timebase.h"
#include "mixer/coder_opus.h"
#include "mixer/frame_buffer.h"
#include "mixer/layout.h"
#include "mixer/pcm.h"
#include "mixer/video_decoder.h"

#define POOL_BYTES ((size_t)64 * 1024 * 1024)
#define POOL_PACKETS 4096
#define MAX_AGE_US (2 * US_PER_S) /* then the clip begins again, with the same codes */

struct mix_sink {
    const struct mix_media *media;
    struct layout layout;
    unsigned tile;                           /* where the time code was seen last */
    unsigned last_code;                      /* TIME_CODES: none yet */
    uint64_t frame_us[TIME_CODES], burst_us; /* when they were sent */
    struct packet_pool *packets;
    struct picture_pool *pictures;
    struct frame_buffer *frames;
    struct video_decoder *video;
    struct coder_opus_decoder *audio;
    struct voice_listener listener;
    struct mix_sink_state state;
};

/* ---- what was sent ---- */

static void on_frame(size_t encoding, size_t frame, void *arg)
{
    struct mix_sink *s = arg;

    s->frame_us[mix_media_code(s->media, encoding, frame)] = timebase_now_us();
}

static void on_sound(size_t tick, void *arg)
{
    struct mix_sink *s = arg;

    if (tick % VOICE_BURST_EVERY == 0)
        s->burst_us = timebase_now_us();
}

struct publisher_watch mix_sink_watch(struct mix_sink *s)
{
    return (struct publisher_watch){.on_frame = on_frame, .on_sound = on_sound, .arg = s};
}

/* ---- what arrives ---- */

static void note(struct histogram *h, uint64_t sent_us, uint64_t seen_us)
{
    if (sent_us != 0 && seen_us >= sent_us && seen_us - sent_us < MAX_AGE_US)
        histogram_add(h, seen_us - sent_us);
}

static bool read_tile(const struct mix_sink *s, const struct picture_view *v, unsigned tile,
                      unsigned *code)
{
    const struct layout_tile *t = &s->layout.tile[tile];
    struct picture_view part = picture_crop(v, t->x, t->y, t->width, t->height);

    return time_code_read(&part, code);
}

static bool find_code(struct mix_sink *s, const struct picture_view *v, unsigned *code)
{
    for (unsigned i = 0; i < s->layout.count; i++) {
        unsigned tile = (s->tile + i) % s->layout.count;
        if (!read_tile(s, v, tile, code))
            continue;
        s->tile = tile;
        return true;
    }
    return false;
}

static void look(struct mix_sink *s, const struct picture_view *v, uint64_t seen_us)
{
    unsigned code;

    s->state.pictures++;
    if (v->width != MIX_SINK_WIDTH || v->height != MIX_SINK_HEIGHT || !find_code(s, v, &code) ||
        code == s->last_code)
        return;
    s->last_code = code;
    note(&s->state.video_us, s->frame_us[code], seen_us);
}

static void see(struct mix_sink *s, struct packet *p)
{
    struct encoded_frame frame;
    uint64_t now_us = timebase_now_us();

    frame_buffer_push(s->frames, p);
    while (frame_buffer_pull(s->frames, &frame, now_us)) {
        struct picture *picture;
        uint64_t began_us = timebase_now_us();
        if (video_decoder_decode(s->video, frame.data, frame.len, &picture) != 0) {
            s->state.errors++;
            frame_buffer_restart(s->frames);
        } else if (picture != NULL) {
            look(s, &picture->view, frame.arrival_us + timebase_now_us() - began_us);
        }
        picture_unref(&picture);
    }
}

static void hear(struct mix_sink *s, const struct packet *p)
{
    int16_t pcm[CODER_OPUS_MAX_PAIRS * 2];

    if (coder_opus_decode(s->audio, p->data + p->rtp.header_bytes, p->rtp.payload_bytes, pcm) !=
        PCM_TICK_PAIRS)
        return;
    s->state.blocks++;
    int at = voice_hear_burst(&s->listener, pcm);
    if (at >= 0)
        note(&s->state.audio_us, s->burst_us, p->arrival_us + (uint64_t)(at * 1000000ll / PCM_HZ));
}

void mix_sink_push(struct mix_sink *s, bool is_video, const struct datagram *clear)
{
    struct packet *p = packet_new(s->packets);

    if (p == NULL || clear->len > packet_room(p)) {
        packet_unref(&p);
        return;
    }
    memcpy(p->data, clear->data, clear->len);
    p->len = (uint16_t)clear->len;
    p->arrival_us = clear->arrival_us;
    if (rtp_parse(&p->rtp, p->data, p->len) == 0) {
        p->flags = PACKET_HAS_RTP;
        p->codec = is_video ? CODEC_VP8 : CODEC_OPUS;
        if (is_video)
            see(s, p);
        else
            hear(s, p);
    }
    packet_unref(&p);
}

/* ---- life ---- */

static int place_tiles(struct mix_sink *s, unsigned members)
{
    uint32_t who[MAX_LAYOUT_TILES];
    const struct layout_request request = {.kind = LAYOUT_GRID,
                                           .width = MIX_SINK_WIDTH,
                                           .height = MIX_SINK_HEIGHT,
                                           .gap = MIX_SINK_GAP,
                                           .participants = who,
                                           .count = MIN(members, (unsigned)MAX_LAYOUT_TILES)};

    for (uint32_t i = 0; i < ARRAY_LEN(who); i++)
        who[i] = i;
    return layout_make(&s->layout, &request, NULL);
}

struct mix_sink *mix_sink_new(const struct mix_media *media, unsigned members)
{
    struct mix_sink *s = MEM_NEW(struct mix_sink);

    s->media = media;
    s->last_code = TIME_CODES;
    s->packets = packet_pool_new(POOL_PACKETS);
    s->pictures = picture_pool_new(POOL_BYTES);
    s->frames = frame_buffer_new(&(struct frame_buffer_config){.codec = CODEC_VP8});
    s->audio = coder_opus_decoder_new();
    if (s->frames == NULL || s->audio == NULL ||
        video_decoder_new(&s->video, CODEC_VP8, s->pictures) != 0 || place_tiles(s, members) != 0)
        mix_sink_free(&s);
    return s;
}

void mix_sink_free(struct mix_sink **sp)
{
    struct mix_sink *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    video_decoder_free(&s->video);
    frame_buffer_free(&s->frames);
    coder_opus_decoder_free(&s->audio);
    picture_pool_free(&s->pictures);
    packet_pool_free(&s->packets);
    mem_free(s);
}

const struct mix_sink_state *mix_sink_read(const struct mix_sink *s)
{
    return &s->state;
}

void mix_sink_clear(struct mix_sink *s)
{
    s->state = (struct mix_sink_state){0};
}
