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
    uint64_t tie_breaker;
};

static const uint16_t known_attributes[] = {
    STUN_ATTRIBUTE_USERNAME,      STUN_ATTRIBUTE_MESSAGE_INTEGRITY,  STUN_ATTRIBUTE_PRIORITY,
    STUN_ATTRIBUTE_USE_CANDIDATE, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, 0,
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
