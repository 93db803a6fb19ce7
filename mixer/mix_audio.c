/* SPDX-License-Identifier: Apache-2.0 */
/* mix_audio.c - the sound of a mix, its streams, and who speaks. */
#include <string.h>

#include "core/err.h"
#include "core/packet.h"
#include "core/timebase.h"
#include "mixer/mix_internal.h"

#define MAX_TICKS_BEHIND 10 /* past it sound is left out: the thread stood still */
#define SPEECH_LEVEL 50     /* -dBov: quieter ones are background */
#define SPEECH_MAX 50       /* ticks: one second of speech counts as much as ten */
#define SPEECH_START 15
#define SPEECH_LEAD 10 /* by so much another one must have spoken more */
#define ACTIVE_MIN_US 1000000ull
#define DELAY_SMOOTHING 16
#define SILENT 127

int mix_audio_open(struct mix *m, uint64_t now_us)
{
    struct audio_mix_settings settings = AUDIO_MIX_DEFAULTS;

    settings.max_loud = m->settings.max_loud;
    settings.shared.bitrate_bps = m->settings.audio_bps;
    settings.personal.bitrate_bps = m->settings.personal_bps;
    m->audio = audio_mix_new(&settings);
    if (m->audio == NULL)
        return E_NO_MEMORY;
    m->audio_due_us = now_us;
    mix_stream_init(m, &m->audio_stream, m->tracks.audio, 0, CODEC_OPUS);
    return 0;
}

void mix_audio_close(struct mix *m)
{
    audio_mix_free(&m->audio);
}

int mix_audio_adjust(struct mix *m)
{
    int err = audio_mix_set_bitrates(m->audio, m->settings.audio_bps, m->settings.personal_bps);

    return err != 0 ? err : audio_mix_set_max_loud(m->audio, m->settings.max_loud);
}

/* ---- who speaks ---- */

static unsigned level_of(const struct mix_member *member)
{
    unsigned level = SILENT;

    LIST_EACH(&member->inputs, struct mix_input, node, in) {
        if (in->audio != NULL && !in->config.is_screen && !in->config.is_muted) {
            uint8_t l = audio_input_level(audio_mix_input(in->audio));
            level = l < level ? l : level;
        }
    }
    return level;
}

static void set_active(struct mix *m, struct mix_member *member, uint64_t now_us)
{
    struct mix_member *before = m->active;

    m->active = member;
    m->active_since_us = now_us;
    m->stats.active_speaker = member == NULL ? 0 : member->number;
    if (before != NULL)
        mix_video_look(m, before);
    if (member != NULL)
        mix_video_look(m, member);
    mix_video_touch(m);
}

static struct mix_member *loudest(const struct mix *m)
{
    struct mix_member *best = NULL;
    unsigned best_level = SPEECH_LEVEL;

    LIST_EACH(&m->members, struct mix_member, node, member) {
        unsigned level = level_of(member);
        if (level < best_level) {
            best = member;
            best_level = level;
        }
    }
    return best;
}

static void find_active(struct mix *m, uint64_t now_us)
{
    struct mix_member *now = loudest(m), *best = NULL;

    LIST_EACH(&m->members, struct mix_member, node, member) {
        if (member == now)
            member->speech += member->speech < SPEECH_MAX;
        else
            member->speech -= member->speech > 0;
        if (best == NULL || member->speech > best->speech)
            best = member;
    }
    if (best == NULL || best == m->active || best->speech < SPEECH_START)
        return;
    if (m->active != NULL && (best->speech < m->active->speech + SPEECH_LEAD ||
                              now_us - m->active_since_us < ACTIVE_MIN_US))
        return;
    set_active(m, best, now_us);
}

/* ---- sound and picture of a member ---- */

/* How long ago was captured what is heard now? */
static void note_delay(struct mix_input *in, uint64_t now_us)
{
    struct mix_member *member = in->member;
    uint32_t ts;
    int64_t captured_us;

    if (in->config.is_screen || !rtp_clock_is_exact(&in->clock) ||
        !audio_input_position(audio_mix_input(in->audio), &ts) ||
        !rtp_clock_time_of(&in->clock, ts, &captured_us))
        return;
    int64_t delay_us = (int64_t)now_us - captured_us;
    if (member->has_audio_delay)
        member->audio_delay_us += (delay_us - member->audio_delay_us) / DELAY_SMOOTHING;
    else
        member->audio_delay_us = delay_us;
    member->has_audio_delay = true;
}

