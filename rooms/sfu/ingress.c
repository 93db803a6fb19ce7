/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress.c - see ingress.h.
 *
 *   SSRC known ────────────────────────────────────────────────▶ encoding
 *   else MID → section; RID or repaired RID → its encoding ──┐
 *   else payload type of exactly one section ────────────────┴─▶ bind, then as above
 */
#include "rooms/sfu/ingress.h"

#include "core/packet.h"
#include "core/str.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"
#include "transport/rtx.h"

static struct str ext_text(const struct packet *pkt, const struct track *t, enum rtp_ext_kind kind)
{
    uint8_t id = t->section.ext.id[kind];
    const struct rtp_ext *ext = id == 0 ? NULL : rtp_find_ext(&pkt->rtp, id);

    if (ext == NULL)
        return (struct str){NULL, 0};
    return (struct str){(const char *)pkt->data + ext->offset, ext->len};
}

static bool has_pt(const struct track *t, uint8_t pt, bool *is_rtx)
{
    *is_rtx = transceiver_find_rtx_pt(&t->section, pt) != NULL;
    return *is_rtx || transceiver_find_pt(&t->section, pt) != NULL;
}

/* The track whose section the packet names by MID; else the only one that negotiated its payload type. */
static struct track *find_track(struct sfu_transport *st, const struct packet *pkt)
{
    struct track *by_pt = NULL;
    unsigned matches = 0;
    bool is_rtx;

    LIST_EACH(&st->tracks, struct track, node, t) {
        struct str mid = ext_text(pkt, t, RTP_EXT_MID);
        if (mid.len > 0) {
            if (str_eq_c(mid, t->section.mid))
                return t;
            continue;
        }
        if (has_pt(t, pkt->rtp.pt, &is_rtx)) {
            by_pt = t;
            matches++;
        }
    }
    return matches == 1 ? by_pt : NULL;
}

/* Which encoding of the track: by RID, by repaired RID, or the only one. */
static struct encoding *find_encoding(struct track *t, const struct packet *pkt, bool is_rtx)
{
    struct str rid = ext_text(pkt, t, is_rtx ? RTP_EXT_REPAIRED_RID : RTP_EXT_RID);

    struct encoding *e = rid.len > 0 ? track_find_encoding(t, rid.p, rid.len) : NULL;

    if (e == NULL && t->encoding_count == 1 && (rid.len == 0 || t->encoding[0].rid[0] == '\0'))
        e = &t->encoding[0];
    return e;
}

static const struct ssrc_entry *learn(struct sfu_transport *st, const struct packet *pkt)
{
    bool is_rtx = false;
    struct track *t = find_track(st, pkt);

    if (t == NULL || !has_pt(t, pkt->rtp.pt, &is_rtx))
        return NULL;
    struct encoding *e = find_encoding(t, pkt, is_rtx);
    if (e == NULL || encoding_bind(e, pkt->rtp.ssrc, is_rtx) != 0)
        return NULL;
    return ssrc_table_find(&st->ssrcs, pkt->rtp.ssrc);
}

/* Make the original packet of a retransmission (RFC 4588 s4). false: padding (bandwidth probes), or nonsense. */
static bool unwrap(struct encoding *e, struct packet *pkt)
{
    const struct negotiated_codec *codec = transceiver_find_rtx_pt(&e->track->section, pkt->rtp.pt);

    if (codec == NULL || e->ssrc == 0 || pkt->rtp.payload_bytes < RTX_OSN_BYTES)
        return false;
    if (rtx_unwrap(pkt, codec->pt, e->ssrc) != 0)
        return false;
    e->recv.retransmissions++;
    return true;
}

HOT void ingress_receive(struct sfu_transport *st, struct packet *pkt, uint64_t now_us)
{
    const struct ssrc_entry *entry = ssrc_table_find(&st->ssrcs, pkt->rtp.ssrc);

    st->sfu->totals.packets_in++;
    if (entry == NULL && (entry = learn(st, pkt)) == NULL) {
        st->sfu->totals.unknown_ssrc++;
        return;
    }
    struct encoding *e = entry->encoding;
    if (entry->is_rtx && !unwrap(e, pkt))
        return;
    track_receive(e->track, e, pkt, now_us);
}
