/* SPDX-License-Identifier: Apache-2.0 */
/* Every backend and profile, byte for byte beside libsrtp under the same master keys, and the vectors of the RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <srtp2/srtp.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/seq.h"
#include "core/wire.h"
#include "transport/fanout_cipher_internal.h"

#define SSRC 0xcafebabeu
#define MAX_HEADER_BYTES 80
#define MAX_PAYLOAD_BYTES 1200
#define MAX_PACKET_BYTES (MAX_HEADER_BYTES + 64 + MAX_PAYLOAD_BYTES + 256 + SRTP_MAX_TRAILER_LEN)

static const struct {
    enum srtp_profile profile;
    srtp_profile_t reference;
    uint8_t key_bytes, salt_bytes;
} profiles[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, srtp_profile_aead_aes_128_gcm, 16, 12},
    {SRTP_PROFILE_AEAD_AES_256_GCM, srtp_profile_aead_aes_256_gcm, 32, 12},
    {SRTP_PROFILE_AES128_CM_SHA1_80, srtp_profile_aes128_cm_sha1_80, 16, 14},
};

static const enum fanout_backend backends[] = {FANOUT_BACKEND_OPENSSL, FANOUT_BACKEND_IPSEC_MB};

/* One sender beside its libsrtp twin. */
struct sender {
    struct fanout_key *key;
    struct fanout_stream stream;
    srtp_t reference;
};

/* A clear packet in pieces and as one. */
struct clear {
    uint8_t head[MAX_HEADER_BYTES + 64];
    uint8_t payload[MAX_PAYLOAD_BYTES];
    struct fanout_packet packet;
    uint8_t whole[MAX_PACKET_BYTES];
    size_t whole_bytes;
};

/* The cipher, or NULL where this machine has not got the backend. */
static struct fanout_cipher *cipher_new(enum fanout_backend which)
{
    struct fanout_cipher *c = NULL;
    int err = fanout_cipher_new(&c, which);

    if (which == FANOUT_BACKEND_IPSEC_MB && err == E_UNSUPPORTED)
        return NULL;
    assert_int_equal(err, 0);
    return c;
}

static srtp_t reference_new(const struct srtp_keys *keys, srtp_profile_t profile)
{
    uint8_t master[SRTP_MAX_MASTER_BYTES];
    srtp_policy_t policy = {.ssrc = {ssrc_any_outbound, 0}, .key = master, .window_size = 1024};
    srtp_t session = NULL;

    memcpy(master, keys->local, sizeof(master));
    assert_int_equal(srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile), 0);
    assert_int_equal(srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile), 0);
    assert_int_equal(srtp_create(&session, &policy), 0);
    return session;
}

static struct srtp_keys make_keys(size_t profile, struct rng *rng)
{
    struct srtp_keys k = {.profile = profiles[profile].profile,
                          .key_bytes = profiles[profile].key_bytes,
                          .salt_bytes = profiles[profile].salt_bytes};

    for (size_t i = 0; i < sizeof(k.local); i++)
        k.local[i] = (uint8_t)rng_u32(rng);
    return k;
}

static void sender_init(struct sender *s, struct fanout_cipher *c, size_t profile, uint32_t ssrc,
                        struct rng *rng)
{
    struct srtp_keys keys = make_keys(profile, rng);

    assert_int_equal(fanout_key_new(&s->key, c, &keys), 0);
    fanout_stream_init(&s->stream, ssrc);
    s->reference = reference_new(&keys, profiles[profile].reference);
}

static void sender_fini(struct sender *s)
{
    fanout_key_free(&s->key);
    assert_null(s->key);
    fanout_key_free(&s->key);
    assert_int_equal(srtp_dealloc(s->reference), 0);
}

static void fill(struct rng *rng, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)rng_u32(rng);
}

