// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { freezes, growth, heightAfter, heights, movesFrom, publisherFigures, quantile, settledAfter, valueAt, viewerFigures } from "../../net/lib/series.mjs";
import { PROFILES } from "../../net/profiles.mjs";

/** Frames each `everyMs` in [from, to). */
function framesFrom(from, to, everyMs = 33, height = 720) {
  const frames = [];
  for (let atMs = from; atMs < to; atMs += everyMs) frames.push({ atMs, presented: 0, width: (height * 16) / 9, height, delayMs: 80 });
  return frames;
}

/** Samples of counters that grow by so much a second. */
function samplesOf(perSecond, toMs, fixed = {}) {
  const samples = [];
  for (let atMs = -400; atMs <= toMs; atMs += 200) {
    samples.push({ atMs, ...Object.fromEntries(Object.entries(perSecond).map(([key, rate]) => [key, ((atMs + 400) * rate) / 1000])), ...fixed });
  }
  return samples;
}

test("a counter is read between samples, and before and after them", () => {
  const samples = [{ atMs: 100, n: 10 }, { atMs: 300, n: 30 }];
  assert.equal(valueAt(samples, "n", 200), 20);
  assert.equal(valueAt(samples, "n", 0), 10);
  assert.equal(valueAt(samples, "n", 900), 30);
  assert.equal(valueAt([], "n", 900), 0);
  assert.equal(growth(samples, "n", 150, 250), 10);
});

test("quantiles", () => {
  assert.equal(quantile([], 0.5), null);
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([1, 2, 3, 4], 0.95), 4);
});

test("a freeze counts from frame to frame and with its part in the window", () => {
  const frames = [...framesFrom(0, 1000), ...framesFrom(1900, 3000), ...framesFrom(3400, 4000)];
  assert.deepEqual(freezes(frames, 0, 4000), [{ fromMs: 990, toMs: 1900 }]);
  assert.deepEqual(freezes(frames, 0, 1400), []);
  assert.deepEqual(freezes(frames, 0, 1500), [{ fromMs: 990, toMs: 1500 }]);
  assert.deepEqual(freezes(frames, 1200, 4000), [{ fromMs: 1200, toMs: 1900 }]);
  assert.deepEqual(freezes([], 0, 1000), [{ fromMs: 0, toMs: 1000 }]);
  assert.equal(freezes(frames, 0, 4000, 300).length, 2);
});

test("heights by the time that they were shown", () => {
  const frames = [...framesFrom(-100, 1000, 100, 720), ...framesFrom(1000, 4000, 100, 180)];
  assert.deepEqual(heights(frames, 0, 4000), { 720: 0.25, 180: 0.75 });
  assert.deepEqual(heights(framesFrom(1000, 2000, 100), 0, 2000), { 720: 0.5 });
  assert.deepEqual(heights([], 0, 1000), {});
});

test("the time until a height is back", () => {
  const frames = [...framesFrom(0, 1000, 100, 720), ...framesFrom(1000, 5000, 100, 180), ...framesFrom(5000, 6000, 100, 720)];
  assert.equal(heightAfter(frames, 720, 2000, 6000), 3000);
  assert.equal(heightAfter(frames, 720, 2000, 4000), null);
});

test("a picture moves when frames follow one another; a late one is not enough", () => {
  const frames = [...framesFrom(0, 1000), { atMs: 2100 }, { atMs: 2500 }, ...framesFrom(3000, 4000)];
  assert.equal(movesFrom(frames, 2000), 3000);
  assert.equal(movesFrom(frames, 500), 528);
  assert.equal(movesFrom(frames, 3950), null);
});

test("what a viewer had", () => {
  const samples = samplesOf({ decoded: 30, bytes: 125_000, packets: 99, lost: 1, retransmitted: 2, nacks: 3, plis: 1, firs: 0, keyFrames: 1, freezes: 0, frozenS: 0, bufferS: 3, buffered: 30 }, 4000, { stallMs: 7 });
  const figures = viewerFigures({ samples, frames: framesFrom(-200, 4200, 40) }, 0, 4000);
  assert.equal(figures.fps, 30);
  assert.equal(figures.fpsWorstSecond, 30);
  assert.equal(figures.shownFps, 25);
  assert.equal(figures.freezes, 0);
  assert.equal(figures.longestGapMs, 40);
  assert.equal(figures.kbps, 1000);
  assert.equal(figures.lossPercent, 1);
  assert.equal(figures.delayMedianMs, 80);
  assert.equal(figures.bufferMs, 100);
  assert.deepEqual([figures.retransmitted, figures.nacks, figures.plis, figures.stallMs], [8, 12, 4, 7]);
});

test("what a publisher sent, layer by layer", () => {
  const layer = (rid, height, atMs) => ({ rid, height, frames: atMs * 0.03, bytes: atMs, retransmitted: 0, nacks: 0, plis: 0, keyFrames: 0, limitedBy: rid === "f" ? "bandwidth" : "none" });
  const samples = samplesOf({ painted: 30 }, 2000).map((one) => ({ ...one, layers: [layer("f", 720, one.atMs), layer("q", 180, one.atMs)] }));
  const { paintedFps, layers } = publisherFigures(samples, 0, 2000);
  assert.equal(paintedFps, 30);
  assert.deepEqual(layers.map(({ rid, height, fps, kbps, limitedBy }) => [rid, height, fps, kbps, limitedBy]), [["q", 180, 30, 8, ["none"]], ["f", 720, 30, 8, ["bandwidth"]]]);
});

test("a lane has settled once it is offered no more than it carries and its queue is short, for a while", () => {
  const lane = [];
  let bytesIn = 0;
  for (let atMs = 0; atMs <= 20_000; atMs += 100) {
    const isTooMuch = atMs < 4000 || (atMs > 5000 && atMs < 6000);
    bytesIn += isTooMuch ? 20_000 : 5000;
    lane.push({ atMs, bytesIn, queueMs: atMs < 6500 ? 600 : 50 });
  }
  const wanted = { fromMs: 2000, toMs: 20_000, rateBps: 500_000, queueMs: 200 };
  assert.equal(settledAfter(lane, wanted), 4500);
  assert.equal(settledAfter(lane, { ...wanted, rateBps: 300_000 }), null);
  assert.equal(settledAfter(lane, { ...wanted, toMs: 8000 }), null);
});

test("profiles have a name of their own and fill their time", () => {
  assert.equal(new Set(PROFILES.map(({ name }) => name)).size, PROFILES.length);
  for (const { name, phases, aims } of PROFILES) {
    assert.match(name, /^[a-z0-9-]+$/);
    assert.ok(Math.abs(phases.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9, name);
    assert.equal(typeof aims, "function");
  }
});
