/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_stun.c - a dialogue of STUN messages with one ICE object that has credentials on both sides.
 *
 * The input is a row of records: what to do (bits below), the number of the path, two bytes of length, that many bytes of
 * message. No fuzzer guesses an HMAC, so on request the message gets a true one, and a FINGERPRINT, behind its last byte.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <stun/stunagent.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/wire.h"
#include "transport/ice.h"

#define DO_SIGN 1u
#define DO_FINGERPRINT 2u
#define DO_RESTART 4u
#define DO_FORGET 8u
#define DO_SIGN_AS_OLD 16u

#define MAX_MESSAGE_BYTES 1400
#define TRAILER_BYTES 32 /* MESSAGE-INTEGRITY and FINGERPRINT */

static const struct ice_credentials ours[2] = {{"ourUfrag", "ourPasswordourPassword12"},
                                               {"ourUfrg2", "secondPasswordsecondPass"}};
static const struct ice_credentials theirs[2] = {{"thUf", "theirPasswordtheirPasswo"},
                                                 {"thU2", "theirSecondtheirSecond12"}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Append what is asked for; returns the new length. The buffer has TRAILER_BYTES of room. */
static size_t finish(uint8_t *message, size_t len, unsigned what, const char *pwd)
{
    static const uint16_t none[] = {0};
    StunAgent agent;
    StunMessage msg = {.agent = &agent, .buffer = message, .buffer_len = len + TRAILER_BYTES};
    bool signs = (what & DO_SIGN) != 0;

    if ((what & (DO_SIGN | DO_FINGERPRINT)) == 0 || len < 20 || len % 4 != 0)
        return len;
    stun_agent_init(&agent, none, STUN_COMPATIBILITY_RFC5389,
                    (what & DO_FINGERPRINT) != 0 ? STUN_AGENT_USAGE_USE_FINGERPRINT : 0);
    wire_put_u16(message + 2, (uint16_t)(len - 20));
    memcpy(message + 4, "\x21\x12\xa4\x42", 4);
    size_t finished = stun_agent_finish_message(&agent, &msg, (const uint8_t *)(signs ? pwd : NULL),
                                                signs ? strlen(pwd) : 0);

    CHECK(finished > 0);
    return finished;
}

static void check_paths(const struct ice *ice)
{
    struct path paths[MAX_PATHS_PER_TRANSPORT + 1];
    const struct path *selected = ice_selected(ice);
    size_t count = ice_paths(ice, paths, ARRAY_LEN(paths));

    CHECK(count <= MAX_PATHS_PER_TRANSPORT);
    for (size_t i = 0; i < count; i++)
        CHECK(ice_is_validated(ice, &paths[i]));
    CHECK(selected == NULL || ice_is_validated(ice, selected));
}

static void check_outcome(const struct ice *ice, const struct ice_outcome *out,
                          const struct path *from, const uint8_t *message, size_t len)
{
    char ufrag[MAX_ICE_CREDENTIAL_LEN + 1];
    bool has_ufrag = ice_peek_ufrag(message, len, ufrag);

    CHECK(out->reply_bytes <= ICE_MIN_REPLY_BYTES);
    CHECK(!out->is_selected_new || (out->is_authenticated && path_eq(ice_selected(ice), from)));
    if (out->is_authenticated) {
        CHECK(out->reply_bytes > 0 && ice_is_validated(ice, from));
        CHECK(has_ufrag && strncmp(ufrag, "ourUf", 5) == 0);
    }
    check_paths(ice);
}

static void take(struct ice *ice, const struct path *from, const uint8_t *bytes, size_t len,
                 unsigned what, uint64_t now_us)
{
    uint8_t scratch[MAX_MESSAGE_BYTES + TRAILER_BYTES];
    uint8_t reply[ICE_MIN_REPLY_BYTES];
    const char *pwd = ice_has_ufrag(ice, ours[1].ufrag) && (what & DO_SIGN_AS_OLD) == 0
                          ? ours[1].pwd
                          : ours[0].pwd;

    memcpy(scratch, bytes, len);
    len = finish(scratch, len, what, pwd);
    uint8_t *exact = mem_alloc(len + 1); /* ends where the message ends */

    memcpy(exact + 1, scratch, len);
    struct ice_outcome out = ice_input(ice, from, exact + 1, len, reply, sizeof(reply), now_us);

    check_outcome(ice, &out, from, exact + 1, len);
    mem_free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(data, size);
    struct stun_responder *responder = stun_responder_new();
    struct ice *ice = ice_new(responder, &ours[0], 15000000, 0);
    uint64_t now_us = 0;

    CHECK(ice != NULL);
    ice_set_remote(ice, &theirs[0]);
    while (reader_left(&r) >= 4) {
        unsigned what = reader_u8(&r);
        struct path from = {.remote = {.ip = {192, 0, 2, reader_u8(&r)}, .port = 9, .family = 4}};
        size_t told = reader_u16(&r);
        size_t len = MIN(MIN(told, MAX_MESSAGE_BYTES), reader_left(&r));

        if ((what & DO_RESTART) != 0)
            ice_restart(ice, &ours[1], &theirs[1], now_us);
        if ((what & DO_FORGET) != 0)
            (void)ice_forget_path(ice, &from);
        now_us += 400000;
        take(ice, &from, reader_bytes(&r, len), len, what, now_us);
    }
    ice_free(&ice);
    stun_responder_free(&responder);
    return 0;
}
