/* SPDX-License-Identifier: Apache-2.0 */
/* test_metrics.c - the text that Prometheus reads, held against a small checker of the format; who may read it. */
#include "tests/unit/core/cmocka_all.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/metrics.h"
#include "api/metrics_text.h"
#include "core/attr.h"
#include "core/mem.h"
#include "tests/unit/core/leaks.h"

#define MAX_TEXT (1u << 20)
#define MAX_FAMILIES 256
#define MAX_SERIES 4096
#define MAX_LINE 1024

/* ---- a checker of the format ---- */

struct checker {
    char family[MAX_FAMILIES][128]; /* those that were begun; each once */
    size_t family_count;
    char type[16];   /* of the latest */
    bool needs_type; /* HELP was there, TYPE follows */
    char series[MAX_SERIES][256];
    size_t series_count;
    double bucket; /* the latest of the histogram */
    char why[256];
};

static bool wrong(struct checker *c, const char *why, const char *line)
{
    (void)snprintf(c->why, sizeof(c->why), "%s: %.150s", why, line);
    return false;
}

static size_t name_len(const char *p, bool is_metric)
{
    size_t n = 0;

    while (isalpha((unsigned char)p[n]) || p[n] == '_' || (is_metric && p[n] == ':') ||
           (n > 0 && isdigit((unsigned char)p[n])))
        n++;
    return n;
}

/* Only \\ and \n, in labels also \"; returns where the text ends, NULL when it is wrong. */
static const char *skip_escaped(const char *p, bool is_label)
{
    for (; *p != '\0' && !(is_label && *p == '"'); p++)
        if (*p == '\\') {
            p++;
            if (*p != '\\' && *p != 'n' && !(is_label && *p == '"'))
                return NULL;
        }
    return p;
}

static bool check_help(struct checker *c, const char *line)
{
    size_t n = name_len(line + 7, true);
    char *to = c->family[c->family_count];

    if (n == 0 || n >= sizeof(c->family[0]) || line[7 + n] != ' ')
        return wrong(c, "HELP without a name", line);
    if (c->needs_type)
        return wrong(c, "a family without TYPE comes before", line);
    (void)snprintf(to, sizeof(c->family[0]), "%.*s", (int)n, line + 7);
    for (size_t i = 0; i < c->family_count; i++)
        if (strcmp(c->family[i], to) == 0)
            return wrong(c, "a family twice", line);
    if (skip_escaped(line + 8 + n, false) == NULL)
        return wrong(c, "a bad escape", line);
    assert_true(++c->family_count < MAX_FAMILIES);
    c->needs_type = true;
    return true;
}

static const char *latest(const struct checker *c)
{
    return c->family_count == 0 ? "" : c->family[c->family_count - 1];
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);

    return a >= b && strcmp(text + a - b, end) == 0;
}

static bool check_type(struct checker *c, const char *line)
{
    size_t n = strlen(latest(c));

    if (!c->needs_type || strncmp(line + 7, latest(c), n) != 0 || line[7 + n] != ' ')
        return wrong(c, "TYPE does not follow its HELP", line);
    (void)snprintf(c->type, sizeof(c->type), "%s", line + 8 + n);
    if (strcmp(c->type, "counter") != 0 && strcmp(c->type, "gauge") != 0 &&
        strcmp(c->type, "histogram") != 0)
        return wrong(c, "no such type", line);
    if (ends_with(latest(c), "_total") != (strcmp(c->type, "counter") == 0))
        return wrong(c, "counters, and they only, end in _total", line);
    c->needs_type = false;
    return true;
}

/* Skip {a="b",c="d"}; NULL when it is wrong. */
static const char *skip_labels(const char *p)
{
    if (*p != '{')
        return p;
    do {
        size_t n = name_len(++p, false);
        if (n == 0 || strncmp(p + n, "=\"", 2) != 0)
            return NULL;
        p = skip_escaped(p + n + 2, true);
        if (p == NULL || *p++ != '"')
            return NULL;
    } while (*p == ',');
    return *p == '}' ? p + 1 : NULL;
}

