/* SPDX-License-Identifier: Apache-2.0 */
/* rtpsec beside libsrtp under the same master keys: the same bytes, the same verdicts. */
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
#include "core/wire.h"
#include "transport/rtpsec.h"

#define SSRC 0xcafebabeu
#define MAX_PAYLOAD_BYTES 1200
#define BUF_BYTES (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES + SRTP_MAX_TRAILER_LEN)

static const struct {
    enum srtp_profile profile;
    srtp_profile_t reference;
    uint8_t key_bytes, salt_bytes;
} profiles[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, srtp_profile_aead_aes_128_gcm, 16, 12},
    {SRTP_PROFILE_AEAD_AES_256_GCM, srtp_profile_aead_aes_256_gcm, 32, 12},
    {SRTP_PROFILE_AES128_CM_SHA1_80, srtp_profile_aes128_cm_sha1_80, 16, 14},
};

/* We on one side, libsrtp on both. */
struct ends {
    struct rtpsec *ours;
    srtp_t sender;                     /* of what we receive */
    srtp_t receiver;                   /* of what we send */
    srtp_t twin_sender, twin_receiver; /* do what we do */
    struct rng rng;
};

static srtp_t reference_new(size_t profile, const uint8_t *master, srtp_ssrc_type_t type,
                            srtp_sec_serv_t rtcp_services)
{
    uint8_t key[SRTP_MAX_MASTER_BYTES];
    srtp_policy_t policy = {.ssrc = {type, 0}, .key = key, .window_size = 1024};
    srtp_t session = NULL;

    memcpy(key, master, sizeof(key));
    assert_int_equal(
        srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profiles[profile].reference), 0);
    assert_int_equal(
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profiles[profile].reference), 0);
    policy.rtcp.sec_serv = rtcp_services;
    assert_int_equal(srtp_create(&session, &policy), 0);
    return session;
}

static void ends_init(struct ends *e, size_t profile, uint64_t seed)
{
    struct srtp_keys keys = {.profile = profiles[profile].profile,
                             .key_bytes = profiles[profile].key_bytes,
                             .salt_bytes = profiles[profile].salt_bytes};

    rng_seed(&e->rng, seed);
    for (size_t i = 0; i < SRTP_MAX_MASTER_BYTES; i++) {
        keys.local[i] = (uint8_t)rng_u32(&e->rng);
        keys.remote[i] = (uint8_t)rng_u32(&e->rng);
    }
    assert_int_equal(rtpsec_new(&e->ours, &keys), 0);
    e->sender = reference_new(profile, keys.remote, ssrc_any_outbound, sec_serv_conf_and_auth);
    e->twin_receiver =
        reference_new(profile, keys.remote, ssrc_any_inbound, sec_serv_conf_and_auth);
    e->twin_sender = reference_new(profile, keys.local, ssrc_any_outbound, sec_serv_conf_and_auth);
    e->receiver = reference_new(profile, keys.local, ssrc_any_inbound, sec_serv_conf_and_auth);
}

static void ends_fini(struct ends *e)
{
    rtpsec_free(&e->ours);
    assert_int_equal(srtp_dealloc(e->sender), 0);
    assert_int_equal(srtp_dealloc(e->twin_receiver), 0);
    assert_int_equal(srtp_dealloc(e->twin_sender), 0);
    assert_int_equal(srtp_dealloc(e->receiver), 0);
}

/* With up to fifteen CSRCs, and an extension in two of three. */
static size_t write_rtp(struct rng *rng, uint8_t *buf, uint16_t seq, size_t payload)
{
    struct writer w = writer_of(buf, MAX_DATAGRAM_BYTES);
    size_t csrcs = rng_below(rng, 16), ext_words = rng_below(rng, 9);
    bool has_ext = rng_below(rng, 3) > 0;

    writer_u8(&w, (uint8_t)(0x80 | (has_ext ? 0x10 : 0) | csrcs));
    writer_u8(&w, (uint8_t)(96 | rng_below(rng, 2) << 7));
    writer_u16(&w, seq);
    writer_u32(&w, rng_u32(rng));
    writer_u32(&w, SSRC);
    for (size_t i = 0; i < csrcs; i++)
        writer_u32(&w, rng_u32(rng));
    if (has_ext)
        writer_u32(&w, 0xbede0000u | (uint32_t)ext_words);
    for (size_t i = 0; has_ext && i < ext_words; i++)
        writer_u32(&w, rng_u32(rng));
    for (size_t i = 0; i < payload; i++)
        writer_u8(&w, (uint8_t)rng_u32(rng));
    assert_false(w.failed);
    return writer_len(&w);
}

static size_t write_rtcp(struct rng *rng, uint8_t *buf, uint32_t ssrc, size_t words)
{
    struct writer w = writer_of(buf, MAX_DATAGRAM_BYTES);

    writer_u32(&w, 0x80c90000u | (uint32_t)(1 + words));
    writer_u32(&w, ssrc);
    for (size_t i = 0; i < words; i++)
        writer_u32(&w, rng_u32(rng));
    return writer_len(&w);
}

