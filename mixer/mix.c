/* SPDX-License-Identifier: Apache-2.0 */
/* mix.c - see mix.h: members and inputs come and go, settings change. Sound is mix_audio.c's, the picture mix_video.c's. */
#include "mixer/mix.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/timebase.h"
#include "mixer/mix_internal.h"
#include "mixer/pcm.h"

/* ---- settings ---- */

static int refuse(struct strbuf *why, const char *sentence)
{
    if (why != NULL)
        strbuf_add(why, sentence);
    return E_INVALID;
}

static int check_layout(const struct mix_settings *s, struct strbuf *why)
{
    static const uint32_t nobody;
    struct layout layout;
    const struct layout_request request = {
        .kind = s->layout,
        .width = s->width,
        .height = s->height,
        .participants = &nobody,
        .custom = s->custom,
        .customs = s->customs,
    };

    return layout_make(&layout, &request, why);
}

int mix_settings_check(const struct mix_settings *s, struct strbuf *why)
{
    if (s->width < MIN_MIX_SIDE || s->width > MAX_MIX_WIDTH || s->width % 2 != 0 ||
        s->height < MIN_MIX_SIDE || s->height > MAX_MIX_HEIGHT || s->height % 2 != 0)
        return refuse(why, "width and height are even, at least 64, at most 1920 and 1080");
    if (s->fps < 1 || s->fps > MAX_MIX_FPS)
        return refuse(why, "fps is 1 to 60");
    if (s->bitrate_bps < MIN_MIX_BPS || s->bitrate_bps > MAX_MIX_BPS)
        return refuse(why, "bitrate is 100000 to 20000000");
    if (s->codec != CODEC_VP8 && s->codec != CODEC_H264)
        return refuse(why, "codec is vp8 or h264");
    if (s->encodings < 1 || s->encodings > MAX_ENCODINGS)
        return refuse(why, "encodings is 1 to 3");
    if (s->audio_bps < MIN_MIX_AUDIO_BPS || s->audio_bps > MAX_MIX_AUDIO_BPS)
        return refuse(why, "audioBitrate is 6000 to 256000");
    if (s->personal_bps < MIN_MIX_AUDIO_BPS || s->personal_bps > MAX_MIX_AUDIO_BPS)
        return refuse(why, "mixMinusBitrate is 6000 to 256000");
    if (s->max_loud < 1 || s->max_loud > MAX_MIX_LOUD)
        return refuse(why, "loudest is 1 to 64");
    if (s->customs > MAX_LAYOUT_TILES || (s->layout == LAYOUT_CUSTOM && s->customs == 0))
        return refuse(why, "a custom layout has 1 to 64 rectangles");
    return check_layout(s, why);
}

/* ---- life ---- */

static void set_first_due(struct mix *m, uint64_t now_us)
{
    m->epoch_us = now_us;
    m->env.random |= 1;
}

int mix_new(struct mix **out, const struct mix_settings *settings, const struct mix_tracks *tracks,
            const struct mix_env *env, uint64_t now_us)
{
    int err = mix_settings_check(settings, NULL);
    struct mix *m = err != 0 ? NULL : mem_try_alloc(sizeof(*m));

    if (m == NULL)
        return err != 0 ? err : E_NO_MEMORY;
    m->settings = *settings;
    m->env = *env;
    m->tracks = *tracks;
    list_init(&m->members);
    set_first_due(m, now_us);
    if ((err = mix_audio_open(m, now_us)) != 0 || (err = mix_video_open(m, now_us)) != 0) {
        mix_free(&m);
        return err;
    }
    *out = m;
    return 0;
}

static void free_input(struct mix_input *in)
{
    in->member->mix->input_count--;
    mix_source_reset(in);
    audio_mix_leave(&in->audio);
    list_remove(&in->node);
    mem_free(in);
}

static void free_member(struct mix_member *member)
{
    struct mix *m = member->mix;

    while (!list_is_empty(&member->inputs))
        free_input(LIST_FIRST(&member->inputs, struct mix_input, node));
    mix_audio_forget(member);
    compositor_remove(m->compositor, member->number * 2);
    compositor_remove(m->compositor, member->number * 2 + 1);
    list_remove(&member->node);
    m->member_count--;
    mem_free(member);
}

