// SPDX-License-Identifier: Apache-2.0
//
// Figures out of what pages and the wire recorded. Pure: arrays in, numbers out. Times are milliseconds since the start of the
// measurement.

/** No new frame for longer than this is a freeze. */
export const FREEZE_MS = 500;

/**
 * @typedef {{atMs: number, presented: number, width: number, height: number, delayMs: number | null}} Frame
 * @typedef {Record<string, any> & {atMs: number}} Sample
 */

/** @param {number} value @param {number} [digits] */
export const round = (value, digits = 1) => Math.round(value * 10 ** digits) / 10 ** digits;

/** @param {number[]} values @param {number} share  0.5 is the median */
export function quantile(values, share) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/**
 * The value of a counter at a moment, between two samples in proportion.
 * @param {Sample[]} samples
 * @param {string} key
 * @param {number} atMs
 */
export function valueAt(samples, key, atMs) {
  const next = samples.findIndex((one) => one.atMs >= atMs);
  if (next < 0) return samples.length > 0 ? samples[samples.length - 1][key] : 0;
  if (next === 0) return samples[0][key];
  const [a, b] = [samples[next - 1], samples[next]];
  return a[key] + ((b[key] - a[key]) * (atMs - a.atMs)) / (b.atMs - a.atMs);
}

/**
 * How much a counter grew.
 * @param {Sample[]} samples @param {string} key @param {number} fromMs @param {number} toMs
 */
export const growth = (samples, key, fromMs, toMs) => valueAt(samples, key, toMs) - valueAt(samples, key, fromMs);

/**
 * Times without a new frame on the screen for longer than `leastMs`. One that had begun before the window, or lasts beyond it,
 * counts with the part that lies in it.
 * @param {Frame[]} frames @param {number} fromMs @param {number} toMs @param {number} [leastMs]
 * @returns {{fromMs: number, toMs: number}[]}
 */
export function freezes(frames, fromMs, toMs, leastMs = FREEZE_MS) {
  const shown = frames.filter(({ atMs }) => atMs > fromMs && atMs < toMs).map(({ atMs }) => atMs);
  const edges = [fromMs, ...shown, toMs];
  return edges.slice(1).flatMap((atMs, i) => (atMs - edges[i] > leastMs ? [{ fromMs: edges[i], toMs: atMs }] : []));
}

/**
 * Share of the time that each picture height was on the screen.
 * @param {Frame[]} frames @param {number} fromMs @param {number} toMs
 * @returns {Record<string, number>}
 */
export function heights(frames, fromMs, toMs) {
  /** @type {Record<string, number>} */
  const shares = {};
  let height = 0;
  let sinceMs = fromMs;
  const until = (/** @type {number} */ atMs) => {
    if (height > 0 && atMs > sinceMs) shares[height] = (shares[height] ?? 0) + (atMs - sinceMs) / (toMs - fromMs);
    sinceMs = Math.max(sinceMs, atMs);
  };
  for (const frame of frames) {
    if (frame.atMs >= toMs) break;
    until(frame.atMs);
    height = frame.height;
  }
  until(toMs);
  return Object.fromEntries(Object.entries(shares).map(([key, value]) => [key, round(value, 3)]));
}

/**
 * What a viewer had in a window.
 * @param {{frames: Frame[], samples: Sample[]}} viewer @param {number} fromMs @param {number} toMs
 */
export function viewerFigures({ frames, samples }, fromMs, toMs) {
  const seconds = (toMs - fromMs) / 1000;
  const gaps = freezes(frames, fromMs, toMs);
  const delays = frames.filter(({ atMs, delayMs }) => atMs >= fromMs && atMs < toMs && delayMs !== null).map(({ delayMs }) => Number(delayMs));
  const grown = (/** @type {string} */ key) => growth(samples, key, fromMs, toMs);
  const [lost, packets, buffered] = ["lost", "packets", "buffered"].map(grown);
  const perSecond = [];
  for (let at = fromMs; at + 1000 <= toMs; at += 1000) perSecond.push(growth(samples, "decoded", at, at + 1000));
  return {
    fps: round(grown("decoded") / seconds),
    fpsWorstSecond: perSecond.length > 0 ? round(Math.min(...perSecond)) : null,
    shownFps: round((frames.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).length) / seconds),
    freezes: gaps.length,
    frozenMs: Math.round(gaps.reduce((sum, gap) => sum + gap.toMs - gap.fromMs, 0)),
    longestGapMs: Math.round(Math.max(0, ...freezes(frames, fromMs, toMs, 0).map((gap) => gap.toMs - gap.fromMs))),
    w3cFreezes: Math.round(grown("freezes")),
    w3cFrozenMs: Math.round(grown("frozenS") * 1000),
    heights: heights(frames, fromMs, toMs),
    kbps: Math.round((grown("bytes") * 8) / 1000 / seconds),
    delayMedianMs: quantile(delays, 0.5),
    delayP95Ms: quantile(delays, 0.95),
    delayRead: delays.length,
    bufferMs: buffered > 0 ? Math.round((grown("bufferS") / buffered) * 1000) : null,
    lossPercent: lost + packets > 0 ? round((100 * lost) / (lost + packets), 2) : 0,
    retransmitted: Math.round(grown("retransmitted")),
    nacks: Math.round(grown("nacks")),
    plis: Math.round(grown("plis") + grown("firs")),
    keyFrames: Math.round(grown("keyFrames")),
    stallMs: Math.max(0, ...samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs).map(({ stallMs }) => stallMs)),
  };
}

