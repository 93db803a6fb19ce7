/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audio_input.c - see audio_input.h.
 *
 * The queue holds decoded sound that was not played yet, less than a tick between ticks but for long packets. While nobody hears
 * the input only its length is kept: the queue is then as long as the sound that would be in it.
 */
#include "mixer/audio_input.h"

#include <math.h>
#include <string.h>

#include "core/check.h"
#include "core/codec.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/payload_red.h"
#include "core/timebase.h"
#include "mixer/audio_decoder.h"
#include "mixer/audio_level.h"
#include "mixer/fade.h"
#include "mixer/pcm.h"
#include "mixer/time_stretch.h"

/* A tick that is not full, the longest packet, and one period more. */
#define QUEUE_PAIRS (PCM_TICK_PAIRS + AUDIO_DECODER_MAX_PAIRS + TIME_STRETCH_MAX_PERIOD)
#define EDGE_PAIRS 240        /* 5 ms: between sound and silence */
#define HURRIED_LIKENESS 0.5f /* when there is much too much delay */
#define WARM_UP \
    4 /* packets decoded for the state they leave: each halves what a cold decoder is off */
#define PROBE_EVERY 5    /* packets without a level, of which one is decoded to know it */
#define LIE_DB 20        /* quieter than its sender says */
#define LIES_BELIEVED 50 /* packets more that lie than that do not: a second */

struct audio_input {
    enum codec_id codec;
    uint32_t clock_hz, ssrc;
    uint64_t max_delay_us;
    struct jitter_buffer *jitter;
    struct audio_decoder *decoder; /* made when first needed */
    struct loudest loudest;
    struct fade fade;
    int32_t gain;
    uint8_t level;
    struct audio_input_stats stats;

    bool is_decoding; /* the queue has sound, the decoder is in step */
    bool
        is_at_packet; /* the end of the queue is that of a packet, so that its media time is known */
    bool ends_silent; /* the end of the queue is silence */
    struct packet
        *skipped[WARM_UP]; /* the newest that were not decoded, oldest first; NULL: none */
    unsigned without_level;
    int lies;        /* levels that the sound did not bear out, less those that it did */
    uint32_t end_ts; /* RTP timestamp of the end of the queue */
    size_t pairs;    /* in the queue */
    size_t sound;    /* of them, until the last that is not silence */
    int16_t queue[QUEUE_PAIRS * PCM_CHANNELS];
};

/* --- life -------------------------------------------------------------------------------------------- */

struct audio_input *audio_input_new(uint64_t max_delay_us)
{
    struct audio_input *in = mem_try_alloc(sizeof(*in));

    if (in == NULL)
        return NULL;
    in->max_delay_us = max_delay_us;
    in->gain = PCM_GAIN_ONE;
    fade_init(&in->fade, 0);
    in->level = AUDIO_LEVEL_SILENCE;
    in->ends_silent = true;
    return in;
}

static void drop_skipped(struct audio_input *in)
{
    for (size_t i = 0; i < WARM_UP; i++)
        packet_unref(&in->skipped[i]);
}

static void close_codec(struct audio_input *in)
{
    jitter_buffer_free(&in->jitter);
    audio_decoder_free(&in->decoder);
    drop_skipped(in);
    in->codec = CODEC_NONE;
}

void audio_input_free(struct audio_input **in)
{
    if (*in != NULL)
        close_codec(*in);
    MEM_FREE(*in);
}

void audio_input_set_gain(struct audio_input *in, int32_t gain)
{
    in->gain = MAX(0, MIN(gain, PCM_GAIN_MAX));
    if (in->gain == 0)
        loudest_clear(&in->loudest);
}

static bool open_codec(struct audio_input *in, enum codec_id codec)
{
    if (!audio_decoder_supports(codec))
        return false;
    close_codec(in);
    in->clock_hz = audio_decoder_clock_hz(codec);
    in->jitter = jitter_buffer_new(in->clock_hz, in->max_delay_us);
    if (in->jitter == NULL)
        return false;
    in->codec = codec;
    in->is_decoding = false;
    return true;
}

/* --- packets ----------------------------------------------------------------------------------------- */

static const uint8_t *payload_of(const struct packet *p)
{
    return p->data + p->rtp.header_bytes;
}

/* Whether it stands for silence, and more of it follows. */
static bool is_pause(const struct audio_input *in, const struct packet *p)
{
    return audio_decoder_is_pause(in->codec, payload_of(p), p->rtp.payload_bytes);
}

/* Whether its level is there and to be believed: who always says "loud" would keep others out of the mix. */
static bool has_level(const struct audio_input *in, const struct packet *p)
{
    return p->audio_level >= 0 && in->lies < LIES_BELIEVED;
}

