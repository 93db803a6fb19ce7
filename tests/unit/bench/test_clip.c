/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/loadgen/clip.h"
#include "core/err.h"
#include "core/mem.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

#define HEADER 32
#define FRAME_HEADER 12

struct file {
    uint8_t *bytes;
    size_t len;
};

static void put_le(uint8_t *p, uint32_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* @frames: one character each, 'k' for a keyframe of 5 bytes, 'd' for another of 3. */
static struct file make_file(const char *frames)
{
    struct file f = {mem_alloc(HEADER + strlen(frames) * (FRAME_HEADER + 5)), HEADER};

    memcpy(f.bytes, "DKIF\0\0\x20\0VP80", 12);
    put_le(f.bytes + 12, 1280, 2);
    put_le(f.bytes + 14, 720, 2);
    put_le(f.bytes + 16, 30, 4);
    put_le(f.bytes + 20, 1, 4);
    for (; *frames; frames++) {
        uint32_t len = *frames == 'k' ? 5 : 3;
        put_le(f.bytes + f.len, len, 4);
        f.bytes[f.len + FRAME_HEADER] = *frames == 'k' ? 0x10 : 0x11;
        f.len += FRAME_HEADER + len;
    }
    return f;
}

static void frames_are_found_in_order(void **state)
{
    struct file f = make_file("kdkd");
    struct clip *c = NULL;

    (void)state;
    assert_int_equal(clip_parse(&c, f.bytes, f.len), 0);
    assert_int_equal(c->width, 1280);
    assert_int_equal(c->height, 720);
    assert_int_equal(c->fps, 30);
    assert_int_equal(c->frame_count, 4);
    assert_true(c->frame[0].is_keyframe && !c->frame[1].is_keyframe && c->frame[2].is_keyframe);
    assert_int_equal(c->frame[3].len, 3);
    assert_int_equal(c->total_bytes, 16);
    assert_true(clip_bitrate_bps(c) == 16.0 * 8 * 30 / 4);
    clip_free(&c);
}

static void the_next_keyframe_may_lie_behind_the_end(void **state)
{
    struct file f = make_file("kddkd");
    struct clip *c = NULL;

    (void)state;
    assert_int_equal(clip_parse(&c, f.bytes, f.len), 0);
    assert_int_equal(clip_next_keyframe(c, 0), 3);
    assert_int_equal(clip_next_keyframe(c, 2), 3);
    assert_int_equal(clip_next_keyframe(c, 3), 0);
    assert_int_equal(clip_next_keyframe(c, 4), 0);
    clip_free(&c);
}

static void expect(struct file f, int want)
{
    struct clip *c = NULL;

    assert_int_equal(clip_parse(&c, f.bytes, f.len), want);
    assert_null(c);
    mem_free(f.bytes); /* still ours */
}

static void a_broken_file_is_refused(void **state)
{
    struct file f = make_file("kd");

    (void)state;
    f.len--; /* the last frame is cut short */
    expect(f, E_MALFORMED);
    f = make_file("kd");
    f.len = HEADER - 1;
    expect(f, E_MALFORMED);
    f = make_file("");
    expect(f, E_MALFORMED);
    f = make_file("kd");
    f.bytes[0] = 'X';
    expect(f, E_MALFORMED);
    f = make_file("kd");
    put_le(f.bytes + 20, 0, 4); /* a frame rate without a scale */
    expect(f, E_MALFORMED);
    f = make_file("kd");
    f.bytes[11] = '9'; /* VP89 */
    expect(f, E_UNSUPPORTED);
    expect(make_file("dk"), E_UNSUPPORTED); /* nobody could show its first frame */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(frames_are_found_in_order),
        LEAK_FREE(the_next_keyframe_may_lie_behind_the_end),
        LEAK_FREE(a_broken_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
