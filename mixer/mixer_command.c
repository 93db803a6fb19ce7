/* SPDX-License-Identifier: Apache-2.0 */
/* mixer_command.c - what the control reactor and the media workers tell a mixer, carried to its thread, and what it tells back. */
#include "core/check.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/spsc.h"
#include "mixer/mixer_internal.h"

enum command_kind {
    COMMAND_MIX_OPEN,
    COMMAND_MIX_UPDATE,
    COMMAND_MIX_CLOSE,
    COMMAND_MEMBER_SET,
    COMMAND_MEMBER_VOICE,
    COMMAND_MEMBER_REMOVE,
    COMMAND_INPUT_ADD,
    COMMAND_INPUT_MUTE,
    COMMAND_INPUT_REMOVE,
    COMMAND_PERSONAL,
    COMMAND_OUTLET_OPEN,
    COMMAND_OUTLET_CLOSE,
    COMMAND_KEYFRAME,
    COMMAND_REPORT,
    COMMAND_READ_MIX,
    COMMAND_READ_STATS,
};

/* One message for all commands: what a kind does not use stays zero. */
struct command {
    struct message message;
    enum command_kind kind;
    uint64_t id; /* of a mix, an input or a track */
    struct mix_settings *settings;
    struct mix_tracks tracks;
    struct mix_input_config input;
    char *identity, *name;
    uint32_t number; /* of a member */
    struct mix_voice voice;
    uint64_t other_id; /* relay, replica or track */
    unsigned port, encoding;
    bool is_on;
    int64_t ntp_us;
    uint32_t ts;
    uint64_t arrival_us;
    void (*on_mix_stats)(int err, const struct mix_stats *stats, void *arg);
    void (*on_stats)(int err, const struct mixer_stats *stats, void *arg);
    void *arg;
};

/* ---- back to the control reactor ---- */

static void deliver_event(struct message *message, void *ctx)
{
    struct mixer_event *e = CONTAINER_OF(message, struct mixer_event, message);
    struct mixer *m = ctx; /* NULL: it closed first */
    int err = m == NULL ? E_STATE : e->err;

    switch (e->kind) {
    case MIXER_EVENT_FAILED:
        if (m != NULL)
            m->handlers.on_failed(e->mix, e->err, m->arg);
        break;
    case MIXER_EVENT_LEVEL:
        if (m != NULL)
            m->handlers.on_level(e->mix, &e->mix_stats, m->arg);
        break;
    case MIXER_EVENT_MIX_STATS:
        e->on_mix_stats(err, err == 0 ? &e->mix_stats : NULL, e->arg);
        break;
    case MIXER_EVENT_STATS:
        e->on_stats(err, err == 0 ? &e->stats : NULL, e->arg);
        break;
    }
    mem_free(e);
}

struct mixer_event *mixer_event_new(enum mixer_event_kind kind, uint64_t mix)
{
    struct mixer_event *e = MEM_NEW(struct mixer_event);

    e->message.deliver = deliver_event;
    e->kind = kind;
    e->mix = mix;
    return e;
}

void mixer_event_post(struct mixer *m, struct mixer_event *e)
{
    mailbox_post(m->outbox, &e->message);
}

static void tell_failed(struct mixer *m, uint64_t mix, int err)
{
    struct mixer_event *e = mixer_event_new(MIXER_EVENT_FAILED, mix);

    e->err = err;
    mixer_event_post(m, e);
}

/* ---- on the thread: mixes ---- */

static struct outlet *add_outlet(struct hosted *h, uint64_t track, unsigned encodings)
{
    struct outlet *o = mem_try_alloc(sizeof(*o));

    if (o == NULL)
        return NULL;
    o->hosted = h;
    o->track = track;
    o->encodings = encodings;
    list_init(&o->takers);
    if (map_put_u64(h->mixer->outlet_by_track, track, o) != 0) {
        mem_free(o);
        return NULL;
    }
    list_append(&h->outlets, &o->node);
    return o;
}

