/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicas.h - on which other media workers a publication's track is, because somebody there receives it.
 *
 * A track lives on its publisher's worker, that of a mix at its mixer. The first slot of another worker that carries it makes a replica there, the last one
 * ends it. Thread: control reactor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct participant;
struct publication;
struct registry_host;

/** The handle of the track, or of its replica, for one more slot on @host. */
uint64_t replicas_use(struct publication *pub, struct registry_host *host);
/** A slot on @host that had replicas_use() carries something else now. */
void replicas_release(struct publication *pub, struct registry_host *host);
/** The same for a slot of @p, who gets the sound of a mix without his own where that is wanted. */
uint64_t replicas_use_by(struct publication *pub, struct participant *p);
void replicas_release_by(struct publication *pub, struct participant *p);
/** Its section changed (pub->section). */
void replicas_update(struct publication *pub);
/** The server muted it, or not any more. */
void replicas_set_muted(struct publication *pub);
