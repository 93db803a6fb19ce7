/* SPDX-License-Identifier: Apache-2.0 */
/* offers.h - pieces of offers, and a jsep to answer them with. */
#pragma once

#include <string.h>

#include "core/addr.h"
#include "core/err.h"
#include "core/rng.h"
#include "transport/jsep.h"

#define SESSION_HEAD "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define BUNDLE(mids) "a=group:BUNDLE " mids "\r\n"
#define UFRAG "a=ice-ufrag:abcd\r\n"
#define PWD "a=ice-pwd:0123456789abcdefghijkl\r\n"
#define DIGEST                                                                                   \
    "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:" \
    "CD:EF"
#define FINGERPRINT "a=fingerprint:sha-256 " DIGEST "\r\n"
#define ACTPASS "a=setup:actpass\r\n"
#define MUX "a=rtcp-mux\r\n"
#define TRANSPORT UFRAG PWD FINGERPRINT ACTPASS MUX

#define AUDIO_LINE "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
#define VIDEO_LINE "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\n"
#define OPUS "a=rtpmap:111 opus/48000/2\r\n"
#define VP8_RTX "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
#define RID_EXTS                                         \
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" \
    "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"

/* Whole sections; `rest` is more lines of them. */
#define AUDIO(mid, rest) AUDIO_LINE "a=mid:" mid "\r\n" TRANSPORT OPUS rest
#define VIDEO(mid, rest) VIDEO_LINE "a=mid:" mid "\r\n" TRANSPORT VP8_RTX rest
#define STOPPED(media, mid) \
    "m=" media " 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:" mid "\r\n"

#define MAX_ANSWER_LEN (1024 * 1024)

/* An answerer with two candidates, and what its last offer led to. */
struct answerer {
    struct rng rng;
    struct candidate candidate[2];
    struct jsep *jsep;
    struct strbuf answer;
    const struct jsep_result *result;
    struct sdp_error why;
};

static inline void answerer_init(struct answerer *a)
{
    static const enum candidate_protocol protocol[] = {CANDIDATE_UDP, CANDIDATE_TCP};

    memset(a, 0, sizeof *a);
    rng_seed(&a->rng, 1);
    for (size_t i = 0; i < 2; i++) {
        struct candidate *c = &a->candidate[i];
        *c = (struct candidate){
            .foundation = "1", .component = 1, .protocol = protocol[i], .type = CANDIDATE_HOST};
        c->tcptype = protocol[i] == CANDIDATE_TCP ? CANDIDATE_TCP_PASSIVE : CANDIDATE_TCP_NONE;
        c->priority = candidate_priority(CANDIDATE_HOST, protocol[i], 65535);
        c->addr = (struct addr){.ip = {192, 0, 2, 1}, .port = 40000, .family = 4};
    }
    const struct jsep_config config = {
        .fingerprint = {.hash = "sha-256", .value = {1, 2, 3}, .len = 32},
        .candidate = a->candidate,
        .candidate_count = 2,
        .rng = &a->rng};
    a->jsep = jsep_new(&config);
    strbuf_init(&a->answer, MAX_ANSWER_LEN);
}

static inline void answerer_fini(struct answerer *a)
{
    jsep_free(&a->jsep);
    strbuf_fini(&a->answer);
}

static inline int allow_all(const struct transceiver *t, char msid[MAX_MSID_LEN + 1], void *arg)
{
    (void)t;
    (void)msid;
    (void)arg;
    return 0;
}

/* Answer one more offer, ready to send wherever the client receives. */
static inline int answerer_take(struct answerer *a, const char *offer)
{
    static const struct jsep_policy policy = {.may_send = allow_all};

    strbuf_clear(&a->answer);
    return jsep_answer(a->jsep, str_of(offer), &policy, NULL, &a->answer, &a->result, &a->why);
}

static inline bool answerer_said(const struct answerer *a, const char *text)
{
    return a->answer.p && strstr(a->answer.p, text) != NULL;
}
