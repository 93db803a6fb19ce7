/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compositor.c - sources, the layout that is drawn, and which tiles have changed.
 *
 * Pictures and looks have versions, each given once. A tile knows the versions that it shows; a tile that is drawn again has those above it
 * drawn again too.
 */
#include "mixer/compositor.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "mixer/compositor_internal.h"

#define EMPTY_RGB 0x2B2D31u /* behind placeholders */
#define MIN_LABEL_HEIGHT 14
#define MIN_LABELLED_TILE 60 /* lower ones show nothing but the picture */
#define LABEL_PART 24        /* of the canvas's shorter side, at most */
#define LABEL_TILE_PART 9    /* of the tile's height */
#define LABEL_MARGINS 12

/* --- life -------------------------------------------------------------------------------------------- */

int compositor_new(struct compositor **out, const struct compositor_config *config,
                   struct picture_pool *pool)
{
    struct compositor *c;

    if (!picture_size_is_allowed(config->width, config->height) || config->width % 2 != 0 ||
        config->height % 2 != 0)
        return E_INVALID;
    c = mem_try_alloc(sizeof(*c));
    if (c == NULL)
        return E_NO_MEMORY;
    c->config = *config;
    c->pool = pool;
    c->background = overlay_colour(config->background_rgb);
    c->active = overlay_colour(config->active_rgb);
    c->empty = overlay_colour(EMPTY_RGB);
    c->sources = map_new(MAX_MIX_SOURCES);
    list_init(&c->all_sources);
    c->labels = labels_new();
    c->canvas = picture_new(pool, config->width, config->height);
    if (c->labels == NULL || c->canvas == NULL) {
        compositor_free(&c);
        return E_NO_MEMORY;
    }
    c->is_relaid = true;
    *out = c;
    return 0;
}

static struct compositor_source *find(const struct compositor *c, uint32_t participant)
{
    return map_get_u64(c->sources, participant);
}

static void drop_picture(struct compositor_source *s)
{
    picture_unref(&s->picture);
    s->is_released = false;
}

void compositor_remove(struct compositor *c, uint32_t participant)
{
    struct compositor_source *s = map_remove_u64(c->sources, participant);

    if (s == NULL)
        return;
    list_remove(&s->all);
    drop_picture(s);
    compositor_drop_scaled(s);
    mem_free(s);
}

void compositor_free(struct compositor **cp)
{
    struct compositor *c = *cp;

    if (c == NULL)
        return;
    LIST_EACH(&c->all_sources, struct compositor_source, all, s)
        compositor_remove(c, s->participant);
    map_free(&c->sources);
    labels_free(&c->labels);
    picture_unref(&c->canvas);
    MEM_FREE(*cp);
}

/* --- sources ----------------------------------------------------------------------------------------- */

static int make_known(struct compositor *c, uint32_t participant, struct compositor_source **out)
{
    struct compositor_source *s = find(c, participant);
    int err;

    if (s == NULL) {
        s = mem_try_alloc(sizeof(*s));
        if (s == NULL)
            return E_NO_MEMORY;
        err = map_put_u64(c->sources, participant, s);
        if (err != 0) {
            mem_free(s);
            return err;
        }
        s->participant = participant;
        s->picture_version = ++c->versions;
        list_append(&c->all_sources, &s->all);
    }
    *out = s;
    return 0;
}

static uint16_t copy_text(char *to, size_t size, struct str text)
{
    size_t len = MIN(text.len, size);

    if (len > 0)
        memcpy(to, text.p, len);
    return (uint16_t)len;
}

int compositor_set_look(struct compositor *c, uint32_t participant,
                        const struct compositor_look *look)
{
    struct compositor_source *s;
    int err = make_known(c, participant, &s);

    if (err != 0)
        return err;
    if (s->look_version != 0 && str_eq((struct str){s->name, s->name_len}, look->name) &&
        str_eq((struct str){s->identity, s->identity_len}, look->identity) &&
        s->is_muted == look->is_muted && s->is_active == look->is_active)
        return 0;
    s->name_len = copy_text(s->name, sizeof(s->name), look->name);
    s->identity_len = copy_text(s->identity, sizeof(s->identity), look->identity);
    s->is_muted = look->is_muted;
    s->is_active = look->is_active;
    s->look_version = ++c->versions;
    return 0;
}

