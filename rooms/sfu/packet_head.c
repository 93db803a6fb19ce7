/* SPDX-License-Identifier: Apache-2.0 */
/* packet_head.c - see packet_head.h. */
#include "rooms/sfu/packet_head.h"

#include <string.h>

#include "core/dependency_descriptor.h"
#include "core/packet.h"
#include "core/wire.h"
#include "rooms/sfu/subscription_internal.h"

/* ---- extensions ---- */

/* With our frame number, and the mask of what this viewer gets. */
static struct rtp_ext_out rewrite_descriptor(uint8_t id, const struct packet *pkt,
                                             const struct rtp_ext *ext, const struct outgoing *out,
                                             uint8_t to[DD_MAX_BYTES])
{
    const struct descriptor_ids *dd = &pkt->media.dd;
    size_t len = 0;

    if (id != 0 && dd->has_frame_number && !out->is_empty)
        len = dependency_descriptor_rewrite(
            to, DD_MAX_BYTES, pkt->data + ext->offset, ext->len, out->number.frame_number,
            dd->active_at, dd->target_count, out->verdict.has_active, out->verdict.active);
    return (struct rtp_ext_out){id, (uint8_t)len, to};
}

static bool is_numbered(const struct subscription *sub)
{
    return transport_send_twcc_id(sub->owner->tp) != 0;
}

/* A viewer that estimates by itself, and tells no more than the outcome, hears when packets left. */
static bool has_send_time(const struct subscription *sub)
{
    return sub->section.ext.id[RTP_EXT_ABS_SEND_TIME] != 0 && !is_numbered(sub);
}

static size_t collect_exts(const struct subscription *sub, const struct track *t,
                           const struct packet *pkt, const struct outgoing *packet_out,
                           uint8_t descriptor[DD_MAX_BYTES],
                           struct rtp_ext_out out[MAX_RTP_EXT_ELEMENTS + 2])
{
    static const uint8_t number_to_come[2], time_to_come[3];
    size_t n = 0;
    uint8_t mid_id = sub->section.ext.id[RTP_EXT_MID];

    if (is_numbered(sub)) /* first, where stamp_of_block() looks for it */
        out[n++] = (struct rtp_ext_out){sub->section.ext.id[RTP_EXT_TWCC], sizeof(number_to_come),
                                        number_to_come};
    else if (UNLIKELY(has_send_time(sub)))
        out[n++] = (struct rtp_ext_out){sub->section.ext.id[RTP_EXT_ABS_SEND_TIME],
                                        sizeof(time_to_come), time_to_come};
    if (mid_id != 0)
        out[n++] =
            (struct rtp_ext_out){mid_id, sub->section.mid_len, (const uint8_t *)sub->section.mid};
    for (unsigned i = 0; i < pkt->rtp.ext_count; i++) {
        const struct rtp_ext *ext = &pkt->rtp.ext[i];
        uint8_t kind = t->kind_of_ext[ext->id];
        if (kind == RTP_EXT_DEPENDENCY_DESCRIPTOR)
            out[n++] =
                rewrite_descriptor(sub->section.ext.id[kind], pkt, ext, packet_out, descriptor);
        else if (kind < RTP_EXT_KIND_COUNT && rtp_ext_is_copied(kind))
            out[n++] =
                (struct rtp_ext_out){sub->section.ext.id[kind], ext->len, pkt->data + ext->offset};
    }
    return n;
}

/* Where the first element's data is (RFC 8285 s4.2, s4.3): the transport-wide number, or the send time. @block is the extension block. */
static uint8_t *stamp_of_block(const struct subscription *sub, uint8_t *block)
{
    bool is_one_byte = wire_get_u16(block) == 0xBEDE;

    if ((!is_numbered(sub) || sub->section.ext.id[RTP_EXT_TWCC] == 0) && !has_send_time(sub))
        return NULL;
    return block + 4 + (is_one_byte ? 1 : 2);
}

/* Of a mix: who is heard in it, and how loud, for those who negotiated that. Returns the elements that there are then. */
static size_t collect_contributors(const struct subscription *sub, const struct track *t,
                                   const struct packet *pkt, struct rtp_ext_out *ext, size_t n)
{
    const struct rtp_ext *levels =
        rtp_find_ext(&pkt->rtp, t->section.ext.id[RTP_EXT_CSRC_AUDIO_LEVEL]);

    if (levels != NULL)
        ext[n++] = (struct rtp_ext_out){sub->section.ext.id[RTP_EXT_CSRC_AUDIO_LEVEL], levels->len,
                                        pkt->data + levels->offset};
    return n;
}

