// SPDX-License-Identifier: Apache-2.0
//
// The figures over a tile, as short lines: what arrives of somebody, or the layers that we send.

import { asBitrate, asPercent } from "./quality_words.js";

/** @typedef {import("../client/sampler.js").TrackStats} TrackStats */
/** @typedef {import("../client/types.js").LayerState} LayerState */

/**
 * @param {TrackStats} stats
 * @param {LayerState | null} layer  what the server says flows
 * @returns {string[]}
 */
export function receivedLines(stats, layer) {
  return [
    [asPicture(stats), stats.codec],
    [asBitrate(stats.bitrateBps), layer ? describeLayer(layer) : ""],
    [`loss ${asPercent(stats.lossShare)}`, `${asMs(stats.roundTripMs)} round trip`, `jitter ${asMs(stats.jitterMs)}`],
  ].map(joinParts);
}

/**
 * @param {TrackStats} stats
 * @returns {string[]}
 */
export function sentLines(stats) {
  const layers = stats.layers.map((layer) => joinParts(layer.isActive && layer.width ? [asPicture(layer), asBitrate(layer.bitrateBps)] : ["layer at rest"]));
  const limit = stats.limitedBy === "bandwidth" ? "held back by the upload" : stats.limitedBy === "cpu" ? "held back by the device" : "";
  return [
    joinParts([`sending ${asBitrate(stats.bitrateBps)}`, stats.codec]),
    ...layers,
    joinParts([`loss ${asPercent(stats.lossShare)}`, `${asMs(stats.roundTripMs)} round trip`]),
    limit,
  ].filter(Boolean);
}

/**
 * @param {LayerState} layer
 * @returns {string} empty when the server has not said
 */
export function describeLayer({ spatial, temporal, targetSpatial, targetTemporal }) {
  if (spatial === null && targetSpatial === null) return "";
  const now = asLayer(spatial, temporal);
  const aim = asLayer(targetSpatial, targetTemporal);
  return now === aim || targetSpatial === null ? `layer ${now}` : `layer ${now} → ${aim}`;
}

/**
 * @param {number | null} spatial
 * @param {number | null} temporal
 */
function asLayer(spatial, temporal) {
  if (spatial === null) return "none";
  return temporal === null ? `S${spatial}` : `S${spatial}T${temporal}`;
}

/** @param {{width: number | null, height: number | null, framesPerSecond: number | null}} picture */
function asPicture({ width, height, framesPerSecond }) {
  return width ? `${width}×${height} ${framesPerSecond ?? 0} fps` : "no picture";
}

/** @param {number | null} ms */
const asMs = (ms) => (ms === null ? "–" : `${Math.round(ms)} ms`);

/** @param {(string | null)[]} parts */
const joinParts = (parts) => parts.filter(Boolean).join(" · ");
