/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/rng.h"
#include "rooms/sfu/speaker.h"
#include "tests/unit/core/seed.h"

#define MS 1000ull
#define S 1000000ull
#define MEMBERS 60
#define QUIET 80 /* -dBov of a quiet room */
#define LOUD 25  /* of a voice */

/* What a microphone hears. */
enum sound { SILENCE, ROOM, SPEECH, KEYBOARD, FAN, MUSIC, GONE };

static struct speaker s;
static struct speaker_places places;
static struct microphone {
    struct speaker_member m;
    enum sound sound;
    uint8_t level; /* of speech and fan */
    bool tells_voice;
    unsigned left; /* packets of the current syllable or pause */
    bool is_syllable;
} mic[MEMBERS];
static size_t n;
static uint64_t now_us;
static unsigned changes; /* all that was reported since forget() */
static unsigned dominant_changes, place_changes;
static struct rng rng;

static int set_up(void **state)
{
    (void)state;
    speaker_init(&s);
    speaker_places_add(&s, &places, 3);
    memset(mic, 0, sizeof(mic));
    n = 0;
    now_us = 9 * S;
    changes = dominant_changes = place_changes = 0;
    rng_seed(&rng, 5);
    return 0;
}

static struct microphone *add(enum sound sound)
{
    struct microphone *x = &mic[n];

    x->sound = sound;
    x->level = LOUD;
    speaker_add(&s, &x->m, 100 + n++);
    return x;
}

static void note(unsigned changed)
{
    changes |= changed;
    dominant_changes += (changed & SPEAKER_DOMINANT_CHANGED) != 0;
    place_changes += (changed & SPEAKER_PLACES_CHANGED) != 0;
}

/* Syllables of 120 to 300 ms, pauses of 40 to 160 ms, now and then one for breath. */
static uint8_t speech_level(struct microphone *x)
{
    if (x->left == 0) {
        x->is_syllable = !x->is_syllable;
        x->left = x->is_syllable ? 6 + rng_below(&rng, 10) : 2 + rng_below(&rng, 7);
        if (!x->is_syllable && rng_below(&rng, 8) == 0)
            x->left = 20;
    }
    x->left--;
    return (uint8_t)(x->is_syllable ? x->level + rng_below(&rng, 8)
                                    : QUIET - 10 + rng_below(&rng, 20));
}

static uint8_t level_of(struct microphone *x)
{
    switch (x->sound) {
    case ROOM:
        return (uint8_t)(QUIET - 5 + rng_below(&rng, 10));
    case SPEECH:
        return speech_level(x);
    case KEYBOARD: /* four strokes a second, 40 ms each */
        x->left = (x->left + 1) % 12;
        return (uint8_t)(x->left < 2 ? LOUD : QUIET);
    case FAN:
        return (uint8_t)(x->level + rng_below(&rng, 4));
    case MUSIC:
        return (uint8_t)(20 + rng_below(&rng, 5));
    default:
        return SPEAKER_LEVEL_SILENCE;
    }
}

static void send(struct microphone *x, uint64_t at_us)
{
    bool voice = x->tells_voice && x->sound == SPEECH;

    note(speaker_level(&s, &x->m, level_of(x), voice, at_us));
}

static void pass(uint64_t ms)
{
    for (uint64_t end_us = now_us + ms * MS; now_us < end_us; now_us += 20 * MS) {
        for (size_t i = 0; i < n; i++)
            if (mic[i].sound != GONE)
                send(&mic[i], now_us + i * 7 * MS / 60);
        if (speaker_next_us(&s) <= now_us)
            note(speaker_tick(&s, now_us));
    }
}

/* Until @x is dominant; how long that took. */
static uint64_t pass_until_dominant(const struct microphone *x, uint64_t max_ms)
{
    uint64_t from_us = now_us;

    while (s.dominant != &x->m && now_us < from_us + max_ms * MS)
        pass(20);
    return (now_us - from_us) / MS;
}

