/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "api/stats_json.h"
#include "core/attr.h"

static struct stats_name names_of_sections[] = {{"0", "TR_camera"}, {"1", ""}, {"0", "TR_slot"}};
static const struct stats_names names = {.count = 3, .name = names_of_sections};

static struct sfu_rtp_stats streams[] = {
    {.kind = SFU_STATS_INBOUND_RTP,
     .mid = "0",
     .rid = "h",
     .media = MEDIA_VIDEO,
     .codec = {.id = CODEC_VP8, .clock_hz = 90000, .channels = 1},
     .pt = 96,
     .ssrc = 1234,
     .packets = 10,
     .bytes = 1000,
     .packets_lost = -1,
     .jitter_s = 0.25,
     .pli_count = 2,
     .frames = 5,
     .frame_width = 640,
     .frame_height = 480},
    {.kind = SFU_STATS_OUTBOUND_RTP,
     .mid = "0",
     .media = MEDIA_AUDIO,
     .codec = {.id = CODEC_OPUS, .clock_hz = 48000, .channels = 2, .fmtp = "useinbandfec=1"},
     .pt = 111,
     .ssrc = 99,
     .packets = 7,
     .fraction_lost = 0.5,
     .round_trip_time_s = 0.125},
    {.kind = SFU_STATS_OUTBOUND_RTP,
     .mid = "1",
     .media = MEDIA_VIDEO,
     .ssrc = 98,
     .slot = {.reason = ALLOCATOR_BANDWIDTH,
              .spatial = -1,
              .temporal = -1,
              .target_spatial = 2,
              .target_temporal = 1}},
};

static json_t *rows_of(const struct sfu_transport_report *report)
{
    json_t *all = stats_json(report, &names), *rows = json_incref(json_object_get(all, "stats"));

    json_decref(all);
    return rows;
}

static const json_t *row(const json_t *rows, const char *id)
{
    const json_t *item;
    size_t i;

    json_array_foreach(rows, i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "id")), id) == 0)
            return item;
    }
    fail_msg("no row %s", id);
    return NULL;
}

static void check_text(const json_t *r, const char *name, const char *expected)
{
    const char *value = json_string_value(json_object_get(r, name));

    if (expected == NULL)
        assert_null(value);
    else
        assert_string_equal(value, expected);
}

static void check_number(const json_t *r, const char *name, double expected)
{
    assert_true(json_is_number(json_object_get(r, name)));
    assert_true(json_number_value(json_object_get(r, name)) == expected);
}

static void streams_have_w3c_names(void **state)
{
    const struct sfu_transport_report report = {
        .transport = {.state = TRANSPORT_OPEN,
                      .has_path = true,
                      .selected = {.remote = {.ip = {192, 0, 2, 9}, .port = 5000, .family = 4},
                                   .protocol = PATH_TCP},
                      .bytes_sent = 77,
                      .estimate_bps = 250000,
                      .round_trip_us = 20000},
        .rtp = streams,
        .rtp_count = ARRAY_LEN(streams),
    };
    json_t *rows = rows_of(&report);
    const json_t *in = row(rows, "I0-1234"), *out = row(rows, "O0-99"),
                 *remote = row(rows, "R0-99");

    (void)state;
    check_text(in, "type", "inbound-rtp");
    check_text(in, "trackIdentifier", "TR_camera");
    check_text(in, "rid", "h");
    check_number(in, "packetsLost", -1);
    check_number(in, "frameWidth", 640);
    check_number(in, "pliCount", 2);
    check_text(row(rows, json_string_value(json_object_get(in, "codecId"))), "mimeType",
               "video/VP8");
    check_text(out, "type", "outbound-rtp");
    check_text(out, "parleyTrackId", "TR_slot");
    check_number(out, "packetsSent", 7);
    assert_null(json_object_get(out, "pliCount"));
    check_text(row(rows, json_string_value(json_object_get(out, "codecId"))), "sdpFmtpLine",
               "useinbandfec=1");
    check_text(remote, "localId", "O0-99");
    check_number(remote, "fractionLost", 0.5);
    check_number(remote, "roundTripTime", 0.125);
    check_text(row(rows, "O1-98"), "parleyTrackId", NULL);
    assert_null(json_object_get(row(rows, "R1-98"), "roundTripTime"));
    check_text(row(rows, "O1-98"), "qualityLimitationReason", "bandwidth");
    assert_null(json_object_get(row(rows, "O1-98"), "spatialLayer"));
    check_number(row(rows, "O1-98"), "targetSpatialLayer", 2);
    check_number(row(rows, "O1-98"), "targetTemporalLayer", 1);
    assert_null(json_object_get(out, "qualityLimitationReason"));
    check_number(row(rows, "CP"), "currentRoundTripTime", 0.02);
    check_number(row(rows, "CP"), "availableOutgoingBitrate", 250000);
    check_text(row(rows, "CR"), "address", "192.0.2.9");
    check_text(row(rows, "CR"), "protocol", "tcp");
    check_text(row(rows, "T"), "dtlsState", "connected");
    check_text(row(rows, "T"), "selectedCandidatePairId", "CP");
    json_decref(rows);
}

static void ids_are_unique_and_every_row_is_whole(void **state)
{
    const struct sfu_transport_report report = {.rtp = streams, .rtp_count = ARRAY_LEN(streams)};
    json_t *rows = rows_of(&report), *seen = json_object();
    const json_t *item;
    size_t i;

    (void)state;
    json_array_foreach(rows, i, item)
    {
        const char *id = json_string_value(json_object_get(item, "id"));

        assert_non_null(id);
        assert_null(json_object_get(seen, id));
        json_object_set_new(seen, id, json_true());
        assert_true(json_is_string(json_object_get(item, "type")));
        assert_true(json_is_integer(json_object_get(item, "timestamp")));
    }
    check_text(row(rows, "T"), "dtlsState", "new");
    check_text(row(rows, "T"), "selectedCandidatePairId", NULL);
    json_decref(seen);
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_have_w3c_names),
        cmocka_unit_test(ids_are_unique_and_every_row_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
