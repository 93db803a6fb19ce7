/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.c - fills the struct; texts that are too long are cut. */
#include "api/refusal.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/err.h"
#include "core/str.h"

/* A sentence may quote what a client sent, or be cut in the middle of a character: what goes out is clean UTF-8. */
static void clean(char *text)
{
    if (str_is_clean_utf8(str_of(text)))
        return;
    for (char *c = text; *c != 0; c++)
        if ((unsigned char)*c >= 0x7F || (unsigned char)*c < ' ')
            *c = '?';
}

int refuse(struct refusal *r, int err, const char *field, const char *fmt, ...)
{
    va_list ap;

    *r = (struct refusal){.err = err};
    if (field != NULL) {
        (void)snprintf(r->field, sizeof(r->field), "%s", field);
        clean(r->field);
    }
    va_start(ap, fmt);
    (void)vsnprintf(r->text, sizeof(r->text), fmt, ap);
    va_end(ap);
    clean(r->text);
    return err;
}

int refuse_plain(struct refusal *r, int err, const char *field)
{
    return refuse(r, err, field, "%s", err_text(err));
}
