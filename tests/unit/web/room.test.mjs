// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { LocalTrack } from "../../../web/client/local_track.js";
import { Room } from "../../../web/client/room.js";
import { FakeClock, settle } from "./fake_clock.mjs";
import { FakeMediaStreamTrack, FakePeerConnection } from "./fake_peer.mjs";
import { FakeServer, joinResult, refusal } from "./fake_server.mjs";

let clock;
let server;
let room;
let events;
/** Track ids of the server's answers, by mid. */
let ownTracks;

const ann = (tracks) => ({ id: "PA_ann", identity: "ann", name: "Ann", tracks });
const video = (id, changes) => ({ id, kind: "video", source: "camera", muted: false, ...changes });

beforeEach(() => {
  clock = new FakeClock();
  globalThis.MediaStream ??= class {};
  FakePeerConnection.all = [];
  ownTracks = [];
  server = new FakeServer({
    join: () => joinResult(),
    resume: () => joinResult({ slots: [], transportState: "open" }),
    offer: ({ tracks }) => ({ sdp: "answer", tracks: Object.keys(tracks).map((mid) => ({ mid, id: `TR_own${mid}` })), slots: [] }),
  });
  room = new Room({ signal: { WebSocket: server.WebSocket, random: () => 1 }, RTCPeerConnection: FakePeerConnection });
  events = [];
  room.on("participantJoined", ({ name }) => events.push(`joined ${name}`));
  room.on("participantLeft", ({ name }, reason) => events.push(`left ${name} ${reason}`));
  room.on("trackSubscribed", ({ id }) => events.push(`subscribed ${id}`));
  room.on("trackUnsubscribed", ({ id }) => events.push(`unsubscribed ${id}`));
  room.on("connectionStateChanged", (state) => events.push(state));
  room.on("error", ({ code }) => events.push(code));
});

afterEach(() => {
  room.leave();
  clock.restore();
});

const connect = (options = {}) => room.connect({ url: "ws://x/ws", room: "r", name: "Me", ...options });
const pc = () => FakePeerConnection.all.at(-1);
const offers = () => server.requests.filter(({ method }) => method === "offer");
const microphone = () => new LocalTrack(new FakeMediaStreamTrack("audio"));
const camera = () =>
  new LocalTrack(new FakeMediaStreamTrack("video", { height: 720 }), {
    reacquire: async () => new FakeMediaStreamTrack("video", { height: 720 }),
  });

test("the first offer carries own tracks, and slots for what the others publish", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([video("TR_a"), { ...video("TR_b"), kind: "audio", source: "microphone" }])] });
  await connect({ tracks: [microphone(), camera()] });
  await settle();
  assert.equal(offers().length, 1);
  assert.deepEqual(offers()[0].params.tracks, {
    0: { source: "microphone", muted: false },
    1: { source: "camera", muted: false },
  });
  assert.deepEqual(pc().transceivers.map(({ direction }) => direction), ["sendonly", "sendonly", "recvonly", "recvonly"]);
  assert.deepEqual(pc().transceivers[1].sender.sendEncodings.map(({ rid }) => rid), ["q", "h", "f"]);
  assert.deepEqual(room.localTracks.map(({ id }) => id), ["TR_own0", "TR_own1"]);
});

test("a slot binds its track, and another one without a new offer", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([video("TR_a")])] });
  server.handlers.offer = () => ({ sdp: "answer", slots: [{ mid: "0", kind: "video", trackId: "TR_a", participantId: "PA_ann" }] });
  await connect();
  await settle();
  server.notify("trackPublished", { participantId: "PA_ann", track: video("TR_c", { source: "screen" }) });
  server.notify("slots", { slots: [{ mid: "0", kind: "video", trackId: "TR_c", participantId: "PA_ann" }] });
  assert.deepEqual(events.filter((event) => event.includes("TR_")), ["subscribed TR_a", "unsubscribed TR_a", "subscribed TR_c"]);
  const track = room.participants.get("PA_ann").tracks.get("TR_c");
  assert.equal(track.mediaStreamTrack, pc().transceivers[0].receiver.track);
  assert.equal(offers().length, 1);
});

test("a slot may be told before its track", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([video("TR_a")])] });
  await connect();
  await settle();
  server.notify("slots", { slots: [{ mid: "0", kind: "video", trackId: "TR_late" }] });
  server.notify("trackPublished", { participantId: "PA_ann", track: video("TR_late") });
  assert.ok(events.includes("subscribed TR_late"));
});