void mix_free(struct mix **mp)
{
    struct mix *m = *mp;

    if (m == NULL)
        return;
    *mp = NULL;
    while (!list_is_empty(&m->members))
        free_member(LIST_FIRST(&m->members, struct mix_member, node));
    mix_video_close(m);
    mix_audio_close(m);
    mem_free(m);
}

/* Layout and bitrate change what flows; all else is of the canvas and its encoders. */
static bool needs_rebuild(const struct mix_settings *a, const struct mix_settings *b)
{
    return a->width != b->width || a->height != b->height || a->fps != b->fps ||
           a->background_rgb != b->background_rgb || a->has_labels != b->has_labels;
}

int mix_update(struct mix *m, const struct mix_settings *settings)
{
    struct mix_settings before = m->settings;
    int err = mix_settings_check(settings, NULL);

    if (err != 0)
        return err;
    CHECK(settings->codec == before.codec && settings->encodings == before.encodings);
    m->settings = *settings;
    if ((err = mix_audio_adjust(m)) == 0)
        err = needs_rebuild(&before, settings) ? mix_video_rebuild(m) : mix_video_adjust(m);
    if (err != 0) {
        m->settings = before;
        (void)!mix_audio_adjust(m); /* they were good before */
    }
    return err;
}

/* ---- members ---- */

static struct mix_member *find_member(const struct mix *m, uint32_t number)
{
    LIST_EACH(&m->members, struct mix_member, node, member) {
        if (member->number == number)
            return member;
    }
    return NULL;
}

static void insert(struct mix *m, struct mix_member *member)
{
    struct list *before = m->members.next;

    while (before != &m->members &&
           CONTAINER_OF(before, struct mix_member, node)->number < member->number)
        before = before->next;
    list_append(before, &member->node); /* in front of it */
    m->member_count++;
}

int mix_set_member(struct mix *m, uint32_t number, const char *identity, const char *name)
{
    struct mix_member *member = find_member(m, number);

    if (member == NULL) {
        if (m->member_count >= MAX_MIX_MEMBERS)
            return E_LIMIT;
        member = mem_try_alloc(sizeof(*member));
        if (member == NULL)
            return E_NO_MEMORY;
        member->mix = m;
        member->number = number;
        member->voice = (struct mix_voice){.csrc = number, .gain = PCM_GAIN_ONE};
        list_init(&member->inputs);
        insert(m, member);
    }
    if (!str_copy(member->identity, sizeof(member->identity), str_of(identity)) ||
        !str_copy(member->name, sizeof(member->name), str_of(name)))
        member->name[0] = 0; /* the rooms have checked the lengths */
    mix_video_look(m, member);
    mix_video_touch(m);
    return 0;
}

int mix_set_voice(struct mix *m, uint32_t number, const struct mix_voice *voice)
{
    struct mix_member *member = find_member(m, number);

    if (member == NULL)
        return E_NOT_FOUND;
    member->voice = *voice;
    mix_audio_set_voice(member);
    mix_video_look(m, member);
    return 0;
}

void mix_remove_member(struct mix *m, uint32_t number)
{
    struct mix_member *member = find_member(m, number);

    if (member == NULL)
        return;
    free_member(member);
    mix_video_touch(m);
}

int mix_set_personal(struct mix *m, uint32_t number, uint64_t track)
{
    struct mix_member *member = find_member(m, number);

    if (member == NULL)
        return E_NOT_FOUND;
    member->has_personal = track != 0;
    if (track != 0)
        mix_stream_init(m, &member->personal, track, 0, CODEC_OPUS);
    mix_audio_review(member);
    return 0;
}

/* ---- inputs ---- */

int mix_add_input(struct mix_input **out, struct mix *m, const struct mix_input_config *config)
{
    struct mix_member *member = find_member(m, config->member);
    struct mix_input *in;

    if (member == NULL)
        return E_NOT_FOUND;
    if (m->input_count >= MAX_MIX_INPUTS)
        return E_LIMIT;
    in = mem_try_alloc(sizeof(*in));
    if (in == NULL)
        return E_NO_MEMORY;
    in->member = member;
    in->config = *config;
    rtp_clock_init(&in->clock, &member->sender, config->kind == MEDIA_AUDIO ? 48000 : 90000);
    if (config->kind == MEDIA_AUDIO && (in->audio = audio_mix_join(m->audio)) == NULL) {
        mem_free(in);
        return E_NO_MEMORY;
    }
    list_append(&member->inputs, &in->node);
    m->input_count++;
    mix_audio_set_voice(member);
    mix_audio_review(member);
    mix_video_look(m, member);
    mix_video_touch(m);
    *out = in;
    return 0;
}