static void for_each_profile(void (*body)(struct ends *e, size_t profile))
{
    for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
        struct ends e;
        ends_init(&e, p, 100 + p);
        body(&e, p);
        ends_fini(&e);
    }
}

/* --- the same bytes -------------------------------------------------------------------------------------- */

static void expect_same_sealed(struct ends *e, bool is_rtcp, const uint8_t *clear, size_t len)
{
    uint8_t ours[BUF_BYTES], theirs[BUF_BYTES];
    size_t ours_len = len;
    int theirs_len = (int)len;

    memset(ours, 0xa5, sizeof(ours));
    memcpy(ours, clear, len);
    memcpy(theirs, clear, len);
    assert_int_equal(is_rtcp ? rtpsec_protect_rtcp(e->ours, ours, &ours_len, sizeof(ours))
                             : rtpsec_protect_rtp(e->ours, ours, &ours_len, sizeof(ours)),
                     0);
    assert_int_equal(is_rtcp ? srtp_protect_rtcp(e->twin_sender, theirs, &theirs_len)
                             : srtp_protect(e->twin_sender, theirs, &theirs_len),
                     srtp_err_status_ok);
    assert_int_equal(ours_len, theirs_len);
    assert_memory_equal(ours, theirs, ours_len);
    assert_int_equal(ours[ours_len], 0xa5);
    theirs_len = (int)ours_len;
    assert_int_equal(is_rtcp ? srtp_unprotect_rtcp(e->receiver, ours, &theirs_len)
                             : srtp_unprotect(e->receiver, ours, &theirs_len),
                     srtp_err_status_ok);
    assert_int_equal(theirs_len, len);
    assert_memory_equal(ours, clear, len);
}

static void every_payload_size(struct ends *e, size_t profile)
{
    uint8_t clear[BUF_BYTES];

    (void)profile;
    for (uint32_t n = 0; n <= MAX_PAYLOAD_BYTES; n++) /* wraps on the way */
        expect_same_sealed(e, false, clear, write_rtp(&e->rng, clear, (uint16_t)(65000 + n), n));
}

static void rtp_of_every_size_is_sealed_as_by_libsrtp(void **state)
{
    (void)state;
    for_each_profile(every_payload_size);
}

static void every_report_size(struct ends *e, size_t profile)
{
    uint8_t clear[BUF_BYTES];

    (void)profile;
    for (size_t n = 0; n < 300; n++)
        expect_same_sealed(e, true, clear, write_rtcp(&e->rng, clear, SSRC, n));
}

static void rtcp_of_every_size_is_sealed_as_by_libsrtp(void **state)
{
    (void)state;
    for_each_profile(every_report_size);
}

/* --- the same verdicts ----------------------------------------------------------------------------------- */

static int expected_err(srtp_err_status_t status)
{
    if (status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old)
        return E_REPLAY;
    if (status == srtp_err_status_auth_fail)
        return E_AUTH;
    assert_int_equal(status, srtp_err_status_ok);
    return 0;
}

/* One sealed packet to us and to libsrtp. */
static int deliver(struct ends *e, bool is_rtcp, const uint8_t *sealed, size_t len)
{
    uint8_t ours[BUF_BYTES], theirs[BUF_BYTES];
    size_t ours_len = len;
    int theirs_len = (int)len, err = 0;

    memcpy(ours, sealed, len);
    memcpy(theirs, sealed, len);
    err = is_rtcp ? rtpsec_unprotect_rtcp(e->ours, ours, &ours_len)
                  : rtpsec_unprotect_rtp(e->ours, ours, &ours_len);
    assert_int_equal(
        err, expected_err(is_rtcp ? srtp_unprotect_rtcp(e->twin_receiver, theirs, &theirs_len)
                                  : srtp_unprotect(e->twin_receiver, theirs, &theirs_len)));
    if (err == 0) {
        assert_int_equal(ours_len, theirs_len);
        assert_memory_equal(ours, theirs, ours_len);
    }
    return err;
}

#define KEPT 2048

/* What was sent of late, to be delivered late and twice. */
struct kept {
    uint8_t data[BUF_BYTES];
    size_t len;
};

static void seal(struct ends *e, bool is_rtcp, struct kept *k, uint32_t number)
{
    int n = (int)(is_rtcp ? write_rtcp(&e->rng, k->data, SSRC + number % 3, rng_below(&e->rng, 20))
                          : write_rtp(&e->rng, k->data, (uint16_t)number, rng_below(&e->rng, 40)));

    assert_int_equal(is_rtcp ? srtp_protect_rtcp(e->sender, k->data, &n)
                             : srtp_protect(e->sender, k->data, &n),
                     srtp_err_status_ok);
    k->len = (size_t)n;
}

#define JUMP 29000 /* now and then all packets of nearly half a cycle are lost */

