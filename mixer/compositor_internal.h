/* SPDX-License-Identifier: Apache-2.0 */
/* compositor_internal.h - what compositor.c keeps of sources and tiles, and compositor_tile.c draws. */
#pragma once

#include "core/list.h"
#include "core/map.h"
#include "mixer/compositor.h"
#include "mixer/label.h"

#define SCALED_PER_SOURCE 2 /* sizes of one source that are kept */

struct compositor_scaled {
    struct picture *picture; /* NULL: unused */
    uint64_t version;        /* of the source's picture that it was made of */
    enum scaler_fit fit;
};

struct compositor_source {
    struct list all;
    uint32_t participant;
    struct picture *picture; /* NULL: none, or let go of */
    bool is_released;        /* let go of: the tiles show it, and it is not to be had */
    uint64_t picture_version, look_version;
    char name[MAX_NAME_LEN], identity[MAX_IDENTITY_LEN];
    uint16_t name_len, identity_len;
    bool is_muted, is_active;
    struct compositor_scaled scaled[SCALED_PER_SOURCE];
    unsigned next_scaled; /* to be replaced */
};

/* A tile on the canvas. */
struct compositor_tile {
    struct layout_tile place;
    int label_width, label_height, placeholder_side; /* by its final size */
    bool keeps_scaled; /* it lies over others, or its source is drawn twice in this size */
    bool is_apart;     /* nothing lies over it or below it */
    bool is_dirty;
    /* what is drawn */
    uint64_t picture_version, look_version;
};

struct compositor {
    struct compositor_config config;
    struct picture_colour background, active, empty;
    struct picture_pool *pool;
    struct picture *canvas;
    struct labels *labels;
    struct map *sources;
    struct list all_sources;
    uint64_t versions; /* the last one given */
    struct layout from, to, now;
    uint64_t change_from_us, change_us; /* 0: not changing */
    bool is_relaid;                     /* `now` is not what is on the canvas */
    bool is_drawn;                      /* something was, since it was composed */
    struct compositor_tile tile[MAX_LAYOUT_TILES];
    unsigned tiles;
    struct compositor_stats stats;
};

/** Draw one tile, whatever is below it. @s: NULL when nobody told of it. */
void compositor_draw_tile(struct compositor *c, const struct compositor_tile *t,
                          struct compositor_source *s);
/** The source's picture as it is in this tile, when it is kept; NULL: it is not. */
struct picture *compositor_scaled_picture(struct compositor_source *s, const struct layout_tile *t);
void compositor_drop_scaled(struct compositor_source *s);
