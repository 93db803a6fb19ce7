// SPDX-License-Identifier: Apache-2.0
//
// What happens to the network, and what is expected of the server then.
//
// A profile is a list of phases; each changes links when it begins ("viewer1", "publisher.up", …: the words of the wire program, see
// command.h) and lasts a share of the run. Its aims look at the finished run. Links that nobody mentions carry 100 Mb/s.

import { freezes, heightAfter, heights, movesFrom, publisherFigures, round, settledAfter, viewerFigures } from "./lib/series.mjs";

const CLEAN = "rate=100M queue=200ms";

/** So many of 30 frames. A publisher whose machine gives it fewer is not the network's fault: of fewer, as large a share. */
const GOOD_FPS = 25;
const FULL_FPS = 30;

/**
 * @typedef {import("./lib/run_profile.mjs").Run} Run
 * @typedef {{text: string, value: string, ok: boolean}} Verdict
 * @typedef {{name: string, share: number, links: Record<string, string>}} Phase
 * @typedef {object} Profile
 * @property {string} name
 * @property {string} sentence
 * @property {number} [viewers]       default 1
 * @property {boolean} [isFromStart]  the first phase holds before anybody connects
 * @property {boolean} [isPublisherLimited]  that publisher sends less is the profile's doing
 * @property {Phase[]} phases
 * @property {number} [leastSeconds]  of the whole run, for its aims to mean something
 * @property {{width: number, height: number}} [size]  of the publisher, where --size does not say: more browsers, smaller pictures
 * @property {((run: Run) => Verdict[])} [aims]
 */

const whole = (/** @type {Run} */ run) => /** @type {const} */ ([0, run.seconds * 1000]);
const phaseOf = (/** @type {Run} */ run, /** @type {string} */ name) => /** @type {NonNullable<Run["phases"][number]>} */ (run.phases.find((one) => one.name === name));
const seconds = (/** @type {number | null} */ ms) => (ms === null ? "never" : `${round(ms / 1000)} s`);

/** What the publisher's machine was able to: where the network may have slowed it down, what it painted. @param {Run} run */
function publisherFps({ published, isPublisherLimited }) {
  return isPublisherLimited ? published.paintedFps : Math.max(0, ...published.layers.map(({ fps }) => fps));
}

/** @param {Run} run @param {string} [viewer] @returns {Verdict} */
function fpsIsGood(run, viewer = "viewer1") {
  const { fps } = run.figures[viewer];
  const sent = publisherFps(run);
  return { text: `${viewer}: at least ${GOOD_FPS} of ${FULL_FPS} frames`, value: `${fps} fps of ${sent}`, ok: fps > 0 && fps / Math.min(sent, FULL_FPS) >= GOOD_FPS / FULL_FPS };
}

/** @param {Run} run @param {number} longestMs @param {string} [viewer] @returns {Verdict} */
function hasNoFreeze(run, longestMs, viewer = "viewer1") {
  const found = freezes(run.viewers[viewer].frames, ...whole(run), longestMs);
  return {
    text: `${viewer}: no freeze over ${longestMs} ms`,
    value: found.length === 0 ? "none" : `${found.length}, longest ${seconds(Math.max(...found.map((one) => one.toMs - one.fromMs)))}`,
    ok: found.length === 0,
  };
}

/** @param {Run} run @param {string} [viewer] @returns {Verdict} */
function isTopLayer(run, viewer = "viewer1") {
  const share = heights(run.viewers[viewer].frames, ...whole(run))[run.height] ?? 0;
  return { text: `${viewer}: ${run.height} lines all the time`, value: `${round(share * 100)} %`, ok: share >= 0.99 };
}

/** That there is something to lose. @param {Run} run @param {string} phase @returns {Verdict} */
function isTopLayerIn(run, phase) {
  const { fromMs, toMs } = phaseOf(run, phase);
  const share = heights(run.viewers.viewer1.frames, fromMs, toMs)[run.height] ?? 0;
  return { text: `${run.height} lines ${phase}`, value: `${round(share * 100)} %`, ok: share >= 0.9 };
}

/**
 * What a change does to a viewer whose link is as before: machine and publisher are the same in both phases, so they do not count.
 * @param {Run} run @param {string} viewer @param {string} phase @param {string} earlier @returns {Verdict}
 */
