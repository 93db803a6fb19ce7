/* SPDX-License-Identifier: Apache-2.0 */
/* problem.c - {type, title, status, detail, reason, field?, line?}. */
#include "api/problem.h"

#include <jansson.h>

#include "api/json_text.h"
#include "core/err.h"

unsigned problem_status(const struct refusal *r)
{
    if (r->status != 0)
        return r->status;
    switch (r->err) {
    case E_MALFORMED:
    case E_INVALID:
        return 400;
    case E_AUTH:
        return 401;
    case E_DENIED:
        return 403;
    case E_NOT_FOUND:
        return 404;
    case E_STATE:
    case E_CONFLICT:
        return 409;
    case E_UNSUPPORTED:
        return 422;
    case E_LIMIT:
    case E_NO_MEMORY:
        return 503;
    case E_TIMEOUT:
        return 504;
    default:
        return 500;
    }
}

/* RFC 9457 s4.2.1: with the type "about:blank" the title is the status phrase. */
static const char *title_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } rows[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].status == status)
            return rows[i].title;
    return "Internal Server Error";
}

void problem_reply(struct http_exchange *x, const struct refusal *r,
                   const struct http_response *with)
{
    struct http_response response = with ? *with : (struct http_response){0};
    json_t *o;

    response.status = problem_status(r);
    o = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title",
                  title_of(response.status), "status", (int)response.status, "detail", r->text,
                  "reason", err_name(r->err));
    if (o != NULL && r->field[0])
        json_object_set_new(o, "field", json_string(r->field));
    if (o != NULL && r->line != 0)
        json_object_set_new(o, "line", json_integer(r->line));
    response.content_type = "application/problem+json";
    response.body = json_text_take(o, &response.body_len);
    http_reply(x, &response);
}
