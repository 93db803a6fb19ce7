/* SPDX-License-Identifier: Apache-2.0 */
/* jsonrpc.c - follows the specification of JSON-RPC 2.0, section by section; batches are refused, as the protocol says. */
#include "api/jsonrpc.h"

#include <string.h>

#include "api/json_text.h"
#include "core/err.h"

/* Section 4: a string, a number without a fraction, or null. */
static bool is_id(const json_t *id)
{
    return json_is_string(id) || json_is_integer(id) || json_is_null(id);
}

static int check_envelope(struct jsonrpc_request *r, struct refusal *why)
{
    const char *version = json_string_value(json_object_get(r->message, "jsonrpc"));
    json_t *id = json_object_get(r->message, "id"), *params = json_object_get(r->message, "params");

    if (json_is_array(r->message))
        return refuse(why, E_MALFORMED, NULL, "batches are not taken: send one request a message");
    if (!json_is_object(r->message))
        return refuse(why, E_MALFORMED, NULL, "a request is a JSON object");
    if (id != NULL && !is_id(id))
        return refuse(why, E_MALFORMED, "id", "id must be a string, a whole number or null");
    r->id = id;
    if (version == NULL || strcmp(version, "2.0") != 0)
        return refuse(why, E_MALFORMED, "jsonrpc", "jsonrpc must be \"2.0\"");
    r->method = json_string_value(json_object_get(r->message, "method"));
    if (r->method == NULL)
        return refuse(why, E_MALFORMED, "method", "method must be a string");
    if (params != NULL && !json_is_object(params))
        return refuse(why, E_MALFORMED, "params", "params must be an object");
    r->params = params;
    return 0;
}

int jsonrpc_read(struct jsonrpc_request *out, struct str text, int *code, struct refusal *why)
{
    int err;

    *out = (struct jsonrpc_request){0};
    *code = JSONRPC_PARSE_ERROR;
    err = json_text_read(&out->message, text, why);
    if (err != 0)
        return err;
    *code = JSONRPC_INVALID_REQUEST;
    return check_envelope(out, why);
}

void jsonrpc_request_fini(struct jsonrpc_request *r)
{
    json_decref(r->message);
    *r = (struct jsonrpc_request){0};
}

int jsonrpc_code(const struct refusal *r)
{
    if (r->err == E_INVALID)
        return JSONRPC_INVALID_PARAMS;
    return r->err <= E_MALFORMED && r->err >= E_TIMEOUT && r->err != E_NO_MEMORY &&
                   r->err != E_CRYPTO
               ? r->err
               : JSONRPC_INTERNAL_ERROR;
}

static json_t *begin(const json_t *id)
{
    json_t *message = json_pack("{s:s}", "jsonrpc", "2.0");

    /* Answers to what could not be read carry a null id (section 5). */
    json_object_set_new(message, "id", id != NULL ? json_deep_copy(id) : json_null());
    return message;
}

char *jsonrpc_write_result(const json_t *id, json_t *result, size_t *len)
{
    json_t *message = begin(id);

    json_object_set_new(message, "result", result);
    return json_text_take(message, len);
}

char *jsonrpc_write_error(const json_t *id, int code, const struct refusal *r, size_t *len)
{
    json_t *message = begin(id), *data = json_pack("{s:s}", "reason", err_name(r->err));

    if (r->field[0])
        json_object_set_new(data, "field", json_string(r->field));
    if (r->line != 0)
        json_object_set_new(data, "line", json_integer(r->line));
    json_object_set_new(
        message, "error",
        json_pack("{s:i, s:s, s:o}", "code", code, "message", r->text, "data", data));
    return json_text_take(message, len);
}

char *jsonrpc_write_notification(const char *method, json_t *params, size_t *len)
{
    return json_text_take(
        json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params), len);
}
