/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix_video.c - the picture of a mix: who is where, its clock, its encodings, and what of it can be afforded.
 *
 * When pictures take more time than there is between two of them, there are fewer, and then smaller ones, until there is time again.
 */
#include "core/check.h"
#include "core/err.h"
#include "core/packet.h"
#include "core/timebase.h"
#include "mixer/mix_internal.h"

#define ACTIVE_RGB 0x2f9e6e
#define LOAD_SMOOTHING 16.0
#define LOAD_HIGH 0.85
#define LOAD_MOST 1.5 /* one picture counts for no more: a hiccup is no trend */
#define LOAD_LOW 0.45 /* of the cheaper level; the next better one costs up to 1.8 times as much */
#define LEVEL_SETTLE_US 1000000ull     /* before the next step down */
#define LEVEL_CALM_US 10000000ull      /* with little to do, before a step up */
#define LEVEL_MAX_CALM_US 160000000ull /* after steps up that did not last */
#define MIN_ENCODING_BPS 60000

/* What each level leaves of frame rate and size. */
static const struct {
    double fps, side;
} levels[] = {{1, 1}, {2.0 / 3, 1}, {0.5, 1}, {0.5, 0.75}, {1.0 / 3, 0.75}, {1.0 / 3, 0.5}};

/* ---- settings ---- */

static int even(double side)
{
    int n = (int)side & ~1;

    return MAX(n, MIN_PICTURE_SIDE);
}

void mix_settings_size(const struct mix_settings *s, unsigned encoding, int *width, int *height)
{
    *width = even(s->width / (double)(1 << encoding));
    *height = even(s->height / (double)(1 << encoding));
}

static uint32_t bitrate_of(const struct mix_settings *s, unsigned encoding)
{
    static const double share[MAX_ENCODINGS] = {1, 0.35, 0.12};
    uint32_t bps = (uint32_t)(s->bitrate_bps * share[encoding]);

    return MAX(bps, (uint32_t)MIN_ENCODING_BPS);
}

static struct mix_settings afford(const struct mix_settings *s, unsigned level)
{
    struct mix_settings out = *s;

    out.fps = MAX((uint32_t)(s->fps * levels[level].fps), 1u);
    out.width = even(s->width * levels[level].side);
    out.height = even(s->height * levels[level].side);
    return out;
}

static int new_simulcast(struct simulcast **out, const struct mix_settings *s, bool is_watched,
                         struct picture_pool *pool)
{
    struct simulcast_config config = {
        .codec = s->codec, .framerate = s->fps, .threads = 1, .count = s->encodings};

    for (unsigned i = 0; i < s->encodings; i++) {
        mix_settings_size(s, i, &config.encoding[i].width, &config.encoding[i].height);
        config.encoding[i].bitrate_bps = is_watched ? bitrate_of(s, i) : 0;
    }
    return simulcast_new(out, &config, pool);
}

/* Everybody is shown as before on a new canvas. @before: NULL, there was none. */
static void keep_pictures(struct mix *m, struct compositor *before)
{
    LIST_EACH(&m->members, struct mix_member, node, member) {
        mix_video_look(m, member);
    }
    if (before != NULL)
        compositor_adopt(m->compositor, before);
    LIST_EACH(&m->members, struct mix_member, node, member) {
        LIST_EACH(&member->inputs, struct mix_input, node, in) {
            if (!in->has_picture || compositor_has_picture(m->compositor, mix_tile_of(in)))
                continue;
            in->has_picture = false;                        /* there was no memory to keep it */
            if (in->frames != NULL && in->config.is_screen) /* the next one may be far away */
                frame_buffer_restart(in->frames);
        }
    }
}

