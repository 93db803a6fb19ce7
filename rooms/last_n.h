/* SPDX-License-Identifier: Apache-2.0 */
/*
 * last_n.h - whose video an automatic subscription is for, when it is limited to so many participants: who shares a screen first, then
 * those who spoke last, then the others, oldest first.
 *
 * Participants have ranks in their room; the wishes (slots.h) of who is not among the few are held. After a change only the wishes for
 * those whose rank changed are looked at. What is asked for by `subscribe` is never held. Calls no handler. Thread: control reactor.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

struct participant;
struct publication;
struct room;

#define LAST_N_NO_VIDEO UINT_MAX /* the rank of who publishes none */

/** Somebody joined; before slots_participant_joined(). */
void last_n_participant_joined(struct participant *p);
/** And left. */
void last_n_participant_left(struct participant *p);
/** Whether @p, who subscribes automatically, receives this. */
bool last_n_takes(const struct participant *p, const struct publication *pub);
/** Who publishes video, or who spoke last, changed. */
void last_n_review(struct room *r);
