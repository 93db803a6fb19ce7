/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_forwarder.c - any order of calls, 12 bytes each: what to do, sequence number, timestamp, VP8 ids, time passed.
 *
 * Whatever comes, a number that went out is not given to another packet of the same source, and the first packet of a source
 * carries the next number.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/check.h"
#include "core/seq.h"
#include "core/wire.h"
#include "rooms/sfu/forwarder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seq16_unwrapper unwrapper; /* of the source's numbers */
static int64_t owner[65536];             /* of an outgoing number, since the last switch; 0: none */

static void note_owner(uint16_t out_seq, int64_t in)
{
    int64_t before = owner[out_seq];

    CHECK(before == 0 || before == in || in - before >= 32768); /* it wrapped */
    owner[out_seq] = in;
}

static void map(struct forwarder *f, const struct rtp_header *h, const struct vp8_descriptor *vp8,
                uint64_t now_us)
{
    struct forwarder_out out;

    if (!forwarder_map(f, h, vp8, now_us, &out))
        return;
    CHECK(forwarder_follows(f, h->seq));
    CHECK(!out.rewrites_vp8 || out.picture_id <= (vp8->picture_id_is_15bit ? 0x7fff : 0x7f));
    CHECK(out.keyidx <= 0x1f);
    note_owner(out.seq, seq16_unwrap(&unwrapper, h->seq));
}

static void skip(struct forwarder *f, uint16_t seq)
{
    uint16_t before_seq = f->highest_out_seq;

    if (forwarder_skip(f, seq))
        (void)seq16_unwrap(&unwrapper, seq);
    CHECK(f->highest_out_seq == before_seq);
}

static void change_source(struct forwarder *f, const struct rtp_header *h,
                          const struct vp8_descriptor *vp8, uint8_t how, uint64_t now_us)
{
    uint16_t before_seq = f->highest_out_seq;
    uint32_t before_ts = f->highest_out_ts;
    bool is_first = !f->started;

    forwarder_switch(f, h, how & 1 ? 90000 : 48000, vp8, (how & 2) != 0, h->ts ^ (uint32_t)now_us,
                     now_us);
    memset(owner, 0, sizeof(owner));
    unwrapper = (struct seq16_unwrapper){0};
    map(f, h, vp8, now_us);
    CHECK(f->highest_out_seq == (uint16_t)(before_seq + 1));
    CHECK(is_first || f->highest_out_ts != before_ts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct forwarder f;
    struct reader r = reader_of(data, size);
    uint64_t now_us = 1;

    memset(owner, 0, sizeof(owner));
    unwrapper = (struct seq16_unwrapper){0};
    forwarder_init(&f, reader_u16(&r), reader_u32(&r), reader_u16(&r) & 0x7fff);
    while (reader_left(&r) >= 12) {
        uint8_t what = reader_u8(&r), how = reader_u8(&r);
        struct rtp_header h = {.seq = reader_u16(&r), .ts = reader_u32(&r)};
        struct vp8_descriptor vp8 = {.picture_id = reader_u16(&r) & 0x7fff,
                                     .picture_id_is_15bit = true};
        vp8.tl0picidx = (uint8_t)h.ts;
        vp8.keyidx = h.ts & 0x1f;
        now_us += (uint64_t)reader_u16(&r) * 100;
        if (how & 4) {
            vp8.picture_id &= 0x7f;
            vp8.picture_id_is_15bit = false;
        }
        if (what % 16 == 0)
            change_source(&f, &h, how & 8 ? NULL : &vp8, how, now_us);
        else if (what % 16 < 6)
            skip(&f, h.seq);
        else
            map(&f, &h, how & 8 ? NULL : &vp8, now_us);
    }
    return 0;
}
