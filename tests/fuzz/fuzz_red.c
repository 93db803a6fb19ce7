/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte is a payload type to rewrite to, the rest a RED payload. */
#include <string.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/payload_red.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Blocks lie one behind the other and fill the payload. */
static void look_at(const struct red *r, const uint8_t *payload, size_t len)
{
    size_t at = r->head_bytes;

    CHECK(r->redundant <= MAX_RED_BLOCKS && r->head_bytes == 4u * r->redundant + 1);
    for (unsigned i = 0; i < r->redundant; i++) {
        CHECK(r->block[i].at == at);
        at += r->block[i].bytes;
        const struct red_block *found = red_find(r, r->block[i].behind_ts);
        CHECK(found == NULL ? r->block[i].bytes == 0 : found->bytes > 0);
    }
    CHECK(r->primary.at == at && r->primary.bytes > 0 && at + r->primary.bytes == len);
    CHECK((payload[r->head_bytes - 1] & 0x7F) == r->pt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct red before, after;

    if (size < 2)
        return 0;
    size_t len = size - 1;
    uint8_t *payload = mem_alloc(len);
    memcpy(payload, data + 1, len);
    if (red_parse(&before, payload, len) == 0) {
        look_at(&before, payload, len);
        red_rewrite(payload, before.redundant, data[0]);
        CHECK(red_parse(&after, payload, len) == 0 && after.pt == (data[0] & 0x7F));
        look_at(&after, payload, len);
        red_rewrite(payload, before.redundant, before.pt);
        CHECK(memcmp(payload, data + 1, len) == 0);
    }
    mem_free(payload);
    return 0;
}
