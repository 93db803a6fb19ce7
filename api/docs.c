/* SPDX-License-Identifier: Apache-2.0 */
/* docs.c - the hand-written part of docs/api.md, around the tables of requests and codes. */
#include "api/docs.h"

#include "api/dispatch.h"
#include "api/session.h"
#include "core/attr.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/str.h"

#define MAX_DOCUMENT_BYTES (256 * 1024)

static const char head[] =
    "# The API\n"
    "\n"
    "<!-- Written by `parley api-docs` from the tables in api/. Do not edit: change the tables. "
    "-->\n"
    "\n"
    "Clients talk to the server over one WebSocket, in JSON-RPC 2.0. Operators use REST, which "
    "`openapi.yaml` describes. The\n"
    "SDK in `web/client/` speaks all of this for web pages.\n"
    "\n"
    "## The WebSocket\n"
    "\n"
    "`/ws`, text frames, one JSON object a frame; batches are refused. The subprotocol is "
    "`parley.v1`; a client that asks for\n"
    "none is accepted, too. The client sends requests, the server answers them and sends "
    "notifications. A request without an\n"
    "`id` is carried out and not answered.\n"
    "\n"
    "The server pings every 5 s and hangs up when nothing is heard for 10 s more. A connection "
    "that joins nothing is closed\n"
    "after 15 s. A lost WebSocket keeps the participant for `graceMs`; `resume` takes it up "
    "without touching media.\n"
    "\n"
    "The client always offers, the server always answers. One joins, makes a peer connection with "
    "a sending transceiver for\n"
    "each own track and a receiving one (a *slot*) for each track of the others, offers, and is "
    "connected. For further tracks\n"
    "the server fills free slots (`slots`), or asks for more of them (`slotsWanted`): then the "
    "client offers again. A client\n"
    "that offers `sendrecv` publishes and gets a slot with the same m-section.\n"
    "\n"
    "### Access tokens\n"
    "\n"
    "JSON Web Tokens signed with HS256 and one of `auth.keys`, with LiveKit's claims: `iss` (the "
    "key), `sub` (the identity),\n"
    "`name`, `metadata`, `nbf`, `exp` (required), and `video`: `{room, roomJoin, canPublish, "
    "canSubscribe,\n"
    "canPublishSources, canUpdateOwnMetadata, hidden, roomAdmin, roomCreate, roomList}`. "
    "`canPublish` and `canSubscribe` are\n"
    "true when absent, all others false; without `canPublishSources` every source may be "
    "published. `parley token` makes\n"
    "them. In development mode none is needed, and pages of other web sites are kept out by their "
    "origin.\n"
    "\n"
    "### Values\n"
    "\n"
    "- participant: `{id: \"PA_…\", identity, name, metadata, joinedAt, permissions: {publish, "
    "subscribe, hidden, admin,\n"
    "  publishSources?}, inMix, csrc, tracks: [track…]}`; `metadata` is any JSON value, `joinedAt` "
    "milliseconds since 1970.\n"
    "  With `inMix` it is in a mix of `who: flagged`. `csrc` is a number of 32 bits, the "
    "participant's own in the room: whoever\n"
    "  receives the sound of a mix finds it in the RTP packets' lists of contributing sources "
    "(RFC 3550; `getContributingSources()`\n"
    "  in browsers) while that participant is heard, and with the header extension\n"
    "  `urn:ietf:params:rtp-hdrext:csrc-audio-level` (RFC 6465) how loud.\n"
    "- track: `{id: \"TR_…\", kind: \"audio\"|\"video\", source: "
    "\"camera\"|\"microphone\"|\"screen\"|\"screenAudio\"|\"mix\"|\"unknown\",\n"
    "  name, muted, mutedBy: null|\"publisher\"|\"server\", codec: \"VP8\"|…|null, simulcast, "
    "mid}`; `mid` is the publisher's own\n"
    "  m-section, `codec` is null until media arrives.\n"
    "- slot: `{mid, kind, trackId, participantId, source?}`: an m-section of this client on which "
    "the "
    "server sends; `trackId` is null\n"
    "  while it is empty. What flows through it may change without renegotiation. `source` is "
    "there when it follows who "
    "speaks:\n"
    "  `speaker:1` to `speaker:9`. For audio that is one of those who are heard; a client that "
    "speaks itself hears one "
    "more of the\n"
    "  others in its own place. For video `speaker:1` is the camera of the newest speaker, the "
    "others are those of "
    "speakers before,\n"
    "  who keep their slots; who has not spoken comes last.\n"
    "- mix: the room mixed into one picture and one sound, `null` without: the settings of "
    "`startMix`, `participantId` of\n"
    "  the participant `mix`, who is in no list, his `tracks`, to subscribe to, and `actual: "
    "{level, fps, width, height}`: what\n"
    "  the server can make of it at present (`level` 0: all). Automatic subscription leaves these "
    "tracks alone.\n"
    "\n"
    "## Requests\n"
    "\n";

