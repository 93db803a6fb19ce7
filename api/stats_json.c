/* SPDX-License-Identifier: Apache-2.0 */
/* stats_json.c - rows of type transport, candidate-pair, local- and remote-candidate, codec, inbound-rtp, outbound-rtp,
 * remote-inbound-rtp. Names that the standard does not have begin with "parley". */
#include "api/stats_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/value_json.h"
#include "core/addr.h"
#include "core/mem.h"
#include "core/timebase.h"

#define STATS_ID_LEN 64

/* ---- names ---- */

static void count_publication(const struct publication *pub, void *arg)
{
    (void)pub;
    (*(size_t *)arg)++;
}

static void add_name(struct stats_names *n, const char *mid, const char *track_id)
{
    struct stats_name *name = &n->name[n->count++];

    (void)snprintf(name->mid, sizeof(name->mid), "%s", mid);
    (void)snprintf(name->track_id, sizeof(name->track_id), "%s", track_id);
}

static void add_publication(const struct publication *pub, void *arg)
{
    add_name(arg, pub->mid, pub->id);
}

void stats_names_init(struct stats_names *n, struct participant *p)
{
    const struct slot_info *slot;
    size_t slots = participant_slots(p, &slot), publications = 0;

    participant_each_publication(p, count_publication, &publications);
    *n = (struct stats_names){.name = mem_alloc_array(slots + publications + 1, sizeof(*n->name))};
    /* Publications first: a section that does both has two names, told apart by the kind of row. */
    participant_each_publication(p, add_publication, n);
    for (size_t i = 0; i < slots; i++)
        add_name(n, slot[i].mid, slot[i].publication ? slot[i].publication->id : "");
}

void stats_names_fini(struct stats_names *n)
{
    MEM_FREE(n->name);
}

/* The first name of the section for what comes in, the last for what goes out. */
static const char *track_of(const struct stats_names *n, const struct sfu_rtp_stats *r)
{
    const char *found = "";

    for (size_t i = 0; i < n->count; i++) {
        if (strcmp(n->name[i].mid, r->mid) != 0)
            continue;
        found = n->name[i].track_id;
        if (r->kind == SFU_STATS_INBOUND_RTP)
            break;
    }
    return found;
}

/* ---- rows ---- */

struct writer_of_rows {
    json_t *list;
    json_int_t now_ms;
};

static json_t *add_row(struct writer_of_rows *w, const char *id, const char *type)
{
    json_t *row = json_pack("{s:s, s:s, s:I}", "id", id, "type", type, "timestamp", w->now_ms);

    json_array_append_new(w->list, row);
    return row;
}

static void set_count(json_t *row, const char *name, uint64_t value)
{
    json_object_set_new(row, name, json_integer((json_int_t)value));
}

static void set_text(json_t *row, const char *name, const char *value)
{
    if (value[0])
        json_object_set_new(row, name, json_string(value));
}

static void set_real(json_t *row, const char *name, double value)
{
    json_object_set_new(row, name, json_real(value));
}

static void add_candidate(struct writer_of_rows *w, const char *id, const char *type,
                          const struct addr *at, bool is_tcp)
{
    json_t *row = add_row(w, id, type);
    char text[ADDR_TEXT_LEN];

    set_text(row, "address", addr_ip_text(at, text));
    set_count(row, "port", at->port);
    set_text(row, "protocol", is_tcp ? "tcp" : "udp");
    set_text(row, "candidateType", type[0] == 'l' ? "host" : "prflx");
}

static void add_pair(struct writer_of_rows *w, const struct transport_stats *t)
{
    bool is_tcp = t->selected.protocol == PATH_TCP;
    json_t *row = add_row(w, "CP", "candidate-pair");

    set_text(row, "transportId", "T");
    set_text(row, "localCandidateId", "CL");
    set_text(row, "remoteCandidateId", "CR");
    set_text(row, "state", "succeeded");
    json_object_set_new(row, "nominated", json_true());
    set_count(row, "packetsSent", t->packets_sent);
    set_count(row, "packetsReceived", t->packets_received);
    set_count(row, "bytesSent", t->bytes_sent);
    set_count(row, "bytesReceived", t->bytes_received);
    set_count(row, "requestsReceived", t->ice.requests_received);
    set_count(row, "responsesSent", t->ice.responses_sent);
    if (t->estimate_bps != 0)
        set_count(row, "availableOutgoingBitrate", t->estimate_bps);
    if (t->round_trip_us != 0)
        set_real(row, "currentRoundTripTime", (double)t->round_trip_us / (double)US_PER_S);
    if (t->selected.local.family != 0)
        add_candidate(w, "CL", "local-candidate", &t->selected.local, is_tcp);
    else
        set_text(add_row(w, "CL", "local-candidate"), "protocol", is_tcp ? "tcp" : "udp");
    add_candidate(w, "CR", "remote-candidate", &t->selected.remote, is_tcp);
}

