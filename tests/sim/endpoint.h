/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.h - a scripted WebRTC endpoint on the virtual network: ICE checks, DTLS (active), SRTP, synthetic media, reports.
 *
 * It speaks to the server as a browser does; what signalling would negotiate is set up directly with the sfu, each endpoint with
 * payload types and extension ids of its own. Each media packet tells in its payload what it is, so that a receiver checks whatever
 * arrives: which is the true source, is the numbering right, do frames decode. What is wrong is counted as a fault.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/deadline.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/seq.h"
#include "core/str.h"
#include "core/wire.h"
#include "rooms/sfu/sfu.h"
#include "tests/sim/sim.h"
#include "transport/jsep.h"
#include "transport/rtp_recv.h"
#include "transport/transceiver.h"

struct dtls;
struct feedback;
struct ice_client;
struct rtp_header;
struct rtpsec;

#define ENDPOINT_MAX_PUBS 4
#define ENDPOINT_MAX_SLOTS 12
#define SLOT_MAX_FRAMES 64
#define SLOT_MAX_SOURCES 8
#define CONTENT_MAX_PACKETS 32u /* of a frame */

/* What a packet says of itself. */
struct content {
    uint32_t track;
    uint8_t encoding, index, count; /* packet index of count in its frame */
    bool is_keyframe;
    uint8_t temporal, temporal_layers; /* of its encoding */
    uint32_t frame, ref;               /* the frame that it needs; of a keyframe: none */
    uint64_t capture_us;               /* of the simulation's clock */
};

/* One encoding that is sent. */
struct pub_encoding {
    char rid[MAX_RID_LEN + 1];
    uint32_t ssrc;
    uint16_t seq;
    uint32_t first_ts; /* at time 0 */
    uint16_t picture_id, width, height;
    uint8_t tl0, keyidx;
    unsigned packets_per_frame;
    uint32_t base_frame, middle_frame; /* the newest of temporal layers 0 and 1 */
    uint8_t place;                     /* in the pattern of temporal layers */
    bool is_on, wants_keyframe;
    uint32_t frames, keyframes, plis, firs, packets, octets;
};

/* A track that is published. */
struct pub {
    struct endpoint *owner;
    uint64_t track;
    enum codec_id codec;
    uint8_t pt;
    uint32_t clock_hz;
    uint64_t interval_us; /* between frames */
    struct pub_encoding encoding[MAX_ENCODINGS];
    unsigned encoding_count;
    bool is_sending;
    unsigned temporal_layers;  /* of video: 1 to 3 */
    unsigned fill_bytes;       /* of a packet, behind what it says of itself */
    uint8_t head_fill_bytes;   /* of a header extension that viewers get as it is; 0: without */
    unsigned keyframe_packets; /* 0: keyframe_times what other frames have */
    unsigned keyframe_times;
    unsigned lost_of_keyframe; /* bit i: packet i of the next keyframe is lost; then none again */
    bool obeys_demand;         /* switches encodings off and on as it is told */
    unsigned wanted, demands;  /* what it was told last; how often */
    unsigned padding_percent;  /* of frames followed by padding-only packets */
    struct deadline tick;
    struct transceiver section;
    /* Redundant audio: each packet carries the sound of the one before, too. */
    bool sends_red;
    uint8_t red_pt;
    uint32_t before_ts;
    size_t before_bytes;
    uint8_t before[256];
    int level; /* of audio, -dBov; -1: another one in each packet, to tell them apart */
};

/** Negotiate redundant audio, and send it or not. */
void pub_send_red(struct pub *p, bool sends_red);
/** The level that a packet tells. */
uint8_t pub_level(const struct pub *p, uint32_t frame);
/** The publication of a track; NULL when there is none. */
struct pub *pub_of_track(const struct sim *sim, uint64_t track);

struct slot_frame {
    struct content id; /* of any packet; count 0: free */
    uint32_t ts, got;  /* bits */
};

struct slot_source {
    uint32_t track;
    uint32_t packets, frames, decoded, keyframes;
    uint32_t temporal[3]; /* frames by temporal layer */
    uint8_t encoding;     /* of the newest packet */
};

/* A section on which something is received. */
struct slot {
    struct endpoint *owner;
    uint64_t id;
    enum media_kind kind;
    struct transceiver section;
    struct rtp_recv recv;
    /* numbering */
    struct seq16_unwrapper seqs;
    int64_t newest, watched_at; /* the latter: newest when the source was set */
    bool is_gap;         /* something is missing between the newest content and the newest number */
    uint64_t seen[4096]; /* digest of the content by outgoing number */
    int64_t seen_ext[4096];
    struct content newest_content;
    uint64_t newest_content_us;
    uint64_t
        flow_since_us; /* first packet of the newest content's track, or the slot was told to watch */
    uint32_t newest_ts;
    int64_t ahead_us; /* of the newest content's own time, while a switch catches up; else 0 */
    uint16_t newest_picture_id;
    uint8_t newest_tl0, newest_keyidx;
    /* decoding */
    struct slot_frame frame[SLOT_MAX_FRAMES];
    struct content decoded; /* the newest frame decoded; count 0: none */
    uint64_t
        decoded_before; /* bit i: the frame i before that one was decoded, since the keyframe */
    struct sfu_slot_state state; /* as told last */
    unsigned states_told;
    uint64_t pli_us, broken_since_us;
    uint32_t plis;
    /* reports */
    uint64_t sr_ntp;
    uint32_t sr_ts, srs, byes;
    struct slot_source source[SLOT_MAX_SOURCES];
    uint32_t packets, switches, empty;
    uint32_t reds; /* packets with redundant audio */
    uint64_t newest_arrival_us, largest_gap_us;
    /* Takes the packets in place of all that: the payload is another one. */
    void (*on_packet)(struct slot *s, const struct rtp_header *h, const uint8_t *buf, void *arg);
    void *arg;
};

