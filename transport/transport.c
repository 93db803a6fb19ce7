/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.c - the life of a transport: ICE, then DTLS, then media, and what ends it.
 *
 *   datagram ─┬─ STUN → ice ─→ reply, path validated, path selected ─→ states
 *             ├─ DTLS → dtls ─→ keys, close                         ─→ states
 *             └─ SRTP → transport_media.c ─┬─ RTP  → on_rtp
 *                                          └─ RTCP → transport_rtcp.c
 *
 * Nothing is taken from a path that showed no authenticated check, so a forged source address reaches neither DTLS nor SRTP.
 * Any handler may close the transport: after each the state is looked at before anything is done.
 */
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/packet.h"
#include "transport/egress.h"
#include "transport/fanout_cipher.h"
#include "transport/mux.h"
#include "transport/rtpsec.h"
#include "transport/transport_internal.h"

/* --- states ------------------------------------------------------------------------------------------ */

#define TO(name) (1u << TRANSPORT_##name)

static const uint8_t may_go_to[TRANSPORT_STATE_COUNT] = {
    [TRANSPORT_NEW] = TO(CHECKING) | TO(CLOSED),
    [TRANSPORT_CHECKING] =
        TO(HANDSHAKE) | TO(OPEN) | TO(CLOSED), /* OPEN: DTLS ended before a path was nominated */
    [TRANSPORT_HANDSHAKE] = TO(OPEN) | TO(CLOSED),
    [TRANSPORT_OPEN] = TO(FAILED) | TO(CLOSED),
    [TRANSPORT_FAILED] = TO(OPEN) | TO(CLOSED),
};

const char *transport_state_name(enum transport_state s)
{
    static const char *const names[TRANSPORT_STATE_COUNT] = {
        [TRANSPORT_NEW] = "new",
        [TRANSPORT_CHECKING] = "checking",
        [TRANSPORT_HANDSHAKE] = "handshake",
        [TRANSPORT_OPEN] = "open",
        [TRANSPORT_FAILED] = "failed",
        [TRANSPORT_CLOSED] = "closed",
    };

    return names[s];
}

static void forget_path(struct transport *tp, const struct path *path)
{
    mux_remove_path(tp->env->mux, path, tp);
    if (tp->env->drop_path != NULL)
        tp->env->drop_path(path, tp->env->arg);
}

/* What was sent over a TCP connection just now must be on it before it is let go. */
static void forget_all_paths(struct transport *tp)
{
    struct path paths[MAX_PATHS_PER_TRANSPORT];
    size_t n = ice_paths(tp->ice, paths, MAX_PATHS_PER_TRANSPORT);

    for (size_t i = 0; i < n; i++) {
        if (paths[i].protocol == PATH_TCP) {
            egress_flush(tp->env->egress);
            break;
        }
    }
    for (size_t i = 0; i < n; i++) {
        (void)ice_forget_path(tp->ice, &paths[i]);
        forget_path(tp, &paths[i]);
    }
    tp->has_dtls_path = false;
}

static void remove_ufrag(struct transport *tp, char *ufrag)
{
    mux_remove_ufrag(tp->env->mux, ufrag);
    mem_free(ufrag);
}

/* Nobody finds it any more, nothing wakes it. */
static void withdraw(struct transport *tp)
{
    deadline_clear(&tp->consent_due);
    deadline_clear(&tp->dtls_due);
    deadline_clear(&tp->handshake_due);
    deadline_clear(&tp->report_due);
    deadline_clear(&tp->twcc_due);
    deadline_clear(&tp->remb_due);
    forget_all_paths(tp);
    while (tp->ufrag_count > 0)
        remove_ufrag(tp, tp->ufrag[--tp->ufrag_count]);
}

