/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - who is where in a composed picture: rectangles from a kind of layout and a list of participants.
 *
 *   grid            speaker          pip              screen           custom
 *   ┌──┬──┬──┐      ┌─────────┐      ┌─────────┐      ┌──────┬──┐
 *   │  │  │  │      │         │      │         │      │      │  │     rectangles that
 *   ├──┴┬─┴──┤      │         │      │      ┌──┤      │      ├──┤     somebody gives
 *   │ │  │  ││      ├──┬──┬───┤      │      └──┤      │      │  │
 *   └─┴──┴──┴┘      └──┴──┴───┘      └─────────┘      └──────┴──┘
 *
 * On a canvas that is higher than wide, the strips of `speaker` and `screen` lie below, and grids have more rows than columns.
 * Coordinates and sides are even, tiles lie inside the canvas. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/str.h"
#include "mixer/scaler.h"

enum layout_kind {
    LAYOUT_GRID,
    LAYOUT_SPEAKER, /* the first participant is large */
    LAYOUT_PIP,     /* the first participant is all of the canvas, few others lie over it */
    LAYOUT_SCREEN,  /* the first participant, a screen, is large and seen whole */
    LAYOUT_CUSTOM,
};

#define LAYOUT_KINDS 5
#define LAYOUT_MIN_TILE 16 /* samples a side */
#define LAYOUT_MAX_INSETS 3
#define LAYOUT_CHANGE_US 300000ull /* from one layout to the next, when it is to be smooth */

struct layout_tile {
    int x, y, width, height;
    int z;                /* higher ones cover lower ones */
    uint32_t participant; /* whatever number the maker of the request gave */
    enum scaler_fit fit;
};

/* Sorted by z, then by place in the request. */
struct layout {
    unsigned count;
    struct layout_tile tile[MAX_LAYOUT_TILES];
};

/* A rectangle of `custom`. */
struct layout_custom {
    double x, y, width, height; /* in samples, or in parts of the canvas: 0..1 */
    bool is_fraction;
    int z;
    unsigned place; /* of the participant in the list; beyond the list: nobody is there */
    enum scaler_fit fit;
};

struct layout_request {
    enum layout_kind kind;
    int width, height; /* of the canvas, even */
    int gap;           /* samples between tiles */
    enum scaler_fit fit;
    const uint32_t
        *participants; /* in order of importance; those for whom there is no room are left out */
    size_t count;
    const struct layout_custom *custom; /* of LAYOUT_CUSTOM */
    size_t customs;
};

/** "grid", "speaker", "pip", "screen", "custom". */
const char *layout_kind_name(enum layout_kind kind);
/** Find by name; false when there is none. */
MUST_CHECK bool layout_kind_find(struct str name, enum layout_kind *out);

/**
 * Place the participants.
 *
 * Errors: E_INVALID: the canvas, the gap or a custom rectangle makes no sense; E_LIMIT: too many custom rectangles. @why (NULL: not
 *         wanted) says which, in words for the one who asked.
 */
MUST_CHECK int layout_make(struct layout *out, const struct layout_request *request,
                           struct strbuf *why);

/**
 * What is between two layouts: @progress 0 gives @from, 1 gives @to; in between tiles move and grow, at first and at last slowly.
 * Who is in one of them only grows from, or shrinks to, a point.
 */
void layout_between(struct layout *out, const struct layout *from, const struct layout *to,
                    double progress);
bool layout_is_equal(const struct layout *a, const struct layout *b);
