/* SPDX-License-Identifier: Apache-2.0 */
/* conditions.c - see conditions.h. */
#include "bench/conditions.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/loadgen/vp8_packetizer.h"
#include "core/err.h"
#include "core/str.h"

static const char *const clip_name[OFFER_ENCODINGS] = {"320x180.ivf", "640x360.ivf",
                                                       "1280x720.ivf"};

/* "model name : …" of the first processor. */
static void describe_cpu(struct document *d)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *colon = strchr(line, ':');
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        document_condition_text(d, "cpu", colon[1] == ' ' ? colon + 2 : colon + 1);
        break;
    }
    if (file != NULL)
        (void)fclose(file);
}

static void describe_machine(struct document *d)
{
    struct utsname u;

    describe_cpu(d);
    document_condition(d, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
    if (uname(&u) == 0)
        document_condition_text(d, "kernel", u.release);
}

void conditions_describe(const struct bench_options *o, struct document *d)
{
    describe_machine(d);
    document_condition(d, "server_cpu", o->cpu);
    document_condition(d, "generator_cpu", o->generator_cpu);
    document_condition_text(d, "pacing", o->pacing == PACING_BURST ? "burst" : "spread");
    document_condition_flag(d, "simulcast", o->simulcast);
    document_condition_flag(d, "audio", o->audio);
    document_condition_flag(d, "gro", o->gro);
    document_condition(d, "sample", o->sample);
    document_condition(d, "seconds", o->seconds);
    document_condition(d, "warmup", o->warmup);
    document_condition(d, "rounds", o->rounds);
    document_condition(d, "workers", o->workers);
    document_condition(d, "max_loss", o->max_loss);
    document_condition(d, "max_delay_ms", o->max_delay_ms);
    if (o->server_args[0] != 0)
        document_condition_text(d, "server_args", o->server_args);
}

/* ---- media ---- */

static void describe_media(const struct clip *c, struct document *d)
{
    size_t packets = 0, most = 0, bytes = 0;
    double seconds = (double)c->frame_count / c->fps;

    for (size_t i = 0; i < c->frame_count; i++) {
        size_t n = vp8_payload_count(c->frame[i].len);
        size_t frame = c->frame[i].len + FRAME_TRAILER_BYTES + n * VP8_DESCRIPTOR_BYTES;
        packets += n;
        bytes += frame;
        most = MAX(most, (frame + n - 1) / n);
    }
    document_condition_text(d, "codec", "VP8");
    document_condition(d, "width", c->width);
    document_condition(d, "height", c->height);
    document_condition(d, "fps", c->fps);
    document_condition(d, "bitrate_bps", (double)(bytes * 8) / seconds);
    document_condition(d, "packets_per_second", (double)packets / seconds);
    document_condition(d, "packets_per_frame_mean", (double)packets / (double)c->frame_count);
    document_condition(d, "packet_bytes_mean", (double)bytes / (double)packets);
    document_condition(d, "packet_bytes_max", (double)most);
}

int conditions_load_clips(const struct bench_options *o, struct clips *out, struct document *d)
{
    char path[PATH_MAX];

    *out = (struct clips){{NULL}};
    for (size_t i = o->simulcast ? 0 : OFFER_ENCODINGS - 1; i < OFFER_ENCODINGS; i++) {
        (void)snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 32, o->clips, clip_name[i]);
        int err = clip_load(&out->clip[i], path);
        if (err != 0) {
            fprintf(stderr,
                    "parley-bench: %s: %s\nThe clips are encoded by ffmpeg when parley-bench is "
                    "built: ./dev bench installs it and builds them.\n",
                    path, err_text(err));
            conditions_free_clips(out);
            return err;
        }
    }
    describe_media(out->clip[OFFER_ENCODINGS - 1], d);
    return 0;
}

void conditions_free_clips(struct clips *c)
{
    for (size_t i = 0; i < OFFER_ENCODINGS; i++)
        clip_free(&c->clip[i]);
}

void conditions_pin_generator(const struct bench_options *o)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(o->generator_cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        fprintf(stderr, "parley-bench: core %u is not there: the generator is not pinned\n",
                o->generator_cpu);
}
