/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/ice.h"

#include <string.h>
#include <sys/socket.h>

#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/prefetch.h"
#include "core/wire.h"
#include "transport/path_set.h"

#define STUN_HEADER_BYTES 20
#define STUN_CLASS_MASK 0x0110u /* RFC 8489 s5: the two class bits of the message type */
#define STUN_CLASS_REQUEST 0x0000u
#define STUN_CLASS_INDICATION 0x0010u
#define STUN_BINDING_REQUEST 0x0001u
#define STUN_INTEGRITY_BYTES 20 /* HMAC-SHA1 */

/* What a check may carry of the attributes that must be understood (RFC 8445 s16.1); others are answered with 420. */
static const uint16_t known_attributes[] = {
    STUN_ATTRIBUTE_USERNAME,      STUN_ATTRIBUTE_MESSAGE_INTEGRITY,  STUN_ATTRIBUTE_PRIORITY,
    STUN_ATTRIBUTE_USE_CANDIDATE, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, 0,
};

struct stun_responder {
    StunAgent agent;
};

/* The credentials of both sides between two restarts. */
struct generation {
    struct ice_credentials local, remote;
    bool has_remote;
    bool is_nominated; /* a path was nominated under them */
};

struct ice {
    struct stun_responder *responder;
    struct generation current;
    struct generation *old; /* during a restart; they are a kilobyte */
    bool is_restarting;
    struct path_set paths;
    uint64_t consent_timeout_us, consent_us;
    struct ice_stats stats;
};

/* One request on its way through libnice. */
struct check {
    struct ice *ice;
    const struct path *from;
    struct generation *generation; /* whose credentials fit; set by find_password() */
    StunMessage request;
    uint8_t *reply;
    size_t reply_size;
    uint64_t now_us;
};

/* ---- life ---- */

struct stun_responder *stun_responder_new(void)
{
    struct stun_responder *r = MEM_NEW(struct stun_responder);

    stun_agent_init(&r->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    return r;
}

void stun_responder_free(struct stun_responder **r)
{
    MEM_FREE(*r);
}

struct ice *ice_new(struct stun_responder *r, const struct ice_credentials *local,
                    uint64_t consent_timeout_us, uint64_t now_us)
{
    struct ice *i = mem_try_alloc(sizeof(*i));

    if (i == NULL)
        return NULL;
    i->responder = r;
    i->current.local = *local;
    path_set_init(&i->paths);
    i->consent_timeout_us = consent_timeout_us;
    i->consent_us = now_us;
    return i;
}

static void forget_old(struct ice *i)
{
    if (i->old != NULL)
        mem_wipe(i->old, sizeof(*i->old));
    MEM_FREE(i->old);
}

/* Without memory checks under the old ones fail, and media may pause until a path is nominated under the new ones. */
static void keep_old(struct ice *i)
{
    if (i->old == NULL)
        i->old = mem_try_alloc(sizeof(*i->old));
    if (i->old != NULL)
        *i->old = i->current;
}

void ice_free(struct ice **i)
{
    if (*i == NULL)
        return;
    mem_wipe(&(*i)->current, sizeof((*i)->current));
    forget_old(*i);
    MEM_FREE(*i);
}

void ice_set_remote(struct ice *i, const struct ice_credentials *remote)
{
    i->current.remote = *remote;
    i->current.has_remote = true;
}

void ice_restart(struct ice *i, const struct ice_credentials *local,
                 const struct ice_credentials *remote, uint64_t now_us)
{
    /* Two restarts in a row: what media runs on was nominated before both, the one between served nothing. */
    if (i->old == NULL || i->current.is_nominated)
        keep_old(i);
    i->current = (struct generation){.local = *local, .remote = *remote, .has_remote = true};
    i->is_restarting = true;
    i->consent_us = now_us; /* the endpoint shall have time to check under the new ones */
    i->stats.restarts++;
}

bool ice_has_ufrag(const struct ice *i, const char *ufrag)
{
    return strcmp(i->current.local.ufrag, ufrag) == 0 ||
           (i->old != NULL && strcmp(i->old->local.ufrag, ufrag) == 0);
}

/* ---- paths ---- */

/* The first nomination under new credentials ends the old ones and whatever was nominated under them. */
static void nominate(struct ice *i, struct ice_path *p, struct generation *g, uint64_t now_us,
                     struct ice_outcome *out)
{
    bool is_first_of_restart = i->is_restarting && g == &i->current;

