/* SPDX-License-Identifier: Apache-2.0 */
/* room_mix.c - see room_mix.h. */
#include "rooms/room_mix.h"

#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "mixer/pcm.h"
#include "rooms/mixers.h"
#include "rooms/replicas.h"
#include "rooms/rooms_internal.h"
#include "rooms/slots.h"

#define H264_FMTP "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

struct room_mix {
    struct room *room;
    struct room_mix_settings settings;
    struct mixer *mixer;
    uint64_t handle; /* at the mixer */
    struct participant *owner;
    struct publication *video, *audio;
    struct list members;
    uint32_t last_number;
    struct mix_stats actual; /* level, fps, width, height */
};

/* A participant who is in the mix, or listens to it. */
struct mix_person {
    struct list node;
    struct participant *participant;
    uint32_t number;
    struct list feeds;
    uint64_t personal; /* track, 0: none */
};

/* A publication that is mixed. */
struct mix_feed {
    struct list node;
    struct publication *publication;
    uint64_t relay;
    uint8_t orientation_ext_id; /* as the mixer was told */
};

/* ---- members and what they publish ---- */

static bool is_listed(const struct room_mix_settings *s, const char *identity)
{
    for (size_t i = 0; i < s->listed; i++)
        if (strcmp(s->identity[i], identity) == 0)
            return true;
    return false;
}

static bool is_in(const struct room_mix *x, const struct participant *p)
{
    if (p == x->owner || p->permissions.hidden)
        return false;
    switch (x->settings.who) {
    case ROOM_MIX_FLAGGED:
        return p->in_mix;
    case ROOM_MIX_LISTED:
        return is_listed(&x->settings, p->identity);
    default:
        return true;
    }
}

/* How loud, and under which number. */
static void tell_voice(struct room_mix *x, const struct mix_person *m)
{
    struct mix_voice voice = {.csrc = m->participant->csrc, .gain = PCM_GAIN_ONE};

    for (size_t i = 0; i < x->settings.voices; i++) {
        const struct room_mix_voice *v = &x->settings.voice[i];
        if (strcmp(v->identity, m->participant->identity) == 0)
            voice.gain = v->is_muted ? 0 : pcm_gain_of_db(v->gain_db);
    }
    mixer_set_voice(x->mixer, x->handle, m->number, &voice);
}

static struct mix_person *find_person(const struct room_mix *x, const struct participant *p)
{
    LIST_EACH(&x->members, struct mix_person, node, m) {
        if (m->participant == p)
            return m;
    }
    return NULL;
}

static struct mix_person *need_person(struct room_mix *x, struct participant *p)
{
    struct mix_person *m = find_person(x, p);

    if (m != NULL)
        return m;
    m = MEM_NEW(struct mix_person);
    m->participant = p;
    m->number = ++x->last_number;
    list_init(&m->feeds);
    list_append(&x->members, &m->node);
    mixer_set_member(x->mixer, x->handle, m->number, p->identity, p->name);
    tell_voice(x, m);
    return m;
}

/* Nothing of it is mixed and nothing made for it. */
static void review_person(struct room_mix *x, struct mix_person *m)
{
    if (!list_is_empty(&m->feeds) || m->personal != 0)
        return;
    mixer_remove_member(x->mixer, x->handle, m->number);
    list_remove(&m->node);
    mem_free(m);
}

static bool is_screen(const struct publication *pub)
{
    return pub->source == TRACK_SOURCE_SCREEN || pub->source == TRACK_SOURCE_SCREEN_AUDIO;
}

static void add_feed(struct room_mix *x, struct publication *pub)
{
    struct mix_person *m = need_person(x, pub->participant);
    struct sfu_host *host = pub->participant->host->host;
    struct mix_feed *f = MEM_NEW(struct mix_feed);
    const struct mix_input_config input = {
        .id = pub->handle,
        .member = m->number,
        .kind = pub->kind,
        .is_screen = is_screen(pub),
        .is_muted = publication_is_muted(pub),
        .orientation_ext_id = pub->section->ext.id[RTP_EXT_VIDEO_ORIENTATION],
    };

    f->publication = pub;
    f->orientation_ext_id = input.orientation_ext_id;
    f->relay = registry_new_handle(x->room->registry);
    list_append(&m->feeds, &f->node);
    mixer_add_input(x->mixer, x->handle, &input, sfu_host_index(host), f->relay);
    sfu_host_relay_open(host, f->relay, pub->handle, mixer_index(x->mixer));
}

