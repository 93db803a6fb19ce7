/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "transport/hmac_sha1.h"

/* RFC 2202 s3, the cases whose keys are as long as SRTP's. */
static const struct {
    uint8_t key_byte;
    const char *data;
    uint8_t data_byte;
    size_t data_bytes;
    uint8_t sum[HMAC_SHA1_BYTES];
} rows[] = {
    {0x0b, "Hi There", 0, 8, {0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
                              0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00}},
    {0xaa, NULL, 0xdd, 50, {0x12, 0x5d, 0x73, 0x42, 0xb9, 0xac, 0x11, 0xcd, 0x91, 0xa3,
                            0x9a, 0xf4, 0x8a, 0xa1, 0x7b, 0x4f, 0x63, 0xf1, 0x75, 0xd3}},
};

static void sums_are_those_of_rfc2202_however_the_data_are_cut(void **state)
{
    struct hmac_sha1 *h = hmac_sha1_new();

    (void)state;
    assert_non_null(h);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t key[SESSION_KEY_AUTH_BYTES], data[64], sum[HMAC_SHA1_BYTES];
        size_t len = rows[i].data_bytes;

        memset(key, rows[i].key_byte, sizeof(key));
        memset(data, rows[i].data_byte, sizeof(data));
        if (rows[i].data != NULL)
            memcpy(data, rows[i].data, len);
        for (size_t cut = 0; cut <= len; cut++) {
            assert_true(hmac_sha1(h, key, data, cut, data + cut, len - cut, sum));
            assert_memory_equal(sum, rows[i].sum, sizeof(sum));
        }
    }
    hmac_sha1_free(&h);
    assert_null(h);
    hmac_sha1_free(&h);
}

static void lack_of_memory_gives_none(void **state)
{
    (void)state;
    mem_fail_nth(1);
    assert_null(hmac_sha1_new());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_rfc2202_however_the_data_are_cut),
        cmocka_unit_test(lack_of_memory_gives_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
