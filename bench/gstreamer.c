/* SPDX-License-Identifier: Apache-2.0 */
/* gstreamer.c - see gstreamer.h. */
#include "bench/gstreamer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/core_watch.h"
#include "bench/loadgen/child.h"
#include "bench/loadgen/generator.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/recv_batch.h"
#include "bench/loadgen/usage.h"
#include "bench/mix_sink.h"
#include "bench/plain_sender.h"
#include "core/addr.h"
#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/str.h"
#include "core/timebase.h"
#include "mixer/layout.h"
#include "mixer/video_encoder.h"

#define ID "gstreamer"
#define READY_US (20 * US_PER_S)
#define END_US (3 * US_PER_S)
#define INSPECT_US (20 * US_PER_S)
#define REST_US 1000
#define MAX_MEMBERS 100
#define MAX_WORDS 8192
#define MAX_PIPELINE_BYTES (256 * 1024)
#define MAX_LATE_US 50000
#define JITTER_MS 20
#define BITRATE_BPS 1500000

struct gstreamer {
    const struct bench_options *options;
    char version[64];
};

/* ---- whether it is there ---- */

/* The first line that a program prints; false when it cannot be run or prints none. */
static bool first_line(const struct bench_options *o, char *const *argv, char *out, size_t size)
{
    struct child c;
    bool is_there = child_start(&c, argv, -1, 0, o->log, true) == 0 &&
                    child_read_line(&c, out, size, INSPECT_US) == 0;

    child_end(&c, END_US);
    return is_there;
}

static struct gstreamer *leave_out(struct gstreamer *g, struct document *d, const char *what)
{
    char reason[160];

    (void)snprintf(reason, sizeof(reason), "%s is not installed (./dev bench installs it)", what);
    fprintf(stderr, "GStreamer is left out: %s\n", reason);
    document_server(d, ID, "GStreamer", "", "");
    document_server_skip(d, ID, reason);
    mem_free(g);
    return NULL;
}

static void describe(const struct gstreamer *g, struct document *d)
{
    document_server(d, ID, "GStreamer", g->version, "none");
    document_server_note(d, ID,
                         "plain RTP of the encoding that fills the tile: no DTLS, no SRTP, no SFU");
    document_server_note(
        d, ID, "rtpjitterbuffer latency=20, vp8enc and opusenc set as Parley's encoders are");
    document_server_note(d, ID, "one sound for all, no mix-minus; no names; no clocks mapped");
}

struct gstreamer *gstreamer_open(const struct bench_options *o, struct document *d)
{
    static const char *const elements[] = {
        "udpsrc",     "rtpjitterbuffer", "rtpvp8depay", "vp8dec",       "compositor",
        "vp8enc",     "rtpvp8pay",       "udpsink",     "rtpopusdepay", "opusdec",
        "audiomixer", "opusenc",         "rtpopuspay",  "videorate"};
    struct gstreamer *g = MEM_NEW(struct gstreamer);
    char line[1024], *version[] = {"gst-launch-1.0", "--version", NULL};

    g->options = o;
    if (!first_line(o, version, line, sizeof(line)))
        return leave_out(g, d, "gst-launch-1.0");
    const char *number = strrchr(line, ' ');
    (void)snprintf(g->version, sizeof(g->version), "%.60s", number != NULL ? number + 1 : line);
    for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
        char *inspect[] = {"gst-inspect-1.0", (char *)elements[i], NULL};
        if (!first_line(o, inspect, line, sizeof(line)) || strstr(line, "Factory") == NULL)
            return leave_out(g, d, elements[i]);
    }
    describe(g, d);
    return g;
}

void gstreamer_close(struct gstreamer **g)
{
    mem_free(*g);
    *g = NULL;
}

/* ---- a pipeline ---- */

struct ports {
    uint16_t video[MAX_MEMBERS], audio[MAX_MEMBERS];
    uint16_t from_video, from_audio; /* that the mix leaves from */
};

struct run {
    struct gstreamer *g;
    const struct gstreamer_round *round;
    struct generator generator;
    struct ports ports;
    struct child child;
    struct plain_sender *sender;
    struct outlet {
        struct loop_source source;
        struct run *run;
        bool is_video;
    } video, audio; /* of the mix */
};

