/* SPDX-License-Identifier: Apache-2.0 */
/* layout.c - the kinds of layout. Everything is computed in pairs of samples, so that all is even. */
#include "mixer/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"

#define STRIP_PART 5    /* the strip has a fifth of the canvas */
#define INSET_PART 4    /* an inset has a quarter of each side */
#define ASPECT_WIDTH 16 /* of tiles in strips, and of most cameras */
#define ASPECT_HEIGHT 9

struct rect {
    int x, y, width, height;
};

static const char *const kind_names[LAYOUT_KINDS] = {"grid", "speaker", "pip", "screen", "custom"};

const char *layout_kind_name(enum layout_kind kind)
{
    CHECK((unsigned)kind < LAYOUT_KINDS);
    return kind_names[kind];
}

bool layout_kind_find(struct str name, enum layout_kind *out)
{
    for (unsigned i = 0; i < LAYOUT_KINDS; i++) {
        if (!str_eq_c(name, kind_names[i]))
            continue;
        *out = (enum layout_kind)i;
        return true;
    }
    return false;
}

static int even(int v)
{
    return v & ~1;
}

static struct layout_tile *add_tile(struct layout *l, struct rect r, uint32_t participant,
                                    enum scaler_fit fit)
{
    struct layout_tile *t = &l->tile[l->count++];

    *t = (struct layout_tile){.x = r.x,
                              .y = r.y,
                              .width = r.width,
                              .height = r.height,
                              .participant = participant,
                              .fit = fit};
    return t;
}

/* --- grid -------------------------------------------------------------------------------------------- */

/* One way to divide an area among @n. */
struct division {
    int columns, rows;
    int width, height; /* of a tile */
};

static struct division divide(const struct rect *area, int gap, int n, int columns)
{
    struct division d = {.columns = columns, .rows = (n + columns - 1) / columns};

    d.width = even((area->width - gap * (columns - 1)) / columns);
    d.height = even((area->height - gap * (d.rows - 1)) / d.rows);
    return d;
}

/* How well a tile is used by what may be seen in it: a camera's frame of 16:9, or the 4:3 around a face. The product of both areas
 * does not prefer a tile that suits only one of them. */
static double use_of(const struct division *d)
{
    double camera = MIN(d->width, d->height * 16.0 / 9), face = MIN(d->width, d->height * 4.0 / 3);

    if (d->width < LAYOUT_MIN_TILE || d->height < LAYOUT_MIN_TILE)
        return -1;
    return camera * camera * face * face;
}

static struct division divide_best(const struct rect *area, int gap, int n)
{
    struct division best = divide(area, gap, n, 1);

    for (int columns = 2; columns <= n; columns++) {
        struct division d = divide(area, gap, n, columns);

        if (use_of(&d) > use_of(&best))
            best = d;
    }
    return best;
}

/* Fill an area, each row in the middle. Who does not fit at LAYOUT_MIN_TILE is left out. */
static void add_grid(struct layout *l, const struct rect *area, const struct layout_request *r,
                     const uint32_t *participants, size_t count)
{
    int n = (int)MIN(count, (size_t)(MAX_LAYOUT_TILES - l->count));
    struct division d = {0};

    while (n > 0) {
        d = divide_best(area, r->gap, n);
        if (use_of(&d) >= 0)
            break;
        n--;
    }
    for (int i = 0; i < n; i++) {
        int row = i / d.columns, in_row = MIN(d.columns, n - row * d.columns);
        int row_width = in_row * d.width + (in_row - 1) * r->gap;
        int all_height = d.rows * d.height + (d.rows - 1) * r->gap;
        struct rect t = {
            area->x + even((area->width - row_width) / 2) + i % d.columns * (d.width + r->gap),
            area->y + even((area->height - all_height) / 2) + row * (d.height + r->gap), d.width,
            d.height};

        add_tile(l, t, participants[i], r->fit);
    }
}

/* --- strips and insets ------------------------------------------------------------------------------- */

/* Side by side in the middle of a strip, in the shape of cameras as long as all of them fit so. */
static void add_strip(struct layout *l, const struct rect *area, bool lies,
                      const struct layout_request *r, const uint32_t *participants, size_t count)
{
    int length = lies ? area->width : area->height, across = lies ? area->height : area->width;
    int most = (length + r->gap) / (LAYOUT_MIN_TILE * 2 + r->gap);
    int n = (int)MIN(count, (size_t)MIN(most, MAX_LAYOUT_TILES - 1));
    int side = lies ? across * ASPECT_WIDTH / ASPECT_HEIGHT : across * ASPECT_HEIGHT / ASPECT_WIDTH;
    int begin;

    if (n <= 0)
        return;
    side = even(MIN(side, (length - r->gap * (n - 1)) / n));
    begin = even((length - n * side - (n - 1) * r->gap) / 2);
    for (int i = 0; i < n; i++) {
        int at = begin + i * (side + r->gap);
        struct rect t = {area->x + (lies ? at : 0), area->y + (lies ? 0 : at), lies ? side : across,
                         lies ? across : side};

        add_tile(l, t, participants[i], r->fit);
    }
}

