/* SPDX-License-Identifier: Apache-2.0 */
/* bench_unprotect.c - SRTP on the way in: authenticate and decrypt a publisher's packets, by profile. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/micro.h"
#include "core/check.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/rtp.h"
#include "core/wire.h"
#include "transport/rtpsec.h"

#define BATCH 64
#define PACKET_BYTES 1100

static const struct {
    enum srtp_profile profile;
    uint8_t key_bytes, salt_bytes;
} profiles[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12},
    {SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12},
    {SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14},
};

struct way_in {
    struct rtpsec *from, *to;
    uint16_t seq;
    size_t len[BATCH];
    uint8_t packet[BATCH][PACKET_BYTES + PACKET_TAILROOM_BYTES];
};

static void protect(void *arg)
{
    struct way_in *w = arg;

    for (size_t i = 0; i < BATCH; i++) {
        w->len[i] = PACKET_BYTES;
        CHECK(rtp_write_header(w->packet[i], PACKET_BYTES, 96, false, w->seq++, 0, 1, NULL, 0) > 0);
        CHECK(rtpsec_protect_rtp(w->from, w->packet[i], &w->len[i], sizeof(w->packet[i])) == 0);
    }
}

static void unprotect(void *arg)
{
    struct way_in *w = arg;

    for (size_t i = 0; i < BATCH; i++)
        CHECK(rtpsec_unprotect_rtp(w->to, w->packet[i], &w->len[i]) == 0);
}

static int open_way(struct way_in *w, size_t profile)
{
    struct srtp_keys keys = {.profile = profiles[profile].profile,
                             .key_bytes = profiles[profile].key_bytes,
                             .salt_bytes = profiles[profile].salt_bytes};
    uint8_t local[SRTP_MAX_MASTER_BYTES];
    int err;

    rng_secret_bytes(keys.local, sizeof(keys.local));
    rng_secret_bytes(keys.remote, sizeof(keys.remote));
    err = rtpsec_new(&w->from, &keys);
    memcpy(local, keys.local, sizeof(local));
    memcpy(keys.local, keys.remote, sizeof(local));
    memcpy(keys.remote, local, sizeof(local));
    return err == 0 ? rtpsec_new(&w->to, &keys) : err;
}

int bench_unprotect(const struct bench_options *options, struct document *d)
{
    struct way_in *way = mem_alloc_array(ARRAY_LEN(profiles), sizeof(*way));
    struct micro piece[ARRAY_LEN(profiles)];
    int err = 0;

    for (size_t i = 0; i < ARRAY_LEN(profiles) && err == 0; i++) {
        err = open_way(&way[i], i);
        piece[i] = (struct micro){
            .param = {{.name = "profile", .text = srtp_profile_name(profiles[i].profile)}},
            .params = 1,
            .items = BATCH,
            .prepare = protect,
            .work = unprotect,
            .arg = &way[i]};
    }
    if (err == 0)
        micro_run("unprotect", piece, ARRAY_LEN(piece), options, d);
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        rtpsec_free(&way[i].from);
        rtpsec_free(&way[i].to);
    }
    mem_free(way);
    return err;
}
