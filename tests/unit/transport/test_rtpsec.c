/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/wire.h"
#include "transport/rtpsec_internal.h"

#define BUF_BYTES (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES)
#define PAYLOAD_BYTES 100

static const struct {
    enum srtp_profile profile;
    uint8_t key_bytes, salt_bytes;
    size_t rtp_grows, rtcp_grows;
} profiles[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12, 16, 20},
    {SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12, 16, 20},
    {SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14, 10, 14},
};

/* Two ends of one association. */
struct pair {
    struct rtpsec *a, *b;
};

static void make_keys(struct srtp_keys *k, size_t profile, bool is_a)
{
    memset(k, 0, sizeof(*k));
    k->profile = profiles[profile].profile;
    k->key_bytes = profiles[profile].key_bytes;
    k->salt_bytes = profiles[profile].salt_bytes;
    for (size_t i = 0; i < SRTP_MAX_MASTER_BYTES; i++) {
        k->local[i] = (uint8_t)(is_a ? i : 200 - i);
        k->remote[i] = (uint8_t)(is_a ? 200 - i : i);
    }
}

static struct pair pair_new(size_t profile)
{
    struct srtp_keys ka, kb;
    struct pair p = {0};

    make_keys(&ka, profile, true);
    make_keys(&kb, profile, false);
    assert_int_equal(rtpsec_new(&p.a, &ka), 0);
    assert_int_equal(rtpsec_new(&p.b, &kb), 0);
    return p;
}

static void pair_free(struct pair *p)
{
    rtpsec_free(&p->a);
    rtpsec_free(&p->b);
    rtpsec_free(&p->b);
}

static size_t write_rtp(uint8_t *buf, uint32_t ssrc, uint16_t seq)
{
    struct writer w = writer_of(buf, BUF_BYTES);

    writer_u8(&w, 0x80);
    writer_u8(&w, 96);
    writer_u16(&w, seq);
    writer_u32(&w, seq * 3000u);
    writer_u32(&w, ssrc);
    memset(writer_room(&w, PAYLOAD_BYTES), (uint8_t)seq, PAYLOAD_BYTES);
    return writer_len(&w);
}

static size_t write_rtcp(uint8_t *buf, uint32_t ssrc)
{
    struct writer w = writer_of(buf, BUF_BYTES);

    writer_u8(&w, 0x80);
    writer_u8(&w, 201);
    writer_u16(&w, 1);
    writer_u32(&w, ssrc);
    return writer_len(&w);
}

static size_t protected_rtp(struct rtpsec *s, uint8_t *buf, uint32_t ssrc, uint16_t seq)
{
    size_t len = write_rtp(buf, ssrc, seq);

    assert_int_equal(rtpsec_protect_rtp(s, buf, &len, BUF_BYTES), 0);
    return len;
}

static void media_and_reports_pass_both_ways_with_every_profile(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(i);
        for (int back = 0; back < 2; back++) {
            struct rtpsec *from = back ? p.b : p.a, *to = back ? p.a : p.b;
            uint8_t buf[BUF_BYTES], clear[BUF_BYTES];
            size_t len = write_rtp(buf, 7, 1), clear_len = len;
            memcpy(clear, buf, len);
            assert_int_equal(rtpsec_protect_rtp(from, buf, &len, sizeof(buf)), 0);
            assert_int_equal(len, clear_len + profiles[i].rtp_grows);
            assert_memory_equal(buf, clear, 12);
            assert_memory_not_equal(buf + 12, clear + 12, PAYLOAD_BYTES);
            assert_int_equal(rtpsec_unprotect_rtp(to, buf, &len), 0);
            assert_int_equal(len, clear_len);
            assert_memory_equal(buf, clear, len);

            len = clear_len = write_rtcp(buf, 7);
            memcpy(clear, buf, len);
            assert_int_equal(rtpsec_protect_rtcp(from, buf, &len, sizeof(buf)), 0);
            assert_int_equal(len, clear_len + profiles[i].rtcp_grows);
            assert_int_equal(rtpsec_unprotect_rtcp(to, buf, &len), 0);
            assert_int_equal(len, clear_len);
            assert_memory_equal(buf, clear, len);
        }
        pair_free(&p);
    }
}

