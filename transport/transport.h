/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - one endpoint's ICE + DTLS + SRTP association (BUNDLE, rtcp-mux): the object above everything in this folder.
 *
 * Sans-I/O: datagrams come through transport_receive(), leave through the egress batch; time comes with each call and from the
 * wheel. Knows SSRCs and bytes, not rooms. Owner: the sfu. Thread: its worker's. Any handler may close any transport.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/log.h"
#include "core/stats.h"
#include "core/str.h"
#include "transport/dtls.h"
#include "transport/ice.h"
#include "transport/jsep.h"
#include "transport/path.h"

struct bwe_stats;
struct egress;
struct fanout_stream;
struct mux;
struct pacer_item;
struct packet;
struct packet_pool;
struct rtp_recv;
struct rtp_send;
struct send_timeline;
struct transport;
struct wheel;

#define TRANSPORT_STATES(X)                                                                      \
    X(NEW, "created, no remote description yet")                                                 \
    X(CHECKING, "remote ufrag known, no nominated path yet")                                     \
    X(HANDSHAKE, "path nominated, DTLS running")                                                 \
    X(OPEN, "SRTP keys installed, media may flow; an ICE restart does not leave it")             \
    X(FAILED, "consent ran out after it was open; a nominating check, as after an ICE restart, " \
              "brings it back to OPEN")                                                          \
    X(CLOSED, "final; the handshake was refused or timed out, or the endpoint closed")

enum transport_state {
#define X(name, text) TRANSPORT_##name,
    TRANSPORT_STATES(X)
#undef X
        TRANSPORT_STATE_COUNT
};

const char *transport_state_name(enum transport_state s); /* "open" */

/* What all transports of a worker share. Borrowed; outlives them. */
struct transport_env {
    struct wheel *wheel;
    struct egress *egress;
    struct packet_pool *pool;
    struct mux *mux;
    struct stun_responder *stun;
    struct dtls_context *dtls;
    /* Defers a free to the end of the turn (worker_free_later, or a simulation's own). */
    void (*free_later)(void *block, void (*free_block)(void *block), void *arg);
    /* Tells the port that a path showed an authenticated check, or is not used any more; NULL members are fine. */
    void (*keep_path)(const struct path *path, void *arg);
    void (*drop_path)(const struct path *path, void *arg);
    bool pads_runs; /* runs of nearly equal packets are padded to equal length */
    /* Wall clock in microseconds since 1970, for reports. */
    uint64_t (*wall_us)(void *arg);
    void *arg;
};

struct transport_handlers {
    /* Entered a state; @reason is a static text, "" when it goes without saying. */
    void (*on_state)(struct transport *tp, enum transport_state state, const char *reason,
                     uint64_t now_us, void *arg);
    /* A clear RTP packet with its header parsed; @pkt is borrowed for the call (packet_ref to keep). */
    void (*on_rtp)(struct transport *tp, struct packet *pkt, uint64_t now_us, void *arg);
    /* The endpoint asks for a keyframe of an SSRC that we send (PLI or FIR). */
    void (*on_keyframe_request)(struct transport *tp, uint32_t ssrc, uint64_t now_us, void *arg);
    /* The endpoint misses packets of an SSRC that we send. */
    void (*on_nack)(struct transport *tp, uint32_t ssrc, const uint16_t *seq, size_t n,
                    uint64_t now_us, void *arg);
    /* Another estimate of what the way to the endpoint carries, or what it was; with transport_set_send_twcc_id(). */
    void (*on_estimate)(struct transport *tp, uint64_t bps, uint64_t now_us, void *arg);
    /* About so many bytes are to be sent now, besides the media, to find out more: packets sent before, or padding. */
    void (*on_probe)(struct transport *tp, size_t bytes, uint64_t now_us, void *arg);
    /* What transport_let_wait() took may leave now, or will not leave: the item is the owner's again. */
    void (*on_paced)(struct transport *tp, const struct pacer_item *item, uint64_t now_us,
                     void *arg);
    void (*on_pace_dropped)(const struct pacer_item *item, void *arg);
    /* The endpoint ends an SSRC of its own. */
    void (*on_bye)(struct transport *tp, uint32_t ssrc, uint64_t now_us, void *arg);
};

