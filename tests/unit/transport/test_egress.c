/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/limits.h"
#include "core/udp.h"
#include "tests/unit/core/leaks.h"
#include "transport/egress.h"

/* What on_flush saw, copied: the batch is borrowed. */
struct seen {
    size_t calls, messages, datagrams;
    size_t last_batch;
    uint16_t segment_bytes[8];
    bool is_contiguous;
    char text[64];
    uint16_t socket[8];
};

static void on_flush(const struct egress_message *batch, size_t n, void *arg)
{
    struct seen *s = arg;
    const uint8_t *end = batch[0].data;

    s->calls++;
    s->messages += n;
    s->last_batch = n;
    s->is_contiguous = true;
    s->text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (batch[i].data != end)
            s->is_contiguous = false;
        end = batch[i].data + batch[i].len;
        s->datagrams += egress_message_count(&batch[i]);
        if (i < 8) {
            s->socket[i] = batch[i].path.socket;
            s->segment_bytes[i] = batch[i].segment_bytes;
        }
        if (strlen(s->text) + batch[i].len < sizeof(s->text))
            strncat(s->text, (const char *)batch[i].data, batch[i].len);
    }
}

static void send_text(struct egress *e, const char *text, uint16_t socket)
{
    struct path path = {.socket = socket};

    egress_send(e, &path, (const uint8_t *)text, strlen(text));
}

static void datagrams_go_out_in_order_one_behind_the_other(void **state)
{
    struct seen s = {0};
    struct egress *e = egress_new(on_flush, &s);

    (void)state;
    send_text(e, "one,", 1);
    send_text(e, "two,", 2);
    send_text(e, "three", 3);
    assert_int_equal(s.calls, 0);
    egress_flush(e);
    assert_int_equal(s.calls, 1);
    assert_string_equal(s.text, "one,two,three");
    assert_true(s.is_contiguous);
    assert_int_equal(s.socket[0], 1);
    assert_int_equal(s.socket[2], 3);
    egress_free(&e);
    assert_null(e);
}

static void a_reservation_not_committed_leaves_no_trace(void **state)
{
    struct seen s = {0};
    struct egress *e = egress_new(on_flush, &s);
    struct path path = {.socket = 7};

    (void)state;
    memcpy(egress_reserve(e, 100), "lost", 4);
    memcpy(egress_reserve(e, 100), "kept and cut", 12);
    egress_commit(e, 4, &path);
    egress_flush(e);
    assert_int_equal(s.datagrams, 1);
    assert_string_equal(s.text, "kept");
    egress_free(&e);
}

static void an_empty_batch_is_not_flushed(void **state)
{
    struct seen s = {0};
    struct egress *e = egress_new(on_flush, &s);
    struct egress_stats stats;

    (void)state;
    egress_flush(e);
    (void)egress_reserve(e, 1500);
    egress_flush(e);
    assert_int_equal(s.calls, 0);
    egress_read_stats(e, &stats);
    assert_int_equal(stats.flushes, 0);
    egress_free(&e);
}

static void send_bytes(struct egress *e, size_t len, const struct path *path)
{
    memset(egress_reserve(e, len), 'x', len);
    egress_commit(e, len, path);
}

/* Each row: lengths to one path in order; how many messages they become, and of which segment the first is. */
static void equal_lengths_to_one_path_become_one_message(void **state)
{
    static const struct {
        size_t len[6];
        enum path_protocol protocol;
        size_t messages;
        uint16_t segment_bytes;
    } rows[] = {
        {{100}, PATH_UDP, 1, 0},
        {{100, 100, 100}, PATH_UDP, 1, 100},
        {{100, 100, 40}, PATH_UDP, 1, 100},      /* the last one may be shorter */
        {{100, 100, 40, 40}, PATH_UDP, 2, 100},  /* and ends the run */
        {{100, 100, 101}, PATH_UDP, 2, 100},     /* longer: not of the run */
        {{40, 100, 100, 99, 1}, PATH_UDP, 3, 0}, /* 40 | 100 100 99 | 1 */
        {{100, 100, 100}, PATH_TCP, 3, 0},       /* connections have frames, not runs */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seen s = {0};
        struct egress *e = egress_new(on_flush, &s);
        struct path path = {.protocol = (uint16_t)rows[i].protocol};
        size_t n = 0;
        for (; n < 6 && rows[i].len[n] != 0; n++)
            send_bytes(e, rows[i].len[n], &path);
        egress_flush(e);
        assert_int_equal(s.messages, rows[i].messages);
        assert_int_equal(s.segment_bytes[0], rows[i].segment_bytes);
        assert_int_equal(s.datagrams, n);
        assert_true(s.is_contiguous);
        egress_free(&e);
    }
}

static void a_run_ends_with_the_path_and_where_the_kernel_takes_no_more(void **state)
{
    struct seen s = {0};
    struct egress *e = egress_new(on_flush, &s);
    struct path path = {.socket = 1};

    (void)state;
    send_bytes(e, 100, &path);
    path.socket = 2;
    for (size_t i = 0; i < UDP_MAX_RUN_SEGMENTS + 1; i++)
        send_bytes(e, 100, &path);
    egress_flush(e);
    assert_int_equal(s.messages, 3);
    egress_free(&e);
}

static void a_full_batch_is_forced_out(void **state)
{
    struct seen s = {0};
    struct egress *e = egress_new(on_flush, &s);
    struct egress_stats stats;

    (void)state;
    for (size_t i = 0; i < MAX_EGRESS_BATCH + 1; i++)
        send_bytes(e, 10, &(struct path){.socket = (uint16_t)i});
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.last_batch, MAX_EGRESS_BATCH);
    assert_true(s.is_contiguous);
    egress_flush(e);
    assert_int_equal(s.last_batch, 1);
    egress_read_stats(e, &stats);
    assert_int_equal(stats.flushes, 2);
    assert_int_equal(stats.forced, 1);
    assert_int_equal(stats.datagrams, MAX_EGRESS_BATCH + 1);
    assert_int_equal(stats.bytes, (MAX_EGRESS_BATCH + 1) * 10);
    egress_free(&e);
}

static void a_full_slab_is_forced_out(void **state)
{
    const size_t longest = MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES;
    const size_t fit = MAX_EGRESS_BYTES / longest;
    struct seen s = {0};
    struct egress *e = egress_new(on_flush, &s);

    (void)state;
    for (size_t i = 0; i < fit + 1; i++)
        send_bytes(e, longest, &(struct path){.socket = (uint16_t)i});
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.last_batch, fit);
    egress_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(datagrams_go_out_in_order_one_behind_the_other),
        LEAK_FREE(a_reservation_not_committed_leaves_no_trace),
        LEAK_FREE(an_empty_batch_is_not_flushed),
        LEAK_FREE(equal_lengths_to_one_path_become_one_message),
        LEAK_FREE(a_run_ends_with_the_path_and_where_the_kernel_takes_no_more),
        LEAK_FREE(a_full_batch_is_forced_out),
        LEAK_FREE(a_full_slab_is_forced_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
