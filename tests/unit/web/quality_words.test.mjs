// SPDX-License-Identifier: Apache-2.0
//
// Network and quality in words, and whose choice of quality wins.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RemoteTrack } from "../../../web/client/remote_track.js";
import { asBitrate, asPercent, describeHold, describeLevel, describeReason } from "../../../web/conference/quality_words.js";
import { ReceivedQuality } from "../../../web/conference/received_quality.js";
import { recallView } from "../../../web/conference/settings.js";
import { describeLayer, receivedLines, sentLines } from "../../../web/conference/tile_stats.js";

const trackOf = (name, changes = {}) => {
  const info = { id: `TR_${name}`, kind: "video", source: "camera", muted: false, ...changes };
  const track = new RemoteTrack(info, /** @type {any} */ ({ name, identity: name }));
  track.transceiver = /** @type {any} */ ({});
  return track;
};

const reasons = [
  [{ kind: "slowUpload", haveBps: 180_000, wantBps: 1_200_000 }, "Your upload is slow: 180 kb/s of 1.2 Mb/s"],
  [{ kind: "lossDown", share: 0.06 }, "Packets are lost on the way to you (6 %)"],
  [{ kind: "lossUp", share: 0.12 }, "Packets are lost on the way from you (12 %)"],
  [{ kind: "heldBack", tracks: [trackOf("Ann")] }, "Waiting for Ann's video: your connection carries no more"],
  [{ kind: "heldBack", tracks: [trackOf("Ann", { source: "screen" })] }, "Waiting for Ann's screen: your connection carries no more"],
  [{ kind: "heldBack", tracks: [trackOf("Ann"), trackOf("Bob")] }, "Waiting for the video of Ann and Bob: your connection carries no more"],
  [{ kind: "heldBack", tracks: [trackOf("Ann"), trackOf("Ann", { source: "screen" })] }, "Waiting for the pictures of Ann: your connection carries no more"],
  [{ kind: "heldBack", tracks: ["Ann", "Bob", "Cat"].map((name) => trackOf(name)) }, "Waiting for the video of Ann and 2 others: your connection carries no more"],
  [{ kind: "farAway", roundTripMs: 650 }, "The way to the server is long: 650 ms there and back"],
  [{ kind: "unsteady", jitterMs: 120.4 }, "Packets reach you unevenly (by 120 ms)"],
  [{ kind: "busy" }, "Your device is busy: it sends a smaller picture"],
  [{ kind: "lost" }, "No connection to the server"],
];
for (const [reason, words] of reasons) test(`in words: ${words}`, () => assert.equal(describeReason(reason), words));

test("figures as people say them", () => {
  assert.deepEqual([0, 180_400, 999_400, 999_600, 2_345_000, null].map(asBitrate), ["0 kb/s", "180 kb/s", "999 kb/s", "1.0 Mb/s", "2.3 Mb/s", "–"]);
  assert.deepEqual([0, 0.004, 0.0096, 0.06, null].map(asPercent), ["0 %", "0.4 %", "1 %", "6 %", "–"]);
  assert.deepEqual([5, 4, 3, 2, 1, 0].map((score) => describeLevel(score).split(" ").at(-1)), ["good", "good", "fair", "fair", "poor", "connected"]);
});

test("why a picture waits", () => {
  const track = trackOf("Ann");
  assert.equal(describeHold(track), "");
  track.noteState({ mid: "1", state: "paused", reason: "bandwidth" });
  assert.equal(describeHold(track), "Waiting for Ann's video: your connection carries no more");
  track.noteState({ mid: "1", state: "paused", reason: "notSent" });
  assert.equal(describeHold(track), "Waiting for Ann's video: nothing is sent");
  track.noteState({ mid: "1", state: "paused", reason: "notWanted" });
  assert.equal(describeHold(track), ""); // out of sight
  track.pause();
  assert.equal(describeHold(track), "You switched this video off");
  track.resume();
  track.transceiver = null;
  assert.equal(describeHold(track), "");
  assert.equal(describeHold(track, true), "Shown when they speak");
  track.noteMuted(true);
  assert.equal(describeHold(track, true), ""); // there is nothing to wait for
});