/* ---- streams ---- */

static void send_payload(struct mix *m, struct mix_stream *s, const struct audio_payload *payload,
                         uint64_t at_us, const struct mix_heard *heard)
{
    uint8_t *to;
    size_t size;

    if (payload->len == 0)
        return;
    struct packet *p = mix_stream_packet(m, s, &to, &size);
    if (p == NULL)
        return;
    if (payload->len > size) { /* Opus at the top of its bitrates; ours is far below */
        packet_unref(&p);
        return;
    }
    memcpy(to, payload->bytes, payload->len);
    mix_stream_send(m, s, p, payload->len, payload->is_start, at_us, heard);
}

/* Which sound of it the stream of its own belongs to: the voice, where there is one. */
static struct audio_member *ears_of(const struct mix_member *member)
{
    struct audio_member *ears = NULL;

    LIST_EACH(&member->inputs, struct mix_input, node, in) {
        if (in->audio != NULL && (ears == NULL || !in->config.is_screen))
            ears = in->audio;
    }
    return ears;
}

void mix_audio_review(struct mix_member *member)
{
    const struct audio_member *ears = ears_of(member);

    LIST_EACH(&member->inputs, struct mix_input, node, in) {
        if (in->audio != NULL)
            audio_mix_set_listening(in->audio, in->audio == ears && member->has_personal);
    }
}

void mix_audio_set_voice(struct mix_member *member)
{
    LIST_EACH(&member->inputs, struct mix_input, node, in) {
        if (in->audio == NULL)
            continue;
        audio_mix_set_source(in->audio, member->voice.csrc);
        audio_mix_set_gain(in->audio, member->voice.gain);
    }
}

void mix_audio_forget(struct mix_member *member)
{
    if (member->mix->active == member) {
        member->mix->active = NULL;
        member->mix->stats.active_speaker = 0;
    }
}

/* The same without one of them. */
static void leave_out(struct mix_heard *heard, uint32_t csrc)
{
    size_t n = 0;

    for (size_t i = 0; i < heard->count; i++)
        if (heard->who[i].source != csrc)
            heard->who[n++] = heard->who[i];
    heard->count = n;
}

static void send_all(struct mix *m, uint64_t at_us)
{
    struct mix_heard heard;

    heard.count = audio_mix_contributors(m->audio, heard.who, ARRAY_LEN(heard.who));
    if (m->is_heard)
        send_payload(m, &m->audio_stream, audio_mix_payload(m->audio, NULL), at_us, &heard);
    LIST_EACH(&m->members, struct mix_member, node, member) {
        struct mix_heard others = heard;
        if (!member->has_personal)
            continue;
        leave_out(&others, member->voice.csrc);
        send_payload(m, &member->personal, audio_mix_payload(m->audio, ears_of(member)), at_us,
                     &others);
    }
}

static void tick(struct mix *m, uint64_t at_us)
{
    audio_mix_tick(m->audio, at_us);
    m->stats.audio_ticks++;
    LIST_EACH(&m->members, struct mix_member, node, member) {
        LIST_EACH(&member->inputs, struct mix_input, node, in) {
            if (in->audio != NULL)
                note_delay(in, at_us);
        }
    }
    find_active(m, at_us);
    send_all(m, at_us);
}

void mix_run_audio(struct mix *m, uint64_t now_us)
{
    uint64_t began_ns = mix_cpu_ns(m);

    if (now_us > m->audio_due_us + MAX_TICKS_BEHIND * MIX_AUDIO_TICK_US) {
        uint64_t behind = (now_us - m->audio_due_us) / MIX_AUDIO_TICK_US;
        m->stats.late_sound += behind;
        m->audio_due_us += behind * MIX_AUDIO_TICK_US;
    }
    while (m->audio_due_us <= now_us) {
        tick(m, m->audio_due_us);
        m->audio_due_us += MIX_AUDIO_TICK_US;
    }
    m->stats.audio_ns += mix_cpu_ns(m) - began_ns;
}