test("a track's codec is known once its media arrives", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([])] });
  await connect();
  server.notify("trackPublished", { participantId: "PA_ann", track: video("TR_a", { codec: null }) });
  const track = room.participants.get("PA_ann").tracks.get("TR_a");
  assert.equal(track.codec, null);
  server.notify("trackUpdated", { participantId: "PA_ann", track: video("TR_a", { codec: "VP8" }) });
  assert.equal(track.codec, "VP8");
});

test("all slots that are asked for meanwhile are in one offer", async () => {
  await connect();
  server.notify("slotsWanted", { audio: 1, video: 1 });
  server.notify("slotsWanted", { audio: 0, video: 1 });
  await settle();
  assert.equal(offers().length, 1);
  assert.deepEqual(pc().transceivers.map(({ receiver }) => receiver.track.kind).sort(), ["audio", "video", "video"]);
});

test("who came first with nothing to send offers slots when somebody publishes", async () => {
  await connect();
  await settle();
  assert.equal(offers().length, 0);
  server.notify("participantJoined", { participant: ann([]) });
  server.notify("trackPublished", { participantId: "PA_ann", track: video("TR_a") });
  server.notify("trackPublished", { participantId: "PA_ann", track: video("TR_b", { source: "screen" }) });
  await settle();
  assert.equal(offers().length, 1); // for further ones the server asks
  assert.deepEqual(pc().transceivers.map(({ direction }) => direction), ["recvonly"]);
});

test("a first subscription of one's own offers a slot", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([video("TR_a")])] });
  server.handlers.subscribe = () => ({ mid: null });
  await connect({ autoSubscribe: false });
  await room.subscribe(room.participants.get("PA_ann").tracks.get("TR_a"));
  await settle();
  assert.equal(offers().length, 1);
  assert.deepEqual(pc().transceivers.map(({ direction }) => direction), ["recvonly"]);
});

test("no more slots than the server allows", async () => {
  server.handlers.join = () => joinResult({ limits: { maxSlots: 3 } });
  await connect();
  server.notify("slotsWanted", { audio: 2, video: 9 });
  await settle();
  assert.equal(pc().transceivers.length, 3);
});

test("a track that the server does not take fails to publish", async () => {
  server.handlers.offer = () => ({ sdp: "answer", tracks: [], slots: [] });
  await connect();
  await assert.rejects(room.publish(microphone()), { code: "E_DENIED" });
  assert.equal(room.localTracks.length, 0);
});

test("an unpublished section is used again for the same kind of track", async () => {
  await connect();
  const screen = () => new LocalTrack(new FakeMediaStreamTrack("video", { height: 1080 }), { source: "screen", publish: { simulcast: false } });
  const first = await room.publish(screen());
  room.unpublish(first);
  await settle();
  assert.equal(pc().transceivers[0].direction, "inactive");
  assert.equal(first.mediaStreamTrack, null);
  await room.publish(screen());
  assert.equal(pc().transceivers.length, 1);
  assert.equal(pc().transceivers[0].direction, "sendonly");
});

test("muting a microphone keeps it captured, muting a camera gives it back", async () => {
  const [mic, cam] = [microphone(), camera()];
  await connect({ tracks: [mic, cam] });
  await settle();
  const [micMedia, camMedia] = [mic.mediaStreamTrack, cam.mediaStreamTrack];
  await room.setMuted(mic, true);
  await room.setMuted(cam, true);
  assert.equal(micMedia.enabled, false);
  assert.equal(camMedia.readyState, "ended");
  assert.equal(cam.transceiver.sender.track, null);
  await room.setMuted(cam, false);
  assert.equal(cam.transceiver.sender.track, cam.mediaStreamTrack);
  const mutes = server.requests.filter(({ method }) => method === "mute").map(({ params }) => params);
  assert.deepEqual(mutes, [
    { trackId: "TR_own0", muted: true },
    { trackId: "TR_own1", muted: true },
    { trackId: "TR_own1", muted: false },
  ]);
});

test("muted by the server, the user cannot unmute; once lifted, only the user does", async () => {
  const mic = microphone();
  await connect({ tracks: [mic] });
  await settle();
  server.notify("trackMuted", { participantId: "PA_me", trackId: "TR_own0", muted: true, mutedBy: "server" });
  await settle();
  assert.equal(mic.mediaStreamTrack.enabled, false);
  await assert.rejects(room.setMuted(mic, false), { code: "E_DENIED" });
  server.notify("trackMuted", { participantId: "PA_me", trackId: "TR_own0", muted: false, mutedBy: null });
  await settle();
  assert.equal(mic.muted, true);
  assert.deepEqual(server.requests.at(-1), { method: "mute", params: { trackId: "TR_own0", muted: true } });
  await room.setMuted(mic, false);
  assert.equal(mic.mediaStreamTrack.enabled, true);
});