/* ---- a header anew ---- */

static bool write_anew(const struct subscription *sub, const struct burst_item *item,
                       const struct outgoing *out, uint8_t *to, size_t room,
                       struct packet_head *head)
{
    const struct packet *pkt = item->pkt;
    const struct track *t = item->encoding->track;
    struct rtp_ext_out ext[MAX_RTP_EXT_ELEMENTS + 2];
    uint8_t descriptor[DD_MAX_BYTES];
    size_t n = collect_exts(sub, t, pkt, out, descriptor, ext), csrcs = 0;

    if (UNLIKELY((pkt->flags & PACKET_HAS_CONTRIBUTORS) != 0)) {
        csrcs = pkt->rtp.csrc_count;
        n = collect_contributors(sub, t, pkt, ext, n);
    }
    head->bytes = rtp_write_header(to, room, out->pt, out->verdict.marker, out->number.seq,
                                   out->number.ts, out->ssrc, ext, n);
    if (UNLIKELY(csrcs > 0) && head->bytes > 0)
        head->bytes =
            rtp_add_csrcs(to, head->bytes, room, pkt->data + RTP_FIXED_HEADER_BYTES, csrcs);
    head->stamp = stamp_of_block(sub, to + RTP_FIXED_HEADER_BYTES + 4 * csrcs);
    return head->bytes > 0;
}

/* ---- the one before ---- */

/* Whether viewers who negotiated the same get the same, but for the numbers of the fixed header. */
static bool is_common(const struct packet *pkt)
{
    return !pkt->media.dd.has_frame_number && (pkt->flags & PACKET_HAS_CONTRIBUTORS) == 0;
}

static bool fits(const struct known_head *k, uint64_t flush, const struct packet *pkt,
                 const struct subscription *sub)
{
    const struct send_section *s = &sub->section;

    return k->pkt == pkt && k->flush == flush && k->is_numbered == is_numbered(sub) &&
           k->mid_len == s->mid_len && memcmp(&k->ext, &s->ext, sizeof(k->ext)) == 0 &&
           memcmp(k->mid, s->mid, k->mid_len) == 0;
}

static void copy(const struct known_head *k, const struct outgoing *out, uint8_t *to,
                 struct packet_head *head)
{
    memcpy(to, k->head, KNOWN_HEAD_BYTES);
    to[1] = (uint8_t)((out->verdict.marker ? 0x80 : 0) | (out->pt & 0x7f));
    wire_put_u16(to + 2, out->number.seq);
    wire_put_u32(to + 4, out->number.ts);
    wire_put_u32(to + 8, out->ssrc);
    head->bytes = k->bytes;
    head->stamp = k->stamp_at != 0 ? to + k->stamp_at : NULL;
}

static void keep(struct known_head *k, uint64_t flush, const struct packet *pkt,
                 const struct subscription *sub, const uint8_t *from,
                 const struct packet_head *head)
{
    const struct send_section *s = &sub->section;

    *k = (struct known_head){
        .pkt = pkt,
        .flush = flush,
        .ext = s->ext,
        .mid_len = s->mid_len,
        .is_numbered = is_numbered(sub),
        .bytes = (uint8_t)head->bytes,
        .stamp_at = (uint8_t)(head->stamp != NULL ? head->stamp - from : 0),
    };
    memcpy(k->mid, s->mid, sizeof(k->mid));
    memcpy(k->head, from, head->bytes);
}

HOT bool packet_head_write(struct known_heads *known, const struct subscription *sub,
                           const struct burst_item *item, const struct outgoing *out, uint8_t *to,
                           size_t room, struct packet_head *head)
{
    struct known_head *k = item->index < BURST_PACKETS ? &known->of[item->index] : NULL;

    head->has_send_time = has_send_time(sub);
    if (k != NULL && fits(k, known->flush, item->pkt, sub)) {
        copy(k, out, to, head);
        return true;
    }
    if (!write_anew(sub, item, out, to, room, head))
        return false;
    if (k != NULL && is_common(item->pkt) && head->bytes <= KNOWN_HEAD_BYTES)
        keep(k, known->flush, item->pkt, sub, to, head);
    return true;
}
