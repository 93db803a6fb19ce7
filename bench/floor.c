/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor.c - the sender is a process of its own, so that it can stand on the server's core; it tells its figures through a pipe.
 *
 * The packets of a frame are padded to one size, so that a frame is one send a viewer.
 */
#include "bench/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/loadgen/loop.h"
#include "bench/loadgen/recv_batch.h"
#include "bench/loadgen/usage.h"
#include "bench/loadgen/vp8_packetizer.h"
#include "core/addr.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/rtp.h"
#include "core/timebase.h"
#include "core/wire.h"
#include "transport/fanout_cipher.h"

#define SETTLE_US (US_PER_S / 2)
#define HEADER_BYTES 24 /* fixed header and an extension block, as the server writes it */
#define SLAB_DATAGRAMS 256
#define SLAB_BYTES (SLAB_DATAGRAMS * (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES))
#define MAX_RUN 32 /* datagrams of one GSO send: below the kernel's 64 and 64 KB */
#define MAX_SENDS 64
#define REST_US 1000
#define SENDER_BUFFER_BYTES (8 * 1024 * 1024)

/* ---- the sender ---- */

struct floor_viewer {
    struct sockaddr_in to;
    struct fanout_key *key;
    struct fanout_stream stream;
};

struct sender {
    const struct floor_config *config;
    int fd;
    struct fanout_cipher *cipher;
    struct floor_viewer *viewer;
    uint16_t seq;
    uint8_t head[HEADER_BYTES + VP8_DESCRIPTOR_BYTES], payload[VP8_MAX_PAYLOAD_BYTES];
    uint8_t *slab;
    size_t used, sends;
    struct mmsghdr msg[MAX_SENDS];
    struct iovec iov[MAX_SENDS];
    struct {
        _Alignas(struct cmsghdr) uint8_t room[CMSG_SPACE(sizeof(uint16_t))];
    } control[MAX_SENDS];
    uint64_t packets, busy_us, send_us;
};

static void flush(struct sender *s)
{
    uint64_t begin_us;

    fanout_cipher_flush(s->cipher);
    begin_us = timebase_now_us();
    for (size_t sent = 0; sent < s->sends;) {
        int n = sendmmsg(s->fd, s->msg + sent, (unsigned)(s->sends - sent), 0);
        sent += n > 0 ? (size_t)n : 1; /* what is refused is lost, as in the server */
    }
    s->send_us += timebase_now_us() - begin_us;
    s->sends = 0;
    s->used = 0;
}

/* One send of @count datagrams of @bytes to a viewer. */
static void add_send(struct sender *s, struct floor_viewer *v, uint8_t *from, size_t bytes,
                     size_t count)
{
    size_t i = s->sends++;
    struct msghdr *h = &s->msg[i].msg_hdr;

    s->iov[i] = (struct iovec){.iov_base = from, .iov_len = bytes * count};
    *h = (struct msghdr){
        .msg_name = &v->to, .msg_namelen = sizeof(v->to), .msg_iov = &s->iov[i], .msg_iovlen = 1};
    if (count > 1) {
        uint16_t segment = (uint16_t)bytes;
        h->msg_control = s->control[i].room;
        h->msg_controllen = sizeof(s->control[i].room);
        struct cmsghdr *c = CMSG_FIRSTHDR(h);
        *c = (struct cmsghdr){
            .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof(segment))};
        memcpy(CMSG_DATA(c), &segment, sizeof(segment));
    }
}

/* @count packets of one frame for one viewer, from sequence number @seq on. */
static void send_run(struct sender *s, struct floor_viewer *v, uint16_t seq, size_t payload_bytes,
                     size_t count)
{
    struct fanout_packet p = {.head = s->head,
                              .header_bytes = HEADER_BYTES,
                              .head_bytes = sizeof(s->head),
                              .payload = s->payload,
                              .payload_bytes = payload_bytes - VP8_DESCRIPTOR_BYTES};
    uint8_t *from = s->slab + s->used;
    size_t len = 0;

    wire_put_u32(s->head + 8, v->stream.ssrc);
    for (size_t i = 0; i < count; i++) {
        wire_put_u16(s->head + 2, (uint16_t)(seq + i));
        if (fanout_cipher_submit(s->cipher, v->key, &v->stream, &p, s->slab + s->used, &len) == 0)
            s->used += len;
    }
    add_send(s, v, from, len, count);
    s->packets += count;
}

