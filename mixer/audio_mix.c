/* SPDX-License-Identifier: Apache-2.0 */
/* audio_mix.c - see audio_mix.h. */
#include "mixer/audio_mix.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "mixer/pcm.h"

#define PERSONAL_HANG_TICKS \
    25 /* half a second: pauses between words do not move a member to and fro */

struct audio_member {
    struct audio_mix *mix;
    size_t index; /* in mix->member */
    struct audio_input *input;
    uint32_t source; /* 0: its own */
    struct audio_member
        *beside; /* the next one of its source, in a ring; itself when it is alone */
    struct audio_output *personal; /* NULL: gets the shared stream */
    unsigned quiet_ticks;          /* since it was heard */
    bool is_listening;
    bool is_in_sum; /* part holds this tick's sound */
    int32_t part[PCM_TICK_SAMPLES];
};

struct audio_mix {
    struct audio_mix_settings settings;
    struct audio_output *shared;
    struct audio_mix_stats stats;
    int32_t sum[PCM_TICK_SAMPLES];
    size_t parts;                   /* in it */
    int32_t tail[PCM_TICK_SAMPLES]; /* how those who left since the last tick fade out */
    bool has_tail;
    uint64_t ticked_us;
    size_t contributors;
    struct audio_contributor contributor[MAX_CSRCS];
    size_t members;
    struct audio_member *member[MAX_MIX_INPUTS];
    struct loudest *loudest[MAX_MIX_INPUTS]; /* of each member */
};

/* --- life -------------------------------------------------------------------------------------------- */

static bool is_max_loud(size_t n)
{
    return n > 0 && n <= MAX_MIX_LOUD;
}

struct audio_mix *audio_mix_new(const struct audio_mix_settings *settings)
{
    struct audio_mix *m;

    if (!is_max_loud(settings->max_loud) || settings->max_delay_us > MAX_JITTER_DELAY_US ||
        !coder_opus_settings_are_valid(&settings->personal))
        return NULL;
    m = mem_try_alloc(sizeof(*m));
    if (m == NULL)
        return NULL;
    m->settings = *settings;
    m->shared = audio_output_new(&settings->shared);
    if (m->shared == NULL)
        audio_mix_free(&m);
    return m;
}

void audio_mix_free(struct audio_mix **m)
{
    if (*m != NULL) {
        while ((*m)->members > 0)
            audio_mix_leave(&(struct audio_member *){(*m)->member[(*m)->members - 1]});
        audio_output_free(&(*m)->shared);
    }
    MEM_FREE(*m);
}

struct audio_member *audio_mix_join(struct audio_mix *m)
{
    struct audio_member *member;

    if (m->members == MAX_MIX_INPUTS || (member = mem_try_alloc(sizeof(*member))) == NULL)
        return NULL;
    member->input = audio_input_new(m->settings.max_delay_us);
    if (member->input == NULL) {
        mem_free(member);
        return NULL;
    }
    member->mix = m;
    member->beside = member;
    member->index = m->members++;
    m->member[member->index] = member;
    m->loudest[member->index] = audio_input_loudest(member->input);
    return member;
}

static void leave_source(struct audio_member *member)
{
    struct audio_member *before = member;

    while (before->beside != member)
        before = before->beside;
    before->beside = member->beside;
    member->beside = member;
}

static uint64_t recovered_by(const struct audio_member *member)
{
    struct audio_input_stats stats;

    audio_input_read_stats(member->input, &stats);
    return stats.red_recoveries;
}

/* What it would have said next, faded out: an end without is a click. */
static void keep_tail(struct audio_mix *m, struct audio_member *member)
{
    if (!audio_input_render(member->input, m->ticked_us + PCM_TICK_US, false, member->part))
        return;
    if (m->has_tail)
        pcm_add(m->tail, member->part, PCM_TICK_SAMPLES);
    else
        memcpy(m->tail, member->part, sizeof(m->tail));
    m->has_tail = true;
}

