// SPDX-License-Identifier: Apache-2.0
//
// What we want of a video, in the words of `setLayers`: as large as the largest place where it is seen, no more than the user
// allows, and nothing while nobody can see it. Values in, values out.

/** @typedef {"auto" | "low" | "medium" | "high"} QualityName */
/** @typedef {{maxSpatial?: number, maxTemporal?: number, fps?: number}} QualityLimits */
/** @typedef {QualityName | QualityLimits} Quality  `auto` follows the size of the picture, `high` is the largest whatever its size */

/** Where a video is shown, in CSS pixels. @typedef {{width: number, height: number, isVisible: boolean}} View */

/**
 * @typedef {object} LayerWish
 * @property {number} [width]   device pixels; absent: any
 * @property {number} [height]
 * @property {number} [fps]
 * @property {number} [maxSpatial]
 * @property {number} [maxTemporal]
 * @property {number} [priority]
 * @property {boolean} [paused]
 */

/** Small changes of a window are not worth a message. */
const STEP = 16;
const MAX_SIDE = 8192;

/** @type {Record<string, QualityLimits>} */
const LIMITS = { auto: {}, low: { maxSpatial: 0 }, medium: { maxSpatial: 1 }, high: {} };

/**
 * @param {object} state
 * @param {View[]} state.views         none: it may be shown without our knowledge, in any size
 * @param {number} state.pixelRatio    device pixels of a CSS pixel
 * @param {boolean} [state.isPaused]   by the user's choice
 * @param {Quality} [state.quality]
 * @param {number} [state.priority]
 * @returns {LayerWish}
 */
export function wishOf({ views, pixelRatio, isPaused = false, quality = "auto", priority }) {
  const visible = views.filter(({ isVisible, width, height }) => isVisible && width > 0 && height > 0);
  const rank = priority === undefined ? {} : { priority };
  if (isPaused || (views.length > 0 && visible.length === 0)) return { ...rank, paused: true };
  const limits = typeof quality === "string" ? LIMITS[quality] : quality;
  const size = quality === "high" || visible.length === 0 ? {} : largestOf(visible, pixelRatio);
  return { ...size, ...limits, ...rank };
}

/**
 * @param {LayerWish} wish
 * @returns {string} equal for equal wishes
 */
export function wishKey(wish) {
  return JSON.stringify(Object.entries(wish).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * @param {View[]} views
 * @param {number} pixelRatio
 */
function largestOf(views, pixelRatio) {
  const side = (/** @type {number} */ pixels) => Math.min(MAX_SIDE, Math.ceil((pixels * pixelRatio) / STEP) * STEP);
  const { width, height } = views.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));
  return { width: side(width), height: side(height) };
}