static void free_outlet(struct outlet *o)
{
    (void)map_remove_u64(o->hosted->mixer->outlet_by_track, o->track);
    LIST_EACH(&o->takers, struct taker, node, t) {
        list_remove(&t->node);
        mem_free(t);
    }
    list_remove(&o->node);
    mem_free(o);
}

static void free_inlet(struct mixer *m, struct inlet *in)
{
    (void)map_remove_u64(m->inlet_by_id, in->id);
    mix_remove_input(&in->input);
    list_remove(&in->node);
    mem_free(in);
}

void mixer_add_mix_stats(struct mixer_stats *to, const struct mix *m)
{
    struct mix_stats s;

    mix_read_stats(m, &s);
    to->pictures_in += s.pictures_in;
    to->decode_errors += s.decode_errors;
    to->encoded += s.encoded;
    to->late += s.late;
    to->late_sound += s.late_sound;
    to->no_packet += s.no_packet;
    to->unsendable += s.unsendable;
    to->decode_ns += s.decode_ns;
    to->compose_ns += s.compose_ns;
    to->encode_ns += s.encode_ns;
    to->audio_ns += s.audio_ns;
    to->lowered += s.level > 0;
}

/* What it counted stays in the sums. */
static void keep_stats(struct mixer *m, const struct mix *mix)
{
    uint64_t lowered = m->stats.lowered;

    mixer_add_mix_stats(&m->stats, mix);
    m->stats.lowered = lowered;
}

static void add_pictures(struct picture_pool_stats *to, const struct hosted *h)
{
    struct picture_pool_stats s;

    picture_pool_read_stats(h->pictures, &s);
    to->live += s.live;
    to->live_bytes += s.live_bytes;
    to->idle += s.idle;
    to->idle_bytes += s.idle_bytes;
    to->refused += s.refused;
}

/* How often they found no room stays in the sums. */
static void free_pictures(struct mixer *m, struct hosted *h)
{
    struct picture_pool_stats s;

    if (h->pictures == NULL)
        return;
    picture_pool_read_stats(h->pictures, &s);
    m->stats.pictures.refused += s.refused;
    picture_pool_free(&h->pictures);
}

void mixer_close_mix(struct mixer *m, struct hosted *h)
{
    if (h->mix != NULL)
        keep_stats(m, h->mix);
    (void)map_remove_u64(m->mix_by_id, h->id);
    deadline_clear(&h->video_due);
    LIST_EACH(&h->inlets, struct inlet, node, in) {
        free_inlet(m, in);
    }
    LIST_EACH(&h->outlets, struct outlet, node, o) {
        free_outlet(o);
    }
    mix_free(&h->mix);
    free_pictures(m, h);
    list_remove(&h->node);
    m->stats.mixes--;
    mem_free(h);
}

static void open_mix(struct mixer *m, const struct command *c)
{
    uint64_t now_us = worker_now_us(m->worker);
    struct hosted *h = mem_try_alloc(sizeof(*h));
    struct mix_env env = mixer_mix_env;

    if (h == NULL) {
        tell_failed(m, c->id, E_NO_MEMORY);
        return;
    }
    *h = (struct hosted){
        .mixer = m,
        .id = c->id,
        .pictures = picture_pool_new_within(&m->pictures, MAX_MIX_PICTURE_BYTES),
    };
    list_init(&h->inlets);
    list_init(&h->outlets);
    list_append(&m->mixes, &h->node);
    m->stats.mixes++;
    deadline_init(&h->video_due, mixer_on_video_due, h);
    env.packets = m->packets;
    env.pictures = h->pictures;
    env.random = rng_u32(&m->rng);
    env.arg = h;
    int err = h->pictures == NULL ? E_NO_MEMORY : map_put_u64(m->mix_by_id, h->id, h);
    if (err == 0)
        err = mix_new(&h->mix, c->settings, &c->tracks, &env, now_us - now_us % MIX_AUDIO_TICK_US);
    if (err == 0 && (add_outlet(h, c->tracks.audio, 1) == NULL ||
                     add_outlet(h, c->tracks.video, c->settings->encodings) == NULL))
        err = E_NO_MEMORY;
    if (err != 0) {
        mixer_close_mix(m, h);
        tell_failed(m, c->id, err);
        return;
    }
    mixer_wake(m);
    deadline_set(worker_wheel(m->worker), &h->video_due, mix_video_due_us(h->mix));
}

