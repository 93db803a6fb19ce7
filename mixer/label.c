/* SPDX-License-Identifier: Apache-2.0 */
/* label.c - the cache of what was drawn, and the drawing. */
#include "mixer/label.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

#include "core/limits.h"
#include "core/list.h"
#include "core/map.h"
#include "core/mem.h"
#include "mixer/picture.h"

#define FONT "Sans"
#define TEXT_PART 0.58   /* of a label's height */
#define PADDING_PART 0.3 /* on both sides of the text */
#define SIGN_PART 0.62
#define CORNER_PART 0.25
#define GROUND_ALPHA 0.55
#define INITIALS_PART 0.42 /* of a placeholder's side */
#define MIN_HEIGHT 8

enum kind { KIND_NAME, KIND_PLACEHOLDER };

/* All of it is the key in the map, so that it is zeroed before it is filled. */
struct key {
    uint8_t kind, is_muted;
    uint16_t width, height;
    uint16_t text_len;
    uint32_t colour;
    char text[MAX_NAME_LEN];
};

struct entry {
    struct list by_age; /* the oldest first */
    struct key key;
    struct overlay *overlay;
};

struct labels {
    struct map *entries;
    struct list by_age;
    size_t bytes;
    PangoFontMap *fonts;
    PangoContext *context;
    struct labels_stats stats;
};

/* --- the cache --------------------------------------------------------------------------------------- */

static void forget(struct labels *l, struct entry *e)
{
    (void)map_remove(l->entries, &e->key, sizeof(e->key));
    list_remove(&e->by_age);
    l->bytes -= overlay_bytes(e->overlay);
    overlay_free(&e->overlay);
    mem_free(e);
}

struct labels *labels_new(void)
{
    struct labels *l = mem_try_alloc(sizeof(*l));

    if (l == NULL)
        return NULL;
    l->entries = map_new(MAX_LABELS);
    list_init(&l->by_age);
    l->fonts = pango_cairo_font_map_new();
    if (l->fonts != NULL)
        l->context = pango_font_map_create_context(l->fonts);
    if (l->context == NULL)
        labels_free(&l);
    return l;
}

void labels_free(struct labels **lp)
{
    struct labels *l = *lp;

    if (l == NULL)
        return;
    LIST_EACH(&l->by_age, struct entry, by_age, e)
        forget(l, e);
    map_free(&l->entries);
    if (l->context != NULL)
        g_object_unref(l->context);
    if (l->fonts != NULL)
        g_object_unref(l->fonts);
    MEM_FREE(*lp);
}

static const struct overlay *find(struct labels *l, const struct key *key)
{
    struct entry *e = map_get(l->entries, key, sizeof(*key));

    if (e == NULL)
        return NULL;
    list_remove(&e->by_age);
    list_append(&l->by_age, &e->by_age);
    l->stats.found++;
    return e->overlay;
}

/* Keep what was drawn, which is @o or NULL. */
static const struct overlay *keep(struct labels *l, const struct key *key, struct overlay *o)
{
    struct entry *e = o != NULL ? mem_try_alloc(sizeof(*e)) : NULL;

    if (e == NULL) {
        overlay_free(&o);
        return NULL;
    }
    while (!list_is_empty(&l->by_age) &&
           (map_count(l->entries) >= MAX_LABELS || l->bytes + overlay_bytes(o) > MAX_LABEL_BYTES))
        forget(l, LIST_FIRST(&l->by_age, struct entry, by_age));
    e->key = *key;
    e->overlay = o;
    if (map_put(l->entries, &e->key, sizeof(e->key), e) != 0) {
        overlay_free(&o);
        mem_free(e);
        return NULL;
    }
    list_append(&l->by_age, &e->by_age);
    l->bytes += overlay_bytes(o);
    l->stats.drawn++;
    return o;
}

void labels_read_stats(const struct labels *l, struct labels_stats *out)
{
    *out = l->stats;
    out->count = map_count(l->entries);
    out->bytes = l->bytes;
}

/* --- text -------------------------------------------------------------------------------------------- */

/* Text that pango takes as it is. Cut at a character's beginning. */
static void set_text(struct key *key, struct str text)
{
    if (!str_is_clean_utf8(text))
        text = STR("?");
    if (text.len > MAX_NAME_LEN) {
        text.len = MAX_NAME_LEN;
        while (text.len > 0 && ((uint8_t)text.p[text.len] & 0xC0) == 0x80)
            text.len--;
    }
    if (text.len > 0)
        memcpy(key->text, text.p, text.len);
    key->text_len = (uint16_t)text.len;
}

