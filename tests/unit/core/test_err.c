/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/attr.h"
#include "core/err.h"

static void codes_have_their_name_and_a_text(void **state)
{
    static const struct {
        int err;
        const char *name;
    } rows[] = {
        {0, "E_OK"},
        {E_MALFORMED, "E_MALFORMED"},
        {E_TIMEOUT, "E_TIMEOUT"},
        {-EADDRINUSE, "UV_EADDRINUSE"},
        {-ENOMEM, "UV_ENOMEM"},
        {-EPERM, "UV_EPERM"},
        {-133, "UV_EHWPOISON"},
        {-3008, "UV_EAI_NONAME"},
        {-4095, "UV_EOF"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(err_name(rows[i].err), rows[i].name);
        assert_string_not_equal(err_text(rows[i].err), "unknown error");
    }
    assert_string_equal(err_text(E_LIMIT), "a configured limit was reached");
    assert_string_equal(err_text(-ENOENT), "No such file or directory");
}

static void unknown_codes_have_a_name_too(void **state)
{
    static const int rows[] = {1, -134, -41, -4999, -5999, INT32_MAX, INT32_MIN};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(err_name(rows[i]), "E_UNKNOWN");
        assert_string_equal(err_text(rows[i]), "unknown error");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_their_name_and_a_text),
        cmocka_unit_test(unknown_codes_have_a_name_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