int mix_video_rebuild(struct mix *m)
{
    struct mix_settings actual = afford(&m->settings, m->level);
    const struct compositor_config config = {
        .width = actual.width,
        .height = actual.height,
        .background_rgb = actual.background_rgb,
        .active_rgb = ACTIVE_RGB,
        .has_names = actual.has_labels,
    };
    struct compositor *compositor = NULL;
    struct simulcast *simulcast = NULL;
    int err = compositor_new(&compositor, &config, m->env.pictures);

    if (err == 0)
        err = new_simulcast(&simulcast, &actual, m->is_watched, m->env.pictures);
    if (err != 0) {
        compositor_free(&compositor);
        return err;
    }
    struct compositor *before = m->compositor;
    simulcast_free(&m->simulcast);
    m->compositor = compositor;
    m->simulcast = simulcast;
    m->actual = actual;
    m->has_layout = false;
    keep_pictures(m, before);
    compositor_free(&before);
    mix_video_touch(m);
    return 0;
}

int mix_video_adjust(struct mix *m)
{
    struct mix_settings actual = afford(&m->settings, m->level);
    int err = 0;

    for (unsigned i = 0; err == 0 && m->is_watched && i < actual.encodings; i++)
        err = simulcast_set_bitrate(m->simulcast, i, bitrate_of(&actual, i));
    if (err != 0)
        return err;
    m->actual = actual;
    mix_video_touch(m);
    return 0;
}

int mix_video_open(struct mix *m, uint64_t now_us)
{
    m->video_due_us = now_us;
    m->level_since_us = m->calm_since_us = now_us;
    m->calm_needed_us = LEVEL_CALM_US;
    for (unsigned i = 0; i < m->settings.encodings; i++) {
        mix_stream_init(m, &m->video_stream[i], m->tracks.video, i, m->settings.codec);
        packetizer_init(&m->packetizer[i], m->settings.codec, PACKETIZER_PAYLOAD_BYTES,
                        m->env.random + i);
    }
    return mix_video_rebuild(m);
}

void mix_video_close(struct mix *m)
{
    simulcast_free(&m->simulcast);
    compositor_free(&m->compositor);
}

void mix_video_touch(struct mix *m)
{
    m->is_layout_stale = true;
}

/* ---- who is where ---- */

static bool is_silent(const struct mix_member *member)
{
    LIST_EACH(&member->inputs, struct mix_input, node, in) {
        if (in->audio != NULL && !in->config.is_screen && !in->config.is_muted)
            return member->voice.gain == 0;
    }
    return true;
}

void mix_video_look(struct mix *m, struct mix_member *member)
{
    struct compositor_look look = {
        .name = str_of(member->name),
        .identity = str_of(member->identity),
        .is_muted = is_silent(member),
        .is_active = m->active == member,
    };

    /* Past the compositor's bound a member is heard and not seen: its tile stays empty. */
    (void)!compositor_set_look(m->compositor, member->number * 2, &look);
    LIST_EACH(&member->inputs, struct mix_input, node, in) {
        if (in->config.kind != MEDIA_VIDEO || !in->config.is_screen)
            continue;
        look.is_muted = look.is_active = false;
        (void)!compositor_set_look(m->compositor, mix_tile_of(in), &look);
    }
}

struct stage {
    uint32_t tile[MAX_LAYOUT_TILES];
    size_t count;
};

static void add(struct stage *s, uint32_t tile)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->tile[i] == tile)
            return;
    if (s->count < ARRAY_LEN(s->tile))
        s->tile[s->count++] = tile;
}

/* A screen that is shared, the newest one first. */
static bool add_screens(const struct mix *m, struct stage *s)
{
    size_t before = s->count;

    LIST_EACH(&m->members, struct mix_member, node, member) {
        LIST_EACH(&member->inputs, struct mix_input, node, in) {
            if (in->config.kind == MEDIA_VIDEO && in->config.is_screen && !in->config.is_muted)
                add(s, mix_tile_of(in));
        }
    }
    return s->count > before;
}