static PangoLayout *new_line(struct labels *l, const char *text, int len, double size)
{
    PangoFontDescription *font = pango_font_description_from_string(FONT);
    PangoLayout *line = pango_layout_new(l->context);

    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(line, font);
    pango_layout_set_single_paragraph_mode(line, TRUE);
    pango_layout_set_text(line, text, len);
    pango_font_description_free(font);
    return line;
}

/* In the middle of @height, from @x on. */
static void show_line(cairo_t *cr, PangoLayout *line, double x, double height)
{
    int line_height;

    pango_layout_get_pixel_size(line, NULL, &line_height);
    cairo_move_to(cr, x, (height - line_height) / 2);
    pango_cairo_show_layout(cr, line);
}

static int even_up(double v)
{
    return ((int)ceil(v) + 1) / 2 * 2;
}

static cairo_t *begin(cairo_surface_t **surface, int width, int height)
{
    *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    return cairo_create(*surface);
}

/* Errors of cairo stick to the surface, whose bytes are NULL then. */
static struct overlay *finish(cairo_t *cr, cairo_surface_t *surface)
{
    struct overlay *o = NULL;

    if (cairo_status(cr) == CAIRO_STATUS_SUCCESS) {
        cairo_surface_flush(surface);
        o = overlay_new(
            cairo_image_surface_get_data(surface), cairo_image_surface_get_stride(surface),
            cairo_image_surface_get_width(surface), cairo_image_surface_get_height(surface));
    }
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return o;
}

/* --- names ------------------------------------------------------------------------------------------- */

static void rounded(cairo_t *cr, double width, double height, double radius)
{
    cairo_new_sub_path(cr);
    cairo_arc(cr, width - radius, radius, radius, -G_PI_2, 0);
    cairo_arc(cr, width - radius, height - radius, radius, 0, G_PI_2);
    cairo_arc(cr, radius, height - radius, radius, G_PI_2, G_PI);
    cairo_arc(cr, radius, radius, radius, G_PI, 3 * G_PI_2);
    cairo_close_path(cr);
}

/* A microphone with a stroke through it, in a square of @side. */
static void draw_muted(cairo_t *cr, double x, double y, double side)
{
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, side, side);
    cairo_set_line_width(cr, 0.09);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_save(cr);
    cairo_translate(cr, 0.36, 0.08);
    rounded(cr, 0.28, 0.5, 0.139);
    cairo_restore(cr);
    cairo_fill(cr);
    cairo_arc(cr, 0.5, 0.46, 0.26, 0, G_PI);
    cairo_move_to(cr, 0.5, 0.72);
    cairo_line_to(cr, 0.5, 0.92);
    cairo_stroke(cr);
    cairo_set_source_rgb(cr, 0.93, 0.26, 0.21);
    cairo_set_line_width(cr, 0.11);
    cairo_move_to(cr, 0.14, 0.12);
    cairo_line_to(cr, 0.86, 0.9);
    cairo_stroke(cr);
    cairo_restore(cr);
}

static struct overlay *draw_name(struct labels *l, const struct key *key)
{
    int height = key->height;
    PangoRectangle text = {
        0}; /* a line that is read from the right stands at the right of its width */
    double padding = height * PADDING_PART, sign = key->is_muted ? height * SIGN_PART : 0;
    double text_x = padding + sign + (key->is_muted && key->text_len > 0 ? padding / 2 : 0);
    double room = key->width - text_x - padding;
    PangoLayout *line = new_line(l, key->text, key->text_len, height * TEXT_PART);
    cairo_surface_t *surface;
    struct overlay *o = NULL;
    cairo_t *cr;

    if (room >= (key->text_len > 0 ? height / 2.0 : 0)) {
        pango_layout_set_ellipsize(line, PANGO_ELLIPSIZE_END);
        if (key->text_len > 0) {
            pango_layout_set_width(line, (int)(room * PANGO_SCALE));
            pango_layout_get_pixel_extents(line, NULL, &text);
        }
        cr = begin(&surface, MIN(even_up(text_x + text.width + padding), key->width), height);
        cairo_set_source_rgba(cr, 0, 0, 0, GROUND_ALPHA);
        rounded(cr, cairo_image_surface_get_width(surface), height, height * CORNER_PART);
        cairo_fill(cr);
        if (key->is_muted)
            draw_muted(cr, padding, (height - sign) / 2, sign);
        cairo_set_source_rgb(cr, 1, 1, 1);
        show_line(cr, line, text_x - text.x, height);
        o = finish(cr, surface);
    }
    g_object_unref(line);
    return o;
}

static bool is_size(int width, int height)
{
    return height >= MIN_HEIGHT && height % 2 == 0 && width % 2 == 0 &&
           picture_size_is_allowed(width, height);
}

