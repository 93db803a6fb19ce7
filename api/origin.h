/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin.h - which web pages may use the API.
 *
 * A browser sends the page's origin along. With tokens a foreign page can do no harm, because it has none; in development mode
 * everybody is let in, and so every page that somebody on this machine looks at would be: there only our own pages, those of
 * http.allow_origins and those served by this machine may.
 */
#pragma once

#include <stdbool.h>

#include "core/config.h"

/** Whether the browser may show our answers to the page: it is our own, or in http.allow_origins. @origin "" (no browser): yes. */
bool origin_is_friend(const struct config *config, const char *origin, const char *host);
/** Whether a request of this page, sent to this Host, is served at all. */
bool origin_is_served(const struct config *config, const char *origin, const char *host);
