/* SPDX-License-Identifier: Apache-2.0 */
/* config_table.c - the settings: one row each drives reading, checking, --help and the log of what was resolved. */
#include "core/config_internal.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"

/* ---- what values look like ---- */

/* Split "host:port", "[v6]:port", "host" or a bare IPv6 address; *port is empty when absent. */
static bool split_host_port(struct str s, struct str *host, struct str *port)
{
    bool in_brackets = s.len > 0 && s.p[0] == '[';
    const char *colon = s.len > 0 ? memrchr(s.p, ':', s.len) : NULL;

    *port = (struct str){NULL, 0};
    if (in_brackets) {
        s.p++;
        s.len--;
        *host = str_cut(&s, ']');
        if (s.len == 0)
            return s.p != host->p + host->len; /* the bracket is closed */
        *port = (struct str){s.p + 1, s.len - 1};
        return s.p[0] == ':' && port->len > 0;
    }
    *host = s;
    if (colon == NULL || memchr(s.p, ':', (size_t)(colon - s.p)) != NULL)
        return true;
    host->len = (size_t)(colon - s.p);
    *port = (struct str){colon + 1, s.len - host->len - 1};
    return port->len > 0;
}

static bool is_ip(struct str s)
{
    char text[64];
    struct in6_addr unused;

    struct str address = str_cut(&s, '%'); /* then the zone of a link-local address */
    if (!str_copy(text, sizeof text, address))
        return false;
    return inet_pton(AF_INET, text, &unused) == 1 || inet_pton(AF_INET6, text, &unused) == 1;
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
}

static bool is_host_name(struct str s)
{
    if (s.len == 0 || s.len > 253)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_host_char(s.p[i]) || (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '.')))
            return false;
    /* A dotted name that ends in a digit, as 10.0.0.256, is an address gone wrong. */
    char last = s.p[s.len - 1];
    return last != '-' && s.p[0] != '-' &&
           !(last >= '0' && last <= '9' && memchr(s.p, '.', s.len) != NULL);
}

static bool is_host(struct str s)
{
    return is_ip(s) || is_host_name(s);
}

static bool is_port(struct str s)
{
    uint64_t unused;

    return str_to_u64(s, 65535, &unused);
}

static bool is_ip_port(struct str s)
{
    struct str host, port;

    return split_host_port(s, &host, &port) && (is_ip(host) || str_eq_c(host, "machine")) &&
           is_port(port);
}

static bool is_host_port(struct str s)
{
    struct str host, port;

    return split_host_port(s, &host, &port) && is_host(host) && is_port(port);
}

static bool is_host_maybe_port(struct str s)
{
    struct str host, port;

    return split_host_port(s, &host, &port) && is_host(host) && (port.len == 0 || is_port(port));
}

static bool has_no_blanks(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7F)
            return false;
    return true;
}

static bool is_ice_url(struct str s)
{
    struct str rest = s, scheme = str_cut(&rest, ':');

    return rest.len > 0 && has_no_blanks(rest) &&
           (str_eq_c(scheme, "stun") || str_eq_c(scheme, "stuns") || str_eq_c(scheme, "turn") ||
            str_eq_c(scheme, "turns"));
}

static bool is_origin(struct str s)
{
    if (str_eq_c(s, "*"))
        return true;
    size_t scheme_len = str_starts(s, STR("https://")) ? 8 : str_starts(s, STR("http://")) ? 7 : 0;
    return scheme_len > 0 && is_host_maybe_port((struct str){s.p + scheme_len, s.len - scheme_len});
}

static bool is_key(struct str s)
{
    struct str key = str_cut(&s, ':');

    /* RFC 7518 s3.2: a key of HS256 is at least as long as the hash. */
    return key.len > 0 && s.len >= 32;
}

static bool is_metrics_readers(struct str s)
{
    return str_eq_c(s, "loopback") || str_eq_c(s, "all") || str_eq_c(s, "off");
}

static bool is_log_levels(struct str s)
{
    char text[512];

    return str_copy(text, sizeof text, s) && log_levels_are_valid(text);
}

static const struct config_kind file_name = {NULL, "the name of a file", false};
static const struct config_kind secret = {NULL, "a text", true};
static const struct config_kind ip_port = {
    is_ip_port, "an IP address with a port, such as 0.0.0.0:40000 or [::]:40000, or machine:40000",
    false};
