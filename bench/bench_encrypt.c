/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_encrypt.c - what encrypting one packet for one more viewer costs.
 *
 * One shared packet is encrypted for many keys in turn into a slab of one batch, as the packet path does it: by each backend
 * of the fan-out cipher, and by libsrtp (with the copy it needs) where it is installed. Every contestant gets a short turn
 * a round, rounds follow each other, so that what disturbs the machine disturbs all; the medians of the rounds are shown.
 * Keys live for one turn: libsrtp on NSS, as Debian builds it, gets slower with every context that exists in the process.
 */
#include "bench/bench.h"

#include <string.h>
#ifdef HAVE_LIBSRTP
#include <srtp2/srtp.h>
#endif

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/rtp.h"
#include "core/timebase.h"
#include "core/wire.h"
#include "transport/fanout_cipher.h"

#define KEYS 400
#define PAYLOAD_BYTES 1100
#define HEADER_BYTES \
    24                /* fixed header and an extension block: mid, transport-wide sequence number */
#define FRONT_BYTES 6 /* a VP8 descriptor, the part of a payload that is rewritten for a viewer */
#define BATCH 64      /* packets of one send call */
#define SLOT_BYTES (HEADER_BYTES + PAYLOAD_BYTES + PACKET_TAILROOM_BYTES)
#define SLICE_US 50000.0
#define MAX_ROUNDS 1000u
#define MAX_CONTESTANTS 9

static const struct {
    enum srtp_profile profile;
    uint8_t key_bytes, salt_bytes;
} profiles[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12},
    {SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12},
    {SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14},
};

/* One way to encrypt, with a profile and KEYS keys. */
struct contestant {
    const char *name;
    size_t profile;               /* row of profiles */
    struct fanout_cipher *cipher; /* NULL: libsrtp */
    struct viewer {
        struct fanout_key *key;
        struct fanout_stream stream;
        struct srtp_ctx_t_ *reference;
    } viewer[KEYS];
    uint16_t seq;
    double whole_us[MAX_ROUNDS]; /* the payload is shared as it is */
    double front_us[MAX_ROUNDS]; /* its first bytes are the viewer's own */
};

struct encrypt_run {
    struct fanout_cipher *cipher[2];
    struct contestant *contestant[MAX_CONTESTANTS];
    size_t contestants, rounds;
    bool has_reference;
    uint8_t head[HEADER_BYTES + FRONT_BYTES];
    uint8_t payload[PAYLOAD_BYTES];
    uint8_t slab[BATCH * SLOT_BYTES];
};

static double cpu_us(void)
{
    return (double)timebase_thread_cpu_ns() / 1e3;
}

/* --- libsrtp ------------------------------------------------------------------------------------------- */

#ifdef HAVE_LIBSRTP

static int reference_new(struct srtp_ctx_t_ **out, const struct srtp_keys *keys)
{
    uint8_t master[SRTP_MAX_MASTER_BYTES];
    srtp_profile_t profile = (srtp_profile_t)keys->profile; /* both are numbered as in RFC 5764 */
    srtp_policy_t policy = {.ssrc = {ssrc_any_outbound, 0}, .key = master, .window_size = 1024};

    memcpy(master, keys->local, sizeof(master));
    return srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile) == 0 &&
                   srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile) == 0 &&
                   srtp_create(out, &policy) == 0
               ? 0
               : E_CRYPTO;
}

static void reference_free(struct srtp_ctx_t_ *r)
{
    if (r != NULL)
        (void)srtp_dealloc(r);
}

static void reference_protect(struct srtp_ctx_t_ *r, uint8_t *buf, size_t *len)
{
    int n = (int)*len;

    CHECK(srtp_protect(r, buf, &n) == srtp_err_status_ok);
    *len = (size_t)n;
}

static int reference_start(void)
{
    return srtp_init() == srtp_err_status_ok ? 0 : E_CRYPTO;
}

static void reference_stop(void)
{
    (void)srtp_shutdown();
}

#else