function keepsFps(run, viewer, phase, earlier) {
  const [now, before] = [phase, earlier].map((name) => {
    const { fromMs, toMs } = phaseOf(run, name);
    const published = publisherFigures(run.publisher.samples, fromMs, toMs);
    const sent = Math.max(0, ...published.layers.map(({ fps }) => fps));
    const { fps } = viewerFigures(run.viewers[viewer], fromMs, toMs);
    return { fps, share: sent > 0 ? Math.min(fps / sent, 1) : 0 };
  });
  const text = `${viewer}: as many of the publisher's frames ${phase} as ${earlier}, or 95 % of them`;
  return { text, value: `${now.fps} fps, ${before.fps} fps ${earlier}`, ok: before.share > 0 && now.share >= 0.95 * before.share };
}

const steady = (/** @type {Record<string, string>} */ links) => [{ name: "steady", share: 1, links }];

/** @param {number} percent @returns {Profile} */
function lossProfile(percent) {
  return {
    name: `loss-${percent}`,
    sentence: `viewer: ${percent} % random loss and 50 ms delay each way`,
    phases: steady({ viewer1: `${CLEAN} loss=${percent}% delay=50ms` }),
    aims: (run) => (percent <= 5 ? [fpsIsGood(run), hasNoFreeze(run, 500)] : [hasNoFreeze(run, 1000)]),
  };
}