/* A header with @ext_words words of extension (0: no extension) and @csrcs CSRCs. */
static size_t write_header(uint8_t *out, struct rng *rng, uint32_t ssrc, uint16_t seq, size_t csrcs,
                           size_t ext_words)
{
    struct writer w = writer_of(out, MAX_HEADER_BYTES);

    writer_u8(&w, (uint8_t)(0x80 | (ext_words > 0 ? 0x10 : 0) | csrcs));
    writer_u8(&w, 96);
    writer_u16(&w, seq);
    writer_u32(&w, rng_u32(rng));
    writer_u32(&w, ssrc);
    for (size_t i = 0; i < csrcs; i++)
        writer_u32(&w, rng_u32(rng));
    if (ext_words > 0) {
        writer_u32(&w, 0xbede0000u | (uint32_t)ext_words);
        for (size_t i = 0; i < ext_words; i++)
            writer_u32(&w, rng_u32(rng));
    }
    assert_false(w.failed);
    return writer_len(&w);
}

static void join(struct clear *c)
{
    struct fanout_packet *p = &c->packet;
    struct writer w = writer_of(c->whole, sizeof(c->whole));

    writer_bytes(&w, p->head, p->head_bytes);
    writer_bytes(&w, p->payload, p->payload_bytes);
    for (unsigned i = 1; i < p->padding_bytes; i++)
        writer_u8(&w, 0);
    if (p->padding_bytes > 0) {
        writer_u8(&w, p->padding_bytes);
        c->whole[0] |= 0x20;
    }
    assert_false(w.failed);
    c->whole_bytes = writer_len(&w);
}

static void make_clear(struct clear *c, struct rng *rng, uint32_t ssrc, uint16_t seq, size_t front,
                       size_t payload, uint8_t padding)
{
    size_t header = write_header(c->head, rng, ssrc, seq, rng_below(rng, 4), rng_below(rng, 6));

    fill(rng, c->head + header, front);
    fill(rng, c->payload, payload);
    c->packet = (struct fanout_packet){.head = c->head,
                                       .header_bytes = header,
                                       .head_bytes = header + front,
                                       .payload = payload > 0 ? c->payload : NULL,
                                       .payload_bytes = payload,
                                       .padding_bytes = padding};
    join(c);
}

static void make_random_clear(struct clear *c, struct rng *rng, uint32_t ssrc, uint16_t seq)
{
    size_t front = rng_below(rng, 3) == 0 ? 0 : rng_below(rng, 40);
    uint8_t padding = rng_below(rng, 2) == 0 ? 0 : (uint8_t)(1 + rng_below(rng, 255));

    make_clear(c, rng, ssrc, seq, front, rng_below(rng, MAX_PAYLOAD_BYTES + 1), padding);
}

/* What libsrtp makes of it, in c->whole. */
static void protect_reference(struct sender *s, struct clear *c)
{
    int n = (int)c->whole_bytes;

    assert_int_equal(srtp_protect(s->reference, c->whole, &n), srtp_err_status_ok);
    c->whole_bytes = (size_t)n;
}

/* One packet through both; the bytes must be the same, and the one behind untouched. */
static void expect_same(struct fanout_cipher *cipher, struct sender *s, struct clear *c,
                        size_t misalignment)
{
    uint8_t dst[MAX_PACKET_BYTES + 16];
    size_t len = 0;

    memset(dst, 0xa5, sizeof(dst));
    assert_int_equal(
        fanout_cipher_submit(cipher, s->key, &s->stream, &c->packet, dst + misalignment, &len), 0);
    fanout_cipher_flush(cipher);
    protect_reference(s, c);
    assert_int_equal(len, c->whole_bytes);
    assert_memory_equal(dst + misalignment, c->whole, len);
    assert_int_equal(dst[misalignment + len], 0xa5);
    assert_true(misalignment == 0 || dst[misalignment - 1] == 0xa5);
}

