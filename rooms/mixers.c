/* SPDX-License-Identifier: Apache-2.0 */
/* mixers.c - see mixers.h. The calls of a port run on a mixer's thread, those of a peer on a media worker's. */
#include "rooms/mixers.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "rooms/sfu/sfu_host.h"

struct mixers {
    struct mixer *mixer[MAX_MIXER_THREADS];
    size_t mixes[MAX_MIXER_THREADS];
    size_t count;
};

/* ---- a media worker, as a mixer sees it ---- */

static void port_ring(void *arg)
{
    sfu_host_ring(arg);
}

static void port_ask_keyframe(void *arg, uint64_t input, unsigned encoding)
{
    sfu_host_track_ask_keyframe(arg, input, encoding);
}

static void port_set_size(void *arg, uint64_t relay, int width, int height)
{
    sfu_host_relay_set_size(arg, relay, width, height);
}

static void port_set_clock(void *arg, uint64_t replica, unsigned encoding,
                           const struct mixer_report *report)
{
    uint64_t ntp = timebase_ntp_of_wall_us(report->wall_us);
    const struct relay_clock clock = {
        .encoding = (uint8_t)encoding,
        .sr_ntp = ntp,
        .sr_ntp_middle = ntp_middle(ntp),
        .sr_ts = report->ts,
        .sr_arrival_us = report->at_us,
    };

    sfu_host_replica_set_clock(arg, replica, &clock);
}

static struct mixer_port port_of(struct sfu_host *h)
{
    return (struct mixer_port){
        .arg = h,
        .ring = port_ring,
        .ask_keyframe = port_ask_keyframe,
        .set_size = port_set_size,
        .set_clock = port_set_clock,
    };
}

/* ---- a mixer, as a media worker sees it ---- */

static void peer_ring(void *arg)
{
    mixer_ring(arg);
}

static void peer_set_clock(void *arg, uint64_t track_id, const struct relay_clock *clock)
{
    mixer_push_report(arg, track_id, (int64_t)timebase_wall_us_of_ntp(clock->sr_ntp), clock->sr_ts,
                      clock->sr_arrival_us);
}

static void peer_on_replica_opened(void *arg, uint64_t track_id, struct sfu_host *h,
                                   uint64_t replica_id)
{
    mixer_open_outlet(arg, track_id, sfu_host_index(h), replica_id);
}

static void peer_on_replica_closed(void *arg, uint64_t track_id, struct sfu_host *h)
{
    mixer_close_outlet(arg, track_id, sfu_host_index(h));
}

static void peer_ask_keyframe(void *arg, uint64_t track_id, unsigned encoding)
{
    mixer_ask_keyframe(arg, track_id, encoding);
}

static struct sfu_peer peer_of(struct mixer *m)
{
    return (struct sfu_peer){
        .number = mixer_index(m),
        .arg = m,
        .ring = peer_ring,
        .set_clock = peer_set_clock,
        .on_replica_opened = peer_on_replica_opened,
        .on_replica_closed = peer_on_replica_closed,
        .ask_keyframe = peer_ask_keyframe,
    };
}

/* ---- life ---- */

static int join(struct mixer *m, struct sfu_host *const *hosts, size_t host_count)
{
    const struct sfu_peer peer = peer_of(m);

    for (size_t i = 0; i < host_count; i++) {
        const struct mixer_port port = port_of(hosts[i]);
        struct spsc *from, *to;
        int err = mixer_add_port(m, sfu_host_index(hosts[i]), &port, &from, &to);
        if (err != 0)
            return err;
        sfu_host_add_peer(hosts[i], &peer, from, to);
    }
    return mixer_start(m);
}

int mixers_open(struct mixers **out, unsigned threads, struct sfu_host *const *hosts,
                size_t host_count, struct worker *control, const struct mixer_handlers *handlers,
                void *arg)
{
    struct mixers *ms = MEM_NEW(struct mixers);

    *out = ms; /* also after an error: workers may know of it */
    CHECK(threads <= MAX_MIXER_THREADS);
    for (unsigned i = 0; i < threads; i++) {
        int err = mixer_open(&ms->mixer[i], i, control, handlers, arg);
        if (err == 0)
            ms->count++;
        if (err == 0)
            err = join(ms->mixer[i], hosts, host_count);
        if (err != 0)
            return err;
    }
    return 0;
}

void mixers_stop(struct mixers *ms)
{
    for (size_t i = 0; i < mixers_count(ms); i++)
        mixer_stop(ms->mixer[i]);
}

void mixers_let_go(struct mixers *ms)
{
    for (size_t i = 0; i < mixers_count(ms); i++)
        mixer_let_go(ms->mixer[i]);
}

void mixers_free(struct mixers **msp)
{
    struct mixers *ms = *msp;

    *msp = NULL;
    for (size_t i = 0; i < mixers_count(ms); i++)
        mixer_close(&ms->mixer[i]);
    mem_free(ms);
}

size_t mixers_count(const struct mixers *ms)
{
    return ms == NULL ? 0 : ms->count;
}

struct mixer *mixers_take(struct mixers *ms)
{
    size_t best = 0;

    CHECK(ms->count > 0);
    for (size_t i = 1; i < ms->count; i++)
        if (ms->mixes[i] < ms->mixes[best])
            best = i;
    ms->mixes[best]++;
    return ms->mixer[best];
}

void mixers_give_back(struct mixers *ms, const struct mixer *m)
{
    ms->mixes[mixer_index(m)]--;
}

struct mixer *mixers_at(const struct mixers *ms, size_t i)
{
    return ms->mixer[i];
}
