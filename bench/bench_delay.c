/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_delay.c - how long a packet stays in the server, at light load.
 *
 *   publisher ──▶ media worker (a thread of its own) ──▶ viewer       one way, stamped in the payload
 *   publisher ──────────────────────────────────────▶ bare socket    the same bytes without a server
 *
 * Both measured in turn in one run; what forwarding adds is the difference of the quantiles. One 1.1 kB packet every 3 ms is about
 * a 3 Mb/s stream: the worker sleeps between packets, so its wake-up is part of the figure.
 */
#include <string.h>

#include "bench/bench.h"
#include "bench/loadgen/endpoint.h"
#include "core/check.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/rng.h"
#include "core/stats.h"
#include "core/timebase.h"
#include "core/udp.h"
#include "core/wire.h"
#include "core/worker.h"
#include "rooms/sfu/sfu_host.h"
#include "transport/cert.h"

#define PACKET_INTERVAL_US 3000ull
#define PAYLOAD_BYTES 1100
#define SSRC_IN 0x11111111u
#define SSRC_OUT 0x22222222u
#define PT_OPUS 111
#define CONNECT_TIMEOUT_US 5000000ull
#define LAST_PACKETS_US 200000ull

enum { PUBLISHER = 1, VIEWER = 2, TRACK = 10, SUBSCRIPTION = 20 };

struct delay_run {
    struct worker *worker;
    struct packet_pool *pool;
    struct cert *cert;
    struct dtls_context *dtls;
    struct fingerprint fingerprint;
    struct sfu_host *host;
    struct endpoint *publisher, *viewer;
    struct udp_sock *bare; /* receives what the publisher's twin sends without a server */
    struct udp_sock *bare_from;
    struct addr bare_addr;
    struct deadline tick, stop;
    uint64_t ends_us;
    uint16_t seq;
    unsigned opened;
    bool is_measuring;
    uint64_t sent;
    struct histogram forwarded_ns, bare_ns;
};

/* The stamp is a media payload: an Opus packet to the server, which does not look inside. */
static size_t write_packet(struct delay_run *d, uint8_t buf[RTP_FIXED_HEADER_BYTES + PAYLOAD_BYTES])
{
    size_t head = rtp_write_header(buf, RTP_FIXED_HEADER_BYTES, PT_OPUS, false, d->seq,
                                   d->seq * 960u, SSRC_IN, NULL, 0);

    d->seq++;
    memset(buf + head, 0x5a, PAYLOAD_BYTES);
    return head + PAYLOAD_BYTES;
}

static void stamp(uint8_t *payload)
{
    struct writer w = writer_of(payload, 8);

    writer_u64(&w, timebase_now_us());
}

static uint64_t age_us(const uint8_t *payload, size_t len)
{
    struct reader r = reader_of(payload, len);

    return timebase_now_us() - reader_u64(&r);
}

static void on_open(struct endpoint *e, void *arg)
{
    struct delay_run *d = arg;

    (void)e;
    if (++d->opened == 2)
        deadline_set(worker_wheel(d->worker), &d->tick,
                     worker_now_us(d->worker) + PACKET_INTERVAL_US);
}

static void on_rtp(struct endpoint *e, struct packet *pkt, uint64_t now_us, void *arg)
{
    struct delay_run *d = arg;

    (void)now_us;
    if (e == d->viewer)
        histogram_add(&d->forwarded_ns,
                      age_us(pkt->data + pkt->rtp.header_bytes, pkt->rtp.payload_bytes) * 1000);
}

static void on_bare(struct udp_sock *s, const struct udp_datagram *batch, size_t n, uint64_t now_us,
                    void *arg)
{
    struct delay_run *d = arg;

    (void)now_us;
    for (size_t i = 0; i < n; i++) {
        struct packet *pkt = batch[i].pkt;
        if (s == d->bare)
            histogram_add(&d->bare_ns, age_us(pkt->data + RTP_FIXED_HEADER_BYTES,
                                              pkt->len - RTP_FIXED_HEADER_BYTES) *
                                           1000);
        packet_unref(&pkt);
    }
}

