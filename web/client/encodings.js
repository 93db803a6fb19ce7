// SPDX-License-Identifier: Apache-2.0
//
// Which encodings a video is published with: how many simulcast layers, their sizes and bitrates.

/** Bitrates that look right at 30 frames a second, by picture height. */
const MAX_BITRATE_BY_HEIGHT = [
  { height: 1080, bps: 3_000_000 },
  { height: 720, bps: 1_700_000 },
  { height: 540, bps: 1_000_000 },
  { height: 360, bps: 500_000 },
  { height: 180, bps: 150_000 },
  { height: 0, bps: 120_000 },
];
const SCREEN_MAX_BITRATE = 2_500_000;
/** Below these a further layer is not worth its encoder. */
const MIN_HEIGHT_OF_THREE_LAYERS = 540;
const MIN_HEIGHT_OF_TWO_LAYERS = 300;

/** From the smallest to the largest; the name says nothing about the size. */
const RIDS = ["q", "h", "f"];

/**
 * @param {number} height
 * @returns {number} bits per second
 */
export function maxBitrateOf(height) {
  return /** @type {{bps: number}} */ (MAX_BITRATE_BY_HEIGHT.find((row) => height >= row.height)).bps;
}

/**
 * @typedef {object} EncodingOptions
 * @property {import("./types.js").Source} source
 * @property {number} height          of the captured picture
 * @property {boolean} [simulcast]    by default on for a camera that is large enough, off otherwise
 * @property {number} [maxBitrate]    bits per second, of the largest encoding
 * @property {string} [videoCodec]
 */

/**
 * @param {EncodingOptions} options
 * @returns {RTCRtpEncodingParameters[]} smallest first
 */
export function chooseEncodings({ source, height, simulcast, maxBitrate, videoCodec }) {
  const top = maxBitrate ?? (source === "screen" ? SCREEN_MAX_BITRATE : maxBitrateOf(height));
  const layers = countLayers(source, height, simulcast);
  if (layers === 1) return [{ maxBitrate: top }];
  return RIDS.slice(0, layers).map((rid, index) => {
    const scale = 2 ** (layers - 1 - index);
    /** @type {any} */
    const encoding = {
      rid,
      scaleResolutionDownBy: scale,
      maxBitrate: scale === 1 ? top : Math.min(top, maxBitrateOf(Math.round(height / scale))),
    };
    // Without a mode of its own on each encoding, VP9 turns simulcast into one SVC stream.
    if (/^vp9$/i.test(videoCodec ?? "")) encoding.scalabilityMode = "L1T3";
    if (/^av1$/i.test(videoCodec ?? "")) encoding.scalabilityMode = "L1T1";
    return encoding;
  });
}

/**
 * @param {string} source
 * @param {number} height
 * @param {boolean | undefined} simulcast
 */
function countLayers(source, height, simulcast) {
  if (!(simulcast ?? source === "camera")) return 1;
  if (height >= MIN_HEIGHT_OF_THREE_LAYERS) return 3;
  return height >= MIN_HEIGHT_OF_TWO_LAYERS ? 2 : 1;
}
