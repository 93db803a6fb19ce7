/* SPDX-License-Identifier: Apache-2.0 */
/*
 * static_files.c - the pages are a few hundred kilobytes in all and the kernel caches them: they are read whole, on the spot.
 *
 * Browsers keep them but ask each time (no-cache): after an update nobody runs half of an old page.
 */
#include "api/static_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/http_path.h"
#include "api/problem.h"
#include "core/err.h"
#include "core/mem.h"

#define MAX_FILE_BYTES \
    (8 << 20) /* pages are small; nobody reads a disk image into memory through us */
#define ETAG_LEN 48

struct static_files {
    int root; /* descriptor of the folder */
};

int static_files_open(struct static_files **out, const char *root)
{
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    *out = MEM_NEW(struct static_files);
    (*out)->root = fd;
    return 0;
}

void static_files_close(struct static_files **fp)
{
    struct static_files *f = *fp;

    if (f == NULL)
        return;
    *fp = NULL;
    (void)close(f->root);
    mem_free(f);
}

static void not_found(struct http_exchange *x)
{
    struct refusal why;

    (void)refuse(&why, E_NOT_FOUND, NULL, "nothing is served under this path");
    problem_reply(x, &why, NULL);
}

static char *read_all(int fd, size_t size)
{
    char *body = mem_try_alloc(size + 1);
    size_t done = 0;

    while (body != NULL && done < size) {
        ssize_t n = read(fd, body + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) { /* it shrank while we read */
            mem_free(body);
            return NULL;
        }
        done += (size_t)n;
    }
    return body;
}

static void send_file(struct http_exchange *x, const struct http_request *request, int fd,
                      const struct stat *st, const char *file)
{
    char etag[ETAG_LEN];
    struct http_response r = {.status = 200,
                              .content_type = http_path_media_type(file),
                              .header = {{"etag", etag}, {"cache-control", "no-cache"}}};

    (void)snprintf(etag, sizeof(etag), "\"%" PRIx64 "-%" PRIx64 "\"",
                   (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec,
                   (uint64_t)st->st_size);
    if (strstr(request->if_none_match, etag) != NULL) {
        r.status = 304;
        r.content_type = NULL;
    } else {
        r.body_len = (size_t)st->st_size;
        r.body = read_all(fd, r.body_len);
        if (r.body == NULL) {
            not_found(x);
            return;
        }
    }
    http_reply(x, &r);
}

/* "/watch" names a folder: relative links in its page need the slash. */
static void send_to_folder(struct http_exchange *x, const char *file)
{
    char location[HTTP_FILE_PATH_SIZE + 2];

    (void)snprintf(location, sizeof(location), "/%s/", file);
    http_reply(x, &(struct http_response){.status = 301, .header = {{"location", location}}});
}

static void refuse_method(struct http_exchange *x)
{
    struct http_response allow = {.header = {{"allow", "GET, HEAD"}}};
    struct refusal why;

    (void)refuse(&why, E_UNSUPPORTED, NULL, "pages are only read");
    why.status = 405;
    problem_reply(x, &why, &allow);
}

void static_files_serve(const struct static_files *f, struct http_exchange *x,
                        const struct http_request *request)
{
    char file[HTTP_FILE_PATH_SIZE];
    struct stat st;
    int fd;

    if (f == NULL || http_path_to_file(str_of(request->path), file) != 0) {
        not_found(x);
        return;
    }
    fd = openat(f->root, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        not_found(x);
    else if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        refuse_method(x);
    else if (S_ISDIR(st.st_mode))
        send_to_folder(x, file);
    else if (!S_ISREG(st.st_mode) || st.st_size > MAX_FILE_BYTES)
        not_found(x);
    else
        send_file(x, request, fd, &st, file);
    if (fd >= 0)
        (void)close(fd);
}
