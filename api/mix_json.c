/* SPDX-License-Identifier: Apache-2.0 */
/* mix_json.c - see mix_json.h. */
#include "api/mix_json.h"

#include <stdio.h>
#include <string.h>

#include "api/value_json.h"
#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "rooms/room_mix.h"

#define MAX_WHY 256

/* ---- what may be said ---- */

static const struct param rectangle_params[] = {
    {"x", PARAM_NUMBER, true, 0, MAX_MIX_WIDTH, NULL, "From the left, in samples of the canvas."},
    {"y", PARAM_NUMBER, true, 0, MAX_MIX_HEIGHT, NULL, "From the top."},
    {"width", PARAM_NUMBER, true, 1, MAX_MIX_WIDTH, NULL, "How wide."},
    {"height", PARAM_NUMBER, true, 1, MAX_MIX_HEIGHT, NULL, "How high."},
    {"z", PARAM_NUMBER, false, 0, 1000, NULL, "Higher ones cover lower ones; 0 when absent."},
    {"place", PARAM_NUMBER, false, 0, MAX_LAYOUT_TILES, NULL,
     "Who is in it, by the order of arrival; screens come first. The rectangle's own place in the "
     "list when absent."},
    {"letterbox", PARAM_BOOL, false, 0, 0, NULL,
     "Show all of the picture, with bars, instead of filling the rectangle."},
    PARAM_END,
};

static const struct param member_params[] = {
    {"identity", PARAM_NAME, true, 1, MAX_IDENTITY_LEN, NULL, "A participant."},
    PARAM_END,
};

static const struct param voice_params[] = {
    {"gainDb", PARAM_SIGNED, false, (uint64_t)ROOM_MIX_MIN_GAIN_DB, ROOM_MIX_MAX_GAIN_DB, NULL,
     "Louder or softer by so many decibels; 0 at first."},
    {"muted", PARAM_BOOL, false, 0, 0, NULL, "Not heard in the mix; false at first."},
    PARAM_END,
};

const struct param mix_params[] = {
    {"width", PARAM_NUMBER, false, MIN_MIX_SIDE, MAX_MIX_WIDTH, NULL,
     "Of the picture, even; 1280 at first."},
    {"height", PARAM_NUMBER, false, MIN_MIX_SIDE, MAX_MIX_HEIGHT, NULL, "Even; 720 at first."},
    {"fps", PARAM_NUMBER, false, 1, MAX_MIX_FPS, NULL, "Pictures a second; 30 at first."},
    {"bitrate", PARAM_NUMBER, false, MIN_MIX_BPS, MAX_MIX_BPS, NULL,
     "Of the largest encoding, in bits a second; 1500000 at first."},
    {"codec", PARAM_TEXT, false, 1, 8, NULL, "`vp8` (at first) or `h264`."},
    {"encodings", PARAM_NUMBER, false, 1, MAX_ENCODINGS, NULL,
     "How many, each half as wide and high as the one before; 1 at first."},
    {"layout", PARAM_TEXT, false, 1, 16, NULL,
     "`grid` (at first), `speaker`, `pip`, `screen` or `custom`. A shared screen takes the stage "
     "in all but `custom`."},
    {"rectangles", PARAM_LIST, false, 0, MAX_LAYOUT_TILES, rectangle_params, "Of `custom`."},
    {"background", PARAM_TEXT, false, 7, 7, NULL, "A colour, `#101418` at first."},
    {"labels", PARAM_BOOL, false, 0, 0, NULL, "Names, and signs for who is muted; true at first."},
    {"who", PARAM_TEXT, false, 1, 8, NULL,
     "`all` (at first): every participant who is not hidden; `flagged`: those of them with "
     "`inMix`; `listed`: those of `members`."},
    {"members", PARAM_LIST, false, 0, MAX_MIX_LISTED, member_params, "With `who: listed`."},
    {"loudest", PARAM_NUMBER, false, 1, MAX_MIX_LOUD, NULL,
     "How many are heard at once; 10 at first."},
    {"voices", PARAM_MAP, false, 0, MAX_MIX_LISTED, voice_params,
     "How loud participants are in the mix, by identity, whether they are there or not. Those that "
     "are not named stay as they were."},
    {"audioBitrate", PARAM_NUMBER, false, MIN_MIX_AUDIO_BPS, MAX_MIX_AUDIO_BPS, NULL,
     "Of the sound for all, in bits a second; 64000 at first."},
    {"mixMinusBitrate", PARAM_NUMBER, false, MIN_MIX_AUDIO_BPS, MAX_MIX_AUDIO_BPS, NULL,
     "Of the sound of each who gets it without his own; 64000 at first."},
    {"mixMinus", PARAM_BOOL, false, 0, 0, NULL,
     "Whoever is in the mix and receives its sound gets it without his own; true at first."},
    PARAM_END,
};