/* @body for every backend that this machine has and every profile. */
static void for_each(void (*body)(struct fanout_cipher *c, size_t profile, struct rng *rng))
{
    for (size_t b = 0; b < ARRAY_LEN(backends); b++) {
        struct fanout_cipher *c = cipher_new(backends[b]);
        for (size_t p = 0; c != NULL && p < ARRAY_LEN(profiles); p++) {
            struct rng rng;
            rng_seed(&rng, 1 + p);
            body(c, p, &rng);
        }
        fanout_cipher_free(&c);
    }
}

/* --- keys ---------------------------------------------------------------------------------- */

static void keys_of_wrong_length_or_profile_are_refused(void **state)
{
    static const struct srtp_keys rows[] = {
        {.profile = SRTP_PROFILE_NONE},
        {.profile = (enum srtp_profile)2, .key_bytes = 16, .salt_bytes = 14},
        {.profile = SRTP_PROFILE_AEAD_AES_128_GCM, .key_bytes = 32, .salt_bytes = 12},
        {.profile = SRTP_PROFILE_AEAD_AES_128_GCM, .key_bytes = 16, .salt_bytes = 14},
        {.profile = SRTP_PROFILE_AES128_CM_SHA1_80, .key_bytes = 16, .salt_bytes = 12},
    };
    struct fanout_cipher *c = cipher_new(FANOUT_BACKEND_AUTO);
    struct fanout_key *key = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(fanout_key_new(&key, c, &rows[i]), E_INVALID);
    assert_null(key);
    fanout_cipher_free(&c);
}

/* --- the vectors of RFC 7714 s16 ----------------------------------------------------------------------- */

static const uint8_t rfc7714_clear[] = {0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01,
                                        0xa0, 0xb2, 0x47, 0x61, 0x6c, 0x6c, 0x69, 0x61, 0x20, 0x65,
                                        0x73, 0x74, 0x20, 0x6f, 0x6d, 0x6e, 0x69, 0x73, 0x20, 0x64,
                                        0x69, 0x76, 0x69, 0x73, 0x61, 0x20, 0x69, 0x6e, 0x20, 0x70,
                                        0x61, 0x72, 0x74, 0x65, 0x73, 0x20, 0x74, 0x72, 0x65, 0x73};

static const struct {
    enum srtp_profile profile;
    uint8_t key_bytes;
    uint8_t sealed[sizeof(rfc7714_clear) - 12 + 16];
} rfc7714_rows[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM,
     16,
     {0xf2, 0x4d, 0xe3, 0xa3, 0xfb, 0x34, 0xde, 0x6c, 0xac, 0xba, 0x86, 0x1c, 0x9d, 0x7e,
      0x4b, 0xca, 0xbe, 0x63, 0x3b, 0xd5, 0x0d, 0x29, 0x4e, 0x6f, 0x42, 0xa5, 0xf4, 0x7a,
      0x51, 0xc7, 0xd1, 0x9b, 0x36, 0xde, 0x3a, 0xdf, 0x88, 0x33, 0x89, 0x9d, 0x7f, 0x27,
      0xbe, 0xb1, 0x6a, 0x91, 0x52, 0xcf, 0x76, 0x5e, 0xe4, 0x39, 0x0c, 0xce}},
    {SRTP_PROFILE_AEAD_AES_256_GCM,
     32,
     {0x32, 0xb1, 0xde, 0x78, 0xa8, 0x22, 0xfe, 0x12, 0xef, 0x9f, 0x78, 0xfa, 0x33, 0x2e,
      0x33, 0xaa, 0xb1, 0x80, 0x12, 0x38, 0x9a, 0x58, 0xe2, 0xf3, 0xb5, 0x0b, 0x2a, 0x02,
      0x76, 0xff, 0xae, 0x0f, 0x1b, 0xa6, 0x37, 0x99, 0xb8, 0x7b, 0x7a, 0xa3, 0xdb, 0x36,
      0xdf, 0xff, 0xd6, 0xb0, 0xf9, 0xbb, 0x78, 0x78, 0xd7, 0xa7, 0x6c, 0x13}},
};