static void send_frame(struct sender *s, size_t frame_bytes)
{
    size_t count = vp8_payload_count(frame_bytes);
    size_t bytes = (frame_bytes + FRAME_TRAILER_BYTES + count - 1) / count + VP8_DESCRIPTOR_BYTES;
    uint64_t begin_us = timebase_now_us();

    for (size_t i = 0; i < s->config->viewers; i++)
        for (size_t done = 0; done < count; done += MAX_RUN) {
            size_t run = MIN(count - done, (size_t)MAX_RUN);
            if (s->sends == MAX_SENDS ||
                s->used + run * (bytes + HEADER_BYTES + FANOUT_MAX_TAG_BYTES) > SLAB_BYTES)
                flush(s);
            send_run(s, &s->viewer[i], (uint16_t)(s->seq + done), bytes, run);
        }
    flush(s);
    s->seq = (uint16_t)(s->seq + count);
    s->busy_us += timebase_now_us() - begin_us;
}

static int open_sender(struct sender *s)
{
    struct srtp_keys keys = {.profile = s->config->profile, .key_bytes = 16, .salt_bytes = 12};
    int err = fanout_cipher_new(&s->cipher, FANOUT_BACKEND_AUTO);

    if (s->config->profile == SRTP_PROFILE_AES128_CM_SHA1_80)
        keys.salt_bytes = 14;
    if (s->config->profile == SRTP_PROFILE_AEAD_AES_256_GCM)
        keys.key_bytes = 32;
    for (size_t i = 0; i < s->config->viewers && err == 0; i++) {
        rng_secret_bytes(keys.local, sizeof(keys.local));
        err = fanout_key_new(&s->viewer[i].key, s->cipher, &keys);
        fanout_stream_init(&s->viewer[i].stream, (uint32_t)i + 1);
    }
    s->slab = mem_alloc(SLAB_BYTES);
    rng_secret_bytes(s->payload, sizeof(s->payload));
    s->head[0] = 0x90;
    s->head[1] = 96;
    wire_put_u16(s->head + RTP_FIXED_HEADER_BYTES, 0xbede);
    wire_put_u16(s->head + RTP_FIXED_HEADER_BYTES + 2,
                 (HEADER_BYTES - RTP_FIXED_HEADER_BYTES - 4) / 4);
    return err;
}

