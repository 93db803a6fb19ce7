/* SPDX-License-Identifier: Apache-2.0 */
/* compositor_tile.c - one tile: its picture or placeholder, the frame around it, the name on it. */
#include "core/check.h"
#include "core/err.h"
#include "mixer/compositor_internal.h"

#define FRAME_PART 180 /* the frame has this part of the canvas's shorter side */
#define LABEL_MARGIN 6

/* --- scaled pictures that are kept ------------------------------------------------------------------- */

void compositor_drop_scaled(struct compositor_source *s)
{
    for (unsigned i = 0; i < SCALED_PER_SOURCE; i++)
        picture_unref(&s->scaled[i].picture);
}

static struct compositor_scaled *find_scaled(struct compositor_source *s,
                                             const struct layout_tile *t)
{
    for (unsigned i = 0; i < SCALED_PER_SOURCE; i++) {
        struct compositor_scaled *scaled = &s->scaled[i];

        if (scaled->picture != NULL && scaled->picture->view.width == t->width &&
            scaled->picture->view.height == t->height && scaled->fit == t->fit)
            return scaled;
    }
    return NULL;
}

static struct compositor_scaled *new_scaled(struct compositor *c, struct compositor_source *s,
                                            const struct layout_tile *t)
{
    struct compositor_scaled *scaled = &s->scaled[s->next_scaled];

    s->next_scaled = (s->next_scaled + 1) % SCALED_PER_SOURCE;
    picture_unref(&scaled->picture);
    *scaled = (struct compositor_scaled){.picture = picture_new(c->pool, t->width, t->height),
                                         .fit = t->fit};
    return scaled->picture != NULL ? scaled : NULL;
}

static void scale(struct compositor *c, const struct picture_view *to,
                  const struct compositor_source *s, enum scaler_fit fit)
{
    c->stats.scaled++;
    if (scaler_draw(to, &s->picture->view, s->picture->rotation, fit, c->background, c->pool) != 0)
        c->stats.failed++;
}

struct picture *compositor_scaled_picture(struct compositor_source *s, const struct layout_tile *t)
{
    struct compositor_scaled *scaled = find_scaled(s, t);

    return scaled != NULL && scaled->version == s->picture_version ? scaled->picture : NULL;
}

/* Returns false when there is no picture. */
static bool draw_picture(struct compositor *c, const struct picture_view *tile,
                         const struct compositor_tile *t, struct compositor_source *s)
{
    struct picture *ready = compositor_scaled_picture(s, &t->place);
    struct compositor_scaled *scaled;

    if (ready != NULL) {
        c->stats.reused++;
        picture_copy(tile, &ready->view);
        return true;
    }
    if (s->picture == NULL)
        return false;
    scaled = t->keeps_scaled ? find_scaled(s, &t->place) : NULL;
    if (t->keeps_scaled && scaled == NULL)
        scaled = new_scaled(c, s, &t->place);
    if (scaled == NULL) {
        scale(c, tile, s, t->place.fit);
        return true;
    }
    scale(c, &scaled->picture->view, s, t->place.fit);
    scaled->version = s->picture_version;
    picture_copy(tile, &scaled->picture->view);
    return true;
}

/* --- what is drawn over it --------------------------------------------------------------------------- */

static void draw_frame(struct compositor *c, const struct picture_view *tile)
{
    int width = MAX(2, MIN(c->config.width, c->config.height) / FRAME_PART & ~1);
    const int sides[][4] = {
        {0, 0, tile->width, width},
        {0, tile->height - width, tile->width, width},
        {0, width, width, tile->height - 2 * width},
        {tile->width - width, width, width, tile->height - 2 * width},
    };

    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        struct picture_view side =
            picture_crop(tile, sides[i][0], sides[i][1], sides[i][2], sides[i][3]);
        picture_fill(&side, c->active);
    }
}

static struct str name_of(const struct compositor_source *s)
{
    return (struct str){s->name, s->name_len};
}

static void draw_name(struct compositor *c, const struct picture_view *tile,
                      const struct compositor_tile *t, const struct compositor_source *s)
{
    const struct overlay *o =
        labels_name(c->labels, name_of(s), s->is_muted, t->label_width, t->label_height);

    if (o != NULL)
        overlay_blend(tile, o, LABEL_MARGIN, tile->height - LABEL_MARGIN - o->height);
}

static void draw_placeholder(struct compositor *c, const struct picture_view *tile,
                             const struct compositor_tile *t, const struct compositor_source *s)
{
    const struct overlay *o = labels_placeholder(
        c->labels, name_of(s), (struct str){s->identity, s->identity_len}, t->placeholder_side);

    if (o != NULL)
        overlay_blend(tile, o, (tile->width - o->width) / 2 & ~1,
                      (tile->height - o->height) / 2 & ~1);
}

void compositor_draw_tile(struct compositor *c, const struct compositor_tile *t,
                          struct compositor_source *s)
{
    struct picture_view tile =
        picture_crop(&c->canvas->view, t->place.x, t->place.y, t->place.width, t->place.height);

    c->stats.tiles++;
    if (s == NULL) {
        picture_fill(&tile, c->empty);
        return;
    }
    if (!draw_picture(c, &tile, t, s)) {
        picture_fill(&tile, c->empty);
        draw_placeholder(c, &tile, t, s);
    }
    if (s->is_active)
        draw_frame(c, &tile);
    if (c->config.has_names)
        draw_name(c, &tile, t, s);
}