static void update_mix(struct mixer *m, struct hosted *h, const struct command *c)
{
    int err = mix_update(h->mix, c->settings);
    struct mix_stats stats;

    mix_read_stats(h->mix, &stats);
    if (err != 0)
        tell_failed(m, c->id, err);
    else if (stats.level > 0)
        mixer_mix_env.on_level(h->mix, h); /* it still makes less than it was told */
}

/* ---- on the thread: inputs ---- */

/* A refusal costs that input only: it is not heard, or not seen. */
static void log_refused(const char *what, uint64_t id, int err)
{
    if (err != 0 && err != E_NOT_FOUND)
        log_warn(LOG_MIXER, NULL, "%s %llu refused: %s", what, (unsigned long long)id,
                 err_text(err));
}

static int add_input(struct mixer *m, struct hosted *h, const struct command *c)
{
    struct inlet *in = mem_try_alloc(sizeof(*in));
    int err;

    if (in == NULL)
        return E_NO_MEMORY;
    in->id = c->input.id;
    in->relay = c->other_id;
    in->port = c->port;
    if ((err = mix_add_input(&in->input, h->mix, &c->input)) != 0) {
        mem_free(in);
        return err;
    }
    list_append(&h->inlets, &in->node);
    if ((err = map_put_u64(m->inlet_by_id, in->id, in)) != 0)
        free_inlet(m, in);
    return err;
}

static int set_personal(struct mixer *m, struct hosted *h, const struct command *c)
{
    struct outlet *o = map_get_u64(m->outlet_by_track, c->other_id);

    if (!c->is_on) {
        if (o != NULL)
            free_outlet(o);
        return mix_set_personal(h->mix, c->number, 0);
    }
    if (o == NULL && (o = add_outlet(h, c->other_id, 1)) == NULL)
        return E_NO_MEMORY;
    return mix_set_personal(h->mix, c->number, c->other_id);
}

/* ---- on the thread: outlets ---- */

static void open_outlet(struct mixer *m, const struct command *c)
{
    struct outlet *o = map_get_u64(m->outlet_by_track, c->id);
    struct taker *t = o == NULL ? NULL : mem_try_alloc(sizeof(*t));

    if (t == NULL)
        return;
    t->port = c->port;
    t->replica = c->other_id;
    list_append(&o->takers, &t->node);
    mix_set_watched(o->hosted->mix, o->track, true);
    for (unsigned i = 0; i < o->encodings; i++)
        mix_want_keyframe(o->hosted->mix, o->track, i);
    mixer_tell_clock(m, o, t, worker_now_us(m->worker));
}

static void close_outlet(struct mixer *m, const struct command *c)
{
    struct outlet *o = map_get_u64(m->outlet_by_track, c->id);

    if (o == NULL)
        return;
    LIST_EACH(&o->takers, struct taker, node, t) {
        if (t->port == c->port) {
            list_remove(&t->node);
            mem_free(t);
        }
    }
    mix_set_watched(o->hosted->mix, o->track, !list_is_empty(&o->takers));
}

static void ask_keyframe(struct mixer *m, const struct command *c)
{
    const struct outlet *o = map_get_u64(m->outlet_by_track, c->id);

    if (o != NULL)
        mix_want_keyframe(o->hosted->mix, o->track, c->encoding);
}

/* ---- on the thread: statistics ---- */

static void reply_mix(struct mixer *m, const struct hosted *h, const struct command *c)
{
    struct mixer_event *e = mixer_event_new(MIXER_EVENT_MIX_STATS, c->id);

    e->on_mix_stats = c->on_mix_stats;
    e->arg = c->arg;
    e->err = h == NULL ? E_NOT_FOUND : 0;
    if (h != NULL)
        mix_read_stats(h->mix, &e->mix_stats);
    mixer_event_post(m, e);
}

