/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/timebase.h"
#include "mixer/jitter_buffer.h"
#include "tests/unit/mixer/audio_packets.h"

#define HZ 48000
#define TICK_US 20000
#define FRAME 960 /* ts: 20 ms */
#define CEILING_US 200000
#define PERIOD 240 /* what a player stretches by */
#define SIGNS 8192

/*
 * A sender, a network that delays by what a test says, and a player that pulls every 20 ms and follows the advice. What it got is
 * written down: p packet, l lost, f lost with the next packet at hand, s silence; and of each packet its number.
 */
static struct {
    struct audio_stream stream;
    struct jitter_buffer *jb;
    uint64_t now_us;
    double sent_us; /* when the next packet is due at the sender */
    double pace;    /* our seconds to a second of the sender */
    bool is_heard;
    int64_t queued; /* in the player */
    char got[SIGNS];
    size_t gots;
    uint32_t number[SIGNS];
    size_t numbers;
    uint32_t next_number;
    int64_t stretched; /* by the player */
    struct flying {
        struct packet *packet;
        uint32_t span_ts;
        bool is_pause;
    } flying[512];
    size_t in_flight;
} s;

static int set_up(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    s.stream = (struct audio_stream){.pool = packet_pool_new(1024),
                                     .codec = CODEC_OPUS,
                                     .ssrc = 11,
                                     .seq = 65530, /* wraps soon */
                                     .ts = UINT32_MAX - 5000,
                                     .level = -1};
    s.jb = jitter_buffer_new(HZ, CEILING_US);
    s.now_us = 50 * US_PER_S;
    s.sent_us = (double)s.now_us + 3000;
    s.pace = 1;
    s.is_heard = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    while (s.in_flight > 0)
        packet_unref(&s.flying[--s.in_flight].packet);
    jitter_buffer_free(&s.jb);
    packet_pool_free(&s.stream.pool);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void fly(struct packet *p, uint32_t span_ts, bool is_pause)
{
    size_t i = s.in_flight++;

    assert_true(s.in_flight < ARRAY_LEN(s.flying));
    for (; i > 0 && s.flying[i - 1].packet->arrival_us > p->arrival_us; i--)
        s.flying[i] = s.flying[i - 1];
    s.flying[i] = (struct flying){p, span_ts, is_pause};
}

/* Send a packet that takes @takes_us; a negative time loses it. */
static void send_packet(uint32_t span_ts, bool is_pause, int64_t takes_us)
{
    uint64_t arrival_us = (uint64_t)s.sent_us + (uint64_t)MAX(takes_us, 0);
    struct packet *p =
        audio_stream_next(&s.stream, &s.next_number, sizeof(s.next_number), span_ts, arrival_us);

    s.next_number++;
    s.sent_us += (double)span_ts * 1e6 / HZ * s.pace;
    if (takes_us < 0)
        packet_unref(&p);
    else
        fly(p, span_ts, is_pause);
}

static void land(void)
{
    size_t n = 0;

    for (; n < s.in_flight && s.flying[n].packet->arrival_us <= s.now_us; n++) {
        (void)jitter_buffer_push(s.jb, s.flying[n].packet, s.flying[n].span_ts,
                                 s.flying[n].is_pause);
        packet_unref(&s.flying[n].packet);
    }
    memmove(s.flying, s.flying + n, (s.in_flight - n) * sizeof(*s.flying));
    s.in_flight -= n;
}

static void note(char sign)
{
    if (s.gots < SIGNS - 1)
        s.got[s.gots++] = sign;
}

static void pull(void)
{
    struct jitter_frame f;

    jitter_buffer_pull(s.jb, s.now_us, s.is_heard, &f);
    assert_true(f.span_ts > 0 && f.span_ts <= HZ * MAX_AUDIO_FRAME_US / US_PER_S);
    assert_true((f.kind == JITTER_PACKET) == (f.packet != NULL));
    s.queued += f.span_ts;
    note(f.kind == JITTER_PACKET ? 'p' : f.kind == JITTER_SILENCE ? 's' : f.next ? 'f' : 'l');
    if (f.packet == NULL)
        return;
    assert_true(s.numbers < SIGNS);
    memcpy(&s.number[s.numbers++], f.packet->data + f.packet->rtp.header_bytes, sizeof(uint32_t));
    packet_unref(&f.packet);
}

static void follow_advice(void)
{
    enum jitter_advice advice = jitter_buffer_advice(s.jb);
    int64_t by = advice == JITTER_KEEP ? 0 : advice == JITTER_GROW ? PERIOD : -PERIOD;

    if (by == 0 || s.got[s.gots - 1] == 's')
        return;
    jitter_buffer_stretched(s.jb);
    s.queued += by;
    s.stretched += by;
}

static void tick(void)
{
    s.now_us += TICK_US;
    land();
    while (s.queued < FRAME)
        pull();
    follow_advice();
    while (s.queued < FRAME)
        pull();
    s.queued -= FRAME;
}

static void ticks(size_t n)
{
    for (size_t i = 0; i < n; i++)
        tick();
}

/* Send and play @n packets of 20 ms that take as long as @takes_us says. */
static void talk(size_t n, int64_t (*takes_us)(size_t i))
{
    for (size_t i = 0; i < n; i++) {
        send_packet(FRAME, false, takes_us(i));
        tick();
    }
}

static void forget_got(void)
{
    memset(s.got, 0, sizeof(s.got));
    s.gots = 0;
    s.numbers = 0;
}

static size_t count_of(char sign)
{
    size_t n = 0;

    for (size_t i = 0; i < s.gots; i++)
        n += s.got[i] == sign;
    return n;
}

static void expect_rising_numbers(void)
{
    for (size_t i = 1; i < s.numbers; i++)
        assert_true(s.number[i] > s.number[i - 1]);
}

static struct jitter_buffer_stats stats(void)
{
    struct jitter_buffer_stats out;

    jitter_buffer_read_stats(s.jb, &out);
    return out;
}

static struct rng rng;

static int64_t even(size_t i)
{
    (void)i;
    return 10000;
}

static int64_t jumpy(size_t i)
{
    (void)i;
    return 10000 + (int64_t)rng_below(&rng, 50000);
}

static int64_t lost_each_tenth(size_t i)
{
    return i % 10 == 5 ? -1 : 10000;
}

static int64_t slow(size_t i)
{
    (void)i;
    return 150000;
}

static int64_t sixth_late(size_t i)
{
    return i % 6 == 5 ? 75000 : 10000;
}

/* --- order and loss ------------------------------------------------------------------------------------ */

static void an_even_stream_comes_out_whole_over_every_wrap(void **state)
{
    (void)state;
    talk(200, even);
    size_t at = strspn(s.got, "s");
    assert_in_range(at, 1, 4); /* the first delay */
    assert_int_equal(count_of('p'), s.gots - at);
    for (size_t i = 0; i < s.numbers; i++)
        assert_int_equal(s.number[i], i);
    assert_true(s.numbers >= 196);
}

static void packets_out_of_order_are_put_in_order(void **state)
{
    (void)state;
    rng_seed(&rng, 7);
    talk(100, jumpy); /* learns the jitter */
    forget_got();
    talk(1000, jumpy);
    expect_rising_numbers();
    assert_true(count_of('p') > 930);
    assert_true(count_of('l') + count_of('f') < 50);
    assert_true(stats().packets_discarded < 40);
}

static void a_lost_packet_is_concealed_once(void **state)
{
    (void)state;
    talk(40, even);
    forget_got();
    talk(100, lost_each_tenth);
    expect_rising_numbers();
    assert_in_range(count_of('l') + count_of('f'), 9, 11);
    assert_in_range(count_of('p'), 88, 92);
    assert_int_equal(count_of('s'), 0);
}

static void the_next_packet_is_offered_for_fec(void **state)
{
    (void)state;
    talk(300, sixth_late); /* enough jitter that the next is there when one is missing */
    forget_got();
    talk(10, even);
    talk(100, lost_each_tenth);
    assert_in_range(count_of('f'), 9, 10);
    assert_int_equal(count_of('l'), 0);
}

static void of_several_lost_the_last_has_fec(void **state)
{
    (void)state;
    talk(300, sixth_late);
    forget_got();
    for (int i = 0; i < 2; i++) {
        send_packet(FRAME, false, -1);
        tick();
    }
    talk(20, even);
    assert_non_null(strstr(s.got, "plfp"));
}

static void duplicates_are_counted_and_play_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        send_packet(FRAME, false, 10000);
        struct flying *f = &s.flying[s.in_flight - 1];
        fly(packet_ref(f->packet), f->span_ts, f->is_pause);
        tick();
    }
    ticks(3);
    assert_int_equal(stats().duplicates, 100);
    assert_int_equal(stats().packets_discarded, 0);
    assert_int_equal(s.numbers, 100);
}

