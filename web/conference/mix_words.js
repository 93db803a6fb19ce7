// SPDX-License-Identifier: Apache-2.0
//
// The room's mix in words and numbers: what may be chosen, what the server makes of it at present, and what went wrong.

import { asBitrate } from "./quality_words.js";

/** What the panel lets choose, in the words of startMix. @typedef {object} MixChoice
 * @property {string} layout
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} bitrate
 * @property {boolean} labels
 * @property {number} loudest
 */
/** @typedef {"low" | "medium" | "high"} MixQuality */

/** What startMix begins with when nothing is said. @type {MixChoice} */
export const FIRST_CHOICE = { layout: "grid", width: 1280, height: 720, fps: 30, bitrate: 1_500_000, labels: true, loudest: 10 };

/** @type {[number, number][]} */
export const SIZES = [
  [640, 360],
  [1280, 720],
  [1920, 1080],
];
export const RATES = [15, 30];
/** @type {[number, string][]} */
export const LOUDEST = [
  [3, "Three loudest"],
  [10, "Ten loudest"],
  [64, "Everybody"],
];

/** @type {Record<MixQuality, number>} */
const QUALITY_FACTOR = { low: 0.6, medium: 1, high: 2 };
/** @type {Record<MixQuality, string>} */
const QUALITY_WORDS = { low: "Low", medium: "Medium", high: "High" };
const QUALITIES = /** @type {MixQuality[]} */ (Object.keys(QUALITY_FACTOR));
/** A picture of four times the samples does not need four times the bits. */
const GROWTH = 0.75;
const BITRATE_STEP = 50_000;

/**
 * @param {{width: number, height: number, fps: number}} picture
 * @param {MixQuality} quality
 * @returns {number} bits a second; those of FIRST_CHOICE for its picture
 */
export function bitrateOf({ width, height, fps }, quality) {
  const first = FIRST_CHOICE;
  const ratio = (width * height * fps) / (first.width * first.height * first.fps);
  const bps = first.bitrate * ratio ** GROWTH * QUALITY_FACTOR[quality];
  return Math.max(2, Math.round(bps / BITRATE_STEP)) * BITRATE_STEP;
}

/** @param {MixChoice} choice @returns {MixQuality | null} null: the bitrate was set by other means */
export function qualityOf(choice) {
  return QUALITIES.find((quality) => bitrateOf(choice, quality) === choice.bitrate) ?? null;
}

/** @param {MixChoice} choice @returns {[string, string][]} what may be chosen, and what is */
export function qualityOptions(choice) {
  /** @type {[string, string][]} */
  const options = QUALITIES.map((quality) => [quality, `${QUALITY_WORDS[quality]} · ${asBitrate(bitrateOf(choice, quality))}`]);
  if (qualityOf(choice) === null) options.unshift(["", `As set · ${asBitrate(choice.bitrate)}`]);
  return options;
}

/**
 * A change of the picture keeps its quality, and with it changes the bitrate.
 * @param {MixChoice} before
 * @param {Partial<MixChoice>} changes
 * @returns {Partial<MixChoice>}
 */
export function withBitrate(before, changes) {
  const quality = qualityOf(before);
  const isOther = changes.width !== undefined || changes.height !== undefined || changes.fps !== undefined;
  return quality && isOther ? { ...changes, bitrate: bitrateOf({ ...before, ...changes }, quality) } : changes;
}

/** @param {{width: number, height: number}} size */
export const asSize = ({ width, height }) => `${width} × ${height}`;

/**
 * @param {any} settings  of the mix, with `actual`
 * @returns {{isLowered: boolean, text: string}}
 */
export function describeActual(settings) {
  const { actual } = settings;
  if (actual.level === 0) return { isLowered: false, text: `${asSize(settings)}, ${settings.fps} a second` };
  const isSmaller = actual.width < settings.width || actual.height < settings.height;
  const wanted = isSmaller ? `${asSize(settings)} at ${settings.fps}` : String(settings.fps);
  return {
    isLowered: true,
    text: `The server has much to do: at present it makes ${asSize(actual)} at ${actual.fps} pictures a second instead of ${wanted}. It goes back up by itself.`,
  };
}

/**
 * Where anybody watches the mix of a room.
 * @param {string} origin
 * @param {string} room
 */
export function watchLink(origin, room) {
  return `${origin}/watch/?${new URLSearchParams({ room, participant: "mix" })}`;
}

/** @type {Record<string, import("./messages.js").Message>} */
const REFUSALS = {
  E_CONFLICT: { title: "The room is mixed already", advice: "Somebody else was faster. What you see here is theirs; you can change it." },
  E_NOT_FOUND: { title: "The room is not mixed any more", advice: "Somebody else has stopped it. You can start it again." },
  E_UNSUPPORTED: { title: "This server does not mix", advice: "Mixing is turned off there. Ask whoever runs it to set mixer.threads." },
  E_DENIED: { title: "You may not mix this room", advice: "Only who administrates it may. Ask the host." },
  E_LIMIT: { title: "The server cannot make another mix", advice: "It is at its limit. Try again later, or with a smaller picture." },
  E_STATE: { title: "You are not connected", advice: "Wait until the call is back, then try again." },
};
const CUT_OFF = { title: "The server did not answer", advice: "The connection is being repaired. Try again when it is back." };

/**
 * @param {{code?: string, message?: string}} error  of startMix, updateMix, stopMix
 * @returns {import("./messages.js").Message}
 */
export function describeMixError({ code = "", message = "" }) {
  if (["E_UNREACHABLE", "E_SIGNAL_LOST", "E_TIMEOUT"].includes(code)) return CUT_OFF;
  return REFUSALS[code] ?? { title: "The server refused", advice: message || "Try again." };
}
