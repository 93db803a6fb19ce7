/* SPDX-License-Identifier: Apache-2.0 */
/* A packet: what parses lies inside it, and is read back the same after being written anew. */
#include "core/check.h"
#include "core/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_anew(const struct rtp_header *h, const uint8_t *data)
{
    struct rtp_ext_out ext[MAX_RTP_EXT_ELEMENTS];
    uint8_t out[RTP_FIXED_HEADER_BYTES + 4 * MAX_CSRCS + 4 + MAX_RTP_EXT_ELEMENTS * 257 + 3];
    struct rtp_header again;

    for (size_t i = 0; i < h->ext_count; i++)
        ext[i] = (struct rtp_ext_out){h->ext[i].id, h->ext[i].len, data + h->ext[i].offset};
    size_t len = rtp_write_header(out, sizeof(out), h->pt, h->marker, h->seq, h->ts, h->ssrc, ext,
                                  h->ext_count);
    CHECK(len >= RTP_FIXED_HEADER_BYTES);
    CHECK(rtp_parse(&again, out, len) == 0);
    CHECK(again.seq == h->seq && again.ts == h->ts && again.ssrc == h->ssrc);
    CHECK(again.pt == h->pt && again.marker == h->marker && again.header_bytes == len);
    size_t written = 0;
    for (size_t i = 0; i < h->ext_count; i++)
        written += h->ext[i].len > 0;
    CHECK(again.ext_count == written);
    size_t with_csrcs =
        rtp_add_csrcs(out, len, sizeof(out), data + RTP_FIXED_HEADER_BYTES, h->csrc_count);
    CHECK(with_csrcs == len + 4u * h->csrc_count && rtp_parse(&again, out, with_csrcs) == 0);
    CHECK(again.csrc_count == h->csrc_count && again.ext_count == written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtp_header h;

    (void)rtp_is_rtcp(data, size);
    if (rtp_parse(&h, data, size) < 0)
        return 0;
    CHECK((size_t)h.header_bytes + h.payload_bytes + h.padding_bytes == size);
    for (size_t i = 0; i < h.ext_count; i++) {
        const struct rtp_ext *e = &h.ext[i];

        CHECK(e->id != 0 && e->offset + e->len <= h.header_bytes);
        CHECK(rtp_find_ext(&h, e->id) != NULL);
    }
    write_anew(&h, data);
    return 0;
}
