/* SPDX-License-Identifier: Apache-2.0 */
/* contender.c - see contender.h. */
#include "bench/contender.h"

#include <stdio.h>

static struct contender *add(struct contenders *c, const char *id)
{
    struct contender *new = &c->at[c->count++];

    *new = (struct contender){.is_out = false};
    (void)snprintf(new->id, sizeof(new->id), "%.31s", id);
    return new;
}

void contenders_of(const struct bench_options *o, struct contenders *out)
{
    out->count = 0;
    if (o->url_whip != NULL)
        add(out, "running")->is_running = true;
    else if (!o->only_peers)
        (void)add(out, "parley");
    for (size_t i = 0; i < o->peer_count; i++) {
        struct contender *c = add(out, o->peer[i]);
        (void)snprintf(c->adapter, sizeof(c->adapter), "%.*s/bench/peers/%.31s/adapter.mjs",
                       PATH_MAX - 80, o->sources, o->peer[i]);
    }
}

void contender_leave_out(struct contender *c, struct document *d, const char *reason)
{
    fprintf(stderr, "%s is left out: %s\n", c->id, reason);
    document_server(d, c->id, c->id, "", "");
    document_server_skip(d, c->id, reason);
    c->is_out = true;
}
