/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sfu_host.c - joins one media worker to the control reactor: opens it, closes it, and gives it a network.
 *
 *   control thread                                   worker thread
 *   sfu_host_*()  ──sfu_host_command.c──▶ inbox  ─▶  sfu_*()
 *   handlers      ◀──sfu_host_event.c──── outbox ◀─  sfu_handlers
 *
 * Nothing here waits, except opening and closing.
 */
#include <stdio.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/timebase.h"
#include "rooms/sfu/sfu_host_internal.h"
#include "transport/egress.h"

#define LOAD_INTERVAL_US 50000ull /* over which a worker's load is taken */

/* ---- the worker's side of the network ---- */

static void on_packet(const struct path *path, struct packet *pkt, uint64_t now_us, void *arg)
{
    struct sfu_host *h = arg;

    mux_receive(h->mux, path, pkt, now_us);
}

static void on_path_closed(const struct path *path, uint64_t now_us, void *arg)
{
    struct sfu_host *h = arg;

    mux_path_closed(h->mux, path, now_us);
}

static void on_flush(const struct egress_message *batch, size_t n, void *arg)
{
    struct sfu_host *h = arg;

    if (h->port != NULL)
        port_send(h->port, batch, n);
}

/* @from to @to of the core as 0 to 1. */
static double share_of(double load, double from, double to)
{
    return MIN(MAX((load - from) / (to - from), 0.0), 1.0);
}

/* Under load packets are held back a little, so that more of a frame leave together: not at all below a tenth of the core, as long
 * as the setting allows from a third on. A frame that came in one burst does not wait. A quarter of that time the worker rests between
 * turns: most turns are for one viewer's feedback, several of which cost hardly more than one. */
static void follow_load(struct sfu_host *h, uint64_t now_us)
{
    if (h->max_window_us == 0 || now_us - h->load_since_us < LOAD_INTERVAL_US)
        return;
    uint64_t busy_us = worker_busy_us(h->worker), gone_us = now_us - h->load_since_us;
    double load = (double)(busy_us - h->load_busy_us) / (double)gone_us;
    double max_us = (double)h->max_window_us;

    h->load_busy_us = busy_us;
    h->load_since_us = now_us;
    sfu_set_window(h->sfu, (uint64_t)(max_us * 3 / 4 * share_of(load, 0.1, 0.33)));
    worker_set_rest(h->worker, (uint64_t)(max_us / 4 * share_of(load, 0.05, 0.2)));
}

static void on_turn_end(uint64_t now_us, void *arg)
{
    struct sfu_host *h = arg;

    follow_load(h, now_us);
    sfu_flush(h->sfu, now_us);
    egress_flush(h->egress);
}

static void free_later(void *block, void (*free_block)(void *block), void *arg)
{
    struct sfu_host *h = arg;

    worker_free_later(h->worker, block, free_block);
}

static void keep_path(const struct path *path, void *arg)
{
    struct sfu_host *h = arg;

    port_keep_path(h->port, path);
}

static void drop_path(const struct path *path, void *arg)
{
    struct sfu_host *h = arg;

    port_drop_path(h->port, path);
}

static uint64_t wall_us(void *arg)
{
    (void)arg;
    return timebase_wall_us();
}

/* ---- life ---- */

/* A buffer that is too small loses packets in bursts, which look like a bad network. */
static void check_buffer(const struct sfu_host *h, const char *kind, uint64_t granted,
                         const char *sysctl)
{
    uint64_t wanted = 2ull * UDP_SOCKET_BUFFER_BYTES * h->listen_count; /* as the kernel counts */

    if (granted < wanted)
        log_warn(
            LOG_NET, &h->ids,
            "the kernel grants %llu of %llu kB as %s buffer of a UDP socket: bursts may be lost "
            "(sysctl %s=%d, or CAP_NET_ADMIN)",
            (unsigned long long)(granted / h->listen_count / 2048),
            (unsigned long long)(UDP_SOCKET_BUFFER_BYTES / 1024), kind, sysctl,
            UDP_SOCKET_BUFFER_BYTES);
}

static void check_buffers(const struct sfu_host *h)
{
    struct port_stats stats;

    port_read_stats(h->port, &stats);
    check_buffer(h, "receive", stats.udp.rcvbuf_bytes, "net.core.rmem_max");
    check_buffer(h, "send", stats.udp.sndbuf_bytes, "net.core.wmem_max");
}

