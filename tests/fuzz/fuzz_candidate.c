/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_candidate.c - any line is refused or parsed, and a candidate with an address survives being written and parsed again. */
#include "core/check.h"
#include "transport/announce.h"
#include "transport/candidate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct candidate *c)
{
    struct candidate again;
    struct strbuf out;

    strbuf_init(&out, 512);
    CHECK(candidate_write(c, &out));
    CHECK(candidate_parse(&again, (struct str){out.p, out.len}) == 0);
    CHECK(addr_ip_eq(&c->addr, &again.addr) && c->addr.port == again.addr.port);
    CHECK(c->priority == again.priority && c->type == again.type && c->protocol == again.protocol);
    CHECK(c->component == again.component && c->tcptype == again.tcptype && !again.has_name);
    strbuf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct candidate c;
    struct str host;
    uint16_t port;

    if (announce_split(text, &host, &port) == 0)
        CHECK(host.len > 0 && host.p >= text.p && host.p + host.len <= text.p + text.len);
    if (candidate_parse(&c, text) != 0)
        return 0;
    CHECK(c.has_name == (c.addr.family == 0));
    CHECK(c.component > 0 && c.foundation[0] != '\0');
    if (!c.has_name)
        write_and_read(&c);
    return 0;
}
