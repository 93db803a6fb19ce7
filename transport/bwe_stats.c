/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_stats.c - what the estimator tells of itself. */
#include <inttypes.h>

#include "core/str.h"
#include "transport/bwe_internal.h"

void bwe_read_stats(const struct bwe *b, struct bwe_stats *out)
{
    *out = (struct bwe_stats){
        .target_bps = b->target_bps,
        .estimate_bps = bwe_aimd_bps(&b->aimd),
        .acked_bps = bwe_acked_bps(&b->acked, BWE_ACKED_LONG),
        .sent_bps = b->sent_bps,
        .want_bps = b->plan.want_bps,
        .loss_bound_bps = bwe_loss_bound_bps(&b->loss),
        .remb_bps = b->remb_until_us == 0 ? UINT64_MAX : b->remb_bps,
        .usage = bwe_delay_usage(&b->delay),
        .loss_state = b->loss.state,
        .loss = b->loss.latest,
        .inherent_loss = b->loss.inherent,
        .queue_us = bwe_delay_queue_us(&b->delay),
        .round_trip_us = b->rtt_us,
        .is_draining = bwe_drain_is_on(&b->drain),
        .is_queue_foreign = bwe_drain_is_foreign(&b->drain, b->last_sent_us),
        .is_silent = b->halvings > 0,
        .is_app_limited = bwe_is_app_limited(b),
        .packets_lost = b->packets_lost,
        .feedbacks = b->feedbacks,
        .feedback_duplicates = b->history.stats.duplicates,
        .feedback_unknown = b->history.stats.unknown,
        .packets_forgotten = b->history.stats.forgotten,
        .cuts = b->cuts,
        .silences = b->silences,
        .probes = b->probes,
        .probes_through = b->probes_through,
        .memory_bytes = sizeof(*b) + b->history.capacity * sizeof(b->history.at[0]),
    };
    for (unsigned i = 0; i < BWE_KINDS; i++)
        out->bytes_sent[i] = b->bytes_sent[i];
}

static void add_bps(struct strbuf *out, const char *name, uint64_t bps)
{
    if (bps == UINT64_MAX)
        strbuf_addf(out, " %s=none", name);
    else
        strbuf_addf(out, " %s=%" PRIu64, name, bps / 1000);
}

void bwe_describe(const struct bwe *b, struct strbuf *out)
{
    struct bwe_stats s;

    bwe_read_stats(b, &s);
    strbuf_addf(out, "bwe kb/s: target=%" PRIu64, s.target_bps / 1000);
    add_bps(out, "estimate", s.estimate_bps);
    add_bps(out, "acked", s.acked_bps);
    add_bps(out, "sent", s.sent_bps);
    add_bps(out, "want", s.want_bps);
    add_bps(out, "loss_bound", s.loss_bound_bps);
    strbuf_addf(out, " usage=%s queue_ms=%" PRIu64 " rtt_ms=%" PRIu64, bwe_usage_name(s.usage),
                s.queue_us / 1000, s.round_trip_us / 1000);
    strbuf_addf(out, " loss=%s %.1f%% inherent %.1f%%", bwe_loss_state_name(s.loss_state),
                100 * s.loss, 100 * s.inherent_loss);
    strbuf_addf(out, " cuts=%" PRIu64 " probes=%" PRIu64 "/%" PRIu64 "%s%s%s", s.cuts,
                s.probes_through, s.probes,
                s.is_draining        ? " draining"
                : s.is_queue_foreign ? " foreign-queue"
                                     : "",
                s.is_silent ? " silent" : "", s.is_app_limited ? " app-limited" : "");
}
