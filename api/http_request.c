/* SPDX-License-Identifier: Apache-2.0 */
/* http_request.c - copies what we need of a request's headers out of the library, once, into one block. */
#include <string.h>

#include "api/http_internal.h"
#include "core/limits.h"
#include "core/mem.h"

#define TOKEN_ARGUMENT "access_token="
#define IDENTITY_ARGUMENT "identity="

/* Which headers go where. */
static const struct {
    enum lws_token_indexes token;
    size_t offset; /* of a const char * in struct http_request */
} wanted[] = {
    {WSI_TOKEN_HOST, offsetof(struct http_request, host)},
    {WSI_TOKEN_ORIGIN, offsetof(struct http_request, origin)},
    {WSI_TOKEN_HTTP_AUTHORIZATION, offsetof(struct http_request, authorization)},
    {WSI_TOKEN_HTTP_CONTENT_TYPE, offsetof(struct http_request, content_type)},
    {WSI_TOKEN_HTTP_IF_NONE_MATCH, offsetof(struct http_request, if_none_match)},
    {WSI_TOKEN_HTTP_IF_MATCH, offsetof(struct http_request, if_match)},
    {WSI_TOKEN_HTTP_ACCEPT, offsetof(struct http_request, accept)},
    {WSI_TOKEN_X_FORWARDED_FOR, offsetof(struct http_request, forwarded_for)},
    {WSI_TOKEN_HTTP_VIA, offsetof(struct http_request, via)},
};

const char *http_method_name(enum http_method m)
{
    static const char *const names[] = {"GET",   "HEAD",   "POST",    "PUT",
                                        "PATCH", "DELETE", "OPTIONS", "other"};

    return names[m];
}

static enum http_method method_of(int library_method)
{
    switch (library_method) {
    case LWSHUMETH_GET:
        return HTTP_GET;
    case LWSHUMETH_HEAD:
        return HTTP_HEAD;
    case LWSHUMETH_POST:
        return HTTP_POST;
    case LWSHUMETH_PUT:
        return HTTP_PUT;
    case LWSHUMETH_PATCH:
        return HTTP_PATCH;
    case LWSHUMETH_DELETE:
        return HTTP_DELETE;
    case LWSHUMETH_OPTIONS:
        return HTTP_OPTIONS;
    default:
        return HTTP_OTHER;
    }
}

/* Add a string to the block; returns where it stands. */
static const char *keep(char **end, const char *text, size_t len)
{
    char *at = *end;

    memcpy(at, text, len);
    at[len] = 0;
    *end += len + 1;
    return at;
}

struct http_request_copy *http_request_read(struct lws *wsi)
{
    /* The library finds nothing behind what does not fit. */
    char token[MAX_TOKEN_BYTES + 2], identity[MAX_TOKEN_BYTES + 2];
    char *path = NULL, *end;
    int path_len = 0, method = lws_http_get_uri_and_method(wsi, &path, &path_len);
    const char *token_value =
        lws_get_urlarg_by_name(wsi, TOKEN_ARGUMENT, token, (int)sizeof(token));
    const char *identity_value =
        lws_get_urlarg_by_name(wsi, IDENTITY_ARGUMENT, identity, (int)sizeof(identity));
    size_t size = sizeof(struct http_request_copy) + 1,
           token_len = token_value ? strlen(token_value) : 0;
    size_t identity_len = identity_value ? strlen(identity_value) : 0;
    struct http_request_copy *copy;

    if (method < 0 || path == NULL || path_len <= 0)
        return NULL;
    size += (size_t)path_len + 1 + token_len + 1 + identity_len + 1;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        size += (size_t)lws_hdr_total_length(wsi, wanted[i].token) + 1;
    copy = mem_try_alloc(size);
    if (copy == NULL)
        return NULL;
    end = copy->text;
    copy->request.method = method_of(method);
    /* An unescaped & or ; splits the library's path in pieces: such a path names nothing here. */
    copy->request.path = strnlen(path, (size_t)path_len) == (size_t)path_len
                             ? keep(&end, path, (size_t)path_len)
                             : keep(&end, "", 0);
    copy->request.access_token = keep(&end, token_value ? token_value : "", token_len);
    copy->request.identity = keep(&end, identity_value ? identity_value : "", identity_len);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        int len = lws_hdr_total_length(wsi, wanted[i].token);
        const char **to = (const char **)(void *)((char *)&copy->request + wanted[i].offset);

        *to = end;
        (void)lws_hdr_copy(wsi, end, len + 1, wanted[i].token);
        end += len + 1;
    }
    lws_get_peer_simple(wsi, copy->remote, sizeof(copy->remote));
    copy->request.remote = copy->remote;
    return copy;
}