static void a_packet_behind_its_time_is_discarded(void **state)
{
    (void)state;
    talk(50, even);
    send_packet(FRAME, false, 150000);
    talk(50, even);
    assert_int_equal(stats().packets_discarded, 1);
    expect_rising_numbers();
}

static void packets_of_every_length_play(void **state)
{
    static const uint32_t spans[] = {120, 240, 480, 960, 1920, 2880, 5760};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        assert_int_equal(tear_down(NULL), 0);
        set_up(NULL);
        for (size_t t = 0; t < 150; t++) {
            while (s.sent_us < (double)s.now_us)
                send_packet(spans[i], false, 10000);
            tick();
            if (t == 30)
                forget_got();
        }
        assert_int_equal(count_of('p'), s.gots);
        expect_rising_numbers();
        assert_true(stats().delay_us < 60000);
    }
}

/* --- delay --------------------------------------------------------------------------------------------- */

static void the_delay_follows_the_jitter_and_comes_back(void **state)
{
    (void)state;
    rng_seed(&rng, 8);
    talk(100, even);
    assert_true(stats().delay_us <= 40000);
    talk(400, jumpy);
    assert_in_range(stats().target_us, 45000, 65000);
    assert_in_range(stats().delay_us, 35000, 90000);
    talk(750, even); /* 15 s */
    assert_true(stats().target_us <= 15000);
    assert_true(stats().delay_us <= 40000);
    assert_true(s.stretched < 0);
}

