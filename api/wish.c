/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wish.c - a request finds its resource by path, shows that it may, and is answered: everything of HTTP that WHIP and WHEP
 * share.
 *
 * The URL of a session is a secret of its own (RFC 9725 s5): who has it may PATCH and DELETE without a token, which may have
 * run out long before the broadcast ends.
 */
#include "api/wish.h"

#include <stdio.h>
#include <string.h>

#include "api/http_path.h"
#include "api/origin.h"
#include "api/problem.h"
#include "api/sdpfrag.h"
#include "api/whep.h"
#include "api/whip.h"
#include "api/wish_internal.h"
#include "api/wish_resource.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"
#include "rooms/registry.h"

#define PREFLIGHT_MAX_AGE_S "600"
#define LOCATION_LEN (8 + 3 * MAX_ROOM_NAME_LEN + 64)

static const struct wish_kind *const kinds[] = {&whip_kind, &whep_kind};

/* ---- requests in general ---- */

static int refuse_with(struct refusal *why, unsigned status, int err, const char *sentence)
{
    (void)refuse(why, err, NULL, "%s", sentence);
    why->status = status;
    return err;
}

static struct str bearer_token(const struct http_request *request)
{
    struct str value = str_trim(str_of(request->authorization)), scheme = str_cut(&value, ' ');

    return str_eq_nocase(scheme, STR("Bearer")) ? str_trim(value) : (struct str){"", 0};
}

static int admit(struct wish_call *call, struct refusal *why)
{
    return sessions_admit(call->wish->sessions, bearer_token(call->request), &call->grants, why);
}

static int check_content_type(const struct wish_call *call, const char *wanted, struct refusal *why)
{
    struct str type = str_of(call->request->content_type),
               media_type = str_trim(str_cut(&type, ';'));

    if (str_eq_nocase(media_type, str_of(wanted)))
        return 0;
    (void)refuse(why, E_UNSUPPORTED, NULL, "the body must be %s", wanted);
    why->status = 415;
    return E_UNSUPPORTED;
}

/* RFC 9110 s12.5.1; weights are not looked at, we have one type to give. */
static int check_accept(const struct wish_call *call, struct refusal *why)
{
    struct str list = str_of(call->request->accept);

    if (list.len == 0)
        return 0;
    while (list.len > 0) {
        struct str item = str_cut(&list, ','), type = str_trim(str_cut(&item, ';'));

        if (str_eq(type, STR("*/*")) || str_eq_nocase(type, STR("application/*")) ||
            str_eq_nocase(type, STR(WISH_SDP_TYPE)))
            return 0;
    }
    return refuse_with(why, 406, E_UNSUPPORTED,
                       "the answer is " WISH_SDP_TYPE ", which the Accept header leaves out");
}

int wish_refuse_offer(struct refusal *why, int err)
{
    if (err == E_UNSUPPORTED)
        why->status = 406;
    else if (err == E_LIMIT)
        why->status = 422;
    return err;
}

/* A section of an answer while its lines are read. */
struct section {
    unsigned number;
    struct str media;
    bool is_rejected;
};

static int refuse_section(const struct wish_kind *kind, const struct section *s,
                          struct refusal *why)
{
    (void)refuse(why, E_UNSUPPORTED, "sdp", "m-section %u (%.*s) cannot be used: %s", s->number,
                 (int)s->media.len, s->media.p, kind->misfit);
    why->status = 406;
    return E_UNSUPPORTED;
}

static bool is_direction(struct str line)
{
    return str_eq(line, STR("a=sendrecv")) || str_eq(line, STR("a=sendonly")) ||
           str_eq(line, STR("a=recvonly")) || str_eq(line, STR("a=inactive"));
}

/* RFC 9725 s4.4.3: better no session than half of one. Sections that are neither audio nor video are nobody's loss. */
int wish_check_answer(const struct wish_kind *kind, struct str answer, struct refusal *why)
{
    struct section s = {0};

    while (answer.len > 0) {
        struct str line = str_cut(&answer, '\n');

        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        if (str_starts(line, STR("m="))) {
            struct str rest = {line.p + 2, line.len - 2};
            s.number++;
            s.media = str_cut(&rest, ' ');
            s.is_rejected = str_eq(str_cut(&rest, ' '), STR("0"));
        } else if (s.number > 0 && is_direction(line)) {
            bool is_media = str_eq(s.media, STR("audio")) || str_eq(s.media, STR("video"));
            struct str direction = {line.p + 2, line.len - 2};
            if (is_media && (s.is_rejected || !str_eq_c(direction, kind->direction)))
                return refuse_section(kind, &s, why);
        }
    }
    return 0;
}

