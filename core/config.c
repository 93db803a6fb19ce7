/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - the sources of settings, read from the weakest to the strongest: file, environment, flags; defaults fill the
 * rest last, because --dev, which chooses among them, may come from any source.
 *
 * A name is derived from its key: media.stun_server, PARLEY_MEDIA_STUN_SERVER, --media-stun-server.
 */
#include "core/config.h"

#include <string.h>

#include "core/config_internal.h"
#include "core/check.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"

#define ENV_PREFIX "PARLEY_"
#define MAX_NAME_DISTANCE 3 /* of a suggestion */

/* ---- names ---- */

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The name of a setting in a source. */
static const char *name_in(enum config_source source, const char *key, char out[CONFIG_NAME_LEN])
{
    size_t len = 0;

    if (source == CONFIG_FROM_FLAG || source == CONFIG_FROM_ENVIRONMENT)
        len = (size_t)snprintf(out, CONFIG_NAME_LEN, "%s",
                               source == CONFIG_FROM_FLAG ? "--" : ENV_PREFIX);
    for (; *key; key++, len++) {
        CHECK(len + 1 < CONFIG_NAME_LEN);
        bool is_mark = *key == '.' || *key == '_';
        if (source == CONFIG_FROM_FLAG)
            out[len] = is_mark ? '-' : *key;
        else if (source == CONFIG_FROM_ENVIRONMENT)
            out[len] = is_mark ? '_' : upper(*key);
        else
            out[len] = *key;
    }
    out[len] = 0;
    return out;
}

const struct config_row *config_loader_find(const struct config_loader *l, struct str name)
{
    char own[CONFIG_NAME_LEN];

    for (size_t i = 0; i < l->n_rows; i++)
        if (str_eq_c(name, name_in(l->source, l->rows[i].about->key, own)))
            return &l->rows[i];
    return NULL;
}

/* Levenshtein's distance; @a is shorter than CONFIG_NAME_LEN. */
static size_t distance(struct str a, struct str b)
{
    size_t row[CONFIG_NAME_LEN];

    for (size_t i = 0; i <= a.len; i++)
        row[i] = i;
    for (size_t j = 1; j <= b.len; j++) {
        size_t diagonal = row[0];
        row[0] = j;
        for (size_t i = 1; i <= a.len; i++) {
            size_t replaced = diagonal + (a.p[i - 1] != b.p[j - 1]);
            diagonal = row[i];
            row[i] = MIN(replaced, MIN(row[i], row[i - 1]) + 1);
        }
    }
    return row[a.len];
}

int config_loader_refuse_unknown(const struct config_loader *l, struct str name)
{
    char own[CONFIG_NAME_LEN], best[CONFIG_NAME_LEN] = "";
    size_t best_distance = MAX_NAME_DISTANCE + 1;

    for (size_t i = 0; i < l->n_rows; i++) {
        const char *key = l->rows[i].about->key;
        size_t d = distance(str_of(name_in(l->source, key, own)), name);
        if (d < best_distance && d * 2 <= strlen(key)) {
            best_distance = d;
            memcpy(best, own, sizeof best);
        }
    }
    strbuf_addf(l->why, "%.*s: no such %s", (int)MIN(name.len, 120), name.p,
                l->source == CONFIG_FROM_FLAG ? "flag" : "setting");
    if (l->source == CONFIG_FROM_FILE)
        strbuf_addf(l->why, " (in %s)", l->file);
    if (best[0])
        strbuf_addf(l->why, "; did you mean %s?", best);
    else
        strbuf_add(l->why, "; parley --help lists them");
    return E_INVALID;
}

/* ---- one value ---- */

/* Note where the value came from, or finish the sentence about a refused one with it. */
int config_loader_note(const struct config_loader *l, const struct config_row *row, int err)
{
    char name[CONFIG_NAME_LEN];

    if (err == 0)
        l->to->from[row - l->rows] = l->source;
    else if (l->source == CONFIG_FROM_FILE)
        strbuf_addf(l->why, " (in %s)", l->file);
    else
        strbuf_addf(l->why, " (from %s)", name_in(l->source, row->about->key, name));
    return err;
}

static int take_text(const struct config_loader *l, const struct config_row *row, struct str text)
{
    return config_loader_note(l, row, config_value_set(&l->to->c, row, text, l->why));
}