static void forget(void)
{
    changes = dominant_changes = place_changes = 0;
}

/* ---- the dominant speaker ---- */

static void in_a_silent_room_nothing_happens(void **state)
{
    (void)state;
    add(ROOM);
    add(SILENCE);
    add(ROOM);
    pass(20000);
    assert_null(s.dominant);
    assert_int_equal(changes, 0);
    assert_int_equal(speaker_next_us(&s), UINT64_MAX);
}

static void the_first_to_speak_is_dominant_soon(void **state)
{
    (void)state;
    add(ROOM);
    struct microphone *x = add(ROOM);
    pass(2000);
    x->sound = SPEECH;
    assert_in_range(pass_until_dominant(x, 3000), 200, 800);
    assert_int_equal(dominant_changes, 1);
    pass(30000);
    assert_int_equal(dominant_changes, 1);
}

static void the_one_who_spoke_stays_while_nobody_speaks(void **state)
{
    (void)state;
    struct microphone *x = add(SPEECH);
    add(ROOM);
    pass(3000);
    x->sound = ROOM;
    pass(60000);
    assert_ptr_equal(s.dominant, &x->m);
    assert_int_equal(speaker_next_us(&s), UINT64_MAX);
}

static void who_takes_turns_becomes_dominant_each_time(void **state)
{
    (void)state;
    struct microphone *x = add(SPEECH), *y = add(ROOM);
    pass(4000);
    for (unsigned turn = 0; turn < 20; turn++) {
        struct microphone *next = s.dominant == &x->m ? y : x;
        x->sound = y->sound = ROOM;
        next->sound = SPEECH;
        assert_in_range(pass_until_dominant(next, 5000), 300, 1400);
        forget();
        pass(4000);
        assert_int_equal(dominant_changes, 0);
    }
}

static void a_cough_or_a_keyboard_takes_nothing_over(void **state)
{
    (void)state;
    struct microphone *x = add(SPEECH), *y = add(ROOM), *z = add(ROOM);
    pass(5000);
    forget();
    for (unsigned i = 0; i < 40; i++) { /* while somebody speaks */
        y->sound = MUSIC;
        pass(300);
        y->sound = ROOM;
        pass(700);
    }
    z->sound = KEYBOARD;
    pass(20000);
    x->sound = ROOM; /* and while nobody does */
    pass(20000);
    z->sound = ROOM;
    for (unsigned i = 0; i < 20; i++) {
        y->sound = MUSIC;
        pass(300);
        y->sound = ROOM;
        pass(2500);
    }
    assert_int_equal(dominant_changes, 0);
}

static void a_word_from_somebody_else_takes_nothing_over(void **state)
{
    (void)state;
    add(SPEECH);
    struct microphone *y = add(ROOM);
    pass(5000);
    forget();
    for (unsigned i = 0; i < 30; i++) { /* "yes", "right" */
        y->sound = SPEECH;
        pass(400);
        y->sound = ROOM;
        pass(1600);
    }
    assert_int_equal(dominant_changes, 0);
}

static void an_interruption_takes_over_when_the_other_gives_in(void **state)
{
    (void)state;
    struct microphone *x = add(SPEECH), *y = add(ROOM);
    pass(5000);
    y->sound = SPEECH;
    pass(1000);
    x->sound = ROOM;
    assert_in_range(pass_until_dominant(y, 5000), 0, 1000);
}

static void two_who_speak_at_once_do_not_flap(void **state)
{
    (void)state;
    add(SPEECH);
    add(SPEECH);
    pass(60000);
    assert_in_range(dominant_changes, 1, 8);
}

static void constant_noise_is_no_speech(void **state)
{
    (void)state;
    struct microphone *x = add(FAN), *y = add(ROOM);
    x->level = 50;
    pass(12000);
    y->sound = SPEECH;
    assert_in_range(pass_until_dominant(y, 5000), 100, 1500);
    forget();
    y->sound = ROOM;
    pass(60000);
    assert_int_equal(dominant_changes, 0);
}