/* The part of a histogram, or no suffix. */
static bool is_of_family(const struct checker *c, const char *line, size_t n)
{
    size_t family_len = strlen(latest(c));
    const char *rest = line + family_len;
    size_t rest_len = n - family_len;

    if (n < family_len || strncmp(line, latest(c), family_len) != 0)
        return false;
    if (strcmp(c->type, "histogram") != 0)
        return rest_len == 0;
    return (rest_len == 7 && strncmp(rest, "_bucket", 7) == 0) ||
           (rest_len == 4 && strncmp(rest, "_sum", 4) == 0) ||
           (rest_len == 6 && strncmp(rest, "_count", 6) == 0);
}

/* Buckets rise, and the last one is the count. */
static bool check_bucket(struct checker *c, const char *line, size_t n, double value)
{
    if (strncmp(line + n - 7, "_bucket", 7) == 0) {
        bool is_fine = strstr(line, "le=\"1\"") != NULL || value >= c->bucket;

        c->bucket = value;
        return is_fine || wrong(c, "a bucket below the one before", line);
    }
    if (strncmp(line + n - 6, "_count", 6) == 0 && value != c->bucket)
        return wrong(c, "the count is not the last bucket", line);
    return true;
}

static bool check_sample(struct checker *c, const char *line)
{
    size_t n = name_len(line, true);
    const char *labels_end = n == 0 ? NULL : skip_labels(line + n);
    char *series = c->series[c->series_count], *end;
    double value;

    if (labels_end == NULL || *labels_end != ' ')
        return wrong(c, "not a sample", line);
    if (c->needs_type || !is_of_family(c, line, n))
        return wrong(c, "not of the family above", line);
    value = strtod(labels_end + 1, &end);
    if (*end != '\0' || end == labels_end + 1)
        return wrong(c, "not a number", line);
    if (value < 0 || isnan(value))
        return wrong(c, "below zero", line);
    (void)snprintf(series, sizeof(c->series[0]), "%.*s", (int)(labels_end - line), line);
    for (size_t i = 0; i < c->series_count; i++)
        if (strcmp(c->series[i], series) == 0)
            return wrong(c, "a series twice", line);
    assert_true(++c->series_count < MAX_SERIES);
    return strcmp(c->type, "histogram") != 0 || check_bucket(c, line, n, value);
}

/* Whether the text is well formed; @c->why tells what is not. */
static bool check_text(struct checker *c, const char *text)
{
    memset(c, 0, sizeof(*c));
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        char line[MAX_LINE];
        bool is_fine;

        if (end == NULL || end - text >= MAX_LINE)
            return wrong(c, "a line that does not end", text);
        (void)snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
        text = end + 1;
        if (strncmp(line, "# HELP ", 7) == 0)
            is_fine = check_help(c, line);
        else if (strncmp(line, "# TYPE ", 7) == 0)
            is_fine = check_type(c, line);
        else
            is_fine = check_sample(c, line);
        if (!is_fine)
            return false;
    }
    return !c->needs_type;
}

static void the_checker_sees_what_is_wrong(void **state)
{
#define HEAD "# HELP a_total A.\n# TYPE a_total counter\n"
    static const struct {
        const char *text;
        bool is_fine;
    } rows[] = {
        {HEAD "a_total 1\n", true},
        {HEAD "a_total{x=\"\\\\\\\"\\n\"} 0.5\n", true},
        {HEAD "a_total 1", false},
        {HEAD "a_total -1\n", false},
        {HEAD "a_total one\n", false},
        {HEAD "a_total 1\na_total 1\n", false},
        {HEAD "b_total 1\n", false},
        {HEAD "a_total{x=\"\\q\"} 1\n", false},
        {HEAD "a_total{x=1} 1\n", false},
        {HEAD "a_total{1x=\"\"} 1\n", false},
        {HEAD HEAD, false},
        {"a_total 1\n", false},
        {"# HELP a_total A.\na_total 1\n", false},
        {"# HELP a A.\n# TYPE a counter\n", false},
        {"# HELP a_total A.\n# TYPE a_total gauge\n", false},
        {"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n", false},
        {"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 2\n", false},
    };
    struct checker *c = mem_alloc(sizeof(*c));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (check_text(c, rows[i].text) != rows[i].is_fine)
            fail_msg("row %zu: %s", i, c->why);
    mem_free(c);
}

