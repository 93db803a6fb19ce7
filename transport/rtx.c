/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/rtx.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/packet.h"
#include "core/wire.h"

/* Where the fields lie in the fixed header (RFC 3550 s5.1). */
#define PT_AT 1
#define SEQ_AT 2
#define SSRC_AT 8
#define MARKER_BIT 0x80u

static void put_fields(uint8_t *header, uint8_t pt, uint16_t seq, uint32_t ssrc)
{
    header[PT_AT] = (uint8_t)((header[PT_AT] & MARKER_BIT) | (pt & 0x7fu));
    wire_put_u16(header + SEQ_AT, seq);
    wire_put_u32(header + SSRC_AT, ssrc);
}

int rtx_unwrap(struct packet *pkt, uint8_t pt, uint32_t ssrc)
{
    struct rtp_header *h = &pkt->rtp;
    uint16_t seq = 0;

    DCHECK(pkt->flags & PACKET_HAS_RTP);
    DCHECK(packet_is_writable(pkt));
    if (h->payload_bytes < RTX_OSN_BYTES)
        return E_MALFORMED;
    seq = wire_get_u16(pkt->data + h->header_bytes);
    memmove(pkt->data + RTX_OSN_BYTES, pkt->data,
            h->header_bytes); /* shorter than the payload; offsets inside it hold */
    pkt->data += RTX_OSN_BYTES;
    pkt->len = (uint16_t)(pkt->len - RTX_OSN_BYTES);
    put_fields(pkt->data, pt, seq, ssrc);
    h->pt = pt;
    h->seq = seq;
    h->ssrc = ssrc;
    h->payload_bytes = (uint16_t)(h->payload_bytes - RTX_OSN_BYTES);
    pkt->flags |= PACKET_IS_RETRANSMISSION;
    return 0;
}

size_t rtx_wrap_head(uint8_t *out, size_t size, const uint8_t *head, size_t head_bytes,
                     size_t header_bytes, uint8_t pt, uint16_t seq, uint32_t ssrc)
{
    DCHECK(header_bytes >= RTP_FIXED_HEADER_BYTES && header_bytes <= head_bytes);
    if (size < head_bytes + RTX_OSN_BYTES)
        return 0;
    memcpy(out, head, header_bytes);
    memcpy(out + header_bytes, head + SEQ_AT, RTX_OSN_BYTES);
    memcpy(out + header_bytes + RTX_OSN_BYTES, head + header_bytes, head_bytes - header_bytes);
    put_fields(out, pt, seq, ssrc);
    return head_bytes + RTX_OSN_BYTES;
}
