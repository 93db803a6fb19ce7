/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dependency_descriptor.c - descriptors of one stream, each behind a byte with its length.
 *
 * What parses is rewritten, with a mask and without, and must tell the same frame then.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/attr.h"
#include "core/check.h"
#include "core/dependency_descriptor.h"
#include "core/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t all_of(unsigned targets)
{
    return targets >= 32 ? UINT32_MAX : (1u << targets) - 1;
}

static void check_values(const struct dependency_descriptor *d, const struct dependency_state *s,
                         size_t len)
{
    CHECK(d->frame.spatial < DD_MAX_SPATIAL && d->frame.temporal < DD_MAX_TEMPORAL);
    CHECK(d->target_count >= 1 && d->target_count <= DD_MAX_TARGETS);
    CHECK(d->chain_count <= d->target_count && d->active_at <= len * 8);
    CHECK((dd_present_targets(&d->frame) & ~all_of(d->target_count)) == 0);
    CHECK((dd_switch_targets(&d->frame) & ~dd_present_targets(&d->frame)) == 0);
    CHECK((d->active & ~all_of(d->target_count)) == 0);
    CHECK(s->structure.template_count >= 1 && s->structure.spatial_count <= DD_MAX_SPATIAL);
    CHECK(dd_targets_within(&s->structure.targets, DD_MAX_SPATIAL, DD_MAX_TEMPORAL) ==
          all_of(s->structure.targets.count));
}

static void rewrite(const struct dependency_descriptor *d, const struct dependency_state *before,
                    const uint8_t *data, size_t len, bool has_mask)
{
    uint8_t out[DD_MAX_BYTES];
    struct dependency_state state = *before;
    struct dependency_descriptor after;
    uint32_t mask = 0xA5A5A5A5u & all_of(d->target_count);
    /* Another number could make a structure old, or new: what it tells is compared with the number left as it is. */
    size_t n = dependency_descriptor_rewrite(out, sizeof(out), data, len, d->frame_number,
                                             d->active_at, d->target_count, has_mask, mask);

    if (n == 0) {
        CHECK(has_mask && len + 5 > DD_MAX_BYTES);
        return;
    }
    CHECK(dependency_descriptor_parse(&after, &state, out, n) == 0);
    CHECK(memcmp(&after.frame, &d->frame, sizeof(after.frame)) == 0);
    CHECK(after.has_structure == d->has_structure && after.width == d->width);
    CHECK(after.active == (has_mask ? mask : d->active));
    n = dependency_descriptor_rewrite(out, sizeof(out), data, len, 0x1234, d->active_at,
                                      d->target_count, false, 0);
    CHECK(n == len && wire_get_u16(out + 1) == 0x1234);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dependency_state state;
    struct reader r = reader_of(data, size);

    memset(&state, 0, sizeof(state));
    while (reader_left(&r) > 0) {
        struct dependency_state before = state;
        struct dependency_descriptor d;
        size_t len = reader_u8(&r);
        len = MIN(len, reader_left(&r));
        const uint8_t *bytes = reader_bytes(&r, len);
        if (dependency_descriptor_parse(&d, &state, bytes, len) != 0)
            continue;
        check_values(&d, &state, len);
        rewrite(&d, &before, bytes, len, false);
        rewrite(&d, &before, bytes, len, true);
    }
    return 0;
}