static const char notifications[] =
    "## Notifications\n"
    "\n"
    "| method | parameters | when |\n"
    "| --- | --- | --- |\n"
    "| `participantJoined` | `{participant}` | |\n"
    "| `participantLeft` | `{participantId, reason}` | reasons as of `closed`, or `left` |\n"
    "| `participantUpdated` | `{participant}` | name, metadata or `inMix` changed |\n"
    "| `trackPublished` | `{participantId, track}` | |\n"
    "| `trackUnpublished` | `{participantId, trackId}` | |\n"
    "| `trackUpdated` | `{participantId, track}` | its `codec` is known, or another |\n"
    "| `trackMuted` | `{participantId, trackId, muted, mutedBy}` | muted or unmuted |\n"
    "| `slots` | `{slots: [slot…]}` | what these slots carry changed |\n"
    "| `slotsWanted` | `{audio, video}` | so many further `recvonly` m-sections are wanted: offer "
    "them |\n"
    "| `slotStates` | `{slots: [{mid, state: \"active\"\\|\"paused\", reason, spatial, temporal, "
    "targetSpatial, targetTemporal, width, height}]}` | what becomes of the video in these slots "
    "changed; a few times a second at most |\n"
    "| `encodingsWanted` | `{trackId, encodings: [{rid, wanted}]}` | to its publisher: which "
    "encodings of a simulcast track anybody wants; at first, all. One that is not wanted need not "
    "be sent |\n"
    "| `subscriptionFailed` | `{trackId, reason: \"codec\"\\|\"limit\"\\|\"denied\", message}` | "
    "the track cannot reach this client |\n"
    "| `speakers` | `{dominant: participantId\\|null, recent: [participantId…]}` | who speaks, or "
    "who spoke lately "
    "(newest first), "
    "changed |\n"
    "| `mixChanged` | `{mix}` | the room's mix began, ended (`null`), has other settings, or "
    "another `actual` |\n"
    "| `transportState` | `{state: "
    "\"new\"\\|\"checking\"\\|\"handshake\"\\|\"open\"\\|\"failed\"\\|\"closed\"}` | on `failed` "
    "offer an ICE "
    "restart |\n"
    "| `closed` | `{reason, message}` | the last message; the WebSocket closes with the code below "
    "|\n"
    "\n"
    "| reason | close code | |\n"
    "| --- | --- | --- |\n";

static const char layers[] = "## Layers\n"
                             "\n"
                             "`setLayers` says what a client wants of the video in a slot, the "
                             "estimate of its bandwidth what "
                             "it can have. `slotStates` tells\n"
                             "the outcome: `spatial` and `temporal` are the layers that flow, "
                             "`null` for none; of a simulcast "
                             "track the spatial layer is the\n"
                             "encoding, counted from the smallest. `targetSpatial` and "
                             "`targetTemporal` are what it is to be "
                             "when the publisher sends it.\n"
                             "\n"
                             "| reason | |\n"
                             "| --- | --- |\n"
                             "| `none` | it is what is wanted |\n"
                             "| `bandwidth` | the way to this client carries no more |\n"
                             "| `notWanted` | this client paused it |\n"
                             "| `muted` | publisher or server muted the track |\n"
                             "| `notSent` | the publisher does not send the layer, or anything |\n"
                             "\n";