static size_t pairs_of(const struct audio_input *in, uint32_t span_ts)
{
    return (size_t)span_ts * (PCM_HZ / in->clock_hz);
}

static uint64_t us_of(const struct audio_input *in, uint32_t span_ts)
{
    return span_ts * US_PER_S / in->clock_hz;
}

/* Who is silenced takes nobody's place in the mix. */
static void note_loudness(struct audio_input *in, uint8_t level, uint64_t span_us, uint64_t now_us)
{
    if (in->gain > 0)
        loudest_note(&in->loudest, level, span_us, now_us);
}

static bool parse_red(struct red *red, const struct packet *p)
{
    return p->red.bytes != 0 && red_parse(red, p->data + p->red.at, p->red.bytes) == 0;
}

/* Of the packets right before it that did not come, those that it repeats came now. */
static void note_redundancy(struct audio_input *in, const struct packet *p, uint32_t span_ts)
{
    struct red red;

    if (!parse_red(&red, p))
        return;
    for (unsigned back = 1; back <= red.redundant; back++)
        if (red_find(&red, back * span_ts) == NULL ||
            !jitter_buffer_note_repeated(in->jitter, p, back, back * span_ts))
            break;
}

void audio_input_push(struct audio_input *in, struct packet *p)
{
    uint32_t span_ts;

    if (p->codec != in->codec && !open_codec(in, p->codec)) {
        in->stats.packets_malformed++;
        return;
    }
    if (p->rtp.payload_bytes == 0) /* padding */
        return;
    span_ts = audio_decoder_span_ts(in->codec, payload_of(p), p->rtp.payload_bytes);
    in->ssrc = p->rtp.ssrc;
    bool goes_quiet = is_pause(in, p);
    if (!jitter_buffer_push(in->jitter, p, span_ts, goes_quiet))
        return;
    if (p->red.bytes != 0)
        note_redundancy(in, p, span_ts);
    if (goes_quiet)
        note_loudness(in, AUDIO_LEVEL_SILENCE, us_of(in, span_ts), p->arrival_us);
    else if (has_level(in, p))
        note_loudness(in, (uint8_t)p->audio_level, us_of(in, span_ts), p->arrival_us);
}

/* --- decoding ---------------------------------------------------------------------------------------- */

/* Whether the decoder is there. */
static bool open_decoder(struct audio_input *in)
{
    if (in->decoder == NULL)
        in->decoder = audio_decoder_new(in->codec);
    return in->decoder != NULL;
}

/* Returns the pairs, or an error. */
static int decode(struct audio_input *in, const struct packet *p, int16_t *out)
{
    return audio_decoder_decode(in->decoder, payload_of(p), p->rtp.payload_bytes, out);
}

/* Fill in what is missing. */
static void conceal(struct audio_input *in, const struct packet *next, size_t pairs, int16_t *out)
{
    const uint8_t *payload = next == NULL ? NULL : payload_of(next);

    if (audio_decoder_conceal(in->decoder, payload, next == NULL ? 0 : next->rtp.payload_bytes,
                              pairs, out))
        in->stats.fec_recoveries++;
}

/* A lost packet, decoded from what a later one repeats of it. False when it does not, or not the whole of it. */
static bool decode_redundancy(struct audio_input *in, const struct jitter_frame *lost, size_t pairs,
                              int16_t *out)
{
    const struct packet *later = lost->later;
    const struct red_block *block;
    struct red red;

    if (later == NULL || !parse_red(&red, later) ||
        (block = red_find(&red, lost->behind_ts)) == NULL)
        return false;
    const uint8_t *payload = later->data + later->red.at + block->at;
    if (audio_decoder_span_ts(in->codec, payload, block->bytes) != lost->span_ts ||
        audio_decoder_decode(in->decoder, payload, block->bytes, out) != (int)pairs)
        return false;
    in->stats.red_recoveries++;
    return true;
}

/* What decoded sound says of its packet's level, or instead of it. */
static void note_level(struct audio_input *in, const struct packet *p, const int16_t *pcm,
                       size_t pairs, uint64_t now_us)
{
    uint8_t level = audio_level_of(pcm, pairs);
    bool is_lie = p->audio_level >= 0 && level > p->audio_level + LIE_DB;

    in->lies = MAX(0, MIN(in->lies + (is_lie ? 1 : -1), 2 * LIES_BELIEVED));
    if (!has_level(in, p))
        note_loudness(in, level, pairs * US_PER_S / PCM_HZ, now_us);
}

/* --- the queue --------------------------------------------------------------------------------------- */