static void without_the_voice_flag_sound_is_not_voice_where_the_flag_is_used(void **state)
{
    (void)state;
    struct microphone *x = add(SPEECH);
    x->tells_voice = true;
    pass(3000);
    assert_ptr_equal(s.dominant, &x->m);
    struct microphone *y = add(SPEECH);
    y->tells_voice = true;
    pass(200);
    y->sound = MUSIC; /* loud, but not voice */
    x->sound = ROOM;
    forget();
    pass(10000);
    assert_int_equal(dominant_changes, 0);
}

static void discontinuous_transmission_is_silence(void **state)
{
    (void)state;
    struct microphone *x = add(SPEECH), *y = add(ROOM);
    pass(4000);
    x->sound = GONE; /* no packets in silence */
    pass(2500);
    assert_int_equal(speaker_next_us(&s), UINT64_MAX);
    y->sound = SPEECH;
    assert_in_range(pass_until_dominant(y, 3000), 300, 1200);
    y->sound = GONE;
    pass(600000);
    x->sound = SPEECH;
    assert_in_range(pass_until_dominant(x, 3000), 300, 1200);
}

/* Packets of 60 ms, and three of 20 ms at once. */
static void bursts_and_long_packets_count_by_time(void **state)
{
    (void)state;
    for (unsigned burst = 1; burst <= 3; burst += 2) {
        assert_int_equal(set_up(NULL), 0);
        struct microphone *x = add(GONE);
        for (unsigned i = 0; i < 10; i++, now_us += 60 * MS) {
            for (unsigned k = 0; k < burst; k++)
                note(speaker_level(&s, &x->m, LOUD, false, now_us));
            note(speaker_tick(&s, now_us));
        }
        assert_ptr_equal(s.dominant, &x->m);
        assert_in_range(__builtin_popcount(x->m.blocks), 5, 6); /* 600 ms */
    }
}

static void recent_speakers_are_listed_newest_first(void **state)
{
    struct speaker_member *recent[8];

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        add(ROOM);
    assert_int_equal(speaker_recent(&s, recent, 8), 0);
    for (unsigned i = 0; i < 3; i++) {
        mic[i].sound = SPEECH;
        assert_true(pass_until_dominant(&mic[i], 5000) < 5000);
        mic[i].sound = ROOM;
        pass(2000);
    }
    mic[1].sound = SPEECH;
    assert_true(pass_until_dominant(&mic[1], 5000) < 5000);
    assert_int_equal(speaker_recent(&s, recent, 8), 3);
    assert_int_equal(recent[0]->id, 101);
    assert_int_equal(recent[1]->id, 102);
    assert_int_equal(recent[2]->id, 100);
    assert_int_equal(speaker_recent(&s, recent, 2), 2);
    (void)speaker_remove(&s, &mic[2].m);
    mic[2].sound = GONE;
    assert_int_equal(speaker_recent(&s, recent, 8), 2);
}

static void one_who_leaves_is_dominant_no_more(void **state)
{
    (void)state;
    struct microphone *x = add(SPEECH), *y = add(ROOM);
    pass(3000);
    x->sound = GONE;
    assert_int_equal(speaker_remove(&s, &x->m), SPEAKER_DOMINANT_CHANGED | SPEAKER_PLACES_CHANGED);
    assert_int_equal(speaker_remove(&s, &y->m), 0);
    assert_null(s.dominant);
    assert_null(places.place[0].member);
    speaker_add(&s, &y->m, 7);
    y->sound = SPEECH;
    assert_in_range(pass_until_dominant(y, 5000), 200, 800);
}

/* ---- places ---- */

static int place_of(const struct speaker_member *m)
{
    return speaker_place_of(&places, m);
}