/* ---- environment and flags ---- */

static int read_environment(struct config_loader *l, char *const *envp)
{
    l->source = CONFIG_FROM_ENVIRONMENT;
    for (; envp != NULL && *envp != NULL; envp++) {
        struct str value = str_of(*envp);
        if (!str_starts(value, STR(ENV_PREFIX)))
            continue;
        struct str name = str_cut(&value, '=');
        const struct config_row *row = config_loader_find(l, name);
        int err = row ? take_text(l, row, value) : config_loader_refuse_unknown(l, name);
        if (err)
            return err;
    }
    return 0;
}

/* One flag of the command line. */
struct flag {
    struct str name, value;
    bool has_value;
};

/* Split argv[i]; without a "=" the value is the next word, if that is no flag. Returns the words that name and value take, 0
 * when there is no value. */
static int split_flag(struct flag *f, int argc, char *const *argv, int i)
{
    struct str rest = str_of(argv[i]);

    f->name = str_cut(&rest, '=');
    f->value = rest;
    f->has_value = f->name.len < strlen(argv[i]);
    if (f->has_value)
        return 1;
    bool is_next = i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0;
    f->value = str_of(is_next ? argv[i + 1] : NULL);
    return is_next ? 2 : 0;
}

/* The row behind "--no-name", or NULL. */
static const struct config_row *find_negated(const struct config_loader *l, struct str name)
{
    char positive[2 * CONFIG_NAME_LEN];

    if (!str_starts(name, STR("--no-")))
        return NULL;
    (void)snprintf(positive, sizeof positive, "--%.*s", (int)(name.len - 5), name.p + 5);
    const struct config_row *row = config_loader_find(l, str_of(positive));
    return row != NULL && row->type == CONFIG_BOOLEAN ? row : NULL;
}

/* Take the flag at argv[i] and move *i past it. */
static int take_flag(const struct config_loader *l, int argc, char *const *argv, int *i)
{
    struct flag f;
    int words = split_flag(&f, argc, argv, *i);
    const struct config_row *row = config_loader_find(l, f.name),
                            *negated = find_negated(l, f.name);

    *i += words;
    if (str_eq_c(f.name, "--config"))
        return 0; /* read before */
    if (!str_starts(f.name, STR("--"))) {
        strbuf_addf(l->why, "\"%.*s\" is not a flag: expected --name=value or --name value",
                    (int)f.name.len, f.name.p);
        return E_INVALID;
    }
    if (row == NULL && negated != NULL) {
        *i += 1 - words;
        if (!f.has_value)
            return take_text(l, negated, STR("false"));
        strbuf_addf(l->why, "%.*s: expected no value", (int)f.name.len, f.name.p);
        return E_INVALID;
    }
    if (row == NULL)
        return config_loader_refuse_unknown(l, f.name);
    if (row->type == CONFIG_BOOLEAN && !f.has_value) {
        *i += 1 - words;
        return take_text(l, row, STR("true"));
    }
    if (words == 0) {
        strbuf_addf(l->why, "%.*s: the value is missing: expected ", (int)f.name.len, f.name.p);
        config_value_print_expected(row, l->why);
        return E_INVALID;
    }
    return take_text(l, row, f.value);
}

static int read_flags(struct config_loader *l, int argc, char *const *argv)
{
    l->source = CONFIG_FROM_FLAG;
    for (int i = 0; i < argc;) {
        int err = take_flag(l, argc, argv, &i);
        if (err)
            return err;
    }
    return 0;
}

/* The file named by --config in *file; NULL when none is. */
static int find_config_flag(const struct config_loader *l, int argc, char *const *argv,
                            const char **file)
{
    *file = NULL;
    for (int i = 0; i < argc; i++) {
        struct flag f;
        int words = split_flag(&f, argc, argv, i);
        if (!str_eq_c(f.name, "--config"))
            continue;
        if (words == 0 || f.value.len == 0) {
            strbuf_add(l->why, "--config: the value is missing: expected the name of a file");
            return E_INVALID;
        }
        *file = f.value.p; /* it ends where the word ends */
    }
    return 0;
}

/* ---- defaults, and settings that depend on each other ---- */