/* ---- POST ---- */

static void write_location(const struct wish_call *call, const char *id, char out[LOCATION_LEN])
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t len = (size_t)snprintf(out, LOCATION_LEN, "%s", call->kind->prefix);

    for (const char *c = call->room; *c; c++)
        len += (size_t)snprintf(out + len, LOCATION_LEN - len, strchr(plain, *c) ? "%c" : "%%%02X",
                                (unsigned char)*c);
    (void)snprintf(out + len, LOCATION_LEN - len, "/%s", id);
}

static void reply_created(const struct wish_call *call, const struct wish_resource *r,
                          const char *answer)
{
    char location[LOCATION_LEN];
    struct strbuf links;
    struct http_response response = {.status = 201,
                                     .content_type = WISH_SDP_TYPE,
                                     .body = mem_strdup(answer),
                                     .body_len = strlen(answer),
                                     .header = {{"location", location},
                                                {"etag", wish_resource_etag(r)},
                                                {"accept-patch", WISH_SDPFRAG_TYPE}}};

    write_location(call, wish_resource_id(r), location);
    strbuf_init(&links, MAX_LINK_HEADER_BYTES);
    wish_write_links(call->wish->config,
                     participant_id(session_participant(wish_resource_session(r))), &links);
    if (links.len > 0)
        wish_add_header(&response, "link", links.p);
    wish_reply(call, &response);
    strbuf_fini(&links);
}

/* What can be said before anything changes. */
static int check_post(struct wish_call *call, struct refusal *why)
{
    int err;

    if (registry_is_draining(call->registry))
        return refuse_with(why, 503, E_STATE, "the server is shutting down");
    err = admit(call, why);
    if (err == 0)
        err = check_content_type(call, WISH_SDP_TYPE, why);
    if (err == 0)
        err = check_accept(call, why);
    if (err == 0 && call->request->body.len == 0)
        return refuse_with(
            why, 422, E_MALFORMED,
            "the body is empty: this server answers offers and makes none, so POST an offer");
    if (err == 0 && call->kind->check != NULL)
        err = call->kind->check(call, why);
    return err;
}

static int offer(const struct wish_call *call, struct wish_resource *r, const char **answer,
                 struct refusal *why)
{
    struct offer_result result;
    int err = session_offer(wish_resource_session(r), call->request->body, NULL, 0, &result, why);

    if (err != 0)
        return wish_refuse_offer(why, err);
    *answer = result.answer;
    return wish_check_answer(call->kind, str_of(result.answer), why);
}

static int post(struct wish_call *call, struct refusal *why)
{
    char token[MAX_TOKEN_BYTES + 1];
    struct join_request join = {.room = call->room, .token = token};
    struct wish_resource *r = NULL;
    const char *answer = NULL;
    int err = check_post(call, why);

    if (err != 0)
        return err;
    if (!str_copy(token, sizeof(token), bearer_token(call->request)))
        return refuse_with(why, 401, E_AUTH, "the token is too long");
    call->kind->fill(call, &join);
    err =
        wish_resource_join(call->wish->resources, call->kind, call->wish->sessions, &join, &r, why);
    mem_wipe(token, sizeof(token));
    if (err == E_STATE)
        why->status = 503;
    if (err != 0)
        return err;
    err = offer(call, r, &answer, why);
    if (err != 0) {
        wish_resource_end(&r);
        return err;
    }
    wish_resource_publish(r);
    reply_created(call, r, answer);
    return 0;
}

/* ---- PATCH ---- */

/* RFC 9110 s13.1.1: "*", also in the quotes that early drafts had around it, or a list of entity tags. */
static bool is_match(const char *if_match, const char *etag)
{
    struct str list = str_of(if_match);

    while (list.len > 0) {
        struct str item = str_trim(str_cut(&list, ','));

        if (str_eq(item, STR("*")) || str_eq(item, STR("\"*\"")) || str_eq_c(item, etag))
            return true;
    }
    return false;
}

