/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c - see registry.h. Also where events of media workers find their objects. */
#include "rooms/registry.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/worker.h"
#include "rooms/layers.h"
#include "rooms/rooms_internal.h"
#include "rooms/slots.h"
#include "rooms/speakers.h"

/* By how many participants a room's own worker may be ahead of another before the next one goes there: what crosses workers
 * costs a little more, and small rooms need no second one. */
#define ROOM_STICKINESS 8

uint64_t registry_new_handle(struct registry *g)
{
    return ++g->last_handle;
}

void registry_new_id(char out[ID_LEN], const char *prefix)
{
    size_t n = strlen(prefix);

    memcpy(out, prefix, n);
    rng_secret_alnum(out + n, ID_LEN - 1 - n);
}

void rooms_free_later(struct registry *g, void *block)
{
    worker_free_later(g->control, block, mem_free);
}

/* Rooms count among equals: those that were just created have nobody yet. */
static bool has_less_to_do(const struct registry_host *a, const struct registry_host *b)
{
    if (a->participant_count != b->participant_count)
        return a->participant_count < b->participant_count;
    return a->room_count < b->room_count;
}

struct registry_host *registry_choose_host(struct registry *g)
{
    struct registry_host *best = &g->host[0];

    CHECK(g->host_count > 0);
    for (size_t i = 1; i < g->host_count; i++)
        if (has_less_to_do(&g->host[i], best))
            best = &g->host[i];
    return best;
}

struct registry_host *registry_choose_host_in(const struct room *r)
{
    struct registry_host *best = registry_choose_host(r->registry);

    return r->host->participant_count <= best->participant_count + ROOM_STICKINESS ? r->host : best;
}

/* ---- events of media workers ---- */

static void on_transport_state(struct sfu_host *h, uint64_t id, enum transport_state state,
                               const char *reason, void *arg)
{
    struct registry *g = arg;
    struct participant *p = map_get_u64(g->participant_by_transport, id);

    (void)h;
    if (p != NULL) /* else: closed meanwhile */
        participant_on_transport_state(p, state, reason);
}

/* To those who have joined before its media arrived. */
static void tell_codec(struct publication *pub)
{
    struct participant *p = pub->participant;
    const struct room_event event = {
        .kind = ROOM_TRACK_UPDATED, .participant = p, .publication = pub};

    if (!p->permissions.hidden)
        room_emit(p->room, &event, p);
}

static void on_track_live(struct sfu_host *h, uint64_t id, enum codec_id codec, void *arg)
{
    struct registry *g = arg;
    struct publication *pub = map_get_u64(g->publication_by_handle, id);

    (void)h;
    if (pub == NULL || pub->codec == codec)
        return;
    pub->codec = codec;
    tell_codec(pub);
    pub = map_get_u64(g->publication_by_handle, id); /* who was told may have ended it */
    if (pub != NULL)
        slots_publication_codec(pub);
}

static void on_subscription_blocked(struct sfu_host *h, uint64_t id, enum codec_id codec, void *arg)
{
    struct registry *g = arg;
    struct slot *s = map_get_u64(g->slot_by_handle, id);

    (void)h;
    if (s != NULL)
        slots_blocked(s, codec);
}

static void on_levels(struct sfu_host *h, const struct track_levels *levels, size_t n, void *arg)
{
    (void)h;
    speakers_levels(arg, levels, n);
}

static void on_subscription_state(struct sfu_host *h, uint64_t id,
                                  const struct sfu_slot_state *state, void *arg)
{
    struct registry *g = arg;
    struct slot *s = map_get_u64(g->slot_by_handle, id);

    (void)h;
    if (s != NULL)
        layers_note_state(s, state);
}

static void on_track_demand(struct sfu_host *h, uint64_t id, unsigned wanted, void *arg)
{
    struct registry *g = arg;
    struct publication *pub = map_get_u64(g->publication_by_handle, id);

    (void)h;
    if (pub != NULL)
        layers_note_demand(pub, wanted);
}

const struct sfu_host_handlers *registry_host_handlers(void)
{
    static const struct sfu_host_handlers handlers = {
        .on_transport_state = on_transport_state,
        .on_track_live = on_track_live,
        .on_subscription_blocked = on_subscription_blocked,
        .on_levels = on_levels,
        .on_subscription_state = on_subscription_state,
        .on_track_demand = on_track_demand,
    };

    return &handlers;
}

/* ---- life ---- */

int registry_open(struct registry **out, const struct registry_config *config)
{
    struct registry *g = MEM_NEW(struct registry);

    g->config = config->config;
    g->control = config->control;
    g->fingerprint = config->fingerprint;
    rng_seed_system(&g->rng);
    g->room_by_name = map_new(MAX_ROOMS);
    g->participant_by_transport = map_new(MAX_PARTICIPANTS);
    g->publication_by_handle = map_new((size_t)MAX_PARTICIPANTS * MAX_TRACKS_PER_PARTICIPANT);
    g->room_by_mix = map_new(MAX_ROOMS);
    g->slot_by_handle = map_new((size_t)MAX_PARTICIPANTS * MAX_SLOTS_PER_PARTICIPANT);
    list_init(&g->rooms);
    *out = g;
    return 0;
}

