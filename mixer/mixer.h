/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mixer.h - a mixer thread: mixes (mix.h) with a clock, rings of packets to and from media workers, and a mailbox.
 *
 *   media worker ═ ring ═▶ mixer_port.from ─▶ input ─▶ mix ─▶ outlet ─▶ mixer_port.to ═ ring ═▶ media worker
 *
 * Sound is mixed every 20 ms for all mixes of the thread, pictures have a clock for each mix. A ring that is full costs its receiver
 * packets, is counted, and stops nobody. When pictures take too long, their mix lowers its frame rate and its size (mix.h).
 *
 * Opened, filled with ports and started by the control reactor, before the media workers have anything to send. The end, in this
 * order, because each side holds packets of the other's pool: mixer_stop() for all, stop the workers, mixer_let_go() for all, close
 * the workers, mixer_close(). Functions without a thread named are the control reactor's; what they do happens on the mixer's thread,
 * in order of the calls.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/packet.h"
#include "core/worker.h"
#include "mixer/mix.h"
#include "mixer/picture.h"

struct mixer;
struct spsc;
struct worker;

#define MAX_MIXER_PORTS 256

/* A sender report of a stream of ours: media time @ts is @wall_us of our wall clock. */
struct mixer_report {
    uint32_t ts;
    uint64_t wall_us, at_us;
};

/* A media worker, as a mixer sees it. Its calls come from the mixer's thread, and only post something. */
struct mixer_port {
    void *arg;
    /* Packets lie in the ring to it. */
    void (*ring)(void *arg);
    /* For an input: a keyframe of an encoding; the size that it is seen in (0x0: not at all). */
    void (*ask_keyframe)(void *arg, uint64_t input, unsigned encoding);
    void (*set_size)(void *arg, uint64_t relay, int width, int height);
    /* The clock of an outlet's track. */
    void (*set_clock)(void *arg, uint64_t replica, unsigned encoding,
                      const struct mixer_report *report);
};

/* Delivered on the control reactor. */
struct mixer_handlers {
    /* A mix could not be made, or its settings not be taken: it is as it was before, or not there. */
    void (*on_failed)(uint64_t mix, int err, void *arg);
    /* It lowers what it makes, or does better again: @stats.level, fps, width, height. */
    void (*on_level)(uint64_t mix, const struct mix_stats *stats, void *arg);
};

struct mixer_stats {
    uint64_t mixes;
    uint64_t packets_in, packets_unknown; /* from workers; of inputs that are not there */
    uint64_t packets_out, dropped;        /* to workers; not handed over, because a ring was full */
    uint64_t no_track;                    /* not handed over, because there is no such track */
    uint64_t lowered;                     /* mixes that make less than they were told, now */
    /* Of all mixes there were, those that ended included. */
    uint64_t pictures_in, decode_errors, encoded, late, late_sound, no_packet, unsendable;
    uint64_t decode_ns, compose_ns, encode_ns, audio_ns;
    struct worker_stats loop;
    struct packet_pool_stats packets;
    struct picture_pool_stats pictures;
};

/** Make one; no thread runs yet. @index shows in its name. Errors: UV_E*, E_NO_MEMORY. */
MUST_CHECK int mixer_open(struct mixer **out, unsigned index, struct worker *control,
                          const struct mixer_handlers *handlers, void *arg);
/** Add a media worker by its number, before the start. *from is what it fills, *to what it empties; both stay the mixer's. Errors:
 * E_NO_MEMORY. */
MUST_CHECK int mixer_add_port(struct mixer *m, unsigned number, const struct mixer_port *port,
                              struct spsc **from, struct spsc **to);
/** Run. Errors: UV_E*. */
MUST_CHECK int mixer_start(struct mixer *m);
/** Stop the thread; nothing goes to workers any more. NULL is fine, here and below. */
void mixer_stop(struct mixer *m);
/** Drop all that is held of the workers' packets. The thread and the workers have stopped. */
void mixer_let_go(struct mixer *m);
/** Free. Nobody holds packets of it any more. */
void mixer_close(struct mixer **m);
/** The number it was opened with. */
unsigned mixer_index(const struct mixer *m);

/** Begin a mix; @settings were checked. Tracks are numbers that nobody else has. */
void mixer_mix_open(struct mixer *m, uint64_t mix, const struct mix_settings *settings,
                    const struct mix_tracks *tracks);
/** See mix_update(). */
void mixer_mix_update(struct mixer *m, uint64_t mix, const struct mix_settings *settings);
/** End it with all that is in it. */
void mixer_mix_close(struct mixer *m, uint64_t mix);
/** See mix.h. */
void mixer_set_member(struct mixer *m, uint64_t mix, uint32_t number, const char *identity,
                      const char *name);
void mixer_set_voice(struct mixer *m, uint64_t mix, uint32_t number, const struct mix_voice *voice);
void mixer_remove_member(struct mixer *m, uint64_t mix, uint32_t number);
/** Add an input whose packets come from the worker @port, where @relay brings them. */
void mixer_add_input(struct mixer *m, uint64_t mix, const struct mix_input_config *config,
                     unsigned port, uint64_t relay);
void mixer_set_muted(struct mixer *m, uint64_t input, bool is_muted);
void mixer_remove_input(struct mixer *m, uint64_t input);
/** Give a member a track of its own, or take @track away again (@is_on false). */
void mixer_set_personal(struct mixer *m, uint64_t mix, uint32_t member, uint64_t track, bool is_on);
/** Ask for what there is to say of a mix; @on_stats runs on the control reactor, once: E_NOT_FOUND without such a mix, E_STATE when the
 * mixer closes first. */
void mixer_read_mix(struct mixer *m, uint64_t mix,
                    void (*on_stats)(int err, const struct mix_stats *stats, void *arg), void *arg);
/** The same of the whole thread. */
void mixer_read_stats(struct mixer *m,
                      void (*on_stats)(int err, const struct mixer_stats *stats, void *arg),
                      void *arg);

/** Packets lie in the ring from a worker. Thread: any. */
void mixer_ring(struct mixer *m);
/** A worker takes a track of a mix from now on, or no more: there it is called @replica. Thread: any. */
void mixer_open_outlet(struct mixer *m, uint64_t track, unsigned port, uint64_t replica);
void mixer_close_outlet(struct mixer *m, uint64_t track, unsigned port);
/** A keyframe of a track is wanted. Thread: any. */
void mixer_ask_keyframe(struct mixer *m, uint64_t track, unsigned encoding);
/** A sender report of an input, see mix_push_report(). Thread: any. */
void mixer_push_report(struct mixer *m, uint64_t input, int64_t ntp_us, uint32_t ts,
                       uint64_t arrival_us);