struct transport_stats {
    uint64_t packets_received, bytes_received, packets_sent,
        bytes_sent; /* datagrams, STUN and DTLS included */
    uint64_t padding_bytes_sent;
    enum transport_state state;
    struct ice_stats ice;
    bool has_path;
    struct path selected;
    uint64_t srtp_auth_failed, srtp_replayed, srtp_malformed, srtp_before_open, rtcp_malformed,
        unvalidated_path;
    uint64_t rtcp_unknown_ssrc; /* feedback and reports about SSRCs that are not ours */
    uint64_t twcc_feedback_sent, twcc_malformed, twcc_no_memory;
    uint64_t rembs_sent, rembs_received, remb_malformed, remb_no_memory;
    uint64_t dtls_before_check, send_before_open, send_failed;
    char dtls_cipher[64];
    enum srtp_profile srtp_profile;
    uint64_t round_trip_us; /* the latest of any report block; 0: none yet */
    uint64_t twcc_feedback_received;
    uint64_t estimate_bps; /* of the way to the endpoint, as told last (on_estimate); 0: none yet */
    uint64_t probe_packets_sent, paced_packets, pace_dropped;
};

enum rtp_out_kind { RTP_OUT_MEDIA, RTP_OUT_RETRANSMISSION, RTP_OUT_PADDING };

/* One RTP packet to send, in pieces: head = RTP header (@header_bytes of it, sent in clear) followed by rewritten first payload
 * bytes; then the rest of the payload straight out of a shared packet. */
struct rtp_out {
    struct fanout_stream *stream; /* of its SSRC: transport_send_stream() */
    uint8_t *head;
    uint8_t *twcc;      /* inside head: where the transport-wide number goes; NULL: it has none */
    bool has_send_time; /* there goes, in its place, when it leaves (RTP_EXT_ABS_SEND_TIME) */
    uint8_t kind;       /* enum rtp_out_kind, for the estimator */
    uint8_t padding_bytes; /* of a packet that is nothing else */
    size_t head_bytes, header_bytes;
    const uint8_t *payload;
    size_t payload_bytes;
};

/**
 * Open a transport and register its ufrag.
 *
 * Errors: E_LIMIT, E_CONFLICT (ufrag), E_NO_MEMORY.
 */
MUST_CHECK int transport_open(struct transport **out, const struct transport_env *env,
                              const struct ice_credentials *local, uint64_t consent_timeout_us,
                              const struct log_ids *ids, const struct transport_handlers *handlers,
                              void *arg, uint64_t now_us);
/** Send close_notify and BYEs for its senders when open, withdraw from the mux, unlink its receivers and senders, free at the end of
 * the turn. NULL is fine. No handler is called. */
void transport_close(struct transport **tp, uint64_t now_us);
/** The endpoint's side, once. Errors: E_STATE, E_INVALID (fingerprints), E_NO_MEMORY; nothing changed then. Calls: on_state. */
MUST_CHECK int transport_set_remote(struct transport *tp, const struct remote_transport *remote,
                                    uint64_t now_us);
/** New ICE credentials on both sides; media goes on over the old path until a new one is nominated. Errors: E_STATE before the
 * first remote description and after the end, E_CONFLICT or E_LIMIT (ufrag); nothing changed then. */
MUST_CHECK int transport_restart_ice(struct transport *tp, const struct ice_credentials *local,
                                     const struct ice_credentials *remote, uint64_t now_us);
/** Take a datagram that the mux found to be ours; takes @pkt. Calls: any handler. */
void transport_receive(struct transport *tp, const struct path *from, struct packet *pkt,
                       uint64_t now_us);
/** A TCP connection ended, which the mux has forgotten already. */
void transport_path_closed(struct transport *tp, const struct path *path, uint64_t now_us);

/**
 * What sending remembers of an SSRC of ours; made at the first call.
 *
 * Owner:  the transport, for as long as it lives: whoever sends under an SSRC again goes on where the last one ended, since a
 *         number used twice under one key would give the key away (RFC 7714 s8.1).
 * Errors: NULL past MAX_SEND_STREAMS_PER_TRANSPORT, or without memory.
 */
struct fanout_stream *transport_send_stream(struct transport *tp, uint32_t ssrc);

/** Where the media of a stream of transport_send_stream() ended; zero at first. Whoever sends under the SSRC writes it when he ends. */
struct send_timeline *transport_send_timeline(struct fanout_stream *stream);
/** Media will follow in some microseconds: have what that takes brought nearer (core/prefetch.h), first the transport, then, in a
 * second call a little later, what it points to. */
void transport_prefetch(const struct transport *tp);
void transport_prefetch_deeper(const struct transport *tp);
/**
 * Encrypt packets, in this order, into the egress batch.
 *
 * Packets of nearly one length are padded (RFC 3550 s5.1) to be of one, so that they can leave with one system call, where
 * env->pads_runs says so.
 *
 * Returns how many are in the batch; the others are counted in the statistics: all of them while it is not open or has no
 * path.
 */