static void packets_are_sealed_as_in_rfc7714(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rfc7714_rows) * ARRAY_LEN(backends); i++) {
        size_t row = i / ARRAY_LEN(backends);
        struct session_key session = {.profile = rfc7714_rows[row].profile,
                                      .cipher_key_bytes = rfc7714_rows[row].key_bytes,
                                      .salt_bytes = 12,
                                      .salt = "Quid pro quo"};
        struct fanout_packet p = {
            rfc7714_clear, 12, 12, rfc7714_clear + 12, sizeof(rfc7714_clear) - 12, 0};
        struct fanout_cipher *c = cipher_new(backends[i % ARRAY_LEN(backends)]);
        struct fanout_stream s;
        struct fanout_key *key = NULL;
        uint8_t dst[sizeof(rfc7714_clear) + 16];
        size_t len = 0;

        if (c == NULL)
            continue;
        for (uint8_t k = 0; k < session.cipher_key_bytes; k++)
            session.cipher_key[k] = k;
        fanout_stream_init(&s, 0x5501a0b2);
        assert_int_equal(fanout_key_new_session(&key, c, &session), 0);
        assert_int_equal(fanout_cipher_submit(c, key, &s, &p, dst, &len), 0);
        fanout_cipher_flush(c);
        assert_int_equal(len, sizeof(dst));
        assert_memory_equal(dst, rfc7714_clear, 12);
        assert_memory_equal(dst + 12, rfc7714_rows[row].sealed, sizeof(dst) - 12);
        fanout_key_free(&key);
        fanout_cipher_free(&c);
    }
}

/* --- beside libsrtp ------------------------------------------------------------------------------------ */

static void every_payload_size(struct fanout_cipher *cipher, size_t profile, struct rng *rng)
{
    struct sender s;
    struct clear c;

    sender_init(&s, cipher, profile, SSRC, rng);
    for (size_t n = 0; n <= MAX_PAYLOAD_BYTES; n++) {
        make_clear(&c, rng, SSRC, (uint16_t)n, n % 3 == 0 ? 0 : n % 23, n, 0);
        expect_same(cipher, &s, &c, n % 16);
    }
    sender_fini(&s);
}

static void payloads_of_every_size_equal_libsrtps(void **state)
{
    (void)state;
    for_each(every_payload_size);
}

static void every_padding(struct fanout_cipher *cipher, size_t profile, struct rng *rng)
{
    struct sender s;
    struct clear c;

    sender_init(&s, cipher, profile, SSRC, rng);
    for (unsigned n = 0; n <= 255; n++) {
        make_clear(&c, rng, SSRC, (uint16_t)n, rng_below(rng, 2) * 6, rng_below(rng, 100),
                   (uint8_t)n);
        expect_same(cipher, &s, &c, n % 16);
    }
    sender_fini(&s);
}

static void padding_equals_libsrtps_of_the_padded_packet(void **state)
{
    (void)state;
    for_each(every_padding);
}

/* Strides make the cycles short; near the wraps every number is sent, in a shuffled order. */
static void several_cycles(struct fanout_cipher *cipher, size_t profile, struct rng *rng)
{
    static const int order[] = {2, 0, 1, 5, 4, 3, 7, 6, 199, 8, 100, 9};
    struct sender s;
    struct clear c;
    uint64_t at = 65530; /* the first packet is just below the wrap */

    sender_init(&s, cipher, profile, SSRC, rng);
    while (at < 5 * 65536ull) {
        bool is_near_wrap = (at + 100) % 65536 < 200;
        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
            make_random_clear(&c, rng, SSRC, (uint16_t)(at + (unsigned)order[i]));
            expect_same(cipher, &s, &c, rng_below(rng, 16));
        }
        at += is_near_wrap ? 200 : 200 + rng_below(rng, 20000);
    }
    assert_in_range(fanout_stream_roc(&s.stream), 4, 5);
    sender_fini(&s);
}

