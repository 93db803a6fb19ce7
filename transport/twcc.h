/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twcc.h - tells an endpoint when its packets arrived, so that it can estimate its uplink (transport-wide congestion control,
 * draft-holmer-rmcat-transport-wide-cc-extensions-01, receiver's side).
 *
 * Arrivals by transport-wide sequence number go in, over all streams of a transport; feedback packets and the time of the next
 * one come out. Pure. Owner: the transport.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/wire.h"

#define TWCC_EXT_BYTES 2 /* of the header extension: the sequence number */

/* libwebrtc's: feedback takes a twentieth of the received rate, but comes neither more often nor more seldom than this. */
#define TWCC_FEEDBACK_SHARE 20
#define TWCC_MIN_INTERVAL_US 50000ull
#define TWCC_FIRST_INTERVAL_US 100000ull /* while no rate is known */
#define TWCC_MAX_INTERVAL_US 250000ull

struct twcc;

/** Make an empty log; NULL without memory. It never grows. */
MUST_CHECK struct twcc *twcc_new(void);
void twcc_free(struct twcc **t);

/**
 * Log a packet of @bytes. One that came before is ignored, as is one from before what is remembered; one that comes after
 * the feedback that called it lost is told of in the next.
 *
 * Units: @arrival_us of the clock of @now_us, and not of its future.
 */
void twcc_add(struct twcc *t, uint16_t seq, size_t bytes, uint64_t arrival_us, uint64_t now_us);
/** When twcc_write() is to be called; UINT64_MAX: not before another packet came. */
uint64_t twcc_due_us(const struct twcc *t);
/**
 * Write one feedback packet, of at most MAX_TWCC_FEEDBACK_BYTES, about what was not told yet; call it again until it returns
 * false: all is told, nothing was written.
 */
MUST_CHECK bool twcc_write(struct twcc *t, struct writer *w, uint32_t sender_ssrc,
                           uint32_t media_ssrc, uint64_t now_us);
