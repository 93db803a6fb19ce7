/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/config.h"
#include "core/config_internal.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"

#define MAX_WORDS 8
#define KEY_32 "k:0123456789abcdef0123456789abcdef"

/* Each test stands in a folder of its own, so that no parley.json of somebody else is found. */
static char folder[64];
static char started_in[4096];

static int enter_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/parley-config-XXXXXX");
    if (getcwd(started_in, sizeof started_in) == NULL || mkdtemp(folder) == NULL)
        return -1;
    return chdir(folder);
}

static int leave_folder(void **state)
{
    (void)state;
    (void)unlink("parley.json");
    (void)unlink("other.json");
    if (chdir(started_in) != 0 || rmdir(folder) != 0)
        return -1;
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* Load from words, both ended by NULL. */
static int load(struct config **out, const char *const *flags, const char *const *env,
                struct strbuf *why)
{
    char *argv[MAX_WORDS + 1] = {NULL}, *envp[MAX_WORDS + 1] = {NULL};
    int argc = 0;

    for (; flags != NULL && flags[argc] != NULL; argc++)
        argv[argc] = mem_strdup(flags[argc]);
    for (int i = 0; env != NULL && env[i] != NULL; i++)
        envp[i] = mem_strdup(env[i]);
    int err = config_load(out, argc, argv, envp, why);
    for (int i = 0; i < MAX_WORDS; i++) {
        mem_free(argv[i]);
        mem_free(envp[i]);
    }
    return err;
}

static struct config *must_load(const char *const *flags, const char *const *env)
{
    struct config *c = NULL;
    struct strbuf why;

    strbuf_init(&why, 1000);
    if (load(&c, flags, env, &why) != 0)
        fail_msg("refused: %s", why.p);
    assert_int_equal(why.len, 0);
    return c;
}

static void assert_list(const struct config_list *list, const char *want)
{
    char text[1024] = "";
    size_t len = 0;

    for (size_t i = 0; i < list->count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? "," : "", list->item[i]);
    assert_string_equal(text, want);
}

static void nothing_given_means_defaults(void **state)
{
    struct config *c = must_load(NULL, NULL);

    (void)state;
    assert_false(c->dev);
    assert_int_equal(c->workers, 0);
    assert_string_equal(c->http_listen, "0.0.0.0:8080");
    assert_string_equal(c->http_tls_cert, "");
    assert_list(&c->media_listen, "0.0.0.0:40000,[::]:40000");
    assert_list(&c->media_announce, "");
    assert_true(c->media_udp && c->media_tcp);
    assert_int_equal(c->media_consent_timeout_ms, 30000);
    assert_int_equal(c->ice_turn_ttl_s, 43200);
    assert_int_equal(c->room_max_participants, 1000);
    assert_int_equal(c->room_empty_timeout_ms, 300000);
    assert_int_equal(c->session_grace_ms, 20000);
    assert_string_equal(c->log_level, "info");
    config_free(&c);
    assert_null(c);
    config_free(&c);
}

static void dev_from_any_source_keeps_the_api_on_loopback(void **state)
{
    static const char *const flag[] = {"--dev", NULL}, *const env[] = {"PARLEY_DEV=1", NULL};

    (void)state;
    for (int source = 0; source < 3; source++) {
        if (source == 2)
            write_file("parley.json", "{\"dev\": true}");
        struct config *c = must_load(source == 0 ? flag : NULL, source == 1 ? env : NULL);
        assert_true(c->dev);
        assert_string_equal(c->http_listen, "127.0.0.1:8080");
        assert_list(&c->media_listen, "machine:40000");
        config_free(&c);
    }
}

static void flags_win_over_environment_over_file(void **state)
{
    static const char *const flags[] = {"--workers", "3", NULL};
    static const char *const env[] = {"HOME=/", "PARLEY_WORKERS=2", "PARLEY_SESSION_GRACE_MS=2",
                                      NULL};

    (void)state;
    write_file("parley.json", "{\"workers\": 1, \"session\": {\"grace_ms\": 1},"
                              " \"room\": {\"max_participants\": 7}}");
    struct config *c = must_load(flags, env);
    assert_int_equal(c->workers, 3);
    assert_int_equal(c->session_grace_ms, 2);
    assert_int_equal(c->room_max_participants, 7);
    assert_int_equal(c->room_empty_timeout_ms, 300000);
    config_free(&c);
}

static void flags_are_written_in_several_ways(void **state)
{
    static const char *const flags[] = {
        "--media-announce=a.example, 192.0.2.1:5,[2001:db8::1]:6,2001:db8::2",
        "--no-media-tcp",
        "--http-tls-self-signed",
        "--log-level",
        "info,ice=debug",
        "--workers=1",
        "--workers=2",
        NULL};
    (void)state;
    struct config *c = must_load(flags, NULL);
    assert_list(&c->media_announce, "a.example,192.0.2.1:5,[2001:db8::1]:6,2001:db8::2");
    assert_false(c->media_tcp);
    assert_true(c->http_tls_self_signed);
    assert_string_equal(c->log_level, "info,ice=debug");
    assert_int_equal(c->workers, 2);
    config_free(&c);
}

static void the_file_holds_groups_and_lists(void **state)
{
    static const char *const flags[] = {"--config=other.json", NULL};

    (void)state;
    write_file("parley.json", "not read when another is named");
    write_file(
        "other.json",
        "{\"http\": {\"listen\": \"[::1]:0\", \"allow_origins\": [\"*\", "
        "\"https://a.example:8443\"]},\n"
        " \"media\": {\"tcp\": false, \"announce\": [], \"stun_server\": \"stun.example:3478\"},\n"
        " \"ice\": {\"servers\": [\"turn:t.example?transport=tcp\"], \"turn_secret\": \"s, s\"},\n"
        " \"auth\": {\"keys\": [\"" KEY_32 "\"]}}");
    struct config *c = must_load(flags, NULL);
    assert_string_equal(c->http_listen, "[::1]:0");
    assert_list(&c->http_allow_origins, "*,https://a.example:8443");
    assert_false(c->media_tcp);
    assert_string_equal(c->media_stun_server, "stun.example:3478");
    assert_list(&c->ice_servers, "turn:t.example?transport=tcp");
    assert_string_equal(c->ice_turn_secret, "s, s");
    assert_list(&c->auth_keys, KEY_32);
    config_free(&c);
}

static void assert_refused(const char *const *flags, const char *const *env, const char *want)
{
    struct config *c = (struct config *)&c;
    struct strbuf why;

    strbuf_init(&why, 1000);
    assert_int_equal(load(&c, flags, env, &why), E_INVALID);
    assert_ptr_equal(c, &c); /* untouched */
    assert_string_equal(why.p, want);
    strbuf_fini(&why);
}

static void bad_flags_are_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *flag, *value, *want;
    } rows[] = {
        {"--media-listen", "127.0.0.1",
         "media.listen: \"127.0.0.1\" is not valid: expected an IP address with a port, such as "
         "0.0.0.0:40000 or [::]:40000, or machine:40000 (from --media-listen)"},
        {"--workers", "many",
         "workers: \"many\" is not valid: expected a whole number from 0 to 256 (from --workers)"},
        {"--dev=maybe", NULL, "dev: \"maybe\" is not valid: expected true or false (from --dev)"},
        {"--auth-keys", "key:tooshort",
         "auth.keys: the value (not shown) is not valid: expected key:secret with a secret of at "
         "least 32 bytes (from --auth-keys)"},
        {"--media-anounce", "1.2.3.4",
         "--media-anounce: no such flag; did you mean --media-announce?"},
        {"--frobnicate", NULL, "--frobnicate: no such flag; parley --help lists them"},
        {"--no-workers", NULL, "--no-workers: no such flag; did you mean --workers?"},
        {"--no-dev=true", NULL, "--no-dev: expected no value"},
        {"--workers", NULL,
         "--workers: the value is missing: expected a whole number from 0 to 256"},
        {"--config", NULL, "--config: the value is missing: expected the name of a file"},
        {"--config", "other.json", "other.json: cannot be read: No such file or directory"},
        {"--media-tcp", "false", "\"false\" is not a flag: expected --name=value or --name value"},
        {"serve", NULL, "\"serve\" is not a flag: expected --name=value or --name value"},
        {"--http-tls-cert", "cert.pem",
         "http.tls_key: \"\" is not valid: expected both http.tls_cert and http.tls_key, or "
         "neither"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const flags[] = {rows[i].flag, rows[i].value, NULL};
        assert_refused(flags, NULL, rows[i].want);
    }
    static const char *const neither[] = {"--no-media-udp", "--media-tcp=0", NULL};
    assert_refused(neither, NULL,
                   "media.tcp: \"false\" is not valid: expected true where media.udp is false");
}

