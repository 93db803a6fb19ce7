/* SPDX-License-Identifier: Apache-2.0 */
/* floor_sender.c - see floor_sender.h. */
#include "bench/floor_sender.h"

#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/loadgen/vp8_packetizer.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/rtp.h"
#include "core/timebase.h"
#include "core/wire.h"

#define SETTLE_US (US_PER_S / 2)
#define HEADER_BYTES 24 /* fixed header and an extension block, as the server writes it */
#define SLAB_DATAGRAMS 256
#define SLAB_BYTES (SLAB_DATAGRAMS * (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES))
#define MAX_RUN 32 /* datagrams of one GSO send: below the kernel's 64 and 64 KB */
#define MAX_SENDS 64

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

static int run(struct sender *s, struct floor_result *out)
{
    const struct clip *c = s->config->clip;
    uint64_t start_us, cpu_ns = 0, first_us = 0, first_packets = 0, at_us = 0;
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
            cpu_ns = timebase_thread_cpu_ns();
            first_us = timebase_now_us();
            first_packets = s->packets;
            s->busy_us = s->send_us = 0;
        }
        send_frame(s, c->frame[i % c->frame_count].len);
    }
    out->cpu_ns = timebase_thread_cpu_ns() - cpu_ns;
    out->sender_us = MAX(timebase_now_us() - first_us, window_us);
    out->packets = s->packets - first_packets;
    out->all_sent = s->packets;
    out->encrypt_share = 1 - (double)s->send_us / (double)MAX(s->busy_us, 1u);
    (void)snprintf(out->cipher, sizeof(out->cipher), "%s", fanout_cipher_name(s->cipher));
    return 0;
}

int floor_send(const struct floor_config *config, int fd, struct floor_viewer *viewer,
               struct floor_result *out)
{
    struct sender *s = MEM_NEW(struct sender);
    int err;

    s->config = config;
    s->fd = fd;
    s->viewer = viewer;
    err = run(s, out);
    fanout_cipher_free(&s->cipher);
    mem_free(s->slab);
    mem_free(s);
    return err;
}