static void remove_feed(struct room_mix *x, struct mix_feed *f)
{
    sfu_host_relay_close(f->publication->participant->host->host, f->relay);
    mixer_remove_input(x->mixer, f->publication->handle);
    list_remove(&f->node);
    mem_free(f);
}

static struct mix_feed *find_feed(const struct mix_person *m, const struct publication *pub)
{
    if (m == NULL)
        return NULL;
    LIST_EACH(&m->feeds, struct mix_feed, node, f) {
        if (f->publication == pub)
            return f;
    }
    return NULL;
}

/* Whoever belongs there is in, and nobody else. */
static void review_feeds(struct room_mix *x)
{
    LIST_EACH(&x->room->publications, struct publication, room_node, pub) {
        struct mix_person *m = find_person(x, pub->participant);
        struct mix_feed *f = find_feed(m, pub);
        bool belongs = pub->mix == NULL && is_in(x, pub->participant);

        if (f == NULL && belongs)
            add_feed(x, pub);
        if (f != NULL && !belongs)
            remove_feed(x, f);
    }
    LIST_EACH(&x->members, struct mix_person, node, m) {
        review_person(x, m);
    }
}

void room_mix_publication_added(struct publication *pub)
{
    struct room_mix *x = pub->participant->room->mix;

    if (x != NULL && pub->mix == NULL && is_in(x, pub->participant))
        add_feed(x, pub);
}

void room_mix_publication_removed(struct publication *pub)
{
    struct room_mix *x = pub->participant->room->mix;
    struct mix_person *m = x == NULL ? NULL : find_person(x, pub->participant);
    struct mix_feed *f = find_feed(m, pub);

    if (f == NULL)
        return;
    remove_feed(x, f);
    review_person(x, m);
}

void room_mix_publication_muted(struct publication *pub)
{
    struct room_mix *x = pub->participant->room->mix;

    if (x != NULL && find_feed(find_person(x, pub->participant), pub) != NULL)
        mixer_set_muted(x->mixer, pub->handle, publication_is_muted(pub));
}

void room_mix_publication_updated(struct publication *pub)
{
    struct room_mix *x = pub->participant->room->mix;
    struct mix_feed *f = x == NULL ? NULL : find_feed(find_person(x, pub->participant), pub);

    if (f == NULL || f->orientation_ext_id == pub->section->ext.id[RTP_EXT_VIDEO_ORIENTATION])
        return;
    remove_feed(x, f);
    add_feed(x, pub);
}

void room_mix_participant_updated(struct participant *p)
{
    struct room_mix *x = p->room->mix;
    const struct mix_person *m = x == NULL ? NULL : find_person(x, p);

    if (m != NULL)
        mixer_set_member(x->mixer, x->handle, m->number, p->identity, p->name);
    if (x == NULL || x->settings.who != ROOM_MIX_FLAGGED)
        return;
    review_feeds(x);
    slots_publication_moved(x->audio); /* who is in it now hears it without himself */
}

void room_mix_participant_left(struct participant *p)
{
    struct room_mix *x = p->room->mix;

    /* Its publications and its slots went before, and with them all that it had here. */
    CHECK(x == NULL || find_person(x, p) == NULL);
}

/* ---- mix-minus ---- */

bool room_mix_is_personal(const struct publication *pub, const struct participant *p)
{
    const struct room_mix *x = pub->mix;

    return x != NULL && pub->kind == MEDIA_AUDIO && x->settings.is_mix_minus &&
           p->permissions.publish && is_in(x, p);
}

uint64_t room_mix_open_personal(struct room_mix *x, struct participant *p)
{
    struct mix_person *m = need_person(x, p);

    CHECK(m->personal == 0);
    m->personal = registry_new_handle(x->room->registry);
    mixer_set_personal(x->mixer, x->handle, m->number, m->personal, true);
    return m->personal;
}

void room_mix_close_personal(struct room_mix *x, struct participant *p)
{
    struct mix_person *m = find_person(x, p);

    mixer_set_personal(x->mixer, x->handle, m->number, m->personal, false);
    m->personal = 0;
    review_person(x, m);
}

unsigned room_mix_peer(const struct room_mix *x)
{
    return mixer_index(x->mixer);
}

/* ---- what it publishes ---- */

static void describe_video(struct transceiver *t, const struct mix_settings *s)
{
    static const char *const rid[MAX_ENCODINGS] = {"f", "h", "q"};
    struct negotiated_codec *codec = &t->codec[0];

    codec->codec = (struct codec){.id = s->codec, .clock_hz = 90000, .channels = 1};
    if (s->codec == CODEC_H264)
        memcpy(codec->codec.fmtp, H264_FMTP, sizeof(H264_FMTP));
    codec->pt = MIX_PT_VIDEO;
    codec->pli = true;
    t->encoding_count = (uint8_t)s->encodings;
    t->is_simulcast = s->encodings > 1;
    for (unsigned i = 0; t->is_simulcast && i < s->encodings; i++)
        memcpy(t->encoding[i].rid, rid[i], 2);
}

