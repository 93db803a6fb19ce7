/* SPDX-License-Identifier: Apache-2.0 */
/* Three bytes a step: how the sequence number moves, flags, time. Even first bytes are arrivals, odd ones requests. */
#include "core/check.h"
#include "core/limits.h"
#include "core/seq.h"
#include "transport/nack.h"

#define STEP_BYTES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(struct nack *n, uint64_t rtt_us, uint64_t now_us)
{
    uint16_t seqs[16];
    bool wants_keyframe = false;
    uint64_t given_up = n->given_up, asked = n->asked + n->repeated;
    size_t count = nack_due(n, rtt_us, now_us, seqs, ARRAY_LEN(seqs), &wants_keyframe);

    CHECK(count <= ARRAY_LEN(seqs) && n->asked + n->repeated == asked + count);
    for (size_t i = 1; i < count; i++)
        CHECK(seq16_newer(seqs[i], seqs[i - 1]));
    CHECK(!wants_keyframe || n->given_up > given_up);
    CHECK(count == ARRAY_LEN(seqs) || nack_next_us(n) > now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nack n;
    uint16_t seq = 0;
    uint64_t now_us = 1000000;

    nack_init(&n, size % 2 ? NACK_VIDEO : NACK_AUDIO);
    for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES) {
        int8_t move = (int8_t)data[0];
        now_us += (uint64_t)data[2] * data[2] * 16;
        if (data[0] % 2) {
            request(&n, (uint64_t)data[1] * 4000, now_us);
            continue;
        }
        seq = (uint16_t)(seq + (move > 100 || move < -100 ? move * 64 : move / 2));
        bool wants_keyframe = nack_received(&n, seq, data[1] % 4, now_us);
        CHECK(!wants_keyframe || (n.is_video && n.count == 0));
        CHECK(n.count <= MAX_NACK_OUTSTANDING);
        CHECK((n.count == 0) == (nack_next_us(&n) == UINT64_MAX));
    }
    nack_reset(&n);
    return 0;
}
