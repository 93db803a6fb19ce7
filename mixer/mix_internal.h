/* SPDX-License-Identifier: Apache-2.0 */
/* mix_internal.h - what the files of mix.h share. */
#pragma once

#include "core/list.h"
#include "core/rtp.h"
#include "mixer/audio_mix.h"
#include "mixer/compositor.h"
#include "mixer/frame_buffer.h"
#include "mixer/mix.h"
#include "mixer/packetizer.h"
#include "mixer/rtp_clock.h"
#include "mixer/simulcast.h"
#include "mixer/video_decoder.h"

/* One RTP stream of ours. */
struct mix_stream {
    uint64_t track;
    uint8_t encoding;
    enum codec_id codec;
    uint32_t ssrc, clock_hz, first_ts;
    uint16_t seq;
};

struct mix_member {
    struct list node; /* in order of number */
    struct list inputs;
    struct mix *mix;
    uint32_t number;
    char identity[MAX_IDENTITY_LEN + 1], name[MAX_NAME_LEN + 1];
    struct mix_voice voice;
    struct rtp_clock_sender sender;
    bool has_audio_delay;
    int64_t audio_delay_us; /* from capture to the mix, of the sound that is heard now; smoothed */
    unsigned speech;        /* how much it spoke lately, in ticks */
    bool has_personal;
    struct mix_stream personal;
};

#define MIX_HELD_PACKETS 512

struct mix_input {
    struct list node; /* in its member's list */
    struct mix_member *member;
    struct mix_input_config config;
    struct rtp_clock clock;
    uint32_t ssrc; /* of the newest packet */
    bool has_ssrc;
    uint8_t encoding;

    struct audio_member *audio; /* of sound */

    /* of a picture: mix_source.c */
    enum codec_id codec;
    struct frame_buffer *frames;
    struct video_decoder *decoder;
    struct {
        struct packet *pkt;
        uint64_t due_us;
    } * held; /* MIX_HELD_PACKETS, a ring */
    unsigned held_at, held_count;
    uint64_t picture_us; /* of the newest picture, 0: none */
    bool has_picture;
    uint64_t asked_us;
    int wanted_width, wanted_height; /* as told */
};

struct mix {
    struct mix_settings settings; /* as set */
    struct mix_env env;
    struct mix_tracks tracks;
    struct list members;
    size_t member_count, input_count;
    uint64_t epoch_us; /* media time of all streams begins here */
    struct mix_stats stats;

    /* sound: mix_audio.c */
    struct audio_mix *audio;
    struct mix_stream audio_stream;
    bool is_heard; /* the shared stream */
    uint64_t audio_due_us;
    struct mix_member *active;
    uint64_t active_since_us;

    /* the picture: mix_video.c */
    struct compositor *compositor;
    struct simulcast *simulcast;
    struct packetizer packetizer[MAX_ENCODINGS];
    struct mix_stream video_stream[MAX_ENCODINGS];
    bool is_watched;
    bool is_layout_stale;
    struct mix_settings actual; /* what can be afforded of them */
    uint64_t video_due_us, last_pts_us;
    bool has_layout;
    unsigned level;
    uint64_t level_since_us, calm_since_us, calm_needed_us;
    bool was_step_up; /* the newest change of the level */
    uint64_t draw_ns; /* of this picture: drawn while inputs were decoded */
    double load;      /* share of the time between pictures that they take, smoothed */
};

/* The compositor's number of what an input shows. */
static inline uint32_t mix_tile_of(const struct mix_input *in)
{
    return in->member->number * 2 + in->config.is_screen;
}

static inline uint64_t mix_cpu_ns(const struct mix *m)
{
    return m->env.cpu_ns == NULL ? 0 : m->env.cpu_ns();
}

/* mix_stream.c */
void mix_stream_init(struct mix *m, struct mix_stream *s, uint64_t track, unsigned encoding,
                     enum codec_id codec);
uint32_t mix_stream_ts(const struct mix *m, const struct mix_stream *s, uint64_t at_us);
/** A packet with room for a header in front of what *payload points to; NULL and counted when there is none: its number is missing then,
 * so that receivers see the loss. */
MUST_CHECK struct packet *mix_stream_packet(struct mix *m, struct mix_stream *s, uint8_t **payload,
                                            size_t *size);
/* Who is heard in a packet of sound, the loudest first. */
struct mix_heard {
    size_t count;
    struct audio_contributor who[MAX_CSRCS];
};
/** Complete a packet of mix_stream_packet() with @len bytes of payload, hand it out and drop it. @heard: NULL for a picture. */
void mix_stream_send(struct mix *m, struct mix_stream *s, struct packet *p, size_t len, bool marker,
                     uint64_t at_us, const struct mix_heard *heard);

/* mix_source.c: a video input */
void mix_source_push(struct mix_input *in, struct packet *p, uint64_t now_us);
/** Decode what is due; the compositor gets the newest picture. */
void mix_source_run(struct mix_input *in, uint64_t now_us);
/** Let go of all that it holds. */
void mix_source_reset(struct mix_input *in);

/* mix_video.c */
MUST_CHECK int mix_video_open(struct mix *m, uint64_t now_us);
void mix_video_close(struct mix *m);
/** Make compositor and encoders anew for m->settings at m->level. Errors: those of mix_new(); nothing changed then. */
MUST_CHECK int mix_video_rebuild(struct mix *m);
/** The same where only layout and bitrate are others. */
MUST_CHECK int mix_video_adjust(struct mix *m);
/** Members, names, inputs or the speaker changed. */
void mix_video_touch(struct mix *m);
void mix_video_set_watched(struct mix *m, bool is_watched);
/** The look of a member's tiles changed. */
void mix_video_look(struct mix *m, struct mix_member *member);

/* mix_audio.c */
MUST_CHECK int mix_audio_open(struct mix *m, uint64_t now_us);
void mix_audio_close(struct mix *m);
/** Whether the member's own stream is made without its sound, after that came or went. */
void mix_audio_review(struct mix_member *member);
/** The member's voice is another, or there is new sound of it. */
void mix_audio_set_voice(struct mix_member *member);
/** The settings are others. Errors: E_INVALID; nothing changed then. */
MUST_CHECK int mix_audio_adjust(struct mix *m);
/** It leaves. */
void mix_audio_forget(struct mix_member *member);
