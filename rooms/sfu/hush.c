/* SPDX-License-Identifier: Apache-2.0 */
/* hush.c - see hush.h. */
#include "rooms/sfu/hush.h"

#include "core/rtp.h"
#include "core/seq.h"

_Static_assert(HUSH_PACKETS <= 32, "packet.left_out has a bit for each");

/* It is @behind the newest. Of what was handed on before it everybody knows; what lies between is told, or left out with the rest. */
static bool leaves_out_late(struct hush *h, uint16_t seq, unsigned behind, bool is_silence,
                            uint32_t *left_out)
{
    if (behind >= 32 || !seq16_newer(seq, h->handed_on))
        return false;
    if (is_silence) {
        h->left_out |= 1u << behind;
        return true;
    }
    *left_out = behind == 31 ? 0 : h->left_out >> (behind + 1);
    h->left_out &= (1u << behind) - 1;
    h->handed_on = seq;
    return false;
}

bool hush_leaves_out(struct hush *h, const struct rtp_header *rtp, bool is_silence,
                     uint32_t *left_out)
{
    int step = seq16_diff(rtp->seq, h->newest);

    *left_out = 0;
    if (!h->started || h->ssrc != rtp->ssrc) {
        *h = (struct hush){
            .started = true, .ssrc = rtp->ssrc, .newest = rtp->seq, .handed_on = rtp->seq};
        return false;
    }
    if (step <= 0)
        return leaves_out_late(h, rtp->seq, (unsigned)-step, is_silence, left_out);
    uint32_t before = step > 32 ? 0 : h->left_out << (step - 1);
    h->newest = rtp->seq;
    if (is_silence && h->count + 1 < HUSH_PACKETS) {
        if ((h->left_out & 1) != 0) /* what was lost between two of them was silence, too */
            before |= (uint32_t)((1ull << MIN(step - 1, 32)) - 1);
        h->left_out = before << 1 | 1;
        h->count++;
        return true;
    }
    *left_out = before;
    h->handed_on = rtp->seq;
    h->left_out = h->count = 0;
    return false;
}