static void review_layout(struct mix *m, uint64_t now_us)
{
    const struct mix_settings *s = &m->actual;
    struct stage stage = {.count = 0};
    struct layout layout;
    enum layout_kind kind = s->layout;
    bool has_screen = add_screens(m, &stage);

    if (has_screen && kind != LAYOUT_CUSTOM)
        kind = LAYOUT_SCREEN;
    else if (kind == LAYOUT_SCREEN)
        kind = LAYOUT_GRID; /* nothing to show large */
    if (m->active != NULL && kind != LAYOUT_GRID && kind != LAYOUT_CUSTOM)
        add(&stage, m->active->number * 2);
    LIST_EACH(&m->members, struct mix_member, node, member) {
        if (!list_is_empty(&member->inputs)) /* else it only listens */
            add(&stage, member->number * 2);
    }
    const struct layout_request request = {
        .kind = kind,
        .width = s->width,
        .height = s->height,
        .gap = even(s->height / 180.0),
        .fit = SCALER_CROP,
        .participants = stage.tile,
        .count = stage.count,
        .custom = s->custom,
        .customs = s->customs,
    };
    m->is_layout_stale = false;
    if (layout_make(&layout, &request, NULL) != 0)
        return; /* the settings were checked */
    compositor_set_layout(m->compositor, &layout, m->has_layout ? LAYOUT_CHANGE_US : 0, now_us);
    m->has_layout = true;
}

static void tell_size(struct mix_input *in)
{
    struct mix *m = in->member->mix;
    int width = 0, height = 0;

    if (!m->is_watched || !compositor_size_of(m->compositor, mix_tile_of(in), &width, &height))
        width = height = 0;
    if (width == in->wanted_width && height == in->wanted_height)
        return;
    in->wanted_width = width;
    in->wanted_height = height;
    m->env.on_size_wanted(in->config.id, width, height, m->env.arg);
}

static void tell_sizes(struct mix *m)
{
    LIST_EACH(&m->members, struct mix_member, node, member) {
        LIST_EACH(&member->inputs, struct mix_input, node, in) {
            if (in->config.kind == MEDIA_VIDEO)
                tell_size(in);
        }
    }
}

void mix_video_set_watched(struct mix *m, bool is_watched)
{
    if (m->is_watched == is_watched)
        return;
    m->is_watched = is_watched;
    for (unsigned i = 0; i < m->actual.encodings; i++)
        (void)!simulcast_set_bitrate(m->simulcast, i, is_watched ? bitrate_of(&m->actual, i) : 0);
    if (!is_watched)
        tell_sizes(m); /* else with the next picture */
}

/* ---- a picture ---- */

static void send_frame(struct mix *m, unsigned encoding, const struct video_encoder_output *frame,
                       uint64_t at_us)
{
    const struct outgoing_frame out = {
        .data = frame->data, .len = frame->len, .is_keyframe = frame->is_keyframe};
    struct packetizer *packetizer = &m->packetizer[encoding];
    bool is_last = false;

    if (packetizer_begin(packetizer, &out) != 0) {
        m->stats.unsendable++;
        return;
    }
    m->stats.encoded++;
    while (!is_last) {
        uint8_t *payload;
        size_t size;
        struct packet *p = mix_stream_packet(m, &m->video_stream[encoding], &payload, &size);

        if (p == NULL)
            return; /* receivers see the loss and ask for a keyframe */
        size_t len = packetizer_next(packetizer, payload, size, &is_last);
        if (len == 0) {
            m->stats.unsendable++;
            packet_unref(&p);
            return;
        }
        mix_stream_send(m, &m->video_stream[encoding], p, len, is_last, at_us, NULL);
    }
}