static void rollover_equals_libsrtps_over_several_cycles_out_of_order(void **state)
{
    (void)state;
    for_each(several_cycles);
}

static void every_number_around_a_wrap(struct fanout_cipher *cipher, size_t profile,
                                       struct rng *rng)
{
    struct sender s;
    struct clear c;

    sender_init(&s, cipher, profile, SSRC, rng);
    for (uint32_t i = 65000; i < 66000; i++) {
        make_random_clear(&c, rng, SSRC, (uint16_t)i);
        expect_same(cipher, &s, &c, 0);
    }
    assert_int_equal(fanout_stream_roc(&s.stream), 1);
    sender_fini(&s);
}

static void a_wrap_in_order_equals_libsrtps(void **state)
{
    (void)state;
    for_each(every_number_around_a_wrap);
}

#define BATCH_SENDERS 21  /* of all profiles */
#define BATCH_PACKETS 600 /* more than libraries keep in flight */

/* Packets of many keys lie one behind the other in one slab and are looked at after the flush. */
static void batch(struct fanout_cipher *cipher, struct rng *rng)
{
    static struct clear clear[BATCH_PACKETS];
    struct sender s[BATCH_SENDERS];
    uint8_t *slab = mem_alloc(BATCH_PACKETS * (size_t)MAX_PACKET_BYTES);
    size_t used = 0;

    for (size_t i = 0; i < BATCH_SENDERS; i++)
        sender_init(&s[i], cipher, i % ARRAY_LEN(profiles), SSRC + (uint32_t)i, rng);
    for (size_t i = 0; i < BATCH_PACKETS; i++) {
        struct sender *from = &s[i % BATCH_SENDERS];
        size_t len = 0;
        make_random_clear(&clear[i], rng, from->stream.ssrc, (uint16_t)(65530 + i / BATCH_SENDERS));
        assert_int_equal(fanout_cipher_submit(cipher, from->key, &from->stream, &clear[i].packet,
                                              slab + used, &len),
                         0);
        memset(clear[i].head, 0, sizeof(clear[i].head)); /* borrowed for the call only */
        memset(clear[i].payload, 0, sizeof(clear[i].payload));
        assert_int_equal(len, clear[i].whole_bytes + fanout_key_tag_bytes(from->key));
        used += len;
    }
    fanout_cipher_flush(cipher);
    for (size_t i = 0, at = 0; i < BATCH_PACKETS; i++) {
        protect_reference(&s[i % BATCH_SENDERS], &clear[i]);
        assert_memory_equal(slab + at, clear[i].whole, clear[i].whole_bytes);
        at += clear[i].whole_bytes;
    }
    for (size_t i = 0; i < BATCH_SENDERS; i++)
        sender_fini(&s[i]);
    mem_free(slab);
}

static void a_batch_of_many_keys_and_profiles_is_right_after_the_flush(void **state)
{
    (void)state;
    for (size_t b = 0; b < ARRAY_LEN(backends); b++) {
        struct fanout_cipher *c = cipher_new(backends[b]);
        struct rng rng;
        rng_seed(&rng, 7);
        for (int round = 0; c != NULL && round < 3; round++)
            batch(c, &rng);
        fanout_cipher_free(&c);
    }
}

static void one_refused(struct fanout_cipher *cipher, size_t profile, struct rng *rng)
{
    struct sender s;
    struct clear c;
    uint8_t dst[MAX_PACKET_BYTES];
    size_t len = 12345;

    sender_init(&s, cipher, profile, SSRC, rng);
    make_random_clear(&c, rng, SSRC, 17);
    expect_same(cipher, &s, &c, 0);
    assert_int_equal(fanout_cipher_submit(cipher, s.key, &s.stream, &c.packet, dst, &len),
                     E_REPLAY);
    assert_int_equal(len, 12345);
    make_random_clear(&c, rng, SSRC, 18);
    expect_same(cipher, &s, &c, 0); /* goes on as if nothing had been */
    sender_fini(&s);
}

