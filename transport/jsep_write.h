/* SPDX-License-Identifier: Apache-2.0 */
/* jsep_write.h - the text of an answer. Pure. */
#pragma once

#include <stdint.h>

#include "transport/jsep.h"
#include "transport/jsep_bundle.h"
#include "transport/sdp.h"

struct strbuf;

/* What was decided; all borrowed. */
struct jsep_answer {
    const struct sdp *offer;
    const struct jsep_config *config;
    const struct jsep_bundle *bundle;
    const struct jsep_result *result;
    uint64_t session_id, session_version;
};

/** Append the answer; @out tells when it did not fit. */
void jsep_write_answer(const struct jsep_answer *a, struct strbuf *out);
