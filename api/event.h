/* SPDX-License-Identifier: Apache-2.0 */
/* event.h - what happens in a room as a JSON-RPC notification. */
#pragma once

#include <jansson.h>

#include "core/attr.h"
#include "rooms/participant.h"
#include "rooms/room_event.h"

/** The parameters (the caller's) and the *method of an event for @self; NULL for what clients are not told. */
MUST_CHECK json_t *event_json(const struct participant *self, const struct room_event *event,
                              const char **method);
