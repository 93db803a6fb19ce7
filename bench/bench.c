/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - parley-bench: names to benchmarks. */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "bench/conditions.h"
#include "core/err.h"
#include "transport/rtpsec.h"

static const struct bench {
    const char *name;
    int (*run)(const struct bench_options *options, struct document *d);
    const char *sentence;
} benches[] = {
    {"broadcast", bench_broadcast,
     "one publisher, n viewers: CPU time per forwarded packet, beside the floor"},
    {"latency", bench_latency, "delay that forwarding adds at a given load, beside bare loopback"},
    {"conference", bench_conference, "n publishers, each watched by the n-1 others"},
    {"join-storm", bench_join_storm,
     "n viewers at once: joins a second, CPU time a join, time to the first picture"},
    {"late-join", bench_late_join,
     "30 viewers one by one: time to the first picture, keyframe requests"},
    {"workers", bench_workers, "the same broadcast on 1, 2 ... media workers"},
    {"feedback", bench_feedback,
     "the same broadcast without and with feedback, repair and estimation, in turn"},
    {"soak", bench_soak, "one long broadcast: memory, loss and CPU over time"},
    {"receive", bench_receive, "from the socket into packets"},
    {"unprotect", bench_unprotect, "SRTP on the way in, by profile"},
    {"parse", bench_parse, "RTP header, extensions and payload descriptor"},
    {"forward", bench_forward, "numbers, header and descriptor for one more viewer"},
    {"encrypt", bench_encrypt,
     "SRTP encryption for one more viewer: each backend and profile beside libsrtp"},
    {"egress", bench_egress,
     "the batch and the port on the way out, in runs and apart, beside the bare calls"},
    {"bwe", bench_bwe,
     "congestion control: pacing and logging a packet, reading feedback about it"},
    {"audio-mix", bench_audio_mix,
     "mixed sound: a hundred participants of whom ten talk, by stage"},
    {"compose", bench_compose,
     "a composed picture: decode, scale, compose, encode, beside libvpx alone"},
    {"mix", bench_mix,
     "a mixed room on a server, beside GStreamer; mix-stages and audio-mix in the same run"},
    {"mix-stages", bench_mix_stages,
     "a mixed room without a server: packets in, packets out, by stage, beside libvpx alone"},
    {"join-cost", bench_join,
     "what an endpoint that joins costs a media worker: CPU time, memory, by step"},
};

static int usage(FILE *to)
{
    fprintf(to, "parley-bench NAME... [OPTIONS]      bench/README.md tells the options\n\n");
    for (size_t i = 0; i < ARRAY_LEN(benches); i++)
        fprintf(to, "  %-12s %s\n", benches[i].name, benches[i].sentence);
    return to == stdout ? 0 : 2;
}

static const struct bench *find_bench(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(benches); i++)
        if (strcmp(benches[i].name, name) == 0)
            return &benches[i];
    return NULL;
}

static int run_all(const struct bench_options *options, struct document *d)
{
    int first_err = 0;

    for (size_t i = 0; i < options->name_count; i++) {
        int err = find_bench(options->name[i])->run(options, d);
        if (err != 0) {
            fprintf(stderr, "parley-bench %s: %s\n", options->name[i], err_text(err));
            document_error(d, options->name[i], err_text(err));
            first_err = first_err != 0 ? first_err : err;
        }
    }
    return first_err;
}

static int run(const struct bench_options *options)
{
    struct document *d = document_new();
    FILE *json = NULL;
    int err = 0, write_err = 0;

    if (options->json != NULL && (json = fopen(options->json, "w")) == NULL) {
        fprintf(stderr, "parley-bench: --json %s: cannot be written\n", options->json);
        err = E_INVALID;
    }
    if (err == 0)
        err = rtpsec_library_init();
    if (err == 0) {
        conditions_describe(options, d);
        err = run_all(options, d);
        rtpsec_library_fini();
    }
    if (json != NULL) {
        write_err = document_write(d, json);
        (void)fclose(json);
    }
    document_free(&d);
    return err != 0 ? err : write_err;
}

int main(int argc, char **argv)
{
    static struct bench_options options;

    if (argc >= 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (options_read(&options, argc - 1, argv + 1) != 0)
        return 2;
    if (options.name_count == 0)
        return usage(stderr);
    for (size_t i = 0; i < options.name_count; i++)
        if (find_bench(options.name[i]) == NULL) {
            fprintf(stderr, "parley-bench: no benchmark is called %s\n\n", options.name[i]);
            return usage(stderr);
        }
    return run(&options) == 0 ? 0 : 1;
}
