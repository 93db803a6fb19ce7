/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dtls.c - datagrams into a passive association that also has a real endpoint to talk to.
 *
 * The input is a row of steps: what to do (one byte), then what that needs. No fuzzer guesses a Finished message, so the endpoint's
 * own datagrams can be delivered as they are, or with a byte changed; foreign ones come in at any time.
 */
#include <stdbool.h>
#include <string.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/wire.h"
#include "transport/cert.h"
#include "transport/dtls.h"

#define MAX_STEPS 64
#define MAX_QUEUED 32

enum step {
    STEP_FOREIGN, /* two bytes of length, the datagram */
    STEP_NEXT,    /* the endpoint's next datagram */
    STEP_CHANGED, /* the same with the byte at an offset (two bytes) changed by another (one byte) */
    STEP_TICK,
    STEP_SEND,
    STEP_SHUTDOWN,
    STEP_REST, /* once it is open, or at the next datagram */
    STEP_COUNT
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
    struct dtls *dtls;
    struct datagram {
        uint8_t data[2048];
        size_t len;
    } queue[MAX_QUEUED]; /* sent by this end */
    size_t count;
    bool has_opened, has_closed, rests;
};

static struct end server, client;

static void on_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    struct end *e = arg;

    (void)d;
    CHECK(len <= sizeof(e->queue[0].data));
    if (e->count == MAX_QUEUED)
        return;
    memcpy(e->queue[e->count].data, buf, len);
    e->queue[e->count++].len = len;
}

static void on_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    struct end *e = arg;

    CHECK(dtls_is_open(d));
    CHECK(!e->has_opened && !e->has_closed);
    CHECK(srtp_profile_name(keys->profile)[0] != '\0');
    e->has_opened = true;
}

static void on_data(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    struct end *e = arg;

    (void)d;
    (void)buf;
    CHECK(len > 0 && e->has_opened && !e->has_closed);
}

static void on_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    struct end *e = arg;

    (void)err;
    CHECK(!e->has_closed && reason != NULL && !dtls_is_open(d));
    e->has_closed = true;
}

static const struct dtls_handlers handlers = {
    .on_send = on_send, .on_open = on_open, .on_data = on_data, .on_closed = on_closed};

static struct dtls_context *contexts[2];
static struct fingerprint fingerprints[2];

static void make_contexts(void)
{
    for (size_t i = 0; i < 2 && contexts[i] == NULL; i++) {
        struct cert *cert = NULL;
        CHECK(cert_new_self_signed(&cert, "fuzz", NULL, 0, 30) == 0);
        CHECK(dtls_context_new(&contexts[i], cert) == 0);
        cert_fingerprint(cert, &fingerprints[i]);
        cert_free(&cert);
    }
}

static struct datagram take_first(struct end *e)
{
    struct datagram d = e->queue[0];

    memmove(&e->queue[0], &e->queue[1], (--e->count) * sizeof(d));
    return d;
}

/* An exact block, so that a sanitizer sees a read past the end. */
static void feed(struct end *e, const uint8_t *buf, size_t len)
{
    uint8_t *exact = mem_alloc(len + (len == 0));

    if (len > 0)
        memcpy(exact, buf, len);
    dtls_input(e->dtls, exact, len);
    mem_free(exact);
}

static void deliver_next(struct reader *in, bool changed)
{
    struct datagram d;
    size_t at = changed ? reader_u16(in) : 0;
    uint8_t by = changed ? reader_u8(in) : 0;

    while (server.count > 0) {
        d = take_first(&server);
        feed(&client, d.data, d.len);
    }
    if (client.count == 0)
        return;
    d = take_first(&client);
    d.data[at % d.len] ^= by;
    feed(&server, d.data, d.len);
}

static void take_step(struct reader *in)
{
    switch ((enum step)(reader_u8(in) % STEP_COUNT)) {
    case STEP_FOREIGN: {
        size_t told = reader_u16(in), len = MIN(MIN(told, reader_left(in)), MAX_DATAGRAM_BYTES);
        const uint8_t *bytes = reader_bytes(in, len);
        if (bytes != NULL)
            feed(&server, bytes, len);
        break;
    }
    case STEP_NEXT:
        deliver_next(in, false);
        break;
    case STEP_CHANGED:
        deliver_next(in, true);
        break;
    case STEP_TICK:
        dtls_tick(server.dtls);
        (void)dtls_wait_us(server.dtls);
        break;
    case STEP_SEND:
        CHECK((dtls_send(server.dtls, (const uint8_t *)"data", 4) == 0) ==
                  dtls_is_open(server.dtls) ||
              server.rests);
        break;
    case STEP_SHUTDOWN:
        dtls_shutdown(server.dtls);
        server.has_closed = true; /* nothing may follow */
        break;
    case STEP_REST:
        dtls_rest(server.dtls);
        server.rests = true;
        break;
    case STEP_COUNT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader in = reader_of(data, size);

    make_contexts();
    memset(&server, 0, sizeof(server));
    memset(&client, 0, sizeof(client));
    CHECK(dtls_new(&server.dtls, contexts[0], false, &fingerprints[1], 1, &handlers, &server) == 0);
    CHECK(dtls_new(&client.dtls, contexts[1], true, &fingerprints[0], 1, &handlers, &client) == 0);
    dtls_start(client.dtls);
    for (int i = 0; i < MAX_STEPS && reader_left(&in) > 0; i++)
        take_step(&in);
    dtls_free(&server.dtls);
    dtls_free(&client.dtls);
    return 0;
}
