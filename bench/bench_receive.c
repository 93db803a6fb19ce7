/* SPDX-License-Identifier: Apache-2.0 */
/* bench_receive.c - from the socket into packets of the pool: the port of a worker under a full queue, each datagram looked at and let go. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/micro.h"
#include "core/check.h"
#include "core/err.h"
#include "core/packet.h"
#include "core/worker.h"
#include "transport/port.h"

#define DATAGRAMS 256 /* fits into the socket's buffer */
#define DATAGRAM_BYTES 1100

struct reception {
    struct worker *worker;
    struct packet_pool *pool;
    struct port *port;
    int from;
    size_t received, media;
};

static void on_packet(const struct path *path, struct packet *pkt, uint64_t now_us, void *arg)
{
    struct reception *r = arg;

    (void)path;
    (void)now_us;
    r->media += pkt->data[0] >= 128 && !rtp_is_rtcp(pkt->data, pkt->len); /* RFC 7983 */
    packet_unref(&pkt);
    if (++r->received == DATAGRAMS)
        worker_stop(r->worker);
}

static void on_path_closed(const struct path *path, uint64_t now_us, void *arg)
{
    (void)path;
    (void)now_us;
    (void)arg;
}

static void send_all(void *arg)
{
    struct reception *r = arg;
    uint8_t datagram[DATAGRAM_BYTES] = {0x80, 96};

    r->received = 0;
    for (size_t i = 0; i < DATAGRAMS; i++)
        CHECK(send(r->from, datagram, sizeof(datagram), 0) == (ssize_t)sizeof(datagram));
}

static void receive_all(void *arg)
{
    worker_run(((struct reception *)arg)->worker);
}

static int open_reception(struct reception *r)
{
    static const struct port_handlers handlers = {on_packet, on_path_closed};
    struct addr listen, bound, failed;
    const struct port_config config = {.listen = &listen, .listen_count = 1, .udp = true};
    struct sockaddr_storage to;
    int err;

    CHECK(addr_parse(&listen, STR("127.0.0.1:0")) == 0);
    if ((err = worker_open(&r->worker, "bench")) != 0)
        return err;
    r->pool = packet_pool_new(2 * DATAGRAMS);
    if ((err = port_open(&r->port, r->worker, r->pool, &config, &handlers, r, &failed)) != 0)
        return err;
    (void)port_locals(r->port, &bound, 1);
    r->from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)addr_to_sockaddr(&bound, &to);
    return r->from >= 0 && connect(r->from, (struct sockaddr *)&to, len) == 0 ? 0 : E_INVALID;
}

int bench_receive(const struct bench_options *options, struct document *d)
{
    struct reception r = {.from = -1};
    struct micro piece = {.items = DATAGRAMS, .prepare = send_all, .work = receive_all, .arg = &r};
    int err = open_reception(&r);

    if (err == 0)
        micro_run("receive", &piece, 1, options, d);
    if (r.from >= 0)
        close(r.from);
    port_close(&r.port);
    worker_close(&r.worker);
    packet_pool_free(&r.pool);
    return err;
}
