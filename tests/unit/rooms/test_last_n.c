/* SPDX-License-Identifier: Apache-2.0 */
/* test_last_n.c - whose video an automatic subscription is for when it is limited. */
#include "tests/unit/rooms/world.h"

#include "core/rng.h"
#include "rooms/last_n.h"
#include "rooms/sfu/levels.h"
#include "tests/unit/core/seed.h"

#define LOUD 25
#define MAX_USERS 40

static struct world w;
static struct user user[MAX_USERS];

static void speak(const struct user *u, unsigned ms)
{
    w.now_us = MAX(w.now_us, worker_now_us(w.control));
    for (; ms >= 100; ms -= 100) {
        struct track_levels t = {
            .track_id = pub_of(u, 0)->handle, .first_us = w.now_us, .count = 5};
        for (unsigned i = 0; i < t.count; i++)
            t.frame[i] = (struct level_frame){.after_ms = (uint16_t)(20 * i), .level = LOUD};
        registry_host_handlers()->on_levels(u->participant->host->host, &t, 1, w.registry);
        world_pass(&w, 100);
    }
    world_turn(&w);
}

static void join(unsigned i, int last_n, const char *offer)
{
    const char identity[2] = {(char)('a' + i), 0};
    const struct participant_params params = {.identity = identity,
                                              .permissions = everything,
                                              .auto_subscribe = last_n >= 0,
                                              .has_last_n = last_n >= 0,
                                              .last_n = (unsigned)MAX(last_n, 0)};

    assert_int_equal(user_join_as(&user[i], &w, w.room, &params), 0);
    user_offer(&user[i], offer);
    world_turn(&w);
    user_forget(&user[i]);
}

/* So many who publish sound and picture and receive nothing, and then one who receives. */
static void begin_with(unsigned n, int last_n, const char *offer)
{
    world_begin(&w);
    for (unsigned i = 0; i < n; i++)
        join(i, -1, "as vs");
    join(n, last_n, offer);
    for (unsigned i = 0; i <= n; i++)
        user_forget(&user[i]);
}

static void video_of_so_many_is_received_the_oldest_first(void **state)
{
    (void)state;
    begin_with(4, 2, "ar ar ar ar vr vr vr");
    check_slots(&user[4], " 0=a:microphone 1=b:microphone 2=c:microphone 3=d:microphone "
                          "4=a:camera 5=b:camera 6=");
    world_turn(&w);
    check_said(&user[4], ""); /* no more is wanted */
    world_end(&w);
}

static void who_speaks_takes_the_place_of_the_last_one(void **state)
{
    (void)state;
    begin_with(4, 2, "vr vr");
    speak(&user[3], 2000);
    check_slots(&user[4], " 0=a:camera 1=d:camera");
    assert_int_equal(flowing(&user[4], "1"), pub_of(&user[3], 1)->handle);
    speak(&user[2], 3000);
    check_slots(&user[4], " 0=c:camera 1=d:camera");
    speak(&user[3], 3000);
    check_slots(&user[4], " 0=c:camera 1=d:camera");
    user_leave(&user[2]);
    world_turn(&w);
    check_slots(&user[4], " 0=a:camera 1=d:camera");
    world_end(&w);
}

static void who_shares_a_screen_comes_first_with_all_its_video(void **state)
{
    const struct track_label label = {.mid = "2", .source = TRACK_SOURCE_SCREEN};

    (void)state;
    begin_with(4, 2, "vr vr vr");
    speak(&user[1], 2000);
    user[3].label = &label;
    user[3].label_count = 1;
    user_offer(&user[3], "as vs vs");
    world_turn(&w);
    check_slots(&user[4], " 0=d:camera 1=b:camera 2=d:screen");
    user_offer(&user[3], "as vs vi");
    world_turn(&w);
    check_slots(&user[4], " 0=a:camera 1=b:camera 2=");
    world_end(&w);
}

static void one_does_not_count_oneself(void **state)
{
    (void)state;
    world_begin(&w);
    join(0, -1, "as vs");
    join(1, 2, "as vs vr vr vr");
    join(2, -1, "as vs");
    join(3, -1, "as vs");
    world_turn(&w);
    check_slots(&user[1], " 2=a:camera 3=c:camera 4=");
    speak(&user[1], 2000);
    check_slots(&user[1], " 2=a:camera 3=c:camera 4=");
    speak(&user[3], 3000);
    check_slots(&user[1], " 2=a:camera 3=d:camera 4=");
    world_end(&w);
}

