/* SPDX-License-Identifier: Apache-2.0 */
/* room.c - see room.h. */
#include "rooms/room.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "rooms/room_mix.h"
#include "rooms/rooms_internal.h"
#include "rooms/last_n.h"
#include "rooms/moving.h"
#include "rooms/slots.h"
#include "rooms/speakers.h"

static const char *const reason_name[] = {
    [LEAVE_LEFT] = "left",
    [LEAVE_REMOVED] = "removed",
    [LEAVE_REPLACED] = "replaced",
    [LEAVE_TIMEOUT] = "timeout",
    [LEAVE_ROOM_DELETED] = "roomDeleted",
    [LEAVE_SHUTDOWN] = "shutdown",
};

const char *leave_reason_name(enum leave_reason r)
{
    return reason_name[r];
}

const char *room_name(const struct room *r)
{
    return r->name;
}

uint64_t room_created_at_ms(const struct room *r)
{
    return r->created_at_ms;
}

const struct room_settings *room_settings(const struct room *r)
{
    return &r->settings;
}

size_t room_participant_count(const struct room *r)
{
    return r->participant_count;
}

size_t room_publication_count(const struct room *r)
{
    return r->publication_count;
}

/* Handlers may make anyone leave: walk a copy. Who left meanwhile is not attached any more, and freed only after this turn. */
static struct participant **snapshot(const struct room *r, size_t *n)
{
    struct participant **all =
        mem_alloc_array(r->participant_count + 1, sizeof(struct participant *));

    *n = 0;
    LIST_EACH(&r->participants, struct participant, node, p) {
        all[(*n)++] = p;
    }
    return all;
}

void room_emit(struct room *r, const struct room_event *event, const struct participant *except)
{
    size_t n;
    struct participant **all = snapshot(r, &n);

    for (size_t i = 0; i < n; i++)
        if (all[i] != except && all[i]->room == r)
            participant_emit(all[i], event);
    mem_free(all);
}

void room_each_participant(const struct room *r, void (*visit)(struct participant *p, void *arg),
                           void *arg)
{
    size_t n;
    struct participant **all = snapshot(r, &n);

    for (size_t i = 0; i < n; i++)
        if (all[i]->room == r)
            visit(all[i], arg);
    mem_free(all);
}

struct participant *room_find_identity(const struct room *r, const char *identity)
{
    return map_get(r->participant_by_identity, identity, strlen(identity));
}

struct participant *room_find_id(const struct room *r, const char *participant_id)
{
    return map_get(r->participant_by_id, participant_id, strlen(participant_id));
}

struct participant *room_find_track_owner(const struct room *r, const char *track_id)
{
    const struct publication *pub = map_get(r->publication_by_id, track_id, strlen(track_id));

    return pub == NULL ? NULL : pub->participant;
}

bool room_is_open(const struct room *r)
{
    return registry_find_room(r->registry, r->name) == r;
}

/* ---- life ---- */

static void on_empty_too_long(struct deadline *d, uint64_t now_us, void *arg)
{
    struct room *r = arg;

    (void)d;
    (void)now_us;
    registry_delete_room(r->registry, r, LEAVE_ROOM_DELETED);
}

static void watch_empty(struct room *r)
{
    struct worker *control = r->registry->control;

    if (r->participant_count == 0 && r->settings.empty_timeout_ms != 0)
        deadline_set(worker_wheel(control), &r->empty,
                     worker_now_us(control) + r->settings.empty_timeout_ms * US_PER_MS);
    else
        deadline_clear(&r->empty);
}

struct room *room_new(struct registry *g, const char *name, const struct room_settings *settings)
{
    struct room *r = MEM_NEW(struct room);

