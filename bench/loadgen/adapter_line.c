/* SPDX-License-Identifier: Apache-2.0 */
/* adapter_line.c - see adapter_line.h. */
#include "bench/loadgen/adapter_line.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"

static bool take_text(const json_t *root, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(root, key));

    return text != NULL && str_copy(out, size, str_of(text));
}

static bool take_pids(struct adapter_line *out, const json_t *list)
{
    size_t n = json_array_size(list);

    if (n == 0 || n > ADAPTER_MAX_PIDS)
        return false;
    for (size_t i = 0; i < n; i++) {
        json_int_t pid = json_integer_value(json_array_get(list, i));
        if (pid <= 0 || pid > INT_MAX)
            return false;
        out->pid[out->pid_count++] = (pid_t)pid;
    }
    return true;
}

static void take_notes(struct adapter_line *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && i < ADAPTER_MAX_NOTES; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text != NULL)
            out->note[out->note_count++] = mem_strdup(text);
    }
}

static int take(struct adapter_line *out, const json_t *root, char *why, size_t why_size)
{
    const char *skip = json_string_value(json_object_get(root, "skip"));

    if (skip != NULL) {
        (void)snprintf(why, why_size, "%s", skip);
        return E_UNSUPPORTED;
    }
    if (!take_text(root, "name", out->name, sizeof(out->name)) ||
        !take_text(root, "version", out->version, sizeof(out->version)) ||
        !take_text(root, "whip", out->whip, sizeof(out->whip)) ||
        !take_text(root, "whep", out->whep, sizeof(out->whep)) ||
        !take_pids(out, json_object_get(root, "pids"))) {
        (void)snprintf(why, why_size, "the adapter's line lacks name, version, whip, whep or pids");
        return E_MALFORMED;
    }
    take_notes(out, json_object_get(root, "notes"));
    return 0;
}

int adapter_line_parse(struct adapter_line *out, struct str line, char *why, size_t why_size)
{
    json_error_t error;
    json_t *root = json_loadb(line.p, line.len, JSON_REJECT_DUPLICATES, &error);
    int err;

    memset(out, 0, sizeof(*out));
    if (!json_is_object(root)) {
        (void)snprintf(why, why_size, "the adapter printed no JSON object: %s",
                       root == NULL ? error.text : "something else");
        json_decref(root);
        return E_MALFORMED;
    }
    err = take(out, root, why, why_size);
    json_decref(root);
    return err;
}

void adapter_line_fini(struct adapter_line *a)
{
    for (size_t i = 0; i < a->note_count; i++)
        mem_free(a->note[i]);
    a->note_count = 0;
}
