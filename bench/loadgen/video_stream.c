/* SPDX-License-Identifier: Apache-2.0 */
/* video_stream.c - see video_stream.h. */
#include "bench/loadgen/video_stream.h"

#include "bench/loadgen/generator.h"
#include "core/check.h"
#include "core/mem.h"

void video_stream_init(struct video_stream *v, const struct clip *clip)
{
    *v = (struct video_stream){.clip = clip,
                               .ssrc = generator_random_ssrc(),
                               .rtx_ssrc = generator_random_ssrc(),
                               .next_seq = (uint16_t)(generator_random_ssrc() & 0x7fff)};
    v->history = mem_alloc_array(VIDEO_HISTORY_PACKETS, sizeof(*v->history));
}

void video_stream_fini(struct video_stream *v)
{
    MEM_FREE(v->history);
}

size_t video_stream_next_index(const struct video_stream *v)
{
    const struct clip *c = v->clip;

    return v->wants_keyframe && !c->frame[v->next_frame].is_keyframe
               ? clip_next_keyframe(c, v->next_frame)
               : v->next_frame;
}

static const struct clip_frame *take_frame(struct video_stream *v)
{
    const struct clip *c = v->clip;
    size_t at = video_stream_next_index(v);

    v->next_frame = (at + 1) % c->frame_count;
    if (c->frame[at].is_keyframe)
        v->wants_keyframe = false;
    return &c->frame[at];
}

size_t video_stream_next_frame(struct video_stream *v, uint32_t ts, uint16_t *first_seq)
{
    const struct clip_frame *f = take_frame(v);
    size_t count = vp8_payload_count(f->len);

    CHECK(count <= VIDEO_HISTORY_PACKETS); /* half a megabyte: clips are ours */
    vp8_packetizer_next_frame(&v->packetizer);
    *first_seq = v->next_seq;
    for (size_t i = 0; i < count; i++) {
        struct video_packet *p = &v->history[v->next_seq % VIDEO_HISTORY_PACKETS];
        p->ts = ts;
        p->seq = v->next_seq++;
        p->len = (uint16_t)vp8_payload_write(&v->packetizer, f->data, f->len, i, count, p->payload);
        p->is_last = i + 1 == count;
    }
    return count;
}

struct video_packet *video_stream_find(struct video_stream *v, uint16_t seq)
{
    struct video_packet *p = &v->history[seq % VIDEO_HISTORY_PACKETS];

    return p->len > 0 && p->seq == seq ? p : NULL;
}
