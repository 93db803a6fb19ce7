/* SPDX-License-Identifier: Apache-2.0 */
/*
 * viewer.h - a WHEP session that counts what arrives and answers as a browser would: consent, receiver reports, transport-wide
 * feedback. It asks for no retransmission: on loopback whatever is lost was lost by the server or by us, and is to be seen.
 *
 * Packets are counted from their clear headers. Until its first picture every viewer decrypts; after that a sampled one decrypts the
 * last packet of each frame, which tells its delay. Owner: the audience.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/loadgen/session.h"
#include "core/attr.h"
#include "core/deadline.h"
#include "transport/rtp_recv.h"

struct generator;
struct twcc;
struct viewer;

/* What a viewer tells; it may not close the viewer. */
struct viewer_handlers {
    void (*on_answered)(struct viewer *v, void *arg);
    void (*on_open)(struct viewer *v, uint64_t now_us, void *arg);
    /* The first frame that a decoder could show is complete. */
    void (*on_picture)(struct viewer *v, void *arg);
    /* A frame's last packet arrived at a sampled viewer, so long after it was sent. */
    void (*on_delay)(struct viewer *v, uint64_t delay_us, void *arg);
    /* A packet of media, decrypted; NULL: not wanted, and few are decrypted. */
    void (*on_media)(struct viewer *v, bool is_video, const struct datagram *clear, void *arg);
    /* Failed, or gone after viewer_delete(). */
    void (*on_ended)(struct viewer *v, void *arg);
};

struct viewer_config {
    struct generator *generator;
    const char *url;
    bool has_audio;
    bool is_sampled;
};

/* A keyframe on its way in. */
struct frame_watch {
    bool is_running;
    uint16_t next_seq;
    uint32_t ts;
};

/* In an array of the audience; read-only for others than viewer.c. */
struct viewer {
    struct session session;
    const struct viewer_handlers *handlers;
    void *arg;
    bool is_sampled, has_picture;
    struct answer_media video_media, audio_media;
    struct rtp_recv video, audio;
    struct frame_watch watch;
    struct twcc *twcc; /* NULL: not negotiated */
    uint64_t twcc_due_us;
    struct deadline rtcp;
    uint64_t report_due_us;
    uint64_t payload_bytes, rtx_packets, other_packets, broken_packets;
    uint64_t picture_us; /* when the first one was complete; 0: not yet */
};

void viewer_open(struct viewer *v, const struct viewer_config *config,
                 const struct viewer_handlers *handlers, void *arg);
void viewer_delete(struct viewer *v);
/** Close at once. A zeroed viewer is fine. */
void viewer_close(struct viewer *v);

/* Sums over viewers; the difference of two is what happened between. */
struct viewer_totals {
    uint64_t packets;  /* media, audio included, without retransmissions and duplicates */
    uint64_t expected; /* by their sequence numbers */
    uint64_t payload_bytes, duplicates, rtx_packets, other_packets, broken_packets;
    uint64_t socket_drops;
};

/** Add this viewer's counts. */
void viewer_add_totals(const struct viewer *v, struct viewer_totals *sum);
