/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_filter.h - which frames of one encoding a subscription forwards: those up to a spatial and a temporal layer.
 *
 * The target is set from outside; the current point follows it where the stream allows: down at the next picture, up at a
 * keyframe or at a frame that the stream marks as a point to switch at (VP8 Y, VP9 U and P, switch indications of the dependency
 * descriptor) and whose references went out. One step up at a time where the stream promises no more than that.
 *
 * Whatever lies below the point is forwarded, also where an upper layer does without it (K-SVC, S modes): so the way down is
 * open at any picture, and nobody else pays for it with a keyframe.
 *
 * A frame goes out as a whole or not at all: the point belongs to the picture, by its timestamp, and a late packet is judged
 * by the point that held for its picture. Pictures come with rising timestamps, which is so without B-frames; a stream that
 * tells no layers is not filtered at all.
 *
 * Pure. One filter for each subscription, for the encoding that flows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/packet.h"
#include "core/rtp.h"

#define LAYER_FILTER_POINTS 6 /* changes remembered for late packets */
#define LAYER_FILTER_ACTIVE_FRAMES \
    16 /* frames that tell of a changed mask of active decode targets, so that one of them arrives */
#define LAYER_ALL 7 /* a target that leaves nothing out */

/* The highest layers that go out. */
struct layer_point {
    uint8_t spatial, temporal;
};

struct layer_filter {
    struct layer_point target;
    bool started;
    bool
        wants_keyframe; /* a frame of a wanted spatial layer went by that could not be started with */
    uint8_t number_bits; /* of newest_number; 0: none went out */
    uint8_t point_count;
    uint8_t top_spatial, top_temporal; /* the highest layers that were seen of the source */
    uint8_t active_frames_left;
    uint16_t highest_seq;
    uint16_t newest_number; /* of the frames that went out */
    uint32_t newest_ts;
    uint64_t numbers_out; /* bit i: newest_number - i went out */
    struct {
        uint32_t ts; /* of the first picture that it holds for */
        struct layer_point at;
    } point[LAYER_FILTER_POINTS]; /* newest first; [0] is the current one */
    struct layer_targets {
        uint8_t count;                      /* 0: not known */
        uint32_t within[MEDIA_MAX_SPATIAL]; /* decode targets that need no higher spatial layer */
        uint32_t up_to[MEDIA_MAX_TEMPORAL]; /* ... no higher temporal layer */
    } targets;
};

/* What becomes of a packet that goes out. */
struct layer_verdict {
    bool marker; /* last packet of what goes out of its picture */
    bool
        has_active; /* the descriptor's mask of active decode targets is to be written as `active` */
    uint32_t active;
};

/** Start with nothing forwarded and a target of everything. */
void layer_filter_init(struct layer_filter *f);
/** Aim at layers; LAYER_ALL for all there are. */
void layer_filter_set_target(struct layer_filter *f, uint8_t spatial, uint8_t temporal);
/** Another source: its first packet, which is a keyframe, is taken next. The target stays. */
void layer_filter_restart(struct layer_filter *f);
/**
 * Learn the decode targets from a dependency descriptor that carries the structure (media.dd.has_structure), before the packet
 * is taken. @data is the element. Without it masks are left as they are.
 */
void layer_filter_learn(struct layer_filter *f, const uint8_t *data, size_t len);
/** Judge one media packet of the source (not one of padding only), each once, in order of arrival. false: leave it out. */
bool layer_filter_take(struct layer_filter *f, const struct rtp_header *h,
                       const struct media_info *m, struct layer_verdict *out);
/** Judge a packet that was taken before, to send it again. Changes nothing. false: it went out empty, if at all. */
bool layer_filter_review(const struct layer_filter *f, const struct rtp_header *h,
                         const struct media_info *m, struct layer_verdict *out);
/** The point that holds for the newest picture. */
struct layer_point layer_filter_current(const struct layer_filter *f);
/** Whether the way up to the target needs a keyframe; while it is so, ask (encoding_ask_keyframe() spaces and merges). */
static inline bool layer_filter_wants_keyframe(const struct layer_filter *f)
{
    return f->wants_keyframe;
}