static void enter(struct transport *tp, enum transport_state state)
{
    switch (state) {
    case TRANSPORT_OPEN:
        deadline_set(tp->env->wheel, &tp->consent_due, ice_consent_deadline_us(tp->ice));
        break;
    case TRANSPORT_FAILED:
        deadline_clear(&tp->report_due);
        deadline_clear(&tp->twcc_due);
        deadline_clear(&tp->remb_due);
        forget_all_paths(tp);
        break;
    case TRANSPORT_CLOSED:
        withdraw(tp);
        break;
    case TRANSPORT_NEW:
    case TRANSPORT_CHECKING:
    case TRANSPORT_HANDSHAKE:
    case TRANSPORT_STATE_COUNT:
        break;
    }
}

/* The only writer of tp->state. */
static void move_to(struct transport *tp, enum transport_state to, const char *reason)
{
    CHECK(may_go_to[tp->state] & (1u << to));
    log_info(LOG_TRANSPORT, &tp->ids, "%s -> %s%s%s", transport_state_name(tp->state),
             transport_state_name(to), reason[0] != '\0' ? ": " : "", reason);
    tp->state = to;
    enter(tp, to);
}

static void set_state(struct transport *tp, enum transport_state to, const char *reason,
                      uint64_t now_us)
{
    move_to(tp, to, reason);
    if (tp->handlers->on_state != NULL)
        tp->handlers->on_state(tp, to, reason, now_us, tp->arg);
}

/* --- DTLS -------------------------------------------------------------------------------------------- */

static void send_datagram(struct transport *tp, const struct path *path, const uint8_t *buf,
                          size_t len)
{
    egress_send(tp->env->egress, path, buf, len);
    tp->stats.packets_sent++;
    tp->stats.bytes_sent += len;
}

static void arm_dtls(struct transport *tp, uint64_t now_us)
{
    uint64_t wait_us = tp->state == TRANSPORT_CLOSED ? UINT64_MAX : dtls_wait_us(tp->dtls);

    deadline_set(tp->env->wheel, &tp->dtls_due,
                 wait_us == UINT64_MAX ? DEADLINE_NEVER : now_us + wait_us);
}

static void on_dtls_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    struct transport *tp = arg;
    const struct path *path = ice_selected(tp->ice);

    (void)d;
    if (path == NULL && tp->has_dtls_path)
        path = &tp->dtls_path;
    if (path != NULL)
        send_datagram(tp, path, buf, len);
}

static void on_dtls_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    struct transport *tp = arg;

    deadline_clear(&tp->handshake_due);
    if (rtpsec_new(&tp->rtpsec, keys) != 0 ||
        fanout_key_new(&tp->send_key, egress_cipher(tp->env->egress), keys) != 0) {
        dtls_shutdown(d);
        set_state(tp, TRANSPORT_CLOSED, "SRTP refused the keys", tp->dtls_now_us);
        return;
    }
    dtls_rest(d); /* no data section is negotiated */
    tp->stats.srtp_profile = keys->profile;
    if (!str_copy(tp->stats.dtls_cipher, sizeof(tp->stats.dtls_cipher),
                  str_of(dtls_cipher_name(d))))
        log_debug(LOG_DTLS, &tp->ids, "a long cipher name");
    log_info(LOG_DTLS, &tp->ids, "open: %s, %s", tp->stats.dtls_cipher,
             srtp_profile_name(keys->profile));
    if (tp->state == TRANSPORT_HANDSHAKE)
        set_state(tp, TRANSPORT_OPEN, "", tp->dtls_now_us);
    /* else: CHECKING, until a path is nominated */
}

static void on_dtls_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    struct transport *tp = arg;

    (void)d;
    (void)err;
    if (tp->state != TRANSPORT_CLOSED)
        set_state(tp, TRANSPORT_CLOSED, reason, tp->dtls_now_us);
}

static void on_dtls_data(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d;
    (void)buf;
    (void)len;
    (void)
        arg; /* no data section is negotiated: an endpoint that sends it all the same speaks to nobody */
}

static const struct dtls_handlers dtls_handlers = {.on_send = on_dtls_send,
                                                   .on_open = on_dtls_open,
                                                   .on_data = on_dtls_data,
                                                   .on_closed = on_dtls_closed};

