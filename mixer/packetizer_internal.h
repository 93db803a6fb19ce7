/* SPDX-License-Identifier: Apache-2.0 */
/* packetizer_internal.h - the codecs behind packetizer.h. */
#pragma once

#include "core/wire.h"
#include "mixer/packetizer.h"

/** Cut @len bytes from @at on into equal parts of at most @max bytes. */
void packetizer_cut(struct packetizer *p, size_t at, size_t len, size_t max);
/** The length of the next part, which is taken. */
size_t packetizer_take_part(struct packetizer *p);

int packetizer_begin_vp8(struct packetizer *p);
void packetizer_next_vp8(struct packetizer *p, struct writer *w);
int packetizer_begin_h264(struct packetizer *p);
void packetizer_next_h264(struct packetizer *p, struct writer *w);
