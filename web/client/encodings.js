// SPDX-License-Identifier: Apache-2.0
//
// Which encodings a video is published with: how many layers, their sizes, bitrates and frame rates. VP8 and H.264 get
// simulcast (an encoding a layer), VP9 and AV1 one encoding with layers inside where the browser can do that.

/** Bitrates that look right at 30 frames a second with VP8 or H.264, by the shorter side of the picture. */
const MAX_BITRATE_BY_SIZE = [
  { size: 2160, bps: 8_000_000 },
  { size: 1440, bps: 5_000_000 },
  { size: 1080, bps: 3_000_000 },
  { size: 720, bps: 1_700_000 },
  { size: 540, bps: 1_000_000 },
  { size: 360, bps: 500_000 },
  { size: 270, bps: 300_000 },
  { size: 180, bps: 150_000 },
  { size: 0, bps: 100_000 },
];
/** What newer codecs need of it for the same picture. @type {Record<string, number>} */
const SHARE_BY_CODEC = { VP9: 0.75, AV1: 0.65 };
/** Layers inside one encoding; elsewhere they are encodings of their own. */
const SVC_CODECS = ["VP9", "AV1"];
/** Below these a further layer is not worth its encoder. */
const MIN_SIZE_OF_THREE_LAYERS = 540;
const MIN_SIZE_OF_TWO_LAYERS = 300;

/** Text has to be sharp and rarely moves: all pixels, few frames. */
const SCREEN = { bps: 2_500_000, framesPerSecond: 15 };
/** For who has no room for it: half the size is still worth a look, and costs little. */
const SMALL_SCREEN = { bps: 400_000, framesPerSecond: 5 };
const MIN_SIZE_OF_TWO_SCREENS = 700;

/** From the smallest to the largest; the name says nothing about the size. */
const RIDS = ["q", "h", "f"];

/**
 * @param {number} size   shorter side of the picture
 * @param {string} [codec]
 * @returns {number} bits per second
 */
export function maxBitrateOf(size, codec = "") {
  const { bps } = /** @type {{bps: number}} */ (MAX_BITRATE_BY_SIZE.find((row) => size >= row.size));
  return Math.round((bps * (SHARE_BY_CODEC[codec.toUpperCase()] ?? 1)) / 10_000) * 10_000;
}

/**
 * @typedef {object} EncodingOptions
 * @property {import("./types.js").Source} source
 * @property {number} [width]         of the captured picture; phones capture upright
 * @property {number} height
 * @property {boolean} [simulcast]    by default on for a camera or screen that is large enough
 * @property {number} [maxBitrate]    bits per second, of the largest encoding
 * @property {string} [videoCodec]    the preferred one, if any
 * @property {(codec: string, mode: string) => boolean} [canScale]  whether the browser has this scalability mode
 */

/**
 * @param {EncodingOptions} options
 * @returns {RTCRtpEncodingParameters[]} smallest first
 */
export function chooseEncodings({ source, width, height, simulcast, maxBitrate, videoCodec = "", canScale = () => false }) {
  const size = Math.min(width || Infinity, height);
  const isScreen = source === "screen";
  const codec = videoCodec.toUpperCase();
  const top = maxBitrate ?? (isScreen ? SCREEN.bps : maxBitrateOf(size, codec));
  const layers = countLayers(source, size, simulcast);
  if (SVC_CODECS.includes(codec)) return [oneEncoding(top, isScreen, scalabilityMode(codec, isScreen ? 1 : layers, canScale))];
  if (layers === 1) return [oneEncoding(top, isScreen)];
  if (isScreen) return chooseScreens(top);
  return RIDS.slice(0, layers).map((rid, index) => {
    const scale = 2 ** (layers - 1 - index);
    return {
      rid,
      scaleResolutionDownBy: scale,
      maxBitrate: scale === 1 ? top : Math.min(top, maxBitrateOf(Math.round(size / scale))),
    };
  });
}

/**
 * What to give up first when the network or the processor cannot follow.
 * @param {string} source
 * @returns {RTCDegradationPreference}
 */
export function degradationOf(source) {
  return source === "screen" ? "maintain-resolution" : "balanced";
}

/**
 * What is asked of the network when all these encodings are sent.
 * @param {{active?: boolean, maxBitrate?: number}[]} encodings
 * @returns {number} bits per second
 */
export function wantedBitrate(encodings) {
  return encodings.reduce((sum, { active, maxBitrate }) => sum + (active === false ? 0 : (maxBitrate ?? 0)), 0);
}

/** @param {number} top  bits per second */
function chooseScreens(top) {
  return [
    { rid: RIDS[1], scaleResolutionDownBy: 2, maxBitrate: Math.min(top, SMALL_SCREEN.bps), maxFramerate: SMALL_SCREEN.framesPerSecond },
    { rid: RIDS[2], scaleResolutionDownBy: 1, maxBitrate: top, maxFramerate: SCREEN.framesPerSecond },
  ];
}

/**
 * @param {number} maxBitrate
 * @param {boolean} isScreen
 * @param {string | null} [mode]
 * @returns {any}
 */
function oneEncoding(maxBitrate, isScreen, mode = null) {
  return { maxBitrate, ...(isScreen && { maxFramerate: SCREEN.framesPerSecond }), ...(mode && { scalabilityMode: mode }) };
}

/**
 * The mode with so many sizes that the browser offers: layers that lean on each other in key frames only leave the server the
 * freest choice.
 * @param {string} codec
 * @param {number} layers
 * @param {(codec: string, mode: string) => boolean} canScale
 * @returns {string | null}
 */
function scalabilityMode(codec, layers, canScale) {
  const modes = layers === 1 ? ["L1T3", "L1T2"] : [`L${layers}T3_KEY`, `L${layers}T3`, "L1T3"];
  return modes.find((mode) => canScale(codec, mode)) ?? null;
}

/**
 * @param {string} source
 * @param {number} size
 * @param {boolean | undefined} simulcast
 */
function countLayers(source, size, simulcast) {
  if (source === "screen") return (simulcast ?? true) && size >= MIN_SIZE_OF_TWO_SCREENS ? 2 : 1;
  if (!(simulcast ?? source === "camera")) return 1;
  if (size >= MIN_SIZE_OF_THREE_LAYERS) return 3;
  return size >= MIN_SIZE_OF_TWO_LAYERS ? 2 : 1;
}