static void start_handshake_clock(struct transport *tp, uint64_t now_us)
{
    if (tp->rtpsec == NULL && !deadline_is_set(&tp->handshake_due))
        deadline_set(tp->env->wheel, &tp->handshake_due, now_us + DTLS_HANDSHAKE_TIMEOUT_US);
}

static void on_handshake_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct transport *tp = arg;

    (void)d;
    dtls_shutdown(tp->dtls);
    set_state(tp, TRANSPORT_CLOSED, "the DTLS handshake took too long", now_us);
}

static void on_dtls_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct transport *tp = arg;

    (void)d;
    tp->dtls_now_us = now_us;
    dtls_tick(tp->dtls);
    arm_dtls(tp, now_us);
}

static void receive_dtls(struct transport *tp, const struct path *from, const struct packet *pkt,
                         uint64_t now_us)
{
    if (tp->dtls == NULL || !ice_is_validated(tp->ice, from)) {
        tp->stats.dtls_before_check++;
        return;
    }
    tp->has_dtls_path = true;
    tp->dtls_path = *from;
    start_handshake_clock(tp, now_us);
    tp->dtls_now_us = now_us;
    dtls_input(tp->dtls, pkt->data, pkt->len);
    arm_dtls(tp, now_us);
}

/* --- ICE --------------------------------------------------------------------------------------------- */

/* A path is selected: go on from wherever this stands. */
static void on_path_selected(struct transport *tp, uint64_t now_us)
{
    if (tp->state == TRANSPORT_CHECKING && tp->rtpsec != NULL) {
        set_state(tp, TRANSPORT_OPEN, "", now_us);
    } else if (tp->state == TRANSPORT_CHECKING) {
        start_handshake_clock(tp, now_us);
        set_state(tp, TRANSPORT_HANDSHAKE, "", now_us);
        if (tp->state == TRANSPORT_CLOSED)
            return;
        tp->dtls_now_us = now_us;
        dtls_start(tp->dtls);
        arm_dtls(tp, now_us);
    } else if (tp->state == TRANSPORT_FAILED) {
        set_state(tp, TRANSPORT_OPEN, "connectivity is back", now_us);
    }
}

/* After a restart the old credentials are retired once a path is nominated under the new ones. */
static void retire_ufrags(struct transport *tp)
{
    size_t kept = 0;

    for (size_t i = 0; i < tp->ufrag_count; i++) {
        if (!ice_has_ufrag(tp->ice, tp->ufrag[i]))
            remove_ufrag(tp, tp->ufrag[i]);
        else
            tp->ufrag[kept++] = tp->ufrag[i];
    }
    tp->ufrag_count = kept;
}

static void on_path_validated(struct transport *tp, const struct path *from)
{
    if (mux_add_path(tp->env->mux, from, tp) != 0)
        log_warn(LOG_ICE, &tp->ids, "no room for another path");
    if (tp->env->keep_path != NULL)
        tp->env->keep_path(from, tp->env->arg);
}

static void receive_stun(struct transport *tp, const struct path *from, const struct packet *pkt,
                         uint64_t now_us)
{
    uint8_t reply[ICE_MIN_REPLY_BYTES];
    struct ice_outcome o =
        ice_input(tp->ice, from, pkt->data, pkt->len, reply, sizeof(reply), now_us);

    if (o.path_forgotten)
        forget_path(tp, &o.forgotten);
    if (o.is_authenticated)
        on_path_validated(tp, from);
    if (o.reply_bytes > 0)
        send_datagram(tp, from, reply, o.reply_bytes);
    if (o.is_authenticated && tp->ufrag_count > 1)
        retire_ufrags(tp);
    if (o.is_selected_new) {
        char text[ADDR_TEXT_LEN];
        log_info(LOG_ICE, &tp->ids, "selected %s %s", from->protocol == PATH_TCP ? "tcp" : "udp",
                 addr_text(&from->remote, text));
        transport_bwe_path_changed(tp, now_us);
        on_path_selected(tp, now_us);
    }
}