/* The first one large, the others in a strip below or (@beside) to the right. */
static void make_large_and_strip(struct layout *l, const struct layout_request *r, bool beside,
                                 enum scaler_fit fit)
{
    struct rect large = {0, 0, r->width, r->height}, strip = large;

    if (r->count == 0)
        return;
    if (r->count > 1 && beside) {
        strip.width = even(r->width / STRIP_PART);
        strip.x = r->width - strip.width;
        large.width = strip.x - r->gap;
    } else if (r->count > 1) {
        strip.height = even(r->height / STRIP_PART);
        strip.y = r->height - strip.height;
        large.height = strip.y - r->gap;
    }
    add_tile(l, large, r->participants[0], fit);
    add_strip(l, &strip, !beside, r, r->participants + 1, r->count - 1);
}

/* Insets from the lower right corner to the left. */
static void make_pip(struct layout *l, const struct layout_request *r)
{
    int width = even(r->width / INSET_PART), height = even(r->height / INSET_PART);
    int margin = even(MIN(r->width, r->height) / 40);

    if (r->count == 0)
        return;
    add_tile(l, (struct rect){0, 0, r->width, r->height}, r->participants[0], r->fit);
    for (int i = 0; i < LAYOUT_MAX_INSETS && i + 1 < (int)r->count; i++) {
        struct rect t = {r->width - (i + 1) * (width + margin), r->height - height - margin, width,
                         height};

        if (t.x < 0)
            break;
        add_tile(l, t, r->participants[i + 1], r->fit)->z = 1;
    }
}

/* --- custom ------------------------------------------------------------------------------------------ */

static int refuse(struct strbuf *why, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int refuse(struct strbuf *why, int err, const char *fmt, ...)
{
    va_list ap;

    if (why != NULL) {
        va_start(ap, fmt);
        strbuf_vaddf(why, fmt, ap);
        va_end(ap);
    }
    return err;
}

/* A coordinate in samples; negative when it cannot be one. */
static int to_samples(double v, bool is_fraction, int whole)
{
    if (!isfinite(v) || v < 0 || v > (is_fraction ? 1.0 : (double)MAX_PICTURE_SIDE))
        return -1;
    return (int)floor((is_fraction ? v * whole : v) + 0.5);
}

/* Edges, not sides, are made even, so that neighbours by fraction stay neighbours. */
static int read_custom(struct rect *out, const struct layout_custom *c,
                       const struct layout_request *r, size_t i, struct strbuf *why)
{
    int x = to_samples(c->x, c->is_fraction, r->width);
    int y = to_samples(c->y, c->is_fraction, r->height);
    int right = to_samples(c->x + c->width, c->is_fraction, r->width);
    int below = to_samples(c->y + c->height, c->is_fraction, r->height);

    if (!(c->width > 0) || !(c->height > 0))
        return refuse(why, E_INVALID, "rectangle %zu: width and height must be above 0", i);
    if (x < 0 || y < 0 || right < 0 || below < 0 || right > r->width || below > r->height)
        return refuse(why, E_INVALID, "rectangle %zu: it is not inside the canvas of %dx%d", i,
                      r->width, r->height);
    *out = (struct rect){even(x), even(y), even(right) - even(x), even(below) - even(y)};
    if (out->width < LAYOUT_MIN_TILE || out->height < LAYOUT_MIN_TILE)
        return refuse(why, E_INVALID, "rectangle %zu: %dx%d is smaller than %dx%d", i, out->width,
                      out->height, LAYOUT_MIN_TILE, LAYOUT_MIN_TILE);
    return 0;
}

static int make_custom(struct layout *l, const struct layout_request *r, struct strbuf *why)
{
    if (r->customs == 0)
        return refuse(why, E_INVALID, "a custom layout needs rectangles");
    if (r->customs > MAX_LAYOUT_TILES)
        return refuse(why, E_LIMIT, "%zu rectangles; %d is the most", r->customs, MAX_LAYOUT_TILES);
    for (size_t i = 0; i < r->customs; i++) {
        const struct layout_custom *c = &r->custom[i];
        struct rect t;
        int err = read_custom(&t, c, r, i, why);

        if (err != 0)
            return err;
        if (c->place < r->count)
            add_tile(l, t, r->participants[c->place], c->fit)->z = c->z;
    }
    return 0;
}

/* --- all --------------------------------------------------------------------------------------------- */

/* Few tiles, nearly sorted: by insertion, which keeps the order of equals. */
static void sort_by_z(struct layout *l)
{
    for (unsigned i = 1; i < l->count; i++) {
        struct layout_tile t = l->tile[i];
        unsigned k = i;

        for (; k > 0 && l->tile[k - 1].z > t.z; k--)
            l->tile[k] = l->tile[k - 1];
        l->tile[k] = t;
    }
}

static int check_request(const struct layout_request *r, struct strbuf *why)
{
    if (!picture_size_is_allowed(r->width, r->height) || r->width % 2 != 0 || r->height % 2 != 0 ||
        r->width < 4 * LAYOUT_MIN_TILE || r->height < 4 * LAYOUT_MIN_TILE)
        return refuse(why, E_INVALID, "a canvas of %dx%d: sides must be even, at least %d",
                      r->width, r->height, 4 * LAYOUT_MIN_TILE);
    if (r->gap < 0 || r->gap % 2 != 0 || r->gap > MIN(r->width, r->height) / 8)
        return refuse(why, E_INVALID, "a gap of %d: it must be even, at most an eighth of a side",
                      r->gap);
    return 0;
}

int layout_make(struct layout *out, const struct layout_request *request, struct strbuf *why)
{
    const struct layout_request *r = request;
    const struct rect all = {0, 0, r->width, r->height};
    struct layout l = {.count = 0};
    int err = check_request(r, why);

    if (err != 0)
        return err;
    switch (r->kind) {
    case LAYOUT_GRID:
        add_grid(&l, &all, r, r->participants, r->count);
        break;
    case LAYOUT_SPEAKER:
        make_large_and_strip(&l, r, false, r->fit);
        break;
    case LAYOUT_SCREEN:
        make_large_and_strip(&l, r, r->width > r->height, SCALER_LETTERBOX);
        break;
    case LAYOUT_PIP:
        make_pip(&l, r);
        break;
    case LAYOUT_CUSTOM:
        err = make_custom(&l, r, why);
        break;
    default:
        err = refuse(why, E_INVALID, "an unknown kind of layout");
    }
    if (err != 0)
        return err;
    sort_by_z(&l);
    *out = l;
    return 0;
}

/* --- from one to another ----------------------------------------------------------------------------- */

static const struct layout_tile *find_participant(const struct layout *l, uint32_t participant)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->tile[i].participant == participant)
            return &l->tile[i];
    return NULL;
}

