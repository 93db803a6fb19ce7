/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the server below its API, in the test's process: control reactor on a thread of its own, registry, media workers on
 * 127.0.0.1 and [::1] with any port.
 *
 *   test thread ──test_server_call()──▶ control thread ──▶ registry, rooms, sfu_host
 *
 * The test's thread touches nothing of the server but through calls that run on the control thread while it waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "rooms/participant.h"
#include "rooms/room_event.h"
#include "rooms/sfu/sfu_host.h"

struct test_server;
struct seat; /* a participant, as its signalling would hold it */

#define SERVER_MAX_WORKERS 4

struct test_server_config {
    unsigned workers;            /* 0: one */
    unsigned mixers;             /* threads that mix; 0: none */
    unsigned consent_timeout_ms; /* 0: the default */
    unsigned grace_ms;           /* 0: the default */
};

/** Start. Fails the test when it cannot. */
struct test_server *test_server_open(const struct test_server_config *config);
/** Stop and free everything; whoever is still in a room is shut out. */
void test_server_close(struct test_server **s);
/** Run @work on the control thread and wait for it. */
void test_server_call(struct test_server *s, void (*work)(struct test_server *s, void *arg),
                      void *arg);
/** The address that worker @index listens on. Family 4 or 6. */
struct addr test_server_addr(const struct test_server *s, unsigned index, uint8_t family);
size_t test_server_participants(struct test_server *s);
size_t test_server_rooms(struct test_server *s);
void test_server_delete_room(struct test_server *s, const char *name);
/** Figures of a worker, asked for and waited for. */
struct sfu_host_stats test_server_stats(struct test_server *s, unsigned index);
/** Iterate the clients until nothing of media is left on any worker; false when it takes too long. */
bool test_server_is_idle_soon(struct test_server *s);

/** Join; the room is made when there is none. NULL when it is refused. */
struct seat *seat_join(struct test_server *s, const char *room, const char *identity);
/** Automatic subscription for nothing, and "speaker:1" of both kinds instead. */
struct seat *seat_join_following(struct test_server *s, const char *room, const char *identity);
/** Offer; returns the error and the answer's text (to g_free()), NULL with an error. */
MUST_CHECK int seat_offer(struct seat *seat, const char *sdp, char **answer);
/** Leave, when it is still in, and free the seat. */
void seat_leave(struct seat **seat);
/** The signalling connection breaks: the participant goes on without a seat; frees the seat. */
void seat_detach(struct seat **seat);
/** What its transport counted; state "closed" when there is none. */
struct transport_stats seat_transport(struct seat *seat);
/** The index of the worker that serves it. */
unsigned seat_worker(struct seat *seat);

/* What was told to a seat so far. */
struct seat_events {
    unsigned joined, left, published, unpublished, slots;
    unsigned wanted_audio, wanted_video; /* of the last ROOM_SLOTS_WANTED */
    enum leave_reason last_left;
    char transport_state[16];
    bool is_closed; /* shut out */
    enum leave_reason close_reason;
};
struct seat_events seat_events(struct seat *seat);
