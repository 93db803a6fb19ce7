/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wish.h - WebRTC ingest and playback signalled over HTTP: WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep), as one more
 * front-end of sessions.
 *
 *   POST   /whip/{room}                   publish             201, Location, ETag, Link, answer
 *   POST   /whep/{room}[/{participant}]   play                the same
 *   PATCH  /whip|whep/{room}/{id}         trickle, ICE restart    204; 200, ETag, fragment
 *   DELETE /whip|whep/{room}/{id}         end                 200
 *
 * What both share is here; what tells them apart is in whip.c and whep.c.
 */
#pragma once

#include <stdbool.h>

#include "api/http.h"
#include "api/session.h"
#include "core/attr.h"
#include "core/config.h"

struct registry;
struct wish;
struct worker;

/** Everything is borrowed and outlives it. */
MUST_CHECK struct wish *wish_new(const struct config *config, struct registry *registry,
                                 struct sessions *sessions, struct worker *control);
/** Before the sessions. */
void wish_free(struct wish **w);
/** Whether the path is one of ours; then wish_serve() it. */
bool wish_owns(const char *path);
void wish_serve(struct wish *w, struct http_exchange *x, const struct http_request *request);
