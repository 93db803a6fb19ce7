/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws.c - WebSockets on libwebsockets: fragments put together, messages queued until the socket takes them, one clean close.
 *
 * The library answers pings, sends its own and hangs up on silence (the policy is set in http.c).
 */
#include "api/ws.h"

#include <string.h>

#include "api/http_internal.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/mem.h"

#define CLOSE_TIMEOUT_S 5      /* a client that does not take our last messages is cut off */
#define MAX_CLOSE_REASON 123   /* RFC 6455 s5.5: a control frame holds 125 bytes */
#define MAX_WRITES_PER_TURN 64 /* messages of one connection, so that others get their turn */

/* The library's LWS_WRITE_CLOSE, a gap in its public enum. */
#define WRITE_CLOSE ((enum lws_write_protocol)4)

struct message {
    struct list node;
    size_t len;
    unsigned char bytes[]; /* LWS_PRE for the library, then the text */
};

struct ws {
    struct lws *wsi;
    const struct ws_handlers *handlers;
    void *arg;
    struct strbuf in; /* the fragments so far */
    size_t max_in;
    struct list queue;
    size_t queued_bytes, dropped_bytes;
    unsigned close_code; /* 0: open */
    bool is_close_sent;
    char close_reason[MAX_CLOSE_REASON + 1];
    char remote[64];
};

static void drop_queue(struct ws *ws)
{
    struct message *m;

    while ((m = LIST_FIRST(&ws->queue, struct message, node)) != NULL) {
        list_remove(&m->node);
        mem_free(m);
    }
    ws->queued_bytes = 0;
}

int ws_on_open(struct lws *wsi, struct http_connection *c)
{
    struct http *h = http_of(wsi);
    struct http_request_copy *copy = http_request_read(wsi);
    struct ws *ws = mem_try_alloc(sizeof(*ws));

    if (ws == NULL || copy == NULL) {
        mem_free(ws);
        mem_free(copy);
        return -1;
    }
    http_connection_end(c);
    c->ws = ws;
    ws->wsi = wsi;
    ws->max_in = WS_MAX_EARLY_BYTES;
    strbuf_init(&ws->in, ws->max_in);
    list_init(&ws->queue);
    memcpy(ws->remote, copy->remote, sizeof(ws->remote));
    h->stats.websockets++;
    h->stats.websockets_opened++;
    h->handlers->on_ws_open(ws, &copy->request, h->arg);
    mem_free(copy);
    return 0;
}

void ws_take(struct ws *ws, const struct ws_handlers *handlers, void *arg)
{
    ws->handlers = handlers;
    ws->arg = arg;
}

void ws_allow_long_messages(struct ws *ws)
{
    ws->max_in = MAX_JSON_BYTES; /* the buffer follows after this message */
}

bool ws_is_closing(const struct ws *ws)
{
    return ws->close_code != 0;
}

const char *ws_remote(const struct ws *ws)
{
    return ws->remote;
}

void ws_send(struct ws *ws, struct str text)
{
    struct message *m;

    if (ws_is_closing(ws))
        return;
    m = ws->queued_bytes + text.len <= MAX_WS_QUEUE_BYTES
            ? mem_try_alloc(sizeof(*m) + LWS_PRE + text.len)
            : NULL;
    if (m == NULL) {
        log_info(LOG_HTTP, NULL, "%s does not take its messages: closing", ws->remote);
        drop_queue(ws);
        ws_close(ws, WS_CLOSE_TRY_LATER, "too many unsent messages");
        return;
    }
    memcpy(m->bytes + LWS_PRE, text.p, text.len);
    m->len = text.len;
    list_append(&ws->queue, &m->node);
    ws->queued_bytes += text.len;
    lws_callback_on_writable(ws->wsi);
}

void ws_close(struct ws *ws, unsigned code, const char *reason)
{
    if (ws_is_closing(ws))
        return;
    ws->close_code = code;
    strncpy(ws->close_reason, reason, MAX_CLOSE_REASON);
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_CLOSE_SEND, CLOSE_TIMEOUT_S);
    lws_callback_on_writable(ws->wsi);
}