static void encode(struct mix *m, bool has_changed, uint64_t now_us)
{
    struct video_encoder_output out[MAX_ENCODINGS] = {{.len = 0}};
    struct video_encoder_input in = {
        .picture = *compositor_canvas(m->compositor),
        .pts_us = MAX(now_us, m->last_pts_us + 1),
        .is_unchanged = !has_changed,
    };

    m->last_pts_us = in.pts_us;
    if (simulcast_encode(m->simulcast, &in, out) != 0)
        m->stats.unsendable++;
    for (unsigned i = 0; i < m->actual.encodings; i++)
        if (out[i].len > 0)
            send_frame(m, i, &out[i], now_us);
}

static void run_inputs(struct mix *m, uint64_t now_us)
{
    LIST_EACH(&m->members, struct mix_member, node, member) {
        LIST_EACH(&member->inputs, struct mix_input, node, in) {
            if (in->config.kind == MEDIA_VIDEO)
                mix_source_run(in, now_us);
        }
    }
}

static uint64_t interval_us(const struct mix *m)
{
    return US_PER_S / m->actual.fps;
}

uint64_t mix_video_due_us(const struct mix *m)
{
    return m->video_due_us;
}

const struct picture_view *mix_canvas(const struct mix *m)
{
    return compositor_canvas(m->compositor);
}

/* Pictures whose time has gone by are left out. */
static void move_on(struct mix *m, uint64_t now_us)
{
    uint64_t step_us = interval_us(m), behind = (now_us - m->video_due_us) / step_us;

    if (m->is_watched)
        m->stats.late += behind;
    m->video_due_us += (behind + 1) * step_us;
}

void mix_run_video(struct mix *m, uint64_t now_us)
{
    if (now_us < m->video_due_us)
        return;
    move_on(m, now_us);
    if (!m->is_watched)
        return;
    uint64_t t0 = mix_cpu_ns(m);
    m->draw_ns = 0;
    run_inputs(m, now_us);
    uint64_t t1 = mix_cpu_ns(m);
    if (m->is_layout_stale || !m->has_layout)
        review_layout(m, now_us);
    bool has_changed = compositor_compose(m->compositor, now_us);
    tell_sizes(m);
    uint64_t t2 = mix_cpu_ns(m);
    m->stats.pictures++;
    encode(m, has_changed, now_us);
    m->stats.decode_ns += t1 - t0 - m->draw_ns;
    m->stats.compose_ns += t2 - t1 + m->draw_ns;
    m->stats.encode_ns += mix_cpu_ns(m) - t2;
}

/* ---- what can be afforded ---- */

static void set_level(struct mix *m, unsigned level, uint64_t now_us)
{
    unsigned before = m->level;

    /* A step up that has to be taken back costs whoever watches two new beginnings: the next try comes later. */
    if (level > before && m->was_step_up && now_us - m->level_since_us < LEVEL_CALM_US)
        m->calm_needed_us = MIN(2 * m->calm_needed_us, LEVEL_MAX_CALM_US);
    else if (level > before)
        m->calm_needed_us = LEVEL_CALM_US;
    m->was_step_up = level < before;
    m->level_since_us = m->calm_since_us = now_us;
    m->level = level;
    if (mix_video_rebuild(m) != 0) {
        m->level = before; /* no memory: as it was */
        return;
    }
    m->load = (LOAD_LOW + LOAD_HIGH) / 2; /* to be measured anew */
    m->env.on_level(m, m->env.arg);
}

void mix_note_load(struct mix *m, uint64_t busy_us, uint64_t now_us)
{
    double load = MIN((double)busy_us / (double)interval_us(m), LOAD_MOST);

    if (!m->is_watched)
        return;
    m->load += (load - m->load) / LOAD_SMOOTHING;
    if (m->load > LOAD_LOW)
        m->calm_since_us = now_us;
    if (m->load > LOAD_HIGH && m->level + 1 < ARRAY_LEN(levels) &&
        now_us - m->level_since_us > LEVEL_SETTLE_US)
        set_level(m, m->level + 1, now_us);
    else if (m->level > 0 && now_us - m->calm_since_us > m->calm_needed_us)
        set_level(m, m->level - 1, now_us);
}