static int check_precondition(const struct wish_call *call, struct refusal *why)
{
    const char *if_match = call->request->if_match;

    if (if_match[0] == 0)
        return refuse_with(
            why, 428, E_STATE,
            "If-Match is missing: the entity tag of the ICE session, or * to restart ICE");
    if (!is_match(if_match, wish_resource_etag(call->resource)))
        return refuse_with(why, 412, E_CONFLICT,
                           "If-Match names an ICE session that is not the one of now");
    return 0;
}

static int trickle(const struct wish_call *call, const struct sdpfrag *frag, struct refusal *why)
{
    struct session *s = wish_resource_session(call->resource);

    for (size_t i = 0; i < frag->candidate_count; i++)
        if (session_trickle(s, frag->candidate[i].value, why) != 0) {
            unsigned line = frag->candidate[i].line;

            (void)refuse(why, E_MALFORMED, NULL, "line %u: the candidate cannot be read", line);
            why->line = line;
            return E_MALFORMED;
        }
    return 0;
}

/* *is_new: false when the credentials are those of now. */
static int restart(const struct wish_call *call, const struct sdpfrag *frag,
                   struct ice_credentials *local, bool *is_new, struct refusal *why)
{
    struct ice_credentials remote;

    *is_new = false;
    if (frag->ufrag.len == 0)
        return 0;
    if (!str_copy(remote.ufrag, sizeof(remote.ufrag), frag->ufrag) ||
        !str_copy(remote.pwd, sizeof(remote.pwd), frag->pwd))
        return refuse(why, E_MALFORMED, NULL, "the ICE credentials are too long");
    return session_restart_ice(wish_resource_session(call->resource), &remote, local, is_new, why);
}

static void reply_restarted(const struct wish_call *call, const struct ice_credentials *local)
{
    struct participant *p = session_participant(wish_resource_session(call->resource));
    struct http_response response = {.status = 200, .content_type = WISH_SDPFRAG_TYPE};
    struct strbuf text;

    strbuf_init(&text, MAX_SDPFRAG_BYTES);
    sdpfrag_write_restart(str_of(participant_answer(p)), local->ufrag, local->pwd, &text);
    wish_resource_restarted(call->resource);
    wish_add_header(&response, "etag", wish_resource_etag(call->resource));
    response.body_len = text.len;
    response.body = strbuf_take(&text);
    wish_reply(call, &response);
}

static int patch(struct wish_call *call, struct refusal *why)
{
    struct ice_credentials local;
    struct sdpfrag frag;
    bool is_new = false;
    int err = check_content_type(call, WISH_SDPFRAG_TYPE, why);

    if (!wish_resource_count_patch(call->resource))
        return refuse_with(why, 429, E_LIMIT, "too many requests for this session");
    if (err == 0)
        err = check_precondition(call, why);
    if (err == 0) {
        err = sdpfrag_parse(&frag, call->request->body, why);
        if (err == E_LIMIT)
            why->status = 422;
    }
    if (err == 0)
        err = trickle(call, &frag, why);
    if (err == 0)
        err = restart(call, &frag, &local, &is_new, why);
    if (err != 0)
        return err;
    if (is_new)
        reply_restarted(call, &local);
    else
        wish_reply(call, &(struct http_response){.status = 204});
    return 0;
}

/* ---- DELETE, OPTIONS, GET ---- */

static void delete_session(struct wish_call *call)
{
    wish_resource_end(&call->resource);
    wish_reply(call, &(struct http_response){.status = 200});
}

/* Who shows that he may publish or play is told the servers here, too: some clients cannot set them later. A browser's preflight
 * brings no Authorization. */
static void answer_options(struct wish_call *call)
{
    struct http_response response = {
        .status = 200,
        .header = {
            {"access-control-allow-methods", "POST, PATCH, DELETE, GET, HEAD, OPTIONS"},
            {"access-control-allow-headers", "authorization, content-type, if-match, etag, link"},
            {"access-control-max-age", PREFLIGHT_MAX_AGE_S},
            {"allow", wish_allowed(call)},
            {"accept-post", WISH_SDP_TYPE},
            {"accept-patch", WISH_SDPFRAG_TYPE}}};
    struct strbuf links;
    struct refusal why;

    strbuf_init(&links, MAX_LINK_HEADER_BYTES);
    if (call->request->authorization[0] != 0 && admit(call, &why) == 0)
        wish_write_links(call->wish->config, call->grants.identity[0] ? "client" : "guest", &links);
    if (links.len > 0)
        wish_add_header(&response, "link", links.p);
    wish_reply(call, &response);
    strbuf_fini(&links);
}