    CHECK(str_copy(r->name, sizeof(r->name), str_of(name)));
    r->registry = g;
    r->host = registry_choose_host(g);
    r->host->room_count++;
    r->settings = *settings;
    r->metadata = settings->metadata == NULL ? NULL : mem_strdup(settings->metadata);
    r->settings.metadata = r->metadata;
    r->created_at_ms = timebase_wall_us() / US_PER_MS;
    r->participant_by_identity = map_new(MAX_PARTICIPANTS_PER_ROOM);
    r->participant_by_id = map_new(MAX_PARTICIPANTS_PER_ROOM);
    r->publication_by_id = map_new((size_t)MAX_PARTICIPANTS_PER_ROOM * MAX_TRACKS_PER_PARTICIPANT);
    list_init(&r->node);
    list_init(&r->participants);
    list_init(&r->publications);
    deadline_init(&r->empty, on_empty_too_long, r);
    speakers_init(r);
    log_ids_set(&r->ids, "room=%s", r->name);
    watch_empty(r);
    return r;
}

static void free_room(void *block)
{
    struct room *r = block;

    map_free(&r->participant_by_identity);
    map_free(&r->participant_by_id);
    map_free(&r->publication_by_id);
    mem_free(r->metadata);
    mem_free(r);
}

void room_close(struct room **rp, enum leave_reason reason)
{
    struct room *r = *rp;

    *rp = NULL;
    room_mix_close(r);
    while (!list_is_empty(&r->participants)) {
        struct participant *p = LIST_FIRST(&r->participants, struct participant, node);
        participant_leave(&p, reason);
    }
    deadline_clear(&r->empty);
    speakers_fini(r);
    r->host->room_count--;
    worker_free_later(r->registry->control, r, free_room);
}

/* ---- members ---- */

static bool is_good(const struct participant_params *params)
{
    size_t identity_len = params->identity == NULL ? 0 : strlen(params->identity);

    return identity_len > 0 && identity_len <= MAX_IDENTITY_LEN &&
           strcmp(params->identity, ROOM_MIX_IDENTITY) != 0 &&
           str_is_clean_utf8(str_of(params->identity)) &&
           participant_check_texts(params->name, params->metadata) == 0;
}

/* Whether one more finds a place. */
static int check_place(const struct room *r, const char *identity)
{
    if (!room_is_open(r) || r->registry->is_draining)
        return E_STATE;
    if (room_find_identity(r, identity) != NULL)
        return 0; /* it takes that place */
    return r->participant_count >= r->settings.max_participants ||
                   r->registry->participant_count >= MAX_PARTICIPANTS
               ? E_LIMIT
               : 0;
}

static void add_participant(struct room *r, struct participant *p)
{
    list_append(&r->participants, &p->node);
    r->participant_count++;
    r->registry->participant_count++;
    r->registry->joins++;
    p->host->participant_count++;
    CHECK(map_put(r->participant_by_identity, p->identity, strlen(p->identity), p) == 0);
    CHECK(map_put(r->participant_by_id, p->id, strlen(p->id), p) == 0);
    watch_empty(r);
}

void room_remove_participant(struct room *r, struct participant *p)
{
    list_remove(&p->node);
    (void)map_remove(r->participant_by_identity, p->identity, strlen(p->identity));
    (void)map_remove(r->participant_by_id, p->id, strlen(p->id));
    r->participant_count--;
    r->registry->participant_count--;
    p->host->participant_count--;
    watch_empty(r);
}

int room_join(struct room *r, const struct participant_params *params, struct participant **out)
{
    struct participant *earlier;
    int err = is_good(params) ? check_place(r, params->identity) : E_INVALID;

    /* Who is told that somebody left may change anything: the same questions again. */
    while (err == 0 && (earlier = room_find_identity(r, params->identity)) != NULL) {
        participant_leave(&earlier, LEAVE_REPLACED);
        err = check_place(r, params->identity);
    }
    if (err != 0)
        return err;
    struct participant *p = participant_new(r, params);
    const struct room_event joined = {.kind = ROOM_PARTICIPANT_JOINED, .participant = p};
    add_participant(r, p);
    last_n_participant_joined(p);
    moving_participant_joined(p, params->has_speaker_audio ? params->speaker_audio : 0);
    slots_participant_joined(p);
    log_info(LOG_ROOM, &p->ids, "\"%s\" joined", p->identity);
    if (!p->permissions.hidden)
        room_emit(r, &joined, p);
    if (p->room == NULL)
        return E_STATE;
    *out = p;
    return 0;
}
