/* SPDX-License-Identifier: Apache-2.0 */
/* grants.c - the claims' names and types, one row each, for tokens and for the command line alike. */
#include "api/grants.h"

#include <string.h>

#include "api/json_text.h"
#include "core/err.h"
#include "core/mem.h"

/* The yes-or-no grants under "video". */
static const struct {
    const char *name;
    size_t offset; /* of a bool in struct grants */
} flags[] = {
    {"roomJoin", offsetof(struct grants, room_join)},
    {"roomAdmin", offsetof(struct grants, room_admin)},
    {"roomCreate", offsetof(struct grants, room_create)},
    {"roomList", offsetof(struct grants, room_list)},
    {"canPublish", offsetof(struct grants, permissions.publish)},
    {"canSubscribe", offsetof(struct grants, permissions.subscribe)},
    {"canUpdateOwnMetadata", offsetof(struct grants, permissions.update_metadata)},
    {"hidden", offsetof(struct grants, permissions.hidden)},
};

#define ALL_SOURCES UINT32_MAX
#define SOURCES "canPublishSources"

static bool *flag_of(struct grants *g, size_t i)
{
    return (bool *)(void *)((char *)g + flags[i].offset);
}

void auth_grants_init(struct grants *g)
{
    *g = (struct grants){
        .permissions = {.publish = true, .subscribe = true, .publish_sources = ALL_SOURCES}};
}

void auth_grants_init_dev(struct grants *g)
{
    auth_grants_init(g);
    g->room_join = g->room_create = g->room_list = g->room_admin = true;
    g->permissions.update_metadata = g->permissions.admin = true;
}

/* LiveKit's words and ours. */
static uint32_t source_bit(const char *word)
{
    enum track_source s = strcmp(word, "screen_share") == 0         ? TRACK_SOURCE_SCREEN
                          : strcmp(word, "screen_share_audio") == 0 ? TRACK_SOURCE_SCREEN_AUDIO
                                                                    : track_source_of(word);

    return s == TRACK_SOURCE_COUNT ? 0 : 1u << s;
}

/* ---- from claims ---- */

static int take_text(const json_t *object, const char *name, char *out, size_t size,
                     struct refusal *why)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return refuse(why, E_AUTH, "token", "the token's %s is not a text", name);
    if (!str_copy(out, size, (struct str){json_string_value(value), json_string_length(value)}))
        return refuse(why, E_AUTH, "token", "the token's %s is longer than %zu bytes", name,
                      size - 1);
    return 0;
}

/* LiveKit's libraries have text here, which often is JSON itself: then that is meant. */
static int take_metadata(const json_t *claims, struct grants *g, struct refusal *why)
{
    const json_t *value = json_object_get(claims, "metadata");
    const char *text = json_string_value(value);
    json_t *inner = NULL;
    struct refusal unused;
    char *written;
    size_t len;
    int err = 0;

    if (value == NULL || json_is_null(value) || (text != NULL && text[0] == 0))
        return 0;
    if (text != NULL && json_text_read(&inner, str_of(text), &unused) == 0)
        value = inner;
    written = json_text_write(value, &len);
    if (written == NULL || !str_copy(g->metadata, sizeof(g->metadata), (struct str){written, len}))
        err = refuse(why, E_AUTH, "token", "the token's metadata is longer than %d bytes",
                     MAX_METADATA_BYTES);
    mem_free(written);
    json_decref(inner);
    return err;
}

static int take_flags(const json_t *video, struct grants *g, struct refusal *why)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        const json_t *value = json_object_get(video, flags[i].name);

        if (value == NULL || json_is_null(value))
            continue;
        if (!json_is_boolean(value))
            return refuse(why, E_AUTH, "token", "the token's video.%s is not true or false",
                          flags[i].name);
        *flag_of(g, i) = json_is_true(value);
    }
    return 0;
}

static int take_sources(const json_t *video, struct grants *g, struct refusal *why)
{
    const json_t *list = json_object_get(video, SOURCES), *item;
    size_t i;

    if (list == NULL || json_is_null(list) || (json_is_array(list) && json_array_size(list) == 0))
        return 0;
    if (!json_is_array(list))
        return refuse(why, E_AUTH, "token", "the token's video." SOURCES " is not a list");
    g->permissions.publish_sources = 0;
    json_array_foreach(list, i, item)
    {
        const char *word = json_string_value(item);

        g->permissions.publish_sources |=
            word ? source_bit(word) : 0; /* a source that we do not know allows nothing */
    }
    return 0;
}