static int open_media(struct sfu_host *h, const struct sfu_host_config *config, struct addr *failed)
{
    static const struct port_handlers port_handlers = {.on_packet = on_packet,
                                                       .on_path_closed = on_path_closed};
    const struct port_config port = {.listen = h->listen,
                                     .listen_count = h->listen_count,
                                     .udp = config->udp,
                                     .tcp = config->tcp,
                                     .gso = config->gso};
    int err = port_open(&h->port, h->worker, h->pool, &port, &port_handlers, h, failed);

    if (err != 0)
        return err;
    if (config->udp)
        check_buffers(h);
    const struct transport_env env = {
        .wheel = worker_wheel(h->worker),
        .egress = h->egress,
        .pool = h->pool,
        .mux = h->mux,
        .stun = h->stun,
        .dtls = config->dtls,
        .free_later = free_later,
        .keep_path = keep_path,
        .drop_path = drop_path,
        .pads_runs = config->gso,
        .wall_us = wall_us,
        .arg = h,
    };
    return sfu_open(&h->sfu, &env, &sfu_host_sfu_handlers, h);
}

/* What may hold packets of this worker's pool, or of another's. No worker runs. */
static void let_go(struct sfu_host *h)
{
    if (h->inbox != NULL)
        mailbox_close(&h->inbox);
    sfu_close(&h->sfu, timebase_now_us());
    if (h->egress != NULL)
        egress_flush(h->egress); /* close_notify and BYE of the last transports */
    sfu_host_relay_fini(h);
}

/* The rest, in reverse; each part may be missing. */
static void destroy(struct sfu_host *h)
{
    port_close(&h->port);
    worker_remove_turn_hook(&h->hook);
    worker_close(&h->worker);
    if (h->outbox != NULL)
        mailbox_close(&h->outbox);
    egress_free(&h->egress);
    mux_free(&h->mux);
    stun_responder_free(&h->stun);
    packet_pool_free(&h->pool);
    mem_free(h);
}

int sfu_host_open(struct sfu_host **out, const struct sfu_host_config *config,
                  const struct sfu_host_handlers *handlers, void *arg, struct addr *failed)
{
    struct sfu_host *h = MEM_NEW(struct sfu_host);
    char name[16];
    int err;

    CHECK(config->listen_count <= ARRAY_LEN(h->listen) && config->index < SFU_MAX_HOSTS);
    h->index = config->index;
    h->handlers = *handlers;
    h->arg = arg;
    h->listen_count = config->listen_count;
    h->max_window_us = config->max_window_us;
    for (size_t i = 0; i < config->listen_count; i++) {
        h->listen[i] = config->listen[i];
        if (h->listen[i].port != 0) /* 0 stays: any port */
            h->listen[i].port = (uint16_t)(h->listen[i].port + config->index);
    }
    log_ids_set(&h->ids, "worker=%u", config->index);
    (void)snprintf(name, sizeof(name), "media %u", config->index);
    list_init(&h->hook.node);

    if ((err = worker_open(&h->worker, name)) != 0) {
        mem_free(h);
        return err;
    }
    h->pool = packet_pool_new(MAX_PACKETS_PER_POOL);
    h->egress = egress_new(on_flush, h);
    h->mux = mux_new(MAX_TRANSPORTS_PER_WORKER);
    h->stun = stun_responder_new();
    if ((err = mailbox_open(&h->inbox, h->worker, h)) != 0 ||
        (err = mailbox_open(&h->outbox, config->control, h)) != 0 ||
        (err = sfu_host_relay_init(h)) != 0 || (err = open_media(h, config, failed)) != 0)
        goto fail;
    h->hook.on_turn_end = on_turn_end;
    h->hook.arg = h;
    worker_add_turn_hook(h->worker, &h->hook);
    worker_set_cpu(h->worker, config->cpu);
    if ((err = worker_start(h->worker)) != 0)
        goto fail;
    *out = h;
    return 0;
fail:
    let_go(h);
    destroy(h);
    return err;
}

void sfu_hosts_stop(struct sfu_host **hosts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (hosts[i] == NULL || hosts[i]->is_closing)
            continue;
        worker_stop(hosts[i]->worker);
        worker_join(hosts[i]->worker);
        hosts[i]->is_closing = true;
    }
}

void sfu_hosts_close(struct sfu_host **hosts, size_t n)
{
    sfu_hosts_stop(hosts, n);
    for (size_t i = 0; i < n; i++)
        if (hosts[i] != NULL)
            let_go(hosts[i]);
    for (size_t i = 0; i < n; i++) {
        if (hosts[i] != NULL)
            destroy(hosts[i]);
        hosts[i] = NULL;
    }
}

void sfu_host_close(struct sfu_host **h)
{
    sfu_hosts_close(h, 1);
}

size_t sfu_host_locals(const struct sfu_host *h, struct addr *out, size_t max)
{
    return port_locals(h->port, out, max);
}

unsigned sfu_host_index(const struct sfu_host *h)
{
    return h->index;
}