static void bad_environment_is_refused(void **state)
{
    static const char *const unknown[] = {"PARLEY_LOGLEVEL=info", NULL};
    static const char *const empty[] = {"PARLEY_MEDIA_LISTEN=", NULL};

    (void)state;
    assert_refused(NULL, unknown,
                   "PARLEY_LOGLEVEL: no such setting; did you mean PARLEY_LOG_LEVEL?");
    assert_refused(NULL, empty,
                   "media.listen: \"\" is not valid: expected an IP address with a port, such as "
                   "0.0.0.0:40000 or [::]:40000, or machine:40000 (from PARLEY_MEDIA_LISTEN)");
}

static void bad_files_are_refused(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{\"media\": {\"anounce\": []}}",
         "media.anounce: no such setting (in parley.json); did you mean media.announce?"},
        {"{\"meida\": {}}", "meida: no such setting (in parley.json); parley --help lists them"},
        {"{\"media\": {\"listen\": {\"a\": 1}}}",
         "media.listen: \"{\"a\":1}\" is not valid: expected an IP address with a port, such as "
         "0.0.0.0:40000 or [::]:40000, or machine:40000, as a JSON array of strings (in "
         "parley.json)"},
        {"{\"workers\": \"2\"}",
         "workers: \"2\" is not valid: expected a whole number from 0 to 256, "
         "as a JSON number (in parley.json)"},
        {"{\"workers\": -1}",
         "workers: \"-1\" is not valid: expected a whole number from 0 to 256 (in parley.json)"},
        {"{\"workers\": 2.5}",
         "workers: \"2.5\" is not valid: expected a whole number from 0 to 256, "
         "as a JSON number (in parley.json)"},
        {"{\"auth\": {\"keys\": \"" KEY_32 "\"}}",
         "auth.keys: the value (not shown) is not valid: expected key:secret with a secret of at "
         "least 32 bytes, as a JSON array of strings (in parley.json)"},
        {"{\"ice\": {\"servers\": [1]}}",
         "ice.servers: \"an item that is not a string\" is not valid: expected a URL that begins "
         "with stun:, stuns:, turn: or turns:, such as turn:turn.example.org:3478 (in "
         "parley.json)"},
        {"[]", "parley.json: expected a JSON object"},
        {"{\"workers\": 1, \"workers\": 2}",
         "parley.json:1:24: not valid JSON: duplicate object key near '\"workers\"'"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        write_file("parley.json", rows[i].text);
        assert_refused(NULL, NULL, rows[i].want);
    }
}