/* The words of RTCDtlsTransportState. */
static const char *dtls_state(enum transport_state s)
{
    switch (s) {
    case TRANSPORT_HANDSHAKE:
        return "connecting";
    case TRANSPORT_OPEN:
    case TRANSPORT_FAILED:
        return "connected";
    case TRANSPORT_CLOSED:
        return "closed";
    default:
        return "new";
    }
}

static void add_transport(struct writer_of_rows *w, const struct transport_stats *t)
{
    json_t *row = add_row(w, "T", "transport");

    set_count(row, "packetsSent", t->packets_sent);
    set_count(row, "packetsReceived", t->packets_received);
    set_count(row, "bytesSent", t->bytes_sent);
    set_count(row, "bytesReceived", t->bytes_received);
    set_text(row, "dtlsState", dtls_state(t->state));
    set_text(row, "dtlsCipher", t->dtls_cipher);
    set_text(row, "iceRole", "controlled");
    set_count(row, "selectedCandidatePairChanges", t->ice.selected_changes);
    if (t->has_path)
        set_text(row, "selectedCandidatePairId", "CP");
    set_count(row, "parleySrtpAuthFailed", t->srtp_auth_failed);
    set_count(row, "parleySrtpReplayed", t->srtp_replayed);
    set_count(row, "parleyRtcpMalformed", t->rtcp_malformed);
    set_count(row, "parleyIceBadIntegrity", t->ice.bad_integrity);
    if (t->has_path)
        add_pair(w, t);
}

/* One row a codec and payload type and direction. */
static void add_codec(struct writer_of_rows *w, const struct sfu_rtp_stats *r,
                      char id[STATS_ID_LEN])
{
    char mime[32];
    size_t i;
    json_t *row;

    (void)snprintf(id, STATS_ID_LEN, "C%c%u", r->kind == SFU_STATS_INBOUND_RTP ? 'I' : 'O', r->pt);
    json_array_foreach(
        w->list, i, row) if (strcmp(json_string_value(json_object_get(row, "id")), id) == 0) return;
    row = add_row(w, id, "codec");
    (void)snprintf(mime, sizeof(mime), "%s/%s", r->media == MEDIA_VIDEO ? "video" : "audio",
                   codec_name(r->codec.id));
    set_text(row, "mimeType", mime);
    set_text(row, "transportId", "T");
    set_count(row, "payloadType", r->pt);
    set_count(row, "clockRate", r->codec.clock_hz);
    if (r->media == MEDIA_AUDIO)
        set_count(row, "channels", r->codec.channels);
    set_text(row, "sdpFmtpLine", r->codec.fmtp);
}

static void set_stream(struct writer_of_rows *w, json_t *row, const struct sfu_rtp_stats *r)
{
    char codec[STATS_ID_LEN];

    set_count(row, "ssrc", r->ssrc);
    set_text(row, "kind", r->media == MEDIA_VIDEO ? "video" : "audio");
    set_text(row, "transportId", "T");
    if (r->codec.id != CODEC_NONE) {
        add_codec(w, r, codec);
        set_text(row, "codecId", codec);
    }
    set_text(row, "mid", r->mid);
    set_text(row, "rid", r->rid);
}

static void set_video(json_t *row, const struct sfu_rtp_stats *r)
{
    set_count(row, "nackCount", r->nack_count);
    if (r->media != MEDIA_VIDEO)
        return;
    set_count(row, "pliCount", r->pli_count);
    set_count(row, "firCount", r->fir_count);
    if (r->frame_width != 0) {
        set_count(row, "frameWidth", r->frame_width);
        set_count(row, "frameHeight", r->frame_height);
    }
}

