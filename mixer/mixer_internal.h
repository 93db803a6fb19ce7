/* SPDX-License-Identifier: Apache-2.0 */
/* mixer_internal.h - what mixer.c (thread, clocks, rings) and mixer_command.c (what is told to it) share. */
#pragma once

#include "core/deadline.h"
#include "core/list.h"
#include "core/mailbox.h"
#include "core/map.h"
#include "core/rng.h"
#include "mixer/mixer.h"

struct doorbell;

/* A mix of this thread. */
struct hosted {
    struct list node;
    struct mixer *mixer;
    uint64_t id;
    struct mix *mix;
    struct picture_pool *pictures; /* of the mix, within the mixer's budget */
    struct deadline video_due;
    struct list inlets, outlets;
};

/* A track that comes in. */
struct inlet {
    struct list node; /* in its mix's list */
    uint64_t id, relay;
    struct mix_input *input;
    unsigned port;
};

/* A track of a mix, and the workers that take it. */
struct outlet {
    struct list node; /* in its mix's list */
    struct hosted *hosted;
    uint64_t track;
    unsigned encodings;
    struct list takers;
};

struct taker {
    struct list node;
    unsigned port;
    uint64_t replica;
};

struct port_state {
    struct mixer_port worker;
    struct spsc *from, *to;
    bool is_rung; /* there is something in @to that it was not told of */
};

struct mixer {
    unsigned index;
    struct mixer_handlers handlers; /* control thread */
    void *arg;
    struct worker *worker;
    bool is_running;
    struct mailbox *inbox;  /* read by the mixer */
    struct mailbox *outbox; /* read by the control reactor */
    struct doorbell *bell;
    struct port_state port[MAX_MIXER_PORTS];
    size_t port_count;

    /* the thread's */
    struct packet_pool *packets;
    struct picture_budget pictures;
    struct list mixes;
    struct map *mix_by_id, *inlet_by_id, *outlet_by_track;
    struct deadline audio_due;
    uint64_t reported_us;
    struct rng rng;
    struct mixer_stats stats;
};

enum mixer_event_kind {
    MIXER_EVENT_FAILED,
    MIXER_EVENT_LEVEL,
    MIXER_EVENT_MIX_STATS,
    MIXER_EVENT_STATS
};

struct mixer_event {
    struct message message;
    enum mixer_event_kind kind;
    uint64_t mix;
    int err;
    struct mix_stats mix_stats;
    struct mixer_stats stats;
    void (*on_mix_stats)(int err, const struct mix_stats *stats, void *arg);
    void (*on_stats)(int err, const struct mixer_stats *stats, void *arg);
    void *arg;
};

/* mixer.c */
/** What is the same for all mixes of a thread; pools, random and arg are missing. */
extern const struct mix_env mixer_mix_env;
void mixer_on_video_due(struct deadline *d, uint64_t now_us, void *arg);
/** There is something to mix: let the clock of sound run. */
void mixer_wake(struct mixer *m);
/** Tell a worker the clock of a track. */
void mixer_tell_clock(struct mixer *m, const struct outlet *o, const struct taker *t,
                      uint64_t now_us);

/* mixer_command.c */
/** Add what a mix counted so far to the sums. */
void mixer_add_mix_stats(struct mixer_stats *to, const struct mix *m);
void mixer_close_mix(struct mixer *m, struct hosted *h);
MUST_CHECK struct mixer_event *mixer_event_new(enum mixer_event_kind kind, uint64_t mix);
void mixer_event_post(struct mixer *m, struct mixer_event *e);
