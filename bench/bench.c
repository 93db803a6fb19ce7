/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - parley-bench: names to benchmarks. */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/str.h"
#include "transport/rtpsec.h"

static const struct {
    const char *name;
    int (*run)(const struct bench_options *options);
    const char *sentence;
} benches[] = {
    {"audio-mix", bench_audio_mix,
     "the sound of a mixed room of a hundred: buffers, decoding, mixing, encoding"},
    {"delay", bench_delay,
     "delay added by forwarding at light load: p50, p99 beside bare loopback"},
    {"encrypt", bench_encrypt,
     "SRTP encryption for one more viewer: each backend and profile beside libsrtp"},
};

static int usage(FILE *to)
{
    fprintf(to, "parley-bench NAME [--seconds N] [--json FILE]\n\n");
    for (size_t i = 0; i < ARRAY_LEN(benches); i++)
        fprintf(to, "  %-10s %s\n", benches[i].name, benches[i].sentence);
    return to == stdout ? 0 : 2;
}

static int read_options(int argc, char **argv, struct bench_options *out)
{
    for (int i = 2; i + 1 < argc; i += 2) {
        uint64_t n;
        if (strcmp(argv[i], "--seconds") == 0 && str_to_u64(str_of(argv[i + 1]), 3600, &n) && n > 0)
            out->seconds = (unsigned)n;
        else if (strcmp(argv[i], "--json") == 0 && (out->json = fopen(argv[i + 1], "w")) != NULL)
            continue;
        else
            return E_INVALID;
    }
    return argc % 2 == 0 ? 0 : E_INVALID;
}

int main(int argc, char **argv)
{
    struct bench_options options = {.seconds = 10};

    if (argc >= 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc < 2 || read_options(argc, argv, &options) != 0)
        return usage(stderr);
    for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
        if (strcmp(benches[i].name, argv[1]) != 0)
            continue;
        int err = rtpsec_library_init();
        if (err == 0)
            err = benches[i].run(&options);
        rtpsec_library_fini();
        if (options.json != NULL)
            (void)fclose(options.json);
        if (err != 0)
            fprintf(stderr, "parley-bench %s: %s\n", argv[1], err_text(err));
        return err == 0 ? 0 : 1;
    }
    return usage(stderr);
}