static const struct config_kind host_port = {
    is_host_port, "an address with a port, such as 0.0.0.0:8080, [::]:8080 or localhost:8080",
    false};
static const struct config_kind stun_server = {
    is_host_port, "a host name or address with a port, such as stun.example.org:3478", false};
static const struct config_kind announced = {is_host_maybe_port,
                                             "an IP address or host name, with or without a port, "
                                             "such as 203.0.113.7 or media.example.org:40000",
                                             false};
static const struct config_kind ice_url = {
    is_ice_url,
    "a URL that begins with stun:, stuns:, turn: or turns:, such as turn:turn.example.org:3478",
    false};
static const struct config_kind origin = {
    is_origin, "* or an origin without a path, such as https://meet.example.org", false};
static const struct config_kind token_key = {is_key,
                                             "key:secret with a secret of at least 32 bytes", true};
static const struct config_kind metrics_readers = {is_metrics_readers, "loopback, all or off",
                                                   false};
static const struct config_kind log_levels = {
    is_log_levels, "error, warn, info or debug, then tag=level if wanted, such as info,ice=debug",
    false};

/* ---- the table ---- */

/*
 * BOOLEAN(key, field, default, with --dev, sentence)      NUMBER(key, field, min, max, default, with --dev, sentence)
 * TEXT and LIST(key, field, kind, range, default, with --dev, sentence); with --dev NULL: the same
 */
#define SETTING_MAP(BOOLEAN, NUMBER, TEXT, LIST)                                                   \
    BOOLEAN("dev", dev, "false", NULL,                                                             \
            "Development: the API is on this machine only and lets everybody in without a token")  \
    NUMBER("workers", workers, 0, 256, "0", NULL,                                                  \
           "Threads that carry media; 0 is one a processor core")                                  \
    TEXT("http.listen", http_listen, host_port, "address:port", "0.0.0.0:8080", "127.0.0.1:8080",  \
         "Where the API and the pages are served")                                                 \
    TEXT("http.tls_cert", http_tls_cert, file_name, NULL, "", NULL,                                \
         "Certificate chain (PEM) that turns HTTPS on; read again on SIGHUP")                      \
    TEXT("http.tls_key", http_tls_key, file_name, NULL, "", NULL,                                  \
         "Private key (PEM) of http.tls_cert")                                                     \
    BOOLEAN("http.tls_self_signed", http_tls_self_signed, "false", NULL,                           \
            "Serve HTTPS with a certificate made at start, to try it from another device")         \
    TEXT("http.web_root", http_web_root, file_name, NULL, "", NULL,                                \
         "Folder of the pages; found beside the program when empty")                               \
    TEXT("http.metrics", http_metrics, metrics_readers, "loopback|all|off", "loopback", NULL,      \
         "Who may read /metrics: this machine, everybody, nobody")                                 \
    LIST("http.allow_origins", http_allow_origins, origin, "* or origins", "", NULL,               \
         "Other web sites whose pages may use the API")                                            \
    LIST("media.listen", media_listen, ip_port, "address:port", "0.0.0.0:40000,[::]:40000",        \
         "machine:40000",                                                                          \
         "Where media is received, UDP and TCP; each further worker uses the next port. The "      \
         "word machine stands for each address that this machine has at start, loopback included") \
    LIST("media.announce", media_announce, announced, "address[:port]", "", NULL,                  \
         "Addresses that browsers are told; those of this machine when empty")                     \
    TEXT("media.stun_server", media_stun_server, stun_server, "host:port", "", NULL,               \
         "STUN server that is asked for the public address at start")                              \
    BOOLEAN("media.udp", media_udp, "true", NULL, "Media over UDP")                                \
    BOOLEAN("media.tcp", media_tcp, "true", NULL, "Media over TCP, for networks that block UDP")   \
    BOOLEAN(                                                                                       \
        "media.gso", media_gso, "true", NULL,                                                      \
        "Packets of a frame are padded to one length and leave with one system call, where the "   \
        "kernel can do that")                                                                      \
    NUMBER(                                                                                        \
        "media.window_us", media_window_us, 0, 3000, "3000", NULL,                                 \
        "How long a busy worker may hold packets back: three quarters of it for others of their "  \
        "frame, one to rest between turns; 0 is never")                                            \
    NUMBER("media.consent_timeout_ms", media_consent_timeout_ms, 1000, 300000, "30000", NULL,      \
           "A participant is gone when nothing was heard for this long")                           \
    LIST("ice.servers", ice_servers, ice_url, "stun:, turn: or turns: URLs", "", NULL,             \
         "STUN and TURN servers that clients are given")                                           \
    TEXT("ice.turn_secret", ice_turn_secret, secret, NULL, "", NULL,                               \
         "Secret shared with the TURN servers (coturn: static-auth-secret) for credentials that "  \
         "expire")                                                                                 \
    NUMBER("ice.turn_ttl_s", ice_turn_ttl_s, 60, 2592000, "43200", NULL,                           \
           "How long TURN credentials last")                                                       \
    LIST("auth.keys", auth_keys, token_key, "key:secret", "", NULL,                                \
         "Keys that access tokens may be signed with")                                             \
    NUMBER("room.max_participants", room_max_participants, 1, MAX_PARTICIPANTS_PER_ROOM, "1000",   \
           NULL, "Most participants of one room")                                                  \
    NUMBER("room.empty_timeout_ms", room_empty_timeout_ms, 0, 86400000, "300000", NULL,            \
           "A room without participants is deleted after this long")                               \
    NUMBER(                                                                                        \
        "mixer.threads", mixer_threads, 0, MAX_MIXER_THREADS, "1", NULL,                           \
        "Threads that mix rooms into one picture and one sound; 0 is none: rooms cannot be mixed") \
    NUMBER("session.grace_ms", session_grace_ms, 0, 600000, "20000", NULL,                         \
           "How long a participant whose connection broke may come back")                          \
    TEXT("log.level", log_level, log_levels, "level[,tag=level]", "info", NULL,                    \
         "error, warn, info or debug; for one part of the server with tag=level")

