/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_audio_mix.c - what mixing the sound of a room costs: a hundred participants of whom ten talk and listen.
 *
 * The talkers send what a browser sends (Opus, mono, 32 kb/s, in-band FEC) of a made-up voice each, the others the noise of a quiet
 * room; all send a packet every 20 ms that comes a little late now and then. Time is simulated, so that the run is as fast as
 * the machine. The whole is measured in one run, its parts by doing them alone on the same packets: what is left is the mixing. The
 * encoders are measured at every complexity that differs.
 */
#include "bench/bench.h"
#include "bench/voice.h"

#include <string.h>

#include "core/check.h"
#include "core/codec.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/rng.h"
#include "core/timebase.h"
#include "mixer/audio_mix.h"
#include "mixer/pcm.h"

#define PARTICIPANTS 100
#define TALKERS 10
#define TICKS_PER_S 50
#define MAX_ROUNDS 1000

struct costs {
    double push_us, tick_us;                /* of the whole, for a second of mix */
    double jitter_us, inputs_us, encode_us; /* of parts, alone */
};

struct mix_run {
    struct sound_loop *sound[TALKERS + 1]; /* the last: the noise of a room */
    struct packet_pool *pool;
    struct rng rng;
    size_t tick;
    uint64_t now_us;
    int16_t (*mixed)[PCM_TICK_SAMPLES]; /* a second of the shared sound */
    struct audio_mix_stats stats;
    size_t rounds;
    struct costs round[MAX_ROUNDS];
};

static double cpu_us(void)
{
    return (double)timebase_thread_cpu_ns() / 1e3;
}

/* --- packets ---------------------------------------------------------------------------------------------- */

/* Participant @i's packet of this tick. */
static struct packet *packet_of(struct mix_run *r, size_t i)
{
    const struct sound_loop *from = r->sound[MIN(i, (size_t)TALKERS)];
    size_t t = (r->tick + 37 * i) % SOUND_LOOP_TICKS;
    struct packet *p = packet_new(r->pool);

    CHECK(p != NULL);
    p->rtp = (struct rtp_header){.ssrc = (uint32_t)(1000 + i),
                                 .ts = (uint32_t)(r->tick * PCM_TICK_PAIRS),
                                 .seq = (uint16_t)r->tick,
                                 .header_bytes = RTP_FIXED_HEADER_BYTES,
                                 .payload_bytes = from->len[t]};
    p->flags = PACKET_HAS_RTP;
    p->codec = CODEC_OPUS;
    p->audio_level = (int8_t)from->level[t];
    p->arrival_us = r->now_us - 15000 + rng_below(&r->rng, 10) * 1000;
    p->len = (uint16_t)(RTP_FIXED_HEADER_BYTES + from->len[t]);
    memcpy(p->data + RTP_FIXED_HEADER_BYTES, from->payload[t], from->len[t]);
    return p;
}

static void packets_of_tick(struct mix_run *r, struct packet *p[PARTICIPANTS])
{
    r->now_us += PCM_TICK_US;
    r->tick++;
    for (size_t i = 0; i < PARTICIPANTS; i++)
        p[i] = packet_of(r, i);
}

static void drop(struct packet *p[PARTICIPANTS])
{
    for (size_t i = 0; i < PARTICIPANTS; i++)
        packet_unref(&p[i]);
}

/* --- the whole, and its parts ------------------------------------------------------------------------------ */

static int open_mix(struct audio_mix **m, struct audio_member *member[PARTICIPANTS])
{
    *m = audio_mix_new(&AUDIO_MIX_DEFAULTS);
    if (*m == NULL)
        return E_NO_MEMORY;
    for (size_t i = 0; i < PARTICIPANTS; i++) {
        member[i] = audio_mix_join(*m);
        if (member[i] == NULL)
            return E_NO_MEMORY;
        audio_mix_set_listening(member[i], true);
    }
    return 0;
}

