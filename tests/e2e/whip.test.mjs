// SPDX-License-Identifier: Apache-2.0
//
// WHIP and WHEP with nothing but fetch, and with the clients that others wrote.

import assert from "node:assert/strict";
import { bundle } from "./lib/commonjs.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";
import { connect, end, received, restartIce } from "./lib/wish_in_page.mjs";

/** A page of ours without a program. */
const EMPTY = { path: "/client/README.md" };
const CAST = { name: "cast", endpoint: "/whip/hall" };
const PLAY = { name: "play", endpoint: "/whep/hall", direction: "recvonly" };
const WINDOW_MS = 1000;
const MIN_FPS = 6;

/** @param {any} person @param {any} options */
async function connects(person, options) {
  const result = await person.run(connect, options);
  assert.equal(result.status, 201, result.problem);
  return result;
}

/**
 * Wait until pictures and sound flow.
 * @param {any} person
 * @param {{name?: string, kinds?: string[], codec?: string}} [wanted]
 */
async function plays(person, { name = "play", kinds = ["audio", "video"], codec } = {}) {
  let before = await person.run(received, name);
  const seen = [before];
  return until(`${person.name} to play ${kinds.join(" and ")}`, async () => {
    const now = await person.run(received, name);
    seen.push(now);
    const seconds = (now.atMs - before.atMs) / 1000;
    if (seconds < WINDOW_MS / 1000) return null;
    const from = before;
    before = now;
    const hasVideo = (now.frames - from.frames) / seconds >= MIN_FPS && (!codec || now.videoCodec?.toLowerCase() === `video/${codec.toLowerCase()}`);
    const hasAudio = (now.audioPackets - from.audioPackets) / seconds >= 15 && now.energy > from.energy;
    return (!kinds.includes("video") || hasVideo) && (!kinds.includes("audio") || hasAudio) && now;
  }, { describe: () => seen.slice(-3) });
}

/** Wait until nothing arrives. @param {any} person */
async function pauses(person) {
  let before = await person.run(received, "play");
  await until(`${person.name} to receive nothing`, async () => {
    const now = await person.run(received, "play");
    if (now.atMs - before.atMs < WINDOW_MS) return false;
    const isStill = now.frames === before.frames && now.audioPackets === before.audioPackets;
    before = now;
    return isStill;
  });
}

/** @param {any} s */
const members = async (s) => (await (await fetch(`${s.server.url}/v1/rooms/hall/participants`)).json()).participants ?? [];

scene("WHIP and WHEP with plain fetch: a room, one participant, a conference beside it", async (s) => {
  const [caster, viewer, ann] = await Promise.all([s.open("Caster", EMPTY), s.open("Viewer", EMPTY), s.join("Ann")]);
  const cast = await connects(caster, CAST);
  assert.match(cast.resource, /\/whip\/hall\/[A-Za-z0-9]{32}$/);
  assert.match(cast.etag, /^"\w+"$/);
  assert.equal([...cast.answer.matchAll(/^a=recvonly\r$/gm)].length, 2);
  const play = await connects(viewer, { ...PLAY, endpoint: "/whep/hall/broadcaster" });
  assert.equal(new Set([...play.answer.matchAll(/^a=msid:(\S+)/gm)].map(([, id]) => id)).size, 1, "one stream");
  await plays(viewer);
  await ann.meets("broadcaster");
  await ann.seesTiles(["Ann (you)", "broadcaster"]).catch(() => ann.seesTile("broadcaster", { hasVideo: true }));
  assert.deepEqual((await members(s)).map(({ permissions }) => permissions.hidden).sort(), [false, false, true]);
  assert.equal(await viewer.run(end, "play"), 200);
  assert.equal(await caster.run(end, "cast"), 200);
  await until("only Ann to be left", async () => (await members(s)).length === 1);
});

scene("a viewer comes first; the broadcaster stops and comes back; nothing is negotiated again", async (s) => {
  const [viewer, caster] = await Promise.all([s.open("Viewer", EMPTY), s.open("Caster", EMPTY)]);
  await connects(viewer, PLAY);
  await until("the viewer's connection", async () => (await viewer.run(received, "play")).state === "connected");
  await connects(caster, CAST);
  const first = await plays(viewer);
  await caster.run(end, "cast");
  await pauses(viewer);
  await connects(caster, { ...CAST, name: "again" });
  const second = await plays(viewer);
  assert.equal(second.posts, 1);
  assert.equal(second.ssrc, first.ssrc);
  // An encoder that lost the network comes back while its former session still stands.
  await connects(caster, { ...CAST, name: "third" });
  const third = await plays(viewer);
  assert.equal(third.ssrc, first.ssrc);
  const gone = await caster.run(async () => (await fetch(window.wish.again.resource, { method: "DELETE" })).status);
  assert.equal(gone, 404);
});