static void pin_sender(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

static void wait_until(uint64_t at_us)
{
    uint64_t now_us = timebase_now_us();
    struct timespec ts;

    if (now_us >= at_us)
        return;
    ts = (struct timespec){.tv_sec = (time_t)((at_us - now_us) / US_PER_S),
                           .tv_nsec = (long)((at_us - now_us) % US_PER_S * 1000)};
    (void)ppoll(NULL, 0, &ts, NULL);
}

static int run_sender(struct sender *s, struct floor_result *out)
{
    const struct clip *c = s->config->clip;
    uint64_t start_us, cpu_ns = 0, first_packets = 0, at_us = 0;
    uint64_t window_us = (uint64_t)(s->config->seconds * (double)US_PER_S);
    int err;

    pin_sender(s->config->cpu);
    err = open_sender(s);
    if (err != 0)
        return err;
    start_us = timebase_now_us();
    for (size_t i = 0; at_us < start_us + SETTLE_US + window_us; i++) {
        at_us = start_us + i * US_PER_S / c->fps;
        wait_until(at_us);
        if (cpu_ns == 0 && at_us >= start_us + SETTLE_US) {
            cpu_ns = usage_own_cpu_ns();
            first_packets = s->packets;
            s->busy_us = s->send_us = 0;
        }
        send_frame(s, c->frame[i % c->frame_count].len);
    }
    out->cpu_ns = usage_own_cpu_ns() - cpu_ns;
    out->packets = s->packets - first_packets;
    out->all_sent = s->packets;
    out->encrypt_share = 1 - (double)s->send_us / (double)MAX(s->busy_us, 1u);
    (void)snprintf(out->cipher, sizeof(out->cipher), "%s", fanout_cipher_name(s->cipher));
    return 0;
}

/* ---- the receivers ---- */

struct receiver {
    struct loop_source source;
    struct floor_run *run;
};

struct floor_run {
    const struct floor_config *config;
    struct loop *loop;
    struct recv_batch *recv;
    struct receiver *receiver;
    struct sender sender;
    struct loop_source pipe;
    bool is_over;
    ssize_t pipe_bytes;
    struct floor_result result;
    uint64_t received;
};

static void on_datagrams(struct loop_source *source, uint32_t events, uint64_t now_us)
{
    struct receiver *r = CONTAINER_OF(source, struct receiver, source);
    struct datagram *batch;
    bool is_drained = false;

    (void)events;
    while (!is_drained)
        r->run->received += recv_batch_read(r->run->recv, source->fd, now_us, &batch, &is_drained);
}

static void on_result(struct loop_source *source, uint32_t events, uint64_t now_us)
{
    struct floor_run *r = CONTAINER_OF(source, struct floor_run, pipe);

    (void)events;
    (void)now_us;
    r->pipe_bytes = read(source->fd, &r->result, sizeof(r->result));
    r->is_over = true;
}

static bool is_over(void *arg)
{
    return ((struct floor_run *)arg)->is_over;
}

static int open_sockets(struct floor_run *r)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct recv_socket_config config = {.gro = false};
    socklen_t len = sizeof(any);
    int buffer = SENDER_BUFFER_BYTES, err = 0;
    struct addr from;

    r->sender.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (r->sender.fd < 0 || bind(r->sender.fd, (struct sockaddr *)&any, len) != 0 ||
        getsockname(r->sender.fd, (struct sockaddr *)&any, &len) != 0)
        return -errno;
    (void)setsockopt(r->sender.fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    from = addr_of_sockaddr((struct sockaddr *)&any);
    for (size_t i = 0; i < r->config->viewers && err == 0; i++) {
        struct receiver *v = &r->receiver[i];
        v->run = r;
        v->source =
            (struct loop_source){.fd = recv_socket_open(&from, &config), .on_ready = on_datagrams};
        if (v->source.fd < 0)
            return v->source.fd;
        len = sizeof(r->sender.viewer[i].to);
        err = loop_watch(r->loop, &v->source, EPOLLIN | EPOLLET);
        if (getsockname(v->source.fd, (struct sockaddr *)&r->sender.viewer[i].to, &len) != 0)
            err = -errno;
    }
    return err;
}

static _Noreturn void be_sender(struct floor_run *r, int pipe)
{
    struct floor_result result = {0};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (run_sender(&r->sender, &result) == 0)
        (void)!write(pipe, &result, sizeof(result));
    _exit(0);
}

static int run_both(struct floor_run *r)
{
    uint64_t begin_us, own_ns, timeout_us = (uint64_t)(r->config->seconds * 3e6) + 30 * US_PER_S;
    int pipes[2], err;
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC) != 0)
        return -errno;
    r->pipe = (struct loop_source){.fd = pipes[0], .on_ready = on_result};
    err = loop_watch(r->loop, &r->pipe, EPOLLIN);
    pid = err == 0 ? fork() : -1;
    if (pid == 0)
        be_sender(r, pipes[1]);
    close(pipes[1]);
    begin_us = timebase_now_us();
    own_ns = usage_own_cpu_ns();
    loop_set_rest(r->loop, REST_US);
    if (pid > 0)
        (void)loop_run(r->loop, begin_us + timeout_us, is_over, r);
    r->result.own_ns = usage_own_cpu_ns() - own_ns;
    r->result.window_us = timebase_now_us() - begin_us;
    loop_unwatch(r->loop, &r->pipe);
    (void)loop_run(r->loop, timebase_now_us() + 20 * US_PER_MS, NULL, NULL); /* what is left */
    close(pipes[0]);
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    r->result.all_received = r->received;
    return r->pipe_bytes == (ssize_t)sizeof(r->result) ? 0 : E_STATE;
}

static void close_run(struct floor_run *r)
{
    for (size_t i = 0; i < r->config->viewers; i++) {
        loop_unwatch(r->loop, &r->receiver[i].source);
        if (r->receiver[i].source.fd > 0)
            close(r->receiver[i].source.fd);
    }
    if (r->sender.fd >= 0)
        close(r->sender.fd);
    recv_batch_free(&r->recv);
    loop_free(&r->loop);
    mem_free(r->receiver);
    mem_free(r->sender.viewer);
    mem_free(r);
}

int floor_measure(const struct floor_config *config, struct floor_result *out)
{
    struct floor_run *r = MEM_NEW(struct floor_run);
    int err = loop_new(&r->loop);

    if (err != 0) {
        mem_free(r);
        return err;
    }
    r->config = r->sender.config = config;
    r->sender.fd = -1;
    r->recv = recv_batch_new(false);
    r->receiver = mem_alloc_array(config->viewers, sizeof(*r->receiver));
    r->sender.viewer = mem_alloc_array(config->viewers, sizeof(*r->sender.viewer));
    err = open_sockets(r);
    if (err == 0)
        err = run_both(r);
    *out = r->result;
    close_run(r);
    return err;
}