/* UDP ports that were free just now: all are held at once, then let go. */
static bool find_ports(uint16_t *const *port, size_t n)
{
    int fd[2 * MAX_MEMBERS + 2];
    size_t found = 0, opened = 0;

    for (; opened < n; opened++) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(any);
        fd[opened] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd[opened] < 0)
            break;
        if (bind(fd[opened], (struct sockaddr *)&any, len) == 0 &&
            getsockname(fd[opened], (struct sockaddr *)&any, &len) == 0) {
            *port[opened] = ntohs(any.sin_port);
            found++;
        }
    }
    while (opened > 0)
        close(fd[--opened]);
    return found == n;
}

static bool choose_ports(struct run *run)
{
    uint16_t *port[2 * MAX_MEMBERS + 2];
    size_t n = 0;

    for (unsigned i = 0; i < run->round->members; i++) {
        port[n++] = &run->ports.audio[i];
        if (!run->round->is_audio_only)
            port[n++] = &run->ports.video[i];
    }
    port[n++] = &run->ports.from_video;
    port[n++] = &run->ports.from_audio;
    return find_ports(port, n);
}

static void add_video(struct strbuf *out, const struct run *run, uint16_t to)
{
    uint32_t who[MAX_LAYOUT_TILES] = {0};
    const struct layout_request request = {.kind = LAYOUT_GRID,
                                           .width = MIX_SINK_WIDTH,
                                           .height = MIX_SINK_HEIGHT,
                                           .gap = MIX_SINK_GAP,
                                           .participants = who,
                                           .count = run->round->members};
    struct layout layout;

    for (uint32_t i = 0; i < ARRAY_LEN(who); i++)
        who[i] = i;
    CHECK(layout_make(&layout, &request, NULL) == 0);
    strbuf_add(out, "compositor name=c background=black");
    for (unsigned i = 0; i < layout.count; i++)
        strbuf_addf(out, " sink_%u::xpos=%d sink_%u::ypos=%d sink_%u::width=%d sink_%u::height=%d",
                    i, layout.tile[i].x, i, layout.tile[i].y, i, layout.tile[i].width, i,
                    layout.tile[i].height);
    strbuf_addf(
        out,
        " ! video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1"
        " ! videorate ! vp8enc deadline=1 cpu-used=%d threads=1 lag-in-frames=0 end-usage=cbr"
        " target-bitrate=%d min-quantizer=2 max-quantizer=56 undershoot=100 overshoot=15"
        " buffer-size=1000 buffer-initial-size=500 buffer-optimal-size=600"
        " dropframe-threshold=30 static-threshold=%d keyframe-mode=disabled"
        " ! rtpvp8pay mtu=1200 pt=%d"
        " ! udpsink host=127.0.0.1 port=%u bind-port=%u sync=false async=false",
        MIX_SINK_WIDTH, MIX_SINK_HEIGHT, MIX_SINK_FPS, VIDEO_ENCODER_VP8_SPEED, BITRATE_BPS,
        VIDEO_ENCODER_VP8_STATIC, PLAIN_SENDER_PT_VIDEO, to, run->ports.from_video);
    for (unsigned i = 0; i < run->round->members; i++)
        strbuf_addf(out,
                    " udpsrc address=127.0.0.1 port=%u buffer-size=1000000"
                    " caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8,"
                    "payload=%d ! rtpjitterbuffer latency=%d ! rtpvp8depay ! vp8dec threads=1"
                    " ! c.sink_%u",
                    run->ports.video[i], PLAIN_SENDER_PT_VIDEO, JITTER_MS, i);
}

static void add_audio(struct strbuf *out, const struct run *run, uint16_t to)
{
    strbuf_addf(out,
                " audiomixer name=a ! audio/x-raw,rate=48000,channels=2"
                " ! opusenc bitrate=64000 frame-size=20 complexity=4"
                " audio-type=restricted-lowdelay ! rtpopuspay pt=%d"
                " ! udpsink host=127.0.0.1 port=%u bind-port=%u sync=false async=false",
                PLAIN_SENDER_PT_AUDIO, to, run->ports.from_audio);
    for (unsigned i = 0; i < run->round->members; i++)
        strbuf_addf(out,
                    " udpsrc address=127.0.0.1 port=%u"
                    " caps=application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,"
                    "payload=%d ! rtpjitterbuffer latency=%d ! rtpopusdepay ! opusdec ! a.",
                    run->ports.audio[i], PLAIN_SENDER_PT_AUDIO, JITTER_MS);
}

