/* SPDX-License-Identifier: Apache-2.0 */
/* The clear header of any bytes: it lies inside them, and agrees with the parser of clear packets. */
#include "bench/loadgen/clear_header.h"
#include "core/check.h"
#include "core/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clear_header h;
    struct rtp_header full;
    uint16_t value;
    int err = clear_header_parse(&h, data, size);

    if (err == 0) {
        CHECK(h.header_bytes <= size);
        for (unsigned id = 0; id < 256; id++)
            (void)clear_header_ext_u16(&h, data, (uint8_t)id, &value);
    }
    if (rtp_parse(&full, data, size) == 0)
        CHECK(err == 0 && h.seq == full.seq && h.ssrc == full.ssrc &&
              h.header_bytes == full.header_bytes);
    return 0;
}
