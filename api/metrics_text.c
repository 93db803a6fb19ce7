/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_text.h"

#include "core/timebase.h"

/* Backslash and line feed; in labels quotation marks, too. */
static void add_escaped(struct strbuf *out, const char *text, bool is_label)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            strbuf_add(out, "\\n");
            continue;
        }
        if (*text == '\\' || (is_label && *text == '"'))
            strbuf_add_char(out, '\\');
        strbuf_add_char(out, *text);
    }
}

void metrics_text_family(struct strbuf *out, const char *name, enum metric_type type,
                         const char *help)
{
    static const char *const type_names[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

    strbuf_addf(out, "# HELP %s ", name);
    add_escaped(out, help, false);
    strbuf_addf(out, "\n# TYPE %s %s\n", name, type_names[type]);
}

/* Name and labels; @le is the bound of a bucket, or NULL. */
static void add_series(struct strbuf *out, const char *name, const char *suffix,
                       const struct metric_label *label, size_t n, const char *le)
{
    const char *before = "{";

    strbuf_addf(out, "%s%s", name, suffix);
    for (size_t i = 0; i < n; i++) {
        strbuf_addf(out, "%s%s=\"", before, label[i].name);
        add_escaped(out, label[i].value, true);
        strbuf_add_char(out, '"');
        before = ",";
    }
    if (le != NULL)
        strbuf_addf(out, "%sle=\"%s\"", before, le);
    if (n > 0 || le != NULL)
        strbuf_add_char(out, '}');
}

static void add_value(struct strbuf *out, uint64_t value)
{
    strbuf_addf(out, " %llu\n", (unsigned long long)value);
}

void metrics_text_number(struct strbuf *out, const char *name, const struct metric_label *label,
                         size_t n, uint64_t value)
{
    add_series(out, name, "", label, n, NULL);
    add_value(out, value);
}

void metrics_text_seconds(struct strbuf *out, const char *name, const struct metric_label *label,
                          size_t n, uint64_t value_us)
{
    add_series(out, name, "", label, n, NULL);
    strbuf_addf(out, " %llu.%06llu\n", (unsigned long long)(value_us / US_PER_S),
                (unsigned long long)(value_us % US_PER_S));
}

void metrics_text_batches(struct strbuf *out, const char *name, const struct metric_label *label,
                          size_t n, const struct batch_counts *counts, size_t max_items)
{
    uint64_t up_to = 0;

    for (size_t i = 0; i < BATCH_BUCKETS - 1 && (size_t)1 << i <= max_items; i++) {
        struct strbuf le;

        strbuf_init(&le, 24);
        strbuf_addf(&le, "%zu", (size_t)1 << i);
        up_to += counts->bucket[i];
        add_series(out, name, "_bucket", label, n, le.p);
        add_value(out, up_to);
        strbuf_fini(&le);
    }
    add_series(out, name, "_bucket", label, n, "+Inf");
    add_value(out, counts->calls);
    add_series(out, name, "_sum", label, n, NULL);
    add_value(out, counts->items);
    add_series(out, name, "_count", label, n, NULL);
    add_value(out, counts->calls);
}
