/* SPDX-License-Identifier: Apache-2.0 */
/* simulcast.c - encoders in steps of size, and the pictures between them. */
#include "mixer/simulcast.h"

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "mixer/scaler.h"

struct step {
    struct video_encoder *encoder; /* NULL: off */
    struct picture *scaled;        /* not of the first step */
    bool is_scaled;                /* it is the newest canvas */
    bool is_keyframe_wanted;
};

struct simulcast {
    struct simulcast_config config;
    struct picture_pool *pool;
    struct step step[MAX_ENCODINGS];
};

static int open_step(struct simulcast *s, size_t i, uint32_t bitrate_bps)
{
    const struct simulcast_config *c = &s->config;
    struct step *step = &s->step[i];
    const struct video_encoder_config config = {
        .codec = c->codec,
        .width = c->encoding[i].width,
        .height = c->encoding[i].height,
        .bitrate_bps = bitrate_bps,
        .framerate = c->framerate,
        .threads = c->threads,
        .is_screen = c->is_screen,
    };
    int err = video_encoder_new(&step->encoder, &config);

    if (err != 0 || i == 0)
        return err;
    step->is_scaled = false;
    step->scaled = picture_new(s->pool, config.width, config.height);
    if (step->scaled == NULL) {
        video_encoder_free(&step->encoder);
        return E_NO_MEMORY;
    }
    return 0;
}

static void close_step(struct step *step)
{
    video_encoder_free(&step->encoder);
    picture_unref(&step->scaled);
}

static bool is_valid(const struct simulcast_config *c)
{
    if (c->count == 0 || c->count > MAX_ENCODINGS)
        return false;
    for (size_t i = 1; i < c->count; i++)
        if (c->encoding[i].width > c->encoding[i - 1].width ||
            c->encoding[i].height > c->encoding[i - 1].height)
            return false;
    return true;
}

int simulcast_new(struct simulcast **out, const struct simulcast_config *config,
                  struct picture_pool *pool)
{
    struct simulcast *s;
    int err = 0;

    if (!is_valid(config))
        return E_INVALID;
    s = mem_try_alloc(sizeof(*s));
    if (s == NULL)
        return E_NO_MEMORY;
    s->config = *config;
    s->pool = pool;
    for (size_t i = 0; i < config->count && err == 0; i++)
        if (config->encoding[i].bitrate_bps > 0)
            err = open_step(s, i, config->encoding[i].bitrate_bps);
    if (err != 0)
        simulcast_free(&s);
    else
        *out = s;
    return err;
}

void simulcast_free(struct simulcast **sp)
{
    if (*sp == NULL)
        return;
    for (size_t i = 0; i < MAX_ENCODINGS; i++)
        close_step(&(*sp)->step[i]);
    MEM_FREE(*sp);
}

int simulcast_set_bitrate(struct simulcast *s, size_t encoding, uint32_t bitrate_bps)
{
    struct step *step = &s->step[encoding];

    CHECK(encoding < s->config.count);
    if (bitrate_bps == 0)
        close_step(step);
    else if (step->encoder == NULL)
        return open_step(s, encoding, bitrate_bps);
    else
        return video_encoder_set_bitrate(step->encoder, bitrate_bps);
    return 0;
}

void simulcast_want_keyframe(struct simulcast *s, size_t encoding)
{
    CHECK(encoding < s->config.count);
    s->step[encoding].is_keyframe_wanted = true;
}

/* The picture of a step: half of a larger one that is there, or the canvas in one go. */
static const struct picture_view *picture_of(struct simulcast *s, size_t i,
                                             const struct picture_view *canvas)
{
    struct step *step = &s->step[i];
    const struct picture_view *from = canvas;

    if (i == 0)
        return canvas;
    for (size_t k = 1; k < i && !step->is_scaled; k++) {
        const struct step *larger = &s->step[k];

        if (larger->is_scaled && larger->scaled->view.width == 2 * step->scaled->view.width &&
            larger->scaled->view.height == 2 * step->scaled->view.height)
            from = &larger->scaled->view;
    }
    if (!step->is_scaled)
        scaler_scale(&step->scaled->view, from);
    step->is_scaled = true;
    return &step->scaled->view;
}

static int encode_step(struct simulcast *s, size_t i, const struct video_encoder_input *in,
                       struct video_encoder_output *out)
{
    struct step *step = &s->step[i];
    struct video_encoder_input mine = *in;
    int err;

    mine.picture = *picture_of(s, i, &in->picture);
    mine.is_keyframe_wanted |= step->is_keyframe_wanted;
    err = video_encoder_encode(step->encoder, &mine, out);
    if (err == 0)
        step->is_keyframe_wanted = false; /* the encoder remembers */
    return err;
}

int simulcast_encode(struct simulcast *s, const struct video_encoder_input *in,
                     struct video_encoder_output out[MAX_ENCODINGS])
{
    int first_err = 0;

    for (size_t i = 0; i < MAX_ENCODINGS; i++) {
        out[i] = (struct video_encoder_output){0};
        if (!in->is_unchanged)
            s->step[i].is_scaled = false;
    }
    if (in->picture.width != s->config.encoding[0].width ||
        in->picture.height != s->config.encoding[0].height)
        return E_INVALID;
    for (size_t i = 0; i < s->config.count; i++) {
        int err = s->step[i].encoder != NULL ? encode_step(s, i, in, &out[i]) : 0;

        if (first_err == 0)
            first_err = err;
    }
    return first_err;
}

const struct video_encoder_stats *simulcast_read_stats(const struct simulcast *s, size_t encoding)
{
    CHECK(encoding < s->config.count);
    return s->step[encoding].encoder != NULL ? video_encoder_read_stats(s->step[encoding].encoder)
                                             : NULL;
}