static void no_video_at_all(void **state)
{
    (void)state;
    begin_with(3, 0, "vr");
    check_slots(&user[3], " 0=");
    speak(&user[1], 2000);
    check_slots(&user[3], " 0=");
    world_end(&w);
}

static void what_is_subscribed_to_by_choice_is_not_held(void **state)
{
    const char *mid = NULL;

    (void)state;
    begin_with(4, 1, "vr vr");
    assert_int_equal(participant_subscribe(user[4].participant, pub_of(&user[3], 1)->id, &mid), 0);
    assert_string_equal(mid, "1");
    speak(&user[2], 2000);
    check_slots(&user[4], " 0=c:camera 1=d:camera");
    assert_int_equal(participant_unsubscribe(user[4].participant, pub_of(&user[3], 1)->id), 0);
    speak(&user[3], 3000); /* it was refused, whoever speaks */
    check_slots(&user[4], " 0= 1=");
    world_end(&w);
}

static void who_comes_later_waits(void **state)
{
    (void)state;
    begin_with(2, 2, "vr vr vr");
    join(3, -1, "as vs");
    user_forget(&user[2]);
    world_turn(&w);
    check_slots(&user[2], " 0=a:camera 1=b:camera 2=");
    user_leave(&user[0]);
    world_turn(&w);
    check_slots(&user[2], " 0=d:camera 1=b:camera 2=");
    world_end(&w);
}

/* The rule, told in another way, holds for everyone whatever happens. */
static bool is_before(const struct participant *a, const struct participant *b)
{
    return a->video_rank < b->video_rank;
}

static void check_viewer(const struct participant *p)
{
    LIST_EACH(&p->wishes, struct wish, node, wish) {
        const struct participant *owner = wish->publication->participant;
        unsigned before = 0;
        if (wish->kind != MEDIA_VIDEO)
            continue;
        LIST_EACH(&w.room->participants, struct participant, node, other)
            before += other != p && other->video_rank != LAST_N_NO_VIDEO && is_before(other, owner);
        assert_int_equal(wish->state == WISH_FLOWING, before < p->last_n);
        assert_int_equal(wish->state == WISH_HELD, before >= p->last_n);
    }
}

static void whatever_happens_each_receives_its_few(void **state)
{
    uint64_t seed = seed_of_test();
    struct rng rng;
    bool is_in[16] = {false};
    static const char offer[] = "as vs vr vr vr vr vr vr vr vr vr vr vr vr vr vr vr vr";

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    world_begin(&w);
    for (unsigned i = 0; i < 1500; i++) {
        unsigned k = rng_below(&rng, 16), what = rng_below(&rng, 10);
        if (!is_in[k]) {
            join(k, (int)rng_below(&rng, 8), offer);
            is_in[k] = true;
        } else if (what == 0) {
            user_leave(&user[k]);
            is_in[k] = false;
        } else if (what == 1) {
            user_offer(&user[k], rng_below(&rng, 2)
                                     ? "as vi vr vr vr vr vr vr vr vr vr vr vr vr vr vr vr vr"
                                     : offer);
        } else {
            speak(&user[k], 600);
        }
        world_turn(&w);
        world_turn(&w);
        for (unsigned n = 0; n < 16; n++) {
            user_forget(&user[n]);
            if (is_in[n])
                check_viewer(user[n].participant);
        }
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(video_of_so_many_is_received_the_oldest_first),
        cmocka_unit_test(who_speaks_takes_the_place_of_the_last_one),
        cmocka_unit_test(who_shares_a_screen_comes_first_with_all_its_video),
        cmocka_unit_test(one_does_not_count_oneself),
        cmocka_unit_test(no_video_at_all),
        cmocka_unit_test(what_is_subscribed_to_by_choice_is_not_held),
        cmocka_unit_test(who_comes_later_waits),
        cmocka_unit_test(whatever_happens_each_receives_its_few),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
