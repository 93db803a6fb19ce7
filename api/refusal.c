/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.c - fills the struct; texts that are too long are cut at a whole character. */
#include "api/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"

/* A sentence may quote what a client sent: what was cut in the middle of a character would not be UTF-8 any more. */
static void cut_clean(char *text)
{
    size_t len = strlen(text), start = len;

    while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || ((unsigned char)text[start - 1] & 0xC0) != 0xC0)
        return;
    start--;
    unsigned char lead = (unsigned char)text[start];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (len - start < need)
        text[start] = 0;
}

int refuse(struct refusal *r, int err, const char *field, const char *fmt, ...)
{
    va_list ap;

    *r = (struct refusal){.err = err};
    if (field != NULL) {
        (void)snprintf(r->field, sizeof(r->field), "%s", field);
        cut_clean(r->field);
    }
    va_start(ap, fmt);
    (void)vsnprintf(r->text, sizeof(r->text), fmt, ap);
    va_end(ap);
    cut_clean(r->text);
    return err;
}

int refuse_plain(struct refusal *r, int err, const char *field)
{
    return refuse(r, err, field, "%s", err_text(err));
}
