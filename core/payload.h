/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload.h - what a payload descriptor tells a forwarder: keyframe? frame start? which layer? One entry per codec, on the
 * parsers of payload_vp8.h, payload_vp9.h, payload_h264.h and payload_av1.h. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/packet.h"

/**
 * Fill @p->media from the payload of a parsed RTP packet (p->codec set).
 *
 * Audio is always a frame start and a keyframe. A packet of padding only, and a codec without an entry (RTX), is "not
 * told" throughout: false, false, -1, -1.
 *
 * Errors: E_MALFORMED for a descriptor cut short; media is then all "not told".
 */
MUST_CHECK int payload_inspect(struct packet *p);