static void add_inbound(struct writer_of_rows *w, const struct sfu_rtp_stats *r,
                        const char *track_id)
{
    char id[STATS_ID_LEN];
    json_t *row;

    (void)snprintf(id, sizeof(id), "I%s-%" PRIu32, r->mid, r->ssrc);
    row = add_row(w, id, "inbound-rtp");
    set_stream(w, row, r);
    set_text(row, "trackIdentifier", track_id);
    set_count(row, "packetsReceived", r->packets);
    set_count(row, "bytesReceived", r->bytes);
    set_count(row, "retransmittedPacketsReceived", r->retransmitted_packets);
    json_object_set_new(row, "packetsLost", json_integer(r->packets_lost));
    set_real(row, "jitter", r->jitter_s);
    set_video(row, r);
    if (r->media == MEDIA_VIDEO) {
        set_count(row, "framesReceived", r->frames);
        set_count(row, "parleyKeyFramesReceived", r->key_frames);
        set_count(row, "parleyKeyFramesAsked", r->keyframes_asked);
        set_count(row, "parleyKeyFrameRequestsMerged", r->keyframes_merged);
        set_count(row, "parleyChokes", r->chokes);
        set_real(row, "parleyFrameLateness", r->late_s);
    }
    set_count(row, "parleyBitrate", r->bitrate_bps);
}

static void set_layer(json_t *row, const char *name, int layer)
{
    if (layer >= 0)
        set_count(row, name, (uint64_t)layer);
}

static void set_layers(json_t *row, const struct sfu_slot_state *s)
{
    set_layer(row, "spatialLayer", s->spatial);
    set_layer(row, "temporalLayer", s->temporal);
    set_layer(row, "targetSpatialLayer", s->target_spatial);
    set_layer(row, "targetTemporalLayer", s->target_temporal);
    set_text(row, "qualityLimitationReason", limitation_word(s->reason));
}

static void add_outbound(struct writer_of_rows *w, const struct sfu_rtp_stats *r,
                         const char *track_id)
{
    char id[STATS_ID_LEN], remote[STATS_ID_LEN];
    json_t *row;

    (void)snprintf(id, sizeof(id), "O%s-%" PRIu32, r->mid, r->ssrc);
    (void)snprintf(remote, sizeof(remote), "R%s-%" PRIu32, r->mid, r->ssrc);
    row = add_row(w, id, "outbound-rtp");
    set_stream(w, row, r);
    set_text(row, "remoteId", remote);
    set_text(row, "parleyTrackId", track_id);
    set_count(row, "packetsSent", r->packets);
    set_count(row, "bytesSent", r->bytes);
    set_count(row, "retransmittedPacketsSent", r->retransmitted_packets);
    set_video(row, r);
    if (r->media == MEDIA_VIDEO) {
        set_count(row, "framesSent", r->frames);
        set_layers(row, &r->slot);
        set_count(row, "parleyKeyFramesSent", r->key_frames);
    }
    set_count(row, "parleyPacketsDropped", r->packets_dropped);
    set_count(row, "parleyBitrate", r->bitrate_bps);
    row = add_row(w, remote, "remote-inbound-rtp");
    set_stream(w, row, r);
    set_text(row, "localId", id);
    json_object_set_new(row, "packetsLost", json_integer(r->packets_lost));
    set_real(row, "fractionLost", r->fraction_lost);
    set_real(row, "jitter", r->jitter_s);
    if (r->round_trip_time_s > 0)
        set_real(row, "roundTripTime", r->round_trip_time_s);
}

json_t *stats_json(const struct sfu_transport_report *report, const struct stats_names *names)
{
    struct writer_of_rows w = {.list = json_array(),
                               .now_ms = (json_int_t)(timebase_wall_us() / US_PER_MS)};

    add_transport(&w, &report->transport);
    for (size_t i = 0; i < report->rtp_count; i++) {
        const struct sfu_rtp_stats *r = &report->rtp[i];

        if (r->kind == SFU_STATS_INBOUND_RTP)
            add_inbound(&w, r, track_of(names, r));
        else
            add_outbound(&w, r, track_of(names, r));
    }
    return json_pack("{s:o}", "stats", w.list);
}