/* Loss of half the packets and long gaps, delays beyond the window, repetitions, over several wraps. */
static void run_a_bad_network(struct ends *e, bool is_rtcp, uint32_t first, uint32_t count)
{
    struct kept *kept = mem_alloc_array(KEPT, sizeof(*kept));
    unsigned seen[3] = {0};

    for (uint32_t i = 0; i < count; i++) {
        seal(e, is_rtcp, &kept[i % KEPT], first + i + i / 3000 * JUMP);
        if (i == 0 || rng_below(&e->rng, 2) == 0)
            seen[0] += deliver(e, is_rtcp, kept[i % KEPT].data, kept[i % KEPT].len) == 0;
        if (i > 0 && rng_below(&e->rng, 4) == 0) {
            uint32_t back = rng_below(&e->rng, rng_below(&e->rng, 8) == 0 ? KEPT : 200);
            const struct kept *late = &kept[(i - MIN(back, i)) % KEPT];
            int err = deliver(e, is_rtcp, late->data, late->len);
            seen[err == 0 ? 1 : 2] += err == 0 || err == E_REPLAY;
        }
    }
    assert_true(seen[0] > count / 3 && seen[1] > count / 50 && seen[2] > count / 50);
    mem_free(kept);
}

static void a_bad_network_of_rtp(struct ends *e, size_t profile)
{
    run_a_bad_network(e, false, 65000 + (uint32_t)profile, 15000); /* 160000 numbers, three wraps */
}

static void rtp_is_taken_and_refused_as_by_libsrtp_over_wraps(void **state)
{
    (void)state;
    for_each_profile(a_bad_network_of_rtp);
}

static void a_bad_network_of_rtcp(struct ends *e, size_t profile)
{
    (void)profile;
    run_a_bad_network(e, true, 0, 5000);
}

static void rtcp_is_taken_and_refused_as_by_libsrtp(void **state)
{
    (void)state;
    for_each_profile(a_bad_network_of_rtcp);
}

static void changes(struct ends *e, size_t profile)
{
    struct kept k;

    (void)profile;
    for (uint32_t i = 0; i < 4000; i++) {
        bool is_rtcp = i % 2 != 0;
        seal(e, is_rtcp, &k, 1000 + i);
        size_t at = is_rtcp ? 4 + rng_below(&e->rng, 4) : 8 + rng_below(&e->rng, 4);
        k.data[i % 3 == 0 ? at : k.len - 1 - rng_below(&e->rng, 4)] ^=
            1; /* SSRC, or tag or index */
        (void)deliver(e, is_rtcp, k.data, k.len);
    }
}

static void changed_packets_are_refused_as_by_libsrtp(void **state)
{
    (void)state;
    for_each_profile(changes);
}

/* RFC 3711 s3.4 lets a sender do without encryption; WebRTC does not (RFC 8827 s6.5). */
static void clear_report(struct ends *e, size_t profile)
{
    struct srtp_keys keys = {.profile = profiles[profile].profile,
                             .key_bytes = profiles[profile].key_bytes,
                             .salt_bytes = profiles[profile].salt_bytes};
    srtp_t sender = reference_new(profile, keys.remote, ssrc_any_outbound, sec_serv_auth);
    struct rtpsec *ours = NULL;
    uint8_t buf[BUF_BYTES];
    int n = (int)write_rtcp(&e->rng, buf, SSRC, 4);
    size_t len = 0;

    assert_int_equal(rtpsec_new(&ours, &keys), 0);
    assert_int_equal(srtp_protect_rtcp(sender, buf, &n), srtp_err_status_ok);
    len = (size_t)n;
    assert_int_equal(rtpsec_unprotect_rtcp(ours, buf, &len), E_MALFORMED);
    rtpsec_free(&ours);
    assert_int_equal(srtp_dealloc(sender), 0);
}

static void reports_without_encryption_are_refused(void **state)
{
    (void)state;
    for_each_profile(clear_report);
}

static int no_block_is_left(void **state)
{
    (void)state;
    return mem_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtp_of_every_size_is_sealed_as_by_libsrtp),
        cmocka_unit_test(rtcp_of_every_size_is_sealed_as_by_libsrtp),
        cmocka_unit_test(rtp_is_taken_and_refused_as_by_libsrtp_over_wraps),
        cmocka_unit_test(rtcp_is_taken_and_refused_as_by_libsrtp),
        cmocka_unit_test(changed_packets_are_refused_as_by_libsrtp),
        cmocka_unit_test(reports_without_encryption_are_refused),
    };
    int failed = 0;

    if (srtp_init() != srtp_err_status_ok)
        return 1;
    /* With OpenSSL's ciphers, then with the fastest of this machine. */
    failed = cmocka_run_group_tests_name("openssl", tests, NULL, no_block_is_left);
    if (rtpsec_library_init() != 0)
        return 1;
    failed += cmocka_run_group_tests_name("fastest", tests, NULL, no_block_is_left);
    rtpsec_library_fini();
    (void)srtp_shutdown();
    return failed;
}