/* ---- reading ---- */

static int read_codec(struct mix_settings *s, const json_t *wanted, struct refusal *why)
{
    const char *codec = schema_text(wanted, "codec");

    if (codec == NULL)
        return 0;
    if (strcmp(codec, "vp8") != 0 && strcmp(codec, "h264") != 0)
        return refuse(why, E_INVALID, "codec", "codec must be vp8 or h264");
    s->codec = codec[0] == 'v' ? CODEC_VP8 : CODEC_H264;
    return 0;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int read_background(struct mix_settings *s, const json_t *wanted, struct refusal *why)
{
    const char *text = schema_text(wanted, "background");
    uint32_t rgb = 0;
    bool is_good = true;

    if (text == NULL)
        return 0;
    for (size_t i = 1; i < 7; i++) {
        int digit = digit_of(text[i]);
        is_good &= text[0] == '#' && digit >= 0;
        rgb = rgb * 16 + (uint32_t)MAX(digit, 0);
    }
    if (!is_good)
        return refuse(why, E_INVALID, "background", "background must be a colour such as #101418");
    s->background_rgb = rgb;
    return 0;
}

static void read_rectangle(struct layout_custom *to, const json_t *from, size_t index)
{
    *to = (struct layout_custom){
        .x = (double)schema_number(from, "x", 0),
        .y = (double)schema_number(from, "y", 0),
        .width = (double)schema_number(from, "width", 0),
        .height = (double)schema_number(from, "height", 0),
        .z = (int)schema_number(from, "z", 0),
        .place = (unsigned)schema_number(from, "place", index),
        .fit = schema_bool(from, "letterbox", false) ? SCALER_LETTERBOX : SCALER_CROP,
    };
}

static int read_layout(struct mix_settings *s, const json_t *wanted, struct refusal *why)
{
    const char *layout = schema_text(wanted, "layout");
    const json_t *item;
    size_t i;

    if (layout != NULL && !layout_kind_find(str_of(layout), &s->layout))
        return refuse(why, E_INVALID, "layout",
                      "layout must be grid, speaker, pip, screen or custom");
    if (!schema_has(wanted, "rectangles"))
        return 0;
    s->customs = 0;
    json_array_foreach(json_object_get(wanted, "rectangles"), i, item)
    {
        read_rectangle(&s->custom[s->customs++], item, i);
    }
    return 0;
}

static const char *const who_words[] = {
    [ROOM_MIX_ALL] = "all", [ROOM_MIX_FLAGGED] = "flagged", [ROOM_MIX_LISTED] = "listed"};

static int read_who(struct room_mix_settings *s, const json_t *wanted, struct refusal *why)
{
    const char *who = schema_text(wanted, "who");
    const json_t *item;
    size_t i = 0;

    while (who != NULL && i < ARRAY_LEN(who_words) && strcmp(who, who_words[i]) != 0)
        i++;
    if (i == ARRAY_LEN(who_words))
        return refuse(why, E_INVALID, "who", "who must be all, flagged or listed");
    if (who != NULL)
        s->who = (enum room_mix_who)i;
    if (!schema_has(wanted, "members"))
        return 0;
    s->listed = 0;
    json_array_foreach(json_object_get(wanted, "members"), i, item)
    {
        if (!str_copy(s->identity[s->listed++], sizeof(s->identity[0]),
                      str_of(schema_text(item, "identity"))))
            return refuse(why, E_INVALID, "members", "an identity is too long");
    }
    return 0;
}

/* Theirs, made where there is none; NULL: there are too many. */
static struct room_mix_voice *voice_of(struct room_mix_settings *s, const char *identity)
{
    struct room_mix_voice *v = s->voice;

    while (v < s->voice + s->voices && strcmp(v->identity, identity) != 0)
        v++;
    if (v == s->voice + ARRAY_LEN(s->voice))
        return NULL;
    if (v == s->voice + s->voices) {
        *v = (struct room_mix_voice){.gain_db = 0};
        CHECK(str_copy(v->identity, sizeof(v->identity), str_of(identity))); /* the caller did */
        s->voices++;
    }
    return v;
}

/* Whoever is as loud as all others needs no place. */
static void drop_plain_voices(struct room_mix_settings *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->voices; i++)
        if (s->voice[i].gain_db != 0 || s->voice[i].is_muted)
            s->voice[kept++] = s->voice[i];
    s->voices = kept;
}

