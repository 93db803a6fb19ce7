/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - a registry with fake media workers, users whose events become text, and offers in short.
 *
 * The control worker does not run: world_turn() does what the end of a turn would, but for freeing, which waits for
 * world_end(). Time passes only by world_pass().
 */
#pragma once

#include "tests/unit/core/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "rooms/registry.h"
#include "rooms/rooms_internal.h"
#include "tests/unit/rooms/fake_host.h"

#define GRACE_MS 20000u
#define EMPTY_MS 300000u
#define MAX_SAID 4096

struct world {
    int64_t blocks_before;
    struct config config;
    struct worker *control;
    struct registry *registry;
    struct room *room; /* "demo" */
    uint64_t now_us;
};

struct user {
    struct world *world;
    struct participant *participant;
    char said[MAX_SAID]; /* events so far, each ended by "; " */
    /* Done at each event, after it was written down. */
    void (*then)(struct user *u, const struct room_event *event);
    struct user *victim;

    /* of its next offers */
    const char *ufrag;
    unsigned certificate;
    const struct track_label *label;
    size_t label_count;
    struct offer_result result;
    struct sdp_error why;
};

/* ---- the world ---- */

static inline void world_begin_with(struct world *w, size_t hosts)
{
    *w = (struct world){.blocks_before = mem_live_blocks()};
    w->config = (struct config){
        .media_consent_timeout_ms = 30000,
        .room_max_participants = 1000,
        .room_empty_timeout_ms = EMPTY_MS,
        .session_grace_ms = GRACE_MS,
    };
    log_set_level(LOG_TAG_COUNT, LOG_LEVEL_ERROR);
    fake_hosts_reset();
    assert_int_equal(worker_open(&w->control, "control"), 0);
    w->now_us = worker_now_us(w->control);
    const struct registry_config config = {
        .config = &w->config,
        .control = w->control,
        .fingerprint = {.hash = "sha-256", .value = {1, 2, 3}, .len = 32},
    };
    assert_int_equal(registry_open(&w->registry, &config), 0);
    const struct candidate candidate = {
        .foundation = "1",
        .component = 1,
        .protocol = CANDIDATE_UDP,
        .type = CANDIDATE_HOST,
        .addr = {.ip = {192, 0, 2, 1}, .port = 40000, .family = 4},
    };
    for (size_t i = 0; i < hosts; i++)
        assert_int_equal(registry_add_host(w->registry, &fake_host[i], &candidate, 1), 0);
}

/* With the room "demo" on one of @hosts workers. */
static inline void world_begin_on(struct world *w, size_t hosts)
{
    bool existed;

    world_begin_with(w, hosts);
    const struct room_settings settings = registry_default_settings(w->registry);
    assert_int_equal(registry_create_room(w->registry, "demo", &settings, &w->room, &existed), 0);
}

static inline void world_begin(struct world *w)
{
    world_begin_on(w, 1);
}

/* The rest of a turn: deadlines that are due. */
static inline void world_turn(struct world *w)
{
    w->now_us = MAX(w->now_us, worker_now_us(w->control));
    wheel_advance(worker_wheel(w->control), w->now_us);
}

static inline void world_pass(struct world *w, uint64_t ms)
{
    w->now_us = MAX(w->now_us, worker_now_us(w->control)) + ms * US_PER_MS;
    wheel_advance(worker_wheel(w->control), w->now_us);
}

/* Everything goes, on both sides, but for @blocks of the test's own. */
static inline void world_end_but(struct world *w, int64_t blocks)
{
    registry_close(&w->registry);
    worker_close(&w->control);
    assert_int_equal(fake_count, 0);
    assert_int_equal(fake_misses, 0);
    assert_int_equal(mem_live_blocks(), w->blocks_before + blocks);
}

static inline void world_end(struct world *w)
{
    world_end_but(w, 0);
}

/* ---- users ---- */

