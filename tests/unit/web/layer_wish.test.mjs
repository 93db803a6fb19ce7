// SPDX-License-Identifier: Apache-2.0
//
// What is wanted of a video, and when it is said.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { wishKey, wishOf } from "../../../web/client/layer_wish.js";
import { Reception } from "../../../web/client/reception.js";
import { RemoteTrack } from "../../../web/client/remote_track.js";
import { FakeClock } from "./fake_clock.mjs";
import { FakeMediaStreamTrack } from "./fake_peer.mjs";

const view = (width, height, isVisible = true) => ({ width, height, isVisible });

const wishes = [
  { what: "nothing attached: any size", state: { views: [] }, wish: {} },
  { what: "the size in device pixels, in steps", state: { views: [view(321, 180)], pixelRatio: 2 }, wish: { width: 656, height: 368 } },
  { what: "the larger of two places", state: { views: [view(160, 90), view(640, 360)] }, wish: { width: 640, height: 368 } },
  { what: "only places that are seen count", state: { views: [view(160, 90), view(640, 360, false)] }, wish: { width: 160, height: 96 } },
  { what: "seen nowhere", state: { views: [view(640, 360, false)] }, wish: { paused: true } },
  { what: "without a size it is not seen", state: { views: [view(0, 0)] }, wish: { paused: true } },
  { what: "no more than the protocol has", state: { views: [view(9000, 5000)] }, wish: { width: 8192, height: 5008 } },
  { what: "low", state: { views: [view(640, 360)], quality: "low" }, wish: { width: 640, height: 368, maxSpatial: 0 } },
  { what: "medium", state: { views: [view(640, 360)], quality: "medium" }, wish: { width: 640, height: 368, maxSpatial: 1 } },
  { what: "high, however small it is shown", state: { views: [view(160, 90)], quality: "high" }, wish: {} },
  { what: "limits of one's own", state: { views: [view(160, 90)], quality: { maxTemporal: 1, fps: 10 } }, wish: { width: 160, height: 96, maxTemporal: 1, fps: 10 } },
  { what: "priority", state: { views: [], priority: 200 }, wish: { priority: 200 } },
  { what: "paused by the user", state: { views: [view(640, 360)], isPaused: true, priority: 7 }, wish: { priority: 7, paused: true } },
];
for (const { what, state, wish } of wishes) {
  test(`a wish: ${what}`, () => assert.deepEqual(wishOf({ pixelRatio: 1, ...state }), wish));
}

test("equal wishes have equal keys", () => {
  assert.equal(wishKey({ width: 1, height: 2 }), wishKey({ height: 2, width: 1, fps: undefined }));
  assert.notEqual(wishKey({ width: 1 }), wishKey({ width: 2 }));
});

let clock;
let sent;
let isOpen;
let answer;
/** The element that shows it. */
let element;
let reception;
let track;

beforeEach(() => {
  clock = new FakeClock();
  globalThis.HTMLVideoElement ??= class {};
  globalThis.MediaStream ??= class {};
  sent = [];
  isOpen = true;
  answer = async () => ({});
  element = { ...view(640, 360) };
  reception = new Reception({
    setLayers: (params) => (sent.push(params), answer()),
    canTell: () => isOpen,
    watch: (el, onChange) => ((el.change = onChange), { view: () => view(el.width, el.height, el.isVisible), stop: () => (el.change = null) }),
  });
  track = new RemoteTrack({ id: "TR_1", kind: "video", source: "camera", muted: false }, /** @type {any} */ ({}));
  track.bind({ mid: "3", receiver: { track: new FakeMediaStreamTrack("video") } });
  reception.add(track);
});
afterEach(() => clock.restore());

const show = (changes) => {
  Object.assign(element, changes);
  element.change();
};

test("a size is told once it rests", async () => {
  track.attach(element);
  for (const width of [700, 800, 900]) {
    show({ width });
    await clock.advance(150);
  }
  assert.deepEqual(sent, []);
  await clock.advance(100);
  assert.deepEqual(sent, [{ mid: "3", width: 912, height: 368 }]);
  show({ width: 899 });
  await clock.advance(1000);
  assert.equal(sent.length, 1); // the same in steps
});

test("out of sight is given up after a moment, back in sight is asked for at once", async () => {
  track.attach(element);
  await clock.advance(300);
  show({ isVisible: false });
  await clock.advance(900);
  show({ isVisible: true });
  await clock.advance(1000);
  assert.equal(sent.length, 1); // it came right back
  show({ isVisible: false });
  await clock.advance(1100);
  show({ isVisible: true });
  assert.deepEqual(sent.slice(1), [{ mid: "3", paused: true }, { mid: "3", width: 640, height: 368 }]);
});

test("the user's own pause is told at once", async () => {
  track.attach(element);
  await clock.advance(300);
  track.pause();
  track.pause();
  track.resume();
  assert.deepEqual(sent.slice(1), [{ mid: "3", paused: true }, { mid: "3", width: 640, height: 368 }]);
});

test("a track nobody attached wants nothing special", async () => {
  await clock.advance(1000);
  assert.deepEqual(sent, []);
  track.setQuality("low");
  await clock.advance(1000);
  assert.deepEqual(sent, [{ mid: "3", maxSpatial: 0 }]);
});

test("a wish belongs to the slot: the next track in it is told about when it differs", async () => {
  track.setQuality("low");
  await clock.advance(300);
  const { transceiver } = track;
  track.bind(null);
  reception.remove(track);
  const other = new RemoteTrack({ id: "TR_2", kind: "video", source: "camera", muted: false }, /** @type {any} */ ({}));
  other.setQuality("low");
  other.bind(transceiver);
  reception.add(other);
  await clock.advance(300);
  assert.equal(sent.length, 1);
  other.setQuality("auto");
  await clock.advance(300);
  assert.deepEqual(sent[1], { mid: "3" });
});

test("what could not be told is told when the session is back", async () => {
  isOpen = false;
  track.setQuality("medium");
  await clock.advance(1000);
  assert.deepEqual(sent, []);
  isOpen = true;
  reception.retell();
  assert.deepEqual(sent, [{ mid: "3", maxSpatial: 1 }]);
  answer = () => Promise.reject(Object.assign(new Error(), { code: "E_SIGNAL_LOST" }));
  track.setQuality("low");
  await clock.advance(300);
  answer = async () => ({});
  reception.retell();
  assert.deepEqual(sent.slice(1), [{ mid: "3", maxSpatial: 0 }, { mid: "3", maxSpatial: 0 }]);
});

test("a server without layers is asked once", async () => {
  answer = () => Promise.reject(Object.assign(new Error(), { code: "E_UNSUPPORTED" }));
  track.setQuality("low");
  await clock.advance(300);
  track.setQuality("high");
  track.pause();
  await clock.advance(300);
  assert.equal(sent.length, 1);
  reception.clear(); // another session, maybe of another server
  reception.add(track);
  assert.equal(sent.length, 2);
});

test("who is removed is watched no more", async () => {
  track.attach(element);
  reception.remove(track);
  assert.equal(element.change, null);
  await clock.advance(1000);
  assert.equal(clock.pendingTimers, 0);
});
