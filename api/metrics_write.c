/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_write.c - the families, in the order in which they are shown. A media worker's figures are rows of a table: rows that
 * follow each other under one name are one family. docs/operations.md explains each.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/metrics.h"
#include "api/metrics_text.h"
#include "api/version.h"
#include "core/limits.h"

#define MAX_RECV_CALL 64 /* datagrams that one system call takes: the highest bucket */

/* ---- one figure of the process ---- */

static void add_number(struct strbuf *out, const char *name, enum metric_type type,
                       const char *help, uint64_t value)
{
    metrics_text_family(out, name, type, help);
    metrics_text_number(out, name, NULL, 0, value);
}

static void add_seconds(struct strbuf *out, const char *name, enum metric_type type,
                        const char *help, uint64_t value_us)
{
    metrics_text_family(out, name, type, help);
    metrics_text_seconds(out, name, NULL, 0, value_us);
}

static void add_known(struct strbuf *out, const char *name, const char *help, uint64_t value)
{
    if (value != 0)
        add_number(out, name, METRIC_GAUGE, help, value);
}

static void write_process(const struct metrics_snapshot *s, struct strbuf *out)
{
    const struct metric_label version = {"version", PARLEY_VERSION};

    metrics_text_family(out, "parley_build_info", METRIC_GAUGE, "Version of the program.");
    metrics_text_number(out, "parley_build_info", &version, 1, 1);
    add_seconds(out, "process_start_time_seconds", METRIC_GAUGE, "Start, in seconds since 1970.",
                s->start_time_us);
    add_seconds(out, "process_cpu_seconds_total", METRIC_COUNTER, "Processor time of all threads.",
                s->cpu_us);
    add_known(out, "process_resident_memory_bytes", "Resident memory.", s->resident_bytes);
    add_known(out, "process_virtual_memory_bytes", "Virtual memory.", s->virtual_bytes);
    add_known(out, "process_open_fds", "Open file descriptors.", s->open_fds);
    add_known(out, "process_max_fds", "How many may be open.", s->max_fds);
    add_number(out, "parley_heap_bytes", METRIC_GAUGE,
               "Memory that the server's own code holds; libraries are not in it.", s->heap_bytes);
    add_number(out, "parley_heap_blocks", METRIC_GAUGE, "The same, as pieces.", s->heap_blocks);
}

/* ---- rooms and the API ---- */

static void write_rooms(const struct registry_stats *r, struct strbuf *out)
{
    add_number(out, "parley_draining", METRIC_GAUGE,
               "1 while the server shuts down and admits nobody.", r->is_draining);
    add_number(out, "parley_rooms", METRIC_GAUGE, "Rooms.", r->rooms);
    add_number(out, "parley_rooms_created_total", METRIC_COUNTER, "Rooms that were made.",
               r->rooms_created);
    add_number(out, "parley_participants", METRIC_GAUGE,
               "Participants of all rooms, hidden ones and those that may resume included.",
               r->participants);
    add_number(out, "parley_joins_total", METRIC_COUNTER, "Participants that joined.", r->joins);
}