void compositor_set_picture(struct compositor *c, uint32_t participant, struct picture *picture)
{
    struct compositor_source *s = find(c, participant);

    if (s == NULL || (picture == NULL && s->picture == NULL && !s->is_released))
        return;
    drop_picture(s);
    if (picture != NULL)
        s->picture = picture_ref(picture);
    s->picture_version = ++c->versions;
}

void compositor_release_drawn(struct compositor *c, uint32_t participant)
{
    struct compositor_source *s = find(c, participant);
    unsigned shown = 0;

    if (s == NULL || s->picture == NULL || c->is_relaid || c->change_us > 0)
        return;
    for (unsigned i = 0; i < c->tiles; i++) {
        if (c->tile[i].place.participant != participant)
            continue;
        if (c->tile[i].picture_version != s->picture_version)
            return;
        shown++;
    }
    if (shown == 0)
        return;
    picture_unref(&s->picture);
    s->is_released = true;
}

/* --- the layout -------------------------------------------------------------------------------------- */

static bool overlap(const struct layout_tile *a, const struct layout_tile *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

static const struct layout_tile *find_tile(const struct layout *l, uint32_t participant)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->tile[i].participant == participant)
            return &l->tile[i];
    return NULL;
}

/* Sizes of what is drawn over a picture follow the final tile, so that a change of layout draws no text anew. */
static void size_tile(struct compositor *c, struct compositor_tile *t)
{
    const struct layout_tile *final = find_tile(&c->to, t->place.participant);
    int most = MIN(c->config.width, c->config.height) / LABEL_PART;

    if (final == NULL)
        final = &t->place;
    t->label_height = MAX(MIN_LABEL_HEIGHT, MIN(final->height / LABEL_TILE_PART, most)) & ~1;
    if (final->height < MIN_LABELLED_TILE)
        t->label_height = 0;
    t->label_width = MAX(0, final->width - LABEL_MARGINS) & ~1;
    t->placeholder_side = MIN(final->width, final->height) / 2 & ~1;
}

static bool keeps_scaled(const struct layout *l, unsigned i)
{
    const struct layout_tile *t = &l->tile[i];

    for (unsigned k = 0; k < l->count; k++) {
        const struct layout_tile *other = &l->tile[k];

        if (k < i && overlap(other, t))
            return true;
        if (k != i && other->participant == t->participant && other->width == t->width &&
            other->height == t->height && other->fit == t->fit)
            return true;
    }
    return false;
}

static bool is_apart(const struct layout *l, unsigned i)
{
    for (unsigned k = 0; k < l->count; k++)
        if (k != i && overlap(&l->tile[k], &l->tile[i]))
            return false;
    return true;
}

static struct picture *copy_of_canvas(struct compositor *c, const struct layout_tile *t)
{
    struct picture_view shown = picture_crop(&c->canvas->view, t->x, t->y, t->width, t->height);
    struct picture *p = picture_new(c->pool, t->width, t->height);

    if (p != NULL)
        picture_copy(&p->view, &shown);
    return p;
}

/* The pictures of released sources are nowhere but on the canvas, or kept for a tile: take them from there before all is drawn anew. */
static void rescue_released(struct compositor *c)
{
    for (unsigned i = 0; i < c->tiles; i++) {
        const struct layout_tile *t = &c->tile[i].place;
        struct compositor_source *s = find(c, t->participant);
        struct picture *kept;

        if (s == NULL || !s->is_released)
            continue;
        kept = compositor_scaled_picture(s, t);
        s->picture = kept != NULL ? picture_ref(kept) : copy_of_canvas(c, t);
        s->is_released = s->picture == NULL;
        c->stats.failed += s->is_released;
    }
}

bool compositor_has_picture(const struct compositor *c, uint32_t participant)
{
    const struct compositor_source *s = find(c, participant);

    return s != NULL && (s->picture != NULL || s->is_released);
}

void compositor_adopt(struct compositor *c, struct compositor *from)
{
    rescue_released(from);
    LIST_EACH(&from->all_sources, struct compositor_source, all, s)
        if (s->picture != NULL)
            compositor_set_picture(c, s->participant, s->picture);
}

static void lay(struct compositor *c, const struct layout *l)
{
    rescue_released(c);
    c->now = *l;
    c->tiles = l->count;
    for (unsigned i = 0; i < l->count; i++) {
        struct compositor_tile *t = &c->tile[i];

        *t = (struct compositor_tile){.place = l->tile[i], .is_dirty = true};
        t->keeps_scaled = c->change_us == 0 && keeps_scaled(l, i);
        t->is_apart = is_apart(l, i);
        size_tile(c, t);
    }
    LIST_EACH(&c->all_sources, struct compositor_source, all, s)
        compositor_drop_scaled(s);
    c->is_relaid = true;
}

