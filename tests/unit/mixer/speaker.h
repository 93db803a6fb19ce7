/* SPDX-License-Identifier: Apache-2.0 */
/* speaker.h - an endpoint with a microphone: sound in, RTP packets with levels out. Its sound comes from a function of time. */
#pragma once

#include "core/timebase.h"
#include "mixer/audio_level.h"
#include "mixer/coder_g711.h"
#include "mixer/coder_opus.h"
#include "tests/unit/mixer/audio_packets.h"
#include "tests/unit/mixer/sound.h"

struct speaker {
    struct audio_stream stream;
    struct coder_opus_encoder *opus;
    struct coder_g711 *g711;
    double hz, amplitude; /* of a sine; 0: silence */
    bool has_level;
    size_t at; /* pairs sent */
};

static inline void speaker_open(struct speaker *s, struct packet_pool *pool, enum codec_id codec,
                                uint32_t ssrc, double hz, double amplitude)
{
    struct coder_opus_settings settings = CODER_OPUS_DEFAULTS;

    *s = (struct speaker){.stream = {.pool = pool, .codec = codec, .ssrc = ssrc, .seq = 7, .ts = 9},
                          .hz = hz,
                          .amplitude = amplitude,
                          .has_level = true};
    settings.bitrate_bps = 128000;
    s->opus = coder_opus_encoder_new(&settings);
    s->g711 = coder_g711_new(codec == CODEC_PCMA ? G711_A_LAW : G711_MU_LAW);
    CHECK(s->opus != NULL && s->g711 != NULL);
}

static inline void speaker_close(struct speaker *s)
{
    coder_opus_encoder_free(&s->opus);
    coder_g711_free(&s->g711);
}

/* The next 20 ms, come at @arrival_us. The caller's. */
static inline struct packet *speaker_next(struct speaker *s, uint64_t arrival_us)
{
    int16_t pcm[PCM_TICK_SAMPLES];
    uint8_t payload[1275];
    bool is_opus = s->stream.codec == CODEC_OPUS;
    size_t len;

    sound_sine(pcm, PCM_TICK_PAIRS, s->hz, s->amplitude, s->at);
    s->at += PCM_TICK_PAIRS;
    s->stream.level = s->has_level ? audio_level_of(pcm, PCM_TICK_PAIRS) : -1;
    len = is_opus ? coder_opus_encode(s->opus, pcm, payload, sizeof(payload))
                  : coder_g711_encode(s->g711, pcm, PCM_TICK_PAIRS, payload);
    return audio_stream_next(&s->stream, payload, len, is_opus ? 960 : 160, arrival_us);
}