static void a_sequence_number_is_never_encrypted_twice(void **state)
{
    (void)state;
    for_each(one_refused);
}

/* --- indices ------------------------------------------------------------------------------------------- */

static void indices_follow_rfc3711(void **state)
{
    static const struct {
        uint16_t seq;
        int err;
        uint64_t index;
    } rows[] = {
        {65534, 0, 65534},    {65535, 0, 65535},    {65533, 0, 65533}, /* late, before the first one, in the first cycle */
        {0, 0, 65536},        {2, 0, 65538},        {65532, 0, 65532}, /* late, of the cycle before */
        {65532, E_REPLAY, 0}, {1, 0, 65537},        {0, E_REPLAY, 0},   {257, 0, 65793},
        {1, E_REPLAY, 0},                                               /* one behind the window */
        {3, 0, 65539},        {30000, 0, 95536},    {62767, 0, 128303}, /* as far as one jump may go */
        {62000, E_REPLAY, 0},                                           /* too late */
        {1000, 0, 132072},    {65535, E_REPLAY, 0}, /* of the cycle before, behind the window */
    };
    struct fanout_stream s;

    (void)state;
    fanout_stream_init(&s, SSRC);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t index = 0;
        int err = fanout_stream_take(&s, rows[i].seq, &index);
        if (err != rows[i].err || index != rows[i].index)
            fail_msg("row %zu: %s, index %llu", i, err_name(err), (unsigned long long)index);
    }
}

static void nothing_precedes_the_first_cycle(void **state)
{
    struct fanout_stream s;
    uint64_t index = 99;

    (void)state;
    fanout_stream_init(&s, SSRC);
    assert_int_equal(fanout_stream_take(&s, 2, &index), 0);
    assert_int_equal(fanout_stream_take(&s, 65535, &index), E_REPLAY);
    assert_int_equal(index, 2);
    assert_int_equal(fanout_stream_take(&s, 0, &index), 0);
    assert_int_equal(fanout_stream_take(&s, 3, &index), 0);
    assert_int_equal(fanout_stream_roc(&s), 0);
}

static void a_key_ends_after_all_its_indices(void **state)
{
    struct fanout_stream s;
    uint64_t index = 0;

    (void)state;
    fanout_stream_init(&s, SSRC);
    s.started = true;
    s.newest = (1ull << 48) - 2;
    assert_int_equal(fanout_stream_take(&s, 65535, &index), 0);
    assert_true(index == (1ull << 48) - 1);
    assert_int_equal(fanout_stream_take(&s, 0, &index), E_LIMIT);
    assert_int_equal(fanout_stream_roc(&s), 0xffffffffu);
}

/* The window against a plain list of what was sent. */
static void a_random_walk_never_repeats_an_index(void **state)
{
    enum { CYCLES = 8 };
    uint8_t *was_sent = mem_alloc(CYCLES * 65536);
    struct fanout_stream s;
    struct rng rng;
    uint64_t newest = 40000;

    (void)state;
    rng_seed(&rng, 3);
    fanout_stream_init(&s, SSRC);
    for (int i = 0; i < 200000 && newest < (CYCLES - 1) * 65536; i++) {
        uint64_t at = newest + rng_below(&rng, 300) - 280 + (rng_below(&rng, 1000) == 0 ? 2000 : 0),
                 index = 0;
        bool is_ok = at > newest || (newest - at < FANOUT_WINDOW_PACKETS && !was_sent[at]);
        if (i == 0)
            at = newest, is_ok = true;
        assert_int_equal(fanout_stream_take(&s, (uint16_t)at, &index), is_ok ? 0 : E_REPLAY);
        if (!is_ok)
            continue;
        assert_true(index == at);
        was_sent[at] = 1;
        newest = MAX(newest, at);
    }
    assert_true(newest > 3 * 65536);
    mem_free(was_sent);
}

/* --- choice of the backend ------------------------------------------------------------------------------- */

