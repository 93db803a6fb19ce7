/* SPDX-License-Identifier: Apache-2.0 */
/* Three bytes a step: packets that go out, and numbers that a viewer asks for, wherever they lie. */
#include "core/check.h"
#include "core/mem.h"
#include "core/seq.h"
#include "transport/resend.h"

#define STEP_BYTES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was sent as each number, the last time. */
static struct {
    bool is_sent;
    uint16_t in, source;
} * sent;

static void ask(struct resend *r, struct resend_budget *b, uint16_t out, uint64_t rtt_us,
                uint64_t now_us)
{
    struct resend_origin o;

    if (resend_look_up(r, out, rtt_us, now_us, &o) != RESEND_YES)
        return;
    CHECK(sent[out].is_sent && sent[out].in == o.seq && sent[out].source == o.how.source);
    if (resend_pay(r, b, out, 1200, now_us))
        CHECK(resend_look_up(r, out, rtt_us, now_us, &o) == RESEND_TOO_SOON);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resend r;
    struct resend_budget budget = {0};
    uint16_t out = 0, offset = 0, source = 0;
    uint64_t now_us = 1000000;

    resend_init(&r);
    sent = mem_alloc_array(65536, sizeof(*sent));
    for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES) {
        now_us += data[2] * 100ull;
        if (data[0] % 4 == 0) {
            ask(&r, &budget, (uint16_t)(out - data[1] * 8 + data[2]), data[2] * 1000ull, now_us);
            continue;
        }
        if (data[0] % 4 == 1) { /* something was left out, or another source flows */
            offset = (uint16_t)(offset - data[1]);
            source = (uint16_t)(source + (data[2] > 200));
        }
        int8_t move = (int8_t)data[1]; /* late ones too, with the distances of now */
        uint16_t at = (uint16_t)(out + (data[0] % 4 == 2 ? move : 1));
        if (data[0] % 4 == 2 && sent[at].is_sent)
            continue; /* a forwarder gives a number once */
        struct resend_rewrite how = {.source = source, .seq = offset, .ts = source};
        resend_sent(&r, at, &how, now_us);
        sent[at].is_sent = true;
        sent[at].in = (uint16_t)(at - offset);
        sent[at].source = source;
        sent[(uint16_t)(at + 32768)].is_sent = false;
        if (seq16_newer(at, out))
            out = at;
    }
    resend_reset(&r);
    mem_free(sent);
    return 0;
}
