/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.h - a listening socket and byte-stream connections, with a bounded send buffer. Framing is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"

struct tcp_conn;
struct tcp_listener;
struct worker;

struct tcp_handlers {
    /* Bytes arrived; borrowed for the call. The handler may close the connection. */
    void (*on_bytes)(struct tcp_conn *c, const uint8_t *buf, size_t len, uint64_t now_us,
                     void *arg);
    /* Ended by the remote or an error (err 0: end of stream); called once, and not after tcp_close(). The connection is closing
     * by itself: forget it here (tcp_close() does no harm, but the memory goes at the end of the turn). */
    void (*on_closed)(struct tcp_conn *c, int err, void *arg);
};

/** Listen. @on_accept gets each new connection and must call tcp_take() or tcp_close() on it. Errors: UV_E*. */
MUST_CHECK int tcp_listen(struct tcp_listener **out, struct worker *w, const struct addr *local,
                          void (*on_accept)(struct tcp_listener *l, struct tcp_conn *c, void *arg),
                          void *arg);
struct addr tcp_listener_local(const struct tcp_listener *l);
/** Stop listening; accepted connections live on. Safe inside on_accept. */
void tcp_listener_close(struct tcp_listener **l);

/**
 * Connect (load generator and tests). on_connected(err) is called once; handlers apply as with tcp_take() after it. What is
 * sent before waits for the connection.
 *
 * Errors: UV_E*, when it fails at once. After on_connected with an error the connection closes by itself, as after on_closed.
 */
MUST_CHECK int tcp_connect(struct tcp_conn **out, struct worker *w, const struct addr *remote,
                           void (*on_connected)(struct tcp_conn *c, int err, void *arg),
                           const struct tcp_handlers *handlers, void *arg);
/** Start reading with these handlers, or go on with these from now on. */
void tcp_take(struct tcp_conn *c, const struct tcp_handlers *handlers, void *arg);
struct addr tcp_remote(const struct tcp_conn *c);
struct addr tcp_local(const struct tcp_conn *c);
/**
 * Send header and body as one unit, all or nothing.
 *
 * Errors: E_LIMIT when MAX_TCP_SEND_BUFFER_BYTES would be passed; E_NO_MEMORY; E_STATE on a connection that ended; UV_E* of the
 *         socket. Nothing was sent then. Only when memory ran out half way is the connection ended: on_closed follows.
 */
MUST_CHECK int tcp_send(struct tcp_conn *c, const uint8_t *head, size_t head_len,
                        const uint8_t *body, size_t body_len);
/** Bytes that wait for the kernel to take them. */
size_t tcp_unsent(const struct tcp_conn *c);
/** Close; what is unsent is dropped. Safe inside any handler, on_closed is not called. NULL is fine. */
void tcp_close(struct tcp_conn **c);
