/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_http_path.c - any bytes as a path: what names a file stays below the web root, and segments end. */
#include <stdint.h>
#include <string.h>

#include "api/http_path.h"
#include "core/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(const char *file)
{
    CHECK(file[0] != 0 && file[0] != '/' && file[0] != '.');
    CHECK(strstr(file, "/.") == NULL && strstr(file, "//") == NULL && strchr(file, '\\') == NULL);
    CHECK(strlen(file) < HTTP_FILE_PATH_SIZE);
    CHECK(http_path_media_type(file) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char file[HTTP_FILE_PATH_SIZE], segment[16];
    struct str rest = {(const char *)data, size};
    size_t n = 0;

    if (http_path_to_file(rest, file) == 0)
        check_file(file);
    while (http_path_next_segment(&rest, segment, sizeof(segment))) {
        CHECK(segment[0] != 0 && strlen(segment) < sizeof(segment));
        CHECK(++n <= size);
    }
    return 0;
}