void mix_remove_input(struct mix_input **inp)
{
    struct mix_input *in = *inp;
    struct mix_member *member;

    if (in == NULL)
        return;
    *inp = NULL;
    member = in->member;
    free_input(in);
    mix_audio_review(member);
    mix_video_look(member->mix, member);
    mix_video_touch(member->mix);
}

void mix_set_muted(struct mix_input *in, bool is_muted)
{
    if (in->config.is_muted == is_muted)
        return;
    in->config.is_muted = is_muted;
    if (is_muted && in->config.kind == MEDIA_VIDEO)
        mix_source_reset(in);
    mix_video_look(in->member->mix, in->member);
    mix_video_touch(in->member->mix);
}

/* Another SSRC is another stream: the sender's clock stays, its timestamps do not. */
static void note_stream(struct mix_input *in, const struct packet *p)
{
    uint32_t hz = in->config.kind == MEDIA_VIDEO                     ? 90000
                  : p->codec == CODEC_PCMU || p->codec == CODEC_PCMA ? 8000
                                                                     : 48000;

    in->encoding = p->encoding;
    if (in->has_ssrc && in->ssrc == p->rtp.ssrc && in->clock.clock_hz == hz)
        return;
    in->ssrc = p->rtp.ssrc;
    in->has_ssrc = true;
    in->clock.clock_hz = hz;
    rtp_clock_restart(&in->clock);
}

void mix_push(struct mix_input *in, struct packet *p, uint64_t now_us)
{
    in->member->mix->stats.packets_in++;
    note_stream(in, p);
    if (in->config.kind == MEDIA_AUDIO || p->media.is_frame_start)
        rtp_clock_on_packet(&in->clock, p->rtp.ts, p->arrival_us);
    if (in->config.kind == MEDIA_VIDEO)
        mix_source_push(in, p, now_us);
    else if (!in->config.is_muted)
        audio_mix_push(in->audio, p);
}

void mix_push_report(struct mix_input *in, int64_t ntp_us, uint32_t ts, uint64_t arrival_us)
{
    if (in->has_ssrc)
        rtp_clock_on_sr(&in->clock, ntp_us, ts, arrival_us);
}

/* ---- who receives it ---- */

void mix_set_watched(struct mix *m, uint64_t track, bool is_watched)
{
    if (track == m->tracks.video)
        mix_video_set_watched(m, is_watched);
    else if (track == m->tracks.audio)
        m->is_heard = is_watched;
}

void mix_want_keyframe(struct mix *m, uint64_t track, unsigned encoding)
{
    if (track == m->tracks.video && encoding < m->settings.encodings)
        simulcast_want_keyframe(m->simulcast, encoding);
}

static const struct mix_stream *find_stream(const struct mix *m, uint64_t track)
{
    if (track == m->tracks.video)
        return &m->video_stream[0];
    if (track == m->tracks.audio)
        return &m->audio_stream;
    LIST_EACH(&m->members, struct mix_member, node, member) {
        if (member->has_personal && member->personal.track == track)
            return &member->personal;
    }
    return NULL;
}

int mix_read_clock(const struct mix *m, uint64_t track, uint64_t now_us, struct mix_clock *out)
{
    const struct mix_stream *s = find_stream(m, track);

    if (s == NULL)
        return E_NOT_FOUND;
    *out = (struct mix_clock){.at_us = now_us, .ts = mix_stream_ts(m, s, now_us)};
    return 0;
}

void mix_read_stats(const struct mix *m, struct mix_stats *out)
{
    struct audio_mix_stats audio;
    struct picture_pool_stats pictures;

    audio_mix_read_stats(m->audio, &audio);
    picture_pool_read_stats(m->env.pictures, &pictures);
    *out = m->stats;
    out->picture_bytes = pictures.live_bytes + pictures.idle_bytes;
    out->pictures_refused = pictures.refused;
    out->members = m->member_count;
    out->inputs = m->input_count;
    out->heard = audio.heard;
    out->personal = audio.personal;
    out->recovered = audio.recovered;
    out->level = m->level;
    out->fps = m->actual.fps;
    out->width = m->actual.width;
    out->height = m->actual.height;
}
