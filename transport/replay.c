/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/replay.h"

#include <string.h>

void replay_mark(uint64_t *used, size_t packets, uint64_t *newest, uint64_t index)
{
    if (index > *newest && index - *newest >= packets) {
        memset(used, 0, packets / 8);
        *newest = index;
    }
    for (; *newest < index; ++*newest)
        used[(*newest + 1) % packets / 64] &= ~(1ull << ((*newest + 1) % 64));
    used[index % packets / 64] |= 1ull << (index % 64);
}
