/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP reply of any bytes: the body lies inside them, and what is unfinished is so at every shorter length. */
#include <string.h>

#include "bench/loadgen/http_reply.h"
#include "core/check.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *buf = mem_alloc(size + 1);
    struct http_reply r;
    int err;

    if (size > 0)
        memcpy(buf, data, size);
    err = http_reply_parse(&r, buf, size, false);
    if (err == 0)
        CHECK(r.body.len <= size && strlen(r.location) <= HTTP_MAX_LOCATION_LEN);
    if (size > 0)
        memcpy(buf, data, size);
    if (err == HTTP_REPLY_UNFINISHED)
        CHECK(size == 0 || http_reply_parse(&r, buf, size - 1, false) != 0);
    CHECK(http_reply_parse(&r, buf, size, true) != HTTP_REPLY_UNFINISHED);
    mem_free(buf);
    return 0;
}