test("a resume leaves the media alone and tells only what changed", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([])] });
  server.handlers.resume = () =>
    joinResult({ participants: [{ id: "PA_bob", identity: "bob", name: "Bob", tracks: [] }], slots: [], transportState: "open" });
  await connect({ tracks: [microphone()] });
  await settle();
  events.length = 0;
  server.cut();
  await clock.advance(1000);
  assert.deepEqual(events, ["reconnecting", "connected", "left Ann left", "joined Bob"]);
  assert.equal(FakePeerConnection.all.length, 1);
  assert.equal(offers().length, 1);
});

test("a mute during the cut is told after the resume", async () => {
  const mic = microphone();
  await connect({ tracks: [mic] });
  await settle();
  server.handlers.resume = () =>
    joinResult({ participant: { id: "PA_me", identity: "me", tracks: [{ id: "TR_own0", kind: "audio", source: "microphone", muted: false }] } });
  server.cut();
  const muted = room.setMuted(mic, true);
  await clock.advance(1000);
  await muted;
  assert.ok(server.requests.some(({ method, params }) => method === "mute" && params.muted));
  assert.equal(mic.muted, true);
});

test("forgotten by the server, it joins afresh and publishes everything again", async () => {
  const mic = microphone();
  await connect({ tracks: [mic] });
  await settle();
  server.handlers.resume = () => {
    throw refusal("E_NOT_FOUND");
  };
  server.handlers.join = () => joinResult({ participant: { id: "PA_me2", identity: "me", name: "Me", tracks: [] } });
  server.cut();
  await clock.advance(2000);
  assert.equal(FakePeerConnection.all.length, 2);
  assert.equal(FakePeerConnection.all[0].connectionState, "closed");
  assert.equal(offers().length, 2);
  assert.equal(mic.id, "TR_own0");
  assert.equal(mic.mediaStreamTrack.readyState, "live");
  assert.equal(room.localParticipant.id, "PA_me2");
});

test("failed media asks for an ICE restart, and says so", async () => {
  await connect({ tracks: [microphone()] });
  await settle();
  pc().setState("connected");
  pc().setState("failed");
  await settle();
  assert.equal(pc().iceRestarts, 1);
  assert.equal(offers().length, 2);
  assert.equal(room.connectionState, "reconnecting");
  pc().setState("connected");
  assert.equal(room.connectionState, "connected");
});

test("the server's word about a failed transport is enough for a restart", async () => {
  await connect({ tracks: [microphone()] });
  await settle();
  pc().setState("connected");
  server.notify("transportState", { state: "failed" });
  assert.equal(pc().iceRestarts, 1);
});

test("leaving stops capture and closes everything", async () => {
  const mic = microphone();
  await connect({ tracks: [mic] });
  await settle();
  const media = mic.mediaStreamTrack;
  room.leave();
  assert.equal(media.readyState, "ended");
  assert.equal(pc().connectionState, "closed");
  assert.equal(room.connectionState, "closed");
  assert.equal(clock.pendingTimers, 0);
});

// ---- quality ----

const slot = (mid, trackId, changes) => ({ mid, kind: "video", trackId, participantId: "PA_ann", ...changes });

test("the server switches encodings that nobody wants off, and on again", async () => {
  const cam = camera();
  await connect({ tracks: [cam] });
  server.notify("encodingsWanted", { trackId: "TR_own0", encodings: [{ rid: "f", wanted: false }] }); // before the answer
  await settle();
  const active = () => pc().transceivers[0].sender.parameters.encodings.filter((one) => one.active).map(({ rid }) => rid);
  assert.deepEqual(active(), ["q", "h"]);
  server.notify("encodingsWanted", { trackId: "TR_own0", encodings: [{ rid: "f", wanted: true }] });
  await settle();
  assert.deepEqual(active(), ["q", "h", "f"]);
  server.notify("encodingsWanted", { trackId: "TR_nobody", encodings: [{ rid: "f", wanted: false }] });
  await settle();
  assert.deepEqual(active(), ["q", "h", "f"]);
});

