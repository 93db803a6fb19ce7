/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/dispatch.h"
#include "api/docs.h"
#include "core/attr.h"

static void requests_are_found_by_name(void **state)
{
    static const char *const names[] = {"join",      "resume",      "offer", "trickle",
                                        "subscribe", "unsubscribe", "mute",  "update",
                                        "leave",     "ping",        "stats", "setLayers"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct request_row *row = dispatch_find(names[i]);

        assert_non_null(row);
        assert_string_equal(row->name, names[i]);
        assert_non_null(row->handle);
    }
    assert_null(dispatch_find(""));
    assert_null(dispatch_find("Join"));
}

/* docs/api.md is what the program prints: after a change, `parley api-docs > docs/api.md`. */
static void the_document_in_the_repository_is_fresh(void **state)
{
    const char *root = getenv("PARLEY_SOURCE_DIR");
    char path[1024], *printed = NULL, *stored;
    size_t printed_len = 0, len;
    FILE *memory = open_memstream(&printed, &printed_len), *file;

    (void)state;
    api_docs_print(memory);
    fclose(memory);
    (void)snprintf(path, sizeof(path), "%s/docs/api.md", root != NULL ? root : ".");
    file = fopen(path, "rb");
    assert_non_null(file);
    stored = malloc(printed_len + 2);
    len = fread(stored, 1, printed_len + 1, file);
    fclose(file);
    assert_int_equal(len, printed_len);
    assert_memory_equal(stored, printed, printed_len);
    free(stored);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_found_by_name),
        cmocka_unit_test(the_document_in_the_repository_is_fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
