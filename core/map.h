/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - hash maps on uthash: by 64-bit number, and by bytes (copied). Values are borrowed pointers.
 *
 * Keys come from remotes: the hash is seeded per process so that nobody can aim at a bucket.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct map;

/** Make an empty map with a maximum number of entries. */
MUST_CHECK struct map *map_new(size_t max_entries);
/** Free the map, not the values. */
void map_free(struct map **m);

/** Put a @value that is not NULL; replaces what was there. Errors: E_LIMIT, E_NO_MEMORY (nothing changed). */
MUST_CHECK int map_put(struct map *m, const void *key, size_t key_len, void *value);
/** Find; NULL when absent. */
void *map_get(const struct map *m, const void *key, size_t key_len);
/** Take out; returns the value or NULL. */
void *map_remove(struct map *m, const void *key, size_t key_len);

/** The same by number, which is its 8 bytes as a key. */
MUST_CHECK int map_put_u64(struct map *m, uint64_t key, void *value);
void *map_get_u64(const struct map *m, uint64_t key);
void *map_remove_u64(struct map *m, uint64_t key);

/** How many entries there are. */
size_t map_count(const struct map *m);
/** Visit every value; @visit may remove the visited key, and no other. Stops when it returns non-zero, and returns that. */
int map_each(struct map *m, int (*visit)(void *value, void *arg), void *arg);
