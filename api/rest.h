/* SPDX-License-Identifier: Apache-2.0 */
/* rest.h - rooms, participants and statistics for operators: /v1/… and /healthz, as docs/openapi.yaml describes them. */
#pragma once

#include <stdbool.h>

#include "api/http.h"
#include "api/session.h"
#include "core/attr.h"
#include "core/config.h"

struct registry;
struct rest;

MUST_CHECK struct rest *rest_new(const struct config *config, struct registry *registry,
                                 struct sessions *sessions);
void rest_free(struct rest **r);
/** Whether the path is one of ours; then rest_serve() it. */
bool rest_owns(const char *path);
void rest_serve(struct rest *r, struct http_exchange *x, const struct http_request *request);
