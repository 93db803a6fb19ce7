/* SPDX-License-Identifier: Apache-2.0 */
/* value_json.c - one function a value. */
#include "api/value_json.h"

#include "api/json_text.h"
#include "api/mix_json.h"

json_t *json_of_room_brief(const struct room *r)
{
    return json_pack("{s:s, s:o, s:o}", "name", room_name(r), "metadata",
                     json_text_value(room_settings(r)->metadata), "mix", json_of_mix(r));
}

json_t *json_of_room(const struct room *r)
{
    const struct room_settings *settings = room_settings(r);

    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "name", room_name(r), "metadata",
                     json_text_value(settings->metadata), "maxParticipants",
                     (json_int_t)settings->max_participants, "emptyTimeoutMs",
                     (json_int_t)settings->empty_timeout_ms, "createdAt",
                     (json_int_t)room_created_at_ms(r), "participants",
                     (json_int_t)room_participant_count(r), "tracks",
                     (json_int_t)room_publication_count(r), "mix", json_of_mix(r));
}

json_t *json_of_permissions(const struct permissions *p)
{
    json_t *o = json_pack("{s:b, s:b, s:b, s:b}", "publish", p->publish, "subscribe", p->subscribe,
                          "hidden", p->hidden, "admin", p->admin);
    json_t *sources;

    if (p->publish_sources == UINT32_MAX)
        return o;
    sources = json_array();
    for (unsigned s = 0; s < TRACK_SOURCE_COUNT; s++)
        if (p->publish_sources & 1u << s)
            json_array_append_new(sources, json_string(track_source_name(s)));
    json_object_set_new(o, "publishSources", sources);
    return o;
}

json_t *json_of_muted_by(const struct publication *pub)
{
    return pub->muted_by_server      ? json_string("server")
           : pub->muted_by_publisher ? json_string("publisher")
                                     : json_null();
}

json_t *json_of_track(const struct publication *pub)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:b, s:s}", "id", pub->id, "kind",
                     pub->kind == MEDIA_AUDIO ? "audio" : "video", "source",
                     track_source_name(pub->source), "name", pub->name, "muted",
                     publication_is_muted(pub), "mutedBy", json_of_muted_by(pub), "codec",
                     pub->codec == CODEC_NONE ? json_null() : json_string(codec_name(pub->codec)),
                     "simulcast", pub->is_simulcast, "mid", pub->mid);
}

static void add_track(const struct publication *pub, void *arg)
{
    json_array_append_new(arg, json_of_track(pub));
}

json_t *json_of_participant(const struct participant *p)
{
    json_t *tracks = json_array();

    participant_each_publication(p, add_track, tracks);
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:b, s:I, s:o}", "id", participant_id(p),
                     "identity", participant_identity(p), "name", participant_name(p), "metadata",
                     json_text_value(participant_metadata(p)), "joinedAt",
                     (json_int_t)participant_joined_at_ms(p), "permissions",
                     json_of_permissions(participant_permissions(p)), "inMix",
                     participant_in_mix(p), "csrc", (json_int_t)participant_csrc(p), "tracks",
                     tracks);
}

json_t *json_of_slots(const struct slot_info *slot, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        const struct publication *pub = slot[i].publication;

        json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s?, s:s*}", "mid", slot[i].mid,
                                              "kind", slot[i].is_video ? "video" : "audio",
                                              "trackId", pub ? pub->id : NULL, "participantId",
                                              pub ? participant_id(pub->participant) : NULL,
                                              "source", slot[i].source));
    }
    return list;
}

json_t *json_of_speakers(const struct room_speakers *s)
{
    json_t *recent = json_array();

    for (size_t i = 0; i < s->recent_count; i++)
        json_array_append_new(recent, json_string(participant_id(s->recent[i])));
    return json_pack("{s:s?, s:o}", "dominant",
                     s->dominant == NULL ? NULL : participant_id(s->dominant), "recent", recent);
}

const char *limitation_word(enum allocator_reason reason)
{
    switch (reason) {
    case ALLOCATOR_BANDWIDTH:
        return "bandwidth";
    case ALLOCATOR_NOT_WANTED:
        return "notWanted";
    case ALLOCATOR_MUTED:
        return "muted";
    case ALLOCATOR_NOT_SENT:
        return "notSent";
    default:
        return "none";
    }
}

static json_t *json_of_layer(int layer)
{
    return layer < 0 ? json_null() : json_integer(layer);
}

json_t *json_of_slot_states(const struct slot_state_info *slot, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        const struct sfu_slot_state *s = &slot[i].state;

        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:i}", "mid", slot[i].mid, "state",
                      s->is_active ? "active" : "paused", "reason", limitation_word(s->reason),
                      "spatial", json_of_layer(s->spatial), "temporal", json_of_layer(s->temporal),
                      "targetSpatial", json_of_layer(s->target_spatial), "targetTemporal",
                      json_of_layer(s->target_temporal), "width", (int)s->width, "height",
                      (int)s->height));
    }
    return list;
}

json_t *json_of_encodings(const struct encoding_info *encoding, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:b}", "rid", encoding[i].rid, "wanted", encoding[i].is_wanted));
    return list;
}
