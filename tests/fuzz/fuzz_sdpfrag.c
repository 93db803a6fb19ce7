/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_sdpfrag.c - any fragment is refused with a reason, or its pieces lie inside it; what answers it can be read again. */
#include "api/sdpfrag.h"
#include "core/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct str part, struct str whole)
{
    return part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

static void write_and_read(struct str answer)
{
    struct sdpfrag again;
    struct refusal why;
    struct strbuf out;

    strbuf_init(&out, MAX_SDPFRAG_BYTES * 2);
    sdpfrag_write_restart(answer, "abcd", "0123456789abcdefghijkl", &out);
    CHECK(!out.failed);
    if (out.len <= MAX_SDPFRAG_BYTES &&
        sdpfrag_parse(&again, (struct str){out.p, out.len}, &why) == 0)
        CHECK(str_eq_c(again.ufrag, "abcd"));
    strbuf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct sdpfrag frag;
    struct refusal why;

    if (size <= MAX_SDPFRAG_BYTES / 2)
        write_and_read(text);
    if (sdpfrag_parse(&frag, text, &why) != 0) {
        CHECK(why.text[0] != 0);
        return 0;
    }
    CHECK((frag.ufrag.len == 0) == (frag.pwd.len == 0));
    CHECK(is_inside(frag.ufrag, text) && is_inside(frag.pwd, text));
    CHECK(frag.candidate_count <= MAX_CANDIDATES_PER_REQUEST);
    for (size_t i = 0; i < frag.candidate_count; i++)
        CHECK(is_inside(frag.candidate[i].value, text) && frag.candidate[i].line > 0);
    return 0;
}
