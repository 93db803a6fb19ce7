/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wish_resource.h - a WHIP or WHEP session as an HTTP resource: an id that cannot be guessed, an entity tag that names the ICE
 * session, and an end.
 *
 *   CONNECTING ──open──▶ CONNECTED ──consent runs out──▶ LOST ──ICE restart, open──▶ CONNECTED
 *       │ 30 s                                            │ session.grace_ms, or closed for good
 *       └──────────────────────────▶ gone ◀───────────────┘          (and from anywhere: DELETE, the participant is out)
 *
 * There is no WebSocket behind such a session: nobody waits for events, and only media tells whether somebody is there.
 *
 * Owner: the collection. Thread: control reactor.
 */
#pragma once

#include <stdbool.h>

#include "api/refusal.h"
#include "api/session.h"
#include "core/attr.h"
#include "core/config.h"

struct wish_kind;
struct wish_resource;
struct wish_resources;
struct worker;

#define WISH_ETAG_LEN 14 /* twelve characters in quotes */

/** An empty collection. */
MUST_CHECK struct wish_resources *wish_resources_new(const struct config *config,
                                                     struct worker *control);
/** Forget all; their sessions are lost as when a connection breaks. Before the sessions. NULL is fine. */
void wish_resources_free(struct wish_resources **rs);

/**
 * Join and make the resource. It is not found before wish_resource_publish().
 *
 * Errors: as sessions_join(); E_LIMIT: too many sessions wait to be connected.
 */
MUST_CHECK int wish_resource_join(struct wish_resources *rs, const struct wish_kind *kind,
                                  struct sessions *sessions, const struct join_request *request,
                                  struct wish_resource **out, struct refusal *why);
/** Its offer was answered: from now on it is found, and has to connect. */
void wish_resource_publish(struct wish_resource *r);
/** End it: leave the room. NULL is fine. */
void wish_resource_end(struct wish_resource **r);

/** Find by kind, room and id; NULL when there is none. */
struct wish_resource *wish_resource_find(const struct wish_resources *rs,
                                         const struct wish_kind *kind, const char *room,
                                         const char *id);
const char *wish_resource_id(const struct wish_resource *r);
/** The entity tag of the ICE session of now, with its quotes. */
const char *wish_resource_etag(const struct wish_resource *r);
/** NULL when it ended while its offer was answered. */
struct session *wish_resource_session(const struct wish_resource *r);
/** Count a PATCH. False: too many. */
MUST_CHECK bool wish_resource_count_patch(struct wish_resource *r);
/** ICE was restarted: another entity tag, and time to connect again. */
void wish_resource_restarted(struct wish_resource *r);
