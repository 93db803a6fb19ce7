// SPDX-License-Identifier: Apache-2.0
//
// Measures a call at a steady pace: one report of the connection each time, divided into what arrives of each track, what is
// sent of each, and the path.

import { wantedBitrate } from "./encodings.js";
import { summarise } from "./stats.js";

/** @typedef {import("./stats.js").StreamStats} StreamStats */
/** @typedef {import("./received_track.js").ReceivedTrack} ReceivedTrack */
/** @typedef {import("./local_track.js").LocalTrack} LocalTrack */

/**
 * One encoding of a sent track.
 * @typedef {object} LayerStats
 * @property {string | null} rid
 * @property {boolean} isActive
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} framesPerSecond
 * @property {number | null} bitrateBps
 */

/**
 * @typedef {object} TrackStats
 * @property {string | null} codec            e.g. "VP8"
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} framesPerSecond
 * @property {number | null} bitrateBps
 * @property {number | null} lossShare        0 to 1, since the last sample
 * @property {number | null} jitterMs
 * @property {number | null} roundTripMs
 * @property {string | null} limitedBy        of a sent track: "bandwidth", "cpu", "none"
 * @property {LayerStats[]} layers            of a sent track, largest first
 */

/**
 * @typedef {object} Sample
 * @property {number} atMs
 * @property {Map<ReceivedTrack, TrackStats>} received
 * @property {Map<LocalTrack, TrackStats>} sent
 * @property {ReceivedTrack[]} heldBack      what the server does not send because of our bandwidth
 * @property {number | null} sendBps         all together
 * @property {number | null} receiveBps
 * @property {number} wantedSendBps          what our pictures would take
 * @property {number | null} availableSendBps  the browser's estimate of the way up
 * @property {number | null} roundTripMs
 * @property {string | null} path            e.g. "host udp"
 */

export class Sampler {
  #options;
  #periodMs;
  /** @type {any} */
  #timer = null;
  /** @type {import("./stats.js").StatsSummary | null} */
  #last = null;
  #isBusy = false;

  /**
   * @param {object} options
   * @param {() => RTCPeerConnection | null} options.connection
   * @param {() => ReceivedTrack[]} options.received
   * @param {() => LocalTrack[]} options.sent
   * @param {(sample: Sample) => void} options.onSample
   * @param {number} options.periodMs
   */
  constructor(options) {
    this.#options = options;
    this.#periodMs = options.periodMs;
  }

  start() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#sample(), this.#periodMs);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#last = null;
  }

  /** @param {number} periodMs */
  setPeriod(periodMs) {
    if (periodMs === this.#periodMs) return;
    this.#periodMs = periodMs;
    if (this.#timer) this.start();
  }

  async #sample() {
    const pc = this.#options.connection();
    if (!pc || this.#isBusy) return;
    this.#isBusy = true;
    try {
      const report = await pc.getStats();
      const last = this.#last;
      this.#last = summarise(/** @type {any} */ (report).values(), last, performance.now());
      if (this.#timer) this.#options.onSample(divide(this.#last, this.#options.received(), this.#options.sent()));
    } catch {
      // the connection was closed meanwhile
    } finally {
      this.#isBusy = false;
    }
  }
}

/**
 * @param {import("./stats.js").StatsSummary} summary
 * @param {ReceivedTrack[]} receivedTracks
 * @param {LocalTrack[]} sentTracks
 * @returns {Sample}
 */
export function divide({ atMs, streams, path }, receivedTracks, sentTracks) {
  const sum = (/** @type {StreamStats["direction"]} */ direction) => sumBitrates(streams.filter((one) => one.direction === direction));
  const roundTripMs = path?.roundTripMs ?? null;
  const streamsOf = (/** @type {ReceivedTrack | LocalTrack} */ track, /** @type {string} */ direction) => {
    const mid = track.transceiver?.mid;
    return mid == null ? [] : streams.filter((one) => one.mid === mid && one.direction === direction);
  };
  return {
    atMs,
    received: new Map(receivedTracks.flatMap((track) => asEntry(track, describe(streamsOf(track, "received"), roundTripMs)))),
    sent: new Map(sentTracks.flatMap((track) => asEntry(track, describe(streamsOf(track, "sent"), roundTripMs)))),
    heldBack: receivedTracks.filter(({ state, reason }) => state === "paused" && reason === "bandwidth"),
    sendBps: sum("sent"),
    receiveBps: sum("received"),
    wantedSendBps: sentTracks.reduce((total, track) => total + wantedOf(track), 0),
    availableSendBps: path?.availableSendBps ?? null,
    roundTripMs,
    path: path?.local?.split(" ").slice(0, 2).join(" ") ?? null,
  };
}

/**
 * @template T, S
 * @param {T} track
 * @param {S | null} stats
 * @returns {[T, S][]}
 */
const asEntry = (track, stats) => (stats ? [[track, stats]] : []);

/** @param {LocalTrack} track */
function wantedOf(track) {
  if (track.kind !== "video" || track.muted) return 0;
  return wantedBitrate(track.transceiver?.sender.getParameters?.().encodings ?? []);
}

/**
 * @param {StreamStats[]} streams  of one track
 * @param {number | null} pathRoundTripMs
 * @returns {TrackStats | null}
 */
export function describe(streams, pathRoundTripMs) {
  if (streams.length === 0) return null;
  const bySize = [...streams].sort((a, b) => (b.width ?? 0) - (a.width ?? 0));
  const largest = bySize.find(({ isActive, framesPerSecond }) => isActive && framesPerSecond) ?? bySize[0];
  const isSent = largest.direction === "sent";
  const reasons = streams.map(({ limitedBy }) => limitedBy);
  const losses = streams.flatMap(({ lossShare }) => (lossShare === null ? [] : [lossShare]));
  return {
    codec: largest.codec?.split("/")[1] ?? null,
    width: largest.width,
    height: largest.height,
    framesPerSecond: largest.framesPerSecond === null ? null : Math.round(largest.framesPerSecond),
    bitrateBps: sumBitrates(streams),
    lossShare: losses.length > 0 ? Math.max(...losses) : null,
    jitterMs: largest.jitterMs,
    roundTripMs: largest.roundTripMs ?? pathRoundTripMs,
    limitedBy: ["bandwidth", "cpu", "other"].find((reason) => reasons.includes(reason)) ?? reasons[0],
    layers: isSent && largest.kind === "video" ? bySize.map(asLayer) : [],
  };
}

/** @param {StreamStats} stream */
const asLayer = ({ rid, isActive, width, height, framesPerSecond, bitrateBps }) => ({
  rid,
  isActive,
  width,
  height,
  framesPerSecond: framesPerSecond === null ? null : Math.round(framesPerSecond),
  bitrateBps,
});

/** @param {StreamStats[]} streams */
function sumBitrates(streams) {
  const known = streams.flatMap(({ bitrateBps }) => (bitrateBps === null ? [] : [bitrateBps]));
  return known.length > 0 ? known.reduce((a, b) => a + b, 0) : null;
}
