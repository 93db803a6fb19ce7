/* SPDX-License-Identifier: Apache-2.0 */
/* base64.c - strict where the library's decoders are generous: one token has one spelling. */
#include "api/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(const uint8_t *in, size_t len, const char *alphabet, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                     (left > 2 ? in[i + 2] : 0);

        out[n++] = alphabet[v >> 18];
        out[n++] = alphabet[v >> 12 & 63];
        if (left > 1)
            out[n++] = alphabet[v >> 6 & 63];
        if (left > 2)
            out[n++] = alphabet[v & 63];
    }
    out[n] = 0;
    return n;
}

void base64_encode(const uint8_t *bytes, size_t len, char *out)
{
    size_t n = encode(bytes, len, standard, out);

    while (n % 4 != 0)
        out[n++] = '=';
    out[n] = 0;
}

void base64url_encode(const uint8_t *bytes, size_t len, char *out)
{
    (void)encode(bytes, len, url, out);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_decode(struct str text, uint8_t *out, size_t size, size_t *len)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;

    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int v = value_of(text.p[i]);

        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (n == size)
            return false;
        out[n++] = (uint8_t)(bits >> held);
        bits &= (1u << held) - 1;
    }
    *len = n;
    return bits == 0;
}