void audio_mix_leave(struct audio_member **member)
{
    struct audio_mix *m;

    if (*member == NULL)
        return;
    m = (*member)->mix;
    if ((*member)->is_in_sum)
        keep_tail(m, *member);
    leave_source(*member);
    m->stats.recovered += recovered_by(*member);
    size_t last = --m->members, index = (*member)->index;
    m->member[index] = m->member[last];
    m->member[index]->index = index;
    m->loudest[index] = m->loudest[last];
    audio_input_free(&(*member)->input);
    audio_output_free(&(*member)->personal);
    MEM_FREE(*member);
}

void audio_mix_set_source(struct audio_member *member, uint32_t source)
{
    struct audio_mix *m = member->mix;

    leave_source(member);
    member->source = source;
    for (size_t i = 0; source != 0 && i < m->members; i++) {
        struct audio_member *other = m->member[i];
        if (other == member || other->source != source)
            continue;
        member->beside = other->beside;
        other->beside = member;
        return;
    }
}

void audio_mix_set_listening(struct audio_member *member, bool is_listening)
{
    member->is_listening = is_listening;
}

void audio_mix_set_gain(struct audio_member *member, int32_t gain)
{
    audio_input_set_gain(member->input, gain);
}

void audio_mix_push(struct audio_member *member, struct packet *p)
{
    audio_input_push(member->input, p);
}

/* --- a tick ------------------------------------------------------------------------------------------ */

/* Keep the loudest first, each source once. */
static void note_contributor(struct audio_mix *m, const struct audio_member *member)
{
    struct audio_contributor c = {.source = member->source != 0 ? member->source
                                                                : audio_input_ssrc(member->input),
                                  .level = audio_input_level(member->input)};
    size_t i = 0;

    while (i < m->contributors && m->contributor[i].source != c.source)
        i++;
    if (i == MAX_CSRCS)
        i--; /* the quietest gives way */
    if (i < m->contributors && m->contributor[i].level <= c.level)
        return;
    if (i == m->contributors)
        m->contributors++;
    for (; i > 0 && m->contributor[i - 1].level > c.level; i--)
        m->contributor[i] = m->contributor[i - 1];
    m->contributor[i] = c;
}

static void add_part(struct audio_mix *m, const int32_t *part)
{
    if (m->parts++ == 0)
        memcpy(m->sum, part, sizeof(m->sum));
    else
        pcm_add(m->sum, part, PCM_TICK_SAMPLES);
}

static void render_all(struct audio_mix *m, uint64_t now_us)
{
    m->stats.heard = loudest_choose(m->loudest, m->members, m->settings.max_loud, now_us);
    m->parts = 0;
    m->contributors = 0;
    for (size_t i = 0; i < m->members; i++) {
        struct audio_member *member = m->member[i];
        member->is_in_sum =
            audio_input_render(member->input, now_us, m->loudest[i]->is_heard, member->part);
        member->quiet_ticks = member->is_in_sum ? 0 : MIN(member->quiet_ticks, 1000u) + 1;
        if (member->is_in_sum) {
            add_part(m, member->part);
            note_contributor(m, member);
        }
    }
    if (m->has_tail)
        add_part(m, m->tail);
    m->has_tail = false;
}

/* How long none of its source was heard; whether one is in this tick. */
static unsigned quiet_ticks_of(const struct audio_member *member, bool *is_in_sum)
{
    const struct audio_member *other = member;
    unsigned ticks = member->quiet_ticks;

    *is_in_sum = false;
    do {
        ticks = MIN(ticks, other->quiet_ticks);
        *is_in_sum |= other->is_in_sum;
        other = other->beside;
    } while (other != member);
    return ticks;
}

/* Move members between the shared stream and one of their own, before either runs. */
static void choose_stream(struct audio_mix *m, struct audio_member *member)
{
    bool is_in_sum = false;
    bool wants_own =
        member->is_listening && quiet_ticks_of(member, &is_in_sum) < PERSONAL_HANG_TICKS;

    if (wants_own && is_in_sum && member->personal == NULL) {
        member->personal = audio_output_branch(m->shared, &m->settings.personal);
        m->stats.refused += member->personal == NULL;
    } else if (!wants_own && member->personal != NULL) {
        audio_output_free(&member->personal);
        audio_output_refresh(m->shared);
    }
    m->stats.personal += member->personal != NULL;
}

