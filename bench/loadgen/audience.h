/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audience.h - many viewers: who joins when, and what they saw together.
 *
 * Requests go out as others are answered, so many at a time. Owner: the scenario.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/loadgen/viewer.h"
#include "core/attr.h"
#include "core/stats.h"

struct audience;
struct generator;
struct strbuf;

#define AUDIENCE_IN_FLIGHT 64 /* requests; a listening socket's backlog takes as many */

struct audience_config {
    struct generator *generator;
    size_t capacity; /* viewers at most */
    bool has_audio;
    unsigned sample_every; /* one in so many is sampled, the first among them; 0: none */
    /* Append the URL of a viewer. */
    void (*write_url)(size_t index, struct strbuf *out, void *arg);
    /* A packet of media, decrypted, of any viewer; NULL: not wanted, and few are decrypted. */
    void (*on_media)(bool is_video, const struct datagram *clear, void *arg);
    void *arg; /* of both */
};

MUST_CHECK struct audience *audience_new(const struct audience_config *config);
/** Close all viewers at once, without a word to the server. */
void audience_free(struct audience **a);
/** Let @n more viewers in, while the loop runs. */
void audience_add(struct audience *a, size_t n);
/** Run the loop until all who were let in have a picture, or failed. Returns whether that came before the time. */
bool audience_settle(struct audience *a, uint64_t timeout_us);
/** DELETE every session, and run the loop until all were answered or the time is over. */
void audience_leave(struct audience *a, uint64_t timeout_us);

struct audience_state {
    size_t wanted, open, pictures, failed;
    uint64_t first_post_us, last_open_us; /* 0: none yet */
    struct histogram join_us;             /* from POST to SRTP keys */
    struct histogram picture_us;          /* from SRTP keys to the end of the first frame */
    struct histogram delay_us;            /* since audience_clear_delay() */
    enum srtp_profile profile;            /* of the first viewer that connected */
    char failure[400];                    /* of the first that failed; "" */
};

const struct audience_state *audience_state(const struct audience *a);
void audience_clear_delay(struct audience *a);
/** Sum up all viewers. */
void audience_read_totals(const struct audience *a, struct viewer_totals *out);