/* Two seconds: in the first delays settle, the second is measured. */
static int run_mix(struct mix_run *r, struct costs *c)
{
    struct audio_member *member[PARTICIPANTS];
    struct packet *p[PARTICIPANTS];
    struct audio_mix *m = NULL;
    int err = open_mix(&m, member);

    for (size_t t = 0; err == 0 && t < 2 * TICKS_PER_S; t++) {
        packets_of_tick(r, p);
        double begin = cpu_us();
        for (size_t i = 0; i < PARTICIPANTS; i++)
            audio_mix_push(member[i], p[i]);
        double pushed = cpu_us();
        audio_mix_tick(m, r->now_us);
        if (t >= TICKS_PER_S) {
            c->push_us += pushed - begin;
            c->tick_us += cpu_us() - pushed;
            memcpy(r->mixed[t - TICKS_PER_S], audio_mix_pcm(m, NULL), sizeof(r->mixed[0]));
        }
        drop(p);
    }
    if (err == 0)
        audio_mix_read_stats(m, &r->stats);
    audio_mix_free(&m);
    return err;
}

/* The inputs alone, of whom @heard are decoded. */
static int run_inputs(struct mix_run *r, size_t heard, double *us)
{
    struct audio_input *in[PARTICIPANTS] = {NULL};
    struct packet *p[PARTICIPANTS];
    static int32_t out[PCM_TICK_SAMPLES];
    int err = 0;

    for (size_t i = 0; i < PARTICIPANTS && err == 0; i++)
        if ((in[i] = audio_input_new(AUDIO_INPUT_MAX_DELAY_US)) == NULL)
            err = E_NO_MEMORY;
    for (size_t t = 0; err == 0 && t < 2 * TICKS_PER_S; t++) {
        packets_of_tick(r, p);
        double begin = cpu_us();
        for (size_t i = 0; i < PARTICIPANTS; i++)
            audio_input_push(in[i], p[i]);
        for (size_t i = 0; i < PARTICIPANTS; i++)
            (void)audio_input_render(in[i], r->now_us, i < heard, out);
        if (t >= TICKS_PER_S)
            *us += cpu_us() - begin;
        drop(p);
    }
    for (size_t i = 0; i < PARTICIPANTS; i++)
        audio_input_free(&in[i]);
    return err;
}

/* The streams that run_mix() encoded: one for all, one a talker. Returns a negative error without memory. */
static int run_encoders(struct mix_run *r, const struct coder_opus_settings *settings, double *us)
{
    int err = 0;

    for (size_t i = 0; i < TALKERS + 1 && err == 0; i++) {
        struct coder_opus_encoder *e = coder_opus_encoder_new(settings);
        uint8_t out[MAX_AUDIO_PAYLOAD_BYTES];
        double begin = cpu_us();
        if (e == NULL)
            err = E_NO_MEMORY;
        for (size_t t = 0; err == 0 && t < TICKS_PER_S; t++)
            (void)coder_opus_encode(e, r->mixed[t], out, sizeof(out));
        *us += cpu_us() - begin;
        coder_opus_encoder_free(&e);
    }
    return err;
}

static int run_round(struct mix_run *r, struct costs *c)
{
    int err = run_mix(r, c);

    if (err == 0)
        err = run_inputs(r, 0, &c->jitter_us);
    if (err == 0)
        err = run_inputs(r, TALKERS, &c->inputs_us);
    if (err == 0)
        err = run_encoders(r, &AUDIO_MIX_DEFAULTS.personal, &c->encode_us);
    return err;
}

/* --- report ------------------------------------------------------------------------------------------------ */

static void report(const struct mix_run *r, struct document *d)
{
    const struct doc_param params[] = {{.name = "participants", .value = PARTICIPANTS},
                                       {.name = "talkers", .value = TALKERS}};
    struct doc_row *row = document_row(d, "audio-mix", "parley", params, ARRAY_LEN(params));

    for (size_t i = 0; i < r->rounds; i++) {
        const struct costs *c = &r->round[i];
        struct doc_round *round = document_round(row);
        double all = c->push_us + c->tick_us;
        document_value(round, "cores", all / 1e6);
        document_value(round, "buffers_cores", c->jitter_us / 1e6);
        document_value(round, "decode_cores", (c->inputs_us - c->jitter_us) / 1e6);
        document_value(round, "mix_cores", (all - c->inputs_us - c->encode_us) / 1e6);
        document_value(round, "encode_cores", c->encode_us / 1e6);
    }
}

