/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mixers.h - the mixer threads of a server, and how they are joined to its media workers: neither knows the other (sfu_peer.h,
 * mixer_port).
 *
 *   media worker ═ rings, both ways ═ mixer        for each pair of them
 *
 * Owner: main. Thread: control reactor.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "mixer/mixer.h"

struct mixers;
struct sfu_host;
struct worker;

/** Make and start @threads of them, joined to all @hosts. @handlers get @arg. Errors: E_NO_MEMORY, UV_E*. */
MUST_CHECK int mixers_open(struct mixers **out, unsigned threads, struct sfu_host *const *hosts,
                           size_t host_count, struct worker *control,
                           const struct mixer_handlers *handlers, void *arg);
/**
 * Stop the threads, and stop the workers; then, with what either side holds of the other's packets: mixers_let_go(), sfu_hosts_close(),
 * mixers_free(). NULL is fine for all of them.
 */
void mixers_stop(struct mixers *ms);
void mixers_let_go(struct mixers *ms);
void mixers_free(struct mixers **ms);
/** How many there are. */
size_t mixers_count(const struct mixers *ms);

/** The one with the least mixes, for one more. Its number is that of the peer at each worker. */
struct mixer *mixers_take(struct mixers *ms);
/** A mix on it ended. */
void mixers_give_back(struct mixers *ms, const struct mixer *m);
struct mixer *mixers_at(const struct mixers *ms, size_t i);
