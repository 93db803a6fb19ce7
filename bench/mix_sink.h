/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix_sink.h - who receives a mix: decodes its picture and its sound, and finds out how old what the first member sent is.
 *
 * The time code is looked for in all tiles of a grid of so many. A delay is from the sending of a frame's first packet to the arrival
 * of the last packet of the first mixed picture that shows it, and the time that it took to decode that; of sound, from the sending of
 * the packet that the tone begins with to the tone in what arrived. Owner: the scenario.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/mix_media.h"
#include "core/attr.h"
#include "core/stats.h"

struct datagram;
struct mix_sink;

/* Of the mix; a member's tile is where layout.h puts it. */
#define MIX_SINK_WIDTH 1280
#define MIX_SINK_HEIGHT 720
#define MIX_SINK_FPS 30
#define MIX_SINK_GAP 4 /* samples between tiles, as mixer/mix_video.c has them */

struct mix_sink_state {
    uint64_t pictures;                   /* decoded */
    uint64_t errors;                     /* that could not be decoded */
    uint64_t blocks;                     /* of sound, 20 ms each */
    struct histogram video_us, audio_us; /* delays */
};

/** For a mix of @members, whose first sends of @media. Errors: NULL without memory. */
MUST_CHECK struct mix_sink *mix_sink_new(const struct mix_media *media, unsigned members);
void mix_sink_free(struct mix_sink **s);
/** Handlers to be told of what the first member sends; @arg is the sink. */
struct publisher_watch mix_sink_watch(struct mix_sink *s);
/** An RTP packet that arrived, in the clear. */
void mix_sink_push(struct mix_sink *s, bool is_video, const struct datagram *clear);
const struct mix_sink_state *mix_sink_read(const struct mix_sink *s);
/** A window begins: count anew. */
void mix_sink_clear(struct mix_sink *s);