static void a_jam_does_not_leave_a_delay_above_the_ceiling(void **state)
{
    (void)state;
    talk(50, even);
    uint64_t jam_us = s.now_us + 800000; /* nothing comes until then, and then all at once */
    for (size_t i = 0; i < 40; i++) {
        int64_t takes_us = (int64_t)jam_us - (int64_t)s.sent_us;
        send_packet(FRAME, false, takes_us);
        tick();
    }
    tick();
    assert_true(stats().overflows > 20);
    assert_true(stats().buffered_us <= CEILING_US + TICK_US);
    talk(500, even);
    assert_true(stats().delay_us <= 60000);
    expect_rising_numbers();
}

static void a_longer_route_costs_a_gap_only(void **state)
{
    (void)state;
    talk(100, even);
    forget_got();
    talk(600, slow); /* 140 ms more */
    expect_rising_numbers();
    assert_true(count_of('p') >= 590);
    assert_true(count_of('l') + count_of('s') <= 12);
    assert_true(stats().delay_us <= 60000);
}

static void a_sender_clock_may_be_off(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        assert_int_equal(tear_down(NULL), 0);
        set_up(NULL);
        s.pace = 1 + sign * 500e-6;
        size_t most_us = 0;
        for (size_t t = 0; t < 6000; t++) { /* two minutes: 60 ms apart, three packets */
            while (s.sent_us < (double)s.now_us + 10000)
                send_packet(FRAME, false, 10000);
            tick();
            most_us = MAX(most_us, stats().delay_us);
            if (t == 300) { /* the first delay is behind us */
                forget_got();
                s.stretched = 0;
            }
        }
        assert_true(most_us < 60000);
        assert_int_equal(count_of('l') + count_of('s'), 0);
        assert_in_range(sign * s.stretched, 1900, 3900); /* 60 ms are 2880, a tick is 960 */
        expect_rising_numbers();
    }
}

