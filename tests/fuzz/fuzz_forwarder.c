/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_forwarder.c - any order of calls, 12 bytes each: what to do, how, sequence number, timestamp, ids, time passed. A layer
 * filter stands in front of the forwarder, as in a subscription.
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
#include "rooms/sfu/layer_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seq16_unwrapper unwrapper; /* of the source's numbers */
static int64_t owner[65536];             /* of an outgoing number, since the last switch; 0: none */
static struct layer_filter filter;

static void note_owner(uint16_t out_seq, int64_t in)
{
    int64_t before = owner[out_seq];

    CHECK(before == 0 || before == in || in - before >= 32768); /* it wrapped */
    owner[out_seq] = in;
}

static void pass(struct forwarder *f, const struct rtp_header *h, const struct media_info *m,
                 uint64_t now_us)
{
    struct forwarder_out out;

    if (!forwarder_pass(f, h, m, now_us, &out))
        return;
    CHECK(forwarder_follows(f, h->seq));
    CHECK(!out.rewrites_ids || out.picture_id <= (m->ids.picture_id_bits == 15 ? 0x7fff : 0x7f));
    CHECK(out.keyidx <= 0x1f);
    note_owner(out.seq, seq16_unwrap(&unwrapper, h->seq));
}

static bool leave_out(struct forwarder *f, const struct rtp_header *h, const struct media_info *m)
{
    uint16_t before_seq = f->highest_out_seq;
    bool is_left_out = forwarder_leave_out(f, h, m);

    if (is_left_out)
        (void)seq16_unwrap(&unwrapper, h->seq);
    CHECK(f->highest_out_seq == before_seq);
    CHECK(f->run_count <= FORWARDER_RUNS);
    return is_left_out;
}

static void take(struct forwarder *f, const struct rtp_header *h, const struct media_info *m,
                 uint64_t now_us)
{
    struct layer_verdict v;
    struct layer_point before = layer_filter_current(&filter);
    bool goes_out = layer_filter_take(&filter, h, m, &v);
    struct layer_point at = layer_filter_current(&filter);

    CHECK(goes_out || m->spatial > 0 || m->temporal > 0);
    CHECK(at.spatial <= MAX(before.spatial, filter.target.spatial));
    CHECK(at.temporal <= MAX(before.temporal, filter.target.temporal));
    CHECK(!h->marker || v.marker);
    if (goes_out || !leave_out(f, h, m))
        pass(f, h, m, now_us);
}

static void change_source(struct forwarder *f, const struct rtp_header *h,
                          const struct media_info *m, uint8_t how, uint64_t now_us)
{
    uint16_t before_seq = f->highest_out_seq;
    uint32_t before_ts = f->highest_out_ts;
    bool is_first = !f->started;

    if (how & 4) {
        uint32_t distance =
            forwarder_distance(f, h->ts + how, (how & 2) != 0, h->ts ^ (uint32_t)now_us, now_us);
        forwarder_begin_behind(f, h, m, distance, now_us);
        CHECK(is_first || ts32_newer(f->highest_out_ts, before_ts));
    } else {
        forwarder_begin(f, h, m, how & 1 ? 90000 : 48000, (how & 2) != 0, h->ts ^ (uint32_t)now_us,
                        now_us);
    }
    layer_filter_restart(&filter);
    memset(owner, 0, sizeof(owner));
    unwrapper = (struct seq16_unwrapper){0};
    pass(f, h, m, now_us);
    CHECK(f->highest_out_seq == (uint16_t)(before_seq + 1));
    CHECK(is_first || f->highest_out_ts != before_ts);
}

static void read_media(struct media_info *m, const struct rtp_header *h, uint8_t how, uint16_t id)
{
    *m = (struct media_info){.spatial = -1, .temporal = -1};
    if (how & 8)
        return;
    m->ids.bytes = 1;
    m->ids.picture_id_bits = how & 4 ? 7 : 15;
    m->ids.picture_id = id & (how & 4 ? 0x7f : 0x7fff);
    m->ids.tl0picidx = (uint8_t)h->ts;
    m->ids.keyidx = h->ts & 0x1f;
    m->ids.closes_up = (how & 16) != 0;
    m->spatial = (int8_t)((how >> 5 & 3) - 1);
    m->temporal = (int8_t)((id >> 13) - 1);
    m->starts_layer = m->is_frame_start = (how & 128) != 0;
    m->is_keyframe = m->starts_layer && h->ts % 16 == 0;
    m->ends_layer = (h->ts & 64) != 0;
    m->enters_layer = (h->ts & 32) != 0;
    m->switches = h->ts;
    m->refs = h->ts >> 8;
    m->number = (uint16_t)h->ts;
    m->number_bits = id & 1 ? 16 : m->ids.picture_id_bits;
    m->dd.has_frame_number = (id & 2) != 0;
    m->dd.frame_number = (uint16_t)h->ts;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct forwarder f;
    struct reader r = reader_of(data, size);
    uint64_t now_us = 1;

    memset(owner, 0, sizeof(owner));
    unwrapper = (struct seq16_unwrapper){0};
    forwarder_init(&f, reader_u16(&r), reader_u32(&r), reader_u16(&r) & 0x7fff);
    layer_filter_init(&filter);
    while (reader_left(&r) >= 12) {
        struct media_info m;
        uint8_t what = reader_u8(&r), how = reader_u8(&r);
        struct rtp_header h = {.seq = reader_u16(&r), .ts = reader_u32(&r), .payload_bytes = 100};
        read_media(&m, &h, how, reader_u16(&r));
        now_us += (uint64_t)reader_u16(&r) * 100;
        if (what % 16 == 0)
            change_source(&f, &h, &m, how, now_us);
        else if (what % 16 < 5)
            (void)leave_out(&f, &h, &m);
        else if (what % 16 == 5)
            layer_filter_set_target(&filter, how & 7, how >> 3 & 7);
        else if (what % 16 < 11)
            take(&f, &h, &m, now_us);
        else
            pass(&f, &h, &m, now_us);
    }
    return 0;
}
