/* SPDX-License-Identifier: Apache-2.0 */
/* jsonrpc.h - the envelope of JSON-RPC 2.0: requests apart, answers and notifications together. Pure. */
#pragma once

#include <jansson.h>

#include "api/refusal.h"
#include "core/attr.h"
#include "core/str.h"

#define JSONRPC_PARSE_ERROR (-32700)
#define JSONRPC_INVALID_REQUEST (-32600)
#define JSONRPC_METHOD_NOT_FOUND (-32601)
#define JSONRPC_INVALID_PARAMS (-32602)
#define JSONRPC_INTERNAL_ERROR (-32603)

struct jsonrpc_request {
    json_t *message;      /* owns the rest */
    json_t *id;           /* borrowed; NULL: a notification, which gets no answer */
    const char *method;   /* borrowed */
    const json_t *params; /* borrowed; an object. NULL: none were given */
};

/**
 * Read a request.
 *
 * Owner:  on success jsonrpc_request_fini(). On failure too: the id, if it could be read, is in it.
 * Errors: E_MALFORMED and so on; *code is the JSON-RPC code that tells it.
 */
MUST_CHECK int jsonrpc_read(struct jsonrpc_request *out, struct str text, int *code,
                            struct refusal *why);
void jsonrpc_request_fini(struct jsonrpc_request *r);

/** The code for a refusal by a handler: ours, or JSON-RPC's for wrong parameters and our own failures. */
int jsonrpc_code(const struct refusal *r);
/** Write messages; heap, mem_free(), NULL when memory is short. @id NULL means null; @result and @params are taken. */
MUST_CHECK char *jsonrpc_write_result(const json_t *id, json_t *result, size_t *len);
MUST_CHECK char *jsonrpc_write_error(const json_t *id, int code, const struct refusal *r,
                                     size_t *len);
MUST_CHECK char *jsonrpc_write_notification(const char *method, json_t *params, size_t *len);