test("a section with several encodings is given up, one with a single encoding sends again", async () => {
  await connect({ tracks: [microphone()] });
  const first = await room.publish(camera());
  room.unpublish(first);
  await settle();
  await room.publish(camera());
  assert.deepEqual(pc().transceivers.map(({ direction }) => direction), ["sendonly", "stopped", "sendonly"]);
  assert.equal(pc().transceivers[2].sender.parameters.encodings.length, 3);

  const single = () => new LocalTrack(new FakeMediaStreamTrack("video", { height: 180 }));
  const small = await room.publish(single());
  server.notify("encodingsWanted", { trackId: small.id, encodings: [{ rid: null, wanted: false }] });
  await settle();
  room.unpublish(small);
  await settle();
  await room.publish(single());
  await settle();
  assert.equal(pc().transceivers.length, 4);
  assert.deepEqual(pc().transceivers[3].sender.parameters.encodings.map(({ active }) => active), [true]);
});

test("the first section stays: it carries the connection", async () => {
  await connect();
  room.unpublish(await room.publish(camera()));
  await settle();
  await room.publish(camera());
  assert.deepEqual(pc().transceivers.map(({ direction }) => direction), ["inactive", "sendonly"]);
});

test("how a slot is served is the track's state, whichever is told first", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([video("TR_a")])] });
  server.handlers.offer = () => ({ sdp: "answer", slots: [slot("0", "TR_a")] });
  const states = [];
  room.on("trackStateChanged", ({ id, state, reason }, { name }) => states.push(`${name} ${id} ${state} ${reason}`));
  await connect();
  server.notify("slotStates", { slots: [{ mid: "0", state: "paused", reason: "bandwidth", spatial: null, targetSpatial: null }] });
  await settle();
  const track = room.participants.get("PA_ann").tracks.get("TR_a");
  assert.deepEqual([track.state, track.reason], ["paused", "bandwidth"]);
  server.notify("slotStates", { slots: [{ mid: "0", state: "active", reason: "none", spatial: 1, targetSpatial: 2, width: 640, height: 360 }] });
  server.notify("slotStates", { slots: [{ mid: "0", state: "active", reason: "none", spatial: 1, targetSpatial: 2, width: 640, height: 360 }] });
  assert.deepEqual([track.layer.spatial, track.layer.targetSpatial, track.layer.width], [1, 2, 640]);
  assert.deepEqual(states, ["Ann TR_a active none"]);
});

test("quality is told for the slot; a server without layers is asked once", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([video("TR_a")])] });
  server.handlers.offer = () => ({ sdp: "answer", slots: [slot("0", "TR_a")] });
  server.handlers.setLayers = () => {
    throw { code: -32601, message: "no such method" };
  };
  await connect();
  await settle();
  const track = room.participants.get("PA_ann").tracks.get("TR_a");
  track.setQuality("low");
  await clock.advance(300);
  track.setQuality("high");
  await clock.advance(300);
  assert.deepEqual(server.requests.filter(({ method }) => method === "setLayers").map(({ params }) => params), [{ mid: "0", maxSpatial: 0 }]);
  assert.ok(!events.includes("E_UNSUPPORTED"));
});

test("a moving source is one track, whoever it shows", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([video("TR_a"), video("TR_b")])] });
  server.handlers.subscribe = () => ({ mid: null });
  server.handlers.offer = () => ({ sdp: "answer", slots: [slot("0", null, { source: "speaker:1" })] });
  await connect({ autoSubscribe: false });
  const sources = [];
  room.on("sourceSubscribed", ({ movingSource }) => sources.push(movingSource));
  const track = await room.subscribeSource("speaker:1", "video");
  assert.deepEqual(server.requests.at(-1), { method: "subscribe", params: { source: "speaker:1", kind: "video" } });
  await settle();
  assert.deepEqual(sources, ["speaker:1"]);
  assert.equal(track.mediaStreamTrack, pc().transceivers[0].receiver.track);
  assert.equal(track.participant, null);
  const shown = [];
  track.on("currentChanged", (current) => shown.push(current?.id ?? null));
  server.notify("slots", { slots: [slot("0", "TR_a", { source: "speaker:1" })] });
  server.notify("slots", { slots: [slot("0", "TR_b", { source: "speaker:1" })] });
  server.notify("trackUnpublished", { participantId: "PA_ann", trackId: "TR_b" });
  assert.deepEqual(shown, ["TR_a", "TR_b", null]);
  assert.equal(track.mediaStreamTrack, pc().transceivers[0].receiver.track);
  assert.ok(!events.some((event) => event.startsWith("subscribed"))); // Ann's own tracks are not subscribed to

  server.handlers.unsubscribe = () => ({});
  await room.unsubscribeSource(track);
  server.notify("slots", { slots: [slot("0", null)] });
  assert.equal(track.mediaStreamTrack, null);
  assert.deepEqual(room.sourceTracks, []);
});

