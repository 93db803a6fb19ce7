/* SPDX-License-Identifier: Apache-2.0 */
/* transport_internal.h - what transport.c (life, states), transport_media.c (SRTP), transport_rtcp.c (reports, feedback) and
 * transport_twcc.c (arrivals) share. */
#pragma once

#include "core/deadline.h"
#include "core/list.h"
#include "core/rng.h"
#include "transport/pacer.h"
#include "transport/transport.h"

struct bwe;
struct fanout_key;
struct rtcp_fb;
struct map;
struct remb;
struct rtpsec;
struct twcc;
struct writer;

/* Padding that one packet of a run may get: what packets of one frame differ by, a header extension included; 3 % of a full
 * packet. */
#define TRANSPORT_MAX_RUN_PADDING 32
#define MAX_TRANSPORT_UFRAGS 3 /* current, old, and a new one while it is added */

struct transport {
    /* First what most packets look at, in few cache lines: transport_prefetch(). */
    enum transport_state state;
    uint8_t send_twcc_ext_id; /* 0: not negotiated */
    bool takes_remb;
    const struct transport_env *env;
    const struct transport_handlers *handlers;
    void *arg;
    struct ice *ice;
    struct rtpsec *rtpsec;       /* once DTLS is open: reception, and RTCP both ways */
    struct fanout_key *send_key; /* once DTLS is open: RTP that we send */
    struct bwe *bwe;             /* NULL until it is negotiated; with REMB alone, until one comes */
    struct deadline report_due;  /* transport_rtcp.c */
    struct deadline bwe_due;
    struct pacer pacer;
    struct transport_stats
        stats; /* counters, those of each packet first; the rest is filled on reading */

    struct log_ids ids;

    char *ufrag[MAX_TRANSPORT_UFRAGS]; /* registered in the mux */
    size_t ufrag_count;
    struct deadline consent_due; /* set late: moved on when it fires too early */

    struct dtls *dtls; /* from transport_set_remote() on */
    bool has_dtls_path;
    struct path
        dtls_path; /* where the latest DTLS datagram came from; answers go there until a path is selected */
    uint64_t dtls_now_us; /* of the latest call into dtls, for what it tells in it */
    struct deadline dtls_due, handshake_due;
    struct list send_streams; /* transport_media.c */
    size_t send_stream_count;

    /* transport_rtcp.c */
    struct list recvs, sends;
    size_t send_count;
    struct map *send_by_ssrc; /* NULL while the list is short */
    struct rng jitter;
    uint32_t reporter_ssrc; /* whose receiver reports and feedback are: no stream of ours */
    char cname[17];         /* of the reporter; RFC 7022: random, for this transport only */
    uint8_t fir_seq;

    /* transport_twcc.c */
    struct twcc *twcc; /* NULL until it is negotiated */
    uint8_t twcc_ext_id;
    uint32_t twcc_media_ssrc; /* of a latest packet */
    struct deadline twcc_due;

    /* transport_remb.c */
    struct remb *remb; /* NULL: it gets transport-wide feedback, or nothing was negotiated */
    uint8_t remb_ext_id;
    struct deadline remb_due;

    /* transport_bwe.c */
    uint64_t told_estimate_bps;
    struct deadline pace_due;
};

/** Take an SRTP or SRTCP packet, whose last reference the caller drops afterwards. Calls: any handler but on_state. */
void transport_media_receive(struct transport *tp, const struct path *from, struct packet *pkt,
                             uint64_t now_us);

/** Free what transport_media.c keeps. */
void transport_media_fini(struct transport *tp);

/** Prepare and take down what transport_rtcp.c keeps. */
void transport_rtcp_init(struct transport *tp);
void transport_rtcp_fini(struct transport *tp);
/** Media flows: see to it that reports go out. */
void transport_rtcp_wake(struct transport *tp, uint64_t now_us);
/** Take a clear compound. Calls: on_keyframe_request, on_nack, on_bye. */
void transport_rtcp_receive(struct transport *tp, const uint8_t *buf, size_t len, uint64_t now_us);
/** Write what a compound of feedback begins with: an empty report, and whose it is. */
void transport_rtcp_write_head(const struct transport *tp, struct writer *w);
/** Say that all senders end. */
void transport_rtcp_send_byes(struct transport *tp, uint64_t now_us);

/** Prepare and take down what transport_twcc.c keeps. */
void transport_twcc_init(struct transport *tp);
void transport_twcc_fini(struct transport *tp);
/** Note when a clear RTP packet, which came as @bytes, arrived. */
void transport_twcc_receive(struct transport *tp, const struct packet *pkt, size_t bytes,
                            uint64_t now_us);

/** Prepare and take down what transport_remb.c keeps. */
void transport_remb_init(struct transport *tp);
void transport_remb_fini(struct transport *tp);
/** Note when a clear RTP packet, which came as @bytes, was sent and arrived. */
void transport_remb_receive(struct transport *tp, const struct packet *pkt, size_t bytes,
                            uint64_t now_us);

/** Prepare and take down what transport_bwe.c keeps; _stop: when nothing is sent any more. */
void transport_bwe_init(struct transport *tp);
void transport_bwe_stop(struct transport *tp);
void transport_bwe_fini(struct transport *tp);
/** Append what the estimator knows. */
void transport_bwe_describe(const struct transport *tp, struct strbuf *out);
/** The number of the next packet. There is an estimator. */
uint16_t transport_bwe_number(const struct transport *tp);
/** A packet of @bytes leaves under that number now. */
void transport_bwe_sent(struct transport *tp, size_t bytes, unsigned kind, uint64_t now_us);
/** Packets were sent: see to it that the estimator is woken in time. */
void transport_bwe_arm(struct transport *tp);
/** Take feedback (RTCP_RTPFB with fmt RTCP_RTPFB_TWCC), REMB, a new round trip, another path. Calls: on_estimate. */
void transport_bwe_feedback(struct transport *tp, const struct rtcp_fb *fb, uint64_t now_us);
void transport_bwe_remb(struct transport *tp, const struct rtcp_fb *fb, uint64_t now_us);
void transport_bwe_round_trip(struct transport *tp, uint64_t rtt_us);
void transport_bwe_path_changed(struct transport *tp, uint64_t now_us);
