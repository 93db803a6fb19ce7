/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - see client.h: life and negotiation. Media is client_media.c's. */
#include "tests/integration/client.h"

#include <string.h>

#include "tests/integration/client_internal.h"
#include "tests/integration/clock.h"

static uint32_t last_ssrc = 0x10000;

/* ---- datagrams ---- */

static void on_datagram(const uint8_t *buf, size_t len, void *arg)
{
    struct client *c = arg;

    if (c->is_silent || c->secure == NULL || len == 0)
        return;
    if (buf[0] >= 20 && buf[0] < 64)
        secure_input(c->secure, buf, len);
    else if (buf[0] >= 128 && buf[0] < 192)
        client_take_media(c, buf, len);
}

static void on_connected(void *arg)
{
    struct client *c = arg;

    if (c->secure != NULL)
        secure_start(c->secure);
}

static bool on_secure_send(const uint8_t *buf, size_t len, void *arg)
{
    struct client *c = arg;

    return !c->is_silent && link_send(c->link, buf, len);
}

/* ---- negotiation ---- */

static void add_section(struct sdp_offer *o, bool is_video, uint32_t ssrc)
{
    o->section[o->section_count++] =
        (struct sdp_offer_section){.is_video = is_video, .sends = ssrc != 0, .ssrc = ssrc};
}

/* The first offer's sections come first; further slots behind, as in a browser. */
static void plan_sections(struct client *c, unsigned slots)
{
    struct sdp_offer *o = &c->offer;
    unsigned have = 0;

    if (o->section_count == 0 && c->config.publishes) {
        add_section(o, false, c->audio.ssrc);
        add_section(o, true, c->video.ssrc);
    }
    for (size_t i = 0; i < o->section_count; i++)
        have += !o->section[i].sends && !o->section[i].is_video;
    for (; have < slots; have++) {
        add_section(o, false, 0);
        add_section(o, true, 0);
    }
}

static int offer(struct client *c)
{
    struct sdp_offer *o = &c->offer;
    char *answer = NULL;

    o->ufrag = c->link->local.ufrag;
    o->pwd = c->link->local.pwd;
    o->version++;
    char *text = sdp_offer_text(o);
    int err = seat_offer(c->seat, text, &answer);
    g_free(text);
    if (err != 0)
        return err;
    if (c->has_answer)
        sdp_answer_fini(&c->answer);
    sdp_answer_read(&c->answer, answer);
    c->has_answer = true;
    g_free(answer);
    return 0;
}

static void apply_answer(struct client *c)
{
    struct ice_credentials remote = c->answer.ice;

    if (c->config.bad_pwd != NULL)
        g_strlcpy(remote.pwd, c->config.bad_pwd, sizeof(remote.pwd));
    link_set_remote(c->link, &remote, c->answer.candidate, c->answer.candidate_count);
}

int client_renegotiate(struct client *c, unsigned slots)
{
    plan_sections(c, slots);
    return offer(c);
}

int client_restart_ice(struct client *c)
{
    link_restart(c->link);
    int err = offer(c);
    if (err == 0)
        apply_answer(c);
    return err;
}

/* ---- life ---- */

static struct client *client_new(struct test_server *server, const struct client_config *config)
{
    static const struct link_handlers handlers = {.on_connected = on_connected,
                                                  .on_datagram = on_datagram};
    struct client *c = g_new0(struct client, 1);

    c->config = *config;
    c->level = 40;
    c->server = server;
    c->audio =
        (struct sender){.ssrc = ++last_ssrc, .seq = 65500, .ts = 4294960000u}; /* both wrap soon */
    c->video = (struct sender){.ssrc = ++last_ssrc, .seq = 65400, .ts = 4294900000u};
    c->offer.fingerprint = config->fingerprint != NULL ? config->fingerprint : secure_fingerprint();
    c->offer.setup = config->setup != NULL ? config->setup : "actpass";
    c->offer.identity = config->identity;
    c->offer.audio_pt = config->audio_pt != 0 ? config->audio_pt : 111;
    c->offer.video_pt = config->video_pt != 0 ? config->video_pt : 96;
    c->offer.session_line = config->session_line;
    c->link = link_new(&config->link, &handlers, c);
    return c;
}

static void open_secure(struct client *c)
{
    static const struct secure_handlers handlers = {.on_send = on_secure_send};
    struct secure_config config = c->config.secure;

    config.is_server = strcmp(c->answer.setup, "active") == 0;
    c->secure = secure_new(&config, &handlers, c);
}

struct client *client_join(struct test_server *server, const struct client_config *config)
{
    struct client *c = client_new(server, config);

    const char *room = config->room != NULL ? config->room : "room";
    c->seat = config->follows ? seat_join_following(server, room, config->identity)
                              : seat_join(server, room, config->identity);
    if (c->seat == NULL || client_renegotiate(c, config->slots) != 0) {
        client_leave(&c);
        return NULL;
    }
    open_secure(c);
    apply_answer(c);
    return c;
}

static void free_client(struct client **c)
{
    client_stop_media(*c);
    secure_free(&(*c)->secure);
    link_free(&(*c)->link);
    if ((*c)->has_answer)
        sdp_answer_fini(&(*c)->answer);
    g_free(*c);
    *c = NULL;
}

void client_leave(struct client **c)
{
    if (*c == NULL)
        return;
    seat_leave(&(*c)->seat);
    free_client(c);
}

void client_fall_silent(struct client *c)
{
    c->is_silent = true;
    client_stop_media(c);
    link_free(&c->link);
}

void client_vanish(struct client **c)
{
    client_fall_silent(*c);
    seat_detach(&(*c)->seat);
    free_client(c);
}

/* ---- asking ---- */

bool client_is_open(const struct client *c)
{
    return c->secure != NULL && secure_stats(c->secure)->is_open && c->link != NULL &&
           c->link->is_connected;
}

static bool is_open(void *arg)
{
    return client_is_open(arg);
}

bool client_wait_open(struct client *c)
{
    return clock_wait(is_open, c, WAIT_MS);
}

const struct client_stats *client_stats(const struct client *c)
{
    return &c->stats;
}

void client_reset_received(struct client *c)
{
    memset(c->stats.audio, 0, sizeof(c->stats.audio));
    memset(c->stats.video, 0, sizeof(c->stats.video));
}

struct seat *client_seat(struct client *c)
{
    return c->seat;
}

struct link *client_link(struct client *c)
{
    return c->link;
}

struct secure *client_secure(struct client *c)
{
    return c->secure;
}

const struct sdp_answer *client_answer(const struct client *c)
{
    return &c->answer;
}

uint32_t client_audio_ssrc(const struct client *c)
{
    return c->audio.ssrc;
}

bool client_has_source(const struct client *c, uint32_t tag)
{
    return c->stats.audio[tag].packets >= 5 && c->stats.video[tag].packets >= 10 &&
           c->stats.video[tag].keyframes >= 1;
}

bool client_everyone_has_everyone(void *group)
{
    const struct client_group *g = group;

    for (size_t i = 0; i < g->count; i++)
        for (size_t k = 0; k < g->count; k++)
            if (i != k && !client_has_source(g->client[i], g->tag[k]))
                return false;
    return true;
}
