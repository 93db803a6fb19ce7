/* SPDX-License-Identifier: Apache-2.0 */
/* link_nice.c - a link on libnice's full agent; see link.h. */
#include <string.h>

#include <agent.h>

#include "tests/integration/clock.h"
#include "tests/integration/link.h"

#define MAX_REMEMBERED_CANDIDATES 32

struct nice_link {
    struct link link;
    NiceAgent *agent;
    guint stream;
    bool is_gathered;
    struct ice_credentials remote; /* kept for a move */
    char *candidate[MAX_REMEMBERED_CANDIDATES];
    size_t candidate_count;
};

static struct nice_link *nice_of(struct link *l)
{
    return (struct nice_link *)(void *)l;
}

static void on_gathered(NiceAgent *agent, guint stream, void *arg)
{
    struct nice_link *n = arg;

    (void)agent;
    (void)stream;
    n->is_gathered = true;
}

static void on_component_state(NiceAgent *agent, guint stream, guint component, guint state,
                               void *arg)
{
    struct nice_link *n = arg;

    (void)agent;
    (void)stream;
    (void)component;
    if (state != NICE_COMPONENT_STATE_CONNECTED && state != NICE_COMPONENT_STATE_READY)
        return;
    n->link.is_connected = true;
    n->link.connections++;
    if (n->link.handlers.on_connected != NULL)
        n->link.handlers.on_connected(n->link.arg);
}

static void on_recv(NiceAgent *agent, guint stream, guint component, guint len, gchar *buf,
                    void *arg)
{
    struct nice_link *n = arg;

    (void)agent;
    (void)stream;
    (void)component;
    n->link.handlers.on_datagram((const uint8_t *)buf, len, n->link.arg);
}

static bool is_gathered(void *arg)
{
    return ((struct nice_link *)arg)->is_gathered;
}

static void copy_credential(char out[MAX_ICE_CREDENTIAL_LEN + 1], const char *text)
{
    g_strlcpy(out, text, MAX_ICE_CREDENTIAL_LEN + 1);
}

static void read_local(struct nice_link *n)
{
    gchar *ufrag = NULL, *pwd = NULL;

    if (!nice_agent_get_local_credentials(n->agent, n->stream, &ufrag, &pwd))
        g_error("libnice has no credentials");
    copy_credential(n->link.local.ufrag, ufrag);
    copy_credential(n->link.local.pwd, pwd);
    g_free(ufrag);
    g_free(pwd);
}

static void add_loopback(struct nice_link *n)
{
    NiceAddress local;

    nice_address_init(&local);
    if (!nice_address_set_from_string(&local, n->link.config.ipv6 ? "::1" : "127.0.0.1") ||
        !nice_agent_add_local_address(n->agent, &local))
        g_error("libnice does not take the loopback address");
}

/* @local: keep these credentials; NULL: the agent makes its own. */
static void open_agent(struct nice_link *n, const struct ice_credentials *local)
{
    const struct link_config *c = &n->link.config;
    NiceAgentOption options = NICE_AGENT_OPTION_CONSENT_FRESHNESS;

    if (c->regular_nomination)
        options |= NICE_AGENT_OPTION_REGULAR_NOMINATION;
    n->agent = nice_agent_new_full(clock_context(), NICE_COMPATIBILITY_RFC5245, options);
    g_object_set(n->agent, "controlling-mode", (gboolean)!c->controlled, "upnp", FALSE, "ice-tcp",
                 (gboolean)(c->kind != LINK_NICE_UDP), "ice-udp",
                 (gboolean)(c->kind != LINK_NICE_TCP), NULL);
    add_loopback(n);
    g_signal_connect(n->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), n);
    g_signal_connect(n->agent, "component-state-changed", G_CALLBACK(on_component_state), n);
    n->stream = nice_agent_add_stream(n->agent, 1);
    nice_agent_attach_recv(n->agent, n->stream, 1, clock_context(), on_recv, n);
    if (local != NULL &&
        !nice_agent_set_local_credentials(n->agent, n->stream, local->ufrag, local->pwd))
        g_error("libnice does not take the credentials");
    n->is_gathered = false;
    if (!nice_agent_gather_candidates(n->agent, n->stream) || !clock_wait(is_gathered, n, WAIT_MS))
        g_error("libnice gathers no candidates");
    read_local(n);
}

static void close_agent(struct nice_link *n)
{
    g_signal_handlers_disconnect_by_data(n->agent, n);
    nice_agent_attach_recv(n->agent, n->stream, 1, clock_context(), NULL, NULL);
    nice_agent_remove_stream(n->agent, n->stream);
    g_clear_object(&n->agent);
}

static void apply_remote(struct nice_link *n)
{
    GSList *list = NULL;

    if (!nice_agent_set_remote_credentials(n->agent, n->stream, n->remote.ufrag, n->remote.pwd))
        g_error("libnice does not take the server's credentials");
    for (size_t i = 0; i < n->candidate_count; i++) {
        NiceCandidate *c =
            nice_agent_parse_remote_candidate_sdp(n->agent, n->stream, n->candidate[i]);
        if (c != NULL)
            list = g_slist_prepend(list, c);
    }
    if (nice_agent_set_remote_candidates(n->agent, n->stream, 1, list) <= 0)
        g_error("libnice takes none of the server's candidates");
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static void forget_candidates(struct nice_link *n)
{
    for (size_t i = 0; i < n->candidate_count; i++)
        g_free(n->candidate[i]);
    n->candidate_count = 0;
}

static void set_remote(struct link *l, const struct ice_credentials *remote, char *const *candidate,
                       size_t count)
{
    struct nice_link *n = nice_of(l);

    forget_candidates(n);
    n->remote = *remote;
    for (size_t i = 0; i < count && i < MAX_REMEMBERED_CANDIDATES; i++)
        n->candidate[n->candidate_count++] = g_strdup(candidate[i]);
    apply_remote(n);
}

static bool send_datagram(struct link *l, const uint8_t *buf, size_t len)
{
    struct nice_link *n = nice_of(l);

    return nice_agent_send(n->agent, n->stream, 1, (guint)len, (const gchar *)buf) == (gint)len;
}

static void restart(struct link *l)
{
    struct nice_link *n = nice_of(l);

    if (!nice_agent_restart(n->agent))
        g_error("libnice does not restart");
    read_local(n);
}

static void move(struct link *l)
{
    struct nice_link *n = nice_of(l);
    const struct ice_credentials local = l->local;

    close_agent(n);
    l->is_connected = false;
    open_agent(n, &local);
    apply_remote(n);
}

static void free_link(struct link *l)
{
    struct nice_link *n = nice_of(l);

    close_agent(n);
    forget_candidates(n);
    g_free(n);
}

static const struct link_ops ops = {.set_remote = set_remote,
                                    .send = send_datagram,
                                    .restart = restart,
                                    .move = move,
                                    .free = free_link};

struct link *link_nice_new(const struct link_config *config)
{
    struct nice_link *n = g_new0(struct nice_link, 1);

    n->link.ops = &ops;
    n->link.config = *config;
    open_agent(n, NULL);
    return &n->link;
}