/* 3p² - 2p³: slow, fast, slow. */
static double ease(double p)
{
    return p <= 0 ? 0 : p >= 1 ? 1 : p * p * (3 - 2 * p);
}

static int between(int from, int to, double p)
{
    return even((int)floor(from + (to - from) * p + 0.5));
}

/* The middle of a tile. */
static struct layout_tile point_of(const struct layout_tile *t)
{
    struct layout_tile point = *t;

    point.x = even(t->x + t->width / 2);
    point.y = even(t->y + t->height / 2);
    point.width = point.height = 0;
    return point;
}

static void add_between(struct layout *l, const struct layout_tile *from,
                        const struct layout_tile *to, double p)
{
    int x = between(from->x, to->x, p), y = between(from->y, to->y, p);
    int right = between(from->x + from->width, to->x + to->width, p);
    int below = between(from->y + from->height, to->y + to->height, p);
    struct layout_tile *t;

    if (right - x < LAYOUT_MIN_TILE || below - y < LAYOUT_MIN_TILE || l->count == MAX_LAYOUT_TILES)
        return;
    t = add_tile(l, (struct rect){x, y, right - x, below - y}, to->participant, to->fit);
    t->z = MAX(from->z, to->z);
}

void layout_between(struct layout *out, const struct layout *from, const struct layout *to,
                    double progress)
{
    double p = ease(progress);
    struct layout l = {.count = 0};

    if (progress <= 0 || progress >= 1) {
        l = progress <= 0 ? *from : *to;
        *out = l;
        return;
    }
    for (unsigned i = 0; i < to->count; i++) {
        const struct layout_tile *t = &to->tile[i];
        const struct layout_tile *f = find_participant(from, t->participant);
        struct layout_tile point = point_of(t);

        add_between(&l, f != NULL ? f : &point, t, p);
    }
    for (unsigned i = 0; i < from->count; i++) {
        const struct layout_tile *f = &from->tile[i];
        struct layout_tile point = point_of(f);

        if (find_participant(to, f->participant) == NULL)
            add_between(&l, f, &point, p);
    }
    sort_by_z(&l);
    *out = l;
}

bool layout_is_equal(const struct layout *a, const struct layout *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        const struct layout_tile *x = &a->tile[i], *y = &b->tile[i];

        if (x->x != y->x || x->y != y->y || x->width != y->width || x->height != y->height ||
            x->z != y->z || x->participant != y->participant || x->fit != y->fit)
            return false;
    }
    return true;
}