int grants_from_claims(const json_t *claims, struct grants *out, struct refusal *why)
{
    const json_t *video = json_object_get(claims, "video");
    struct grants g;
    int err;

    auth_grants_init(&g);
    if (video != NULL && !json_is_object(video))
        return refuse(why, E_AUTH, "token", "the token's video is not an object");
    err = take_text(claims, "sub", g.identity, sizeof(g.identity), why);
    if (err == 0)
        err = take_text(claims, "name", g.name, sizeof(g.name), why);
    if (err == 0)
        err = take_metadata(claims, &g, why);
    if (err == 0)
        err = take_text(video, "room", g.room, sizeof(g.room), why);
    if (err == 0)
        err = take_flags(video, &g, why);
    if (err == 0)
        err = take_sources(video, &g, why);
    if (err != 0)
        return err;
    g.permissions.admin = g.room_admin;
    *out = g;
    return 0;
}

/* ---- to claims ---- */

static json_t *sources_list(uint32_t bits)
{
    json_t *list = json_array();

    for (unsigned s = 0; s < TRACK_SOURCE_COUNT; s++)
        if (bits & 1u << s)
            json_array_append_new(list, json_string(s == TRACK_SOURCE_SCREEN ? "screen_share"
                                                    : s == TRACK_SOURCE_SCREEN_AUDIO
                                                        ? "screen_share_audio"
                                                        : track_source_name(s)));
    return list;
}

json_t *grants_to_claims(const struct grants *g, struct str key, uint64_t now_s, uint64_t ttl_s)
{
    struct grants plain, copy = *g;
    json_t *video = json_object(), *claims = json_object();

    auth_grants_init(&plain);
    json_object_set_new(claims, "iss", json_stringn(key.p, key.len));
    json_object_set_new(claims, "nbf", json_integer((json_int_t)now_s));
    json_object_set_new(claims, "exp", json_integer((json_int_t)(now_s + ttl_s)));
    if (g->identity[0])
        json_object_set_new(claims, "sub", json_string(g->identity));
    if (g->name[0])
        json_object_set_new(claims, "name", json_string(g->name));
    if (g->metadata[0])
        json_object_set_new(claims, "metadata", json_string(g->metadata));
    if (g->room[0])
        json_object_set_new(video, "room", json_string(g->room));
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (*flag_of(&copy, i) != *flag_of(&plain, i))
            json_object_set_new(video, flags[i].name, json_boolean(*flag_of(&copy, i)));
    if (g->permissions.publish_sources != ALL_SOURCES)
        json_object_set_new(video, SOURCES, sources_list(g->permissions.publish_sources));
    json_object_set_new(claims, "video", video);
    return claims;
}

/* ---- from the command line ---- */

static int set_sources(struct grants *g, struct str list, struct refusal *why)
{
    g->permissions.publish_sources = 0;
    while (list.len > 0) {
        struct str item = str_cut(&list, ',');
        char word[32];
        uint32_t bit = str_copy(word, sizeof(word), item) ? source_bit(word) : 0;

        if (bit == 0)
            return refuse(why, E_INVALID, SOURCES,
                          "%.*s is not a source: camera, microphone, screen or screenAudio",
                          (int)MIN(item.len, 60), item.p);
        g->permissions.publish_sources |= bit;
    }
    return 0;
}

int auth_set_grant(struct grants *g, const char *word, struct refusal *why)
{
    struct str value = str_of(word), name = str_cut(&value, '=');
    bool is_off = str_eq_c(value, "false"), is_on = value.len == 0 || str_eq_c(value, "true");

    if (str_eq_c(name, SOURCES))
        return set_sources(g, value, why);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (!str_eq_c(name, flags[i].name))
            continue;
        if (!is_on && !is_off)
            return refuse(why, E_INVALID, flags[i].name, "%s is true or false", flags[i].name);
        *flag_of(g, i) = is_on;
        g->permissions.admin = g->room_admin;
        return 0;
    }
    return refuse(
        why, E_INVALID, NULL,
        "%.*s is not a grant: roomJoin, roomAdmin, roomCreate, roomList, canPublish, canSubscribe, "
        "canUpdateOwnMetadata, hidden or canPublishSources=…",
        (int)MIN(name.len, 60), name.p);
}
