/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_media.c - the packet path of a transport: SRTP in and out.
 *
 * Nothing here allocates, formats or looks up by text.
 */
#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/prefetch.h"
#include "core/rtp.h"
#include "core/timebase.h"
#include "core/wire.h"
#include "transport/bwe.h"
#include "transport/egress.h"
#include "transport/fanout_cipher.h"
#include "transport/rtpsec.h"
#include "transport/send_timeline.h"
#include "transport/transport_internal.h"

static void count_srtp_error(struct transport *tp, int err)
{
    if (err == E_AUTH)
        tp->stats.srtp_auth_failed++;
    else if (err == E_REPLAY)
        tp->stats.srtp_replayed++;
    else
        tp->stats.srtp_malformed++;
}

static void receive_rtp(struct transport *tp, struct packet *pkt, uint64_t now_us)
{
    size_t bytes = pkt->len, len = bytes;
    int err = rtpsec_unprotect_rtp(tp->rtpsec, pkt->data, &len);

    pkt->len = (uint16_t)len;
    if (err == 0)
        err = rtp_parse(&pkt->rtp, pkt->data, len);
    if (err != 0) {
        count_srtp_error(tp, err);
        return;
    }
    pkt->flags |= PACKET_HAS_RTP;
    if (tp->twcc != NULL)
        transport_twcc_receive(tp, pkt, bytes, now_us);
    else if (tp->remb != NULL)
        transport_remb_receive(tp, pkt, bytes, now_us);
    transport_rtcp_wake(tp, now_us);
    if (tp->handlers->on_rtp != NULL)
        tp->handlers->on_rtp(tp, pkt, now_us, tp->arg);
}

static void receive_rtcp(struct transport *tp, struct packet *pkt, uint64_t now_us)
{
    size_t len = pkt->len;
    int err = rtpsec_unprotect_rtcp(tp->rtpsec, pkt->data, &len);

    if (err != 0)
        count_srtp_error(tp, err);
    else
        transport_rtcp_receive(tp, pkt->data, len, now_us);
}

void transport_media_receive(struct transport *tp, const struct path *from, struct packet *pkt,
                             uint64_t now_us)
{
    if (!ice_is_validated(tp->ice, from))
        tp->stats.unvalidated_path++;
    else if (tp->state != TRANSPORT_OPEN)
        tp->stats.srtp_before_open++;
    else if (rtp_is_rtcp(pkt->data, pkt->len))
        receive_rtcp(tp, pkt, now_us);
    else
        receive_rtp(tp, pkt, now_us);
}

static const struct path *path_for_media(struct transport *tp)
{
    const struct path *path = tp->state == TRANSPORT_OPEN ? ice_selected(tp->ice) : NULL;

    if (path == NULL)
        tp->stats.send_before_open++;
    return path;
}

/* One SSRC that we send under. */
struct send_stream {
    struct list node; /* in the transport's list */
    struct fanout_stream stream;
    struct send_timeline timeline;
};

struct fanout_stream *transport_send_stream(struct transport *tp, uint32_t ssrc)
{
    struct send_stream *s;

    LIST_EACH(&tp->send_streams, struct send_stream, node, known) {
        if (known->stream.ssrc == ssrc)
            return &known->stream;
    }
    if (tp->send_stream_count >= MAX_SEND_STREAMS_PER_TRANSPORT ||
        (s = mem_try_alloc(sizeof(*s))) == NULL)
        return NULL;
    fanout_stream_init(&s->stream, ssrc);
    list_append(&tp->send_streams, &s->node);
    tp->send_stream_count++;
    return &s->stream;
}

struct send_timeline *transport_send_timeline(struct fanout_stream *stream)
{
    return &CONTAINER_OF(stream, struct send_stream, stream)->timeline;
}

void transport_media_fini(struct transport *tp)
{
    LIST_EACH(&tp->send_streams, struct send_stream, node, s) {
        list_remove(&s->node);
        mem_free(s);
    }
}

/* ---- sending ---- */

/* Without the padding that makes it equal to others. */
static size_t clear_bytes(const struct rtp_out *out)
{
    return out->head_bytes + out->payload_bytes + out->padding_bytes;
}

/* How many packets from the first on can be made equal in length: @target. Only the last one may be shorter, so whatever
 * comes before it is padded, by TRANSPORT_MAX_RUN_PADDING at most. */