/* Packets take turns: one through the server, one past it. */
static void on_tick(struct deadline *t, uint64_t now_us, void *arg)
{
    struct delay_run *d = arg;
    uint8_t buf[RTP_FIXED_HEADER_BYTES + PAYLOAD_BYTES];
    size_t len = write_packet(d, buf);

    if (!d->is_measuring) {
        d->is_measuring = true;
        d->ends_us += now_us;
    }
    if (now_us >= d->ends_us) {
        deadline_set(worker_wheel(d->worker), &d->stop, now_us + LAST_PACKETS_US);
        return;
    }
    stamp(buf + RTP_FIXED_HEADER_BYTES);
    if (d->sent++ % 2 == 0) {
        (void)endpoint_send_rtp(d->publisher, buf, len);
    } else {
        const struct udp_out out = {.data = buf, .len = len, .remote = d->bare_addr};
        d->seq--; /* the server sees no gap */
        udp_send(d->bare_from, &out, 1);
    }
    deadline_set(worker_wheel(d->worker), t, now_us + PACKET_INTERVAL_US);
}

static void on_stop(struct deadline *t, uint64_t now_us, void *arg)
{
    struct delay_run *d = arg;

    (void)t;
    (void)now_us;
    worker_stop(d->worker);
}

static struct ice_credentials make_credentials(void)
{
    struct ice_credentials c;

    rng_secret_ice_chars(c.ufrag, ICE_UFRAG_LEN);
    rng_secret_ice_chars(c.pwd, ICE_PWD_LEN);
    return c;
}

static struct transceiver make_section(bool recv)
{
    struct transceiver t = {
        .mid = "0", .kind = MEDIA_AUDIO, .recv = recv, .send = !recv, .codec_count = 1};

    t.codec[0] =
        (struct negotiated_codec){.codec = {.id = CODEC_OPUS, .clock_hz = 48000, .channels = 2},
                                  .pt = PT_OPUS,
                                  .rtx_pt = PT_NONE};
    t.encoding_count = recv ? 1 : 0;
    t.encoding[0].ssrc = SSRC_IN;
    t.ssrc = SSRC_OUT;
    return t;
}

static int connect_endpoint(struct delay_run *d, struct endpoint **out, uint64_t id,
                            const struct addr *server)
{
    static const struct endpoint_handlers handlers = {.on_open = on_open, .on_rtp = on_rtp};
    struct endpoint_config config = {
        .server = *server,
        .local = make_credentials(),
        .remote = make_credentials(),
        .server_fingerprint = d->fingerprint,
        .dtls = d->dtls,
        .worker = d->worker,
        .pool = d->pool,
    };
    struct remote_transport remote = {
        .ice = config.local, .fingerprint_count = 1, .fingerprint = {d->fingerprint}};
    struct log_ids ids;

    log_ids_set(&ids, "bench=%llu", (unsigned long long)id);
    sfu_host_transport_open(d->host, id, &config.remote, &remote, 30 * US_PER_S, &ids);
    return endpoint_open(out, &config, &handlers, d);
}

static void ignore_state(struct sfu_host *h, uint64_t id, enum transport_state state,
                         const char *reason, void *arg)
{
    (void)h, (void)id, (void)state, (void)reason, (void)arg;
}

static void ignore_codec(struct sfu_host *h, uint64_t id, enum codec_id codec, void *arg)
{
    (void)h, (void)id, (void)codec, (void)arg;
}

