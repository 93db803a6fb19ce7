/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/video_stream.h"
#include "core/mem.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

/* Frames of one packet each; the third is a keyframe again. */
static struct clip_frame frames[] = {
    {(const uint8_t *)"\x10key0", 5, true},  {(const uint8_t *)"\x11more", 5, false},
    {(const uint8_t *)"\x11more", 5, false}, {(const uint8_t *)"\x10key3", 5, true},
    {(const uint8_t *)"\x11more", 5, false},
};
static const struct clip clip = {.fps = 30, .frame = frames, .frame_count = ARRAY_LEN(frames)};

/* The frame's text in the packet that was made of the next one. */
static const char *next(struct video_stream *v)
{
    uint16_t seq;

    assert_int_equal(video_stream_next_frame(v, 0, &seq), 1);
    return (const char *)video_stream_find(v, seq)->payload + VP8_DESCRIPTOR_BYTES + 1;
}

static void it_plays_in_a_loop(void **state)
{
    struct video_stream v;

    (void)state;
    video_stream_init(&v, &clip);
    for (int round = 0; round < 2; round++) {
        assert_memory_equal(next(&v), "key0", 4);
        assert_memory_equal(next(&v), "more", 4);
        assert_memory_equal(next(&v), "more", 4);
        assert_memory_equal(next(&v), "key3", 4);
        assert_memory_equal(next(&v), "more", 4);
    }
    video_stream_fini(&v);
}

static void a_request_makes_the_very_next_frame_a_keyframe(void **state)
{
    struct video_stream v;

    (void)state;
    video_stream_init(&v, &clip);
    (void)next(&v);
    v.wants_keyframe = true;
    assert_memory_equal(next(&v), "key3", 4);
    assert_false(v.wants_keyframe);
    assert_memory_equal(next(&v), "more", 4);
    v.wants_keyframe = true;
    assert_memory_equal(next(&v), "key0", 4); /* around the end */
    video_stream_fini(&v);
}

static void packets_are_kept_for_a_while(void **state)
{
    struct video_stream v;
    uint16_t first;

    (void)state;
    video_stream_init(&v, &clip);
    (void)video_stream_next_frame(&v, 90, &first);
    assert_non_null(video_stream_find(&v, first));
    assert_int_equal(video_stream_find(&v, first)->ts, 90);
    assert_true(video_stream_find(&v, first)->is_last);
    assert_null(video_stream_find(&v, (uint16_t)(first + 1)));
    for (int i = 0; i < VIDEO_HISTORY_PACKETS; i++)
        (void)next(&v);
    assert_null(video_stream_find(&v, first));
    assert_non_null(video_stream_find(&v, (uint16_t)(first + 1)));
    video_stream_fini(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(it_plays_in_a_loop),
        LEAK_FREE(a_request_makes_the_very_next_frame_a_keyframe),
        LEAK_FREE(packets_are_kept_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