test("a track may flow in its own slot and in a moving one", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([video("TR_a"), video("TR_b")])] });
  server.handlers.offer = () => ({ sdp: "answer", slots: [slot("0", "TR_a"), slot("1", "TR_a", { source: "speaker:1" })] });
  await connect();
  await settle();
  const track = room.participants.get("PA_ann").tracks.get("TR_a");
  assert.equal(track.transceiver.mid, "0");
  assert.equal(room.sourceTracks[0].transceiver.mid, "1");
  assert.equal(room.sourceTracks[0].current, track);
});

test("a source that the server does not know is refused", async () => {
  server.handlers.subscribe = () => {
    throw refusal("E_INVALID");
  };
  await connect();
  await assert.rejects(room.subscribeSource("speaker:1", "audio"), { code: "E_INVALID" });
  assert.deepEqual(room.sourceTracks, []);
});

test("sources are asked for again after a fresh join", async () => {
  server.handlers.subscribe = () => ({ mid: null });
  await connect({ tracks: [microphone()] });
  await room.subscribeSource("speaker:2", "audio");
  await settle();
  server.handlers.resume = () => {
    throw refusal("E_NOT_FOUND");
  };
  server.cut();
  await clock.advance(2000);
  const asked = server.requests.filter(({ method }) => method === "subscribe");
  assert.deepEqual(asked.map(({ params }) => params.source), ["speaker:2", "speaker:2"]);
});

test("the server's word about who leads holds", async () => {
  server.handlers.join = () => joinResult({ participants: [ann([])] });
  const told = [];
  room.on("speakersChanged", (dominant, recent) => told.push([dominant?.name ?? null, ...recent.map(({ name }) => name)]));
  await connect();
  server.notify("speakers", { dominant: "PA_ann", recent: ["PA_ann", "PA_me", "PA_gone"] });
  server.notify("speakers", { dominant: null, recent: ["PA_ann"] });
  assert.deepEqual(told, [["Ann", "Ann", "Me"], [null, "Ann"]]);
});

test("join options about what to receive reach the server", async () => {
  await connect({ lastN: 4, speakerAudio: 3 });
  const { lastN, speakerAudio } = server.requests[0].params;
  assert.deepEqual([lastN, speakerAudio], [4, 3]);
});

test("statistics come at a steady pace, and end with the call", async () => {
  const samples = [];
  room.on("stats", (sample) => samples.push(sample));
  await connect({ tracks: [microphone()] });
  await settle();
  await clock.advance(4100);
  assert.equal(samples.length, 2);
  room.setStatsPeriod(1000);
  await clock.advance(3100);
  assert.equal(samples.length, 5);
  room.leave();
  await clock.advance(5000);
  assert.equal(samples.length, 5);
});

test("the mix of a room is known, told of, and subscribed to", async () => {
  const mix = (changes) => ({
    participantId: "PA_mix",
    tracks: [video("TR_mv", { source: "mix" }), { ...video("TR_ma", { source: "mix" }), kind: "audio" }],
    layout: "grid",
    ...changes,
  });
  server.handlers.join = () => joinResult({ room: { name: "r", mix: mix() } });
  server.handlers.subscribe = () => ({ mid: null });
  server.handlers.startMix = () => ({});
  room.on("mixChanged", (now) => events.push(`mix ${now?.settings.layout ?? "ends"}`));
  await connect();
  await settle();
  const [picture] = room.mix.tracks;
  assert.equal(picture.participant.identity, "mix");
  assert.equal(room.participants.size, 0);
  await room.subscribe(picture);
  assert.ok(server.requests.some(({ method, params }) => method === "subscribe" && params.trackId === "TR_mv"));
  await settle();
  server.notify("slots", { slots: [{ mid: "0", kind: "video", trackId: "TR_mv", participantId: "PA_mix" }] });
  await settle();
  assert.ok(events.includes("subscribed TR_mv"), events.join());
  server.notify("mixChanged", { mix: mix({ layout: "pip" }) });
  assert.equal(room.mix.tracks[0], picture);
  server.notify("mixChanged", { mix: mix({ tracks: [video("TR_other", { source: "mix" })], layout: "speaker" }) });
  assert.equal(room.mix.tracks[0].id, "TR_other");
  server.notify("mixChanged", { mix: null });
  assert.equal(room.mix, null);
  assert.deepEqual(events.filter((text) => text.startsWith("mix")), ["mix grid", "mix pip", "mix speaker", "mix ends"]);
  await room.startMix({ layout: "pip" });
  assert.deepEqual(server.requests.at(-1).params, { layout: "pip" });
});
