/* SPDX-License-Identifier: Apache-2.0 */
/* clip.c - see clip.h. IVF: a header of 32 bytes, then each frame behind 12 bytes of size and time; little-endian. */
#include "bench/loadgen/clip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"

#define IVF_HEADER_BYTES 32u
#define IVF_FRAME_HEADER_BYTES 12u
#define MAX_FPS 240u

static uint32_t get_le(const uint8_t *p, size_t n)
{
    uint32_t v = 0;

    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static int read_header(struct clip *c, size_t len)
{
    const uint8_t *p = c->bytes;
    uint32_t rate, scale, header;

    if (len < IVF_HEADER_BYTES || memcmp(p, "DKIF", 4) != 0)
        return E_MALFORMED;
    header = get_le(p + 6, 2);
    rate = get_le(p + 16, 4);
    scale = get_le(p + 20, 4);
    if (header != IVF_HEADER_BYTES || scale == 0 || rate / scale == 0 || rate / scale > MAX_FPS)
        return E_MALFORMED;
    c->width = (uint16_t)get_le(p + 12, 2);
    c->height = (uint16_t)get_le(p + 14, 2);
    c->fps = rate / scale;
    return memcmp(p + 8, "VP80", 4) == 0 ? 0 : E_UNSUPPORTED;
}

/* Count them with NULL, then keep them. RFC 6386 s9.1: bit 0 of a frame is 0 in a keyframe. */
static int walk_frames(struct clip *c, size_t len, struct clip_frame *frame)
{
    size_t at = IVF_HEADER_BYTES, n = 0;

    while (at < len) {
        size_t bytes;
        if (len - at < IVF_FRAME_HEADER_BYTES)
            return E_MALFORMED;
        bytes = get_le(c->bytes + at, 4);
        at += IVF_FRAME_HEADER_BYTES;
        if (bytes == 0 || bytes > len - at)
            return E_MALFORMED;
        if (n == CLIP_MAX_FRAMES)
            return E_LIMIT;
        if (frame != NULL) {
            frame[n] = (struct clip_frame){c->bytes + at, bytes, (c->bytes[at] & 1) == 0};
            c->total_bytes += bytes;
        }
        n++;
        at += bytes;
    }
    c->frame_count = n;
    return n > 0 ? 0 : E_MALFORMED;
}

int clip_parse(struct clip **out, uint8_t *bytes, size_t len)
{
    struct clip *c = MEM_NEW(struct clip);
    int err;

    c->bytes = bytes;
    err = read_header(c, len);
    if (err == 0)
        err = walk_frames(c, len, NULL);
    if (err == 0) {
        c->frame = mem_alloc_array(c->frame_count, sizeof(*c->frame));
        err = walk_frames(c, len, c->frame);
    }
    if (err == 0 && !c->frame[0].is_keyframe)
        err = E_UNSUPPORTED;
    if (err != 0) {
        c->bytes = NULL; /* stays the caller's */
        clip_free(&c);
        return err;
    }
    *out = c;
    return 0;
}

static int read_file(FILE *file, uint8_t **bytes, size_t *len)
{
    long size;

    if (fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
        return -errno;
    if ((size_t)size > CLIP_MAX_BYTES)
        return E_LIMIT;
    *len = (size_t)size;
    *bytes = mem_alloc(*len + 1);
    return fread(*bytes, 1, *len, file) == *len ? 0 : E_MALFORMED;
}

int clip_load(struct clip **out, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    size_t len = 0;
    int err;

    if (file == NULL)
        return -errno;
    err = read_file(file, &bytes, &len);
    (void)fclose(file);
    if (err == 0)
        err = clip_parse(out, bytes, len);
    if (err != 0)
        mem_free(bytes);
    return err;
}

void clip_free(struct clip **cp)
{
    struct clip *c = *cp;

    if (c == NULL)
        return;
    *cp = NULL;
    mem_free(c->bytes);
    mem_free(c->frame);
    mem_free(c);
}

size_t clip_next_keyframe(const struct clip *c, size_t at)
{
    for (size_t i = at + 1; i < c->frame_count; i++)
        if (c->frame[i].is_keyframe)
            return i;
    return 0;
}

double clip_bitrate_bps(const struct clip *c)
{
    return (double)c->total_bytes * 8 * c->fps / (double)c->frame_count;
}
