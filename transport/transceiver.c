/* SPDX-License-Identifier: Apache-2.0 */
/* transceiver.c - looking things up in a negotiated section. */
#include "transport/transceiver.h"

#include <stddef.h>

const struct negotiated_codec *transceiver_find_pt(const struct transceiver *t, uint8_t pt)
{
    for (size_t i = 0; i < t->codec_count; i++)
        if (t->codec[i].pt == pt)
            return &t->codec[i];
    return NULL;
}

const struct negotiated_codec *transceiver_find_rtx_pt(const struct transceiver *t, uint8_t rtx_pt)
{
    if (rtx_pt == PT_NONE)
        return NULL;
    for (size_t i = 0; i < t->codec_count; i++)
        if (t->codec[i].rtx_pt == rtx_pt)
            return &t->codec[i];
    return NULL;
}

const struct negotiated_codec *transceiver_find_codec(const struct transceiver *t,
                                                      const struct codec *codec)
{
    for (size_t i = 0; i < t->codec_count; i++)
        if (codec_fits(codec, &t->codec[i].codec))
            return &t->codec[i];
    return NULL;
}