static int16_t *queue_end(struct audio_input *in)
{
    return in->queue + in->pairs * PCM_CHANNELS;
}

/* A rise from silence, or a fall to it, along half a cosine. */
static void ramp(int16_t *pcm, size_t pairs, bool is_rise)
{
    for (size_t i = 0; i < MIN(pairs, (size_t)EDGE_PAIRS); i++) {
        float cosine = cosf((float)M_PI * (float)(i + 1) / (EDGE_PAIRS + 1));
        float gain = is_rise ? 0.5f - 0.5f * cosine : 0.5f + 0.5f * cosine;
        pcm[2 * i] = (int16_t)((float)pcm[2 * i] * gain);
        pcm[2 * i + 1] = (int16_t)((float)pcm[2 * i + 1] * gain);
    }
}

static void append_sound(struct audio_input *in, size_t pairs)
{
    if (in->ends_silent)
        ramp(queue_end(in), pairs, true);
    in->ends_silent = false;
    in->pairs += pairs;
    in->sound = in->pairs;
}

static void append_silence(struct audio_input *in, size_t pairs)
{
    size_t edge = in->ends_silent ? 0 : MIN(pairs, (size_t)EDGE_PAIRS);
    int16_t *end = queue_end(in);

    memset(end, 0, pairs * PCM_CHANNELS * sizeof(*end));
    in->pairs += pairs;
    if (edge == 0)
        return;
    conceal(in, NULL, edge, end);
    ramp(end, edge, false);
    in->sound = in->pairs - pairs + edge;
    in->ends_silent = true;
}

static void append_decoded(struct audio_input *in, const struct packet *p, size_t pairs,
                           uint64_t now_us)
{
    if (decode(in, p, queue_end(in)) != (int)pairs) {
        in->stats.packets_malformed++;
        conceal(in, NULL, pairs, queue_end(in));
    }
    in->stats.packets_decoded++;
    note_level(in, p, queue_end(in), pairs, now_us);
    append_sound(in, pairs);
}

static void append_packet(struct audio_input *in, struct jitter_frame *frame, uint64_t now_us)
{
    size_t pairs = pairs_of(in, frame->span_ts);

    if (frame->is_restart)
        audio_decoder_reset(in->decoder);
    if (is_pause(in, frame->packet))
        append_silence(in, pairs); /* comfort noise of one would not be missed in a mix */
    else
        append_decoded(in, frame->packet, pairs, now_us);
    in->end_ts = frame->packet->rtp.ts + frame->span_ts;
    in->is_at_packet = true;
    packet_unref(&frame->packet);
}

static void fill(struct audio_input *in, uint64_t now_us)
{
    while (in->pairs < PCM_TICK_PAIRS) {
        struct jitter_frame frame;
        jitter_buffer_pull(in->jitter, now_us, true, &frame);
        size_t pairs = pairs_of(in, frame.span_ts);
        if (frame.kind == JITTER_PACKET) {
            append_packet(in, &frame, now_us);
        } else if (frame.kind == JITTER_LOST) {
            if (!decode_redundancy(in, &frame, pairs, queue_end(in)))
                conceal(in, frame.next, pairs, queue_end(in));
            in->end_ts += frame.next != NULL ? frame.span_ts : 0;
            in->is_at_packet &= frame.next != NULL;
            append_sound(in, pairs);
        } else {
            in->is_at_packet = false;
            append_silence(in, pairs);
        }
    }
}

/* Follow the jitter buffer's advice; silence needs none, it stretches by itself. */
static void stretch(struct audio_input *in, uint64_t now_us)
{
    enum jitter_advice advice = jitter_buffer_advice(in->jitter);
    float likeness = advice == JITTER_SHRINK_FAST ? HURRIED_LIKENESS : TIME_STRETCH_LIKENESS;
    size_t pairs = 0;

    if (advice == JITTER_KEEP || in->sound < in->pairs)
        return;
    if (advice == JITTER_GROW) {
        pairs = time_stretch_grow(in->queue, in->pairs, likeness);
        in->pairs += pairs;
        in->stats.inserted_pairs += pairs;
    } else {
        pairs = time_stretch_shrink(in->queue, in->pairs, likeness);
        in->pairs -= pairs;
        in->stats.removed_pairs += pairs;
    }
    in->sound = in->pairs;
    if (pairs == 0)
        return;
    jitter_buffer_stretched(in->jitter);
    fill(in, now_us);
}

static void consume(struct audio_input *in)
{
    in->pairs -= PCM_TICK_PAIRS;
    in->sound -= MIN(in->sound, (size_t)PCM_TICK_PAIRS);
}

/* --- ticks ------------------------------------------------------------------------------------------- */

