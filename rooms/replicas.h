/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicas.h - on which other media workers a publication's track is, because somebody there receives it.
 *
 * A track lives on its publisher's worker. The first slot of another worker that carries it makes a replica there, the last one
 * ends it. Thread: control reactor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct publication;
struct registry_host;

/** The handle of the track, or of its replica, for one more slot on @host. */
uint64_t replicas_use(struct publication *pub, struct registry_host *host);
/** A slot on @host that had replicas_use() carries something else now. */
void replicas_release(struct publication *pub, struct registry_host *host);
/** The same, but what it had flows on until something else comes: a replica stays for a while. */
void replicas_release_later(struct publication *pub, struct registry_host *host);
/** The publication ends, and no slot carries it any more: so do its replicas. */
void replicas_close(struct publication *pub);
/** Its section changed (pub->section). */
void replicas_update(struct publication *pub);
/** The server muted it, or not any more. */
void replicas_set_muted(struct publication *pub);