static void run_output(struct audio_mix *m, struct audio_output *o, const int32_t *sum)
{
    m->stats.encodes += audio_output_run(o, sum)->len > 1;
}

/* What a source gave to the sum: one part as it is, several added up in @room. NULL: nothing. */
static const int32_t *part_of_source(const struct audio_member *member, int32_t *room,
                                     size_t *parts)
{
    const struct audio_member *other = member;
    const int32_t *part = NULL;

    *parts = 0;
    do {
        if (other->is_in_sum && (*parts)++ == 0) {
            part = other->part;
        } else if (other->is_in_sum) {
            if (part != room)
                memcpy(room, part, sizeof(other->part));
            pcm_add(room, other->part, PCM_TICK_SAMPLES);
            part = room;
        }
        other = other->beside;
    } while (other != member);
    return part;
}

static void run_personal(struct audio_mix *m, struct audio_member *member)
{
    int32_t minus[PCM_TICK_SAMPLES], room[PCM_TICK_SAMPLES];
    size_t parts;
    const int32_t *own = part_of_source(member, room, &parts);

    if (parts == m->parts) {
        run_output(m, member->personal, NULL);
    } else if (own == NULL) {
        run_output(m, member->personal, m->sum);
    } else {
        pcm_subtract(minus, m->sum, own, PCM_TICK_SAMPLES);
        run_output(m, member->personal, minus);
    }
}

void audio_mix_tick(struct audio_mix *m, uint64_t now_us)
{
    m->stats.ticks++;
    m->ticked_us = now_us;
    render_all(m, now_us);
    m->stats.personal = 0;
    for (size_t i = 0; i < m->members; i++)
        choose_stream(m, m->member[i]);
    run_output(m, m->shared, m->parts == 0 ? NULL : m->sum);
    for (size_t i = 0; i < m->members; i++)
        if (m->member[i]->personal != NULL)
            run_personal(m, m->member[i]);
}

/* --- what came of it ---------------------------------------------------------------------------------- */

static const struct audio_output *output_for(const struct audio_mix *m,
                                             const struct audio_member *member)
{
    return member != NULL && member->personal != NULL ? member->personal : m->shared;
}

const struct audio_payload *audio_mix_payload(const struct audio_mix *m,
                                              const struct audio_member *member)
{
    return audio_output_payload(output_for(m, member));
}

const int16_t *audio_mix_pcm(const struct audio_mix *m, const struct audio_member *member)
{
    return audio_output_pcm(output_for(m, member));
}

size_t audio_mix_contributors(const struct audio_mix *m, struct audio_contributor *out, size_t size)
{
    size_t n = MIN(size, m->contributors);

    memcpy(out, m->contributor, n * sizeof(*out));
    return n;
}

const struct audio_input *audio_mix_input(const struct audio_member *member)
{
    return member->input;
}

int audio_mix_set_bitrates(struct audio_mix *m, uint32_t shared_bps, uint32_t personal_bps)
{
    struct coder_opus_settings personal = m->settings.personal;

    personal.bitrate_bps = personal_bps;
    if (!coder_opus_settings_are_valid(&personal) ||
        audio_output_set_bitrate(m->shared, shared_bps) != 0)
        return E_INVALID;
    m->settings.personal = personal;
    m->settings.shared.bitrate_bps = shared_bps;
    for (size_t i = 0; i < m->members; i++)
        if (m->member[i]->personal != NULL)
            CHECK(audio_output_set_bitrate(m->member[i]->personal, personal_bps) == 0);
    return 0;
}

int audio_mix_set_max_loud(struct audio_mix *m, size_t max_loud)
{
    if (!is_max_loud(max_loud))
        return E_INVALID;
    m->settings.max_loud = max_loud;
    return 0;
}

void audio_mix_read_stats(const struct audio_mix *m, struct audio_mix_stats *out)
{
    *out = m->stats;
    for (size_t i = 0; i < m->members; i++)
        out->recovered += recovered_by(m->member[i]);
}
