/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - creates, finds and ends rooms; chooses the media worker of a transport; the root object of rooms/.
 *
 * Thread: control reactor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/config.h"
#include "mixer/mixer.h"
#include "rooms/room.h"
#include "rooms/sfu/sfu_host.h"
#include "transport/candidate.h"
#include "transport/jsep.h"

struct mixers;
struct registry;
struct sfu_host;
struct worker;

/* One media worker of registry_stats. */
struct registry_host_stats {
    unsigned index;
    int err; /* not 0: it did not answer, @host says nothing */
    uint64_t rooms, participants;
    struct sfu_host_stats host;
};

struct registry_mixer_stats {
    unsigned index;
    int err; /* not 0: it did not answer */
    struct mixer_stats mixer;
};

struct registry_stats {
    bool is_draining;
    uint64_t rooms, participants;  /* now */
    uint64_t rooms_created, joins; /* ever */
    const struct registry_host_stats *host;
    size_t host_count;
    const struct registry_mixer_stats *mixer;
    size_t mixer_count;
};

struct registry_config {
    const struct config *config;
    struct worker *control;
    struct fingerprint fingerprint; /* of the DTLS certificate */
};

/** Make an empty registry. @config's settings and worker are borrowed and outlive it. */
MUST_CHECK int registry_open(struct registry **out, const struct registry_config *config);
/** End all rooms as registry_drain() does, and free at the end of the turn. The hosts are the caller's, who closes them after this call and
 * before the control loop runs again, because their events look for the registry. */
void registry_close(struct registry **g);
/** Add a started media worker with the candidates that its endpoints are given (copied). Before the first room. */
MUST_CHECK int registry_add_host(struct registry *g, struct sfu_host *host,
                                 const struct candidate *candidate, size_t n);
/** Give it mixers, which outlive its rooms; without any nothing is mixed. Before the first room. */
void registry_set_mixers(struct registry *g, struct mixers *mixers);
/** The handlers to open each sfu_host with (arg = registry). */
const struct sfu_host_handlers *registry_host_handlers(void);

/** Create. Errors: E_CONFLICT when it exists with other settings (*out is it), E_LIMIT, E_INVALID (name), E_STATE (draining). When it exists
 * with the same settings: 0 and *existed true. */
MUST_CHECK int registry_create_room(struct registry *g, const char *name,
                                    const struct room_settings *settings, struct room **out,
                                    bool *existed);
/** Find; NULL when there is none. */
struct room *registry_find_room(const struct registry *g, const char *name);
/** Visit all; @visit may end the room it is shown, and no other. */
void registry_each_room(const struct registry *g, void (*visit)(struct room *r, void *arg),
                        void *arg);
/** End a room: everyone leaves with @reason. Its name is free at once. Nothing when it ends already. Calls: on_event of its participants. */
void registry_delete_room(struct registry *g, struct room *r, enum leave_reason reason);
/** Admit nobody any more, end all rooms (LEAVE_SHUTDOWN). Calls: on_event of everyone. */
void registry_drain(struct registry *g);
/** Whether registry_drain() was called. */
bool registry_is_draining(const struct registry *g);
/** How many there are now, hidden participants included. */
size_t registry_room_count(const struct registry *g);
size_t registry_participant_count(const struct registry *g);
/**
 * Ask every media worker for its statistics.
 *
 * Calls: @on_stats, once, when the last of them has answered, which may be within the call; also after registry_close(), at the
 *        latest while the hosts are closed. What it is shown is lent for the call.
 */
void registry_read_stats(struct registry *g,
                         void (*on_stats)(const struct registry_stats *stats, void *arg),
                         void *arg);
/** Default settings for a room that a join creates. */
struct room_settings registry_default_settings(const struct registry *g);
