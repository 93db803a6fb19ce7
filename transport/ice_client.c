/* SPDX-License-Identifier: Apache-2.0 */
/* ice_client.c - see ice_client.h. Messages are libnice's; this only keeps the credentials together. */
#include "transport/ice_client.h"

#include <string.h>
#include <sys/socket.h>

#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include "core/mem.h"
#include "core/rng.h"
#include "core/str.h"
#include "transport/candidate.h"

struct ice_client {
    StunAgent agent;
    struct strbuf username; /* theirs:ours, as the server expects it */
    char pwd[MAX_ICE_CREDENTIAL_LEN + 1];
    struct ice_credentials local;
    uint64_t tie_breaker;
};

static const uint16_t known_attributes[] = {
    STUN_ATTRIBUTE_USERNAME,           STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
    STUN_ATTRIBUTE_PRIORITY,           STUN_ATTRIBUTE_USE_CANDIDATE,
    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_ICE_CONTROLLED,
    STUN_ATTRIBUTE_ICE_CONTROLLING,    0,
};

struct ice_client *ice_client_new(const struct ice_credentials *local,
                                  const struct ice_credentials *remote)
{
    struct ice_client *c = MEM_NEW(struct ice_client);

    stun_agent_init(&c->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    strbuf_init(&c->username, 2 * MAX_ICE_CREDENTIAL_LEN + 1);
    strbuf_addf(&c->username, "%s:%s", remote->ufrag, local->ufrag);
    memcpy(c->pwd, remote->pwd, sizeof(c->pwd));
    c->local = *local;
    rng_secret_bytes((uint8_t *)&c->tie_breaker, sizeof(c->tie_breaker));
    return c;
}

void ice_client_free(struct ice_client **cp)
{
    struct ice_client *c = *cp;

    if (c == NULL)
        return;
    *cp = NULL;
    strbuf_fini(&c->username);
    mem_wipe(c->pwd, sizeof(c->pwd));
    mem_wipe(&c->local, sizeof(c->local));
    mem_free(c);
}

size_t ice_client_check(struct ice_client *c, uint8_t *out, size_t size)
{
    StunMessage request;

    return stun_usage_ice_conncheck_create(
        &c->agent, &request, out, size, (const uint8_t *)c->username.p, c->username.len,
        (const uint8_t *)c->pwd, strlen(c->pwd), true, true,
        candidate_priority(CANDIDATE_PRFLX, CANDIDATE_UDP, UINT16_MAX), c->tie_breaker, NULL,
        STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

bool ice_client_input(struct ice_client *c, const uint8_t *buf, size_t len)
{
    StunMessage response;
    struct sockaddr_storage mapped;
    socklen_t mapped_len = sizeof(mapped);

    if (stun_agent_validate(&c->agent, &response, buf, len, NULL, NULL) != STUN_VALIDATION_SUCCESS)
        return false;
    return stun_message_get_class(&response) == STUN_RESPONSE &&
           stun_usage_ice_conncheck_process(&response, &mapped, &mapped_len,
                                            STUN_USAGE_ICE_COMPATIBILITY_RFC5245) ==
               STUN_USAGE_ICE_RETURN_SUCCESS;
}

/* Called by libnice for the password that belongs to a username: "ours:theirs". */
static bool find_password(StunAgent *agent, StunMessage *message, uint8_t *username,
                          uint16_t username_len, uint8_t **password, size_t *password_len,
                          void *arg)
{
    struct ice_client *c = arg;
    struct str rest = {(const char *)username, username_len};

    (void)agent;
    (void)message;
    if (username == NULL || !str_eq_c(str_cut(&rest, ':'), c->local.ufrag))
        return false;
    *password = (uint8_t *)c->local.pwd;
    *password_len = strlen(c->local.pwd);
    return true;
}

size_t ice_client_answer(struct ice_client *c, const struct addr *from, const uint8_t *buf,
                         size_t len, uint8_t *out, size_t size)
{
    struct sockaddr_storage mapped;
    socklen_t mapped_len = (socklen_t)addr_to_sockaddr(from, &mapped);
    StunMessage request, response;
    bool is_controlling = true;
    size_t bytes = size;

    if (stun_agent_validate(&c->agent, &request, buf, len, find_password, c) !=
            STUN_VALIDATION_SUCCESS ||
        stun_message_get_class(&request) != STUN_REQUEST)
        return 0;
    return stun_usage_ice_conncheck_create_reply(
               &c->agent, &request, &response, out, &bytes, &mapped, mapped_len, &is_controlling,
               c->tie_breaker,
               STUN_USAGE_ICE_COMPATIBILITY_RFC5245) == STUN_USAGE_ICE_RETURN_SUCCESS
               ? bytes
               : 0;
}