#define QUOTE(x) #x
#define QUOTE_VALUE(x) QUOTE(x)

/* One number a row, to join the two tables made of the map. */
enum row_index {
#define BOOLEAN(key, field, default, dev, sentence) ROW_##field,
#define NUMBER(key, field, min, max, default, dev, sentence) ROW_##field,
#define TEXT(key, field, kind, range, default, dev, sentence) ROW_##field,
    SETTING_MAP(BOOLEAN, NUMBER, TEXT, TEXT) ROW_COUNT
#undef BOOLEAN
#undef NUMBER
#undef TEXT
};

static const struct config_setting settings[ROW_COUNT + 1] = {
#define BOOLEAN(key, field, default, dev, sentence) {key, "boolean", default, dev, NULL, sentence},
#define NUMBER(key, field, min, max, default, dev, sentence) \
    {key, "number", default, dev, QUOTE_VALUE(min) ".." QUOTE_VALUE(max), sentence},
#define TEXT(key, field, kind, range, default, dev, sentence) \
    {key, "text", default, dev, range, sentence},
#define LIST(key, field, kind, range, default, dev, sentence) \
    {key, "list", default, dev, range, sentence},
    SETTING_MAP(BOOLEAN, NUMBER, TEXT, LIST)
#undef BOOLEAN
#undef NUMBER
#undef TEXT
#undef LIST
};

#define ROW(field, type, kind, min, max) \
    {&settings[ROW_##field], type, offsetof(struct config, field), kind, min, max},

static const struct config_row rows[ROW_COUNT] = {
#define BOOLEAN(key, field, default, dev, sentence) ROW(field, CONFIG_BOOLEAN, NULL, 0, 0)
#define NUMBER(key, field, min, max, default, dev, sentence) \
    ROW(field, CONFIG_NUMBER, NULL, min, max)
#define TEXT(key, field, kind, range, default, dev, sentence) ROW(field, CONFIG_TEXT, &kind, 0, 0)
#define LIST(key, field, kind, range, default, dev, sentence) ROW(field, CONFIG_LIST, &kind, 0, 0)
    SETTING_MAP(BOOLEAN, NUMBER, TEXT, LIST)
#undef BOOLEAN
#undef NUMBER
#undef TEXT
#undef LIST
};

const struct config_row *config_rows(size_t *count)
{
    *count = ROW_COUNT;
    return rows;
}

const struct config_setting *config_settings(void)
{
    return settings;
}