const struct overlay *labels_name(struct labels *l, struct str name, bool is_muted, int max_width,
                                  int height)
{
    struct key key;
    const struct overlay *o;

    if (!is_size(max_width, height) || (name.len == 0 && !is_muted))
        return NULL;
    memset(&key, 0, sizeof(key));
    key.kind = KIND_NAME;
    key.is_muted = is_muted;
    key.width = (uint16_t)max_width;
    key.height = (uint16_t)height;
    set_text(&key, name);
    o = find(l, &key);
    return o != NULL ? o : keep(l, &key, draw_name(l, &key));
}

/* --- placeholders ------------------------------------------------------------------------------------ */

/* The bytes of the first character, with the marks and joiners that belong to it. */
static size_t first_character(struct labels *l, const char *text, size_t len)
{
    PangoLayout *line = new_line(l, text, (int)len, 16);
    int attributes, i = 1;
    const PangoLogAttr *attribute = pango_layout_get_log_attrs_readonly(line, &attributes);
    size_t bytes;

    while (i < attributes - 1 && !attribute[i].is_cursor_position)
        i++;
    bytes = (size_t)(g_utf8_offset_to_pointer(text, i) - text);
    g_object_unref(line);
    return MIN(bytes, len);
}

struct initials {
    char text[64];
    size_t len;
};

static void add_initial(struct labels *l, struct initials *i, struct str word)
{
    size_t len = first_character(l, word.p, word.len);
    char *upper = g_utf8_strup(word.p, (gssize)len);
    size_t upper_len = strlen(upper);

    if (i->len + upper_len <= sizeof(i->text)) {
        memcpy(i->text + i->len, upper, upper_len);
        i->len += upper_len;
    }
    g_free(upper);
}

/* Those of the first and the last word; "?" when there is none. */
static void set_initials(struct labels *l, struct initials *i, struct str name)
{
    struct str rest = name, first = {0}, last = {0};

    while (rest.len > 0) {
        struct str word = str_cut(&rest, ' ');

        if (word.len == 0)
            continue;
        if (first.len == 0)
            first = word;
        else
            last = word;
    }
    add_initial(l, i, first.len > 0 ? first : STR("?"));
    if (last.len > 0)
        add_initial(l, i, last);
}

/* A hue of the identity's own (FNV-1a), in a strength on which white is read well. 0xRRGGBB. */
static uint32_t colour_of(struct str identity)
{
    uint32_t hash = 2166136261u;
    uint32_t rgb = 0;
    double hue;

    for (size_t i = 0; i < identity.len; i++)
        hash = (hash ^ (uint8_t)identity.p[i]) * 16777619u;
    hue = (hash >> 8) % 360 / 60.0;
    for (int i = 0; i < 3; i++) { /* HSV with saturation 0.6 and value 0.65 */
        double k = fmod(5 - 2 * i + hue, 6);
        double part = 0.65 * (1 - 0.6 * fmax(0, fmin(fmin(k, 4 - k), 1)));

        rgb = rgb << 8 | (uint32_t)(part * 255 + 0.5);
    }
    return rgb;
}

static struct overlay *draw_placeholder(struct labels *l, const struct key *key)
{
    struct initials initials = {.len = 0};
    double side = key->width;
    PangoLayout *line;
    cairo_surface_t *surface;
    cairo_t *cr = begin(&surface, key->width, key->height);
    int width;

    set_initials(l, &initials, (struct str){key->text, key->text_len});
    line = new_line(l, initials.text, (int)initials.len, side * INITIALS_PART);
    cairo_arc(cr, side / 2, side / 2, side / 2, 0, 2 * G_PI);
    cairo_set_source_rgb(cr, (key->colour >> 16) / 255.0, (key->colour >> 8 & 255) / 255.0,
                         (key->colour & 255) / 255.0);
    cairo_fill(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    pango_layout_get_pixel_size(line, &width, NULL);
    show_line(cr, line, (side - width) / 2, side);
    g_object_unref(line);
    return finish(cr, surface);
}

const struct overlay *labels_placeholder(struct labels *l, struct str name, struct str identity,
                                         int side)
{
    struct key key;
    const struct overlay *o;

    if (!is_size(side, side))
        return NULL;
    memset(&key, 0, sizeof(key));
    key.kind = KIND_PLACEHOLDER;
    key.width = key.height = (uint16_t)side;
    key.colour = colour_of(identity);
    set_text(&key, name);
    o = find(l, &key);
    return o != NULL ? o : keep(l, &key, draw_placeholder(l, &key));
}
