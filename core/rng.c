/* SPDX-License-Identifier: Apache-2.0 */
/* rng.c - xoshiro256** (Blackman, Vigna) seeded by splitmix64; secrets come from getrandom(2). */
#include "core/rng.h"

#include <errno.h>
#include <sys/random.h>

#include "core/check.h"
#include "core/mem.h"

static uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

void rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) { /* splitmix64: never four zeros */
        uint64_t z = seed += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        r->s[i] = z ^ z >> 31;
    }
}

void rng_seed_system(struct rng *r)
{
    uint64_t seed;

    rng_secret_bytes((uint8_t *)&seed, sizeof seed);
    rng_seed(r, seed);
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint32_t rng_u32(struct rng *r)
{
    return (uint32_t)(rng_u64(r) >> 32);
}

uint32_t rng_below(struct rng *r, uint32_t bound)
{
    CHECK(bound > 0);
    uint32_t uneven =
        -bound % bound; /* the first 2^32 mod bound fractions would favour some values */
    uint64_t product;
    do {
        product = (uint64_t)rng_u32(r) * bound;
    } while ((uint32_t)product < uneven);
    return (uint32_t)(product >> 32);
}

double rng_unit(struct rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1.0p-53;
}

void rng_secret_bytes(uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0) {
            CHECK(errno == EINTR);
            continue;
        }
        out += n;
        len -= (size_t)n;
    }
}

/* @n_chars is at most 64; bytes past its last whole multiple are thrown away, for they would favour some characters. */
static void secret_chars(char *out, size_t len, const char *chars, unsigned n_chars)
{
    uint8_t pool[64];
    size_t left = 0;

    for (size_t i = 0; i < len;) {
        if (left == 0) {
            rng_secret_bytes(pool, sizeof pool);
            left = sizeof pool;
        }
        unsigned byte = pool[--left];
        if (byte < 256 - 256 % n_chars)
            out[i++] = chars[byte % n_chars];
    }
    out[len] = 0;
    mem_wipe(pool, sizeof pool);
}

void rng_secret_ice_chars(char *out, size_t len)
{
    secret_chars(out, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 64);
}

void rng_secret_alnum(char *out, size_t len)
{
    secret_chars(out, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 62);
}