size_t transport_send_rtp(struct transport *tp, const struct rtp_out *out, size_t n,
                          uint64_t now_us);
/** Encrypt a compound RTCP packet into the egress batch; false as above. */
bool transport_send_rtcp(struct transport *tp, const uint8_t *buf, size_t len, uint64_t now_us);
/** Ask the endpoint for a keyframe of its @ssrc: PLI (RFC 4585 s6.3.1) or FIR (RFC 5104 s4.3.1, sequence kept here). */
bool transport_send_pli(struct transport *tp, uint32_t ssrc, uint64_t now_us);
bool transport_send_fir(struct transport *tp, uint32_t ssrc, uint64_t now_us);
/** Ask it for packets of its @ssrc again (NACK, RFC 4585 s6.2.1): @n rising numbers, at most MAX_NACKED_SEQS. */
bool transport_send_nack(struct transport *tp, uint32_t ssrc, const uint16_t *seqs, size_t n,
                         uint64_t now_us);

/**
 * Tell the endpoint when its packets arrive, by the header extension @ext_id that numbers them over all its streams
 * (RTP_EXT_TWCC; the same on all bundled sections). 0 stops it. Without memory there is none; that is counted.
 */
void transport_set_twcc_id(struct transport *tp, uint8_t ext_id);
/**
 * Tell the endpoint what its way to us carries (REMB), by the header extension @ext_id that says when packets were sent
 * (RTP_EXT_ABS_SEND_TIME; the same on all bundled sections). 0 stops it, as does transport_set_twcc_id(). Without memory there is none;
 * that is counted.
 */
void transport_set_remb_id(struct transport *tp, uint8_t ext_id);

/**
 * Number what is sent by the header extension @ext_id (RTP_EXT_TWCC; the same on all bundled sections), and estimate by the feedback
 * what the way to the endpoint carries (bwe.h). 0 stops it. Without memory there is none.
 * Calls: on_estimate, with what it starts from: nothing begins before that is known.
 */
void transport_set_send_twcc_id(struct transport *tp, uint8_t ext_id, uint64_t now_us);
/** Take REMBs for what the way to the endpoint carries, from one that sends no transport-wide feedback; with that, a REMB is a bound of
 * the estimate. Nothing is known before the first. */
void transport_take_remb(struct transport *tp);
/** That id; 0: packets are not numbered. */
uint8_t transport_send_twcc_id(const struct transport *tp);
/** What the way to the endpoint carries; 0: not known. */
uint64_t transport_estimate_bps(const struct transport *tp);
/** How much of that may go into retransmissions now; UINT64_MAX: not known. */
uint64_t transport_repair_bps(const struct transport *tp, uint64_t now_us);
/** Tell what could be used if it were there; 0: no more than is sent. */
void transport_want_bps(struct transport *tp, uint64_t bps, uint64_t now_us);
/** Copy what the estimator knows; false when there is none. */
MUST_CHECK bool transport_read_bwe(const struct transport *tp, struct bwe_stats *out);
/** Whether a packet may leave at once: bursts of video are spread (pacer.h); it is counted then. @priority is enum pacer_priority. */
bool transport_may_send(struct transport *tp, unsigned priority, size_t bytes, uint64_t now_us);
/** Keep one that may not, for on_paced; false when it will not wait: it is the caller's still. Calls: on_pace_dropped. */
MUST_CHECK bool transport_let_wait(struct transport *tp, const struct pacer_item *item,
                                   uint64_t now_us);
/** Give back what waits for @owner. Calls: on_pace_dropped. */
void transport_drop_waiting(struct transport *tp, const void *owner);

/** Put an SSRC into this transport's reports. The state struct stays the caller's, who removes it before it dies. */
void transport_add_recv(struct transport *tp, struct rtp_recv *r);
void transport_remove_recv(struct transport *tp, struct rtp_recv *r);
void transport_add_send(struct transport *tp, struct rtp_send *s);
void transport_remove_send(struct transport *tp, struct rtp_send *s);

/** Where it is in its life. */
enum transport_state transport_state(const struct transport *tp);
/** The ids of its log lines. */
const struct log_ids *transport_ids(const struct transport *tp);
/** Copy the figures. */
void transport_read_stats(const struct transport *tp, struct transport_stats *out);
/** One line of everything, for logs and failing tests. */
void transport_describe(const struct transport *tp, struct strbuf *out);
