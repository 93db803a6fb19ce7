/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publisher.h - a WHIP session that sends a clip in real time, as a browser would: header extensions, sender reports, answers to
 * keyframe requests and NACKs.
 *
 * A keyframe request makes the very next frame a keyframe: the clip goes on at its next one. Owner: the scenario.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/loadgen/offer.h"
#include "core/attr.h"

struct clip;
struct generator;
struct publisher;
struct sound_loop;

enum pacing {
    PACING_BURST,  /* a frame's packets back to back */
    PACING_SPREAD, /* over PACING_SPREAD_US */
};

#define PACING_SPREAD_US 10000ull

/* Who is told what leaves, just before it does; a handler may be NULL. */
struct publisher_watch {
    /* The first packet of a frame: of encoding 0 .. OFFER_ENCODINGS - 1, the frame's place in its clip. */
    void (*on_frame)(size_t encoding, size_t frame, void *arg);
    /* 20 ms of sound: its place in the loop. */
    void (*on_sound)(size_t tick, void *arg);
    void *arg;
};

struct publisher_config {
    struct generator *generator;
    const char *url;
    const struct clip *clip[OFFER_ENCODINGS]; /* of offer_rid; without simulcast only the last */
    bool is_simulcast, has_audio;
    const struct sound_loop *sound; /* NULL: bytes that nobody can decode */
    enum pacing pacing;
    struct publisher_watch watch;
};

struct publisher_stats {
    uint64_t frames, packets, payload_bytes; /* video that was sent */
    uint64_t late_frames;                    /* more than PUBLISHER_LATE_US behind the schedule */
    uint64_t late_max_us;
    uint64_t keyframe_requests; /* PLI, and FIR that is no repetition */
    uint64_t nacked, retransmitted;
    uint64_t send_drops;
};

#define PUBLISHER_LATE_US 10000ull

/** Start the session; sending begins when it is connected. */
struct publisher *publisher_open(const struct publisher_config *config);
/** Close at once, without a DELETE. */
void publisher_close(struct publisher **p);
bool publisher_is_sending(const struct publisher *p);
bool publisher_has_failed(const struct publisher *p, const char **why);
/** Stop sending and DELETE the session; publisher_is_gone() tells when the server has answered. */
void publisher_delete(struct publisher *p);
bool publisher_is_gone(const struct publisher *p);
void publisher_read_stats(const struct publisher *p, struct publisher_stats *out);
/** Call @on_sent just before each video packet leaves, with its payload; NULL: no more. */
void publisher_tell_sent(struct publisher *p,
                         void (*on_sent)(const uint8_t *payload, size_t len, bool is_last,
                                         void *arg),
                         void *arg);
/** Forget late_frames and late_max_us: a steady window begins. */
void publisher_clear_late(struct publisher *p);