/**
 * What the publisher sent in a window: its own frame rate tells what the machine was able to.
 * @param {Sample[]} samples @param {number} fromMs @param {number} toMs
 */
export function publisherFigures(samples, fromMs, toMs) {
  const seconds = (toMs - fromMs) / 1000;
  const rids = [...new Set(samples.flatMap(({ layers }) => layers.map((/** @type {any} */ layer) => layer.rid)))];
  const layers = rids.map((rid) => {
    const rows = samples.flatMap(({ atMs, layers }) => layers.filter((/** @type {any} */ layer) => layer.rid === rid).map((/** @type {any} */ layer) => ({ ...layer, atMs })));
    const grown = (/** @type {string} */ key) => growth(rows, key, fromMs, toMs);
    const inside = rows.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
    return {
      rid,
      height: Math.max(0, ...inside.map(({ height }) => height)),
      fps: round(grown("frames") / seconds),
      kbps: Math.round((grown("bytes") * 8) / 1000 / seconds),
      retransmitted: Math.round(grown("retransmitted")),
      nacks: Math.round(grown("nacks")),
      plis: Math.round(grown("plis")),
      keyFrames: Math.round(grown("keyFrames")),
      limitedBy: [...new Set(inside.map(({ limitedBy }) => limitedBy))],
    };
  });
  return { paintedFps: round(growth(samples, "painted", fromMs, toMs) / seconds), layers: layers.sort((a, b) => a.height - b.height) };
}

/**
 * How long after `fromMs` the first moment comes from which, for `steadyMs`, a lane is sent no more than it carries and its queue is
 * short.
 * @param {Sample[]} lane  samples with bytesIn and queueMs
 * @param {{fromMs: number, toMs: number, rateBps: number, queueMs: number, steadyMs?: number}} wanted
 * @returns {number | null} milliseconds; null when there is none before toMs
 */
export function settledAfter(lane, { fromMs, toMs, rateBps, queueMs, steadyMs = 3000 }) {
  for (let at = fromMs; at + steadyMs <= toMs; at += 100) {
    const offeredBps = (growth(lane, "bytesIn", at, at + steadyMs) * 8000) / steadyMs;
    const longest = Math.max(...lane.filter(({ atMs }) => atMs >= at && atMs <= at + steadyMs).map((one) => one.queueMs));
    if (offeredBps <= rateBps && longest < queueMs) return at - fromMs;
  }
  return null;
}

/**
 * How long after `fromMs` a frame of at least this height is on the screen; null: never before toMs.
 * @param {Frame[]} frames @param {number} height @param {number} fromMs @param {number} toMs
 */
export function heightAfter(frames, height, fromMs, toMs) {
  const first = frames.find((frame) => frame.atMs >= fromMs && frame.atMs < toMs && frame.height >= height);
  return first ? Math.round(first.atMs - fromMs) : null;
}

/** A picture moves when so many frames follow one another within MOVING_MS: a single late one is not it. */
const MOVING_FRAMES = 5;
const MOVING_MS = 500;

/**
 * The first moment from which the picture moves.
 * @param {Frame[]} frames @param {number} fromMs
 * @returns {number | null} of its first frame
 */
export function movesFrom(frames, fromMs) {
  const later = frames.filter(({ atMs }) => atMs > fromMs);
  return later.find(({ atMs }, i) => later[i + MOVING_FRAMES - 1]?.atMs - atMs <= MOVING_MS)?.atMs ?? null;
}