static size_t run_length(const struct rtp_out *out, size_t n, size_t *target)
{
    size_t shortest = clear_bytes(out), longest = shortest, run = 1;

    for (; run < n; run++) {
        size_t bytes = clear_bytes(&out[run]), longer = MAX(longest, bytes);
        if (longer - shortest > TRANSPORT_MAX_RUN_PADDING)
            break;
        longest = longer;
        if (longest - bytes > TRANSPORT_MAX_RUN_PADDING) {
            run++;
            break;
        }
        shortest = MIN(shortest, bytes);
    }
    *target = longest;
    return run;
}

/* Seconds modulo 64 with 18 bits of fraction. */
static void put_send_time(uint8_t *to, uint64_t now_us)
{
    uint32_t ticks = (uint32_t)((now_us % (64 * US_PER_S) << 18) / US_PER_S);

    to[0] = (uint8_t)(ticks >> 16);
    wire_put_u16(to + 1, (uint16_t)ticks);
}

static bool send_one(struct transport *tp, const struct rtp_out *out, size_t padding_bytes,
                     const struct path *path, uint64_t now_us)
{
    const struct fanout_packet packet = {
        .head = out->head,
        .header_bytes = out->header_bytes,
        .head_bytes = out->head_bytes,
        .payload = out->payload,
        .payload_bytes = out->payload_bytes,
        .padding_bytes = (uint8_t)padding_bytes,
    };
    size_t len = out->head_bytes + out->payload_bytes + padding_bytes;

    if (len > MAX_DATAGRAM_BYTES) {
        tp->stats.send_failed++;
        return false;
    }
    uint8_t *room = egress_reserve(tp->env->egress, len + PACKET_TAILROOM_BYTES);
    bool is_numbered = out->twcc != NULL && tp->bwe != NULL && !out->has_send_time;
    if (is_numbered)
        wire_put_u16(out->twcc, transport_bwe_number(tp));
    else if (UNLIKELY(out->has_send_time))
        put_send_time(out->twcc, now_us);
    if (fanout_cipher_submit(egress_cipher(tp->env->egress), tp->send_key, out->stream, &packet,
                             room, &len) != 0) {
        tp->stats.send_failed++;
        return false;
    }
    if (is_numbered) /* not before: a number that is not sent would look like a loss */
        transport_bwe_sent(tp, len, out->kind, now_us);
    egress_commit(tp->env->egress, len, path);
    tp->stats.packets_sent++;
    tp->stats.bytes_sent += len;
    tp->stats.padding_bytes_sent += padding_bytes;
    return true;
}

HOT void transport_prefetch(const struct transport *tp)
{
    prefetch(tp, offsetof(struct transport, stats.state));
}

HOT void transport_prefetch_deeper(const struct transport *tp)
{
    ice_prefetch(tp->ice);
    if (tp->bwe != NULL)
        bwe_prefetch(tp->bwe);
    if (tp->send_key != NULL)
        fanout_key_prefetch(tp->send_key);
}

HOT size_t transport_send_rtp(struct transport *tp, const struct rtp_out *out, size_t n,
                              uint64_t now_us)
{
    const struct path *path = path_for_media(tp);
    bool pads = tp->env->pads_runs && path != NULL && path->protocol == PATH_UDP;
    size_t sent = 0;

    for (size_t i = 0, run = 0, target = 0; path != NULL && i < n; i += run) {
        run = pads ? run_length(out + i, n - i, &target) : 1;
        for (size_t k = i; k < i + run; k++) {
            size_t padding =
                out[k].padding_bytes + (k + 1 < i + run ? target - clear_bytes(&out[k]) : 0);
            sent += send_one(tp, &out[k], padding, path, now_us);
        }
    }
    if (sent > 0)
        transport_rtcp_wake(tp, now_us);
    if (tp->bwe != NULL)
        transport_bwe_arm(tp);
    return sent;
}

bool transport_send_rtcp(struct transport *tp, const uint8_t *buf, size_t len, uint64_t now_us)
{
    const struct path *path = path_for_media(tp);
    uint8_t *room = NULL;

    (void)now_us;
    if (path == NULL)
        return false;
    if (len > MAX_DATAGRAM_BYTES) {
        tp->stats.send_failed++;
        return false;
    }
    room = egress_reserve(tp->env->egress, len + PACKET_TAILROOM_BYTES);
    memcpy(room, buf, len);
    if (rtpsec_protect_rtcp(tp->rtpsec, room, &len, len + PACKET_TAILROOM_BYTES) != 0) {
        tp->stats.send_failed++;
        return false;
    }
    egress_commit(tp->env->egress, len, path);
    tp->stats.packets_sent++;
    tp->stats.bytes_sent += len;
    return true;
}
