/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - asks a participant's media worker for statistics; the answer comes later, when the asker may be gone. */
#pragma once

#include <jansson.h>

#include "core/attr.h"
#include "rooms/participant.h"

struct report_question;

/**
 * Ask. @on_answer runs once, unless report_forget() comes first: err 0 and {"stats": […]}, the handler's; or E_NOT_FOUND, E_STATE
 * (no transport yet) and NULL. It may run within the call: then *out stays NULL.
 */
void report_ask(struct report_question **out, struct participant *p,
                void (*on_answer)(int err, json_t *stats, void *arg), void *arg);
/** The asker goes. NULL is fine. */
void report_forget(struct report_question **q);