static void reply_stats(struct mixer *m, const struct command *c)
{
    struct mixer_event *e = mixer_event_new(MIXER_EVENT_STATS, 0);

    e->on_stats = c->on_stats;
    e->arg = c->arg;
    e->stats = m->stats;
    LIST_EACH(&m->mixes, struct hosted, node, h) {
        mixer_add_mix_stats(&e->stats, h->mix);
        add_pictures(&e->stats.pictures, h);
    }
    worker_read_stats(m->worker, &e->stats.loop);
    packet_pool_read_stats(m->packets, &e->stats.packets);
    mixer_event_post(m, e);
}

/* ---- dispatch ---- */

/* About a mix, which may be gone. */
static void run_for_mix(struct mixer *m, struct hosted *h, const struct command *c)
{
    if (h == NULL)
        return;
    switch (c->kind) {
    case COMMAND_MIX_UPDATE:
        update_mix(m, h, c);
        break;
    case COMMAND_MIX_CLOSE:
        mixer_close_mix(m, h);
        break;
    case COMMAND_MEMBER_SET:
        log_refused("member", c->number, mix_set_member(h->mix, c->number, c->identity, c->name));
        break;
    case COMMAND_MEMBER_VOICE:
        log_refused("voice", c->number, mix_set_voice(h->mix, c->number, &c->voice));
        break;
    case COMMAND_MEMBER_REMOVE:
        mix_remove_member(h->mix, c->number);
        break;
    case COMMAND_INPUT_ADD:
        log_refused("input", c->input.id, add_input(m, h, c));
        break;
    case COMMAND_PERSONAL:
        log_refused("track", c->other_id, set_personal(m, h, c));
        break;
    default:
        break;
    }
}

static void run_for_input(struct mixer *m, const struct command *c)
{
    struct inlet *in = map_get_u64(m->inlet_by_id, c->id);

    if (in == NULL)
        return;
    if (c->kind == COMMAND_INPUT_MUTE)
        mix_set_muted(in->input, c->is_on);
    else if (c->kind == COMMAND_INPUT_REMOVE)
        free_inlet(m, in);
    else
        mix_push_report(in->input, c->ntp_us, c->ts, c->arrival_us);
}

static void run_command(struct mixer *m, const struct command *c)
{
    switch (c->kind) {
    case COMMAND_MIX_OPEN:
        open_mix(m, c);
        break;
    case COMMAND_INPUT_MUTE:
    case COMMAND_INPUT_REMOVE:
    case COMMAND_REPORT:
        run_for_input(m, c);
        break;
    case COMMAND_OUTLET_OPEN:
        open_outlet(m, c);
        break;
    case COMMAND_OUTLET_CLOSE:
        close_outlet(m, c);
        break;
    case COMMAND_KEYFRAME:
        ask_keyframe(m, c);
        break;
    case COMMAND_READ_MIX:
        reply_mix(m, map_get_u64(m->mix_by_id, c->id), c);
        break;
    case COMMAND_READ_STATS:
        reply_stats(m, c);
        break;
    default:
        run_for_mix(m, map_get_u64(m->mix_by_id, c->id), c);
    }
}

static void deliver_command(struct message *message, void *ctx)
{
    struct command *c = CONTAINER_OF(message, struct command, message);

    if (ctx != NULL)
        run_command(ctx, c);
    else if (c->kind == COMMAND_READ_MIX)
        c->on_mix_stats(E_STATE, NULL, c->arg);
    else if (c->kind == COMMAND_READ_STATS)
        c->on_stats(E_STATE, NULL, c->arg);
    mem_free(c->settings);
    mem_free(c->identity);
    mem_free(c->name);
    mem_free(c);
}

/* ---- the callers' side ---- */

static struct command *new_command(enum command_kind kind, uint64_t id)
{
    struct command *c = MEM_NEW(struct command);

    c->message.deliver = deliver_command;
    c->kind = kind;
    c->id = id;
    return c;
}

static void post(struct mixer *m, struct command *c)
{
    mailbox_post(m->inbox, &c->message);
}

static struct mix_settings *copy_settings(const struct mix_settings *s)
{
    struct mix_settings *copy = MEM_NEW(struct mix_settings);

    *copy = *s;
    return copy;
}