static void replays_are_refused_and_reordering_is_not(void **state)
{
    uint8_t early[BUF_BYTES], late[BUF_BYTES], again[BUF_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(i);
        size_t early_len = protected_rtp(p.a, early, 7, 100), late_len = 0, again_len = early_len;
        for (uint16_t seq = 101; seq < 1000; seq++)
            late_len = protected_rtp(p.a, late, 7, seq);
        memcpy(again, early, early_len);
        assert_int_equal(rtpsec_unprotect_rtp(p.b, late, &late_len), 0);
        assert_int_equal(rtpsec_unprotect_rtp(p.b, early, &early_len),
                         0); /* 899 late, within the window */
        assert_int_equal(rtpsec_unprotect_rtp(p.b, again, &again_len), E_REPLAY);
        pair_free(&p);
    }
}

static void what_is_older_than_the_window_counts_as_replay(void **state)
{
    struct pair p = pair_new(0);
    uint8_t early[BUF_BYTES], late[BUF_BYTES];
    size_t early_len = protected_rtp(p.a, early, 7, 100), late_len = 0;

    (void)state;
    for (uint16_t seq = 101; seq < 1300; seq++)
        late_len = protected_rtp(p.a, late, 7, seq);
    assert_int_equal(rtpsec_unprotect_rtp(p.b, late, &late_len), 0);
    assert_int_equal(rtpsec_unprotect_rtp(p.b, early, &early_len), E_REPLAY);
    pair_free(&p);
}

static void replayed_reports_are_refused(void **state)
{
    struct pair p = pair_new(0);
    uint8_t buf[BUF_BYTES], again[BUF_BYTES];
    size_t len = write_rtcp(buf, 9), again_len = 0;

    (void)state;
    assert_int_equal(rtpsec_protect_rtcp(p.a, buf, &len, sizeof(buf)), 0);
    memcpy(again, buf, len);
    again_len = len;
    assert_int_equal(rtpsec_unprotect_rtcp(p.b, buf, &len), 0);
    assert_int_equal(rtpsec_unprotect_rtcp(p.b, again, &again_len), E_REPLAY);
    pair_free(&p);
}

static void any_changed_byte_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(i);
        uint8_t good[BUF_BYTES], bad[BUF_BYTES];
        size_t good_len = protected_rtp(p.a, good, 7, 5);
        for (size_t at = 0; at < good_len; at++) {
            size_t len = good_len;
            memcpy(bad, good, len);
            bad[at] ^= 1;
            assert_int_not_equal(rtpsec_unprotect_rtp(p.b, bad, &len), 0);
            assert_int_equal(len, good_len);
        }
        assert_int_equal(rtpsec_unprotect_rtp(p.b, good, &good_len), 0);
        pair_free(&p);
    }
}

static void any_changed_byte_of_a_report_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(i);
        uint8_t good[BUF_BYTES], bad[BUF_BYTES];
        size_t good_len = write_rtcp(good, 9);
        assert_int_equal(rtpsec_protect_rtcp(p.a, good, &good_len, sizeof(good)), 0);
        for (size_t at = 0; at < good_len * 8; at++) {
            size_t len = good_len;
            memcpy(bad, good, len);
            bad[at / 8] ^= (uint8_t)(1 << at % 8);
            assert_int_not_equal(rtpsec_unprotect_rtcp(p.b, bad, &len), 0);
            assert_int_equal(len, good_len);
        }
        assert_int_equal(p.b->in.count, 0);
        assert_int_equal(rtpsec_unprotect_rtcp(p.b, good, &good_len), 0);
        pair_free(&p);
    }
}

static void every_cut_packet_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(i / 2);
        bool is_rtcp = i % 2 != 0;
        uint8_t good[BUF_BYTES];
        size_t good_len = is_rtcp ? write_rtcp(good, 9) : protected_rtp(p.a, good, 9, 1);
        if (is_rtcp)
            assert_int_equal(rtpsec_protect_rtcp(p.a, good, &good_len, sizeof(good)), 0);
        for (size_t n = 0; n < good_len; n++) {
            uint8_t *exact = mem_alloc(n + 1);
            size_t len = n;
            memcpy(exact + 1, good, n);
            int err = is_rtcp ? rtpsec_unprotect_rtcp(p.b, exact + 1, &len)
                              : rtpsec_unprotect_rtp(p.b, exact + 1, &len);
            assert_true(err == E_MALFORMED || err == E_AUTH);
            mem_free(exact);
        }
        pair_free(&p);
    }
}