struct endpoint {
    struct list node; /* in the sim's list */
    struct sim *sim;
    unsigned id; /* of the endpoint and of its transport */
    struct net_host *host;
    struct ice_credentials local, remote;
    struct ice_client *ice;
    struct dtls *dtls;
    struct rtpsec *rtpsec;
    bool is_nominated, is_open, is_closed, is_mute_to_checks, is_held_before_dtls, is_deaf_to_plis;
    bool may_lose; /* its line loses or reorders: the first packet of a stream may be missing */
    unsigned moves;
    int64_t ntp_offset_us; /* of its clock */
    struct deadline check_due, report_due;
    struct pub pub[ENDPOINT_MAX_PUBS];
    unsigned pub_count;
    struct slot slot[ENDPOINT_MAX_SLOTS];
    unsigned slot_count;
    struct feedback *feedback; /* feedback.h; NULL: it says nothing of loss and congestion */
    uint32_t rembs;            /* that it was told, and the newest */
    uint64_t remb_bps;
    uint64_t checks_answered, packets_received, replays, unknown_ssrc, rrs, foreign_plis;
    unsigned faults;
    char fault[160]; /* the first */
    /* the latest protected datagram, for replays */
    uint8_t sent[MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES];
    size_t sent_bytes;
};

/** Put an endpoint on the network, its transport open on the server (state NEW). */
MUST_CHECK struct endpoint *endpoint_new(struct sim *sim, unsigned id);
/** Vanish: no word to the server, whose transport stays. */
void endpoint_free(struct endpoint **e);
/** Give the server its description and begin to check. */
void endpoint_connect(struct endpoint *e);
/** endpoint_new(), endpoint_connect(), and time for the handshake. */
MUST_CHECK struct endpoint *endpoint_join(struct sim *sim, unsigned id);
/** What its lines are like, both ways. */
void endpoint_set_lines(struct endpoint *e, const struct net_line *line);
/** Say goodbye: close_notify. */
void endpoint_hang_up(struct endpoint *e);
/** Another network: a new address, which it checks at once. */
void endpoint_move(struct endpoint *e);
void endpoint_restart_ice(struct endpoint *e);

/** Publish, and send from now on. Opus, VP8, or any for which the payload is of no interest. */
struct pub *endpoint_publish(struct endpoint *e, enum codec_id codec);
/** VP8 in @n encodings by RID ("q" "h" "f", each twice as large), SSRCs not signalled. */
struct pub *endpoint_publish_simulcast(struct endpoint *e, unsigned n);
void endpoint_unpublish(struct pub *p);
/** Open a section to receive on. */
struct slot *endpoint_add_slot(struct endpoint *e, enum media_kind kind);
/** For one codec, with dependency descriptors. */
struct slot *endpoint_add_slot_of(struct endpoint *e, enum codec_id codec);
void slot_watch(struct slot *s, const struct pub *p); /* NULL: nothing */
/** A slot for a publication. */
struct slot *endpoint_watch(struct endpoint *e, const struct pub *p);
const struct slot_source *slot_source(const struct slot *s, const struct pub *p);
/** What it wants of the video. */
void slot_wish(struct slot *s, const struct sfu_wish *wish);
/** What its way is estimated to carry; 0: not known. */
void endpoint_set_estimate(struct endpoint *e, uint64_t bps);
void slot_ask_keyframe(struct slot *s);
/** Negotiate redundant audio. */
void slot_take_red(struct slot *s);
/** The server opened it anew: what is shown starts with the next keyframe. */
void slot_begin_anew(struct slot *s);
/** The server's wall time of an outgoing timestamp, by the newest sender report. */
int64_t slot_wall_of_ts(const struct slot *s, uint32_t ts);

/** Send bytes as they are; protect and send an RTP packet or a compound. */
void endpoint_send_raw(struct endpoint *e, const uint8_t *buf, size_t len);
void endpoint_send_rtp(struct endpoint *e, const uint8_t *buf, size_t len);
/** false when it cannot be sealed. */
bool endpoint_try_send_rtp(struct endpoint *e, const uint8_t *buf, size_t len);
void endpoint_send_rtcp(struct endpoint *e, const struct writer *w);
/** Write a plain RTP packet of random payload; returns its length. */
size_t endpoint_write_rtp(struct endpoint *e, uint8_t *out, size_t size, uint8_t pt, uint16_t seq,
                          uint32_t ssrc, size_t payload_bytes);
void endpoint_describe(const struct endpoint *e, struct strbuf *out);
