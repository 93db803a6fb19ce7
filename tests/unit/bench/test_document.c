/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bench/document.h"
#include "core/mem.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

static struct doc_row *row_of(struct document *d, const char *server, double viewers)
{
    const struct doc_param params[] = {{.name = "viewers", .value = viewers}};

    return document_row(d, "broadcast", server, params, ARRAY_LEN(params));
}

static void add_round(struct doc_row *row, double cpu, bool counts)
{
    struct doc_round *r = document_round(row);

    document_value(r, "cpu", cpu);
    if (!counts)
        document_invalidate(r, "for reason %d", 1);
}

static json_t *written(struct document *d)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    json_t *root;

    assert_non_null(file);
    assert_int_equal(document_write(d, file), 0);
    assert_int_equal(fclose(file), 0);
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    free(text);
    return root;
}

static json_t *at(json_t *root, const char *scenario, size_t row)
{
    json_t *s;
    size_t i;

    json_array_foreach(json_object_get(root, "scenarios"), i, s)
    {
        if (strcmp(json_string_value(json_object_get(s, "name")), scenario) == 0)
            return json_array_get(json_object_get(s, "rows"), row);
    }
    return NULL;
}

static double metric(json_t *row, const char *name, const char *what)
{
    return json_number_value(
        json_object_get(json_object_get(json_object_get(row, "metrics"), name), what));
}

static void rounds_that_do_not_count_are_kept_but_not_summed_up(void **state)
{
    struct document *d = document_new();
    double median;
    json_t *root, *row;

    (void)state;
    add_round(row_of(d, "parley", 20), 3, true);
    add_round(row_of(d, "parley", 20), 1000, false);
    add_round(row_of(d, "parley", 20), 1, true);
    add_round(row_of(d, "parley", 100), 7, false);
    assert_true(document_median(row_of(d, "parley", 20), "cpu", &median));
    assert_true(median == 2);
    assert_false(document_median(row_of(d, "parley", 100), "cpu", &median));
    root = written(d);
    row = at(root, "broadcast", 0);
    assert_int_equal(json_integer_value(json_object_get(row, "rounds")), 3);
    assert_int_equal(json_integer_value(json_object_get(row, "valid_rounds")), 2);
    assert_true(metric(row, "cpu", "median") == 2 && metric(row, "cpu", "min") == 1 &&
                metric(row, "cpu", "max") == 3 && metric(row, "cpu", "n") == 2);
    json_t *bad = json_array_get(json_object_get(row, "round"), 1);
    assert_true(json_is_false(json_object_get(bad, "valid")));
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(bad, "invalid_because"), 0)),
        "for reason 1");
    assert_int_equal(json_object_size(json_object_get(at(root, "broadcast", 1), "metrics")), 0);
    json_decref(root);
    document_free(&d);
}

static void a_row_is_its_server_and_its_parameters(void **state)
{
    const struct doc_param text[] = {{.name = "by", .text = "x"}};
    struct document *d = document_new();

    (void)state;
    assert_ptr_equal(row_of(d, "parley", 20), row_of(d, "parley", 20));
    assert_ptr_not_equal(row_of(d, "parley", 20), row_of(d, "parley", 21));
    assert_ptr_not_equal(row_of(d, "parley", 20), row_of(d, "janus", 20));
    assert_ptr_not_equal(row_of(d, "parley", 20),
                         document_row(d, "other", "parley", text, ARRAY_LEN(text)));
    document_free(&d);
}

static void what_could_not_be_taken_is_absent(void **state)
{
    struct document *d = document_new();
    struct doc_round *r = document_round(row_of(d, "parley", 1));
    json_t *root;

    (void)state;
    document_value(r, "nothing", NAN);
    document_value(r, "infinite", INFINITY);
    document_value(r, "cpu", 6);
    document_divide(row_of(d, "parley", 1), "cpu", 4, "quarter");
    document_divide(row_of(d, "parley", 1), "cpu", 0, "never");
    document_divide(row_of(d, "parley", 1), "unknown", 4, "never");
    root = written(d);
    json_t *metrics = json_object_get(at(root, "broadcast", 0), "metrics");
    assert_int_equal(json_object_size(metrics), 2);
    assert_true(metric(at(root, "broadcast", 0), "quarter", "median") == 1.5);
    json_decref(root);
    document_free(&d);
}

static void servers_are_completed_bit_by_bit(void **state)
{
    struct document *d = document_new();
    json_t *root, *s;

    (void)state;
    document_server(d, "a", "Name", "1", "");
    document_server(d, "a", NULL, NULL, "cipher");
    document_server(d, "a", "Name", "1", ""); /* the next round: the cipher stays */
    document_server_note(d, "a", "note");
    document_server_note(d, "a", "note");
    document_server_skip(d, "b", "reason");
    root = written(d);
    assert_int_equal(json_array_size(json_object_get(root, "servers")), 2);
    s = json_array_get(json_object_get(root, "servers"), 0);
    assert_string_equal(json_string_value(json_object_get(s, "cipher")), "cipher");
    assert_int_equal(json_array_size(json_object_get(s, "notes")), 1);
    s = json_array_get(json_object_get(root, "servers"), 1);
    assert_string_equal(json_string_value(json_object_get(s, "skip")), "reason");
    json_decref(root);
    document_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(rounds_that_do_not_count_are_kept_but_not_summed_up),
        LEAK_FREE(a_row_is_its_server_and_its_parameters),
        LEAK_FREE(what_could_not_be_taken_is_absent),
        LEAK_FREE(servers_are_completed_bit_by_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