/* --- called by the library ---------------------------------------------------------------------- */

int ws_on_receive(struct lws *wsi, struct http_connection *c, const char *bytes, size_t len)
{
    struct ws *ws = c->ws;

    if (ws == NULL)
        return 0;
    if (ws_is_closing(ws)) { /* what was under way is dropped; who goes on and on is cut off */
        ws->dropped_bytes += len;
        return ws->dropped_bytes > MAX_JSON_BYTES ? -1 : 0;
    }
    if (lws_frame_is_binary(wsi)) {
        ws_close(ws, WS_CLOSE_UNSUPPORTED, "text frames only");
        return 0;
    }
    if (lws_is_first_fragment(wsi))
        strbuf_clear(&ws->in);
    strbuf_add_str(&ws->in, (struct str){bytes, len});
    /* What the frame announces counts at once: nobody makes us wait for the rest of a message that we will not take. */
    if (ws->in.failed || ws->in.len + lws_remaining_packet_payload(wsi) > ws->max_in) {
        ws_close(ws, WS_CLOSE_TOO_BIG, "message too big");
        return 0;
    }
    if (lws_is_final_fragment(wsi) && ws->handlers != NULL) {
        ws->handlers->on_text(ws, (struct str){ws->in.p ? ws->in.p : "", ws->in.len}, ws->arg);
        if (ws->in.size > WS_MAX_EARLY_BYTES ||
            ws->in.max != ws->max_in) { /* a rare big one does not pin its memory */
            strbuf_fini(&ws->in);
            strbuf_init(&ws->in, ws->max_in);
        }
    }
    return 0;
}

/*
 * The close frame is an ordinary write. The library's own way, closing from the callback with a reason, loses the frame
 * where it was built for debugging, as Debian's is: it then closes twice in a row.
 */
static int send_close(struct lws *wsi, struct ws *ws)
{
    unsigned char frame[LWS_PRE + 2 + MAX_CLOSE_REASON];
    size_t len = strlen(ws->close_reason);

    if (ws->is_close_sent)
        return 0;
    ws->is_close_sent = true;
    frame[LWS_PRE] = (unsigned char)(ws->close_code >> 8);
    frame[LWS_PRE + 1] = (unsigned char)ws->close_code;
    memcpy(frame + LWS_PRE + 2, ws->close_reason, len);
    /* Then the client answers, or the timeout of ws_close() ends it. */
    return lws_write(wsi, frame + LWS_PRE, 2 + len, WRITE_CLOSE) < 0 ? -1 : 0;
}

int ws_on_peer_close(const struct http_connection *c)
{
    return c->ws != NULL && c->ws->is_close_sent
               ? -1
               : 0; /* theirs answers ours, or the library answers theirs */
}

int ws_on_writeable(struct lws *wsi, struct http_connection *c)
{
    struct ws *ws = c->ws;

    if (ws == NULL)
        return 0;
    for (unsigned i = 0; i < MAX_WRITES_PER_TURN && !lws_send_pipe_choked(wsi); i++) {
        struct message *m = LIST_FIRST(&ws->queue, struct message, node);
        int n;

        if (m == NULL)
            return ws_is_closing(ws) ? send_close(wsi, ws) : 0;
        n = lws_write(wsi, m->bytes + LWS_PRE, m->len, LWS_WRITE_TEXT);
        list_remove(&m->node);
        ws->queued_bytes -= m->len;
        mem_free(m);
        if (n < 0)
            return -1;
    }
    lws_callback_on_writable(wsi);
    return 0;
}

void ws_on_gone(struct http_connection *c)
{
    struct ws *ws = c->ws;

    if (ws == NULL)
        return;
    c->ws = NULL;
    http_of(ws->wsi)->stats.websockets--;
    if (ws->handlers != NULL)
        ws->handlers->on_closed(ws, ws->arg);
    drop_queue(ws);
    strbuf_fini(&ws->in);
    mem_free(ws);
}