static void while_nobody_listens_the_delay_is_right_at_once(void **state)
{
    (void)state;
    talk(300, sixth_late);
    talk(100, even);
    assert_true(stats().delay_us > 60000);
    talk(600, even); /* the target is down again; so is the delay, but let it be high: */
    talk(40, slow);
    talk(40, even);
    s.is_heard = false;
    talk(20, even);
    assert_true(stats().delay_us <= stats().target_us + TICK_US);
}

/* --- pauses -------------------------------------------------------------------------------------------- */

static void a_pause_of_the_sender_is_silence_and_not_loss(void **state)
{
    (void)state;
    talk(50, even);
    forget_got();
    for (int i = 0; i < 5; i++) { /* as Opus does: one payload of silence every 400 ms */
        send_packet(FRAME, true, 10000);
        s.stream.ts += 19 * FRAME;
        s.sent_us += 19 * TICK_US;
        ticks(20);
    }
    talk(20, even);
    assert_int_equal(count_of('l') + count_of('f'), 0);
    assert_in_range(count_of('s'), 93, 105); /* some shorter than a tick */
    assert_in_range(count_of('p'), 23, 27);
    expect_rising_numbers();
    assert_int_equal(stats().concealments, 0);
}

static void a_pause_without_a_word_is_concealed_shortly(void **state)
{
    (void)state;
    talk(50, even);
    forget_got();
    ticks(30);
    assert_in_range(count_of('l'), 4, 6);
    assert_int_equal(strspn(s.got + s.gots - 20, "s"), 20);
    ticks(50);
    assert_true(jitter_buffer_is_idle(s.jb));
    s.stream.ts += 80 * FRAME;
    s.sent_us += 80 * TICK_US;
    forget_got();
    talk(20, even);
    assert_true(count_of('p') >= 18);
    assert_int_equal(count_of('l'), 0);
}

static void a_pause_brings_the_delay_down(void **state)
{
    (void)state;
    talk(300, sixth_late);
    for (int i = 0; i < 25; i++) { /* ten seconds of DTX: jitter is forgotten */
        send_packet(FRAME, true, 10000);
        s.stream.ts += 19 * FRAME;
        s.sent_us += 19 * TICK_US;
        ticks(20);
    }
    talk(300, even);
    assert_true(stats().delay_us <= stats().target_us + 2 * TICK_US);
}

/* --- senders begin anew -------------------------------------------------------------------------------- */

static void another_ssrc_goes_on_without_a_gap(void **state)
{
    (void)state;
    talk(50, even);
    forget_got();
    s.stream.ssrc = 12;
    s.stream.seq = 100;
    s.stream.ts = 777;
    talk(50, even);
    assert_int_equal(count_of('p'), s.gots);
    expect_rising_numbers();
    assert_int_equal(stats().restarts, 1);
    s.stream.ssrc = 11; /* a straggler */
    s.stream.seq = 40;
    send_packet(FRAME, false, 0);
    s.stream.ssrc = 12;
    s.stream.seq = 150;
    s.stream.ts = 777 + 50 * FRAME;
    talk(5, even);
    assert_int_equal(stats().restarts, 1);
    assert_int_equal(stats().packets_discarded, 1);
}

