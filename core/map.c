/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c - uthash behind one type.
 *
 * The hash is SipHash-1-3 under a key drawn once a process: fast enough for a look-up a datagram, and nobody who does not
 * know the key can choose keys of one bucket. An entry carries its key behind itself.
 */
#include "core/map.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rng.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) mem_try_alloc(bytes)
#define uthash_free(block, bytes) mem_free(block)
#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#define HASH_FUNCTION(key, len, out) ((out) = hash_bytes(key, len))
#define HASH_KEYCMP(a, b, len) ((len) == 0 ? 0 : memcmp(a, b, len)) /* of NULL too */
#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    void *value;
    bool refused; /* uthash found no memory for it */
    uint8_t key[];
};

struct map {
    struct entry *entries;
    size_t max;
};

/* ---- the hash ---- */

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void draw_seed(void)
{
    rng_secret_bytes((uint8_t *)seed, sizeof seed);
}

static inline uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static unsigned hash_bytes(const void *key, size_t len)
{
    const uint8_t *p = key;
    uint64_t word, v[4] = {seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
                           seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573};
    size_t left = len;

    for (; left >= sizeof word; left -= sizeof word, p += sizeof word) {
        memcpy(&word, p, sizeof word);
        sip_word(v, word);
    }
    word = 0;
    if (left > 0)
        memcpy(&word, p, left);
    sip_word(v, word ^ (uint64_t)len << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return (unsigned)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* ---- the map ---- */

struct map *map_new(size_t max_entries)
{
    (void)pthread_once(&seed_once, draw_seed);
    struct map *m = MEM_NEW(struct map);
    m->max = max_entries;
    return m;
}

static void forget(struct map *m, struct entry *e)
{
    HASH_DEL(m->entries, e);
    mem_free(e);
}

void map_free(struct map **mp)
{
    struct map *m = *mp;
    struct entry *e, *next;

    if (m == NULL)
        return;
    *mp = NULL;
    HASH_ITER(hh, m->entries, e, next)
    forget(m, e);
    mem_free(m);
}

static struct entry *find(const struct map *m, const void *key, size_t key_len)
{
    struct entry *e;

    HASH_FIND(hh, m->entries, key, key_len, e);
    return e;
}

int map_put(struct map *m, const void *key, size_t key_len, void *value)
{
    struct entry *e = find(m, key, key_len);

    CHECK(value != NULL); /* NULL means absent */
    if (e) {
        e->value = value;
        return 0;
    }
    if (map_count(m) >= m->max)
        return E_LIMIT;
    e = mem_try_alloc(sizeof *e + key_len);
    if (e == NULL)
        return E_NO_MEMORY;
    if (key_len > 0)
        memcpy(e->key, key, key_len);
    e->value = value;
    HASH_ADD_KEYPTR(hh, m->entries, e->key, (unsigned)key_len, e);
    if (e->refused) {
        mem_free(e);
        return E_NO_MEMORY;
    }
    return 0;
}

void *map_get(const struct map *m, const void *key, size_t key_len)
{
    struct entry *e = find(m, key, key_len);

    return e ? e->value : NULL;
}

void *map_remove(struct map *m, const void *key, size_t key_len)
{
    struct entry *e = find(m, key, key_len);
    void *value = e ? e->value : NULL;

    if (e)
        forget(m, e);
    return value;
}

int map_put_u64(struct map *m, uint64_t key, void *value)
{
    return map_put(m, &key, sizeof key, value);
}

void *map_get_u64(const struct map *m, uint64_t key)
{
    return map_get(m, &key, sizeof key);
}

void *map_remove_u64(struct map *m, uint64_t key)
{
    return map_remove(m, &key, sizeof key);
}

size_t map_count(const struct map *m)
{
    return HASH_COUNT(m->entries);
}

int map_each(struct map *m, int (*visit)(void *value, void *arg), void *arg)
{
    struct entry *e, *next;

    HASH_ITER(hh, m->entries, e, next)
    {
        int result = visit(e->value, arg);
        if (result != 0)
            return result;
    }
    return 0;
}