static int reference_new(struct srtp_ctx_t_ **out, const struct srtp_keys *keys)
{
    (void)out;
    (void)keys;
    return E_UNSUPPORTED;
}

static void reference_free(struct srtp_ctx_t_ *r)
{
    (void)r;
}

static void reference_protect(struct srtp_ctx_t_ *r, uint8_t *buf, size_t *len)
{
    (void)r;
    (void)buf;
    (void)len;
}

static int reference_start(void)
{
    return E_UNSUPPORTED;
}

static void reference_stop(void)
{
}

#endif

/* --- contestants --------------------------------------------------------------------------------------- */

static int open_viewer(struct contestant *c, size_t i)
{
    struct srtp_keys keys = {.profile = profiles[c->profile].profile,
                             .key_bytes = profiles[c->profile].key_bytes,
                             .salt_bytes = profiles[c->profile].salt_bytes};

    rng_secret_bytes(keys.local, sizeof(keys.local));
    rng_secret_bytes(keys.remote, sizeof(keys.remote));
    fanout_stream_init(&c->viewer[i].stream, (uint32_t)i);
    return c->cipher == NULL ? reference_new(&c->viewer[i].reference, &keys)
                             : fanout_key_new(&c->viewer[i].key, c->cipher, &keys);
}

static int open_viewers(struct contestant *c)
{
    int err = 0;

    c->seq = 0;
    for (size_t i = 0; i < KEYS && err == 0; i++)
        err = open_viewer(c, i);
    return err;
}

static void close_viewers(struct contestant *c)
{
    for (size_t i = 0; i < KEYS; i++) {
        fanout_key_free(&c->viewer[i].key);
        reference_free(c->viewer[i].reference);
        c->viewer[i].reference = NULL;
    }
}

static void add_contestant(struct encrypt_run *r, const char *name, struct fanout_cipher *cipher,
                           size_t profile)
{
    struct contestant *c = MEM_NEW(struct contestant);

    CHECK(r->contestants < MAX_CONTESTANTS);
    r->contestant[r->contestants++] = c;
    c->name = name;
    c->cipher = cipher;
    c->profile = profile;
}

static int open_run(struct encrypt_run *r)
{
    static const enum fanout_backend backends[] = {FANOUT_BACKEND_IPSEC_MB, FANOUT_BACKEND_OPENSSL};
    int err = 0;

    r->head[0] = 0x90;
    wire_put_u16(r->head + RTP_FIXED_HEADER_BYTES, 0xbede);
    wire_put_u16(r->head + RTP_FIXED_HEADER_BYTES + 2,
                 (HEADER_BYTES - RTP_FIXED_HEADER_BYTES - 4) / 4);
    rng_secret_bytes(r->payload, sizeof(r->payload));
    for (size_t b = 0; b < ARRAY_LEN(backends); b++) {
        err = fanout_cipher_new(&r->cipher[b], backends[b]);
        if (err != 0 && err != E_UNSUPPORTED)
            return err;
    }
    r->has_reference = reference_start() == 0;
    for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
        if (r->has_reference)
            add_contestant(r, "libsrtp2", NULL, p);
        for (size_t b = 0; b < ARRAY_LEN(backends); b++)
            if (r->cipher[b] != NULL)
                add_contestant(r, fanout_cipher_name(r->cipher[b]), r->cipher[b], p);
    }
    return 0;
}

static void close_run(struct encrypt_run *r)
{
    for (size_t i = 0; i < r->contestants; i++)
        mem_free(r->contestant[i]);
    for (size_t b = 0; b < ARRAY_LEN(r->cipher); b++)
        fanout_cipher_free(&r->cipher[b]);
    if (r->has_reference)
        reference_stop();
    mem_free(r);
}

/* --- measuring ----------------------------------------------------------------------------------------- */

