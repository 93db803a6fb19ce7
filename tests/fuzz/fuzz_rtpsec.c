/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_rtpsec.c - packets to one association: foreign ones, and those of an endpoint that has the keys, as they are, changed,
 * or twice.
 *
 * The first byte chooses the profile. Then a row of records: what to do (bits below), two bytes of length, that many
 * bytes of packet. No fuzzer guesses a tag, so on request the packet is sealed first; a header that the endpoint cannot seal
 * goes as it is.
 */
#include <stdbool.h>
#include <string.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/wire.h"
#include "transport/rtpsec_internal.h"

#define DO_RTCP 1u
#define DO_SEAL 2u
#define DO_CHANGE 4u /* one byte of it afterwards: two bytes of place, one to XOR */
#define DO_TWICE 8u

#define MAX_SEALED_BYTES (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    enum srtp_profile profile;
    uint8_t key_bytes, salt_bytes;
} profiles[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12},
    {SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12},
    {SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14},
};

static struct rtpsec *end_new(size_t profile, bool is_server)
{
    struct srtp_keys keys = {.profile = profiles[profile].profile,
                             .key_bytes = profiles[profile].key_bytes,
                             .salt_bytes = profiles[profile].salt_bytes};
    struct rtpsec *end = NULL;

    memset(is_server ? keys.local : keys.remote, 0x5a, SRTP_MAX_MASTER_BYTES);
    CHECK(rtpsec_new(&end, &keys) == 0);
    return end;
}

static int unprotect(struct rtpsec *s, bool is_rtcp, uint8_t *buf, size_t *len)
{
    return is_rtcp ? rtpsec_unprotect_rtcp(s, buf, len) : rtpsec_unprotect_rtp(s, buf, len);
}

/* In a block that ends where the packet ends; the clear packet is left in @sealed when it is taken. */
static int deliver(struct rtpsec *s, bool is_rtcp, uint8_t *sealed, size_t *len)
{
    size_t before = *len;
    uint8_t *exact = mem_alloc(before + 1);

    memcpy(exact + 1, sealed, before);
    int err = unprotect(s, is_rtcp, exact + 1, len);
    CHECK(err == 0 ? *len < before : *len == before);
    if (err == 0)
        memcpy(sealed, exact + 1, *len);
    mem_free(exact);
    return err;
}

static void check_state(const struct rtpsec *s)
{
    CHECK(s->in.count <= MAX_SSRCS_LEARNT_PER_TRANSPORT && s->in.count <= s->in.size);
    for (size_t i = 1; i < s->in.count; i++)
        CHECK(s->in.sources[i - 1].ssrc < s->in.sources[i].ssrc);
}

static void take(struct rtpsec *server, struct rtpsec *endpoint, struct reader *in)
{
    unsigned what = reader_u8(in);
    bool is_rtcp = (what & DO_RTCP) != 0;
    size_t told = reader_u16(in), clear_len = MIN(MIN(told, reader_left(in)), MAX_DATAGRAM_BYTES);
    size_t len = clear_len;
    const uint8_t *clear = reader_bytes(in, clear_len);
    uint8_t buf[MAX_SEALED_BYTES], copy[MAX_SEALED_BYTES];
    bool is_true = false;

    if (clear == NULL)
        return;
    memcpy(buf, clear, len);
    if ((what & DO_SEAL) != 0)
        is_true = (is_rtcp ? rtpsec_protect_rtcp(endpoint, buf, &len, sizeof(buf))
                           : rtpsec_protect_rtp(endpoint, buf, &len, sizeof(buf))) == 0;
    if ((what & DO_CHANGE) != 0 && len > 0) {
        size_t at = reader_u16(in) % len;
        uint8_t by = reader_u8(in);
        buf[at] ^= by;
        is_true = is_true && by == 0;
    }
    memcpy(copy, buf, len);
    size_t copy_len = len;
    int err = deliver(server, is_rtcp, buf, &len);
    CHECK(is_true || err != 0);
    CHECK(err != 0 || (len == clear_len && memcmp(buf, clear, len) == 0));
    if (err == 0 && (what & DO_TWICE) != 0)
        CHECK(deliver(server, is_rtcp, copy, &copy_len) == E_REPLAY);
    check_state(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader in = reader_of(data, size);
    size_t profile = reader_u8(&in) % ARRAY_LEN(profiles);
    struct rtpsec *server = NULL, *endpoint = NULL;

    CHECK(rtpsec_library_init() == 0); /* again changes nothing */
    server = end_new(profile, true);
    endpoint = end_new(profile, false);
    while (reader_left(&in) >= 3)
        take(server, endpoint, &in);
    rtpsec_free(&server);
    rtpsec_free(&endpoint);
    return 0;
}
