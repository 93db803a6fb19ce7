// SPDX-License-Identifier: Apache-2.0
//
// How well the network carries the call, and what is wrong with it: judged from samples, told only when it has lasted, so that
// a single bad second says nothing and a warning does not flicker.

/** @typedef {import("./sampler.js").Sample} Sample */
/** @typedef {import("./received_track.js").ReceivedTrack} ReceivedTrack */

/**
 * What is wrong, the most important first. `lost` shares are 0 to 1; `tracks` are those that the server holds back.
 * @typedef {{kind: "lost"}
 *   | {kind: "heldBack", tracks: ReceivedTrack[]}
 *   | {kind: "slowUpload", haveBps: number, wantBps: number}
 *   | {kind: "lossDown", share: number}
 *   | {kind: "lossUp", share: number}
 *   | {kind: "farAway", roundTripMs: number}
 *   | {kind: "unsteady", jitterMs: number}
 *   | {kind: "busy"}} Reason
 */

/** @typedef {{score: 0 | 1 | 2 | 3 | 4 | 5, reasons: Reason[]}} ConnectionQuality  5: nothing is wrong, 0: nothing gets through */

const BAD_LOSS_SHARE = 0.03;
const AWFUL_LOSS_SHARE = 0.1;
const FAR_MS = 400;
const UNSTEADY_MS = 80;
const ENOUGH_SHARE = 0.75;
const LITTLE_SHARE = 0.35;
/** A fault has to be seen this often, and a known one missed this often. */
const SEEN_BEFORE_TOLD = 3;
const MISSED_BEFORE_FORGOTTEN = 3;
/** Every call begins slowly: the way up is found out during it. */
const BEGIN_MS = 10_000;

/** @type {Record<Reason["kind"], number>} */
const COST = { lost: 5, heldBack: 2, slowUpload: 2, lossDown: 2, lossUp: 2, farAway: 1, unsteady: 1, busy: 1 };

export class NetworkJudge {
  /** @type {ConnectionQuality} */
  quality = { score: 5, reasons: [] };
  #beganMs = -1;
  #told = "";
  /** @type {Map<string, {reason: Reason, seen: number, missed: number, isTold: boolean}>} */
  #faults = new Map();

  /**
   * @param {Sample} sample
   * @param {boolean} isLost  there is no connection at the moment
   * @returns {boolean} whether the quality is another one
   */
  update(sample, isLost) {
    if (this.#beganMs < 0) this.#beganMs = sample.atMs;
    const found = isLost ? [/** @type {Reason} */ ({ kind: "lost" })] : findFaults(sample, sample.atMs - this.#beganMs < BEGIN_MS);
    for (const fault of this.#faults.values()) fault.missed++;
    for (const reason of found) this.#see(reason);
    for (const [kind, fault] of this.#faults) {
      if (fault.missed === 0) continue;
      if (fault.missed >= MISSED_BEFORE_FORGOTTEN || !fault.isTold || isLost) this.#faults.delete(kind);
    }
    const reasons = [...this.#faults.values()].filter(({ isTold }) => isTold).map(({ reason }) => reason);
    reasons.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
    this.quality = { score: scoreOf(reasons), reasons };
    const key = JSON.stringify(reasons, (name, value) => (name === "tracks" ? value.map((/** @type {ReceivedTrack} */ track) => track.id) : value));
    if (key === this.#told) return false;
    this.#told = key;
    return true;
  }

  /** The connection is another one. */
  reset() {
    this.#beganMs = -1;
    this.#faults.clear();
  }

  /** @param {Reason} reason */
  #see(reason) {
    const fault = this.#faults.get(reason.kind) ?? { reason, seen: 0, missed: 0, isTold: false };
    fault.reason = reason;
    fault.seen++;
    fault.missed = 0;
    // What the server has decided needs no second look.
    fault.isTold ||= fault.seen >= SEEN_BEFORE_TOLD || reason.kind === "heldBack" || reason.kind === "lost";
    this.#faults.set(reason.kind, fault);
  }
}

const ORDER = Object.keys(COST);

/**
 * @param {Sample} sample
 * @param {boolean} isBeginning
 * @returns {Reason[]}
 */
function findFaults(sample, isBeginning) {
  /** @type {Reason[]} */
  const faults = [];
  if (sample.heldBack.length > 0) faults.push({ kind: "heldBack", tracks: sample.heldBack });
  if (!isBeginning) {
    const { availableSendBps: haveBps, wantedSendBps: wantBps } = sample;
    const isLimited = [...sample.sent.values()].some(({ limitedBy }) => limitedBy === "bandwidth");
    if (isLimited && haveBps !== null && haveBps < wantBps * ENOUGH_SHARE) faults.push({ kind: "slowUpload", haveBps, wantBps });
  }
  const down = worst(sample.received, "lossShare");
  const up = worst(sample.sent, "lossShare");
  const jitterMs = worst(sample.received, "jitterMs");
  if (down >= BAD_LOSS_SHARE) faults.push({ kind: "lossDown", share: down });
  if (up >= BAD_LOSS_SHARE) faults.push({ kind: "lossUp", share: up });
  if ((sample.roundTripMs ?? 0) >= FAR_MS) faults.push({ kind: "farAway", roundTripMs: sample.roundTripMs ?? 0 });
  if (jitterMs >= UNSTEADY_MS) faults.push({ kind: "unsteady", jitterMs });
  if ([...sample.sent.values()].some(({ limitedBy }) => limitedBy === "cpu")) faults.push({ kind: "busy" });
  return faults;
}

/**
 * @param {Map<any, import("./sampler.js").TrackStats>} stats
 * @param {"lossShare" | "jitterMs"} what
 */
function worst(stats, what) {
  return Math.max(0, ...[...stats.values()].map((one) => one[what] ?? 0));
}

/**
 * @param {Reason[]} reasons
 * @returns {ConnectionQuality["score"]}
 */
function scoreOf(reasons) {
  const cost = reasons.reduce((sum, reason) => sum + COST[reason.kind] + (isAwful(reason) ? 1 : 0), 0);
  const isLost = reasons.some(({ kind }) => kind === "lost");
  return /** @type {ConnectionQuality["score"]} */ (isLost ? 0 : Math.max(1, 5 - cost));
}

/** @param {Reason} reason */
function isAwful(reason) {
  if (reason.kind === "lossDown" || reason.kind === "lossUp") return reason.share >= AWFUL_LOSS_SHARE;
  return reason.kind === "slowUpload" && reason.haveBps < reason.wantBps * LITTLE_SHARE;
}