static void timestamps_that_jump_go_on_without_a_gap(void **state)
{
    static const uint32_t jumps[] = {3 * HZ, 0x40000000, 0x80000000, (uint32_t)(-2 * HZ),
                                     0xc0000000};

    (void)state;
    talk(50, even);
    forget_got();
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        s.stream.ts += jumps[i];
        talk(50, even);
        assert_int_equal(stats().restarts, i + 1);
    }
    assert_int_equal(count_of('p'), s.gots);
    expect_rising_numbers();
    assert_true(stats().delay_us <= 60000);
}

static void numbers_that_jump_go_on(void **state)
{
    static const uint16_t jumps[] = {5000, 40000, (uint16_t)-500};

    (void)state;
    talk(50, even);
    forget_got();
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        s.stream.seq = (uint16_t)(s.stream.seq + jumps[i]);
        talk(60, even);
        assert_int_equal(stats().restarts, i + 1);
    }
    expect_rising_numbers();
    assert_true(count_of('p') > s.gots - 3 * 12);
    assert_true(stats().delay_us <= 60000);
}

static void a_clock_that_stood_still_is_not_delay(void **state)
{
    (void)state;
    talk(100, even);
    ticks(250); /* five seconds without packets, and the timestamp does not move */
    s.sent_us += 250 * TICK_US;
    forget_got();
    talk(100, even);
    assert_true(count_of('p') >= 97);
    assert_true(stats().delay_us <= 60000);
}

/* --- bounds -------------------------------------------------------------------------------------------- */

static void packets_without_a_length_are_refused(void **state)
{
    (void)state;
    send_packet(0, false, 0);
    ticks(2);
    s.stream.ts++;
    send_packet(5761, false, 0);
    ticks(8);
    assert_int_equal(stats().malformed, 2);
    assert_int_equal(stats().buffered_us, 0);
}

static void it_holds_a_bounded_number(void **state)
{
    struct packet_pool_stats pool;

    (void)state;
    for (size_t i = 0; i < 400; i++) {
        struct packet *p = audio_stream_next(&s.stream, &i, sizeof(i), 120, s.now_us);
        (void)jitter_buffer_push(s.jb, p, 120, false);
        packet_unref(&p);
    }
    packet_pool_read_stats(s.stream.pool, &pool);
    assert_int_equal(pool.live, MAX_JITTER_PACKETS);
    assert_int_equal(stats().overflows, 400 - MAX_JITTER_PACKETS);
    jitter_buffer_flush(s.jb);
    packet_pool_read_stats(s.stream.pool, &pool);
    assert_int_equal(pool.live, 0);
}

static void without_memory_there_is_no_buffer(void **state)
{
    (void)state;
    mem_fail_nth(1);
    assert_null(jitter_buffer_new(HZ, CEILING_US));
    mem_fail_nth(0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(an_even_stream_comes_out_whole_over_every_wrap),
        ROW(packets_out_of_order_are_put_in_order),
        ROW(a_lost_packet_is_concealed_once),
        ROW(the_next_packet_is_offered_for_fec),
        ROW(of_several_lost_the_last_has_fec),
        ROW(duplicates_are_counted_and_play_once),
        ROW(a_packet_behind_its_time_is_discarded),
        ROW(packets_of_every_length_play),
        ROW(the_delay_follows_the_jitter_and_comes_back),
        ROW(a_jam_does_not_leave_a_delay_above_the_ceiling),
        ROW(a_longer_route_costs_a_gap_only),
        ROW(a_sender_clock_may_be_off),
        ROW(while_nobody_listens_the_delay_is_right_at_once),
        ROW(a_pause_of_the_sender_is_silence_and_not_loss),
        ROW(a_pause_without_a_word_is_concealed_shortly),
        ROW(a_pause_brings_the_delay_down),
        ROW(another_ssrc_goes_on_without_a_gap),
        ROW(timestamps_that_jump_go_on_without_a_gap),
        ROW(numbers_that_jump_go_on),
        ROW(a_clock_that_stood_still_is_not_delay),
        ROW(packets_without_a_length_are_refused),
        ROW(it_holds_a_bounded_number),
        ROW(without_memory_there_is_no_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