static void write_http(const struct http_stats *h, struct strbuf *out)
{
    static const char *const class[] = {"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};

    metrics_text_family(out, "parley_http_responses_total", METRIC_COUNTER,
                        "HTTP requests that were answered, by class of the status.");
    for (size_t i = 2; i < ARRAY_LEN(class); i++)
        metrics_text_number(out, "parley_http_responses_total",
                            &(struct metric_label){"class", class[i]}, 1, h->answers[i]);
    add_number(out, "parley_websocket_connections", METRIC_GAUGE, "Open WebSockets.",
               h->websockets);
    add_number(out, "parley_websocket_connections_opened_total", METRIC_COUNTER,
               "WebSockets that opened.", h->websockets_opened);
}

/* ---- media workers ---- */

enum unit { WHOLE, WHOLE_32, SECONDS, BATCHES };

struct row {
    const char *name;
    enum metric_type type;
    const char *help;         /* of the first row of a family */
    const char *label, *word; /* beside the worker; NULL: none */
    enum unit unit;
    size_t offset; /* in struct registry_host_stats */
};

#define AT(member) WHOLE, offsetof(struct registry_host_stats, member)
#define ROW(name, type, help, member)            \
    {                                            \
        name, type, help, NULL, NULL, AT(member) \
    }

#define STATE(word, state)                                                                     \
    {                                                                                          \
        "parley_transports", METRIC_GAUGE,                                                     \
            "Transports by state: one for each endpoint's ICE, DTLS and SRTP.", "state", word, \
            AT(host.sfu.transports_in_state[TRANSPORT_##state])                                \
    }
#define SRTP(word, profile)                                              \
    {                                                                    \
        "parley_srtp_negotiated_total", METRIC_COUNTER,                  \
            "Transports that opened, by SRTP profile.", "profile", word, \
            AT(host.sfu.srtp_negotiated[SFU_SRTP_##profile])             \
    }
#define LOST_IN(reason, member)                                                            \
    {                                                                                      \
        "parley_received_packets_dropped_total", METRIC_COUNTER,                           \
            "Datagrams, or RTP packets, that arrived and were dropped.", "reason", reason, \
            AT(host.member)                                                                \
    }
#define LOST_OUT(reason, member)                                                            \
    {                                                                                       \
        "parley_sent_packets_dropped_total", METRIC_COUNTER, "Packets that were not sent.", \
            "reason", reason, AT(host.member)                                               \
    }
#define ICE(reason, member)                                                       \
    {                                                                             \
        "parley_ice_failed_checks_total", METRIC_COUNTER,                         \
            "STUN messages for a transport that were refused.", "reason", reason, \
            AT(host.sfu.transport.ice.member)                                     \
    }
#define KEYFRAMES(kind, member)                                                                  \
    {                                                                                            \
        "parley_keyframe_requests_total", METRIC_COUNTER,                                        \
            "Keyframe requests: received from subscribers, asked of a publisher's encoding for " \
            "any reason, sent to publishers "                                                    \
            "(repetitions included), merged into one that was under way.",                       \
            "kind", kind, AT(host.sfu.member)                                                    \
    }
#define TCP_ENDED(reason, member)                                                           \
    {                                                                                       \
        "parley_tcp_connections_refused_total", METRIC_COUNTER,                             \
            "TCP connections that were closed at once, or because nothing authentic came.", \
            "reason", reason, AT(host.port.member)                                          \
    }

static const struct row rows[] = {
    ROW("parley_worker_rooms", METRIC_GAUGE, "Rooms of a media worker.", rooms),
    ROW("parley_worker_participants", METRIC_GAUGE, "Participants of a media worker.",
        participants),
    STATE("new", NEW),
    STATE("checking", CHECKING),
    STATE("handshake", HANDSHAKE),
    STATE("open", OPEN),
    STATE("failed", FAILED),
    STATE("closed", CLOSED),
    ROW("parley_transports_created_total", METRIC_COUNTER, "Transports that were made.",
        host.sfu.transports_opened),
    SRTP("AES128_CM_SHA1_80", CM_SHA1_80),
    SRTP("AEAD_AES_128_GCM", GCM_128),
    SRTP("AEAD_AES_256_GCM", GCM_256),
    ROW("parley_tracks", METRIC_GAUGE, "Published tracks.", host.sfu.tracks),
    ROW("parley_subscriptions", METRIC_GAUGE,
        "Sections that tracks can be sent on, those that carry nothing included.",
        host.sfu.subscriptions),

    ROW("parley_received_packets_total", METRIC_COUNTER,
        "Datagrams that transports received: STUN, DTLS, RTP and RTCP.",
        host.sfu.transport.packets_received),
    ROW("parley_received_bytes_total", METRIC_COUNTER, "Their bytes, without UDP and IP headers.",
        host.sfu.transport.bytes_received),
    ROW("parley_sent_packets_total", METRIC_COUNTER, "Datagrams that transports sent.",
        host.sfu.transport.packets_sent),
    ROW("parley_sent_bytes_total", METRIC_COUNTER, "Their bytes, without UDP and IP headers.",
        host.sfu.transport.bytes_sent),
    ROW("parley_rtp_received_packets_total", METRIC_COUNTER, "RTP packets from publishers.",
        host.sfu.packets_in),
    ROW("parley_rtp_forwarded_packets_total", METRIC_COUNTER, "RTP packets to subscribers.",
        host.sfu.packets_forwarded),

    ROW("parley_rtp_resent_packets_total", METRIC_COUNTER,
        "RTP packets that subscribers missed and were sent again.", host.sfu.packets_resent),

    LOST_IN("unknown_path", mux.unknown_path),
    LOST_IN("unknown_ufrag", mux.unknown_ufrag),
    LOST_IN("unclassified", mux.unclassified),
    LOST_IN("plain_binding_request", mux.plain_bindings),
    LOST_IN("no_packet", port.udp.recv_no_packet),
    LOST_IN("too_long", port.udp.recv_too_long),
    LOST_IN("tcp_no_packet", port.tcp_no_packet),
    LOST_IN("tcp_bad_frame", port.tcp_bad_frames),
    LOST_IN("unvalidated_path", sfu.transport.unvalidated_path),
    LOST_IN("dtls_before_check", sfu.transport.dtls_before_check),
    LOST_IN("srtp_before_open", sfu.transport.srtp_before_open),
    LOST_IN("srtp_auth_failed", sfu.transport.srtp_auth_failed),
    LOST_IN("srtp_replayed", sfu.transport.srtp_replayed),
    LOST_IN("srtp_malformed", sfu.transport.srtp_malformed),
    LOST_IN("rtcp_malformed", sfu.transport.rtcp_malformed),
    LOST_IN("rtcp_unknown_ssrc", sfu.transport.rtcp_unknown_ssrc),
    LOST_IN("rtp_unknown_ssrc", sfu.unknown_ssrc),
    LOST_IN("codec_mismatch", sfu.codec_mismatch),
    LOST_IN("replica_unknown", sfu.replica_unknown),
    LOST_OUT("buffer_full", port.udp.send_dropped_full),
    LOST_OUT("error", port.udp.send_errors),
    LOST_OUT("tcp_buffer_full", port.tcp_dropped_full),
    LOST_OUT("before_open", sfu.transport.send_before_open),
    LOST_OUT("encryption", sfu.transport.send_failed),
    LOST_OUT("not_forwarded", sfu.packets_dropped),
    LOST_OUT("worker_behind", sfu.relay_dropped),
    ROW("parley_sent_padding_bytes_total", METRIC_COUNTER,
        "Bytes that made packets of a run equal in length.", host.sfu.transport.padding_bytes_sent),

    ICE("bad_integrity", bad_integrity),
    ICE("malformed", malformed),
    ICE("role_conflict", role_conflicts),
    ROW("parley_ice_checks_total", METRIC_COUNTER, "Connectivity checks received.",
        host.sfu.transport.ice.requests_received),
    ROW("parley_ice_restarts_total", METRIC_COUNTER, "ICE restarts.",
        host.sfu.transport.ice.restarts),
    ROW("parley_ice_path_changes_total", METRIC_COUNTER, "Changes of a selected path.",
        host.sfu.transport.ice.selected_changes),
    KEYFRAMES("received", keyframe_requests_received),
    KEYFRAMES("asked", keyframes_asked),
    KEYFRAMES("sent", keyframes_sent),
    KEYFRAMES("merged", keyframes_merged),
    ROW("parley_starts_from_history_total", METRIC_COUNTER,
        "Starts and switches of subscriptions with a keyframe from before, or one that came by "
        "repair: none was asked for.",
        host.sfu.starts_from_history),
    ROW("parley_descriptors_ignored_total", METRIC_COUNTER,
        "Dependency descriptors cut short, or without the structure that they need.",
        host.sfu.descriptors_ignored),
    ROW("parley_replicas", METRIC_GAUGE, "Tracks of other workers that are received here.",
        host.sfu.replicas),
    ROW("parley_relayed_packets_total", METRIC_COUNTER, "RTP packets handed to other workers.",
        host.sfu.packets_relayed),
    ROW("parley_encodings_choked_total", METRIC_COUNTER,
        "Encodings of a simulcast that their publisher's uplink did not carry any more: viewers "
        "went to a smaller one.",
        host.sfu.encodings_choked),
    ROW("parley_silence_left_out_total", METRIC_COUNTER,
        "RTP packets of digital silence that were handed to nobody.", host.sfu.silence_left_out),
    ROW("parley_keyframes_received_total", METRIC_COUNTER, "Keyframes from publishers.",
        host.sfu.keyframes_received),
    ROW("parley_twcc_feedback_sent_total", METRIC_COUNTER,
        "Transport-wide congestion feedback to publishers.", host.sfu.transport.twcc_feedback_sent),
    ROW("parley_twcc_feedback_received_total", METRIC_COUNTER,
        "Transport-wide congestion feedback from subscribers.",
        host.sfu.transport.twcc_feedback_received),
    ROW("parley_remb_sent_total", METRIC_COUNTER,
        "REMBs to publishers without transport-wide feedback.", host.sfu.transport.rembs_sent),
    ROW("parley_remb_received_total", METRIC_COUNTER, "REMBs from subscribers.",
        host.sfu.transport.rembs_received),

    ROW("parley_tcp_connections", METRIC_GAUGE, "Open TCP connections for media.",
        host.port.tcp_live),
    ROW("parley_tcp_connections_accepted_total", METRIC_COUNTER, "Those that were accepted.",
        host.port.tcp_accepted),
    TCP_ENDED("no_room", tcp_refused),
    TCP_ENDED("unbound_timeout", tcp_unbound_timeouts),
    {"parley_udp_receive_batch_datagrams", METRIC_HISTOGRAM, "Datagrams of one recvmmsg.", NULL,
     NULL, BATCHES, offsetof(struct registry_host_stats, host.port.udp.recv_batch)},
    {"parley_udp_send_batch_messages", METRIC_HISTOGRAM,
     "Messages of one sendmmsg: single datagrams, and runs of them.", NULL, NULL, BATCHES,
     offsetof(struct registry_host_stats, host.port.udp.send_batch)},
    {"parley_udp_gso_datagrams", METRIC_HISTOGRAM,
     "Datagrams of one message that the kernel cut (UDP_SEGMENT).", NULL, NULL, BATCHES,
     offsetof(struct registry_host_stats, host.port.udp.gso_batch)},
    ROW("parley_udp_gso_refused_total", METRIC_COUNTER,
        "Runs that the kernel refused and that left as single datagrams.",
        host.port.udp.gso_refused),
    ROW("parley_udp_queued_datagrams_total", METRIC_COUNTER,
        "Datagrams that waited for room in the kernel's buffer.", host.port.udp.send_queued),
    {"parley_egress_batch_messages", METRIC_HISTOGRAM,
     "Messages that a turn of the loop collected before they were sent.", NULL, NULL, BATCHES,
     offsetof(struct registry_host_stats, host.egress.batch)},
    ROW("parley_egress_forced_flushes_total", METRIC_COUNTER,
        "Batches that were full before the turn ended.", host.egress.forced),
    {"parley_udp_socket_buffer_bytes", METRIC_GAUGE,
     "Buffers that the kernel granted to the UDP sockets, in its count (twice what is for data).",
     "kind", "receive", WHOLE_32, offsetof(struct registry_host_stats, host.port.udp.rcvbuf_bytes)},
    {"parley_udp_socket_buffer_bytes", METRIC_GAUGE, NULL, "kind", "send", WHOLE_32,
     offsetof(struct registry_host_stats, host.port.udp.sndbuf_bytes)},
    ROW("parley_packet_pool_live_packets", METRIC_GAUGE, "Packets in use.", host.pool.live),
    ROW("parley_packet_pool_high_water_packets", METRIC_GAUGE,
        "The most that were in use at a time.", host.pool.high_water),
    ROW("parley_packet_pool_allocated_packets", METRIC_GAUGE, "Packets in memory.",
        host.pool.allocated),
};

/* A worker that did not answer is left out. */
#define EACH_HOST(stats, h)                                                               \
    for (const struct registry_host_stats *h = (stats)->host,                             \
                                          *h##_end = (stats)->host + (stats)->host_count; \
         h < h##_end; h++)                                                                \
        if (h->err == 0)

struct index_text {
    char text[12];
};

static const char *index_of(const struct registry_host_stats *h, struct index_text *t)
{
    (void)snprintf(t->text, sizeof(t->text), "%u", h->index);
    return t->text;
}

static void write_sample(const struct row *row, const struct registry_host_stats *h,
                         struct strbuf *out)
{
    struct index_text t;
    const struct metric_label label[] = {{"worker", index_of(h, &t)}, {row->label, row->word}};
    size_t n = row->label != NULL ? 2 : 1;
    const void *at = (const char *)h + row->offset;

    switch (row->unit) {
    case WHOLE:
        metrics_text_number(out, row->name, label, n, *(const uint64_t *)at);
        break;
    case WHOLE_32:
        metrics_text_number(out, row->name, label, n, *(const uint32_t *)at);
        break;
    case SECONDS:
        metrics_text_seconds(out, row->name, label, n, *(const uint64_t *)at);
        break;
    case BATCHES:
        metrics_text_batches(out, row->name, label, n, at,
                             row->offset == offsetof(struct registry_host_stats, host.egress.batch)
                                 ? MAX_EGRESS_BATCH
                                 : MAX_RECV_CALL);
        break;
    }
}

static void write_hosts(const struct registry_stats *r, struct strbuf *out)
{
    const char *family = "";

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, family) != 0)
            metrics_text_family(out, rows[i].name, rows[i].type, rows[i].help);
        family = rows[i].name;
        EACH_HOST(r, h)
        write_sample(&rows[i], h, out);
    }
}

static void write_ends(const struct registry_stats *r, struct strbuf *out)
{
    static const char name[] = "parley_transport_ends_total";

    metrics_text_family(out, name, METRIC_COUNTER,
                        "Transports that were over, or whose endpoint went silent, in the words of "
                        "the log. Those that the server closed are not among them.");
    EACH_HOST(r, h)
    {
        struct index_text t;

        for (size_t i = 0; i < h->host.sfu.end_count; i++) {
            const struct metric_label label[] = {{"worker", index_of(h, &t)},
                                                 {"reason", h->host.sfu.end[i].reason}};

            metrics_text_number(out, name, label, 2, h->host.sfu.end[i].count);
        }
    }
}

/* ---- loops ---- */

static const struct row loop_rows[] = {
    {"parley_loop_turns_total", METRIC_COUNTER, "Turns of a loop.", NULL, NULL, WHOLE,
     offsetof(struct worker_stats, turns)},
    {"parley_loop_busy_seconds_total", METRIC_COUNTER,
     "Time that a loop did not wait for events: its rate is the load of its thread.", NULL, NULL,
     SECONDS, offsetof(struct worker_stats, busy_us)},
    {"parley_loop_max_lag_seconds", METRIC_GAUGE,
     "The latest that a timer fired past its time since this was read before.", NULL, NULL, SECONDS,
     offsetof(struct worker_stats, max_lag_us)},
};

static void write_loop_sample(const struct row *row, const char *worker,
                              const struct worker_stats *stats, struct strbuf *out)
{
    const struct metric_label label = {"worker", worker};
    const uint64_t *value = (const void *)((const char *)stats + row->offset);

    if (row->unit == SECONDS)
        metrics_text_seconds(out, row->name, &label, 1, *value);
    else
        metrics_text_number(out, row->name, &label, 1, *value);
}

static void write_loops(const struct metrics_snapshot *s, struct strbuf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(loop_rows); i++) {
        metrics_text_family(out, loop_rows[i].name, loop_rows[i].type, loop_rows[i].help);
        write_loop_sample(&loop_rows[i], "control", &s->control, out);
        EACH_HOST(s->registry, h)
        {
            struct index_text t;

            write_loop_sample(&loop_rows[i], index_of(h, &t), &h->host.loop, out);
        }
    }
}

void metrics_write(const struct metrics_snapshot *s, struct strbuf *out)
{
    write_process(s, out);
    write_rooms(s->registry, out);
    write_http(&s->http, out);
    write_loops(s, out);
    write_hosts(s->registry, out);
    write_ends(s->registry, out);
    metrics_write_mixers(s->registry, out);
}
