/* SPDX-License-Identifier: Apache-2.0 */
/* A byte: payload type; four: SSRC; then an RTX packet: what comes of it is a packet that parses as it says, and wrapped again is the
 * one that came. */
#include <string.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/wire.h"
#include "transport/rtx.h"

#define PREFIX_BYTES 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parses_as_it_says(const struct packet *p)
{
    struct rtp_header again;

    CHECK(rtp_parse(&again, p->data, p->len) == 0);
    CHECK(again.seq == p->rtp.seq && again.ssrc == p->rtp.ssrc && again.pt == p->rtp.pt);
    CHECK(again.ts == p->rtp.ts && again.marker == p->rtp.marker);
    CHECK(again.header_bytes == p->rtp.header_bytes);
    CHECK(again.payload_bytes == p->rtp.payload_bytes && again.ext_count == p->rtp.ext_count);
    for (size_t i = 0; i < again.ext_count; i++)
        CHECK(again.ext[i].offset == p->rtp.ext[i].offset && again.ext[i].len == p->rtp.ext[i].len);
}

/* As a retransmission of ours is made: under the numbers that this one had. */
static void wraps_into(const struct packet *p, const uint8_t *came, size_t len)
{
    size_t header = p->rtp.header_bytes, bytes;
    uint8_t *out = mem_alloc(len);

    bytes = rtx_wrap_head(out, len, p->data, header, header, came[1] & 0x7f, wire_get_u16(came + 2),
                          wire_get_u32(came + 8));
    CHECK(bytes == header + RTX_OSN_BYTES);
    memcpy(out + bytes, p->data + header, p->len - header);
    CHECK(memcmp(out, came, len) == 0);
    CHECK(rtx_wrap_head(out, bytes - 1, p->data, header, header, 0, 0, 0) == 0);
    mem_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct packet p;

    if (size < PREFIX_BYTES || size - PREFIX_BYTES > UINT16_MAX)
        return 0;
    size_t len = size - PREFIX_BYTES;
    uint8_t *bytes = mem_alloc(MAX(len, 1u)); /* of its very length */
    memcpy(bytes, data + PREFIX_BYTES, len);
    memset(&p, 0, sizeof(p));
    p.data = bytes;
    p.len = (uint16_t)len;
    p.refs = 1;
    p.flags = PACKET_HAS_RTP;
    if (rtp_parse(&p.rtp, bytes, len) == 0) {
        const struct packet before = p;
        if (rtx_unwrap(&p, data[0] & 0x7f, wire_get_u32(data + 1)) == 0) {
            CHECK(p.len + RTX_OSN_BYTES == before.len);
            CHECK((p.flags & PACKET_IS_RETRANSMISSION) != 0);
            parses_as_it_says(&p);
            wraps_into(&p, data + PREFIX_BYTES, len);
        } else {
            CHECK(before.rtp.payload_bytes < RTX_OSN_BYTES && p.len == before.len);
        }
    }
    mem_free(bytes);
    return 0;
}
