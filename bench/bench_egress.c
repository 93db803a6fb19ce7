/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_egress.c - a frame's packets on their way out to many viewers: the batch and the port as the server uses them, beside the bare
 * system calls.
 *
 * The packets of a run have one length and one destination, so that a port with GSO hands them to the kernel as one. Receivers are
 * emptied between the calls, which is not measured; that the kernel puts each datagram into its receiver's queue is.
 */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/loadgen/recv_batch.h"
#include "bench/micro.h"
#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/worker.h"
#include "transport/egress.h"
#include "transport/port.h"

#define VIEWERS 64
#define RUN 6 /* packets of a frame of 1.5 Mb/s */
#define DATAGRAM_BYTES 1100

struct departure {
    struct worker *worker;
    struct packet_pool *pool;
    struct port *port[2]; /* without GSO, with */
    bool with_gso;        /* which one it is sent through */
    struct egress *egress;
    struct recv_batch *recv;
    struct path path[VIEWERS];
    struct sockaddr_in to[VIEWERS];
    int viewer[VIEWERS], from;
    uint8_t run[RUN * DATAGRAM_BYTES];
};

/* ---- not measured ---- */

static void drain(void *arg)
{
    struct departure *d = arg;

    for (size_t i = 0; i < VIEWERS; i++) {
        struct datagram *batch;
        bool is_drained = false;
        while (!is_drained)
            (void)recv_batch_read(d->recv, d->viewer[i], RECV_ALL, 0, &batch, &is_drained);
    }
}

/* ---- through the server's code ---- */

static void on_flush(const struct egress_message *batch, size_t n, void *arg)
{
    struct departure *d = arg;

    port_send(d->port[d->with_gso], batch, n);
}

static void commit(struct departure *d, size_t viewer, size_t packet)
{
    uint8_t *out = egress_reserve(d->egress, DATAGRAM_BYTES);

    memcpy(out, d->run + packet * DATAGRAM_BYTES, DATAGRAM_BYTES);
    egress_commit(d->egress, DATAGRAM_BYTES, &d->path[viewer]);
}

static void send_frames(struct departure *d, bool with_gso)
{
    d->with_gso = with_gso;
    for (size_t i = 0; i < VIEWERS; i++)
        for (size_t k = 0; k < RUN; k++)
            commit(d, i, k);
    egress_flush(d->egress);
}

static void send_singly(void *arg)
{
    send_frames(arg, false);
}

static void send_with_gso(void *arg)
{
    send_frames(arg, true);
}

/* ---- the bare calls ---- */

static void call_sendmmsg(struct departure *d, size_t viewer)
{
    struct mmsghdr head[RUN];
    struct iovec iov[RUN];

    for (size_t k = 0; k < RUN; k++) {
        iov[k] = (struct iovec){d->run + k * DATAGRAM_BYTES, DATAGRAM_BYTES};
        head[k].msg_hdr = (struct msghdr){.msg_name = &d->to[viewer],
                                          .msg_namelen = sizeof(d->to[viewer]),
                                          .msg_iov = &iov[k],
                                          .msg_iovlen = 1};
    }
    (void)!sendmmsg(d->from, head, RUN, 0);
}

static void bare_sendmmsg(void *arg)
{
    for (size_t i = 0; i < VIEWERS; i++)
        call_sendmmsg(arg, i);
}

static void bare_segments(void *arg)
{
    struct departure *d = arg;
    struct mmsghdr head[VIEWERS];
    struct iovec iov = {d->run, sizeof(d->run)};
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct msghdr common = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&common);
    const uint16_t bytes = DATAGRAM_BYTES;

    *c = (struct cmsghdr){
        .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof(bytes))};
    memcpy(CMSG_DATA(c), &bytes, sizeof(bytes));
    for (size_t i = 0; i < VIEWERS; i++) {
        head[i].msg_hdr = common;
        head[i].msg_hdr.msg_name = &d->to[i];
        head[i].msg_hdr.msg_namelen = sizeof(d->to[i]);
    }
    (void)!sendmmsg(d->from, head, VIEWERS, 0);
}

/* ---- set up ---- */

static void on_packet(const struct path *path, struct packet *pkt, uint64_t now_us, void *arg)
{
    (void)path;
    (void)now_us;
    (void)arg;
    packet_unref(&pkt);
}

static void on_path_closed(const struct path *path, uint64_t now_us, void *arg)
{
    (void)path;
    (void)now_us;
    (void)arg;
}

/* Not connected: several senders take turns at it. */
static int open_viewer(struct departure *d, size_t i)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(any);
    int buffer = 1024 * 1024;

    d->viewer[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (d->viewer[i] < 0 || bind(d->viewer[i], (struct sockaddr *)&any, len) != 0 ||
        getsockname(d->viewer[i], (struct sockaddr *)&any, &len) != 0)
        return E_INVALID;
    (void)setsockopt(d->viewer[i], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    d->to[i] = any;
    d->path[i] = (struct path){.remote = addr_of_sockaddr((struct sockaddr *)&any)};
    return 0;
}

static int open_departure(struct departure *d)
{
    static const struct port_handlers handlers = {on_packet, on_path_closed};
    struct addr listen, failed;
    struct port_config config = {.listen = &listen, .listen_count = 1, .udp = true};
    int err;

    CHECK(addr_parse(&listen, STR("127.0.0.1:0")) == 0);
    d->recv = recv_batch_new(false);
    d->pool = packet_pool_new(64);
    d->egress = egress_new(on_flush, d);
    d->from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    err = worker_open(&d->worker, "bench");
    for (size_t i = 0; i < ARRAY_LEN(d->port) && err == 0; i++) {
        config.gso = i == 1;
        err = port_open(&d->port[i], d->worker, d->pool, &config, &handlers, d, &failed);
    }
    for (size_t i = 0; i < VIEWERS && err == 0; i++)
        err = open_viewer(d, i);
    return err;
}

static void close_departure(struct departure *d)
{
    for (size_t i = 0; i < VIEWERS; i++)
        if (d->viewer[i] > 0)
            close(d->viewer[i]);
    if (d->from >= 0)
        close(d->from);
    egress_free(&d->egress);
    port_close(&d->port[0]);
    port_close(&d->port[1]);
    worker_close(&d->worker);
    packet_pool_free(&d->pool);
    recv_batch_free(&d->recv);
    mem_free(d);
}

int bench_egress(const struct bench_options *options, struct document *doc)
{
    static const struct {
        const char *by;
        void (*work)(void *arg);
    } ways[] = {{"egress and port, GSO", send_with_gso},
                {"egress and port", send_singly},
                {"bare sendmmsg", bare_sendmmsg},
                {"bare sendmmsg, UDP_SEGMENT", bare_segments}};
    struct departure *d = MEM_NEW(struct departure);
    struct micro piece[ARRAY_LEN(ways)];
    int err = open_departure(d);

    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        piece[i] = (struct micro){.param = {{.name = "by", .text = ways[i].by}},
                                  .params = 1,
                                  .items = VIEWERS * RUN,
                                  .prepare = drain,
                                  .work = ways[i].work,
                                  .arg = d};
    if (err == 0)
        micro_run("egress", piece, ARRAY_LEN(piece), options, doc);
    close_departure(d);
    return err;
}