static void the_backend_has_a_name_and_auto_always_finds_one(void **state)
{
    struct fanout_cipher *automatic = cipher_new(FANOUT_BACKEND_AUTO),
                         *openssl = cipher_new(FANOUT_BACKEND_OPENSSL),
                         *mb = cipher_new(FANOUT_BACKEND_IPSEC_MB);

    (void)state;
    assert_non_null(strstr(fanout_cipher_name(openssl), "OpenSSL 3."));
    assert_string_equal(fanout_cipher_name(automatic),
                        fanout_cipher_name(mb != NULL ? mb : openssl));
    fanout_cipher_free(&automatic);
    fanout_cipher_free(&openssl);
    fanout_cipher_free(&mb);
    assert_null(openssl);
    fanout_cipher_free(&openssl);
}

static void keys_outlive_their_cipher_and_work_with_another_of_its_kind(void **state)
{
    (void)state;
    for (size_t b = 0; b < ARRAY_LEN(backends); b++) {
        struct fanout_cipher *first = cipher_new(backends[b]), *second = cipher_new(backends[b]);
        for (size_t p = 0; first != NULL && p < ARRAY_LEN(profiles); p++) {
            struct sender s;
            struct clear c;
            struct rng rng;
            rng_seed(&rng, 5);
            sender_init(&s, first, p, SSRC, &rng);
            fanout_cipher_free(&first);
            make_random_clear(&c, &rng, SSRC, 1);
            expect_same(second, &s, &c, 0);
            sender_fini(&s);
            first = cipher_new(backends[b]);
        }
        fanout_cipher_free(&first);
        fanout_cipher_free(&second);
    }
}

static void no_memory_is_an_error(struct fanout_cipher *c, size_t profile, struct rng *rng)
{
    struct srtp_keys keys = make_keys(profile, rng);
    struct fanout_key *key = NULL;

    mem_fail_nth(1);
    assert_int_equal(fanout_key_new(&key, c, &keys), E_NO_MEMORY);
    assert_null(key);
}

static void lack_of_memory_is_an_error(void **state)
{
    struct fanout_cipher *c = NULL;

    (void)state;
    for_each(no_memory_is_an_error);
    for (int which = FANOUT_BACKEND_AUTO; which <= FANOUT_BACKEND_OPENSSL; which++) {
        mem_fail_nth(1);
        int err = fanout_cipher_new(&c, (enum fanout_backend)which);
        mem_fail_nth(0);
        if (which == FANOUT_BACKEND_OPENSSL)
            assert_int_equal(err, E_NO_MEMORY);
        fanout_cipher_free(&c);
    }
}

static int no_block_is_left(void **state)
{
    (void)state;
    return mem_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_wrong_length_or_profile_are_refused),
        cmocka_unit_test(packets_are_sealed_as_in_rfc7714),
        cmocka_unit_test(payloads_of_every_size_equal_libsrtps),
        cmocka_unit_test(padding_equals_libsrtps_of_the_padded_packet),
        cmocka_unit_test(rollover_equals_libsrtps_over_several_cycles_out_of_order),
        cmocka_unit_test(a_wrap_in_order_equals_libsrtps),
        cmocka_unit_test(a_batch_of_many_keys_and_profiles_is_right_after_the_flush),
        cmocka_unit_test(a_sequence_number_is_never_encrypted_twice),
        cmocka_unit_test(indices_follow_rfc3711),
        cmocka_unit_test(nothing_precedes_the_first_cycle),
        cmocka_unit_test(a_key_ends_after_all_its_indices),
        cmocka_unit_test(a_random_walk_never_repeats_an_index),
        cmocka_unit_test(the_backend_has_a_name_and_auto_always_finds_one),
        cmocka_unit_test(keys_outlive_their_cipher_and_work_with_another_of_its_kind),
        cmocka_unit_test(lack_of_memory_is_an_error),
    };

    if (srtp_init() != srtp_err_status_ok)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, no_block_is_left);
    (void)srtp_shutdown();
    return failed;
}
