/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A story of packets sent, time that passes (or jumps back), and feedback of any bytes and any order. Whatever it says, the target
 * stays in its limits, memory is bounded, and no deadline is set that never ends.
 */
#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/str.h"
#include "core/wire.h"
#include "transport/bwe.h"
#include "transport/rtcp_twcc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MIN_BPS 30000u
#define MAX_BPS 20000000u
#define MAX_STEPS 2000          /* of one story */
#define MAX_FEEDBACK_WORK 60000 /* statuses in all */
#define MAX_WAKE_UPS 64         /* that may follow one step */
#define PADDING_BYTES 1200

enum step { SEND = 0x00, FEEDBACK = 0x80, AGAIN = 0xC0, RTT, REMB, WANT, PATH, LATER, EARLIER };

static struct story {
    struct bwe *bwe;
    uint64_t now_us;
    size_t statuses;
    bool has_feedback;
    struct rtcp_twcc feedback;
} story;

static void expect_sane(void)
{
    struct bwe_stats s;
    uint64_t target_bps = bwe_target_bps(story.bwe);

    CHECK(target_bps >= MIN_BPS && target_bps <= MAX_BPS);
    bwe_read_stats(story.bwe, &s);
    CHECK(s.estimate_bps >= MIN_BPS && s.estimate_bps <= MAX_BPS);
    CHECK(s.memory_bytes <= 4096 + 8 * MAX_SEND_HISTORY);
    CHECK(s.inherent_loss >= 0 && s.inherent_loss <= 1 && s.loss >= 0 && s.loss <= 1);
}

/* Deadlines up to now; a clock that was set back must not make them come for ever. */
static void wake_up(void)
{
    unsigned wake_ups = 0;

    while (bwe_deadline_us(story.bwe) <= story.now_us) {
        struct bwe_probe probe;
        CHECK(++wake_ups < MAX_WAKE_UPS);
        bwe_on_deadline(story.bwe, story.now_us);
        for (unsigned i = 0; i < 8 && bwe_probe_due(story.bwe, story.now_us, &probe); i++)
            (void)bwe_on_sent(story.bwe, PADDING_BYTES, BWE_PADDING, story.now_us);
        story.now_us += 1000;
    }
}

static void send(struct reader *r, uint8_t step)
{
    size_t bytes = 20 + 6u * reader_u8(r);

    for (unsigned n = (step & 0x3Fu) + 1; n > 0; n--)
        (void)bwe_on_sent(story.bwe, bytes, step & 0x40 ? BWE_RETRANSMISSION : BWE_MEDIA,
                          story.now_us);
    story.now_us += 16u * reader_u16(r);
}

static void take_feedback(void)
{
    story.statuses += story.feedback.n;
    if (story.statuses < MAX_FEEDBACK_WORK)
        bwe_on_feedback(story.bwe, &story.feedback, story.now_us);
}

static void read_feedback(struct reader *r, uint8_t step)
{
    size_t bytes = 4u * (step & 0x3Fu);
    struct rtcp_fb fb = {.fci = reader_bytes(r, bytes), .fci_bytes = bytes};

    if (r->failed || rtcp_twcc_parse(&story.feedback, &fb) != 0) {
        story.has_feedback = false;
        return;
    }
    story.has_feedback = true;
    take_feedback();
}

static void other_step(struct reader *r, uint8_t step)
{
    uint32_t value = reader_u32(r);

    if (step == AGAIN && story.has_feedback)
        take_feedback();
    else if (step == RTT)
        bwe_on_rtt(story.bwe, value);
    else if (step == REMB)
        bwe_on_remb(story.bwe, value, story.now_us);
    else if (step == WANT)
        bwe_set_want(story.bwe, value == UINT32_MAX ? UINT64_MAX : value, story.now_us);
    else if (step == PATH)
        bwe_on_path_change(story.bwe, story.now_us);
    else if (step == LATER)
        story.now_us += value;
    else if (step == EARLIER)
        story.now_us -= MIN(value, story.now_us - 1);
}

static void tell(struct reader *r)
{
    for (unsigned i = 0; i < MAX_STEPS && reader_left(r) > 0; i++) {
        uint8_t step = reader_u8(r);
        if (step < FEEDBACK)
            send(r, step);
        else if (step < AGAIN)
            read_feedback(r, step);
        else
            other_step(r, step);
        wake_up();
        expect_sane();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bwe_config config = {.min_bps = MIN_BPS, .max_bps = MAX_BPS};
    struct reader r = reader_of(data, size);
    struct strbuf text;

    story = (struct story){.bwe = bwe_new(&config), .now_us = 1000000};
    CHECK(story.bwe != NULL);
    tell(&r);
    strbuf_init(&text, 2000);
    bwe_describe(story.bwe, &text);
    CHECK(!text.failed);
    strbuf_fini(&text);
    bwe_free(&story.bwe);
    CHECK(mem_live_blocks() == 0);
    return 0;
}
