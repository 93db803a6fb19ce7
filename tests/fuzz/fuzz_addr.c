/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_addr.c - any text is refused or parsed; what was parsed survives being written and parsed again. */
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct addr a, again;
    char text[ADDR_TEXT_LEN];

    if (addr_parse(&a, (struct str){(const char *)data, size}) != 0)
        return 0;
    CHECK(a.family == 4 || a.family == 6);
    CHECK(addr_parse(&again, str_of(addr_text(&a, text))) == 0);
    CHECK(addr_eq(&a, &again));
    a.port = 0;
    CHECK(addr_parse(&again, str_of(addr_ip_text(&a, text))) == 0);
    CHECK(addr_eq(&a, &again));
    return 0;
}
