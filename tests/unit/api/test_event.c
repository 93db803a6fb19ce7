/* SPDX-License-Identifier: Apache-2.0 */
/* test_event.c - notifications as JSON text. */
#include "tests/unit/core/cmocka_all.h"

#include <stdlib.h>

#include "api/event.h"
#include "api/value_json.h"
#include "core/attr.h"

static void check(const struct room_event *event, const char *method, const char *params)
{
    const char *name = NULL;
    json_t *json = event_json(NULL, event, &name);

    assert_non_null(json);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(name, method);
    assert_string_equal(text, params);
    free(text);
    json_decref(json);
}

static void slot_states_say_what_flows_and_what_is_to(void **state)
{
    const struct slot_state_info slots[] = {
        {"3",
         {.is_active = true,
          .reason = ALLOCATOR_BANDWIDTH,
          .spatial = 0,
          .temporal = 2,
          .target_spatial = 1,
          .target_temporal = 2,
          .width = 320,
          .height = 180}},
        {"4",
         {.reason = ALLOCATOR_NOT_WANTED,
          .spatial = -1,
          .temporal = -1,
          .target_spatial = -1,
          .target_temporal = -1}},
    };
    const struct room_event event = {
        .kind = ROOM_SLOT_STATES, .slot_state = slots, .slot_count = ARRAY_LEN(slots)};

    (void)state;
    check(&event, "slotStates",
          "{\"slots\":[{\"mid\":\"3\",\"state\":\"active\",\"reason\":\"bandwidth\",\"spatial\":0,"
          "\"temporal\":2,\"targetSpatial\":1,\"targetTemporal\":2,\"width\":320,\"height\":180},"
          "{\"mid\":\"4\",\"state\":\"paused\",\"reason\":\"notWanted\",\"spatial\":null,"
          "\"temporal\":null,\"targetSpatial\":null,\"targetTemporal\":null,\"width\":0,"
          "\"height\":0}]}");
}

static void reasons_have_words(void **state)
{
    (void)state;
    assert_string_equal(limitation_word(ALLOCATOR_NONE), "none");
    assert_string_equal(limitation_word(ALLOCATOR_MUTED), "muted");
    assert_string_equal(limitation_word(ALLOCATOR_NOT_SENT), "notSent");
}

static void publishers_are_told_by_rid(void **state)
{
    const struct publication pub = {.id = "TR_1"};
    const struct encoding_info encodings[] = {{"q", true}, {"f", false}};
    const struct room_event event = {.kind = ROOM_ENCODINGS_WANTED,
                                     .publication = &pub,
                                     .encoding = encodings,
                                     .encoding_count = ARRAY_LEN(encodings)};

    (void)state;
    check(&event, "encodingsWanted",
          "{\"trackId\":\"TR_1\",\"encodings\":[{\"rid\":\"q\",\"wanted\":true},"
          "{\"rid\":\"f\",\"wanted\":false}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slot_states_say_what_flows_and_what_is_to),
        cmocka_unit_test(reasons_have_words),
        cmocka_unit_test(publishers_are_told_by_rid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