/* Nobody has two. */
static void check_places(void)
{
    for (unsigned i = 0; i <= places.heard; i++)
        assert_true(places.place[i].member == NULL || place_of(places.place[i].member) == (int)i);
}

static void a_speaker_gets_a_free_place_with_the_first_loud_frame(void **state)
{
    (void)state;
    struct microphone *x = add(ROOM);
    pass(1000);
    assert_int_equal(place_of(&x->m), -1);
    assert_int_equal(speaker_level(&s, &x->m, LOUD, false, now_us + 20 * MS),
                     SPEAKER_PLACES_CHANGED);
    assert_int_equal(place_of(&x->m), 0);
}

static void places_are_kept_while_there_are_enough(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add(SPEECH);
    pass(1000);
    forget();
    pass(60000);
    assert_int_equal(place_changes, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_true(place_of(&mic[i].m) >= 0);
}

static void the_place_of_a_silent_one_goes_to_a_new_speaker_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add(SPEECH);
    struct microphone *y = add(ROOM);
    pass(3000);
    mic[1].sound = ROOM;
    int place = place_of(&mic[1].m);
    pass(600);
    y->sound = MUSIC;
    pass(40);
    assert_int_equal(place_of(&y->m), place);
    assert_int_equal(place_of(&mic[1].m), -1);
}

static void a_louder_one_pushes_out_the_quietest_after_a_while(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        add(FAN)->level = (uint8_t)(26 + 2 * i); /* without pauses, loud in any case */
        mic[i].sound = MUSIC;
    }
    pass(3000);
    struct microphone *y = add(FAN);
    y->level = 22; /* not clearly louder */
    pass(3000);
    assert_int_equal(place_of(&y->m), 3);
    y->level = 5;
    pass(300);
    assert_in_range(place_of(&y->m), 0, 2);
    forget();
    pass(60000);
    assert_int_equal(place_changes, 0);
}

static void places_do_not_flap_among_many_speakers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MEMBERS; i++)
        add(SPEECH)->level = (uint8_t)(20 + i % 10);
    pass(30000);
    /* Places, the spare one too, each of which may change hands once a second, or when its holder falls silent. */
    assert_in_range(place_changes, 4, 30 * 4 * 2);
    for (unsigned i = 0; i < places.heard; i++)
        assert_non_null(places.place[i].member);
    check_places();
}

static void without_places_nobody_has_one(void **state)
{
    (void)state;
    speaker_places_remove(&places);
    struct microphone *x = add(SPEECH);
    pass(5000);
    assert_int_equal(place_of(&x->m), -1);
    assert_ptr_equal(s.dominant, &x->m);
    assert_int_equal(place_changes, 0);
}

static void the_spare_place_is_for_who_finds_no_other(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add(MUSIC);
    pass(100);
    struct microphone *y = add(MUSIC);
    pass(100);
    assert_int_equal(place_of(&y->m), 3);
    places.changed = 0;
    mic[1].sound = ROOM;
    pass(1000);
    assert_int_equal(place_of(&y->m), 1);
    assert_null(places.place[3].member);
    assert_int_equal(places.changed, 1u << 1 | 1u << 3);
    check_places();
}

static void each_number_of_voices_has_places_of_its_own(void **state)
{
    struct speaker_places one;

    (void)state;
    speaker_places_add(&s, &one, 1);
    struct microphone *x = add(MUSIC), *y = add(GONE);
    pass(1000);
    assert_int_equal(place_of(&x->m), 0);
    assert_int_equal(speaker_place_of(&one, &x->m), 0);
    x->sound = GONE;
    y->sound = MUSIC;
    pass(1000);
    assert_int_equal(place_of(&x->m), 0);
    assert_int_equal(place_of(&y->m), 1);
    assert_int_equal(speaker_place_of(&one, &y->m), 0);
    assert_int_equal(speaker_remove(&s, &y->m), SPEAKER_DOMINANT_CHANGED | SPEAKER_PLACES_CHANGED);
    assert_null(one.place[0].member);
}

