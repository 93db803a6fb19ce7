/* SPDX-License-Identifier: Apache-2.0 */
/* encoding.c - see encoding.h. */
#include "rooms/sfu/encoding.h"

#include "core/packet.h"
#include "core/payload_vp8.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"

static void send_keyframe_request(struct encoding *e, uint64_t now_us)
{
    const struct negotiated_codec *codec = track_live_codec(e->track);
    struct transport *tp = e->track->owner->tp;

    if (e->ssrc == 0)
        return;
    if (codec != NULL && !codec->pli && codec->fir) {
        e->recv.firs_sent++;
        transport_send_fir(tp, e->ssrc, now_us);
        return;
    }
    e->recv.plis_sent++;
    transport_send_pli(tp, e->ssrc, now_us);
}

static void rearm(struct encoding *e)
{
    uint64_t next_us = keyframe_next_us(&e->keyframes);

    if (next_us == UINT64_MAX)
        deadline_clear(&e->keyframe_due);
    else
        deadline_set(e->track->owner->sfu->env.wheel, &e->keyframe_due, next_us);
}

static void on_keyframe_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct encoding *e = arg;
    struct transport_stats stats;

    (void)d;
    transport_read_stats(e->track->owner->tp, &stats);
    if (keyframe_tick(&e->keyframes, stats.round_trip_us, now_us))
        send_keyframe_request(e, now_us);
    rearm(e);
}

void encoding_init(struct encoding *e, struct track *track)
{
    *e = (struct encoding){.track = track};
    deadline_init(&e->keyframe_due, on_keyframe_due, e);
}

static void stop_reporting(struct encoding *e)
{
    if (e->is_reporting)
        transport_remove_recv(e->track->owner->tp, &e->recv);
    e->is_reporting = false;
}

void encoding_fini(struct encoding *e)
{
    deadline_clear(&e->keyframe_due);
    stop_reporting(e);
    ssrc_table_remove_encoding(&e->track->owner->ssrcs, e);
}

int encoding_bind(struct encoding *e, uint32_t ssrc, bool is_rtx)
{
    uint32_t *mine = is_rtx ? &e->rtx_ssrc : &e->ssrc;

    if (*mine == ssrc)
        return 0;
    int err = ssrc_table_put(&e->track->owner->ssrcs, ssrc, e, is_rtx);
    if (err != 0)
        return err;
    *mine = ssrc;
    if (is_rtx)
        return 0;
    stop_reporting(e);
    rtp_recv_init(&e->recv, ssrc, track_clock_hz(e->track));
    transport_add_recv(e->track->owner->tp, &e->recv);
    e->is_reporting = true;
    e->live_since_us = 0;
    e->seen_sr_us = 0;
    return 0;
}

static void note_keyframe(struct encoding *e, const struct packet *pkt, uint64_t now_us)
{
    struct vp8_descriptor vp8;

    e->key_frames++;
    keyframe_received(&e->keyframes, now_us);
    rearm(e);
    if (pkt->codec == CODEC_VP8 && vp8_parse(&vp8, pkt->data + pkt->rtp.header_bytes, pkt->rtp.payload_bytes) == 0 &&
        vp8.width != 0) {
        e->width = vp8.width;
        e->height = vp8.height;
    }
}

bool encoding_receive(struct encoding *e, struct packet *pkt, uint64_t now_us)
{
    if (!rtp_recv_packet(&e->recv, pkt->rtp.seq, pkt->rtp.ts, pkt->len, now_us))
        return false;
    if (e->live_since_us == 0 || now_us - e->last_packet_us > ENCODING_SILENT_US)
        e->live_since_us = now_us;
    e->last_packet_us = now_us;
    if (pkt->media.is_frame_start)
        e->frames++;
    if (pkt->media.is_keyframe && e->track->section.kind == MEDIA_VIDEO)
        note_keyframe(e, pkt, now_us);
    return true;
}

void encoding_ask_keyframe(struct encoding *e, uint64_t now_us)
{
    if (keyframe_ask(&e->keyframes, now_us))
        send_keyframe_request(e, now_us);
    rearm(e);
}

bool encoding_is_live(const struct encoding *e, uint64_t now_us)
{
    return e->live_since_us != 0 && now_us - e->last_packet_us <= ENCODING_LIVE_US;
}
