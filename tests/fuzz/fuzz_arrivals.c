/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint's packets say of themselves, five bytes a step: how the transport-wide number moves (two), the time it says that it
 * sent (one, of its clock's jumps), size, time that passed. Feedback (twcc.h) tells of nothing that did not come; what the way is
 * thought to carry (remb.h) stays within its bounds.
 */
#include <string.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "transport/remb.h"
#include "transport/rtcp.h"
#include "transport/rtcp_twcc.h"
#include "transport/twcc.h"

#define STEP_BYTES 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t came[65536];

static void read_feedback(const uint8_t *buf, size_t len)
{
    static struct rtcp_twcc t;
    struct rtcp_reader r = rtcp_reader_of(buf, len);
    struct rtcp_packet p;

    CHECK(len <= MAX_TWCC_FEEDBACK_BYTES && rtcp_next(&r, &p));
    CHECK(p.type == RTCP_RTPFB && p.fb.fmt == RTCP_RTPFB_TWCC && rtcp_twcc_parse(&t, &p.fb) == 0);
    for (size_t i = 0; i < t.n; i++)
        CHECK(!t.at[i].received || came[t.at[i].seq]);
}

static void tell(struct twcc *t, uint64_t now_us)
{
    uint8_t buf[MAX_TWCC_FEEDBACK_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));

    for (unsigned n = 0; twcc_write(t, &w, 1, 2, now_us); n++) {
        CHECK(n < MAX_TWCC_ARRIVALS && !w.failed);
        read_feedback(buf, writer_len(&w));
        w = writer_of(buf, sizeof(buf));
    }
    CHECK(twcc_due_us(t) > now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct twcc *twcc = twcc_new();
    struct remb *remb = remb_new();
    uint64_t now_us = 1000000, bps;
    uint32_t sent = 0;
    uint16_t seq = 0;

    CHECK(twcc != NULL && remb != NULL);
    memset(came, 0, sizeof(came));
    for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES) {
        int16_t move = (int16_t)(data[0] << 8 | data[1]);
        size_t bytes = data[3] * 6u;
        seq = (uint16_t)(seq + (data[2] & 1 ? move : move % 4));
        sent = (sent + (data[2] & 2 ? (uint32_t)data[2] << 16 : (uint32_t)data[2] << 5)) & 0xffffff;
        now_us += (uint64_t)data[4] * data[4] * (data[2] & 4 ? 16 : 1);
        came[seq] = 1;
        twcc_add(twcc, seq, bytes, now_us, now_us);
        if (twcc_due_us(twcc) <= now_us)
            tell(twcc, now_us);
        remb_set_rtt(remb, data[3] * 4000u);
        remb_add(remb, sent, bytes, now_us, now_us);
        if (remb_due_us(remb) <= now_us && remb_take(remb, now_us, &bps))
            CHECK(bps == remb_bps(remb));
        CHECK(remb_due_us(remb) > now_us);
        CHECK(remb_bps(remb) >= REMB_MIN_BPS && remb_bps(remb) <= REMB_MAX_BPS);
    }
    tell(twcc, now_us + 1000000);
    twcc_free(&twcc);
    remb_free(&remb);
    return 0;
}