/** @type {Profile[]} */
export const PROFILES = [
  {
    name: "clean",
    sentence: "nothing is in the way",
    phases: steady({}),
    aims: (run) => [fpsIsGood(run), hasNoFreeze(run, 500), isTopLayer(run)],
  },
  lossProfile(1),
  lossProfile(5),
  lossProfile(10),
  {
    name: "uplink-loss-5",
    sentence: "publisher: 5 % random loss and 50 ms delay each way",
    phases: steady({ publisher: `${CLEAN} loss=5% delay=50ms` }),
    isPublisherLimited: true,
    aims: (run) => [fpsIsGood(run), hasNoFreeze(run, 500)],
  },
  {
    name: "bursts",
    sentence: "viewer: 3 % loss in runs of 8 packets, 50 ms delay each way",
    phases: steady({ viewer1: `${CLEAN} loss=3% burst=8 delay=50ms` }),
    aims: (run) => [hasNoFreeze(run, 1000)],
  },
  {
    name: "delay-50",
    sentence: "viewer: 50 ms delay and up to 20 ms jitter each way",
    phases: steady({ viewer1: `${CLEAN} delay=50ms jitter=20ms` }),
    aims: (run) => [fpsIsGood(run), hasNoFreeze(run, 500), isTopLayer(run)],
  },
  {
    name: "delay-200",
    sentence: "viewer: 200 ms delay and up to 50 ms jitter each way",
    phases: steady({ viewer1: `${CLEAN} delay=200ms jitter=50ms` }),
    aims: (run) => [fpsIsGood(run), hasNoFreeze(run, 500), isTopLayer(run)],
  },
  {
    name: "downlink-cut",
    sentence: "viewer's downlink: 4 Mb/s, then 500 kb/s, then 4 Mb/s (20 ms delay, 50 kB of queue)",
    leastSeconds: 40,
    phases: [
      { name: "before", share: 0.2, links: { "viewer1.down": "rate=4M queue=50kB delay=20ms", "viewer1.up": "delay=20ms" } },
      { name: "cut", share: 0.4, links: { "viewer1.down": "rate=500k" } },
      { name: "back", share: 0.4, links: { "viewer1.down": "rate=4M" } },
    ],
    aims: (run) => {
      const cut = phaseOf(run, "cut");
      const back = phaseOf(run, "back");
      const settled = settledAfter(run.lanes["viewer1.down"], { ...cut, rateBps: 500_000, queueMs: 200 });
      const top = heightAfter(run.viewers.viewer1.frames, run.height, back.fromMs, back.toMs);
      return [
        isTopLayerIn(run, "before"),
        { text: "sent less than 500 kb/s, queue under 200 ms, within 2 s", value: seconds(settled), ok: settled !== null && settled <= 2000 },
        hasNoFreeze(run, 1000),
        { text: `${run.height} lines again within 10 s`, value: seconds(top), ok: top !== null && top <= 10_000 },
      ];
    },
  },
  {
    name: "uplink-cut",
    sentence: "publisher's uplink: 4 Mb/s, then 500 kb/s, then 4 Mb/s (20 ms delay, 50 kB of queue)",
    leastSeconds: 75,
    isPublisherLimited: true,
    phases: [
      { name: "before", share: 0.2, links: { "publisher.up": "rate=4M queue=50kB delay=20ms", "publisher.down": "delay=20ms" } },
      { name: "cut", share: 0.4, links: { "publisher.up": "rate=500k" } },
      { name: "back", share: 0.4, links: { "publisher.up": "rate=4M" } },
    ],
    aims: (run) => {
      const cut = phaseOf(run, "cut");
      const back = phaseOf(run, "back");
      const settled = settledAfter(run.lanes["publisher.up"], { ...cut, rateBps: 500_000, queueMs: 200 });
      const top = heightAfter(run.viewers.viewer1.frames, run.height, back.fromMs, back.toMs);
      return [
        isTopLayerIn(run, "before"),
        // The browser decides that, from the server's feedback; Chromium's estimate grows by 8 % a second.
        { text: "browser sends less than 500 kb/s, queue under 200 ms, within 3 s", value: seconds(settled), ok: settled !== null && settled <= 3000 },
        hasNoFreeze(run, 1000),
        { text: `${run.height} lines again within 30 s`, value: seconds(top), ok: top !== null && top <= 30_000 },
      ];
    },
  },
  {
    name: "narrow",
    sentence: "viewer's downlink: 300 kb/s from the start (20 ms delay, 30 kB of queue)",
    isFromStart: true,
    phases: steady({ "viewer1.down": "rate=300k queue=30kB delay=20ms", "viewer1.up": "delay=20ms" }),
    aims: (run) => {
      const [fromMs, toMs] = whole(run);
      const settled = settledAfter(run.lanes["viewer1.down"], { fromMs, toMs, rateBps: 300_000, queueMs: 200 });
      const first = run.viewers.viewer1.frames.find(({ atMs }) => atMs >= 0)?.atMs ?? null;
      return [
        { text: "first picture within 3 s", value: seconds(first), ok: first !== null && first <= 3000 },
        { text: "sent less than 300 kb/s, queue under 200 ms, within 5 s", value: seconds(settled), ok: settled !== null && settled <= 5000 },
        { ...hasNoFreezeAfter(run, 5000, 1000) },
      ];
    },
  },
  {
    name: "blackout",
    sentence: "viewer: 20 ms delay each way; nothing gets through for 1 s",
    leastSeconds: 8,
    phases: [
      { name: "before", share: 0.4, links: { viewer1: `${CLEAN} delay=20ms` } },
      { name: "after", share: 0.6, links: { viewer1: "blackout 1s" } },
    ],
    aims: (run) => {
      const endMs = phaseOf(run, "after").fromMs + 1000;
      const moving = movesFrom(run.viewers.viewer1.frames, endMs);
      const after = moving === null ? null : moving - endMs;
      const later = moving === null ? [] : freezes(run.viewers.viewer1.frames, moving, run.seconds * 1000);
      return [
        { text: "picture moves within 1.5 s of its end", value: seconds(after), ok: after !== null && after <= 1500 },
        { text: "and goes on without a freeze over 500 ms", value: moving === null ? "never" : later.length === 0 ? "none" : String(later.length), ok: moving !== null && later.length === 0 },
      ];
    },
  },
  {
    name: "three-viewers",
    sentence: "three viewers of one publisher; then the third has 500 kb/s, 5 % loss and 50 ms delay",
    viewers: 3,
    size: { width: 640, height: 360 },
    leastSeconds: 20,
    phases: [
      { name: "before", share: 0.3, links: {} },
      { name: "with-a-bad-one", share: 0.7, links: { "viewer3.down": "rate=500k queue=50kB loss=5% delay=50ms", "viewer3.up": "loss=5% delay=50ms" } },
    ],
    aims: (run) => [
      ...["viewer1", "viewer2"].flatMap((viewer) => [
        fpsIsGood(run, viewer),
        keepsFps(run, viewer, "with-a-bad-one", "before"),
        hasNoFreeze(run, 500, viewer),
        isTopLayer(run, viewer),
      ]),
      hasNoFreeze(run, 2000, "viewer3"),
    ],
  },
];

/** @param {Run} run @param {number} fromMs @param {number} longestMs @returns {Verdict} */
function hasNoFreezeAfter(run, fromMs, longestMs) {
  const found = freezes(run.viewers.viewer1.frames, fromMs, run.seconds * 1000, longestMs);
  return { text: `from ${fromMs / 1000} s on no freeze over ${longestMs} ms`, value: found.length === 0 ? "none" : String(found.length), ok: found.length === 0 };
}

export { CLEAN };