static void headers_that_claim_more_than_there_is_are_malformed(void **state)
{
    static const struct {
        uint8_t first;
        uint16_t ext_words;
        size_t len; /* without the tag */
    } rows[] = {
        {0x8f, 0, 71}, /* fifteen CSRCs, less one byte */
        {0x90, 0, 15}, /* an extension, whose own header is cut */
        {0x90, 1, 19}, /* its word is cut */
        {0x00, 0, 100},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p = pair_new(0);
        uint8_t buf[BUF_BYTES] = {rows[i].first};
        size_t len = rows[i].len;
        wire_put_u16(buf + 14, rows[i].ext_words);
        assert_int_equal(rtpsec_protect_rtp(p.a, buf, &len, sizeof(buf)), E_MALFORMED);
        len = rows[i].len + 16;
        assert_int_equal(rtpsec_unprotect_rtp(p.a, buf, &len), E_MALFORMED);
        pair_free(&p);
    }
}

static void foreign_keys_fail_authentication(void **state)
{
    struct pair p = pair_new(0);
    uint8_t buf[BUF_BYTES];
    size_t len = protected_rtp(p.a, buf, 7, 5);

    (void)state;
    assert_int_equal(rtpsec_unprotect_rtp(p.a, buf, &len), E_AUTH); /* our own direction's key */
    pair_free(&p);
}

static void every_short_packet_is_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(i);
        for (size_t n = 0; n < 22; n++) {
            uint8_t *exact = mem_alloc(n + 1); /* exact size but for an empty one */
            size_t len = n;
            memset(exact, 0xbf, n);
            assert_int_equal(rtpsec_unprotect_rtp(p.b, exact, &len), E_MALFORMED);
            assert_int_equal(rtpsec_unprotect_rtcp(p.b, exact, &len), E_MALFORMED);
            mem_free(exact);
        }
        pair_free(&p);
    }
}

static void ssrcs_past_the_limit_are_dropped_and_known_ones_go_on(void **state)
{
    struct pair p = pair_new(0);
    uint8_t buf[BUF_BYTES];
    size_t len = 0;

    (void)state;
    for (uint32_t i = 0; i < MAX_SSRCS_LEARNT_PER_TRANSPORT; i++) {
        len = protected_rtp(p.a, buf, 1000 + i * 2654435761u, 1);
        assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &len), 0);
    }
    len = protected_rtp(p.a, buf, 77, 1);
    assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &len), E_LIMIT);
    for (uint32_t i = 0; i < MAX_SSRCS_LEARNT_PER_TRANSPORT; i++) {
        len = protected_rtp(p.a, buf, 1000 + i * 2654435761u, 2);
        assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &len), 0);
    }
    pair_free(&p);
}

static void forged_ssrcs_use_up_nothing(void **state)
{
    struct pair p = pair_new(0);
    uint8_t buf[BUF_BYTES];

    (void)state;
    for (uint32_t i = 0; i < 4 * MAX_SSRCS_LEARNT_PER_TRANSPORT; i++) {
        size_t forged_len = write_rtp(buf, i, 1);
        assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &forged_len), E_AUTH);
    }
    size_t len = protected_rtp(p.a, buf, 77, 1);
    assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &len), 0);
    pair_free(&p);
}

static void sequence_numbers_wrap_under_loss(void **state)
{
    struct pair p = pair_new(0);
    uint8_t buf[BUF_BYTES];

    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        size_t len = protected_rtp(p.a, buf, 7, (uint16_t)(30000 + i));
        if (i % 2 == 0) /* every other one is lost, the ones around the wraps too */
            assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &len), 0);
    }
    pair_free(&p);
}

