/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h - a seedable generator for protocol randomness and tests (xoshiro256**), and system randomness for secrets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/** Seed; the same seed gives the same sequence. */
void rng_seed(struct rng *r, uint64_t seed);
/** Seed from the system. */
void rng_seed_system(struct rng *r);
/** The next 64, or the upper 32, random bits. */
uint64_t rng_u64(struct rng *r);
uint32_t rng_u32(struct rng *r);
/** Uniform in 0..bound-1; bound > 0. */
uint32_t rng_below(struct rng *r, uint32_t bound);
/** Uniform in 0..1, 1 excluded. */
double rng_unit(struct rng *r);

/** Fill with system randomness fit for keys and passwords; aborts when there is none. Any thread. */
void rng_secret_bytes(uint8_t *out, size_t len);
/** Write @len random characters of [A-Za-z0-9+/] (the ice-char set, RFC 8839 s5.4) and a NUL. */
void rng_secret_ice_chars(char *out, size_t len);
/** Write @len random characters of [A-Za-z0-9] and a NUL: ids and tokens. */
void rng_secret_alnum(char *out, size_t len);