static int read_voices(struct room_mix_settings *s, const json_t *wanted, struct refusal *why)
{
    json_t *voices = json_object_get(wanted, "voices");
    const char *identity;
    json_t *item;

    json_object_foreach(voices, identity, item)
    {
        struct str name = str_of(identity);
        if (name.len == 0 || name.len > MAX_IDENTITY_LEN || !str_is_clean_utf8(name))
            return refuse(why, E_INVALID, "voices",
                          "the names of voices are identities: 1 to %d bytes without control "
                          "characters",
                          MAX_IDENTITY_LEN);
        struct room_mix_voice *v = voice_of(s, identity);
        if (v == NULL)
            return refuse(why, E_INVALID, "voices",
                          "at most %d participants have a voice of their own", MAX_MIX_LISTED);
        v->gain_db = (int)schema_signed(item, "gainDb", v->gain_db);
        v->is_muted = schema_bool(item, "muted", v->is_muted);
    }
    drop_plain_voices(s);
    return 0;
}

/* What @wanted names, over what is in @s. */
static int read(struct room_mix_settings *s, const json_t *wanted, struct refusal *why)
{
    struct mix_settings *m = &s->mix;
    int err;

    m->width = (int)schema_number(wanted, "width", (uint64_t)m->width);
    m->height = (int)schema_number(wanted, "height", (uint64_t)m->height);
    m->fps = (uint32_t)schema_number(wanted, "fps", m->fps);
    m->bitrate_bps = (uint32_t)schema_number(wanted, "bitrate", m->bitrate_bps);
    m->encodings = (unsigned)schema_number(wanted, "encodings", m->encodings);
    m->max_loud = (uint32_t)schema_number(wanted, "loudest", m->max_loud);
    m->audio_bps = (uint32_t)schema_number(wanted, "audioBitrate", m->audio_bps);
    m->personal_bps = (uint32_t)schema_number(wanted, "mixMinusBitrate", m->personal_bps);
    m->has_labels = schema_bool(wanted, "labels", m->has_labels);
    s->is_mix_minus = schema_bool(wanted, "mixMinus", s->is_mix_minus);
    if ((err = read_codec(m, wanted, why)) != 0 || (err = read_background(m, wanted, why)) != 0 ||
        (err = read_layout(m, wanted, why)) != 0 || (err = read_voices(s, wanted, why)) != 0)
        return err;
    return read_who(s, wanted, why);
}

static int explain(int err, const struct strbuf *why_text, struct refusal *why)
{
    switch (err) {
    case 0:
        return 0;
    case E_CONFLICT:
        return refuse(why, err, NULL, "the room is mixed already");
    case E_NOT_FOUND:
        return refuse(why, err, NULL, "the room is not mixed");
    case E_UNSUPPORTED:
        (void)refuse(why, err, NULL, "this server mixes nothing (mixer.threads)");
        why->status = 501;
        return err;
    default:
        return why_text->len > 0 ? refuse(why, err, NULL, "%s", why_text->p)
                                 : refuse_plain(why, err, NULL);
    }
}

int mix_json_check(const json_t *wanted, struct refusal *why)
{
    struct room_mix_settings *s = MEM_NEW(struct room_mix_settings);
    struct strbuf text;

    strbuf_init(&text, MAX_WHY);
    *s = ROOM_MIX_DEFAULTS;
    int err = read(s, wanted, why);
    if (err == 0)
        err = explain(mix_settings_check(&s->mix, &text), &text, why);
    strbuf_fini(&text);
    mem_free(s);
    return err;
}

/* Settings of now, or the defaults, with what @wanted names. */
static int apply(struct room *r, const json_t *wanted, bool is_new, struct refusal *why)
{
    struct room_mix_settings *s = MEM_NEW(struct room_mix_settings);
    const struct room_mix_settings *now = room_mix_settings(r);
    struct strbuf text;

    strbuf_init(&text, MAX_WHY);
    *s = is_new || now == NULL ? ROOM_MIX_DEFAULTS : *now;
    int err = read(s, wanted, why);
    if (err == 0)
        err = explain(is_new ? room_mix_start(r, s, &text) : room_mix_update(r, s, &text), &text,
                      why);
    strbuf_fini(&text);
    mem_free(s);
    return err;
}

int mix_json_start(struct room *r, const json_t *wanted, struct refusal *why)
{
    return apply(r, wanted, true, why);
}

