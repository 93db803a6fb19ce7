/* SPDX-License-Identifier: Apache-2.0 */
/* generator.c - see generator.h. */
#include "bench/loadgen/generator.h"

#include <sys/resource.h>

#include "bench/loadgen/loop.h"
#include "bench/loadgen/recv_batch.h"
#include "core/rng.h"
#include "transport/cert.h"
#include "transport/dtls.h"

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int generator_open(struct generator *g, bool gro)
{
    int err;

    *g = (struct generator){.gro = gro};
    raise_file_limit();
    if ((err = loop_new(&g->loop)) != 0 ||
        (err = cert_new_self_signed(&g->cert, "bench", NULL, 0, 1)) != 0 ||
        (err = dtls_context_new(&g->dtls, g->cert)) != 0) {
        generator_close(g);
        return err;
    }
    g->recv = recv_batch_new(gro);
    cert_fingerprint(g->cert, &g->fingerprint);
    return 0;
}

void generator_close(struct generator *g)
{
    recv_batch_free(&g->recv);
    dtls_context_free(&g->dtls);
    cert_free(&g->cert);
    loop_free(&g->loop);
}

uint32_t generator_random_ssrc(void)
{
    uint32_t ssrc = 0;

    while (ssrc == 0)
        rng_secret_bytes((uint8_t *)&ssrc, sizeof(ssrc));
    return ssrc;
}