scene("ICE restart by PATCH, at both ends", async (s) => {
  const [caster, viewer] = await Promise.all([s.open("Caster", EMPTY), s.open("Viewer", EMPTY)]);
  const cast = await connects(caster, CAST);
  await connects(viewer, PLAY);
  await plays(viewer);
  for (const [person, name] of [[caster, "cast"], [viewer, "play"]]) {
    const result = await person.run(restartIce, name);
    assert.equal(result.status, 200, result.text);
    assert.equal(result.type, "application/trickle-ice-sdpfrag");
    assert.notEqual(result.now, result.before);
    assert.match(result.text, /^a=candidate:/m);
    assert.notEqual(result.etag, cast.etag);
    await plays(viewer);
  }
  assert.deepEqual(await viewer.run(() => [...new Set(window.wish.play.states)]), ["connecting", "connected"]);
});

scene("encoders' offers: no msid, no a=ssrc, one kind, no BUNDLE, sendrecv, H.264 only, both DTLS roles", async (s) => {
  const [caster, viewer] = await Promise.all([s.open("Caster", EMPTY), s.open("Viewer", EMPTY)]);
  await connects(viewer, PLAY);
  const bare = "^a=(msid|ssrc|ssrc-group|msid-semantic)";
  const rows = [
    { remove: bare },
    { remove: `${bare}|^a=(mid|group|extmap)`, kinds: ["video"] },
    { remove: `${bare}|^a=(mid|group|extmap)`, kinds: ["audio"] },
    { direction: "sendrecv", codec: "H264" },
    { codec: "H264", remove: `${bare}|^a=rid`, replace: [["a=setup:actpass", "a=setup:active"]] },
    { replace: [["a=setup:actpass", "a=setup:passive"]] },
    { remove: "^a=candidate|^a=end-of-candidates" },
  ];
  for (const row of rows) {
    await connects(caster, { ...CAST, ...row });
    await plays(viewer, { kinds: row.kinds, codec: row.codec });
    await caster.run(end, "cast");
    await pauses(viewer);
  }
}, { timeoutMs: 150_000 });

scene("who closes the page without a word leaves the room", async (s) => {
  const [caster, viewer] = await Promise.all([s.open("Caster", EMPTY), s.open("Viewer", EMPTY)]);
  await connects(caster, CAST);
  await connects(viewer, PLAY);
  await plays(viewer);
  await caster.run(() => window.wish.cast.pc.close()); // DTLS says goodbye
  await until("the broadcaster to be gone", async () => (await members(s)).length === 1);
  s.forget(viewer);
  await viewer.close();
  await until("the viewer to be gone", async () => (await members(s)).length === 0);
}, { settings: ["--dev", "--media-consent-timeout-ms", "3000", "--session-grace-ms", "500"] });

scene("@eyevinn/whip-web-client publishes, @eyevinn/webrtc-player plays", async (s) => {
  const [caster, viewer] = await Promise.all([s.open("Caster", EMPTY), s.open("Viewer", EMPTY)]);
  await caster.run(bundle("@eyevinn/whip-web-client", "eyevinn"));
  await viewer.run(bundle("@eyevinn/webrtc-player", "eyevinn", ["@eyevinn/csai-manager", "@eyevinn/whpp-client"]));
  await caster.run(async () => {
    const client = (window.client = new window.eyevinn.WHIPClient({ endpoint: `${location.origin}/whip/hall`, opts: { iceServers: [] } }));
    await client.ingest(await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } }));
  });
  await viewer.run(async () => {
    const video = Object.assign(document.createElement("video"), { autoplay: true });
    document.body.append(video);
    const player = (window.player = new window.eyevinn.WebRTCPlayer({ video, type: "whep", iceServers: [], statsTypeFilter: "^inbound-rtp" }));
    await player.load(new URL(`${location.origin}/whep/hall`));
  });
  const look = () => viewer.run(() => {
    const video = document.querySelector("video");
    return { time: video.currentTime, width: video.videoWidth, tracks: video.srcObject?.getTracks().map(({ kind }) => kind).sort() };
  });
  await until("the player to play", async () => {
    const { time, width, tracks } = await look();
    return time > 1 && width > 0 && tracks?.join() === "audio,video";
  }, { describe: look });
  await caster.run(() => window.client.destroy());
  await until("the broadcaster to be gone", async () => (await members(s)).length === 1);
  await viewer.run(() => window.player.unload());
  await until("the room to be empty", async () => (await members(s)).length === 0);
});

scene("Firefox plays what Chromium broadcasts, and the other way round", async (s) => {
  const [chromium, firefox] = await Promise.all([s.open("Chromium", EMPTY), s.open("Firefox", { ...EMPTY, browser: "firefox" })]);
  await connects(firefox, { ...CAST, endpoint: "/whip/hall?identity=fox" }); // first: it gathers addresses once it has captured
  await connects(chromium, { ...PLAY, endpoint: "/whep/hall/fox" });
  await plays(chromium);
  await connects(chromium, { ...CAST, codec: "VP8" });
  await connects(firefox, { ...PLAY, endpoint: "/whep/hall/broadcaster" });
  await plays(firefox, { codec: "VP8" });
});
