/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packetizer_vp8.c - the payload descriptor of RFC 7741 s4.2, always with all of its extensions:
 *
 *      |X|R|N|S|R| PID |   I, L, T, K   |1| PictureID (15) |   TL0PICIDX   |TID|Y| KEYIDX  |
 */
#include "mixer/packetizer_internal.h"

#define DESCRIPTOR_BYTES 6

#define HEAD_EXTENDED 0x80
#define HEAD_DROPPABLE 0x20
#define HEAD_START 0x10
#define EXT_ALL 0xF0
#define PICTURE_ID_15BIT 0x8000
#define LAYER_SYNC 0x20

int packetizer_begin_vp8(struct packetizer *p)
{
    p->vp8.picture_id = (p->vp8.picture_id + 1) & 0x7FFF;
    p->vp8.tl0picidx = (uint8_t)(p->vp8.tl0picidx + (p->frame.temporal_id == 0));
    p->vp8.keyidx = (p->vp8.keyidx + (p->frame.is_keyframe ? 1 : 0)) & 31;
    packetizer_cut(p, 0, p->frame.len, p->max_bytes - DESCRIPTOR_BYTES);
    return 0;
}

void packetizer_next_vp8(struct packetizer *p, struct writer *w)
{
    size_t from = p->at;

    writer_u8(w, (uint8_t)(HEAD_EXTENDED | (p->frame.is_droppable ? HEAD_DROPPABLE : 0) |
                           (from == 0 ? HEAD_START : 0)));
    writer_u8(w, EXT_ALL);
    writer_u16(w, PICTURE_ID_15BIT | p->vp8.picture_id);
    writer_u8(w, p->vp8.tl0picidx);
    writer_u8(w, (uint8_t)(p->frame.temporal_id << 6 | (p->frame.is_layer_sync ? LAYER_SYNC : 0) |
                           p->vp8.keyidx));
    writer_bytes(w, p->frame.data + from, packetizer_take_part(p));
}
