/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - see link.h: what both kinds share. */
#include "tests/integration/link.h"

struct link *link_new(const struct link_config *config, const struct link_handlers *handlers,
                      void *arg)
{
    struct link *l = config->kind == LINK_LIGHT ? link_light_new(config) : link_nice_new(config);

    l->handlers = *handlers;
    l->arg = arg;
    return l;
}

void link_free(struct link **l)
{
    if (*l != NULL)
        (*l)->ops->free(*l);
    *l = NULL;
}

void link_set_remote(struct link *l, const struct ice_credentials *remote, char *const *candidate,
                     size_t n)
{
    l->ops->set_remote(l, remote, candidate, n);
}

bool link_send(struct link *l, const uint8_t *buf, size_t len)
{
    return l->ops->send(l, buf, len);
}

void link_restart(struct link *l)
{
    l->ops->restart(l);
}

void link_move(struct link *l)
{
    l->ops->move(l);
}
