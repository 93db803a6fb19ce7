/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_latency.c - what forwarding adds to the delay, at a given load.
 *
 *   publisher ──▶ server ──▶ sampled viewers    each frame's last packet, from the call that sends it to the kernel's receive stamp
 *   publisher ───────────▶ bare socket          a twin of it, stamped and sent just before
 *
 * The difference of the quantiles is the server's: its wake-up, its work, and its viewers' turns.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/loadgen/generator.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/recv_batch.h"
#include "bench/loadgen/vp8_packetizer.h"
#include "bench/scenario.h"
#include "core/addr.h"
#include "core/stats.h"
#include "core/timebase.h"

static const struct doc_column columns[] = {
    {"added_p50_us", "p50 added us", 1, 0},     {"added_p99_us", "p99 added us", 1, 0},
    {"delay_p50_us", "p50 delay us", 1, 0},     {"delay_p99_us", "p99 delay us", 1, 0},
    {"bare_p50_us", "p50 bare us", 1, 0},       {"bare_p99_us", "p99 bare us", 1, 0},
    {"server_cpu_cores", "server cores", 1, 3},
};

/* ---- the bare pair ---- */

struct bare {
    struct generator *generator;
    struct loop_source source; /* receives */
    int from;
    struct histogram delay_us;
};

static void on_bare(struct loop_source *source, uint32_t events, uint64_t now_us)
{
    struct bare *b = CONTAINER_OF(source, struct bare, source);
    struct datagram *batch;
    bool is_drained = false;
    uint64_t sent_us;

    (void)events;
    while (!is_drained) {
        size_t n =
            recv_batch_read(b->generator->recv, source->fd, RECV_ALL, now_us, &batch, &is_drained);
        for (size_t i = 0; i < n; i++)
            if (frame_trailer_read(batch[i].data, batch[i].len, &sent_us))
                histogram_add(&b->delay_us,
                              batch[i].arrival_us > sent_us ? batch[i].arrival_us - sent_us : 0);
    }
}

static void on_sent(const uint8_t *payload, size_t len, bool is_last, void *arg)
{
    struct bare *b = arg;
    uint8_t twin[VP8_MAX_PAYLOAD_BYTES];

    if (!is_last || b->from < 0)
        return;
    memcpy(twin, payload, len);
    frame_trailer_stamp(twin, len, timebase_now_us());
    (void)!send(b->from, twin, len, MSG_DONTWAIT);
}

static int open_bare(struct bare *b, struct generator *g)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct recv_socket_config config = {.timestamps = true};
    socklen_t len = sizeof(any);
    struct addr addr;

    b->generator = g;
    b->from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (b->from < 0 || bind(b->from, (struct sockaddr *)&any, len) != 0 ||
        getsockname(b->from, (struct sockaddr *)&any, &len) != 0)
        return -1;
    addr = addr_of_sockaddr((struct sockaddr *)&any);
    b->source = (struct loop_source){.fd = recv_socket_open(&addr, &config), .on_ready = on_bare};
    if (b->source.fd < 0 || getsockname(b->source.fd, (struct sockaddr *)&any, &len) != 0 ||
        connect(b->from, (struct sockaddr *)&any, len) != 0)
        return -1;
    return loop_watch(g->loop, &b->source, EPOLLIN | EPOLLET);
}

static void close_bare(struct bare *b)
{
    if (b->generator != NULL)
        loop_unwatch(b->generator->loop, &b->source);
    if (b->source.fd >= 0)
        close(b->source.fd);
    if (b->from >= 0)
        close(b->from);
    b->from = -1;
}

/* ---- rounds ---- */

static void report(const struct stage *stage, const struct bare *b, struct doc_round *r)
{
    static const struct {
        double q;
        const char *bare, *added;
    } rows[] = {{0.5, "bare_p50_us", "added_p50_us"}, {0.99, "bare_p99_us", "added_p99_us"}};
    const struct histogram *delay =
        &audience_state(stage_audience((struct stage *)stage))->delay_us;

    for (size_t i = 0; i < ARRAY_LEN(rows) && b->delay_us.count > 0 && delay->count > 0; i++) {
        double bare = (double)histogram_quantile(&b->delay_us, rows[i].q);
        document_value(r, rows[i].bare, bare);
        document_value(r, rows[i].added, (double)histogram_quantile(delay, rows[i].q) - bare);
    }
}

static int run_with_bare(struct scenario *s, struct stage *stage, const struct contender *c,
                         struct bare *b)
{
    uint32_t viewers = scenario_first_viewers(s->options, 100);
    struct doc_round *r;
    int err;

    if ((err = stage_publish(stage, 1)) != 0 || (err = stage_fill(stage, viewers)) != 0)
        return err;
    publisher_tell_sent(stage_publisher(stage, 0), on_sent, b);
    stage_idle(stage, s->options->warmup * US_PER_S);
    histogram_clear(&b->delay_us);
    r = document_round(scenario_row(s, c->id, "viewers", viewers));
    err = stage_measure(stage, s->options->seconds, r);
    if (err == 0)
        report(stage, b, r);
    return err;
}

static int run_round(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    struct bare b = {.from = -1, .source.fd = -1};
    int err = open_bare(&b, stage_generator(stage));

    (void)arg;
    if (err == 0)
        err = run_with_bare(s, stage, c, &b);
    if (stage_publisher(stage, 0) != NULL)
        publisher_tell_sent(stage_publisher(stage, 0), NULL, NULL);
    close_bare(&b);
    return err;
}

int bench_latency(const struct bench_options *o, struct document *d)
{
    struct scenario s;
    int err = scenario_open(&s, "latency", o, d);

    if (err != 0)
        return err;
    err = scenario_run_rounds(&s, o->workers, run_round, NULL);
    document_print(d, s.name, columns, ARRAY_LEN(columns));
    scenario_close(&s);
    return err;
}
