/* SPDX-License-Identifier: Apache-2.0 */
/* static_files.h - the pages: files below the web root, read anew for each request, checked by ETag. */
#pragma once

#include "api/http.h"
#include "core/attr.h"

struct static_files;

/** Serve what is below @root. Errors: UV_E* (no such folder). */
MUST_CHECK int static_files_open(struct static_files **out, const char *root);
void static_files_close(struct static_files **f);
/** Answer a GET or HEAD that no route took; all else, and what is not there, with a problem. @f NULL: there are no pages. */
void static_files_serve(const struct static_files *f, struct http_exchange *x,
                        const struct http_request *request);
