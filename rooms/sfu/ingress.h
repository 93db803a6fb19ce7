/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress.h - finds the encoding of an incoming RTP packet on its transport: by SSRC, and for new ones by what the packet says of
 * itself (RFC 8852 s4, RFC 9143 s9.2). Thread: the worker's.
 */
#pragma once

#include <stdint.h>

struct packet;
struct sfu_transport;

/** Take a clear RTP packet of this transport: learn, unwrap RTX, hand to its track; or count why not. Borrowed. */
void ingress_receive(struct sfu_transport *st, struct packet *pkt, uint64_t now_us);
