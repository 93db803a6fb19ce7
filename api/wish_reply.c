/* SPDX-License-Identifier: Apache-2.0 */
/* wish_reply.c - how WHIP and WHEP answer: headers, refusals, and the STUN and TURN servers. */
#include <stdio.h>
#include <string.h>

#include "api/origin.h"
#include "api/problem.h"
#include "api/turn_credentials.h"
#include "api/wish_internal.h"
#include "core/timebase.h"

#define RETRY_AFTER_S "3"

void wish_add_header(struct http_response *response, const char *name, const char *value)
{
    for (size_t i = 0; i < HTTP_MAX_HEADERS; i++)
        if (response->header[i].name == NULL) {
            response->header[i] = (struct http_header){name, value};
            return;
        }
}

/* What a browser needs to show the answer to a page of another origin. */
static void add_cors(const struct wish_call *call, struct http_response *response)
{
    const struct http_request *request = call->request;

    if (request->origin[0] == 0 ||
        !origin_is_friend(call->wish->config, request->origin, request->host))
        return;
    wish_add_header(response, "access-control-allow-origin", request->origin);
    wish_add_header(
        response, "access-control-expose-headers",
        "Location, ETag, Link, Accept-Patch, Accept-Post, Allow, Retry-After, WWW-Authenticate");
    wish_add_header(response, "vary", "origin");
}

void wish_reply(const struct wish_call *call, struct http_response *response)
{
    wish_add_header(response, "cache-control", "no-store");
    add_cors(call, response);
    http_reply(call->x, response);
}

/* RFC 6750 s3: what is wrong with the token, in a word. */
static const char *challenge(const struct wish_call *call, unsigned status)
{
    if (status == 403)
        return "Bearer error=\"insufficient_scope\"";
    return call->request->authorization[0] ? "Bearer error=\"invalid_token\"" : "Bearer";
}

const char *wish_allowed(const struct wish_call *call)
{
    return call->resource != NULL ? "PATCH, DELETE, GET, HEAD, OPTIONS"
                                  : "POST, GET, HEAD, OPTIONS";
}

void wish_reply_refusal(const struct wish_call *call, const struct refusal *why)
{
    struct http_response response = {.header = {{"cache-control", "no-store"}}};
    unsigned status = problem_status(why);

    if (status == 401 || status == 403)
        wish_add_header(&response, "www-authenticate", challenge(call, status));
    if (status == 405)
        wish_add_header(&response, "allow", wish_allowed(call));
    if (status == 503 || status == 429)
        wish_add_header(&response, "retry-after", RETRY_AFTER_S);
    if (status == 415)
        wish_add_header(&response, call->resource != NULL ? "accept-patch" : "accept-post",
                        call->resource != NULL ? WISH_SDPFRAG_TYPE : WISH_SDP_TYPE);
    add_cors(call, &response);
    problem_reply(call->x, why, &response);
}

/* ---- STUN and TURN servers, RFC 9725 s4.6 ---- */

/* `<turn:…>; rel="ice-server"; username="…"; …`, comma-separated. What does not fit is left out. */
void wish_write_links(const struct config *config, const char *user, struct strbuf *out)
{
    struct turn_credentials credentials = {0};
    bool has_secret = config->ice_turn_secret[0] != 0;

    if (has_secret)
        turn_credentials_make(&credentials, config->ice_turn_secret, user,
                              timebase_wall_us() / US_PER_S, config->ice_turn_ttl_s);
    for (size_t i = 0; i < config->ice_servers.count; i++) {
        const char *url = config->ice_servers.item[i];
        bool is_turn = strncmp(url, "turn", 4) == 0;
        char link[MAX_LINK_HEADER_BYTES / 4];
        int len;

        if (is_turn && !has_secret)
            continue; /* a browser takes none without credentials */
        if (is_turn)
            len = snprintf(link, sizeof(link),
                           "<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
                           "credential-type=\"password\"",
                           url, credentials.username, credentials.password);
        else
            len = snprintf(link, sizeof(link), "<%s>; rel=\"ice-server\"", url);
        if (len > 0 && (size_t)len < sizeof(link) &&
            out->len + (size_t)len + 2 <= MAX_LINK_HEADER_BYTES)
            strbuf_addf(out, "%s%s", out->len > 0 ? ", " : "", link);
    }
}
