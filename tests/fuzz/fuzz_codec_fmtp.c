/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the codec; the rest is two format parameter lists with a newline between them. */
#include "core/check.h"
#include "core/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An answer is the same configuration as what was offered, is supported, and answers itself. */
static void answer(const struct codec *offered)
{
    struct codec answered = *offered, again = *offered;

    CHECK(codec_answer_fmtp(offered, answered.fmtp) == 0);
    CHECK(codec_is_supported(&answered) == codec_is_supported(offered));
    CHECK(codec_is_receivable(&answered) && codec_fits(offered, &answered));
    CHECK(codec_answer_fmtp(&answered, again.fmtp) == 0);
    CHECK(str_eq_c(str_of(again.fmtp), answered.fmtp));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"profile-level-id", "packetization-mode", "apt", "profile"};
    struct codec a = {.clock_hz = 90000, .channels = 1}, b = a;

    if (size < 1)
        return 0;
    a.id = b.id = (enum codec_id)(data[0] % CODEC_COUNT);
    struct str text = {(const char *)data + 1, size - 1};
    (void)codec_find(text, 90000, 1);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str value;
        if (codec_fmtp_get(text, names[i], &value))
            CHECK(value.len == 0 ||
                  (value.p >= text.p && value.p + value.len <= text.p + text.len));
    }

    struct str first = str_cut(&text, '\n');
    if (!str_copy(a.fmtp, sizeof(a.fmtp), first) || !str_copy(b.fmtp, sizeof(b.fmtp), text))
        return 0;
    CHECK(a.id == CODEC_H264 || codec_fits(&a, &b) == codec_fits(&b, &a));
    CHECK(!codec_is_supported(&a) || codec_is_receivable(&a));
    if (codec_is_receivable(&a))
        answer(&a);
    return 0;
}
