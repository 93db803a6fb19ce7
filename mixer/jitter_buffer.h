/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jitter_buffer.h - brings audio packets back into the order and the pace they were sent in.
 *
 * RTP packets go in as they come; whenever the player runs out of sound it pulls what comes next: a packet to decode, a gap to
 * conceal, or silence. How long packets are held back follows the measured jitter (jitter_delay.h), at most a ceiling. The buffer
 * says when the player should make its sound shorter or longer (time_stretch.h); where nothing is heard it changes the delay by
 * itself: pauses get shorter or longer.
 *
 * It takes what senders do: numbers that wrap, repeat or come late, pauses without packets (DTX), another SSRC, timestamps or
 * numbers that jump, a clock a little faster or slower than ours.
 *
 * Pure: time comes with each call, and does not step back. Knows nothing of codecs: the caller tells the media time of each packet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct packet;
struct jitter_buffer;

/* W3C webrtc-stats' names where it has one. Counted in packets, where not said otherwise. */
struct jitter_buffer_stats {
    uint64_t packets_received;
    uint64_t packets_discarded; /* came too late, or were too old after a jam */
    uint64_t duplicates;
    uint64_t malformed;    /* no media time, or more than a packet can have */
    uint64_t overflows;    /* dropped for the ceiling */
    uint64_t restarts;     /* another SSRC, or numbers that jumped */
    uint64_t concealments; /* pulls answered with JITTER_LOST */
    uint64_t
        delay_us; /* of the newest packet pulled: against the earliest that it could have come */
    uint64_t target_us;   /* aimed at */
    uint64_t jitter_us;   /* median of what packets took longer than the fastest */
    uint64_t buffered_us; /* media time in it */
};

enum jitter_kind {
    JITTER_SILENCE, /* nothing was sent, or nothing is known: silence */
    JITTER_PACKET,  /* decode it */
    JITTER_LOST,    /* sound is missing: conceal it */
};

struct jitter_frame {
    enum jitter_kind kind;
    uint32_t
        span_ts; /* media time of it, at least 1; of silence at most 20 ms, of others at most MAX_AUDIO_FRAME_US */
    struct packet *packet; /* JITTER_PACKET: the caller's, to be dropped with packet_unref() */
    /* JITTER_LOST: the packet right behind the gap, where it is here: it may carry the lost one in it (in-band FEC). Valid
     * until the next call; NULL else. */
    const struct packet *next;
    /* JITTER_LOST: the first packet behind the gap, where one is here, and how much media time this one lies before it: it may carry the
     * lost one as redundancy (RFC 2198). Valid as long; NULL else. */
    const struct packet *later;
    uint32_t behind_ts;
    bool is_restart; /* JITTER_PACKET: the first of another stream */
};

/** What the player should do to its sound. */
enum jitter_advice { JITTER_KEEP, JITTER_SHRINK, JITTER_SHRINK_FAST, JITTER_GROW };

/**
 * Make a buffer for a stream of @clock_hz that holds back at most @max_delay_us (up to MAX_JITTER_DELAY_US); NULL without memory.
 * Owner: the caller.
 */
MUST_CHECK struct jitter_buffer *jitter_buffer_new(uint32_t clock_hz, uint64_t max_delay_us);
/** Drops the packets. */
void jitter_buffer_free(struct jitter_buffer **b);
/** Drop all packets, and wait for new ones. What is known of jitter stays. */
void jitter_buffer_flush(struct jitter_buffer *b);
/**
 * Put a packet in; it needs its RTP header and arrival time.
 *
 * Owner: takes a reference of its own where it keeps @p. Units: @span_ts, its media time, 0 where it could not be told;
 * @is_pause says that the sender goes quiet behind it (DTX). Returns whether it was kept.
 */
bool jitter_buffer_push(struct jitter_buffer *b, struct packet *p, uint32_t span_ts, bool is_pause);
/**
 * A packet that was pushed repeats the one @back numbers and @behind_ts before it (RFC 2198). Where that did not come, this is when it
 * came at last: it counts for the delay, so that repetitions are in time for the gaps they fill. Returns false when it did come, or is not
 * known to be of this stream.
 */
bool jitter_buffer_note_repeated(struct jitter_buffer *b, const struct packet *p, unsigned back,
                                 uint32_t behind_ts);
/**
 * Take what comes next. With @is_heard false nobody listens: the delay is set right at once, by leaving out packets.
 */
void jitter_buffer_pull(struct jitter_buffer *b, uint64_t now_us, bool is_heard,
                        struct jitter_frame *out);
/** What to do now; JITTER_KEEP again after jitter_buffer_stretched(), for a while. */
enum jitter_advice jitter_buffer_advice(const struct jitter_buffer *b);
/** The advice was followed. */
void jitter_buffer_stretched(struct jitter_buffer *b);
/** Whether no packet came for so long that the sender is thought to have stopped. */
bool jitter_buffer_is_idle(const struct jitter_buffer *b);
void jitter_buffer_read_stats(const struct jitter_buffer *b, struct jitter_buffer_stats *out);
