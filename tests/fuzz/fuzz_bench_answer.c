/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of any bytes: what is taken can be connected to. */
#include "bench/loadgen/answer.h"
#include "core/check.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer *a = mem_alloc(sizeof(*a));
    char why[ANSWER_WHY_LEN] = "";

    if (answer_parse(a, (struct str){(const char *)data, size}, why) == 0)
        CHECK(a->video.is_accepted && a->addr.port != 0 && a->addr.family == 4 &&
              a->fingerprint_count > 0 && a->ice.ufrag[0] != 0);
    else
        CHECK(why[0] != 0);
    mem_free(a);
    return 0;
}
