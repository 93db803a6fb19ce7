/* SPDX-License-Identifier: Apache-2.0 */
/* http_path.h - what a request's path means: a file below the web root, its media type, the segments of a REST route. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/attr.h"
#include "core/str.h"

#define HTTP_FILE_PATH_SIZE 256 /* longer paths name no file of ours */

/**
 * Write the file that @path (percent-decoded, beginning with "/") names, relative to the web root: "/" is the conference
 * page, a path that ends in "/" its index.html.
 *
 * Errors: E_NOT_FOUND for everything that is not a plain path: segments that are empty or begin with a dot, backslashes,
 *         control characters, NUL, too long.
 */
MUST_CHECK int http_path_to_file(struct str path, char out[HTTP_FILE_PATH_SIZE]);
/** The media type by the ending; "application/octet-stream" when we do not know it. */
const char *http_path_media_type(const char *file);

/**
 * Take the next segment of *rest ("/a/b": "a", then "/b" is left).
 *
 * The HTTP library decodes percent signs before it looks at slashes, so a slash that belongs to a name is written %252F and
 * arrives as %2F: that is decoded here.
 *
 * Errors: false when there is none, or when it is longer than @size - 1; *rest is undefined then.
 */
MUST_CHECK bool http_path_next_segment(struct str *rest, char *out, size_t size);
