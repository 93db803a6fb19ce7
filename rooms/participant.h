/* SPDX-License-Identifier: Apache-2.0 */
/*
 * participant.h - one endpoint's membership in a room: permissions, what it publishes and receives, its negotiation.
 *
 * Owner: its room. Thread: control reactor. The signalling side (api/session) attaches handlers and detaches when its connection
 * is lost; the participant then lives on for the grace period.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/str.h"
#include "rooms/publication.h"
#include "rooms/room_event.h"
#include "rooms/sfu/sfu.h"
#include "transport/sdp.h"

struct participant;
struct room;

struct permissions {
    bool publish, subscribe, hidden, admin, update_metadata;
    uint32_t publish_sources; /* bit per enum track_source; all ones when not restricted */
};

struct participant_params {
    const char *identity; /* required */
    const char *name;     /* NULL: the identity */
    const char *metadata; /* JSON text or NULL */
    struct permissions permissions;
    bool auto_subscribe;
    bool has_last_n; /* automatic video of at most last_n participants (last_n.h) */
    unsigned last_n;
    bool
        has_speaker_audio; /* microphones through speaker_audio moving slots instead of one each (moving.h) */
    unsigned speaker_audio;
    const char *
        subscribe_to_identity; /* automatic subscription is for this participant's tracks; NULL: everybody's */
    bool in_mix;               /* of a mix that is of those with this flag */
    bool
        single_stream; /* all slots share one stream id, so that a player has one stream to show (WHEP) */
};

struct participant_handlers {
    /* Something happened in the room or to this participant. On ROOM_CLOSED it has left already (participant_room() is NULL) and is
     * freed at the end of the turn. A handler may call anything here and in room.h and registry.h. */
    void (*on_event)(struct participant *p, const struct room_event *event, void *arg);
};

/* How the endpoint labels an m-section on which it sends. */
struct track_label {
    const char *mid;
    enum track_source source; /* UNKNOWN: by kind */
    const char *name;         /* NULL: "" */
    bool muted;
};

/* What is to be another than before. */
struct participant_changes {
    const char *name, *metadata; /* NULL: as it was */
    bool has_in_mix, in_mix;
};

/* What an accepted offer led to; borrowed until the next call on the participant. */
struct offer_result {
    const char *answer;
    const struct publication *const *published; /* all that is published now */
    size_t published_count;
    const struct slot_info *slot; /* all slots */
    size_t slot_count;
};

const char *participant_id(const struct participant *p); /* "PA_…" */
const char *participant_identity(const struct participant *p);
const char *participant_name(const struct participant *p);
const char *participant_metadata(const struct participant *p);  /* JSON text or NULL */
uint64_t participant_joined_at_ms(const struct participant *p); /* wall clock */
const struct permissions *participant_permissions(const struct participant *p);
/** Whether it has the flag by which a mix may choose its members. */
bool participant_in_mix(const struct participant *p);
/** What it is called in the lists of contributing sources of mixes (RFC 3550 s5.1): not 0, and unlike all others in its room. */
uint32_t participant_csrc(const struct participant *p);
/** NULL once it left. */
struct room *participant_room(const struct participant *p);
/** The word for its transport: "new" before the first offer. */
const char *participant_transport_state(const struct participant *p);
/** Visit its publications, oldest first; @visit changes none. */
void participant_each_publication(const struct participant *p,
                                  void (*visit)(const struct publication *pub, void *arg),
                                  void *arg);
/** All its slots; borrowed until the next call on the participant. */
size_t participant_slots(struct participant *p, const struct slot_info **out);

/** Take over the event stream (a join or a resume); the former owner's handlers are dropped silently. What a resumed client may have
 * missed of ROOM_SLOTS and ROOM_SLOTS_WANTED is told again. */
void participant_attach(struct participant *p, const struct participant_handlers *handlers,
                        void *arg);
/** The signalling connection is lost: keep the participant for the grace period, or less when consent runs out (or has already: then it
 * leaves in this turn, after the call). Nothing when it left already. */
