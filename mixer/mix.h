/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix.h - one mixed room: packets of its members in, packets of the mix out, driven by time.
 *
 *   packets ─▶ input ─▶ audio_mix ──────────────▶ stream (shared), stream (mix-minus) …  ─▶ on_packet
 *              input ─▶ frames ▶ pictures ▶ compositor ▶ simulcast ▶ stream a encoding
 *
 * A member is shown while it has an input; a screen has a tile of its own and takes the stage. What nobody watches is neither decoded
 * nor encoded. Sound and picture of a member meet by sender reports (rtp_clock.h): a picture is held back until the sound that
 * belongs to it is heard. Sound and picture of the mix have one clock (mix_clock). Pure: no thread, no clock of its own; handlers run
 * inside the calls that take @now_us. Owner: the mixer (mixer.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/limits.h"
#include "core/str.h"
#include "mixer/layout.h"

struct mix;
struct mix_input;
struct packet;
struct packet_pool;
struct picture_pool;
struct picture_view;

/* As in the section that receivers of the mix's tracks are given. */
#define MIX_PT_VIDEO 96
#define MIX_PT_AUDIO 111
#define MIX_EXT_AUDIO_LEVEL 1
#define MIX_EXT_CSRC_AUDIO_LEVEL 2

#define MIX_AUDIO_TICK_US 20000ull

struct mix_settings {
    int width, height; /* even; at most MAX_MIX_WIDTH by MAX_MIX_HEIGHT */
    uint32_t fps;      /* 1..60 */
    uint32_t bitrate_bps;
    enum codec_id codec; /* VP8, H264 */
    unsigned encodings;  /* 1..MAX_ENCODINGS, each half as large as the one before */
    enum layout_kind layout;
    struct layout_custom custom[MAX_LAYOUT_TILES];
    size_t customs;
    uint32_t background_rgb;
    bool has_labels;                  /* names and muted signs */
    uint32_t max_loud;                /* members heard at once, 1..MAX_MIX_LOUD */
    uint32_t audio_bps, personal_bps; /* of the sound for all, and of each without its listener */
};

#define MIX_DEFAULTS                                   \
    ((struct mix_settings){.width = 1280,              \
                           .height = 720,              \
                           .fps = 30,                  \
                           .bitrate_bps = 1500000,     \
                           .codec = CODEC_VP8,         \
                           .encodings = 1,             \
                           .layout = LAYOUT_GRID,      \
                           .background_rgb = 0x101418, \
                           .has_labels = true,         \
                           .max_loud = 10,             \
                           .audio_bps = 64000,         \
                           .personal_bps = 64000})

/** Check the ranges; @why (may be NULL) gets a sentence. Errors: E_INVALID, E_LIMIT. */
MUST_CHECK int mix_settings_check(const struct mix_settings *s, struct strbuf *why);
/** The size of one of its encodings. */
void mix_settings_size(const struct mix_settings *s, unsigned encoding, int *width, int *height);

/* A point of the mix's clock: at @at_us (monotonic) a stream's media time is @ts. */
struct mix_clock {
    uint64_t at_us;
    uint32_t ts;
};

/* What a mix is made with; what it points to outlives it. */
struct mix_env {
    struct packet_pool *packets;
    struct picture_pool *pictures;
    uint64_t (*cpu_ns)(void); /* of this thread, for statistics; NULL: not measured */
    uint32_t random;          /* where SSRCs and numbers begin */
    /* A packet of a stream, lent: its track, encoding, codec and media are set. */
    void (*on_packet)(struct packet *p, void *arg);
    /* An input needs a keyframe of what it was sent last. */
    void (*on_keyframe_wanted)(uint64_t input, unsigned encoding, void *arg);
    /* The size that a video input is seen in, whenever that changes; 0x0: not at all. */
    void (*on_size_wanted)(uint64_t input, int width, int height, void *arg);
    /* The mix takes more time than there is, or less than it could (mix_stats.level). */
    void (*on_level)(struct mix *m, void *arg);
    void *arg;
};

/* The numbers of the tracks that it publishes; 0: not published. */
struct mix_tracks {
    uint64_t video, audio;
};

/** Make one, at @now_us. Errors: E_INVALID, E_LIMIT (settings), E_NO_MEMORY, E_UNSUPPORTED (codec). */
MUST_CHECK int mix_new(struct mix **out, const struct mix_settings *settings,
                       const struct mix_tracks *tracks, const struct mix_env *env, uint64_t now_us);
/** Free with all that is in it. */
void mix_free(struct mix **m);
/** Other settings; codec and number of encodings stay as they were (a CHECK). Errors: those of mix_new(); nothing changed then. */
MUST_CHECK int mix_update(struct mix *m, const struct mix_settings *settings);

/** Make a member known, or tell its name anew; @number is the caller's, from 1 on. Errors: E_LIMIT, E_NO_MEMORY. */
MUST_CHECK int mix_set_member(struct mix *m, uint32_t number, const char *identity,
                              const char *name);
/* How a member is heard. */
struct mix_voice {
    uint32_t
        csrc; /* not 0: its number in the lists of contributing sources (RFC 3550 s5.1, RFC 6465); at first that of the member */
    int32_t gain; /* PCM_GAIN_ONE at first, at most PCM_GAIN_MAX; 0: not at all */
};
/** Say that of all sound of a member, now and later. Errors: E_NOT_FOUND. */
MUST_CHECK int mix_set_voice(struct mix *m, uint32_t number, const struct mix_voice *voice);
/** Take a member out with its inputs; unknown ones are no error. */
void mix_remove_member(struct mix *m, uint32_t number);

struct mix_input_config {
    uint64_t id;     /* the handle of the track */
    uint32_t member; /* who is known */
    enum media_kind kind;
    bool is_screen; /* picture or sound of a screen */
    bool is_muted;
    uint8_t orientation_ext_id; /* of urn:3gpp:video-orientation, 0: none */
};

/** Add a track of a member. Errors: E_NOT_FOUND (member), E_LIMIT, E_NO_MEMORY. */
MUST_CHECK int mix_add_input(struct mix_input **out, struct mix *m,
                             const struct mix_input_config *config);
void mix_remove_input(struct mix_input **input);
void mix_set_muted(struct mix_input *input, bool is_muted);
/** A packet of it, borrowed. */
void mix_push(struct mix_input *input, struct packet *p, uint64_t now_us);
/** A sender report of what it is sent: media time @ts at @ntp_us of the sender's clock. */
void mix_push_report(struct mix_input *input, int64_t ntp_us, uint32_t ts, uint64_t arrival_us);

/** Whether anybody receives a track of the mix; without, it costs nothing. Nobody does at first. */
void mix_set_watched(struct mix *m, uint64_t track, bool is_watched);
/** A keyframe of an encoding of the picture is wanted. */
void mix_want_keyframe(struct mix *m, uint64_t track, unsigned encoding);
/** Give a member a track with the mix without itself, or (@track 0) take it away. Errors: E_NOT_FOUND, E_NO_MEMORY. */
MUST_CHECK int mix_set_personal(struct mix *m, uint32_t member, uint64_t track);
/** The clock of a track now. Errors: E_NOT_FOUND. */
MUST_CHECK int mix_read_clock(const struct mix *m, uint64_t track, uint64_t now_us,
                              struct mix_clock *out);

/** Mix 20 ms of sound for each MIX_AUDIO_TICK_US of the clock that went by: call it at each of them. */
void mix_run_audio(struct mix *m, uint64_t now_us);
/** Compose and encode a picture, when it is time. */
void mix_run_video(struct mix *m, uint64_t now_us);
/** When the next picture is due. */
uint64_t mix_video_due_us(const struct mix *m);
/** The picture as it was composed last, valid until the next call of any function here. */
const struct picture_view *mix_canvas(const struct mix *m);
/** Tell how long after its time the last picture was ready, of which the mix learns what it can afford. */
void mix_note_load(struct mix *m, uint64_t busy_us, uint64_t now_us);

struct mix_stats {
    uint64_t members, inputs;
    uint64_t packets_in, packets_out, bytes_out;
    uint64_t pictures_in, decode_errors, keyframes_asked;
    uint64_t pictures, encoded; /* composed; frames of all encodings */
    uint64_t no_packet;         /* not sent for want of a packet */
    uint64_t unsendable;        /* frames and packets that a coder or its payload format refused */
    uint64_t late_sound;        /* ticks that were left out, because the thread stood still */
    uint64_t late; /* pictures that were left out, because the one before took too long */
    uint64_t audio_ticks, heard, personal;
    uint64_t recovered; /* lost packets of sound that later ones repeated (RFC 2198) */
    uint64_t picture_bytes,
        pictures_refused; /* of its pool: now, unused ones included; for want of room */
    uint64_t decode_ns, compose_ns, encode_ns, audio_ns; /* CPU time; encode_ns includes packets */
    uint32_t active_speaker;                             /* a member's number, 0: nobody yet */
    unsigned level;                                      /* 0: as set; each step costs less */
    uint32_t fps;
    int width, height;
};
void mix_read_stats(const struct mix *m, struct mix_stats *out);