static void describe_audio(struct transceiver *t)
{
    t->codec[0].codec = (struct codec){.id = CODEC_OPUS, .clock_hz = 48000, .channels = 2};
    t->codec[0].pt = MIX_PT_AUDIO;
    t->ext.id[RTP_EXT_AUDIO_LEVEL] = MIX_EXT_AUDIO_LEVEL;
    t->ext.id[RTP_EXT_CSRC_AUDIO_LEVEL] = MIX_EXT_CSRC_AUDIO_LEVEL;
    t->encoding_count = 1;
}

static struct publication *publish(struct room_mix *x, enum media_kind kind)
{
    struct publication *pub = MEM_NEW(struct publication);
    struct transceiver *t = MEM_NEW(struct transceiver);

    t->kind = kind;
    t->recv = true;
    t->codec_count = 1;
    t->codec[0].rtx_pt = PT_NONE;
    (void)snprintf(t->mid, sizeof(t->mid), "mix-%s", kind == MEDIA_VIDEO ? "video" : "audio");
    if (kind == MEDIA_VIDEO)
        describe_video(t, &x->settings.mix);
    else
        describe_audio(t);
    registry_new_id(pub->id, "TR_");
    pub->handle = registry_new_handle(x->room->registry);
    pub->participant = x->owner;
    pub->kind = kind;
    pub->source = TRACK_SOURCE_MIX;
    pub->is_simulcast = t->is_simulcast;
    pub->codec = t->codec[0].codec.id;
    pub->section = t;
    pub->mix = x;
    list_init(&pub->wishes);
    list_init(&pub->replicas);
    publication_enlist(pub);
    return pub;
}

static void unpublish(struct publication **pp)
{
    struct publication *pub = *pp;
    struct registry *g = pub->participant->room->registry;

    *pp = NULL;
    slots_publication_removed(pub);
    replicas_close(pub);
    publication_delist(pub);
    MEM_FREE(pub->section);
    rooms_free_later(g, pub);
}

static void tell_publication(struct room *r, enum room_event_kind kind,
                             const struct publication *pub)
{
    const struct room_event event = {
        .kind = kind, .participant = pub->participant, .publication = pub};

    room_emit(r, &event, NULL);
}

static void tell_changed(struct room *r)
{
    const struct room_event event = {.kind = ROOM_MIX_CHANGED};

    room_emit(r, &event, NULL);
}

/* ---- life ---- */

static struct participant *make_owner(struct room *r)
{
    static const struct participant_params params = {.identity = ROOM_MIX_IDENTITY, .name = "Mix"};

    return participant_new(r, &params);
}

static void set_actual(struct room_mix *x)
{
    const struct mix_settings *s = &x->settings.mix;

    x->actual = (struct mix_stats){.fps = s->fps, .width = s->width, .height = s->height};
}

/* The mixer's part. Publications are there, and nobody's yet. */
static void open(struct room_mix *x)
{
    struct registry *g = x->room->registry;
    const struct mix_tracks tracks = {.video = x->video->handle, .audio = x->audio->handle};

    x->handle = registry_new_handle(g);
    CHECK(map_put_u64(g->room_by_mix, x->handle, x->room) == 0);
    mixer_mix_open(x->mixer, x->handle, &x->settings.mix, &tracks);
    set_actual(x);
    review_feeds(x);
}

/* Takes all away but the mix itself; what was published is still readable for events in this turn. */
static void close(struct room_mix *x)
{
    (void)map_remove_u64(x->room->registry->room_by_mix, x->handle);
    unpublish(&x->video);
    unpublish(&x->audio);
    LIST_EACH(&x->members, struct mix_person, node, m) {
        LIST_EACH(&m->feeds, struct mix_feed, node, f) {
            remove_feed(x, f);
        }
        review_person(x, m);
    }
    mixer_mix_close(x->mixer, x->handle);
}