/* Of packets without a level that counts one in a few is decoded, to know it. The decoder is out of step with the stream then, anyway. */
static void probe(struct audio_input *in, const struct packet *p, uint64_t now_us)
{
    int pairs;

    if (has_level(in, p) || is_pause(in, p) || in->without_level++ % PROBE_EVERY != 0 ||
        !open_decoder(in))
        return;
    in->stats.packets_decoded++;
    pairs = decode(in, p, in->queue);
    if (pairs > 0)
        note_level(in, p, in->queue, (size_t)pairs, now_us);
}

static void skip_packet(struct audio_input *in, struct jitter_frame *frame, uint64_t now_us)
{
    in->stats.packets_skipped++;
    in->end_ts = frame->packet->rtp.ts + frame->span_ts;
    in->is_at_packet = true;
    probe(in, frame->packet, now_us);
    packet_unref(&in->skipped[0]);
    memmove(in->skipped, in->skipped + 1, (WARM_UP - 1) * sizeof(in->skipped[0]));
    in->skipped[WARM_UP - 1] = frame->packet;
}

/* A tick that nobody hears. */
static void skip_tick(struct audio_input *in, uint64_t now_us)
{
    in->is_decoding = false;
    while (in->pairs < PCM_TICK_PAIRS) {
        struct jitter_frame frame;
        jitter_buffer_pull(in->jitter, now_us, false, &frame);
        in->pairs += pairs_of(in, frame.span_ts);
        if (frame.kind == JITTER_PACKET) {
            skip_packet(in, &frame, now_us);
            continue;
        }
        in->is_at_packet = false;
        drop_skipped(in);
    }
    in->sound = 0;
    consume(in);
}

/* Bring the decoder in step with the packets before the next one. */
static void warm_up(struct audio_input *in)
{
    audio_decoder_reset(in->decoder);
    for (size_t i = 0; i < WARM_UP; i++) {
        const struct packet *p = in->skipped[i];
        if (p != NULL && !is_pause(in, p) && decode(in, p, in->queue) < 0)
            in->stats.packets_malformed++;
    }
    drop_skipped(in);
}

static bool start_decoding(struct audio_input *in)
{
    if (!open_decoder(in))
        return false;
    warm_up(in);
    in->pairs = 0; /* it was silence: less of it is less delay */
    in->sound = 0;
    in->ends_silent = true;
    in->is_decoding = true;
    return true;
}

static bool give_tick(struct audio_input *in, int32_t *out)
{
    bool has_sound = in->sound > 0;

    if (has_sound) {
        in->level = audio_level_of(in->queue, PCM_TICK_PAIRS);
        fade_apply(&in->fade, out, in->queue, PCM_TICK_PAIRS);
    } else {
        fade_init(&in->fade, in->fade.to);
    }
    consume(in);
    memmove(in->queue, in->queue + PCM_TICK_SAMPLES, in->pairs * PCM_CHANNELS * sizeof(*in->queue));
    return has_sound;
}

bool audio_input_render(struct audio_input *in, uint64_t now_us, bool is_chosen, int32_t *out)
{
    in->level = AUDIO_LEVEL_SILENCE;
    fade_to(&in->fade, is_chosen ? in->gain : 0);
    if (in->codec == CODEC_NONE || (in->sound == 0 && jitter_buffer_is_idle(in->jitter))) {
        in->pairs = 0;
        in->is_decoding = false;
        in->is_at_packet = false;
        return false;
    }
    if (fade_is_silent(&in->fade) || (!in->is_decoding && !start_decoding(in))) {
        skip_tick(in, now_us);
        return false;
    }
    fill(in, now_us);
    stretch(in, now_us);
    return give_tick(in, out);
}

/* --- what there is to say ----------------------------------------------------------------------------- */

struct loudest *audio_input_loudest(struct audio_input *in)
{
    return &in->loudest;
}

uint8_t audio_input_level(const struct audio_input *in)
{
    return in->level;
}

uint32_t audio_input_ssrc(const struct audio_input *in)
{
    return in->ssrc;
}

bool audio_input_position(const struct audio_input *in, uint32_t *ts)
{
    if (!in->is_at_packet || in->codec == CODEC_NONE)
        return false;
    *ts = in->end_ts - (uint32_t)(in->pairs / (PCM_HZ / in->clock_hz));
    return true;
}

void audio_input_read_stats(const struct audio_input *in, struct audio_input_stats *out)
{
    *out = in->stats;
    out->queued_us = in->pairs * US_PER_S / PCM_HZ;
    if (in->jitter != NULL)
        jitter_buffer_read_stats(in->jitter, &out->jitter);
}