void compositor_set_layout(struct compositor *c, const struct layout *layout, uint64_t change_us,
                           uint64_t now_us)
{
    for (unsigned i = 0; i < layout->count; i++)
        CHECK(layout->tile[i].x >= 0 && layout->tile[i].y >= 0 &&
              layout->tile[i].x + layout->tile[i].width <= c->config.width &&
              layout->tile[i].y + layout->tile[i].height <= c->config.height);
    if (layout_is_equal(layout, &c->to))
        return;
    c->from = c->now;
    c->to = *layout;
    c->change_from_us = now_us;
    c->change_us = c->now.count > 0 ? change_us : 0;
    if (c->change_us == 0)
        lay(c, layout);
}

static void change_layout(struct compositor *c, uint64_t now_us)
{
    uint64_t passed = now_us > c->change_from_us ? now_us - c->change_from_us : 0;
    struct layout l;

    if (c->change_us == 0)
        return;
    layout_between(&l, &c->from, &c->to, (double)passed / (double)c->change_us);
    if (passed >= c->change_us)
        c->change_us = 0;
    if (c->change_us == 0 || !layout_is_equal(&l, &c->now))
        lay(c, &l);
}

bool compositor_size_of(const struct compositor *c, uint32_t participant, int *width, int *height)
{
    bool found = false;

    for (unsigned i = 0; i < c->to.count; i++) {
        const struct layout_tile *t = &c->to.tile[i];

        if (t->participant != participant || (found && t->width * t->height <= *width * *height))
            continue;
        *width = t->width;
        *height = t->height;
        found = true;
    }
    return found;
}

/* --- composing --------------------------------------------------------------------------------------- */

static bool has_changed(const struct compositor_tile *t, const struct compositor_source *s)
{
    if (s == NULL) /* removed since it was drawn */
        return t->picture_version != 0;
    if (t->picture_version != s->picture_version)
        return true;
    /* without its picture it cannot be drawn with another look; the next picture brings it */
    return t->look_version != s->look_version && !s->is_released;
}

static bool mark_dirty(struct compositor *c)
{
    bool any = false;

    for (unsigned i = 0; i < c->tiles; i++) {
        struct compositor_tile *t = &c->tile[i];

        t->is_dirty = t->is_dirty || has_changed(t, find(c, t->place.participant));
        for (unsigned k = 0; !t->is_dirty && k < i; k++)
            t->is_dirty = c->tile[k].is_dirty && overlap(&c->tile[k].place, &t->place);
        any |= t->is_dirty;
    }
    return any;
}

static void draw(struct compositor *c, struct compositor_tile *t, struct compositor_source *s)
{
    compositor_draw_tile(c, t, s);
    t->picture_version = s != NULL ? s->picture_version : 0;
    t->look_version = s != NULL ? s->look_version : 0;
    t->is_dirty = false;
}

static void draw_dirty(struct compositor *c)
{
    for (unsigned i = 0; i < c->tiles; i++) {
        struct compositor_tile *t = &c->tile[i];

        if (t->is_dirty)
            draw(c, t, find(c, t->place.participant));
    }
}

void compositor_draw_source(struct compositor *c, uint32_t participant)
{
    struct compositor_source *s = find(c, participant);

    if (s == NULL || s->picture == NULL || c->is_relaid || c->change_us > 0)
        return;
    for (unsigned i = 0; i < c->tiles; i++) {
        struct compositor_tile *t = &c->tile[i];

        if (t->place.participant != participant || !t->is_apart || !has_changed(t, s))
            continue;
        draw(c, t, s);
        c->is_drawn = true;
    }
}

bool compositor_compose(struct compositor *c, uint64_t now_us)
{
    bool is_changed;

    change_layout(c, now_us);
    is_changed = mark_dirty(c) || c->is_relaid || c->is_drawn;
    if (c->is_relaid)
        picture_fill(&c->canvas->view, c->background);
    draw_dirty(c);
    c->is_relaid = c->is_drawn = false;
    if (is_changed)
        c->stats.composed++;
    else
        c->stats.unchanged++;
    return is_changed;
}

const struct picture_view *compositor_canvas(const struct compositor *c)
{
    return &c->canvas->view;
}

const struct compositor_stats *compositor_read_stats(const struct compositor *c)
{
    return &c->stats;
}