static void free_registry(void *block)
{
    struct registry *g = block;

    for (size_t i = 0; i < g->host_count; i++)
        mem_free(g->host[i].candidate);
    map_free(&g->room_by_name);
    map_free(&g->participant_by_transport);
    map_free(&g->publication_by_handle);
    map_free(&g->slot_by_handle);
    map_free(&g->room_by_mix);
    mem_free(g);
}

void registry_set_mixers(struct registry *g, struct mixers *mixers)
{
    g->mixers = mixers;
}

void registry_drain(struct registry *g)
{
    g->is_draining = true; /* first: handlers may want new rooms */
    while (!list_is_empty(&g->rooms))
        registry_delete_room(g, LIST_FIRST(&g->rooms, struct room, node), LEAVE_SHUTDOWN);
}

bool registry_is_draining(const struct registry *g)
{
    return g->is_draining;
}

void registry_close(struct registry **gp)
{
    struct registry *g = *gp;

    if (g == NULL)
        return;
    *gp = NULL;
    registry_drain(g);
    worker_free_later(g->control, g, free_registry);
}

int registry_add_host(struct registry *g, struct sfu_host *host, const struct candidate *candidate,
                      size_t n)
{
    if (g->host_count == MAX_HOSTS)
        return E_LIMIT;
    struct registry_host *h = &g->host[g->host_count++];
    h->host = host;
    h->candidate = mem_alloc_array(n + 1, sizeof(*candidate));
    h->candidate_count = n;
    memcpy(h->candidate, candidate, n * sizeof(*candidate));
    return 0;
}

/* ---- rooms ---- */

static bool is_good_name(const char *name)
{
    size_t len = name == NULL ? 0 : strlen(name);

    return len > 0 && len <= MAX_ROOM_NAME_LEN && str_is_clean_utf8(str_of(name)) &&
           strchr(name, '/') == NULL;
}

static bool has_settings(const struct room *r, const struct room_settings *s)
{
    const char *a = r->settings.metadata == NULL ? "" : r->settings.metadata;
    const char *b = s->metadata == NULL ? "" : s->metadata;

    return r->settings.max_participants == s->max_participants &&
           r->settings.empty_timeout_ms == s->empty_timeout_ms && strcmp(a, b) == 0;
}

static int check_settings(const struct room_settings *s)
{
    if (s->max_participants == 0 || s->max_participants > MAX_PARTICIPANTS_PER_ROOM)
        return E_INVALID;
    return s->metadata != NULL && strlen(s->metadata) > MAX_METADATA_BYTES ? E_INVALID : 0;
}

int registry_create_room(struct registry *g, const char *name, const struct room_settings *settings,
                         struct room **out, bool *existed)
{
    int err = is_good_name(name) ? check_settings(settings) : E_INVALID;

    if (err != 0)
        return err;
    if (g->is_draining)
        return E_STATE;
    struct room *r = registry_find_room(g, name);
    *existed = r != NULL;
    if (r != NULL) {
        *out = r;
        return has_settings(r, settings) ? 0 : E_CONFLICT;
    }
    r = room_new(g, name, settings);
    err = map_put(g->room_by_name, r->name, strlen(r->name), r);
    if (err != 0) {
        room_close(&r, LEAVE_ROOM_DELETED);
        return err;
    }
    list_append(&g->rooms, &r->node);
    g->rooms_created++;
    log_info(LOG_ROOM, &r->ids, "created on worker %u", sfu_host_index(r->host->host));
    *out = r;
    return 0;
}

struct room *registry_find_room(const struct registry *g, const char *name)
{
    return map_get(g->room_by_name, name, strlen(name));
}

void registry_each_room(const struct registry *g, void (*visit)(struct room *r, void *arg),
                        void *arg)
{
    LIST_EACH(&g->rooms, struct room, node, r) {
        visit(r, arg);
    }
}

void registry_delete_room(struct registry *g, struct room *r, enum leave_reason reason)
{
    if (!room_is_open(r))
        return; /* on its way out already: a handler of a leaving participant asked again */
    (void)map_remove(g->room_by_name, r->name, strlen(r->name));
    list_remove(&r->node);
    log_info(LOG_ROOM, &r->ids, "ends: %s", leave_reason_name(reason));
    room_close(&r, reason);
}

size_t registry_room_count(const struct registry *g)
{
    return map_count(g->room_by_name);
}

size_t registry_participant_count(const struct registry *g)
{
    return g->participant_count;
}

struct room_settings registry_default_settings(const struct registry *g)
{
    return (struct room_settings){
        .max_participants = g->config->room_max_participants,
        .empty_timeout_ms = g->config->room_empty_timeout_ms,
    };
}