int mix_json_update(struct room *r, const json_t *wanted, struct refusal *why)
{
    return apply(r, wanted, false, why);
}

int mix_json_stop(struct room *r, struct refusal *why)
{
    return explain(room_mix_stop(r), NULL, why);
}

/* ---- writing ---- */

static json_t *rectangles(const struct mix_settings *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->customs; i++) {
        const struct layout_custom *c = &s->custom[i];
        json_array_append_new(list, json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:b}", "x", (int)c->x,
                                              "y", (int)c->y, "width", (int)c->width, "height",
                                              (int)c->height, "z", c->z, "place", (int)c->place,
                                              "letterbox", c->fit == SCALER_LETTERBOX));
    }
    return list;
}

static json_t *members(const struct room_mix_settings *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->listed; i++)
        json_array_append_new(list, json_pack("{s:s}", "identity", s->identity[i]));
    return list;
}

static json_t *voices(const struct room_mix_settings *s)
{
    json_t *all = json_object();

    for (size_t i = 0; i < s->voices; i++) {
        const struct room_mix_voice *v = &s->voice[i];
        json_object_set_new(all, v->identity,
                            json_pack("{s:i, s:b}", "gainDb", v->gain_db, "muted", v->is_muted));
    }
    return all;
}

static json_t *actual(const struct room *r)
{
    unsigned level;
    uint32_t fps;
    int width, height;

    room_mix_actual(r, &level, &fps, &width, &height);
    return json_pack("{s:i, s:i, s:i, s:i}", "level", (int)level, "fps", (int)fps, "width", width,
                     "height", height);
}

static void add_track(const struct publication *pub, void *arg)
{
    json_array_append_new(arg, json_of_track(pub));
}

json_t *json_of_mix(const struct room *r)
{
    const struct room_mix_settings *s = room_mix_settings(r);
    json_t *tracks;
    char background[8];

    if (s == NULL)
        return json_null();
    tracks = json_array();
    participant_each_publication(room_mix_participant(r), add_track, tracks);
    (void)snprintf(background, sizeof(background), "#%06x", s->mix.background_rgb & 0xffffff);
    return json_pack(
        "{s:s, s:o, s:i, s:i, s:i, s:i, s:s, s:i, s:s, s:o, s:s, s:b, s:s, s:o, s:i, s:o, s:i, "
        "s:i, s:b, s:o}",
        "participantId", participant_id(room_mix_participant(r)), "tracks", tracks, "width",
        s->mix.width, "height", s->mix.height, "fps", (int)s->mix.fps, "bitrate",
        (int)s->mix.bitrate_bps, "codec", s->mix.codec == CODEC_VP8 ? "vp8" : "h264", "encodings",
        (int)s->mix.encodings, "layout", layout_kind_name(s->mix.layout), "rectangles",
        rectangles(&s->mix), "background", background, "labels", s->mix.has_labels, "who",
        who_words[s->who], "members", members(s), "loudest", (int)s->mix.max_loud, "voices",
        voices(s), "audioBitrate", (int)s->mix.audio_bps, "mixMinusBitrate",
        (int)s->mix.personal_bps, "mixMinus", s->is_mix_minus, "actual", actual(r));
}

json_t *json_of_mix_stats(const struct mix_stats *s)
{
    static const double ms = 1e-6;

    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, "
        "s:i, s:i, s:i, s:i, s:I, s:I, s:I}",
        "members", (json_int_t)s->members, "inputs", (json_int_t)s->inputs, "packetsReceived",
        (json_int_t)s->packets_in, "packetsSent", (json_int_t)s->packets_out, "bytesSent",
        (json_int_t)s->bytes_out, "framesDecoded", (json_int_t)s->pictures_in, "decodeErrors",
        (json_int_t)s->decode_errors, "keyFramesAsked", (json_int_t)s->keyframes_asked,
        "framesComposed", (json_int_t)s->pictures, "framesEncoded", (json_int_t)s->encoded,
        "framesLate", (json_int_t)s->late, "heard", (json_int_t)s->heard, "personal",
        (json_int_t)s->personal, "decodeMs", (double)s->decode_ns * ms, "composeMs",
        (double)s->compose_ns * ms, "encodeMs", (double)s->encode_ns * ms, "audioMs",
        (double)s->audio_ns * ms, "level", (int)s->level, "fps", (int)s->fps, "width", s->width,
        "height", s->height, "audioPacketsRecovered", (json_int_t)s->recovered, "pictureBytes",
        (json_int_t)s->picture_bytes, "picturesRefused", (json_int_t)s->pictures_refused);
}
