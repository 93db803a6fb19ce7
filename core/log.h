/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - lines of `time level tag ids: message`, one an event, to standard error.
 *
 * Thread-safe. Never called a packet; each call site is limited to LOG_SITE_PER_SECOND lines a second, and the number
 * suppressed is told with the next one. Nothing secret goes in: no keys, tokens, or whole SDP.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_TAG_MAP(X)        \
    X(CORE, "core")           \
    X(CONFIG, "config")       \
    X(NET, "net")             \
    X(ICE, "ice")             \
    X(DTLS, "dtls")           \
    X(RTP, "rtp")             \
    X(SDP, "sdp")             \
    X(TRANSPORT, "transport") \
    X(SFU, "sfu")             \
    X(ROOM, "room")           \
    X(MIXER, "mixer")         \
    X(API, "api")             \
    X(HTTP, "http")           \
    X(AUTH, "auth")           \
    X(MAIN, "main")           \
    X(BENCH, "bench")

enum log_tag {
#define X(name, text) LOG_##name,
    LOG_TAG_MAP(X)
#undef X
        LOG_TAG_COUNT
};

#define LOG_SITE_PER_SECOND 10
#define LOG_IDS_LEN 96

/* The ids of an object as they stand in its lines: "room=demo part=PA_x tp=12". Filled once by log_ids_set(). */
struct log_ids {
    char text[LOG_IDS_LEN];
};

/* One a call site; static, shared by threads. */
struct log_site {
    uint64_t
        window_s; /* written racily on purpose: limits need no exactness; accessed with relaxed atomics */
    uint32_t in_window, suppressed;
};

/** Set the threshold of one tag, or of all with LOG_TAG_COUNT. */
void log_set_level(enum log_tag tag, enum log_level level);
/** Parse "info", or "info,ice=debug,dtls=debug"; tags not named keep their level. Errors: E_INVALID, and no level changed. */
MUST_CHECK int log_set_levels(const char *spec);
/** Whether log_set_levels() would take @spec. */
bool log_levels_are_valid(const char *spec);
bool log_is_on(enum log_tag tag, enum log_level level);
/** Fill the ids with a formatted text; cut at LOG_IDS_LEN. */
PRINTF_LIKE(2, 3) void log_ids_set(struct log_ids *ids, const char *fmt, ...);
/** Receive each finished line (no newline) instead of standard error; NULL restores. Tests only, while one thread runs. */
void log_set_sink(void (*sink)(enum log_level level, const char *line, void *arg), void *arg);

/** Use the macros. Called alone it is for a listing that is longer than the limit: @site NULL means no limit; @ids may be NULL. */
PRINTF_LIKE(5, 6)
void log_write(enum log_level level, enum log_tag tag, const struct log_ids *ids,
               struct log_site *site, const char *fmt, ...);

#define LOG_AT(level, tag, ids, ...)                                 \
    do {                                                             \
        if (log_is_on(tag, level)) {                                 \
            static struct log_site log_site_here;                    \
            log_write(level, tag, ids, &log_site_here, __VA_ARGS__); \
        }                                                            \
    } while (0)

#define log_error(tag, ids, ...) LOG_AT(LOG_LEVEL_ERROR, tag, ids, __VA_ARGS__)
#define log_warn(tag, ids, ...) LOG_AT(LOG_LEVEL_WARN, tag, ids, __VA_ARGS__)
#define log_info(tag, ids, ...) LOG_AT(LOG_LEVEL_INFO, tag, ids, __VA_ARGS__)
#define log_debug(tag, ids, ...) LOG_AT(LOG_LEVEL_DEBUG, tag, ids, __VA_ARGS__)
