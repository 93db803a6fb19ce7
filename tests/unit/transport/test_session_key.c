/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "transport/session_key.h"

static void keys_are_derived_as_in_rfc3711_b3(void **state)
{
    static const uint8_t key[16] = {0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0,
                                    0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39};
    static const uint8_t salt[14] = {0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe,
                                     0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6};
    static const uint8_t cipher_key[16] = {0xc6, 0x1e, 0x7a, 0x93, 0x74, 0x4f, 0x39, 0xee,
                                           0x10, 0x73, 0x4a, 0xfe, 0x3f, 0xf7, 0xa0, 0x87};
    static const uint8_t cipher_salt[14] = {0x30, 0xcb, 0xbc, 0x08, 0x86, 0x3d, 0x8c,
                                            0x85, 0xd4, 0x9d, 0xb3, 0x4a, 0x9a, 0xe1};
    static const uint8_t auth_key[20] = {0xce, 0xbe, 0x32, 0x1f, 0x6f, 0xf7, 0x71,
                                         0x6b, 0x6f, 0xd4, 0xab, 0x49, 0xaf, 0x25,
                                         0x6a, 0x15, 0x6d, 0x38, 0xba, 0xa4};
    struct srtp_keys keys = {
        .profile = SRTP_PROFILE_AES128_CM_SHA1_80, .key_bytes = 16, .salt_bytes = 14};
    struct session_key s;

    (void)state;
    memcpy(keys.local, key, sizeof(key));
    memcpy(keys.local + sizeof(key), salt, sizeof(salt));
    assert_int_equal(session_key_derive(&s, NULL, &keys, keys.local), 0);
    assert_int_equal(s.cipher_key_bytes, 16);
    assert_memory_equal(s.cipher_key, cipher_key, sizeof(cipher_key));
    assert_memory_equal(s.salt, cipher_salt, sizeof(cipher_salt));
    assert_memory_equal(s.auth_key, auth_key, sizeof(auth_key));
}

static void the_two_ways_and_the_two_protocols_have_keys_of_their_own(void **state)
{
    struct srtp_keys keys = {
        .profile = SRTP_PROFILE_AEAD_AES_256_GCM, .key_bytes = 32, .salt_bytes = 12};
    struct session_key k[4], alone;

    (void)state;
    memset(keys.remote, 1, sizeof(keys.remote));
    assert_int_equal(session_key_derive(&k[0], &k[1], &keys, keys.local), 0);
    assert_int_equal(session_key_derive(&k[2], &k[3], &keys, keys.remote), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(k[i].tag_bytes, 16);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(k[i].cipher_key, k[j].cipher_key, 32);
            assert_memory_not_equal(k[i].salt, k[j].salt, 12);
        }
    }
    assert_int_equal(session_key_derive(&alone, NULL, &keys, keys.local), 0);
    assert_memory_equal(&alone, &k[0], sizeof(alone));
}

static void unknown_profiles_and_lengths_are_refused(void **state)
{
    static const struct srtp_keys rows[] = {
        {.profile = SRTP_PROFILE_NONE},
        {.profile = (enum srtp_profile)2, .key_bytes = 16, .salt_bytes = 14},
        {.profile = SRTP_PROFILE_AEAD_AES_128_GCM, .key_bytes = 32, .salt_bytes = 12},
        {.profile = SRTP_PROFILE_AES128_CM_SHA1_80, .key_bytes = 16, .salt_bytes = 12},
    };
    struct session_key untouched = {.tag_bytes = 99}, k = untouched;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(session_key_derive(&k, &k, &rows[i], rows[i].local), E_INVALID);
    assert_memory_equal(&k, &untouched, sizeof(k));
    assert_int_equal(session_key_tag_bytes(SRTP_PROFILE_NONE), 0);
    assert_int_equal(session_key_tag_bytes(SRTP_PROFILE_AES128_CM_SHA1_80), 10);
}

/* RFC 7714 s8.1, s9.1: two zero bytes, SSRC, 48 bits of index; AES-CM: RFC 3711 s4.1.1. All of it XOR the salt. */
static void nonces_are_sums_of_ssrc_index_and_salt(void **state)
{
    static const uint8_t no_salt[SESSION_KEY_SALT_BYTES];
    static const uint8_t gcm[SESSION_KEY_IV_BYTES] = {0,    0,    0xaa, 0xbb, 0xcc, 0xdd,
                                                      0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc};
    static const uint8_t cm[SESSION_KEY_IV_BYTES] = {0,    0,    0,    0,    0xaa, 0xbb, 0xcc,
                                                     0xdd, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc};
    uint8_t salt[SESSION_KEY_SALT_BYTES], iv[SESSION_KEY_IV_BYTES];

    (void)state;
    session_key_nonce(iv, SRTP_PROFILE_AEAD_AES_128_GCM, no_salt, 0xaabbccddu, 0x123456789abcull);
    assert_memory_equal(iv, gcm, sizeof(iv));
    session_key_nonce(iv, SRTP_PROFILE_AES128_CM_SHA1_80, no_salt, 0xaabbccddu, 0x123456789abcull);
    assert_memory_equal(iv, cm, sizeof(iv));
    memset(salt, 0xff, sizeof(salt));
    session_key_nonce(iv, SRTP_PROFILE_AES128_CM_SHA1_80, salt, 0xaabbccddu, 0x123456789abcull);
    for (size_t i = 0; i < sizeof(iv); i++)
        assert_int_equal(iv[i], i < sizeof(salt) ? cm[i] ^ 0xff : 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_derived_as_in_rfc3711_b3),
        cmocka_unit_test(the_two_ways_and_the_two_protocols_have_keys_of_their_own),
        cmocka_unit_test(unknown_profiles_and_lengths_are_refused),
        cmocka_unit_test(nonces_are_sums_of_ssrc_index_and_salt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