/* ---- the writer ---- */

static void expect_text(struct strbuf *b, const char *want)
{
    assert_false(b->failed);
    assert_string_equal(b->p, want);
    strbuf_fini(b);
}

static void texts_are_escaped(void **state)
{
    static const struct metric_label label[] = {{"worker", "0"}, {"reason", "a \"b\" \\ c\nd"}};
    struct strbuf b;

    (void)state;
    strbuf_init(&b, MAX_TEXT);
    metrics_text_family(&b, "x_total", METRIC_COUNTER, "A \"b\" \\ c\nd");
    metrics_text_number(&b, "x_total", label, 2, UINT64_MAX);
    expect_text(&b,
                "# HELP x_total A \"b\" \\\\ c\\nd\n"
                "# TYPE x_total counter\n"
                "x_total{worker=\"0\",reason=\"a \\\"b\\\" \\\\ c\\nd\"} 18446744073709551615\n");
}

static void times_are_seconds(void **state)
{
    struct strbuf b;

    (void)state;
    strbuf_init(&b, MAX_TEXT);
    metrics_text_seconds(&b, "x", NULL, 0, 0);
    metrics_text_seconds(&b, "x", NULL, 0, 1000001);
    expect_text(&b, "x 0.000000\nx 1.000001\n");
}

static void batches_become_a_histogram(void **state)
{
    static const size_t calls[] = {1, 2, 3, 4, 5, 1024, 5000};
    const struct metric_label label = {"worker", "0"};
    struct batch_counts counts = {0};
    struct strbuf b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        batch_counts_add(&counts, calls[i]);
    assert_int_equal(counts.bucket[10], 1);
    assert_int_equal(counts.bucket[11], 1);
    strbuf_init(&b, MAX_TEXT);
    metrics_text_batches(&b, "x", &label, 1, &counts, 4);
    expect_text(&b, "x_bucket{worker=\"0\",le=\"1\"} 1\n"
                    "x_bucket{worker=\"0\",le=\"2\"} 2\n"
                    "x_bucket{worker=\"0\",le=\"4\"} 4\n"
                    "x_bucket{worker=\"0\",le=\"+Inf\"} 7\n"
                    "x_sum{worker=\"0\"} 6039\n"
                    "x_count{worker=\"0\"} 7\n");
}

/* ---- everything ---- */

static void expect_line(const char *text, const char *line)
{
    char want[256];

    (void)snprintf(want, sizeof(want), "\n%s\n", line);
    if (strstr(text, want) == NULL)
        fail_msg("not there: %s", line);
}

static void fill_host(struct registry_host_stats *h, unsigned index)
{
    struct sfu_totals *sfu = &h->host.sfu;

    h->index = index;
    h->participants = 3;
    h->host.loop = (struct worker_stats){.turns = 9, .busy_us = 1500000, .max_lag_us = 250};
    sfu->transports_in_state[TRANSPORT_OPEN] = 2;
    sfu->transport.bytes_received = 1234;
    sfu->transport.srtp_replayed = 4;
    sfu->keyframes_merged = 5;
    sfu->end[0] = (struct sfu_transport_end){"the endpoint \"went\"", 6};
    sfu->end_count = 1;
    h->host.mux.unknown_ufrag = 7;
    h->host.port.udp.send_dropped_full = UINT64_MAX; /* and not -1 */
    h->host.port.udp.rcvbuf_bytes = UINT32_MAX;
    batch_counts_add(&h->host.port.udp.recv_batch, 64);
    batch_counts_add(&h->host.egress.batch, 1024);
}

