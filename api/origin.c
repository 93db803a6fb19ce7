/* SPDX-License-Identifier: Apache-2.0 */
/* origin.c - compares the Origin header with the Host header and the settings. */
#include "api/origin.h"

#include <string.h>

#include "core/addr.h"
#include "core/str.h"

/* What stands behind the scheme: "host:port". */
static struct str authority_of(const char *origin)
{
    const char *slashes = strstr(origin, "://");

    return str_of(slashes != NULL ? slashes + 3 : "");
}

/* "localhost" of "localhost:8080", "[::1]" of "[::1]:8080". */
static struct str host_of(struct str authority)
{
    const char *colon = authority.len > 0 ? memrchr(authority.p, ':', authority.len) : NULL;

    if (colon == NULL || authority.p[authority.len - 1] == ']')
        return authority;
    return (struct str){authority.p, (size_t)(colon - authority.p)};
}

static bool ends_with(struct str s, const char *ending)
{
    struct str e = str_of(ending);

    return s.len >= e.len && str_eq_nocase((struct str){s.p + s.len - e.len, e.len}, e);
}

static bool is_address(struct str host, struct addr *out)
{
    if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = (struct str){host.p + 1, host.len - 2};
    return addr_parse(out, host) == 0;
}

static bool is_this_machine(struct str host)
{
    struct addr a;

    return str_eq_nocase(host, STR("localhost")) || ends_with(host, ".localhost") ||
           (is_address(host, &a) && addr_is_loopback(&a));
}

/*
 * A name that anybody on the internet can register may be made to point at this machine (DNS rebinding), and its pages are
 * then "our own". Addresses and the names of local networks cannot.
 */
static bool is_local_name(struct str host)
{
    static const char *const endings[] = {".local", ".localhost", ".internal", ".home.arpa",
                                          ".lan"};
    struct addr a;

    if (host.len == 0 || is_address(host, &a) || memchr(host.p, '.', host.len) == NULL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (ends_with(host, endings[i]))
            return true;
    return false;
}

static bool is_listed(const struct config *config, const char *origin)
{
    for (size_t i = 0; i < config->http_allow_origins.count; i++) {
        const char *item = config->http_allow_origins.item[i];

        if (strcmp(item, "*") == 0 || str_eq_nocase(str_of(item), str_of(origin)))
            return true;
    }
    return false;
}

/* Whether one of the listed origins is this host: then it is a name that we go by. */
static bool is_listed_host(const struct config *config, const char *host)
{
    for (size_t i = 0; i < config->http_allow_origins.count; i++)
        if (str_eq_nocase(authority_of(config->http_allow_origins.item[i]), str_of(host)))
            return true;
    return is_listed(config, "*");
}

bool origin_is_friend(const struct config *config, const char *origin, const char *host)
{
    if (origin[0] == 0)
        return true;
    return str_eq_nocase(authority_of(origin), str_of(host)) || is_listed(config, origin);
}

bool origin_is_served(const struct config *config, const char *origin, const char *host)
{
    if (!config->dev)
        return true;
    if (!is_local_name(host_of(str_of(host))) && !is_listed_host(config, host))
        return false;
    return origin_is_friend(config, origin, host) || is_this_machine(host_of(authority_of(origin)));
}
