/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicas.h - on which other media workers a publication's track is, because somebody there receives it.
 *
 * A track lives on its publisher's worker, that of a mix at its mixer. The first slot of another worker that carries it makes a
 * replica there, the last one ends it. Of the sound of a mix a participant who is in it gets a replica of his own, without himself.
 * Thread: control reactor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct participant;
struct publication;

/** The handle of the track, or of its replica, for one more slot of @p. */
uint64_t replicas_use(struct publication *pub, struct participant *p);
/** A slot of @p that had replicas_use() carries something else now. */
void replicas_release(struct publication *pub, struct participant *p);
/** The same, but what it had flows on until something else comes: a replica stays for a while. */
void replicas_release_later(struct publication *pub, struct participant *p);
/** The publication ends, and no slot carries it any more: so do its replicas. */
void replicas_close(struct publication *pub);
/** Its section changed (pub->section). */
void replicas_update(struct publication *pub);
/** The server muted it, or not any more. */
void replicas_set_muted(struct publication *pub);
