/* SPDX-License-Identifier: Apache-2.0 */
/* seat.c - participants as their signalling would hold them; see server.h. */
#include <pthread.h>
#include <sys/eventfd.h>

#include <glib.h>

#include "core/mem.h"
#include "core/worker.h"
#include "rooms/registry.h"
#include "rooms/rooms_internal.h"
#include "tests/integration/server_internal.h"

struct seat {
    struct test_server *server;
    struct participant *participant; /* the control thread's */
    pthread_mutex_t lock;
    struct seat_events events; /* under the lock */
};

/* ---- seats ---- */

static void on_event(struct participant *p, const struct room_event *event, void *arg)
{
    struct seat *seat = arg;
    struct seat_events *e = &seat->events;

    (void)p;
    pthread_mutex_lock(&seat->lock);
    e->joined += event->kind == ROOM_PARTICIPANT_JOINED;
    e->published += event->kind == ROOM_TRACK_PUBLISHED;
    e->unpublished += event->kind == ROOM_TRACK_UNPUBLISHED;
    e->slots += event->kind == ROOM_SLOTS;
    if (event->kind == ROOM_PARTICIPANT_LEFT) {
        e->left++;
        e->last_left = event->leave_reason;
    } else if (event->kind == ROOM_SLOTS_WANTED) {
        e->wanted_audio = event->audio;
        e->wanted_video = event->video;
    } else if (event->kind == ROOM_TRANSPORT_STATE) {
        g_strlcpy(e->transport_state, event->detail, sizeof(e->transport_state));
    } else if (event->kind == ROOM_CLOSED) {
        e->is_closed = true;
        e->close_reason = event->leave_reason;
        seat->participant = NULL;
    }
    pthread_mutex_unlock(&seat->lock);
}

struct join {
    const char *room, *identity;
    struct seat *seat;
    bool follows;
    int err;
};

static void follow(struct join *j)
{
    struct participant *p = j->seat->participant;
    const char *mid;

    j->err = participant_subscribe_moving(p, MEDIA_AUDIO, 1, &mid);
    if (j->err == 0)
        j->err = participant_subscribe_moving(p, MEDIA_VIDEO, 1, &mid);
}

static void join(struct test_server *s, void *arg)
{
    static const struct participant_handlers handlers = {.on_event = on_event};
    struct join *j = arg;
    struct room_settings settings = registry_default_settings(s->registry);
    const struct participant_params params = {
        .identity = j->identity,
        .permissions = {.publish = true,
                        .subscribe = true,
                        .update_metadata = true,
                        .publish_sources = UINT32_MAX},
        .auto_subscribe = !j->follows,
    };
    struct room *r = registry_find_room(s->registry, j->room);
    bool existed;

    if (r == NULL)
        j->err = registry_create_room(s->registry, j->room, &settings, &r, &existed);
    if (j->err == 0)
        j->err = room_join(r, &params, &j->seat->participant);
    if (j->err == 0)
        participant_attach(j->seat->participant, &handlers, j->seat);
    if (j->err == 0 && j->follows)
        follow(j);
}

static struct seat *join_as(struct test_server *s, const char *room, const char *identity,
                            bool follows)
{
    struct seat *seat = g_new0(struct seat, 1);
    struct join j = {.room = room, .identity = identity, .seat = seat, .follows = follows};

    seat->server = s;
    pthread_mutex_init(&seat->lock, NULL);
    test_server_call(s, join, &j);
    if (j.err == 0)
        return seat;
    pthread_mutex_destroy(&seat->lock);
    g_free(seat);
    return NULL;
}

struct seat *seat_join(struct test_server *s, const char *room, const char *identity)
{
    return join_as(s, room, identity, false);
}

struct seat *seat_join_following(struct test_server *s, const char *room, const char *identity)
{
    return join_as(s, room, identity, true);
}

struct offer {
    struct seat *seat;
    const char *sdp;
    char *answer;
    int err;
};

static void offer(struct test_server *s, void *arg)
{
    struct offer *o = arg;
    struct offer_result result;
    struct sdp_error why = {0};

    (void)s;
    o->err = o->seat->participant == NULL
                 ? -1
                 : participant_offer(o->seat->participant, str_of(o->sdp), NULL, 0, &result, &why);
    if (o->err == 0)
        o->answer = g_strdup(result.answer);
}

int seat_offer(struct seat *seat, const char *sdp, char **answer)
{
    struct offer o = {.seat = seat, .sdp = sdp};

    test_server_call(seat->server, offer, &o);
    *answer = o.answer;
    return o.err;
}

static void leave(struct test_server *s, void *arg)
{
    struct seat *seat = arg;

    (void)s;
    participant_leave(&seat->participant, LEAVE_LEFT);
}

static void free_seat(struct seat **seat)
{
    pthread_mutex_destroy(&(*seat)->lock);
    g_free(*seat);
    *seat = NULL;
}

void seat_leave(struct seat **seat)
{
    if (*seat == NULL)
        return;
    test_server_call((*seat)->server, leave, *seat);
    free_seat(seat);
}

static void detach(struct test_server *s, void *arg)
{
    struct seat *seat = arg;

    if (seat->participant != NULL)
        participant_detach(seat->participant, worker_now_us(s->control));
}

void seat_detach(struct seat **seat)
{
    test_server_call((*seat)->server, detach, *seat);
    free_seat(seat);
}

struct report_question {
    struct seat *seat;
    int done;
    struct transport_stats stats;
};

static void on_report(int err, struct sfu_transport_report *report, void *arg)
{
    struct report_question *q = arg;

    q->stats.state = TRANSPORT_CLOSED;
    if (err == 0) {
        q->stats = report->transport;
        mem_free(report->rtp);
    }
    test_server_finish(q->done);
}

static void ask_report(struct test_server *s, void *arg)
{
    struct report_question *q = arg;

    (void)s;
    if (q->seat->participant != NULL)
        participant_read_report(q->seat->participant, on_report, q);
    else
        on_report(-1, NULL, q);
}

struct transport_stats seat_transport(struct seat *seat)
{
    struct report_question q = {.seat = seat, .done = eventfd(0, EFD_CLOEXEC)};

    test_server_call(seat->server, ask_report, &q);
    test_server_await(q.done);
    return q.stats;
}

struct worker_question {
    struct seat *seat;
    unsigned index;
};

static void ask_worker(struct test_server *s, void *arg)
{
    struct worker_question *q = arg;
    const struct sfu_host *host = q->seat->participant->host->host;

    while (s->host[q->index] != host)
        q->index++;
}

unsigned seat_worker(struct seat *seat)
{
    struct worker_question q = {.seat = seat};

    test_server_call(seat->server, ask_worker, &q);
    return q.index;
}

struct seat_events seat_events(struct seat *seat)
{
    struct seat_events copy;

    pthread_mutex_lock(&seat->lock);
    copy = seat->events;
    pthread_mutex_unlock(&seat->lock);
    return copy;
}