void participant_detach(struct participant *p, uint64_t now_us);

/**
 * Negotiate: first offer, renegotiation, ICE restart.
 *
 * Labels count for sections that begin to publish with this offer; a source that does not fit the kind is ignored. A new PeerConnection
 * (another certificate, or the transport had closed) replaces all publications and slots.
 *
 * Errors: E_MALFORMED, E_LIMIT, E_UNSUPPORTED with @why (line, sentence): nothing changed. E_STATE: it has left, perhaps because of a
 * handler.
 * Calls:  on_event of others (tracks), not of this participant unless they end it.
 */
MUST_CHECK int participant_offer(struct participant *p, struct str sdp,
                                 const struct track_label *label, size_t label_count,
                                 struct offer_result *result, struct sdp_error *why);
/**
 * Restart ICE without an offer: only credentials change hands. *is_new: false when @remote is what the endpoint has already.
 *
 * Errors: E_STATE: there is no transport, or it is closed for good. E_MALFORMED: only one of ufrag and pwd is another.
 */
MUST_CHECK int participant_restart_ice(struct participant *p, const struct ice_credentials *remote,
                                       struct ice_credentials *local, bool *is_new);
/** The answer to its last offer; NULL before the first. Borrowed until the next. */
const char *participant_answer(const struct participant *p);
/** Take candidate lines of the endpoint: checked only; the lite side learns addresses from checks. Errors: E_MALFORMED. */
MUST_CHECK int participant_trickle(struct participant *p, struct str candidate);
/** Want a track. *mid tells its slot, or NULL when none is free yet. Errors: E_NOT_FOUND, E_DENIED; E_LIMIT: it has all the slots it may
 * have and none is free. Nothing changed then. */
MUST_CHECK int participant_subscribe(struct participant *p, const char *track_id, const char **mid);
/** Want what the @number-th of those who speak says or shows (moving.h); @number is 1 to MAX_MOVING_SOURCES. Errors: E_DENIED, E_LIMIT. */
MUST_CHECK int participant_subscribe_moving(struct participant *p, enum media_kind kind,
                                            unsigned number, const char **mid);
/** Stop wanting that. Errors: E_NOT_FOUND. */
MUST_CHECK int participant_unsubscribe_moving(struct participant *p, enum media_kind kind,
                                              unsigned number);
/** Stop wanting it, and with automatic subscription remember that. Errors: E_NOT_FOUND. */
MUST_CHECK int participant_unsubscribe(struct participant *p, const char *track_id);
/** Want such layers of the video in a slot, whatever flows through it; wish->priority counts with @has_priority. Errors: E_NOT_FOUND (no
 * such slot), E_UNSUPPORTED (it is audio's). */
MUST_CHECK int participant_set_layers(struct participant *p, const char *mid,
                                      const struct sfu_wish *wish, bool has_priority);
/** Mute or unmute one's own track (@by_server false), or another's as administrator. Errors: E_NOT_FOUND, E_DENIED (unmuting what the
 * server muted). */
MUST_CHECK int participant_mute(struct participant *owner, const char *track_id, bool muted,
                                bool by_server);
/** Change what is named, as itself (its permissions count) or @by_server, of which it is told, too. Errors: E_LIMIT (length), E_INVALID
 * (not clean UTF-8), E_DENIED. */
MUST_CHECK int participant_update(struct participant *p, const struct participant_changes *changes,
                                  bool by_server);
/** Ask for statistics of its transport; see sfu_host_read_report(). E_STATE (through the callback) without a transport. */
void participant_read_report(struct participant *p,
                             void (*on_report)(int err, struct sfu_transport_report *report,
                                               void *arg),
                             void *arg);
/** Leave. on_event gets ROOM_CLOSED unless the reason is LEAVE_LEFT; then the others are told, unless the room itself ends; freed at
 * the end of the turn. Nothing when it left already. */
void participant_leave(struct participant **p, enum leave_reason reason);
