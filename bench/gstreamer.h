/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gstreamer.h - a mix made by GStreamer (gst-launch-1.0, Debian's packages), to measure beside ours: RTP in, RTP out, on one core.
 *
 *   udpsrc ! rtpjitterbuffer ! rtpvp8depay ! vp8dec ! compositor ! vp8enc ! rtpvp8pay ! udpsink      the encoder set as ours
 *   udpsrc ! rtpjitterbuffer ! rtpopusdepay ! opusdec ! audiomixer ! opusenc ! rtpopuspay ! udpsink
 *
 * It is sent one encoding a member, in the clear: what an SFU in front of it would cost is not in its figures. It makes one
 * sound for all, draws no names and maps no clocks. Owner: the scenario.
 */
#pragma once

#include <stdbool.h>

#include "bench/document.h"
#include "bench/mix_media.h"
#include "bench/options.h"
#include "core/attr.h"

struct gstreamer;
struct mix_sink;

struct gstreamer_round {
    const struct mix_media *media;
    unsigned members, talkers; /* beside the first */
    bool is_audio_only;
    struct mix_sink
        *sink; /* is told what was sent and given what comes; cleared when the window begins */
};

/** Look whether it is there, and describe it. NULL: it is not, or an element is missing; said, and put into the document. */
MUST_CHECK struct gstreamer *gstreamer_open(const struct bench_options *o, struct document *d);
void gstreamer_close(struct gstreamer **g);
/** Run a pipeline for a window: server_cpu_cores and generator_cpu_cores, with the reasons why it may not count. Errors: -errno,
 * E_TIMEOUT when nothing comes out of it, E_NOT_FOUND when it ended; said. */
MUST_CHECK int gstreamer_measure(struct gstreamer *g, const struct gstreamer_round *round,
                                 struct doc_round *r);
