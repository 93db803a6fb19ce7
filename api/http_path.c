/* SPDX-License-Identifier: Apache-2.0 */
/* http_path.c - one careful reading of the path, so that no file outside the web root can be named. */
#include "api/http_path.h"

#include <string.h>

#include "core/err.h"

#define HOME_PAGE "conference/index.html"
#define INDEX "index.html"

static bool is_plain_segment(struct str s)
{
    if (s.len == 0 || s.p[0] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F || s.p[i] == '\\')
            return false;
    return true;
}

int http_path_to_file(struct str path, char out[HTTP_FILE_PATH_SIZE])
{
    struct str rest = path, segment;

    if (str_eq_c(path, "/"))
        return str_copy(out, HTTP_FILE_PATH_SIZE, STR(HOME_PAGE)) ? 0 : E_NOT_FOUND;
    if (path.len < 2 || path.p[0] != '/' || path.len + sizeof(INDEX) > HTTP_FILE_PATH_SIZE)
        return E_NOT_FOUND;
    (void)str_cut(&rest, '/');
    while (rest.len > 0) {
        segment = str_cut(&rest, '/');
        if (!is_plain_segment(segment))
            return E_NOT_FOUND;
    }
    memcpy(out, path.p + 1, path.len - 1);
    out[path.len - 1] = 0;
    if (path.p[path.len - 1] == '/')
        memcpy(out + path.len - 1, INDEX, sizeof(INDEX));
    return 0;
}

const char *http_path_media_type(const char *file)
{
    static const struct {
        const char *ending, *type;
    } rows[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".json", "application/json"},
        {".ico", "image/x-icon"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".woff2", "font/woff2"},
        {".wasm", "application/wasm"},
        {".mp3", "audio/mpeg"},
        {".ogg", "audio/ogg"},
        {".txt", "text/plain; charset=utf-8"},
        {".md", "text/plain; charset=utf-8"},
    };
    const char *ending = strrchr(file, '.');

    for (size_t i = 0; ending != NULL && i < ARRAY_LEN(rows); i++)
        if (strcasecmp(ending, rows[i].ending) == 0)
            return rows[i].type;
    return "application/octet-stream";
}

bool http_path_next_segment(struct str *rest, char *out, size_t size)
{
    struct str segment;
    size_t len = 0;

    if (rest->len < 2 || rest->p[0] != '/')
        return false;
    rest->p++;
    rest->len--;
    segment.p = rest->p;
    for (segment.len = 0; segment.len < rest->len && segment.p[segment.len] != '/'; segment.len++)
        ;
    rest->p += segment.len;
    rest->len -= segment.len;
    for (size_t i = 0; i < segment.len; len++) {
        bool is_slash = segment.len - i >= 3 && segment.p[i] == '%' && segment.p[i + 1] == '2' &&
                        (segment.p[i + 2] == 'F' || segment.p[i + 2] == 'f');
        if (len + 1 >= size || segment.p[i] == 0)
            return false;
        out[len] = is_slash ? '/' : segment.p[i];
        i += is_slash ? 3 : 1;
    }
    out[len] = 0;
    return len > 0;
}
