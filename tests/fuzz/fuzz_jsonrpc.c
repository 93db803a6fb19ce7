/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_jsonrpc.c - any text as a message of a client: through the envelope and the parameter table of its method. What is refused
 * is told in clean text, and every answer is JSON again. */
#include <stdint.h>
#include <string.h>

#include "api/dispatch.h"
#include "api/json_text.h"
#include "api/jsonrpc.h"
#include "core/check.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const json_t *id, const struct refusal *why)
{
    size_t len;
    char *text = jsonrpc_write_error(id, jsonrpc_code(why), why, &len);
    json_t *value;

    CHECK(text != NULL && len == strlen(text));
    value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CHECK(value != NULL &&
          json_is_string(json_object_get(json_object_get(value, "error"), "message")));
    json_decref(value);
    mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jsonrpc_request request;
    struct refusal why = {0};
    int code, err = jsonrpc_read(&request, (struct str){(const char *)data, size}, &code, &why);
    const struct request_row *row = err == 0 ? dispatch_find(request.method) : NULL;

    if (row != NULL && request.params != NULL)
        err = schema_check(row->params, request.params, &why);
    if (err != 0)
        check_answer(request.id, &why);
    jsonrpc_request_fini(&request);
    return 0;
}