/* Values that one setting takes or refuses, whatever the sentence. */
static void values_are_checked_by_their_kind(void **state)
{
    static const struct {
        const char *flag;
        bool ok;
    } rows[] = {
        {"--http-listen=localhost:8080", true},
        {"--http-listen=[::]:8080", true},
        {"--http-listen=0.0.0.0:65535", true},
        {"--http-listen=0.0.0.0:65536", false},
        {"--http-listen=0.0.0.0:", false},
        {"--http-listen=0.0.0.256:80", false},
        {"--http-listen=:8080", false},
        {"--http-listen=", false},
        {"--http-listen=::1:80", false},
        {"--http-listen=[::1:80", false},
        {"--http-listen=[::1]", false},
        {"--http-listen=[::1]80", false},
        {"--media-listen=localhost:1", false},
        {"--media-listen=[fe80::1%eth0]:1", true},
        {"--media-listen=0.0.0.0:1,", false},
        {"--media-listen=,0.0.0.0:1", false},
        {"--media-announce=", true},
        {"--media-announce=media-1.example.org", true},
        {"--media-announce=host1", true},
        {"--media-announce=a..b", false},
        {"--media-announce=-a.b", false},
        {"--media-announce=a b", false},
        {"--media-announce=a_b", false},
        {"--media-announce=1.2.3.4:", false},
        {"--media-announce=[1.2.3.4", false},
        {"--media-announce=[]", false},
        {"--media-stun-server=stun.example.org", false},
        {"--media-stun-server=stun.example.org:3478", true},
        {"--media-consent-timeout-ms=999", false},
        {"--media-consent-timeout-ms=1000", true},
        {"--media-consent-timeout-ms=300001", false},
        {"--session-grace-ms=0", true},
        {"--session-grace-ms=600001", false},
        {"--workers=18446744073709551616", false},
        {"--room-max-participants=0", false},
        {"--ice-servers=stun:a,stuns:b,turn:c,turns:d?transport=tcp", true},
        {"--ice-servers=http://a", false},
        {"--ice-servers=turn:", false},
        {"--ice-servers=turn:a b", false},
        {"--http-allow-origins=http://localhost:3000,https://a.example", true},
        {"--http-allow-origins=https://a.example/", false},
        {"--http-allow-origins=a.example", false},
        {"--http-metrics=all", true},
        {"--http-metrics=off", true},
        {"--http-metrics=none", false},
        {"--http-metrics=", false},
        {"--auth-keys=" KEY_32 "," KEY_32, true},
        {"--auth-keys=:0123456789abcdef0123456789abcdef", false},
        {"--auth-keys=k:0123456789abcdef0123456789abcde", false},
        {"--log-level=ice=debug", true},
        {"--log-level=loud", false},
        {"--log-level=", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const flags[] = {rows[i].flag, NULL};
        struct config *c = NULL;
        struct strbuf why;
        strbuf_init(&why, 1000);
        int err = load(&c, flags, NULL, &why);
        if ((err == 0) != rows[i].ok)
            fail_msg("%s: %s", rows[i].flag, why.p ? why.p : "taken");
        config_free(&c);
        strbuf_fini(&why);
    }
}

static void lists_have_a_maximum(void **state)
{
    struct strbuf flag;

    (void)state;
    strbuf_init(&flag, 2000);
    strbuf_add(&flag, "--media-announce=10.0.0.1");
    for (int i = 1; i < MAX_CONFIG_LIST; i++)
        strbuf_addf(&flag, ",10.0.0.%d", i);
    const char *const flags[] = {flag.p, NULL};
    struct config *c = must_load(flags, NULL);
    assert_int_equal(c->media_announce.count, MAX_CONFIG_LIST);
    config_free(&c);
    strbuf_add(&flag, ",10.0.1.1");
    const char *const longer[] = {flag.p, NULL};
    assert_refused(longer, NULL,
                   "media.announce: a list of 33 is too long: expected at most 32 "
                   "(from --media-announce)");
    strbuf_fini(&flag);
}

static void the_table_is_complete(void **state)
{
    size_t n, seen = 0;

    (void)state;
    assert_non_null(config_rows(&n));
    for (const struct config_setting *s = config_settings(); s->key; s++, seen++) {
        assert_non_null(s->sentence);
        assert_true(s->sentence[0] && s->sentence[strlen(s->sentence) - 1] != '.');
        assert_true(strcmp(s->type, "number") != 0 || s->range != NULL);
    }
    assert_int_equal(seen, n);
}

static void keep_lines(enum log_level level, const char *line, void *arg)
{
    (void)level;
    strbuf_addf(arg, "%s\n", strstr(line, "config: "));
}

static void the_log_tells_sources_and_no_secret(void **state)
{
    static const char *const flags[] = {"--dev", "--auth-keys=" KEY_32, "--ice-turn-secret=hush",
                                        NULL};
    static const char *const env[] = {"PARLEY_WORKERS=2", NULL};
    struct strbuf text;

    (void)state;
    write_file("parley.json", "{\"media\": {\"announce\": [\"192.0.2.1\", \"b.example\"]}}");
    struct config *c = must_load(flags, env);
    strbuf_init(&text, 10000);
    log_set_sink(keep_lines, &text);
    config_log(c);
    assert_null(strstr(text.p, "(default)")); /* of no interest at level info */
    log_set_level(LOG_CONFIG, LOG_LEVEL_DEBUG);
    config_log(c);
    log_set_level(LOG_CONFIG, LOG_LEVEL_INFO);
    log_set_sink(NULL, NULL);
    assert_non_null(strstr(text.p, "config: workers = 2 (environment)\n"));
    assert_non_null(strstr(text.p, "config: media.announce = 192.0.2.1,b.example (file)\n"));
    assert_non_null(strstr(text.p, "config: auth.keys = (set) (flag)\n"));
    assert_non_null(strstr(text.p, "config: ice.turn_secret = (set) (flag)\n"));
    assert_non_null(strstr(text.p, "config: http.listen = 127.0.0.1:8080 (default of --dev)\n"));
    assert_non_null(strstr(text.p, "config: http.tls_key = (not set) (default)\n"));
    assert_non_null(strstr(text.p, "config: log.level = info (default)\n"));
    assert_null(strstr(text.p, "hush"));
    assert_null(strstr(text.p, "0123456789abcdef"));
    strbuf_fini(&text);
    config_free(&c);
}

static void help_names_flag_key_and_variable(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    (void)state;
    config_print_help(to);
    assert_int_equal(fclose(to), 0);
    assert_non_null(strstr(text, "  --http-tls-self-signed <boolean>\n"));
    assert_non_null(strstr(text, "media.stun_server, PARLEY_MEDIA_STUN_SERVER\n"));
    assert_non_null(strstr(text, "  --room-max-participants <1..10000>\n"));
    assert_non_null(strstr(text, "  --auth-keys <key:secret>[,...]\n"));
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
    const struct CMUnitTest tests[] = {
        TEST(nothing_given_means_defaults),
        TEST(dev_from_any_source_keeps_the_api_on_loopback),
        TEST(flags_win_over_environment_over_file),
        TEST(flags_are_written_in_several_ways),
        TEST(the_file_holds_groups_and_lists),
        TEST(bad_flags_are_refused_with_a_sentence),
        TEST(bad_environment_is_refused),
        TEST(bad_files_are_refused),
        TEST(values_are_checked_by_their_kind),
        TEST(lists_have_a_maximum),
        TEST(the_table_is_complete),
        TEST(the_log_tells_sources_and_no_secret),
        TEST(help_names_flag_key_and_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