static void a_free_place_is_given_to_a_silent_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        add(GONE);
        assert_int_equal(speaker_offer_place(&s, &mic[i].m, now_us),
                         i < 3 ? SPEAKER_PLACES_CHANGED : 0);
        assert_int_equal(place_of(&mic[i].m), i < 3 ? (int)i : -1);
    }
    mic[3].sound = MUSIC;
    pass(100);
    assert_in_range(place_of(&mic[3].m), 0, 2);
}

/* As workers tell: one is a tenth of a second behind the other. */
static void levels_of_one_may_be_behind_those_of_another(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add(GONE);
    struct microphone *late = add(GONE);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 10; k++)
            (void)speaker_level(&s, &mic[i].m, LOUD, false, now_us + 100 * MS + k * 20 * MS);
    for (unsigned k = 0; k < 10; k++)
        (void)speaker_level(&s, &late->m, 0, false, now_us + k * 20 * MS);
    assert_int_equal(place_of(&late->m), 3); /* nobody is pushed out in his first second */
}

/* ---- any room ---- */

static void whatever_is_heard_places_and_lists_agree(void **state)
{
    uint64_t seed = seed_of_test();
    struct speaker_member *recent[MEMBERS];
    bool is_in[MEMBERS];

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < MEMBERS; i++)
        add(ROOM);
    memset(is_in, true, sizeof(is_in));
    for (unsigned i = 0; i < 20000; i++, now_us += rng_below(&rng, 40) * MS) {
        unsigned k = rng_below(&rng, MEMBERS);
        if (rng_below(&rng, 200) == 0) {
            if (is_in[k])
                note(speaker_remove(&s, &mic[k].m));
            else
                speaker_add(&s, &mic[k].m, 100 + k);
            is_in[k] = !is_in[k];
        } else if (is_in[k]) {
            note(speaker_level(&s, &mic[k].m, (uint8_t)rng_u32(&rng), rng_below(&rng, 2), now_us));
        }
        note(speaker_tick(&s, now_us));
        check_places();
        size_t recents = speaker_recent(&s, recent, MEMBERS);
        assert_true(s.dominant == NULL || recents > 0);
        for (size_t r = 0; r < recents; r++)
            assert_true(is_in[recent[r]->id - 100]);
    }
    assert_int_equal(dominant_changes > 0, s.switches > 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(in_a_silent_room_nothing_happens),
        T(the_first_to_speak_is_dominant_soon),
        T(the_one_who_spoke_stays_while_nobody_speaks),
        T(who_takes_turns_becomes_dominant_each_time),
        T(a_cough_or_a_keyboard_takes_nothing_over),
        T(a_word_from_somebody_else_takes_nothing_over),
        T(an_interruption_takes_over_when_the_other_gives_in),
        T(two_who_speak_at_once_do_not_flap),
        T(constant_noise_is_no_speech),
        T(without_the_voice_flag_sound_is_not_voice_where_the_flag_is_used),
        T(discontinuous_transmission_is_silence),
        T(bursts_and_long_packets_count_by_time),
        T(recent_speakers_are_listed_newest_first),
        T(one_who_leaves_is_dominant_no_more),
        T(a_speaker_gets_a_free_place_with_the_first_loud_frame),
        T(places_are_kept_while_there_are_enough),
        T(the_place_of_a_silent_one_goes_to_a_new_speaker_at_once),
        T(a_louder_one_pushes_out_the_quietest_after_a_while),
        T(places_do_not_flap_among_many_speakers),
        T(without_places_nobody_has_one),
        T(the_spare_place_is_for_who_finds_no_other),
        T(each_number_of_voices_has_places_of_its_own),
        T(a_free_place_is_given_to_a_silent_one),
        T(levels_of_one_may_be_behind_those_of_another),
        T(whatever_is_heard_places_and_lists_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