static void fill_defaults(const struct config_loader *l)
{
    for (size_t i = 0; i < l->n_rows; i++) {
        const struct config_setting *about = l->rows[i].about;
        bool use_dev = l->to->c.dev && about->dev_default != NULL;
        if (l->to->from[i] == CONFIG_FROM_DEFAULT) {
            struct str text = str_of(use_dev ? about->dev_default : about->default_text);
            CHECK(config_value_set(&l->to->c, &l->rows[i], text, l->why) == 0);
        }
    }
}

static int check_together(const struct config *c, struct strbuf *why)
{
    if (!c->http_tls_cert[0] != !c->http_tls_key[0])
        strbuf_addf(
            why, "%s: \"\" is not valid: expected both http.tls_cert and http.tls_key, or neither",
            c->http_tls_cert[0] ? "http.tls_key" : "http.tls_cert");
    else if (c->http_tls_self_signed && c->http_tls_cert[0])
        strbuf_add(
            why, "http.tls_self_signed: \"true\" is not valid: expected it without http.tls_cert");
    else if (!c->media_udp && !c->media_tcp)
        strbuf_add(why,
                   "media.tcp: \"false\" is not valid: expected true where media.udp is false");
    else
        return 0;
    return E_INVALID;
}

int config_load(struct config **out, int argc, char *const *argv, char *const *envp,
                struct strbuf *why)
{
    struct config_loader l = {.to = MEM_NEW(struct config_loaded), .why = why};
    struct config *c = &l.to->c;
    const char *file;
    int err;

    l.rows = config_rows(&l.n_rows);
    CHECK(l.n_rows <= MAX_CONFIG_SETTINGS);
    err = find_config_flag(&l, argc, argv, &file);
    if (!err)
        err = config_file_read(&l, file);
    if (!err)
        err = read_environment(&l, envp);
    if (!err)
        err = read_flags(&l, argc, argv);
    if (!err) {
        fill_defaults(&l);
        err = check_together(c, why);
    }
    if (err) {
        config_free(&c);
        return err;
    }
    *out = c;
    return 0;
}

void config_free(struct config **cp)
{
    struct config *c = *cp;
    size_t n;

    if (c == NULL)
        return;
    *cp = NULL;
    const struct config_row *rows = config_rows(&n);
    for (size_t i = 0; i < n; i++)
        config_value_clear(c, &rows[i]);
    mem_free(CONTAINER_OF(c, struct config_loaded, c));
}

/* ---- for people ---- */

void config_print_help(FILE *to)
{
    char name[CONFIG_NAME_LEN];

    for (const struct config_setting *s = config_settings(); s->key; s++) {
        bool is_list = strcmp(s->type, "list") == 0;
        fprintf(to, "  %s <%s>%s\n", name_in(CONFIG_FROM_FLAG, s->key, name),
                s->range ? s->range : s->type, is_list ? "[,...]" : "");
        fprintf(to, "      %s.\n      ", s->sentence);
        if (s->default_text[0])
            fprintf(to, "Default: %s", s->default_text);
        else
            fprintf(to, "Default: none");
        if (s->dev_default)
            fprintf(to, "; with --dev: %s", s->dev_default);
        fprintf(to, ". %s, %s\n", s->key, name_in(CONFIG_FROM_ENVIRONMENT, s->key, name));
    }
}

void config_log(const struct config *c)
{
    static const char *const source_names[] = {"default", "file", "environment", "flag"};
    const struct config_loaded *l = (const struct config_loaded *)(const void *)c;
    struct strbuf value;
    size_t n;

    const struct config_row *rows = config_rows(&n);
    strbuf_init(&value, 4096);
    for (size_t i = 0; i < n; i++) {
        /* What nobody set is of interest only to who looks closely. */
        enum log_level level = l->from[i] == CONFIG_FROM_DEFAULT ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
        if (!log_is_on(LOG_CONFIG, level))
            continue;
        strbuf_clear(&value);
        config_value_print(c, &rows[i], &value);
        bool is_dev = c->dev && l->from[i] == CONFIG_FROM_DEFAULT && rows[i].about->dev_default;
        log_write(level, LOG_CONFIG, NULL, NULL, "%s = %s (%s)", rows[i].about->key, value.p,
                  is_dev ? "default of --dev" : source_names[l->from[i]]);
    }
    strbuf_fini(&value);
}