static void protecting_without_room_is_refused(void **state)
{
    struct pair p = pair_new(0);
    uint8_t buf[BUF_BYTES];
    size_t len = write_rtp(buf, 7, 1);

    (void)state;
    assert_int_equal(rtpsec_protect_rtp(p.a, buf, &len, len + PACKET_TAILROOM_BYTES - 1),
                     E_INVALID);
    assert_int_equal(rtpsec_protect_rtp(p.a, buf, &len, len - 1), E_INVALID);
    pair_free(&p);
}

static void a_sequence_number_is_encrypted_once(void **state)
{
    struct pair p = pair_new(0);
    uint8_t buf[BUF_BYTES];
    size_t len = 0;

    (void)state;
    (void)protected_rtp(p.a, buf, 7, 1);
    len = write_rtp(buf, 7, 1);
    assert_int_equal(rtpsec_protect_rtp(p.a, buf, &len, sizeof(buf)), E_REPLAY);
    pair_free(&p);
}

static void keys_of_no_known_profile_are_refused(void **state)
{
    struct srtp_keys keys;
    struct rtpsec *s = NULL;

    (void)state;
    make_keys(&keys, 0, true);
    keys.profile = SRTP_PROFILE_NONE;
    assert_int_equal(rtpsec_new(&s, &keys), E_CRYPTO);
    make_keys(&keys, 0, true);
    keys.key_bytes = 5;
    assert_int_equal(rtpsec_new(&s, &keys), E_CRYPTO);
    assert_null(s);
}

/* The last numbers of a key, and none behind them. */
static void a_key_ends_after_all_its_packets(void **state)
{
    struct pair p = pair_new(0);
    uint8_t buf[BUF_BYTES];
    size_t len = protected_rtp(p.a, buf, 7, 65533);

    (void)state;
    assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &len), 0);
    p.a->out.sources[0].rtp->newest = p.b->in.sources[0].rtp->newest = (1ull << 48) - 3;
    for (uint16_t seq = 65534; seq != 0; seq++) {
        len = protected_rtp(p.a, buf, 7, seq);
        assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &len), 0);
    }
    len = write_rtp(buf, 7, 0);
    assert_int_equal(rtpsec_protect_rtp(p.a, buf, &len, sizeof(buf)), E_LIMIT);
    len += 16;
    assert_int_equal(rtpsec_unprotect_rtp(p.b, buf, &len), E_LIMIT);

    p.a->rtcp_sent_index = 0x7ffffffe;
    len = write_rtcp(buf, 7);
    assert_int_equal(rtpsec_protect_rtcp(p.a, buf, &len, sizeof(buf)), 0);
    assert_int_equal(rtpsec_unprotect_rtcp(p.b, buf, &len), 0);
    assert_int_equal(rtpsec_protect_rtcp(p.a, buf, &len, sizeof(buf)), E_LIMIT);
    pair_free(&p);
}

static void half_a_cycle_is_guessed_as_the_rfc_says(void **state)
{
    static const struct {
        uint64_t newest;
        uint16_t seq;
        uint64_t index;
    } rows[] = {
        {5, 65535, 65535},             /* there is no cycle before the first */
        {65536 + 5, 65535, 65535},     /* late */
        {65535, 0, 65536},             /* the wrap */
        {100, 32868, 32868},           /* half a cycle ahead stays in this one */
        {65536 + 100, 32868, 98404},   /* and so does it later */
        {65536 + 100, 32869, 32869},   /* one more is late */
        {65536 + 40000, 7232, 72768},  /* half a cycle back as well */
        {65536 + 40000, 7231, 138303}, /* one more is ahead */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p = pair_new(0);
        uint8_t buf[BUF_BYTES];
        size_t len = protected_rtp(p.a, buf, 7, 1);
        p.a->out.sources[0].rtp->newest = rows[i].newest;
        len = write_rtp(buf, 7, rows[i].seq);
        int err = rtpsec_protect_rtp(p.a, buf, &len, sizeof(buf));
        if (rows[i].index > rows[i].newest) {
            assert_int_equal(err, 0);
            assert_true(p.a->out.sources[0].rtp->newest == rows[i].index);
        } else { /* behind the window: seen as what it is */
            assert_int_equal(err, rows[i].newest - rows[i].index < 1024 ? 0 : E_REPLAY);
            assert_true(p.a->out.sources[0].rtp->newest == rows[i].newest);
        }
        pair_free(&p);
    }
}