static bool is_taken(uint16_t port)
{
    const struct sockaddr_in own = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_free = fd >= 0 && bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0;

    if (fd >= 0)
        close(fd);
    return !is_free;
}

/* The pipeline listens on all ports, or has ended. */
static bool is_listening(void *arg)
{
    struct run *run = arg;

    for (unsigned i = 0; i < run->round->members; i++)
        if (!is_taken(run->ports.audio[i]) ||
            (!run->round->is_audio_only && !is_taken(run->ports.video[i])))
            return !child_is_alive(&run->child);
    return true;
}

static uint16_t local_port(int fd)
{
    struct sockaddr_in own;
    socklen_t len = sizeof(own);

    return getsockname(fd, (struct sockaddr *)&own, &len) == 0 ? ntohs(own.sin_port) : 0;
}

static int start(struct run *run)
{
    struct strbuf text;
    char **argv = mem_alloc_array(MAX_WORDS, sizeof(*argv)), *save = NULL;
    size_t n = 0;
    int err;

    strbuf_init(&text, MAX_PIPELINE_BYTES);
    strbuf_add(&text, "gst-launch-1.0 -q ");
    if (!run->round->is_audio_only)
        add_video(&text, run, local_port(run->video.source.fd));
    add_audio(&text, run, local_port(run->audio.source.fd));
    for (char *word = strtok_r(text.p, " ", &save); word != NULL && n < MAX_WORDS - 1;
         word = strtok_r(NULL, " ", &save))
        argv[n++] = word;
    argv[n] = NULL;
    err = child_start(&run->child, argv, (int)run->g->options->cpu, run->g->options->workers,
                      run->g->options->log, false);
    mem_free(argv);
    strbuf_fini(&text);
    return err;
}

/* ---- what comes out of it ---- */

static void on_ready(struct loop_source *source, uint32_t events, uint64_t now_us)
{
    struct outlet *o = CONTAINER_OF(source, struct outlet, source);
    bool is_drained = false;
    struct datagram *batch;

    (void)events;
    while (!is_drained) {
        size_t n = recv_batch_read(o->run->generator.recv, source->fd, RECV_ALL, now_us, &batch,
                                   &is_drained);
        for (size_t i = 0; i < n; i++)
            mix_sink_push(o->run->round->sink, o->is_video, &batch[i]);
    }
}