int room_mix_start(struct room *r, const struct room_mix_settings *settings, struct strbuf *why)
{
    struct registry *g = r->registry;
    int err = mix_settings_check(&settings->mix, why);

    if (err != 0)
        return err;
    if (mixers_count(g->mixers) == 0)
        return E_UNSUPPORTED;
    if (!room_is_open(r))
        return E_STATE;
    if (r->mix != NULL)
        return E_CONFLICT;
    struct room_mix *x = MEM_NEW(struct room_mix);
    x->room = r;
    x->settings = *settings;
    list_init(&x->members);
    x->mixer = mixers_take(g->mixers);
    x->owner = make_owner(r);
    x->video = publish(x, MEDIA_VIDEO);
    x->audio = publish(x, MEDIA_AUDIO);
    r->mix = x;
    open(x);
    slots_publication_added(x->video);
    slots_publication_added(x->audio);
    log_info(LOG_ROOM, &r->ids, "mix of %dx%d begins on mixer %u", settings->mix.width,
             settings->mix.height, mixer_index(x->mixer));
    tell_changed(r);
    if (r->mix == x)
        tell_publication(r, ROOM_TRACK_PUBLISHED, x->video);
    if (r->mix == x)
        tell_publication(r, ROOM_TRACK_PUBLISHED, x->audio);
    return 0;
}

void room_mix_close(struct room *r)
{
    struct room_mix *x = r->mix;

    if (x == NULL)
        return;
    close(x);
    r->mix = NULL;
    mixers_give_back(r->registry->mixers, x->mixer);
    participant_free_later(r->registry, x->owner);
    mem_free(x);
}

int room_mix_stop(struct room *r)
{
    struct room_mix *x = r->mix;

    if (x == NULL)
        return E_NOT_FOUND;
    const struct publication *video = x->video, *audio = x->audio; /* until the end of the turn */
    room_mix_close(r);
    log_info(LOG_ROOM, &r->ids, "mix ends");
    tell_publication(r, ROOM_TRACK_UNPUBLISHED, video);
    tell_publication(r, ROOM_TRACK_UNPUBLISHED, audio);
    tell_changed(r);
    return 0;
}

int room_mix_update(struct room *r, const struct room_mix_settings *settings, struct strbuf *why)
{
    struct room_mix *x = r->mix;
    int err = mix_settings_check(&settings->mix, why);

    if (x == NULL)
        return E_NOT_FOUND;
    if (err != 0)
        return err;
    if (settings->mix.codec != x->settings.mix.codec ||
        settings->mix.encodings != x->settings.mix.encodings) {
        err = room_mix_stop(r);
        return err != 0 ? err : room_mix_start(r, settings, why);
    }
    x->settings = *settings;
    set_actual(x);
    mixer_mix_update(x->mixer, x->handle, &settings->mix);
    review_feeds(x);
    LIST_EACH(&x->members, struct mix_person, node, m) {
        tell_voice(x, m);
    }
    slots_publication_moved(x->audio);
    tell_changed(r);
    return 0;
}

const struct room_mix_settings *room_mix_settings(const struct room *r)
{
    return r->mix == NULL ? NULL : &r->mix->settings;
}

const struct participant *room_mix_participant(const struct room *r)
{
    return r->mix == NULL ? NULL : r->mix->owner;
}

void room_mix_actual(const struct room *r, unsigned *level, uint32_t *fps, int *width, int *height)
{
    const struct mix_stats *s = &r->mix->actual;

    *level = s->level;
    *fps = s->fps;
    *width = s->width;
    *height = s->height;
}

void room_mix_read_stats(const struct room *r,
                         void (*on_stats)(int err, const struct mix_stats *stats, void *arg),
                         void *arg)
{
    if (r->mix == NULL)
        on_stats(E_NOT_FOUND, NULL, arg);
    else
        mixer_read_mix(r->mix->mixer, r->mix->handle, on_stats, arg);
}

/* ---- what the mixer tells ---- */

static void on_failed(uint64_t mix, int err, void *arg)
{
    struct registry *g = arg;
    struct room *r = map_get_u64(g->room_by_mix, mix);

    if (r == NULL)
        return; /* it ended meanwhile */
    log_warn(LOG_ROOM, &r->ids, "the mixer gives up the mix: %s", err_text(err));
    (void)!room_mix_stop(r);
}

static void on_level(uint64_t mix, const struct mix_stats *stats, void *arg)
{
    struct registry *g = arg;
    struct room *r = map_get_u64(g->room_by_mix, mix);

    if (r == NULL)
        return;
    r->mix->actual = *stats;
    log_info(LOG_ROOM, &r->ids, "the mixer makes %dx%d at %u a second", stats->width, stats->height,
             stats->fps);
    tell_changed(r);
}

const struct mixer_handlers *room_mix_handlers(void)
{
    static const struct mixer_handlers handlers = {.on_failed = on_failed, .on_level = on_level};

    return &handlers;
}
