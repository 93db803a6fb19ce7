/* SPDX-License-Identifier: Apache-2.0 */
/* dd_bytes.h - dependency descriptors as a sender writes them (AV1 RTP s A.4.1), for tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DD_BYTES_MAX 255

/* One template, or a frame's own relations. Indications are text: '-', 'D', 'S' or 'R' for each decode target. */
struct dd_bytes_template {
    uint8_t spatial, temporal;
    const char *indications;
    uint16_t diffs[8]; /* frame number differences, 0 ends them */
    uint8_t chain_diffs[4];
};

struct dd_bytes_structure {
    uint8_t first_id, targets, chains, templates;
    uint8_t chain_of_target[32];
    struct dd_bytes_template t[24]; /* ordered by spatial, then temporal layer */
    uint8_t sizes;                  /* 0: none; else of each spatial layer */
    uint16_t width[4], height[4];
};

struct dd_bytes_frame {
    bool starts, ends, has_structure, has_active;
    uint8_t template_index;
    uint16_t number;
    uint32_t active;
    const struct dd_bytes_template *own; /* NULL: as the template has it */
    bool own_indications, own_diffs, own_chains;
};

/** Write; returns the length. */
size_t dd_bytes_write(uint8_t out[DD_BYTES_MAX], const struct dd_bytes_structure *s,
                      const struct dd_bytes_frame *f);
/** The three temporal layers of one spatial layer, as A.6.2.1 has them. */
extern const struct dd_bytes_structure dd_bytes_l1t3;
/** Two spatial layers, the upper one always on top of the lower one; two temporal layers. */
extern const struct dd_bytes_structure dd_bytes_l2t2;