static void all_figures_are_well_formed(void **state)
{
    struct registry_host_stats host[3] = {{0}};
    const struct registry_stats registry = {
        .rooms = 1, .participants = 6, .joins = 8, .host = host, .host_count = ARRAY_LEN(host)};
    struct metrics_snapshot s = {.registry = &registry,
                                 .http = {.answers = {[2] = 11, [4] = 12}, .websockets = 2}};
    struct checker *c = mem_alloc(sizeof(*c));
    struct strbuf b;

    (void)state;
    fill_host(&host[0], 0);
    host[1] = (struct registry_host_stats){.index = 1, .err = -1};
    fill_host(&host[2], 2);
    metrics_read_process(&s);
    strbuf_init(&b, MAX_TEXT);
    metrics_write(&s, &b);
    assert_false(b.failed);
    if (!check_text(c, b.p))
        fail_msg("%s", c->why);
    expect_line(b.p, "parley_joins_total 8");
    expect_line(b.p, "parley_http_responses_total{class=\"4xx\"} 12");
    expect_line(b.p, "parley_loop_busy_seconds_total{worker=\"control\"} 0.000000");
    expect_line(b.p, "parley_loop_busy_seconds_total{worker=\"2\"} 1.500000");
    expect_line(b.p, "parley_loop_max_lag_seconds{worker=\"0\"} 0.000250");
    expect_line(b.p, "parley_transports{worker=\"0\",state=\"open\"} 2");
    expect_line(b.p, "parley_received_bytes_total{worker=\"2\"} 1234");
    expect_line(b.p,
                "parley_received_packets_dropped_total{worker=\"0\",reason=\"srtp_replayed\"} 4");
    expect_line(b.p,
                "parley_received_packets_dropped_total{worker=\"0\",reason=\"unknown_ufrag\"} 7");
    expect_line(b.p, "parley_sent_packets_dropped_total{worker=\"0\",reason=\"buffer_full\"} "
                     "18446744073709551615");
    expect_line(b.p, "parley_keyframe_requests_total{worker=\"2\",kind=\"merged\"} 5");
    expect_line(b.p, "parley_udp_socket_buffer_bytes{worker=\"0\",kind=\"receive\"} 4294967295");
    expect_line(b.p, "parley_udp_receive_batch_datagrams_bucket{worker=\"0\",le=\"64\"} 1");
    expect_line(b.p, "parley_egress_batch_messages_bucket{worker=\"0\",le=\"1024\"} 1");
    expect_line(b.p,
                "parley_transport_ends_total{worker=\"0\",reason=\"the endpoint \\\"went\\\"\"} 6");
    assert_null(strstr(b.p, "worker=\"1\"")); /* it did not answer */
    strbuf_fini(&b);
    mem_free(c);
}

static void the_process_is_known(void **state)
{
    struct metrics_snapshot s = {0};

    (void)state;
    metrics_read_process(&s);
    assert_true(s.resident_bytes > 100000 && s.resident_bytes < s.virtual_bytes);
    assert_true(s.open_fds >= 3 && s.open_fds < s.max_fds);
}

/* ---- who may read ---- */

static void the_setting_decides_who_reads(void **state)
{
    static const struct {
        const char *setting, *remote, *forwarded_for, *via;
        bool is_shown;
    } rows[] = {
        {"loopback", "127.0.0.1", "", "", true},
        {"loopback", "::1", "", "", true},
        {"loopback", "192.0.2.1", "", "", false},
        {"loopback", "", "", "", false},
        {"loopback", "127.0.0.1", "192.0.2.1", "", false},
        {"loopback", "127.0.0.1", "", "1.1 proxy", false},
        {"all", "192.0.2.1", "", "", true},
        {"all", "127.0.0.1", "192.0.2.1", "", true},
        {"off", "127.0.0.1", "", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char setting[16];
        const struct config config = {.http_metrics = setting};
        const struct http_request request = {
            .remote = rows[i].remote, .forwarded_for = rows[i].forwarded_for, .via = rows[i].via};

        (void)snprintf(setting, sizeof(setting), "%s", rows[i].setting);
        if (metrics_are_shown_to(&config, &request) != rows[i].is_shown)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(the_checker_sees_what_is_wrong),
        LEAK_FREE(texts_are_escaped),
        LEAK_FREE(times_are_seconds),
        LEAK_FREE(batches_become_a_histogram),
        LEAK_FREE(all_figures_are_well_formed),
        LEAK_FREE(the_process_is_known),
        LEAK_FREE(the_setting_decides_who_reads),
    };

    return cmocka_run_group_tests_name("api/metrics", tests, NULL, NULL);
}
