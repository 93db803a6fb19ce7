/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_jsep.c - one or more offers, separated by a NUL, through one answerer. Every answer must be a description that our own
 * parser takes, with as many m-sections as the offer, and a refused offer must not change the session.
 */
#include <stdint.h>
#include <string.h>

#include "core/check.h"
#include "core/rng.h"
#include "transport/jsep.h"

#define MAX_OFFERS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int may_send(const struct transceiver *t, char msid[MAX_MSID_LEN + 1], void *arg)
{
    (void)t;
    (void)msid;
    (void)arg;
    return 0;
}

static void check_answer(const struct strbuf *answer, const struct jsep_result *r)
{
    struct sdp *s = NULL;
    struct sdp_error why;

    if (answer->len > MAX_SDP_BYTES)
        return; /* hundreds of sections: more than we would take ourselves */
    CHECK(sdp_parse(&s, answer->p, answer->len, &why) == 0);
    CHECK(s->section_count == r->transceiver_count);
    for (size_t i = 0; i < s->section_count; i++)
        CHECK((s->section[i].port == 0) == r->transceiver[i].rejected);
    sdp_free(&s);
}

static void take(struct jsep *j, struct str offer, const struct jsep_result **result)
{
    static const struct jsep_policy policy = {.may_send = may_send};
    const struct jsep_result *before = *result;
    struct sdp_error why;
    struct strbuf answer;

    strbuf_init(&answer, MAX_SDP_BYTES * 8);
    if (jsep_answer(j, offer, &policy, NULL, &answer, result, &why) == 0)
        check_answer(&answer, *result);
    else
        CHECK(answer.len == 0 && *result == before && why.text[0] != 0);
    strbuf_fini(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rng rng;
    const struct candidate candidate = {.foundation = "1",
                                        .component = 1,
                                        .priority = 1,
                                        .addr = {.ip = {192, 0, 2, 1}, .port = 40000, .family = 4}};
    const struct jsep_config config = {.fingerprint = {.hash = "sha-256", .len = 32},
                                       .candidate = &candidate,
                                       .candidate_count = 1,
                                       .rng = &rng};
    const struct jsep_result *result = NULL;
    struct str rest = {(const char *)data, size};

    rng_seed(&rng, 1);
    struct jsep *j = jsep_new(&config);
    for (int i = 0; i < MAX_OFFERS && rest.len > 0; i++)
        take(j, str_cut(&rest, 0), &result);
    jsep_free(&j);
    return 0;
}