static const char errors[] = "\n"
                             "A client does not resume after `closed`; after `shutdown` it may "
                             "join again later. Other close codes: 1000 after `leave`,\n"
                             "1003 for a binary frame, 1008 for a client that does not join or "
                             "sends far too much, 1009 for a message that is too\n"
                             "long, 1013 for one that does not read its messages.\n"
                             "\n"
                             "## Errors\n"
                             "\n"
                             "`{code, message, data: {reason, field?, line?}}`. `message` is a "
                             "sentence for a developer, `reason` a word for programs,\n"
                             "`field` names the parameter (`tracks.0.source`), `line` the line of "
                             "an SDP. `code` is the reason's number, or JSON-RPC's:\n"
                             "-32700 (not JSON), -32600 (not a request), -32601 (no such method), "
                             "-32602 (parameters), -32603 (ours).\n"
                             "\n"
                             "| reason | code | |\n"
                             "| --- | --- | --- |\n";

static const char broadcast[] =
    "\n"
    "## WHIP and WHEP\n"
    "\n"
    "Broadcasters and players that know nothing of the WebSocket publish and play over plain HTTP; "
    "`openapi.yaml` has every status.\n"
    "\n"
    "| request | does |\n"
    "| --- | --- |\n"
    "| `POST /whip/{room}` | publish (RFC 9725): `201`, `Location`, `ETag`, `Link` with STUN and "
    "TURN servers, the answer |\n"
    "| `POST /whep/{room}` | play what the room publishes (draft-ietf-wish-whep), now or later |\n"
    "| `POST /whep/{room}/{identity}` | play what one participant publishes |\n"
    "| `PATCH` of the `Location` | candidates, with `If-Match` and the entity tag: `204`; ICE "
    "restart, with `If-Match: *`: `200` |\n"
    "| `DELETE` of the `Location` | end it |\n"
    "\n"
    "A broadcaster is a participant like any other; the identity is the token's, in development "
    "mode the query's (`?identity=`), else\n"
    "`broadcaster`. The same identity again replaces the session, so that an encoder that lost the "
    "network comes back at once; a bad\n"
    "offer replaces nobody. Viewers are hidden, may share one token, and keep their slots while "
    "the broadcaster is away. A session\n"
    "that does not connect within 30 s ends, one that lost its connection waits `session.grace_ms` "
    "for an ICE restart. The address of\n"
    "a session is a secret: PATCH and DELETE need no token.\n";

static void print_ends(struct strbuf *b)
{
#define X(name, word, code, sentence) \
    strbuf_addf(b, "| `%s` | %d | %s |\n", word, 4000 + (code), sentence);
    SESSION_ENDS(X)
#undef X
}

static void print_errors(struct strbuf *b)
{
#define X(name, value, text) strbuf_addf(b, "| `%s` | %d | %s |\n", #name, value, text);
    E_MAP(X)
#undef X
}

static void print_limits(struct strbuf *b)
{
    strbuf_addf(b,
                "\n## Limits\n\n"
                "| what | how much |\n| --- | --- |\n"
                "| one message or body | %d bytes |\n"
                "| nesting of JSON | %d levels |\n"
                "| requests of one WebSocket | %d a second, three times that at once |\n"
                "| text of one WebSocket | %d bytes a second, four times that at once |\n"
                "| offers of one WebSocket | %d a second, twice that at once |\n"
                "| an SDP | %d bytes |\n"
                "| metadata | %d bytes as JSON |\n"
                "| identity, names, room names | %d bytes of UTF-8 |\n"
                "| tracks of a participant | %d |\n"
                "| slots of a participant | %d |\n"
                "| participants of a room | %d, or fewer (`room.max_participants`) |\n"
                "| WebSockets | %d |\n",
                MAX_JSON_BYTES, MAX_JSON_DEPTH, MAX_REQUESTS_PER_SECOND,
                MAX_REQUEST_BYTES_PER_SECOND, MAX_OFFERS_PER_SECOND, MAX_SDP_BYTES,
                MAX_METADATA_BYTES, MAX_IDENTITY_LEN, MAX_TRACKS_PER_PARTICIPANT,
                MAX_SLOTS_PER_PARTICIPANT, MAX_PARTICIPANTS_PER_ROOM, MAX_WS_CONNECTIONS);
}

void api_docs_print(FILE *to)
{
    struct strbuf b;

    strbuf_init(&b, MAX_DOCUMENT_BYTES);
    strbuf_add(&b, head);
    dispatch_print_docs(&b);
    strbuf_add(&b, layers);
    strbuf_add(&b, notifications);
    print_ends(&b);
    strbuf_add(&b, errors);
    print_errors(&b);
    strbuf_add(&b, broadcast);
    print_limits(&b);
    (void)fwrite(b.p, 1, b.len, to);
    strbuf_fini(&b);
}