    if (is_first_of_restart) {
        i->is_restarting = false;
        forget_old(i);
    }
    g->is_nominated = true;
    out->is_selected_new = path_set_nominate(&i->paths, p, is_first_of_restart, now_us);
    i->stats.selected_changes += out->is_selected_new;
}

bool ice_forget_path(struct ice *i, const struct path *path)
{
    bool has_changed = path_set_forget(&i->paths, path);

    i->stats.selected_changes += has_changed && path_set_selected(&i->paths) != NULL;
    return has_changed;
}

/* ---- messages ---- */

/* What libnice takes for granted. It measures the HMAC over 20 bytes whatever length the attribute claims. */
static bool is_sound(const uint8_t *buf, size_t len)
{
    struct reader r = reader_of(buf, len);
    uint16_t type = reader_u16(&r);
    uint16_t body_bytes = reader_u16(&r);

    reader_skip(&r, STUN_HEADER_BYTES - 4);
    if (r.failed || type >> 14 != 0 || body_bytes % 4 != 0 || body_bytes != reader_left(&r))
        return false;
    while (reader_left(&r) > 0) {
        uint16_t attribute = reader_u16(&r);
        uint16_t bytes = reader_u16(&r);

        if (attribute == STUN_ATTRIBUTE_MESSAGE_INTEGRITY && bytes != STUN_INTEGRITY_BYTES)
            return false;
        reader_skip(&r, (bytes + 3u) & ~3u);
    }
    return !r.failed;
}

/* Takes the same time wherever the first difference is. */
static bool bytes_eq(const uint8_t *a, const char *b, size_t len)
{
    uint8_t differs = 0;

    for (size_t n = 0; n < len; n++)
        differs |= (uint8_t)(a[n] ^ (uint8_t)b[n]);
    return differs == 0;
}

/* USERNAME is "ours:theirs" (RFC 8445 s7.2.2); what is theirs counts once we know it. The bound keeps the reply, which
 * repeats the name, within ICE_MIN_REPLY_BYTES: libnice asserts that its last attributes fit. */
static bool username_fits(const struct generation *g, const uint8_t *name, size_t len)
{
    size_t ours = strlen(g->local.ufrag);
    size_t theirs = strlen(g->remote.ufrag);

    if (len > 2 * MAX_ICE_CREDENTIAL_LEN + 1 || len < ours || !bytes_eq(name, g->local.ufrag, ours))
        return false;
    if (!g->has_remote)
        return len == ours || name[ours] == ':';
    return len == ours + 1 + theirs && name[ours] == ':' &&
           bytes_eq(name + ours + 1, g->remote.ufrag, theirs);
}

/* Called by libnice for the password that belongs to a username. */
static bool find_password(StunAgent *agent, StunMessage *message, uint8_t *username,
                          uint16_t username_len, uint8_t **password, size_t *password_len,
                          void *arg)
{
    struct check *c = arg;
    struct ice *i = c->ice;

    (void)agent;
    (void)message;
    if (username == NULL)
        return false;
    if (username_fits(&i->current, username, username_len))
        c->generation = &i->current;
    else if (i->old != NULL && username_fits(i->old, username, username_len))
        c->generation = i->old;
    else
        return false;
    *password = (uint8_t *)c->generation->local.pwd;
    *password_len = strlen(c->generation->local.pwd);
    return true;
}

/* Signed when the request was authenticated. */
static size_t reply_error(struct check *c, StunError code)
{
    StunAgent *agent = &c->ice->responder->agent;
    StunMessage error;

    if (!stun_agent_init_error(agent, &error, c->reply, c->reply_size, &c->request, code))
        return 0;
    return stun_agent_finish_message(agent, &error, NULL, 0);
}

static size_t reply_success(struct check *c)
{
    struct sockaddr_storage mapped;
    socklen_t mapped_len = (socklen_t)addr_to_sockaddr(&c->from->remote, &mapped);
    bool is_controlling = false;
    size_t bytes = c->reply_size;
    StunMessage response;
    StunUsageIceReturn rc = stun_usage_ice_conncheck_create_reply(
        &c->ice->responder->agent, &c->request, &response, c->reply, &bytes, &mapped, mapped_len,
        &is_controlling, 0, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);

    return rc == STUN_USAGE_ICE_RETURN_SUCCESS ? bytes : 0;
}

static void accept_check(struct check *c, struct ice_outcome *out)
{
    struct ice *i = c->ice;
    uint32_t priority = stun_usage_ice_conncheck_priority(&c->request);
    struct ice_path *p = path_set_note(&i->paths, c->from, priority, c->now_us, &out->forgotten,
                                       &out->path_forgotten);

    i->consent_us = c->now_us;
    out->is_authenticated = true;
    if (stun_usage_ice_conncheck_use_candidate(&c->request))
        nominate(i, p, c->generation, c->now_us, out);
}

/* RFC 8445 s7.3.1, for a lite agent: always controlled, so an endpoint that says the same of itself is told to change. (The
 * tie-breaker would let a remote one of zero win, and libnice then takes the other role.) */
static void answer_authenticated(struct check *c, struct ice_outcome *out)
{
    struct ice *i = c->ice;

    if (stun_message_get_method(&c->request) != STUN_BINDING) {
        i->stats.malformed++;
        out->reply_bytes = reply_error(c, STUN_ERROR_BAD_REQUEST);
    } else if (stun_message_has_attribute(&c->request, STUN_ATTRIBUTE_ICE_CONTROLLED)) {
        i->stats.role_conflicts++;
        out->reply_bytes = reply_error(c, STUN_ERROR_ROLE_CONFLICT);
    } else {
        out->reply_bytes = reply_success(c);
        if (out->reply_bytes > 0)
            accept_check(c, out);
    }
}

static void answer_request(struct check *c, const uint8_t *buf, size_t len, struct ice_outcome *out)
{
    struct ice *i = c->ice;
    StunAgent *agent = &i->responder->agent;
    StunMessage error;

    i->stats.requests_received++;
    switch (stun_agent_validate(agent, &c->request, buf, len, find_password, c)) {
    case STUN_VALIDATION_SUCCESS:
        answer_authenticated(c, out);
        break;
    case STUN_VALIDATION_UNAUTHORIZED:
        i->stats.bad_integrity++;
        out->reply_bytes = reply_error(c, STUN_ERROR_UNAUTHORIZED);
        break;
    case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
        i->stats.malformed++;
        out->reply_bytes = reply_error(c, STUN_ERROR_BAD_REQUEST);
        break;
    case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
        i->stats.malformed++;
        out->reply_bytes = stun_agent_build_unknown_attributes_error(agent, &error, c->reply,
                                                                     c->reply_size, &c->request);
        break;
    default: /* no cookie, no or a wrong FINGERPRINT: perhaps not STUN at all, so no reply (RFC 8489 s6.3) */
        i->stats.malformed++;
        break;
    }
    i->stats.responses_sent += out->reply_bytes > 0;
}

struct ice_outcome ice_input(struct ice *i, const struct path *from, const uint8_t *buf, size_t len,
                             uint8_t *reply, size_t reply_size, uint64_t now_us)
{
    struct ice_outcome out = {0};
    struct check c = {
        .ice = i, .from = from, .reply = reply, .reply_size = reply_size, .now_us = now_us};

    CHECK(reply_size >= ICE_MIN_REPLY_BYTES);
    if (!is_sound(buf, len)) {
        i->stats.malformed++;
        return out;
    }
    switch (wire_get_u16(buf) & STUN_CLASS_MASK) {
    case STUN_CLASS_REQUEST:
        answer_request(&c, buf, len, &out);
        break;
    case STUN_CLASS_INDICATION: /* a keep-alive of the NAT binding; not signed, so it says nothing of consent */
        i->stats.indications++;
        break;
    default: /* a response, and we ask nothing */
        i->stats.malformed++;
        break;
    }
    return out;
}

/* ---- questions ---- */

bool ice_is_validated(const struct ice *i, const struct path *from)
{
    return path_set_has(&i->paths, from);
}

const struct path *ice_selected(const struct ice *i)
{
    return path_set_selected(&i->paths);
}

void ice_prefetch(const struct ice *i)
{
    prefetch(&i->paths.path[0].path, sizeof(i->paths.path[0].path));
    prefetch(&i->paths.selected, sizeof(i->paths.selected));
}

size_t ice_paths(const struct ice *i, struct path *out, size_t max)
{
    size_t count = MIN(max, i->paths.count);

    for (size_t n = 0; n < count; n++)
        out[n] = i->paths.path[n].path;
    return count;
}

uint64_t ice_consent_deadline_us(const struct ice *i)
{
    return i->consent_us + i->consent_timeout_us;
}

void ice_read_stats(const struct ice *i, struct ice_stats *out)
{
    *out = i->stats;
}

/* USERNAME of a Binding request, NULL without one. Like libnice, ignores what stands behind MESSAGE-INTEGRITY. */
static const uint8_t *find_username(const uint8_t *buf, size_t len, size_t *name_len)
{
    struct reader r = reader_of(buf, len);
    uint16_t type = reader_u16(&r);

    reader_skip(&r, STUN_HEADER_BYTES - 2);
    if (r.failed || type != STUN_BINDING_REQUEST)
        return NULL;
    while (reader_left(&r) > 0) {
        uint16_t attribute = reader_u16(&r);
        uint16_t bytes = reader_u16(&r);
        const uint8_t *value = reader_bytes(&r, (bytes + 3u) & ~3u);

        if (value == NULL || attribute == STUN_ATTRIBUTE_MESSAGE_INTEGRITY)
            return NULL;
        if (attribute == STUN_ATTRIBUTE_USERNAME) {
            *name_len = bytes;
            return value;
        }
    }
    return NULL;
}

bool ice_peek_ufrag(const uint8_t *buf, size_t len, char out[MAX_ICE_CREDENTIAL_LEN + 1])
{
    size_t name_len = 0;
    const uint8_t *name = find_username(buf, len, &name_len);
    size_t n = 0;

    if (name == NULL)
        return false;
    while (n < name_len && name[n] != ':') {
        if (n == MAX_ICE_CREDENTIAL_LEN || name[n] <= ' ' || name[n] > '~')
            return false;
        out[n] = (char)name[n];
        n++;
    }
    out[n] = '\0';
    return n > 0;
}