static const struct {
    const char *name;
    struct coder_opus_settings settings;
} ways[] = {
    {"low delay, 0", {.bitrate_bps = 64000, .is_low_delay = true, .complexity = 0}},
    {"low delay, 1", {.bitrate_bps = 64000, .is_low_delay = true, .complexity = 1}},
    {"low delay, 2", {.bitrate_bps = 64000, .is_low_delay = true, .complexity = 2}},
    {"low delay, 3", {.bitrate_bps = 64000, .is_low_delay = true, .complexity = 3}},
    {"low delay, 4", {.bitrate_bps = 64000, .is_low_delay = true, .complexity = 4}},
    {"low delay, 5", {.bitrate_bps = 64000, .is_low_delay = true, .complexity = 5}},
    {"low delay, 8", {.bitrate_bps = 64000, .is_low_delay = true, .complexity = 8}},
    {"low delay, 10", {.bitrate_bps = 64000, .is_low_delay = true, .complexity = 10}},
    {"any coder, 4", {.bitrate_bps = 64000, .complexity = 4}},
    {"FEC, 4, 40 kb/s", {.bitrate_bps = 40000, .complexity = 4, .loss_percent = 10}},
};

/* What the encoders would cost another way; the best of three. */
static int compare_encoders(struct mix_run *r, struct document *d)
{
    int err = 0;

    for (size_t i = 0; i < ARRAY_LEN(ways) && err == 0; i++) {
        double best = 1e12;
        for (int k = 0; k < 3 && err == 0; k++) {
            double us = 0;
            err = run_encoders(r, &ways[i].settings, &us);
            best = MIN(best, us);
        }
        const struct doc_param params[] = {{.name = "encoder", .text = ways[i].name}};
        document_value(document_round(document_row(d, "audio-mix", "parley", params, 1)),
                       "encode_cores", best / 1e6);
    }
    return err;
}

static int open_run(struct mix_run *r)
{
    int err = 0;

    rng_seed(&r->rng, 1);
    r->now_us = US_PER_S;
    r->pool = packet_pool_new(PARTICIPANTS * 64);
    r->mixed = mem_alloc_array(TICKS_PER_S, sizeof(*r->mixed));
    for (size_t i = 0; i <= TALKERS && err == 0; i++) {
        r->sound[i] = MEM_NEW(struct sound_loop);
        err = i < TALKERS ? voice_record(r->sound[i], (unsigned)i + 1)
                          : voice_record_room(r->sound[i]);
    }
    return err;
}

static void close_run(struct mix_run *r)
{
    for (size_t i = 0; i <= TALKERS; i++)
        mem_free(r->sound[i]);
    mem_free(r->mixed);
    packet_pool_free(&r->pool);
    mem_free(r);
}

int bench_audio_mix(const struct bench_options *options, struct document *d)
{
    static const struct doc_column columns[] = {{"cores", "% of a core", 100, 2},
                                                {"buffers_cores", "buffers", 100, 2},
                                                {"decode_cores", "decoding", 100, 2},
                                                {"mix_cores", "mixing", 100, 2},
                                                {"encode_cores", "encoding", 100, 2}};
    struct mix_run *r = MEM_NEW(struct mix_run);
    int err = open_run(r);
    uint64_t end_us = timebase_now_us() + options->seconds * US_PER_S;

    while (err == 0 && timebase_now_us() < end_us && r->rounds < MAX_ROUNDS) {
        err = run_round(r, &r->round[r->rounds]);
        r->rounds++;
    }
    if (err == 0) {
        report(r, d);
        err = compare_encoders(r, d);
    }
    document_print(d, "audio-mix", columns, ARRAY_LEN(columns));
    close_run(r);
    return err;
}