static void on_consent_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct transport *tp = arg;
    uint64_t at_us = ice_consent_deadline_us(tp->ice);

    if (at_us > now_us)
        deadline_set(tp->env->wheel, d, at_us);
    else
        set_state(tp, TRANSPORT_FAILED, "the endpoint stopped answering", now_us);
}

void transport_path_closed(struct transport *tp, const struct path *path, uint64_t now_us)
{
    (void)now_us; /* consent runs on: the endpoint may connect again */
    if (tp->state == TRANSPORT_CLOSED)
        return;
    if (ice_forget_path(tp->ice, path))
        log_info(LOG_ICE, &tp->ids, "the selected connection ended");
    mux_remove_path(tp->env->mux, path, tp);
    if (tp->has_dtls_path && path_eq(path, &tp->dtls_path))
        tp->has_dtls_path = false;
}

/* --- datagrams ---------------------------------------------------------------------------------------- */

void transport_receive(struct transport *tp, const struct path *from, struct packet *pkt,
                       uint64_t now_us)
{
    uint8_t first = pkt->len > 0 ? pkt->data[0] : 255;

    if (tp->state == TRANSPORT_CLOSED) {
        packet_unref(&pkt);
        return;
    }
    tp->stats.packets_received++;
    tp->stats.bytes_received += pkt->len;
    if (first <= 3) /* RFC 7983 s7; other classes end in the mux */
        receive_stun(tp, from, pkt, now_us);
    else if (first >= 20 && first <= 63)
        receive_dtls(tp, from, pkt, now_us);
    else if (first >= 128 && first <= 191)
        transport_media_receive(tp, from, pkt, now_us);
    packet_unref(&pkt);
}

/* --- life -------------------------------------------------------------------------------------------- */

static void free_now(void *block)
{
    struct transport *tp = block;

    dtls_free(&tp->dtls);
    rtpsec_free(&tp->rtpsec);
    fanout_key_free(&tp->send_key);
    transport_media_fini(tp);
    ice_free(&tp->ice);
    transport_twcc_fini(tp);
    transport_remb_fini(tp);
    transport_bwe_fini(tp);
    mem_free(tp);
}

static int add_ufrag(struct transport *tp, const char *ufrag)
{
    size_t bytes = strlen(ufrag) + 1;
    char *copy = mem_try_alloc(bytes);
    int err = copy == NULL ? E_NO_MEMORY : mux_add_ufrag(tp->env->mux, ufrag, tp);

    if (err != 0) {
        mem_free(copy);
        return err;
    }
    CHECK(tp->ufrag_count < MAX_TRANSPORT_UFRAGS);
    memcpy(copy, ufrag, bytes);
    tp->ufrag[tp->ufrag_count++] = copy;
    return 0;
}

int transport_open(struct transport **out, const struct transport_env *env,
                   const struct ice_credentials *local, uint64_t consent_timeout_us,
                   const struct log_ids *ids, const struct transport_handlers *handlers, void *arg,
                   uint64_t now_us)
{
    struct transport *tp = mem_try_alloc(sizeof(*tp));
    int err = E_NO_MEMORY;

    if (tp == NULL)
        return E_NO_MEMORY;
    tp->env = env;
    tp->handlers = handlers;
    tp->arg = arg;
    tp->ids = *ids;
    list_init(&tp->send_streams);
    deadline_init(&tp->consent_due, on_consent_due, tp);
    deadline_init(&tp->dtls_due, on_dtls_due, tp);
    deadline_init(&tp->handshake_due, on_handshake_due, tp);
    tp->ice = ice_new(env->stun, local, consent_timeout_us, now_us);
    if (tp->ice == NULL)
        goto out;
    err = add_ufrag(tp, local->ufrag);
    if (err != 0)
        goto out;
    transport_rtcp_init(tp);
    transport_bwe_init(tp);
    transport_twcc_init(tp);
    transport_remb_init(tp);
    *out = tp;
    return 0;
out:
    free_now(tp);
    return err;
}

