/* SPDX-License-Identifier: Apache-2.0 */
/* plain_sender.c - see plain_sender.h. */
#include "bench/plain_sender.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/loadgen/generator.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/sound_loop.h"
#include "bench/loadgen/video_stream.h"
#include "core/deadline.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rtp.h"
#include "core/timebase.h"

#define STAGGER_US 3700ull /* so that not all frames leave at once */
#define AUDIO_TICK_TS 960

struct sending {
    struct plain_sender *sender;
    struct plain_member member;
    struct video_stream video;
    struct deadline frame, tick;
    uint64_t started_us, frames, ticks;
    uint32_t audio_ssrc;
};

struct plain_sender {
    struct generator *generator;
    int fd;
    uint64_t late_us;
    size_t count;
    struct sending *sending;
};

static void send_rtp(const struct plain_sender *s, uint16_t port, uint8_t *packet, size_t len)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    /* What is not taken is lost, as on any network. */
    (void)!sendto(s->fd, packet, len, MSG_DONTWAIT, (const struct sockaddr *)&to, sizeof(to));
}

static void send_frame(struct sending *q)
{
    const struct publisher_watch *watch = &q->member.media.watch;
    size_t at = video_stream_next_index(&q->video);
    uint32_t ts = (uint32_t)(q->frames * VIDEO_CLOCK_HZ / q->video.clip->fps);
    uint8_t packet[MAX_DATAGRAM_BYTES];
    uint16_t seq;
    size_t n = video_stream_next_frame(&q->video, ts, &seq);

    if (watch->on_frame != NULL)
        watch->on_frame(q->member.encoding, at, watch->arg);
    for (size_t i = 0; i < n; i++) {
        const struct video_packet *v = video_stream_find(&q->video, (uint16_t)(seq + i));
        size_t head = rtp_write_header(packet, sizeof(packet), PLAIN_SENDER_PT_VIDEO, v->is_last,
                                       v->seq, ts, q->video.ssrc, NULL, 0);
        memcpy(packet + head, v->payload, v->len);
        send_rtp(q->sender, q->member.video_port, packet, head + v->len);
    }
}

static void on_frame_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct sending *q = arg;
    uint64_t due_us;

    while ((due_us = q->started_us + q->frames * US_PER_S / q->video.clip->fps) <= now_us) {
        q->sender->late_us = MAX(q->sender->late_us, timebase_now_us() - due_us);
        send_frame(q);
        q->frames++;
    }
    deadline_set(loop_wheel(q->sender->generator->loop), d, due_us);
}

static void send_tick(struct sending *q)
{
    const struct publisher_watch *watch = &q->member.media.watch;
    const struct sound_loop *sound = q->member.media.sound;
    size_t tick = q->ticks % SOUND_LOOP_TICKS;
    uint8_t packet[MAX_DATAGRAM_BYTES];
    size_t head =
        rtp_write_header(packet, sizeof(packet), PLAIN_SENDER_PT_AUDIO, false, (uint16_t)q->ticks,
                         (uint32_t)(q->ticks * AUDIO_TICK_TS), q->audio_ssrc, NULL, 0);

    if (watch->on_sound != NULL)
        watch->on_sound(tick, watch->arg);
    memcpy(packet + head, sound->payload[tick], sound->len[tick]);
    send_rtp(q->sender, q->member.audio_port, packet, head + sound->len[tick]);
}

static void on_tick_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct sending *q = arg;
    uint64_t due_us;

    while ((due_us = q->started_us + q->ticks * SOUND_LOOP_TICK_US) <= now_us) {
        send_tick(q);
        q->ticks++;
    }
    deadline_set(loop_wheel(q->sender->generator->loop), d, due_us);
}

static void begin(struct plain_sender *s, const struct plain_member *member)
{
    struct wheel *w = loop_wheel(s->generator->loop);
    struct sending *q = &s->sending[s->count];

    *q = (struct sending){.sender = s, .member = *member};
    q->started_us = timebase_now_us() + s->count++ * STAGGER_US;
    q->audio_ssrc = generator_random_ssrc();
    deadline_init(&q->frame, on_frame_due, q);
    deadline_init(&q->tick, on_tick_due, q);
    if (member->video_port != 0) {
        video_stream_init(&q->video, member->media.clip[member->encoding]);
        deadline_set(w, &q->frame, q->started_us);
    }
    if (member->audio_port != 0)
        deadline_set(w, &q->tick, q->started_us);
}

int plain_sender_open(struct plain_sender **out, struct generator *generator,
                      const struct plain_member *members, size_t n)
{
    struct plain_sender *s = MEM_NEW(struct plain_sender);

    s->generator = generator;
    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        mem_free(s);
        return -errno;
    }
    s->sending = mem_alloc_array(n, sizeof(*s->sending));
    for (size_t i = 0; i < n; i++)
        begin(s, &members[i]);
    *out = s;
    return 0;
}

void plain_sender_close(struct plain_sender **sp)
{
    struct plain_sender *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    for (size_t i = 0; i < s->count; i++) {
        deadline_clear(&s->sending[i].frame);
        deadline_clear(&s->sending[i].tick);
        video_stream_fini(&s->sending[i].video);
    }
    mem_free(s->sending);
    close(s->fd);
    mem_free(s);
}

uint64_t plain_sender_take_late_us(struct plain_sender *s)
{
    uint64_t late_us = s->late_us;

    s->late_us = 0;
    return late_us;
}