static void lack_of_memory_loses_the_packet_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(i);
        struct srtp_keys keys;
        struct rtpsec *none = NULL;
        uint8_t good[BUF_BYTES], buf[BUF_BYTES];
        size_t good_len = protected_rtp(p.a, good, 7, 5), len = good_len;
        unsigned failures = 0;

        make_keys(&keys, i, true);
        mem_fail_nth(1);
        assert_int_equal(rtpsec_new(&none, &keys), E_NO_MEMORY);
        for (uint64_t nth = 1;; nth++, failures++) {
            memcpy(buf, good, good_len);
            len = good_len;
            mem_fail_nth(nth);
            int err = rtpsec_unprotect_rtp(p.b, buf, &len);
            mem_fail_nth(0);
            if (err == 0)
                break;
            assert_int_equal(err, E_NO_MEMORY);
            assert_int_equal(p.b->in.count, 0);
        }
        assert_true(failures > 0);
        pair_free(&p);
    }
}

/* Who only watches sends reports of one SSRC and gets some. */
static void a_viewer_is_small(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(i);
        struct srtp_keys keys;
        struct rtpsec *server = NULL;
        uint8_t buf[BUF_BYTES];
        size_t len = 0;
        int64_t before = mem_live_bytes(), after = 0;

        make_keys(&keys, i, false);
        assert_int_equal(rtpsec_new(&server, &keys), 0);
        len = write_rtcp(buf, 2);
        assert_int_equal(rtpsec_protect_rtcp(server, buf, &len, sizeof(buf)), 0);
        after = mem_live_bytes();
        len = write_rtcp(buf, 1);
        assert_int_equal(rtpsec_protect_rtcp(p.a, buf, &len, sizeof(buf)), 0);
        before += mem_live_bytes() - after; /* the endpoint's own */
        assert_int_equal(rtpsec_unprotect_rtcp(server, buf, &len), 0);
        assert_in_range(mem_live_bytes() - before, 1, 2048);
        rtpsec_free(&server);
        pair_free(&p);
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
        cmocka_unit_test(media_and_reports_pass_both_ways_with_every_profile),
        cmocka_unit_test(replays_are_refused_and_reordering_is_not),
        cmocka_unit_test(what_is_older_than_the_window_counts_as_replay),
        cmocka_unit_test(replayed_reports_are_refused),
        cmocka_unit_test(any_changed_byte_is_refused),
        cmocka_unit_test(any_changed_byte_of_a_report_is_refused),
        cmocka_unit_test(every_cut_packet_is_refused),
        cmocka_unit_test(headers_that_claim_more_than_there_is_are_malformed),
        cmocka_unit_test(foreign_keys_fail_authentication),
        cmocka_unit_test(every_short_packet_is_malformed),
        cmocka_unit_test(ssrcs_past_the_limit_are_dropped_and_known_ones_go_on),
        cmocka_unit_test(forged_ssrcs_use_up_nothing),
        cmocka_unit_test(sequence_numbers_wrap_under_loss),
        cmocka_unit_test(protecting_without_room_is_refused),
        cmocka_unit_test(a_sequence_number_is_encrypted_once),
        cmocka_unit_test(keys_of_no_known_profile_are_refused),
        cmocka_unit_test(a_key_ends_after_all_its_packets),
        cmocka_unit_test(half_a_cycle_is_guessed_as_the_rfc_says),
        cmocka_unit_test(lack_of_memory_loses_the_packet_only),
        cmocka_unit_test(a_viewer_is_small),
    };
    int failed = 0;

    /* With OpenSSL's ciphers, then with the fastest of this machine. */
    failed = cmocka_run_group_tests_name("openssl", tests, NULL, no_block_is_left);
    if (rtpsec_library_init() != 0)
        return 1;
    failed += cmocka_run_group_tests_name("fastest", tests, NULL, no_block_is_left);
    rtpsec_library_fini();
    return failed;
}
