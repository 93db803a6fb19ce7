// SPDX-License-Identifier: Apache-2.0
//
// Network and quality in words: what is wrong, whose video waits and why, and figures as people say them.

/** @typedef {import("../client/network.js").Reason} Reason */
/** @typedef {import("../client/received_track.js").ReceivedTrack} ReceivedTrack */
/** @typedef {"auto" | "low" | "medium" | "high" | "off"} QualityChoice  what a menu offers for a video */

/** @type {Record<"good" | "fair" | "poor" | "none", string>} */
const LEVELS = {
  good: "Your connection is good",
  fair: "Your connection is fair",
  poor: "Your connection is poor",
  none: "You are not connected",
};

/**
 * @param {number} score  0 to 5
 * @returns {keyof typeof LEVELS}
 */
export function levelOf(score) {
  if (score >= 4) return "good";
  if (score >= 2) return "fair";
  return score === 1 ? "poor" : "none";
}

/** @param {number} score */
export const describeLevel = (score) => LEVELS[levelOf(score)];

/**
 * @param {Reason} reason
 * @returns {string} one sentence without its full stop
 */
export function describeReason(reason) {
  switch (reason.kind) {
    case "lost":
      return "No connection to the server";
    case "heldBack":
      return `Waiting for ${namePictures(reason.tracks)}: your connection carries no more`;
    case "slowUpload":
      return `Your upload is slow: ${asBitrate(reason.haveBps)} of ${asBitrate(reason.wantBps)}`;
    case "lossDown":
      return `Packets are lost on the way to you (${asPercent(reason.share)})`;
    case "lossUp":
      return `Packets are lost on the way from you (${asPercent(reason.share)})`;
    case "farAway":
      return `The way to the server is long: ${Math.round(reason.roundTripMs)} ms there and back`;
    case "unsteady":
      return `Packets reach you unevenly (by ${Math.round(reason.jitterMs)} ms)`;
    case "busy":
      return "Your device is busy: it sends a smaller picture";
  }
}

/**
 * Why a video that somebody sends is not shown.
 * @param {ReceivedTrack} track
 * @param {boolean} [isRationed]  the room shows a few at a time
 * @returns {string} empty: it is shown, or there is none
 */
export function describeHold(track, isRationed = false) {
  if (track.muted) return "";
  if (track.isPaused) return "You switched this video off";
  if (!track.isSubscribed) return isRationed ? "Shown when they speak" : "";
  if (track.state !== "paused") return "";
  const name = nameOf(track);
  switch (track.reason) {
    case "bandwidth":
      return `Waiting for ${name}'s ${thingOf(track)}: your connection carries no more`;
    case "notSent":
      return `Waiting for ${name}'s ${thingOf(track)}: nothing is sent`;
    default:
      return ""; // muted says so itself; not wanted is out of sight
  }
}

/**
 * @param {number | null} bps
 * @returns {string}
 */
export function asBitrate(bps) {
  if (bps === null) return "–";
  if (bps >= 999_500) return `${(bps / 1_000_000).toFixed(1)} Mb/s`;
  return `${Math.round(bps / 1000)} kb/s`;
}

/**
 * @param {number | null} ms
 * @returns {string}
 */
export function asMs(ms) {
  return ms === null ? "–" : `${ms} ms`;
}

/**
 * @param {number | null} share  0 to 1
 * @returns {string}
 */
export function asPercent(share) {
  if (share === null) return "–";
  const percent = share * 100;
  return `${percent > 0 && percent < 0.95 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** @param {ReceivedTrack[]} tracks */
function namePictures(tracks) {
  if (tracks.length === 1) return `${nameOf(tracks[0])}'s ${thingOf(tracks[0])}`;
  const names = [...new Set(tracks.map(nameOf))];
  const rest = names.length - 1;
  if (rest === 0) return `the pictures of ${names[0]}`;
  return `the video of ${names[0]} and ${rest === 1 ? names[1] : `${rest} others`}`;
}

/** @param {ReceivedTrack} track */
const nameOf = (track) => /** @type {any} */ (track).participant?.name ?? "somebody";

/** @param {ReceivedTrack} track */
const thingOf = (track) => (track.source === "screen" ? "screen" : "video");
