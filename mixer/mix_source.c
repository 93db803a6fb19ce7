/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix_source.c - a video input of a mix: packets, held back until their sound is heard, to the compositor's picture.
 *
 *   packet ─▶ held (for its sound) ─▶ frame_buffer ─▶ video_decoder ─▶ compositor
 */
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "mixer/mix_internal.h"

#define MAX_HOLD_US 400000 /* a picture waits no longer for its sound */
#define KEYFRAME_EVERY_US \
    500000 /* between two requests of one input; the publisher's worker merges */
#define FROZEN_US 5000000ull
#define FROZEN_SCREEN_US 60000000ull /* what does not change on a screen may not be sent at all */

static void drop_held(struct mix_input *in)
{
    for (; in->held_count > 0; in->held_count--) {
        packet_unref(&in->held[in->held_at].pkt);
        in->held_at = (in->held_at + 1) % MIX_HELD_PACKETS;
    }
}

static void show_nothing(struct mix_input *in)
{
    if (!in->has_picture)
        return;
    in->has_picture = false;
    compositor_set_picture(in->member->mix->compositor, mix_tile_of(in), NULL);
}

void mix_source_reset(struct mix_input *in)
{
    if (in->held != NULL)
        drop_held(in);
    MEM_FREE(in->held);
    show_nothing(in);
    frame_buffer_free(&in->frames);
    video_decoder_free(&in->decoder);
    in->codec = CODEC_NONE;
    in->picture_us = 0;
}

/* Another codec than before, or the first. false: none that we decode, or no memory. */
static bool prepare(struct mix_input *in, enum codec_id codec)
{
    const struct frame_buffer_config config = {.codec = codec,
                                               .orientation_ext_id = in->config.orientation_ext_id};

    if (in->codec == codec && in->frames != NULL)
        return true;
    mix_source_reset(in);
    in->frames = frame_buffer_new(&config);
    if (in->frames == NULL ||
        video_decoder_new(&in->decoder, codec, in->member->mix->env.pictures) != 0) {
        mix_source_reset(in);
        return false;
    }
    in->codec = codec;
    return true;
}

/* ---- packets ---- */

static void hold(struct mix_input *in, struct packet *p, uint64_t due_us)
{
    unsigned at = (in->held_at + in->held_count) % MIX_HELD_PACKETS;

    in->held[at].pkt = packet_ref(p);
    in->held[at].due_us = due_us;
    in->held_count++;
}

static bool take_held(struct mix_input *in, uint64_t now_us)
{
    if (in->held_count == 0 || in->held[in->held_at].due_us > now_us)
        return false;
    frame_buffer_push(in->frames, in->held[in->held_at].pkt);
    packet_unref(&in->held[in->held_at].pkt);
    in->held_at = (in->held_at + 1) % MIX_HELD_PACKETS;
    in->held_count--;
    return true;
}

/* When its sound is heard; now, where nothing is known of that. */
static uint64_t due_of(const struct mix_input *in, const struct packet *p, uint64_t now_us)
{
    const struct mix_member *member = in->member;
    int64_t captured_us;

    if (in->config.is_screen || !member->has_audio_delay || !rtp_clock_is_exact(&in->clock) ||
        !rtp_clock_time_of(&in->clock, p->rtp.ts, &captured_us))
        return now_us;
    int64_t wait_us = captured_us + member->audio_delay_us - (int64_t)now_us;
    return wait_us <= 0 ? now_us : now_us + (uint64_t)MIN(wait_us, (int64_t)MAX_HOLD_US);
}

void mix_source_push(struct mix_input *in, struct packet *p, uint64_t now_us)
{
    if (in->config.is_muted || !prepare(in, (enum codec_id)p->codec))
        return;
    uint64_t due_us = due_of(in, p, now_us);
    if (in->held == NULL && due_us > now_us) {
        in->held = mem_try_alloc(MIX_HELD_PACKETS * sizeof(*in->held));
        in->held_at = in->held_count = 0;
    }
    while (in->held_count == MIX_HELD_PACKETS)
        (void)take_held(in, UINT64_MAX);
    if (in->held != NULL && (due_us > now_us || in->held_count > 0))
        hold(in, p, due_us);
    else
        frame_buffer_push(in->frames, p);
}

/* ---- pictures ---- */

static void decode(struct mix_input *in, const struct encoded_frame *frame, uint64_t now_us)
{
    struct mix *m = in->member->mix;
    struct picture *picture;

    compositor_release_drawn(m->compositor, mix_tile_of(in));
    if (video_decoder_decode(in->decoder, frame->data, frame->len, &picture) != 0) {
        m->stats.decode_errors++;
        frame_buffer_restart(in->frames);
        return;
    }
    if (picture == NULL)
        return;
    m->stats.pictures_in++;
    picture->rotation = frame->rotation;
    compositor_set_picture(m->compositor, mix_tile_of(in), picture);
    picture_unref(&picture);
    uint64_t began_ns = mix_cpu_ns(m);
    compositor_draw_source(m->compositor, mix_tile_of(in));
    m->draw_ns += mix_cpu_ns(m) - began_ns;
    in->picture_us = now_us;
    in->has_picture = true;
}

static void ask_keyframe(struct mix_input *in, uint64_t now_us)
{
    struct mix *m = in->member->mix;

    if (in->asked_us != 0 && now_us - in->asked_us < KEYFRAME_EVERY_US)
        return;
    in->asked_us = now_us;
    m->stats.keyframes_asked++;
    m->env.on_keyframe_wanted(in->config.id, in->encoding, m->env.arg);
}

void mix_source_run(struct mix_input *in, uint64_t now_us)
{
    struct encoded_frame frame;

    if (in->frames != NULL) {
        while (take_held(in, now_us))
            ;
        while (frame_buffer_pull(in->frames, &frame, now_us))
            decode(in, &frame, now_us);
        if (frame_buffer_needs_keyframe(in->frames))
            ask_keyframe(in, now_us);
    }
    if (in->has_picture &&
        now_us - in->picture_us > (in->config.is_screen ? FROZEN_SCREEN_US : FROZEN_US))
        show_nothing(in);
}
