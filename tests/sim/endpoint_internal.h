/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint_internal.h - what endpoint.c (life, ICE, DTLS, reports), pub.c (sending) and slot.c (receiving) share. */
#pragma once

#include "core/rtp.h"
#include "tests/sim/endpoint.h"
#include "transport/rtcp.h"

#define PLI_INTERVAL_US 300000ull

/** Note that the server did something wrong; the first text is kept. */
PRINTF_LIKE(2, 3) void endpoint_fault(struct endpoint *e, const char *fmt, ...);
/** Our id of a header extension; differs from endpoint to endpoint. */
uint8_t endpoint_ext_id(const struct endpoint *e, enum rtp_ext_kind kind);
/** Our payload type of a codec. */
struct negotiated_codec endpoint_codec(const struct endpoint *e, enum codec_id id);

void pub_start(struct pub *p);
void pub_stop(struct pub *p);
/** The encoding of one of our SSRCs, NULL when it is none. */
struct pub_encoding *pub_find(struct endpoint *e, uint32_t ssrc);
/** The server says which encodings are wanted. */
void pub_take_demand(struct pub *p, unsigned wanted);
void pub_write_reports(struct endpoint *e, struct writer *w);

struct slot *slot_find(struct endpoint *e, uint32_t ssrc);
void slot_receive(struct slot *s, const struct rtp_header *h, const uint8_t *buf, size_t len,
                  uint64_t now_us);
/** Ask for a keyframe when nothing decodes any more. */
void slot_tend(struct slot *s, uint64_t now_us);

void content_write(struct writer *w, const struct content *c);
/** false: the payload is none of ours. */
MUST_CHECK bool content_read(struct content *c, struct reader *r);