void mixer_mix_open(struct mixer *m, uint64_t mix, const struct mix_settings *settings,
                    const struct mix_tracks *tracks)
{
    struct command *c = new_command(COMMAND_MIX_OPEN, mix);

    c->settings = copy_settings(settings);
    c->tracks = *tracks;
    post(m, c);
}

void mixer_mix_update(struct mixer *m, uint64_t mix, const struct mix_settings *settings)
{
    struct command *c = new_command(COMMAND_MIX_UPDATE, mix);

    c->settings = copy_settings(settings);
    post(m, c);
}

void mixer_mix_close(struct mixer *m, uint64_t mix)
{
    post(m, new_command(COMMAND_MIX_CLOSE, mix));
}

void mixer_set_member(struct mixer *m, uint64_t mix, uint32_t number, const char *identity,
                      const char *name)
{
    struct command *c = new_command(COMMAND_MEMBER_SET, mix);

    c->number = number;
    c->identity = mem_strdup(identity);
    c->name = mem_strdup(name);
    post(m, c);
}

void mixer_set_voice(struct mixer *m, uint64_t mix, uint32_t number, const struct mix_voice *voice)
{
    struct command *c = new_command(COMMAND_MEMBER_VOICE, mix);

    c->number = number;
    c->voice = *voice;
    post(m, c);
}

void mixer_remove_member(struct mixer *m, uint64_t mix, uint32_t number)
{
    struct command *c = new_command(COMMAND_MEMBER_REMOVE, mix);

    c->number = number;
    post(m, c);
}

void mixer_add_input(struct mixer *m, uint64_t mix, const struct mix_input_config *config,
                     unsigned port, uint64_t relay)
{
    struct command *c = new_command(COMMAND_INPUT_ADD, mix);

    c->input = *config;
    c->port = port;
    c->other_id = relay;
    post(m, c);
}

void mixer_set_muted(struct mixer *m, uint64_t input, bool is_muted)
{
    struct command *c = new_command(COMMAND_INPUT_MUTE, input);

    c->is_on = is_muted;
    post(m, c);
}

void mixer_remove_input(struct mixer *m, uint64_t input)
{
    post(m, new_command(COMMAND_INPUT_REMOVE, input));
}

void mixer_set_personal(struct mixer *m, uint64_t mix, uint32_t member, uint64_t track, bool is_on)
{
    struct command *c = new_command(COMMAND_PERSONAL, mix);

    c->number = member;
    c->other_id = track;
    c->is_on = is_on;
    post(m, c);
}

void mixer_read_mix(struct mixer *m, uint64_t mix,
                    void (*on_stats)(int err, const struct mix_stats *stats, void *arg), void *arg)
{
    struct command *c = new_command(COMMAND_READ_MIX, mix);

    c->on_mix_stats = on_stats;
    c->arg = arg;
    post(m, c);
}

void mixer_read_stats(struct mixer *m,
                      void (*on_stats)(int err, const struct mixer_stats *stats, void *arg),
                      void *arg)
{
    struct command *c = new_command(COMMAND_READ_STATS, 0);

    c->on_stats = on_stats;
    c->arg = arg;
    post(m, c);
}

void mixer_open_outlet(struct mixer *m, uint64_t track, unsigned port, uint64_t replica)
{
    struct command *c = new_command(COMMAND_OUTLET_OPEN, track);

    c->port = port;
    c->other_id = replica;
    post(m, c);
}

void mixer_close_outlet(struct mixer *m, uint64_t track, unsigned port)
{
    struct command *c = new_command(COMMAND_OUTLET_CLOSE, track);

    c->port = port;
    post(m, c);
}

void mixer_ask_keyframe(struct mixer *m, uint64_t track, unsigned encoding)
{
    struct command *c = new_command(COMMAND_KEYFRAME, track);

    c->encoding = encoding;
    post(m, c);
}

void mixer_push_report(struct mixer *m, uint64_t input, int64_t ntp_us, uint32_t ts,
                       uint64_t arrival_us)
{
    struct command *c = new_command(COMMAND_REPORT, input);

    c->ntp_us = ntp_us;
    c->ts = ts;
    c->arrival_us = arrival_us;
    post(m, c);
}