static int open_run(struct delay_run *d)
{
    static const struct sfu_host_handlers host_handlers = {ignore_state, ignore_codec,
                                                           ignore_codec};
    static const struct udp_handlers bare_handlers = {.on_datagrams = on_bare};
    struct addr listen, bound;
    struct sfu_host_config config = {.listen = &listen, .listen_count = 1, .udp = true, .cpu = -1};
    struct transceiver in = make_section(true), out = make_section(false);
    int err;

    CHECK(addr_parse(&listen, STR("127.0.0.1:0")) == 0);
    if ((err = worker_open(&d->worker, "bench")) != 0 ||
        (err = cert_new_self_signed(&d->cert, "bench", NULL, 0, 1)) != 0 ||
        (err = dtls_context_new(&d->dtls, d->cert)) != 0)
        return err;
    cert_fingerprint(d->cert, &d->fingerprint);
    d->pool = packet_pool_new(1024);
    config.dtls = d->dtls;
    config.control = d->worker;
    if ((err = sfu_host_open(&d->host, &config, &host_handlers, d, NULL)) != 0)
        return err;
    (void)sfu_host_locals(d->host, &bound, 1);
    if ((err = connect_endpoint(d, &d->publisher, PUBLISHER, &bound)) != 0 ||
        (err = connect_endpoint(d, &d->viewer, VIEWER, &bound)) != 0 ||
        (err = udp_open(&d->bare, d->worker, &listen, d->pool, &bare_handlers, d)) != 0 ||
        (err = udp_open(&d->bare_from, d->worker, &listen, d->pool, &bare_handlers, d)) != 0)
        return err;
    d->bare_addr = udp_local(d->bare);
    sfu_host_track_open(d->host, TRACK, PUBLISHER, &in);
    sfu_host_subscription_open(d->host, SUBSCRIPTION, VIEWER, &out, TRACK);
    deadline_init(&d->tick, on_tick, d);
    deadline_init(&d->stop, on_stop, d);
    deadline_set(worker_wheel(d->worker), &d->stop,
                 worker_now_us(d->worker) + CONNECT_TIMEOUT_US + d->ends_us);
    return 0;
}

static void close_run(struct delay_run *d)
{
    deadline_clear(&d->tick);
    deadline_clear(&d->stop);
    endpoint_close(&d->publisher);
    endpoint_close(&d->viewer);
    udp_close(&d->bare);
    udp_close(&d->bare_from);
    sfu_host_close(&d->host);
    worker_close(&d->worker);
    packet_pool_free(&d->pool);
    dtls_context_free(&d->dtls);
    cert_free(&d->cert);
}

static void report(const struct delay_run *d, const struct bench_options *options)
{
    static const double q[] = {0.5, 0.9, 0.99};
    const struct histogram *f = &d->forwarded_ns, *b = &d->bare_ns;

    printf("one packet of %d bytes every %d ms, through the server and past it in turn, "
           "AEAD_AES_128_GCM\n",
           PAYLOAD_BYTES, (int)(PACKET_INTERVAL_US / 1000));
    printf("%-12s %10s %10s %10s %10s\n", "us", "p50", "p90", "p99", "packets");
    printf("%-12s %10.0f %10.0f %10.0f %10llu\n", "forwarded",
           (double)histogram_quantile(f, q[0]) / 1e3, (double)histogram_quantile(f, q[1]) / 1e3,
           (double)histogram_quantile(f, q[2]) / 1e3, (unsigned long long)f->count);
    printf("%-12s %10.0f %10.0f %10.0f %10llu\n", "bare", (double)histogram_quantile(b, q[0]) / 1e3,
           (double)histogram_quantile(b, q[1]) / 1e3, (double)histogram_quantile(b, q[2]) / 1e3,
           (unsigned long long)b->count);
    if (options->json == NULL)
        return;
    fprintf(options->json,
            "{\"bench\": \"delay\", \"unit\": \"us\", \"sent\": %llu,\n \"forwarded\": {\"p50\": "
            "%.1f, \"p90\": %.1f, "
            "\"p99\": %.1f, \"packets\": %llu},\n \"bare\": {\"p50\": %.1f, \"p90\": %.1f, "
            "\"p99\": %.1f, \"packets\": %llu}}\n",
            (unsigned long long)d->sent, (double)histogram_quantile(f, q[0]) / 1e3,
            (double)histogram_quantile(f, q[1]) / 1e3, (double)histogram_quantile(f, q[2]) / 1e3,
            (unsigned long long)f->count, (double)histogram_quantile(b, q[0]) / 1e3,
            (double)histogram_quantile(b, q[1]) / 1e3, (double)histogram_quantile(b, q[2]) / 1e3,
            (unsigned long long)b->count);
}

int bench_delay(const struct bench_options *options)
{
    struct delay_run *d = MEM_NEW(struct delay_run);
    int err;

    d->ends_us = options->seconds * US_PER_S;
    err = open_run(d);
    if (err == 0) {
        worker_run(d->worker);
        err = d->forwarded_ns.count == 0 ? E_TIMEOUT : 0;
        report(d, options);
    }
    close_run(d);
    mem_free(d);
    return err;
}
