/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whip.c - the broadcaster's side.
 *
 * Who broadcasts again under the same identity replaces himself: encoders that lost the network come back with a new POST, and
 * the old session would stand in the way for as long as its consent lasts. Therefore a bad offer must be found out before
 * anybody is replaced.
 */
#include "api/whip.h"

#include "core/err.h"
#include "rooms/negotiation.h"

#define DEFAULT_IDENTITY "broadcaster" /* in development mode */

/* A token may allow some sources only. */
static int check_sources(const struct grants *g, struct str answer, struct refusal *why)
{
    static const struct {
        const char *line;
        enum track_source source;
    } rows[] = {{"m=audio", TRACK_SOURCE_MICROPHONE}, {"m=video", TRACK_SOURCE_CAMERA}};

    while (answer.len > 0) {
        struct str line = str_cut(&answer, '\n');

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            if (str_starts(line, str_of(rows[i].line)) &&
                (g->permissions.publish_sources & 1u << rows[i].source) == 0)
                return refuse(why, E_DENIED, "token", "the token does not grant to publish a %s",
                              track_source_name(rows[i].source));
    }
    return 0;
}

static int check(const struct wish_call *call, struct refusal *why)
{
    struct sdp_error reason = {0};
    struct strbuf answer;
    int err;

    strbuf_init(&answer, MAX_SDP_BYTES);
    err = negotiation_try_offer(call->registry, call->request->body, &answer, &reason);
    if (err != 0) {
        (void)refuse(why, err, "sdp", "%s", reason.text[0] ? reason.text : err_text(err));
        why->line = reason.line;
        (void)wish_refuse_offer(why, err);
    } else {
        struct str text = {answer.p, answer.len};

        err = wish_check_answer(&whip_kind, text, why);
        if (err == 0)
            err = check_sources(&call->grants, text, why);
    }
    strbuf_fini(&answer);
    return err;
}

static void fill(const struct wish_call *call, struct join_request *join)
{
    const struct http_request *request = call->request;

    join->role = JOIN_BROADCASTER;
    if (request->identity[0] != 0)
        join->identity = request->identity;
    else if (join->token[0] == 0)
        join->identity = DEFAULT_IDENTITY;
}

const struct wish_kind whip_kind = {
    .prefix = "/whip/",
    .direction = "recvonly",
    .misfit = "nothing is sent on it, or no codec is known here, or it is on another transport "
              "than the first (BUNDLE)",
    .check = check,
    .fill = fill,
};
