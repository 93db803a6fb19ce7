/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - the one error type: an int, 0 or negative. System causes are libuv's codes (UV_E*, equal to -errno). */
#pragma once

/* Own codes start at -5000: below libuv's (-3000..-4095), so any UV_E* or -errno passes through as it is. */
#define E_MAP(X)                                                        \
    X(E_MALFORMED, -5000, "the bytes are not a well-formed message")    \
    X(E_STATE, -5001, "not allowed in the object's state")              \
    X(E_LIMIT, -5002, "a configured limit was reached")                 \
    X(E_NOT_FOUND, -5003, "no such object")                             \
    X(E_DENIED, -5004, "the token does not allow it")                   \
    X(E_UNSUPPORTED, -5005, "well-formed, but not something we can do") \
    X(E_CONFLICT, -5006, "it collides with something that exists")      \
    X(E_AUTH, -5007, "authentication failed")                           \
    X(E_REPLAY, -5008, "seen before, or too old to tell")               \
    X(E_NO_MEMORY, -5009, "no room left for it")                        \
    X(E_INVALID, -5010, "a value is out of its range")                  \
    X(E_CRYPTO, -5011, "a cryptographic library refused")               \
    X(E_TIMEOUT, -5012, "it took too long")

enum err {
    E_OK = 0,
#define X(name, value, text) name = value,
    E_MAP(X)
#undef X
};

/** Name the code: "E_LIMIT", "UV_EADDRINUSE"; never NULL. */
const char *err_name(int err);

/** Say the code in words; a static string, never NULL. */
const char *err_text(int err);
