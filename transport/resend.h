/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resend.h - which of the packets that a viewer asks for again (NACK) may be sent again, and where they came from.
 *
 * A viewer asks by the numbers it was sent; the packets are kept once for all viewers, by the numbers of their source. What lies
 * between is constant over stretches: another distance of sequence numbers after each packet left out, other distances of everything
 * after a switch. So a subscription keeps those stretches instead of packets, whatever its forwarder remembers: 700 bytes, and a
 * kilobyte more once its viewer has asked for something. A start from the history has a stretch for each frame, until it is over.
 *
 * Nothing that was not sent to this very viewer is sent again, nothing twice within a round trip, and all together a viewer
 * gets no more than a budget. Pure. Owner: a subscription has a `struct resend`, its transport the `struct resend_budget`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define RESEND_WINDOW 1024 /* packets behind the newest that can be asked for */
#define RESEND_SPANS 24    /* 0.8 s of a stream that leaves out each second picture of 60 */
#define RESEND_MAX_SPANS \
    192 /* three seconds of 60 pictures, of which each has another time distance */
#define RESEND_RECENT 128 /* packets sent again of which we remember when */

/* A viewer repeats after a round trip by its own measure; ours may be a little longer, so three quarters of it must lie between
 * two answers, within these bounds. */
#define RESEND_MIN_REPEAT_US 10000ull
#define RESEND_MAX_REPEAT_US 500000ull
#define RESEND_UNKNOWN_RTT_US 60000ull

/* Of a viewer's media: enough for a fifth lost, and what is lost of the answers. */
#define RESEND_SHARE_PERCENT 50
#define RESEND_MIN_BPS 200000ull /* while little is sent: audio only, or just begun */
#define RESEND_BURST_US 500000ull

#define RESEND_VERDICT_MAP(X)                                             \
    X(YES, "may be sent again")                                           \
    X(NEVER_SENT, "this number was not sent: lost before us, or made up") \
    X(TOO_OLD, "sent, but so long ago that its origin is forgotten")      \
    X(TOO_SOON, "sent again less than a round trip ago: that answer is still under way")

enum resend_verdict {
#define X(name, text) RESEND_##name,
    RESEND_VERDICT_MAP(X)
#undef X
};

/* How a packet was rewritten: what to add to the source's numbers, each in the width of its field. */
struct resend_rewrite {
    uint32_t ts;
    uint16_t
        source; /* the caller's number of an encoding, another one after each change of track */
    uint16_t seq;
    uint16_t picture_id, frame_number;
    uint8_t tl0picidx, keyidx;
};

/* Where a packet came from, and how to make it again. */
struct resend_origin {
    uint16_t seq; /* in the source's numbering */
    struct resend_rewrite how;
};

struct resend_span {
    uint16_t first; /* outgoing; it ends where the next one begins */
    struct resend_rewrite how;
};

struct resend_recent; /* private */

struct resend {
    bool started;
    uint8_t first_span, spans, max_spans; /* the last: room in span */
    uint16_t newest;                      /* outgoing */
    struct resend_span *span; /* a ring, oldest at first_span; allocated with the first packet */
    uint64_t sent[RESEND_WINDOW / 64]; /* of the window, by outgoing number */
    struct resend_recent *recent;      /* allocated by the first answer */
    /* counters of numbers: asked for, and what became of them; not_kept is the caller's to count */
    uint64_t asked, resent, never_sent, too_old, too_soon, over_budget, not_kept;
    uint64_t bytes_resent;
};

/* Bytes that may be spent on answers to one viewer. Zeroed is a valid start. */
struct resend_budget {
    uint64_t bytes_per_s, burst_bytes;
    uint64_t bytes; /* to be had now */
    uint64_t at_us; /* when that was worked out; 0: never */
};

/** Prepare (a zeroed struct is fine too). */
void resend_init(struct resend *r);
/** Free what it allocated and forget what was sent; the counters stay. */
void resend_reset(struct resend *r);
/**
 * Note that a packet went out as @out_seq, rewritten by @how. Late packets too: @out_seq need not rise; who has asked for one
 * meanwhile need not be answered. Packets that are sent again are not noted again.
 */
void resend_sent(struct resend *r, uint16_t out_seq, const struct resend_rewrite *how,
                 uint64_t now_us);
/** resend_sent() follows in some microseconds (core/prefetch.h). */
void resend_prefetch(const struct resend *r);
/**
 * Judge a number that the viewer asks for; anything but RESEND_YES is counted and ignored. *origin is written with RESEND_YES.
 *
 * Units: @rtt_us to the viewer, 0: not known.
 */
MUST_CHECK enum resend_verdict resend_look_up(struct resend *r, uint16_t out_seq, uint64_t rtt_us,
                                              uint64_t now_us, struct resend_origin *origin);
/** Find where a number came from, for other purposes than an answer; nothing is judged or counted. false: not known. */
MUST_CHECK bool resend_find(struct resend *r, uint16_t out_seq, struct resend_origin *origin);
/** Pay for an answer of @bytes after RESEND_YES. false: over the budget (or without memory), do not send; counted. */
MUST_CHECK bool resend_pay(struct resend *r, struct resend_budget *budget, uint16_t out_seq,
                           size_t bytes, uint64_t now_us);
/**
 * Say how much media the viewer is sent, and how much his path has for answers at most (UINT64_MAX: nobody knows). Call it with
 * each request, or about once a second.
 */
void resend_budget_set_rate(struct resend_budget *b, uint64_t media_bps, uint64_t most_bps,
                            uint64_t now_us);