static size_t encrypt_one(struct contestant *c, struct viewer *v, const struct fanout_packet *p,
                          uint8_t *dst)
{
    size_t len = p->head_bytes + p->payload_bytes;

    if (c->cipher != NULL) {
        CHECK(fanout_cipher_submit(c->cipher, v->key, &v->stream, p, dst, &len) == 0);
        return len;
    }
    memcpy(dst, p->head, p->head_bytes);
    memcpy(dst + p->head_bytes, p->payload, p->payload_bytes);
    reference_protect(v->reference, dst, &len);
    return len;
}

/* One packet for every key. */
static void encrypt_for_all(struct encrypt_run *r, struct contestant *c, size_t front_bytes)
{
    struct fanout_packet p = {.head = r->head,
                              .header_bytes = HEADER_BYTES,
                              .head_bytes = HEADER_BYTES + front_bytes,
                              .payload = r->payload + front_bytes,
                              .payload_bytes = PAYLOAD_BYTES - front_bytes};
    size_t used = 0;

    wire_put_u16(r->head + 2, c->seq++);
    for (size_t i = 0; i < KEYS; i++) {
        wire_put_u32(r->head + 8, (uint32_t)i);
        used += encrypt_one(c, &c->viewer[i], &p, r->slab + used);
        if (i % BATCH != BATCH - 1 && i != KEYS - 1)
            continue;
        if (c->cipher != NULL)
            fanout_cipher_flush(c->cipher);
        used = 0;
    }
}

static double slice_us(struct encrypt_run *r, struct contestant *c, size_t front_bytes)
{
    double begin = 0, spent = 0;
    size_t packets = 0;

    encrypt_for_all(r, c, front_bytes); /* warm up: the keys come back into the cache */
    for (begin = cpu_us(); spent < SLICE_US; spent = cpu_us() - begin) {
        encrypt_for_all(r, c, front_bytes);
        packets += KEYS;
    }
    return spent / (double)packets;
}

static int take_turn(struct encrypt_run *r, struct contestant *c)
{
    int err = open_viewers(c);

    if (err == 0) {
        c->whole_us[r->rounds] = slice_us(r, c, 0);
        c->front_us[r->rounds] = slice_us(r, c, FRONT_BYTES);
    }
    close_viewers(c);
    return err;
}

static int measure(struct encrypt_run *r, const struct bench_options *options)
{
    uint64_t end_us = timebase_now_us() + options->seconds * US_PER_S;
    size_t rounds = options->iterations > 0 ? MIN(options->iterations, MAX_ROUNDS) : MAX_ROUNDS;
    int err = 0;

    do {
        for (size_t i = 0; i < r->contestants && err == 0; i++)
            err = take_turn(r, r->contestant[i]);
        r->rounds++;
    } while (err == 0 && r->rounds < rounds &&
             (options->iterations > 0 || timebase_now_us() < end_us));
    return err;
}

/* --- report -------------------------------------------------------------------------------------------- */

static void report(struct encrypt_run *r, struct document *d)
{
    static const struct doc_column columns[] = {{"cpu_us", "payload as it is, us", 1, 3},
                                                {"front_cpu_us", "front rewritten, us", 1, 3}};

    for (size_t i = 0; i < r->contestants; i++) {
        struct contestant *c = r->contestant[i];
        const struct doc_param params[] = {
            {.name = "profile", .text = srtp_profile_name(profiles[c->profile].profile)},
            {.name = "by", .text = c->name}};
        struct doc_row *row = document_row(d, "encrypt", "parley", params, ARRAY_LEN(params));
        for (size_t k = 0; k < r->rounds; k++) {
            struct doc_round *round = document_round(row);
            document_value(round, "cpu_us", c->whole_us[k]);
            document_value(round, "front_cpu_us", c->front_us[k]);
        }
    }
    document_print(d, "encrypt", columns, ARRAY_LEN(columns));
}

int bench_encrypt(const struct bench_options *options, struct document *d)
{
    struct encrypt_run *r = MEM_NEW(struct encrypt_run);
    int err = open_run(r);

    if (err == 0)
        err = measure(r, options);
    if (err == 0)
        report(r, d);
    close_run(r);
    return err;
}