/* ---- routes ---- */

static bool read_path(struct wish_call *call)
{
    char prefix[8];
    struct str path = str_of(call->request->path);

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_starts(path, str_of(kinds[i]->prefix)))
            call->kind = kinds[i];
    if (call->kind == NULL || !http_path_next_segment(&path, prefix, sizeof(prefix)) ||
        !http_path_next_segment(&path, call->room, sizeof(call->room)))
        return false;
    if (path.len > 0 && !http_path_next_segment(&path, call->target, sizeof(call->target)))
        return false;
    if (call->target[0] != 0)
        call->resource =
            wish_resource_find(call->wish->resources, call->kind, call->room, call->target);
    return path.len == 0;
}

static int refuse_method(const struct wish_call *call, struct refusal *why)
{
    (void)refuse(why, E_UNSUPPORTED, NULL, "%s is not possible here, but %s",
                 http_method_name(call->request->method), wish_allowed(call));
    why->status = 405;
    return E_UNSUPPORTED;
}

static int serve(struct wish_call *call, struct refusal *why)
{
    bool is_endpoint = call->resource == NULL && (call->target[0] == 0 || call->kind->takes_target);
    bool is_for_session =
        call->request->method == HTTP_PATCH || call->request->method == HTTP_DELETE;

    if (!origin_is_served(call->wish->config, call->request->origin, call->request->host))
        return refuse(why, E_DENIED, NULL,
                      "in development mode pages of other sites may not use the API");
    if (call->target[0] != 0 && call->resource == NULL && (!is_endpoint || is_for_session))
        return refuse(why, E_NOT_FOUND, NULL, "there is no such session (any more)");
    switch (call->request->method) {
    case HTTP_POST:
        return is_endpoint ? post(call, why) : refuse_method(call, why);
    case HTTP_PATCH:
        return call->resource != NULL ? patch(call, why) : refuse_method(call, why);
    case HTTP_DELETE:
        if (call->resource == NULL)
            return refuse_method(call, why);
        delete_session(call);
        return 0;
    case HTTP_GET: /* RFC 9725 s4.1: there is nothing to show, and that is a success */
    case HTTP_HEAD:
        wish_reply(call, &(struct http_response){.status = 204});
        return 0;
    default:
        return refuse_method(call, why);
    }
}

void wish_serve(struct wish *w, struct http_exchange *x, const struct http_request *request)
{
    struct wish_call call = {.wish = w, .registry = w->registry, .x = x, .request = request};
    struct refusal why;
    int err;

    if (!read_path(&call)) {
        (void)refuse(&why, E_NOT_FOUND, NULL, "there is no such resource");
        wish_reply_refusal(&call, &why);
        return;
    }
    if (request->method == HTTP_OPTIONS) {
        answer_options(&call);
        return;
    }
    err = serve(&call, &why);
    if (err != 0) {
        log_debug(LOG_API, NULL, "%s %s is refused: %u, %s", http_method_name(request->method),
                  call.kind->prefix, problem_status(&why), why.text);
        wish_reply_refusal(&call, &why);
    }
}

bool wish_owns(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strncmp(path, kinds[i]->prefix, strlen(kinds[i]->prefix)) == 0)
            return true;
    return false;
}

/* ---- life ---- */

struct wish *wish_new(const struct config *config, struct registry *registry,
                      struct sessions *sessions, struct worker *control)
{
    struct wish *w = MEM_NEW(struct wish);

    w->config = config;
    w->registry = registry;
    w->sessions = sessions;
    w->resources = wish_resources_new(config, control);
    return w;
}

void wish_free(struct wish **wp)
{
    struct wish *w = *wp;

    if (w == NULL)
        return;
    *wp = NULL;
    wish_resources_free(&w->resources);
    mem_free(w);
}
