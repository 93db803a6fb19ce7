/* SPDX-License-Identifier: Apache-2.0 */
/* totals.c - what all transports of an sfu add up to: counters of those that go are kept, so that no sum ever falls. */
#include <string.h>

#include "core/attr.h"
#include "rooms/sfu/sfu_internal.h"

static void add(struct transport_stats *to, const struct transport_stats *from)
{
#define ADD(member) to->member += from->member
    ADD(ice.requests_received);
    ADD(ice.responses_sent);
    ADD(ice.bad_integrity);
    ADD(ice.malformed);
    ADD(ice.role_conflicts);
    ADD(ice.indications);
    ADD(ice.selected_changes);
    ADD(ice.restarts);
    ADD(packets_received);
    ADD(bytes_received);
    ADD(packets_sent);
    ADD(bytes_sent);
    ADD(srtp_auth_failed);
    ADD(srtp_replayed);
    ADD(srtp_malformed);
    ADD(srtp_before_open);
    ADD(rtcp_malformed);
    ADD(unvalidated_path);
    ADD(rtcp_unknown_ssrc);
    ADD(twcc_feedback_sent);
    ADD(twcc_malformed);
    ADD(twcc_no_memory);
    ADD(twcc_feedback_received);
    ADD(rembs_sent);
    ADD(rembs_received);
    ADD(remb_malformed);
    ADD(remb_no_memory);
    ADD(padding_bytes_sent);
    ADD(probe_packets_sent);
    ADD(paced_packets);
    ADD(pace_dropped);
    ADD(dtls_before_check);
    ADD(send_before_open);
    ADD(send_failed);
#undef ADD
}

static void count_end(struct sfu_totals *t, const char *reason)
{
    size_t i = 0;

    while (i < t->end_count && strcmp(t->end[i].reason, reason) != 0)
        i++;
    if (i == t->end_count && i < SFU_MAX_TRANSPORT_ENDS)
        t->end[t->end_count++].reason = reason;
    t->end[MIN(i, (size_t)SFU_MAX_TRANSPORT_ENDS - 1)].count++;
}

static void count_profile(struct sfu_totals *t, enum srtp_profile profile)
{
    switch (profile) {
    case SRTP_PROFILE_AES128_CM_SHA1_80:
        t->srtp_negotiated[SFU_SRTP_CM_SHA1_80]++;
        break;
    case SRTP_PROFILE_AEAD_AES_128_GCM:
        t->srtp_negotiated[SFU_SRTP_GCM_128]++;
        break;
    case SRTP_PROFILE_AEAD_AES_256_GCM:
        t->srtp_negotiated[SFU_SRTP_GCM_256]++;
        break;
    case SRTP_PROFILE_NONE:
        break;
    }
}

void sfu_totals_note_state(struct sfu_transport *st, enum transport_state state, const char *reason)
{
    struct sfu_totals *t = &st->sfu->totals;
    struct transport_stats stats;

    if (state == TRANSPORT_FAILED || state == TRANSPORT_CLOSED)
        count_end(t, reason);
    if (state != TRANSPORT_OPEN || st->was_open)
        return;
    st->was_open = true;
    transport_read_stats(st->tp, &stats);
    count_profile(t, stats.srtp_profile);
}

void sfu_totals_keep(struct sfu_transport *st)
{
    struct transport_stats stats;

    transport_read_stats(st->tp, &stats);
    add(&st->sfu->totals.transport, &stats);
}

void sfu_read_totals(const struct sfu *s, struct sfu_totals *out)
{
    *out = s->totals;
    LIST_EACH(&s->transports, struct sfu_transport, node, st) {
        struct transport_stats stats;

        transport_read_stats(st->tp, &stats);
        add(&out->transport, &stats);
        out->transports_in_state[stats.state]++;
    }
}
