/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remb.h - how much the way from an endpoint carries, by the times at which it says it sent (header extension abs-send-time), and when
 * to tell it (REMB, draft-alvestrand-rmcat-remb-03): for publishers that know no transport-wide feedback.
 *
 *   every RTP packet ──► remb_add() ──► bwe_delay (does the queue grow?) ──┐
 *                              └──────► bwe_acked (what arrives) ──────────┴► bwe_aimd ──► remb_take()
 *
 * These are the estimator's parts (bwe.h), with the roles of the two ends exchanged. Pure. Owner: the transport.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define REMB_EXT_BYTES 3 /* of the header extension: seconds, 6 bits, and 18 bits of fraction */
#define REMB_INTERVAL_US \
    1000000ull /* between two that tell nothing new; a lower estimate is told at once */
#define REMB_START_BPS 1000000ull
#define REMB_MIN_BPS 50000ull
#define REMB_MAX_BPS 50000000ull

struct remb;

/** Make an estimator that knows nothing; NULL without memory. It never grows. */
MUST_CHECK struct remb *remb_new(void);
void remb_free(struct remb **r);
/**
 * Take a packet of @bytes.
 *
 * Units: @sent is what the extension says: 2^-18 s of the endpoint's clock, modulo 64 s. @arrival_us of the clock of @now_us.
 */
void remb_add(struct remb *r, uint32_t sent, size_t bytes, uint64_t arrival_us, uint64_t now_us);
/** The round trip to the endpoint, where somebody knows it. */
void remb_set_rtt(struct remb *r, uint64_t rtt_us);
/** When to call remb_take(); UINT64_MAX: not before another packet came. */
uint64_t remb_due_us(const struct remb *r);
/** Whether to tell now, and what. */
MUST_CHECK bool remb_take(struct remb *r, uint64_t now_us, uint64_t *bps);
/** The estimate. */
uint64_t remb_bps(const struct remb *r);