test("figures of a tile", () => {
  const stats = { codec: "VP8", width: 640, height: 360, framesPerSecond: 24, bitrateBps: 412_000, lossShare: 0.004, jitterMs: 4, roundTripMs: 38, limitedBy: null, layers: [] };
  const layer = { spatial: 1, temporal: 2, targetSpatial: 1, targetTemporal: 2, width: 640, height: 360 };
  assert.deepEqual(receivedLines(stats, layer), ["640×360 24 fps · VP8", "412 kb/s · layer S1T2", "loss 0.4 % · 38 ms round trip · jitter 4 ms"]);
  assert.deepEqual(receivedLines({ ...stats, width: null, bitrateBps: null, lossShare: null }, null).slice(0, 2), ["no picture · VP8", "–"]);
  assert.equal(describeLayer({ ...layer, targetSpatial: 2 }), "layer S1T2 → S2T2");
  assert.equal(describeLayer({ ...layer, spatial: null }), "layer none → S1T2");
  assert.equal(describeLayer({ spatial: null, temporal: null, targetSpatial: null, targetTemporal: null, width: null, height: null }), "");
  const layers = [
    { rid: "f", isActive: false, width: null, height: null, framesPerSecond: null, bitrateBps: 0 },
    { rid: "q", isActive: true, width: 320, height: 180, framesPerSecond: 15, bitrateBps: 90_000 },
  ];
  assert.deepEqual(sentLines({ ...stats, bitrateBps: 90_000, limitedBy: "bandwidth", layers }), [
    "sending 90 kb/s · VP8",
    "layer at rest",
    "320×180 15 fps · 90 kb/s",
    "loss 0.4 % · 38 ms round trip",
    "held back by the upload",
  ]);
});

test("a choice for one video wins over that for all", () => {
  const quality = new ReceivedQuality("auto");
  const [ann, bob, screen] = [trackOf("Ann"), trackOf("Bob"), trackOf("Bob", { source: "screen" })];
  const all = [ann, bob, screen];
  const look = () => all.map((track) => (track.isPaused ? "off" : track.quality));
  quality.setTrack(ann, "high");
  quality.setAll("low", all);
  assert.deepEqual(look(), ["high", "low", "auto"]); // nobody can read a small screen
  quality.setTrack(ann, "");
  quality.setTrack(bob, "off");
  assert.deepEqual(look(), ["low", "off", "auto"]);
  quality.setAll("off", all);
  assert.deepEqual(look(), ["off", "off", "off"]);
  quality.setTrack(screen, "high"); // one exception from audio only
  assert.deepEqual(look(), ["off", "off", "high"]);
  quality.setAll("high", all);
  assert.deepEqual(look(), ["high", "high", "high"]);
  const back = trackOf("Ann");
  quality.setTrack(ann, "medium");
  quality.apply(back); // Ann has left and come again
  assert.equal(back.quality, "medium");
});

test("how the call was looked at: the address, then the last time, then as usual", () => {
  const stored = new Map();
  globalThis.localStorage = /** @type {any} */ ({ getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value) });
  assert.deepEqual(recallView(""), { layout: "grid", quality: "auto", statistics: false });
  stored.set("parley.view", JSON.stringify({ layout: "speaker", quality: "nonsense", statistics: true }));
  assert.deepEqual(recallView(""), { layout: "speaker", quality: "auto", statistics: true });
  assert.deepEqual(recallView("?layout=grid&quality=off&stats=0"), { layout: "grid", quality: "off", statistics: false });
  stored.set("parley.view", "null");
  assert.deepEqual(recallView("?layout=cinema"), { layout: "grid", quality: "auto", statistics: false });
});