void transport_close(struct transport **tpp, uint64_t now_us)
{
    struct transport *tp = *tpp;

    if (tp == NULL)
        return;
    *tpp = NULL;
    if (tp->state == TRANSPORT_OPEN)
        transport_rtcp_send_byes(tp, now_us);
    if (tp->dtls != NULL)
        dtls_shutdown(tp->dtls);
    if (tp->state != TRANSPORT_CLOSED)
        move_to(tp, TRANSPORT_CLOSED, "by us");
    transport_rtcp_fini(tp);
    transport_bwe_stop(tp);
    tp->env->free_later(tp, free_now, tp->env->arg);
}

int transport_set_remote(struct transport *tp, const struct remote_transport *remote,
                         uint64_t now_us)
{
    int err = 0;

    if (tp->state != TRANSPORT_NEW)
        return E_STATE;
    err = dtls_new(&tp->dtls, tp->env->dtls, remote->dtls_active, remote->fingerprint,
                   remote->fingerprint_count, &dtls_handlers, tp);
    if (err != 0)
        return err;
    ice_set_remote(tp->ice, &remote->ice);
    set_state(tp, TRANSPORT_CHECKING, "", now_us);
    if (tp->state != TRANSPORT_CLOSED &&
        ice_selected(tp->ice) != NULL) /* checks are answered before the answer is applied here */
        on_path_selected(tp, now_us);
    return 0;
}

int transport_restart_ice(struct transport *tp, const struct ice_credentials *local,
                          const struct ice_credentials *remote, uint64_t now_us)
{
    int err = 0;

    if (tp->state == TRANSPORT_NEW || tp->state == TRANSPORT_CLOSED)
        return E_STATE;
    err = add_ufrag(tp, local->ufrag);
    if (err != 0)
        return err;
    ice_restart(tp->ice, local, remote, now_us);
    retire_ufrags(tp);
    return 0;
}

/* --- asking ------------------------------------------------------------------------------------------ */

enum transport_state transport_state(const struct transport *tp)
{
    return tp->state;
}

const struct log_ids *transport_ids(const struct transport *tp)
{
    return &tp->ids;
}

void transport_read_stats(const struct transport *tp, struct transport_stats *out)
{
    const struct path *path = ice_selected(tp->ice);

    *out = tp->stats;
    out->state = tp->state;
    out->estimate_bps = tp->told_estimate_bps;
    ice_read_stats(tp->ice, &out->ice);
    out->has_path = path != NULL;
    if (path != NULL)
        out->selected = *path;
}

void transport_describe(const struct transport *tp, struct strbuf *out)
{
    struct transport_stats s;
    char text[ADDR_TEXT_LEN];

    transport_read_stats(tp, &s);
    strbuf_addf(
        out, "transport %s: %s, path %s, %s %s, in %llu packets, out %llu", tp->ids.text,
        transport_state_name(s.state), s.has_path ? addr_text(&s.selected.remote, text) : "none",
        s.dtls_cipher[0] != '\0' ? s.dtls_cipher : "no DTLS yet", srtp_profile_name(s.srtp_profile),
        (unsigned long long)s.packets_received, (unsigned long long)s.packets_sent);
    strbuf_addf(
        out, ", checks %llu (bad %llu), srtp failed %llu replayed %llu malformed %llu early %llu",
        (unsigned long long)s.ice.requests_received, (unsigned long long)s.ice.bad_integrity,
        (unsigned long long)s.srtp_auth_failed, (unsigned long long)s.srtp_replayed,
        (unsigned long long)s.srtp_malformed, (unsigned long long)s.srtp_before_open);
    strbuf_addf(out, ", rtcp malformed %llu, dtls early %llu, send early %llu failed %llu",
                (unsigned long long)s.rtcp_malformed, (unsigned long long)s.dtls_before_check,
                (unsigned long long)s.send_before_open, (unsigned long long)s.send_failed);
    transport_bwe_describe(tp, out);
}
