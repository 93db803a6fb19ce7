/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - table-driven settings. A setting is a key of parley.json ("media": {"announce": [...]}), an environment variable
 * (PARLEY_MEDIA_ANNOUNCE) and a flag (--media-announce) at once. Flags win over environment over file over default; --dev
 * changes some defaults. Unknown keys and bad values are refused with the key, the value and what was expected.
 *
 * The struct is filled once by config_load() and never changes afterwards: any thread may read it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/attr.h"
#include "core/str.h"

/* Lists are comma-separated on a flag or in the environment and arrays in the file. */
#define MAX_CONFIG_LIST 32

struct config_list {
    char *item[MAX_CONFIG_LIST];
    size_t count;
};

struct config {
    bool dev;                           /* dev */
    uint32_t workers;                   /* workers; 0 = one a core */
    char *http_listen;                  /* http.listen */
    char *http_tls_cert, *http_tls_key; /* http.tls_cert, http.tls_key */
    bool http_tls_self_signed;          /* http.tls_self_signed */
    char *http_metrics;  /* http.metrics: who may read /metrics: loopback, all, off */
    char *http_web_root; /* http.web_root; "" = found beside the program */
    struct config_list http_allow_origins; /* http.allow_origins */
    struct config_list media_listen;       /* media.listen: address:port; worker i uses port + i */
    struct config_list media_announce;     /* media.announce: address[:port] or host name[:port] */
    char *media_stun_server;   /* media.stun_server: host:port asked for the public address */
    bool media_udp, media_tcp; /* media.udp, media.tcp */
    bool media_gso;            /* media.gso */
    uint32_t media_window_us;  /* media.window_us */
    uint32_t media_consent_timeout_ms; /* media.consent_timeout_ms */
    struct config_list ice_servers;    /* ice.servers: stun:/turn:/turns: URLs handed to clients */
    char *ice_turn_secret;             /* ice.turn_secret (coturn's static-auth-secret) */
    uint32_t ice_turn_ttl_s;           /* ice.turn_ttl_s */
    struct config_list auth_keys;      /* auth.keys: "key:secret" */
    uint32_t room_max_participants;    /* room.max_participants */
    uint32_t room_empty_timeout_ms;    /* room.empty_timeout_ms */
    uint32_t mixer_threads;            /* mixer.threads */
    uint32_t session_grace_ms;         /* session.grace_ms */
    char *log_level;                   /* log.level */
};

/* One row of the table, for --help and the sample file. */
struct config_setting {
    const char *key;
    const char *type;         /* "text", "number", "boolean", "list" */
    const char *default_text; /* as a flag would say it */
    const char *dev_default;  /* with --dev; NULL when the same */
    const char *range;        /* "0..65535", "host:port", …; NULL when anything goes */
    const char *sentence;
};

/**
 * Read flags, environment and file (--config FILE; without it ./parley.json when there is one).
 *
 * @argv holds the flags only, without the program's name: "--workers 2", "--media-tcp=false", "--no-media-tcp". Of a
 * flag given twice the last counts. Bare words are refused, and so are variables in @envp (may be NULL) that begin with
 * PARLEY_ and name no setting.
 *
 * Owner:  *out belongs to the caller, config_free().
 * Errors: E_INVALID with one sentence naming key, value and expectation in @why; *out untouched.
 */
MUST_CHECK int config_load(struct config **out, int argc, char *const *argv, char *const *envp,
                           struct strbuf *why);
void config_free(struct config **c);
/** The table, ended by a NULL key. */
const struct config_setting *config_settings(void);
/** Print all settings for --help. */
void config_print_help(FILE *to);
/** Log the settings that were set, with where each came from (secrets as "(set)"); the others at level debug. */
void config_log(const struct config *c);