static inline void say(struct user *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void say(struct user *u, const char *fmt, ...)
{
    size_t len = strlen(u->said);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(u->said + len, sizeof(u->said) - len, fmt, ap);
    va_end(ap);
}

static inline void say_slot(struct user *u, const struct slot_info *s)
{
    const struct publication *pub = s->publication;

    say(u, " %s", s->mid);
    if (s->source != NULL)
        say(u, "(%s)", s->source);
    say(u, "=%s%s%s", pub == NULL ? "" : pub->participant->identity, pub == NULL ? "" : ":",
        pub == NULL ? "" : track_source_name(pub->source));
}

static inline void say_event(struct user *u, const struct participant *p,
                             const struct room_event *e)
{
    static const char *const word[] = {
        [ROOM_PARTICIPANT_JOINED] = "joined",
        [ROOM_PARTICIPANT_LEFT] = "left",
        [ROOM_PARTICIPANT_UPDATED] = "updated",
        [ROOM_TRACK_PUBLISHED] = "published",
        [ROOM_TRACK_UNPUBLISHED] = "unpublished",
        [ROOM_TRACK_UPDATED] = "codec",
        [ROOM_TRACK_MUTED] = "muted",
        [ROOM_SLOTS] = "slots",
        [ROOM_SLOTS_WANTED] = "wanted",
        [ROOM_SLOT_STATES] = "states",
        [ROOM_ENCODINGS_WANTED] = "encodings",
        [ROOM_SUBSCRIPTION_FAILED] = "failed",
        [ROOM_TRANSPORT_STATE] = "transport",
        [ROOM_SPEAKERS] = "speakers",
        [ROOM_CLOSED] = "closed",
        [ROOM_MIX_CHANGED] = "mix",
    };

    say(u, "%s", word[e->kind]);
    if (e->participant != NULL && e->participant != p)
        say(u, " %s", e->participant->identity);
    if (e->publication != NULL)
        say(u, " %s", track_source_name(e->publication->source));
    if (e->kind == ROOM_TRACK_MUTED)
        say(u, "%s%s", e->publication->muted_by_publisher ? " publisher" : "",
            e->publication->muted_by_server ? " server" : "");
    if (e->kind == ROOM_PARTICIPANT_LEFT || e->kind == ROOM_CLOSED)
        say(u, " %s", leave_reason_name(e->leave_reason));
    if (e->kind == ROOM_SLOTS_WANTED)
        say(u, " audio %u video %u", e->audio, e->video);
    for (size_t i = 0; i < e->slot_count && e->slot != NULL; i++)
        say_slot(u, &e->slot[i]);
    if (e->speakers != NULL) {
        say(u, " %s:", e->speakers->dominant == NULL ? "nobody" : e->speakers->dominant->identity);
        for (size_t i = 0; i < e->speakers->recent_count; i++)
            say(u, " %s", e->speakers->recent[i]->identity);
    }
    for (size_t i = 0; i < e->slot_count && e->slot_state != NULL; i++)
        say(u, " %s=%s", e->slot_state[i].mid,
            allocator_reason_name(e->slot_state[i].state.reason));
    for (size_t i = 0; i < e->encoding_count; i++)
        say(u, " %s=%d", e->encoding[i].rid, e->encoding[i].is_wanted);
    if (e->detail != NULL)
        say(u, " %s", e->detail);
    say(u, "; ");
}

static inline void user_on_event(struct participant *p, const struct room_event *event, void *arg)
{
    struct user *u = arg;

    assert_true(p == u->participant || u->participant == NULL);
    say_event(u, p, event);
    if (event->kind == ROOM_CLOSED) {
        assert_null(participant_room(p));
        u->participant = NULL;
    }
    if (u->then != NULL)
        u->then(u, event);
}

static const struct participant_handlers user_handlers = {.on_event = user_on_event};

static const struct permissions everything = {
    .publish = true, .subscribe = true, .update_metadata = true, .publish_sources = UINT32_MAX};

static inline int user_join_as(struct user *u, struct world *w, struct room *room,
                               const struct participant_params *params)
{
    *u = (struct user){.world = w, .ufrag = "abcd", .certificate = 1};
    int err = room_join(room, params, &u->participant);
    if (err == 0)
        participant_attach(u->participant, &user_handlers, u);
    return err;
}

static inline void user_join_with(struct user *u, struct world *w, const char *identity,
                                  struct permissions permissions)
{
    const struct participant_params params = {
        .identity = identity, .permissions = permissions, .auto_subscribe = true};

    assert_int_equal(user_join_as(u, w, w->room, &params), 0);
}

static inline void user_join(struct user *u, struct world *w, const char *identity)
{
    user_join_with(u, w, identity, everything);
}

/* What was said since the last time must be this. */
static inline void check_said(struct user *u, const char *expected)
{
    assert_string_equal(u->said, expected);
    u->said[0] = 0;
}

static inline void user_forget(struct user *u)
{
    u->said[0] = 0;
}

static inline void user_leave(struct user *u)
{
    participant_leave(&u->participant, LEAVE_LEFT);
}

/* ---- offers ---- */

static inline void add_section(struct strbuf *b, const struct user *u, size_t index, char kind,
                               char direction)
{
    const char *way = direction == 's'   ? "sendonly"
                      : direction == 'r' ? "recvonly"
                      : direction == 'b' ? "sendrecv"
                                         : "inactive";

    strbuf_addf(b, "m=%s %d UDP/TLS/RTP/SAVPF %d\r\nc=IN IP4 0.0.0.0\r\na=mid:%zu\r\n",
                kind == 'a' ? "audio" : "video", direction == 'x' ? 0 : 9, kind == 'a' ? 111 : 96,
                index);
    if (direction == 'x')
        return;
    strbuf_addf(b,
                "a=%s\r\na=rtcp-mux\r\na=setup:actpass\r\na=ice-ufrag:%s\r\na=ice-pwd:"
                "0123456789abcdefghij%s\r\n",
                way, u->ufrag, u->ufrag);
    strbuf_add(b, "a=fingerprint:sha-256 ");
    for (unsigned i = 0; i < 32; i++)
        strbuf_addf(b, "%s%02X", i == 0 ? "" : ":", u->certificate + i);
    strbuf_addf(b, "\r\na=rtpmap:%s\r\n",
                kind == 'a' ? "111 opus/48000/2"
                : kind == 'h'
                    ? "96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f"
                    : "96 VP8/90000");
}

/* "as vr": one word a section, whose mid is its place: audio, video (VP8) or h (H.264); send, receive, both, inactive, or x:
 * stopped. */
static inline char *make_offer(const struct user *u, const char *sections)
{
    struct strbuf b;
    size_t count = (strlen(sections) + 1) / 3;

    strbuf_init(&b, MAX_SDP_BYTES);
    strbuf_add(&b, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    for (size_t i = 0; i < count; i++)
        if (sections[3 * i + 1] != 'x')
            strbuf_addf(&b, " %zu", i);
    strbuf_add(&b, "\r\n");
    for (size_t i = 0; i < count; i++)
        add_section(&b, u, i, sections[3 * i], sections[3 * i + 1]);
    return strbuf_take(&b);
}

static inline int user_try_offer(struct user *u, const char *sections)
{
    char *text = make_offer(u, sections);
    int err = participant_offer(u->participant, str_of(text), u->label, u->label_count, &u->result,
                                &u->why);

    mem_free(text);
    return err;
}

static inline void user_offer(struct user *u, const char *sections)
{
    int err = user_try_offer(u, sections);

    if (err != 0)
        fail_msg("%s: %s", err_text(err), u->why.text);
}

/* The slots of the last offer's result. */
static inline void check_slots(struct user *u, const char *expected)
{
    const struct slot_info *slot;
    size_t n = participant_slots(u->participant, &slot);
    struct user said = {.said = ""};

    for (size_t i = 0; i < n; i++)
        say_slot(&said, &slot[i]);
    assert_string_equal(said.said, expected);
}

/* Its n-th publication. */
static inline struct publication *pub_of(const struct user *u, size_t n)
{
    LIST_EACH(&u->participant->publications, struct publication, node, pub) {
        if (n-- == 0)
            return pub;
    }
    fail_msg("no such publication");
    return NULL;
}

/* ---- what a media worker tells ---- */

static inline void transport_becomes(struct user *u, enum transport_state state, const char *reason)
{
    registry_host_handlers()->on_transport_state(&fake_host[0], u->participant->transport, state,
                                                 reason, u->world->registry);
}

static inline void track_is_live(const struct user *u, size_t n, enum codec_id codec)
{
    registry_host_handlers()->on_track_live(&fake_host[0], pub_of(u, n)->handle, codec,
                                            u->world->registry);
}

static inline uint64_t slot_handle(const struct user *u, const char *mid)
{
    LIST_EACH(&u->participant->slots, struct slot, node, s) {
        if (strcmp(s->mid, mid) == 0)
            return s->handle;
    }
    fail_msg("no slot %s", mid);
    return 0;
}

static inline void slot_is_blocked(const struct user *u, const char *mid, enum codec_id codec)
{
    registry_host_handlers()->on_subscription_blocked(&fake_host[0], slot_handle(u, mid), codec,
                                                      u->world->registry);
}

/* What flows through a slot on the media worker. */
static inline uint64_t flowing(const struct user *u, const char *mid)
{
    const struct fake_object *o = fake_find(slot_handle(u, mid));

    assert_non_null(o);
    return o->source;
}