static int open_outlet(struct run *run, struct outlet *o, bool is_video, uint16_t from)
{
    const struct recv_socket_config config = {.timestamps = true};
    const struct sockaddr_in remote = {
        .sin_family = AF_INET, .sin_port = htons(from), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct addr addr = addr_of_sockaddr((const struct sockaddr *)&remote);

    *o = (struct outlet){.run = run,
                         .is_video = is_video,
                         .source = {.fd = recv_socket_open(&addr, &config), .on_ready = on_ready}};
    return o->source.fd < 0 ? o->source.fd
                            : loop_watch(run->generator.loop, &o->source, EPOLLIN | EPOLLET);
}

static void close_outlet(struct run *run, struct outlet *o)
{
    if (o->run == NULL || o->source.fd < 0)
        return;
    loop_unwatch(run->generator.loop, &o->source);
    close(o->source.fd);
}

/* Something of each medium came. */
static bool is_flowing(void *arg)
{
    const struct run *run = arg;
    const struct mix_sink_state *s = mix_sink_read(run->round->sink);

    return s->blocks > 0 && (run->round->is_audio_only || s->video_us.count > 0);
}

/* ---- measuring ---- */

static int open_sender(struct run *run)
{
    const struct gstreamer_round *round = run->round;
    struct plain_member *members = mem_alloc_array(round->members, sizeof(*members));
    /* As the SFU would choose: the smallest encoding that is as wide as a tile. */
    size_t encoding = round->members > 9 ? 0 : 1;

    for (unsigned i = 0; i < round->members; i++) {
        members[i] = (struct plain_member){.video_port = run->ports.video[i],
                                           .audio_port = run->ports.audio[i],
                                           .encoding = encoding};
        mix_media_write(round->media, i, round->talkers, &members[i].media);
        if (i == 0)
            members[i].media.watch = mix_sink_watch(round->sink);
    }
    int err = plain_sender_open(&run->sender, &run->generator, members, round->members);
    mem_free(members);
    return err;
}

static int open_run(struct run *run)
{
    int err = generator_open(&run->generator, false);

    if (err == 0 && !choose_ports(run))
        err = E_LIMIT;
    if (err == 0)
        err = open_outlet(run, &run->video, true, run->ports.from_video);
    if (err == 0)
        err = open_outlet(run, &run->audio, false, run->ports.from_audio);
    if (err == 0)
        err = start(run);
    /* The compositor's times begin anew with its first inputs, which vp8enc does not get over: so let it see the first keyframes, and
     * videorate takes out what is earlier than what was. */
    if (err == 0 && !loop_run(run->generator.loop, timebase_now_us() + READY_US, is_listening, run))
        err = E_TIMEOUT;
    if (err == 0)
        err = open_sender(run);
    if (err == 0 && !loop_run(run->generator.loop, timebase_now_us() + READY_US, is_flowing, run))
        err = E_TIMEOUT;
    return err;
}

static void close_run(struct run *run)
{
    plain_sender_close(&run->sender);
    child_end(&run->child, END_US);
    close_outlet(run, &run->video);
    close_outlet(run, &run->audio);
    generator_close(&run->generator);
}

static int measure(struct run *run, struct doc_round *r)
{
    const struct bench_options *o = run->g->options;
    struct loop *l = run->generator.loop;
    struct core_watch cores;
    struct usage before, after;

    (void)loop_run(l, timebase_now_us() + (o->warmup + 1) * US_PER_S, NULL, NULL);
    (void)plain_sender_take_late_us(run->sender);
    mix_sink_clear(run->round->sink);
    loop_set_rest(l, REST_US);
    core_watch_begin(&cores, o, o->workers);
    uint64_t own_ns = timebase_thread_cpu_ns(), began_us = timebase_now_us();
    int err = usage_read(&before, &run->child.pid, 1);
    (void)loop_run(l, timebase_now_us() + o->seconds * US_PER_S, NULL, NULL);
    if (err == 0)
        err = usage_read(&after, &run->child.pid, 1);
    double ns = (double)(timebase_now_us() - began_us) * 1e3;
    double own_cores = (double)(timebase_thread_cpu_ns() - own_ns) / ns;
    loop_set_rest(l, 0);
    if (err != 0)
        return err;
    double server_cores = (double)(after.cpu_ns - before.cpu_ns) / ns;
    uint64_t late_us = plain_sender_take_late_us(run->sender);
    document_value(r, "server_cpu_cores", server_cores);
    document_value(r, "generator_cpu_cores", own_cores);
    document_value(r, "rss_bytes", (double)after.rss_bytes);
    document_value(r, "publisher_late_us", (double)late_us);
    core_watch_judge(&cores, server_cores, own_cores, r);
    if (late_us > MAX_LATE_US)
        document_invalidate(r, "a frame was sent %.1f ms late", (double)late_us / 1e3);
    return 0;
}

int gstreamer_measure(struct gstreamer *g, const struct gstreamer_round *round, struct doc_round *r)
{
    struct run *run = MEM_NEW(struct run);
    int err;

    CHECK(round->members <= MAX_MEMBERS);
    run->g = g;
    run->round = round;
    child_init(&run->child);
    err = open_run(run);
    if (err == 0)
        err = measure(run, r);
    if (err != 0) {
        const struct mix_sink_state *s = mix_sink_read(round->sink);
        fprintf(stderr, "GStreamer: %s: %llu pictures, %llu blocks of sound came (see %s)\n",
                err_text(err), (unsigned long long)s->pictures, (unsigned long long)s->blocks,
                g->options->log);
        document_invalidate(r, "%s", err_text(err));
    }
    close_run(run);
    mem_free(run);
    return err;
}
