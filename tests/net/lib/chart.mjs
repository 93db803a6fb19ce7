// SPDX-License-Identifier: Apache-2.0
//
// Line charts over time as SVG text.

const WIDTH = 760;
const HEIGHT = 130;
const LEFT = 52;
const RIGHT = 16;
const TOP = 18;
const BOTTOM = 18;

/**
 * @typedef {{label: string, color: string, points: [number, number | null][], isStep?: boolean, isDashed?: boolean}} Line
 *   points: milliseconds and value; null breaks the line
 * @typedef {{fromMs: number, toMs: number, color: string}} Band
 * @typedef {{atMs: number, text: string}} Mark
 */

/** @param {string} text */
export const escape = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/** A round number not below. @param {number} value */
function ceiling(value) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((step) => step >= value * 0.999) ?? value;
}

/**
 * @param {{title: string, lengthMs: number, lines: Line[], bands?: Band[], marks?: Mark[], top?: number}} chart
 *   top: the axis ends at least there
 * @returns {string}
 */
export function chart({ title, lengthMs, lines, bands = [], marks = [], top = 0 }) {
  const most = ceiling(Math.max(top, ...lines.flatMap(({ points }) => points.map(([, value]) => value ?? 0)), 1));
  const x = (/** @type {number} */ ms) => (LEFT + ((WIDTH - LEFT - RIGHT) * ms) / lengthMs).toFixed(1);
  const y = (/** @type {number} */ value) => (TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most)).toFixed(1);
  const parts = bands.map(({ fromMs, toMs, color }) => `<rect x="${x(fromMs)}" y="${TOP}" width="${(Number(x(toMs)) - Number(x(fromMs))).toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}" fill="${color}"/>`);
  for (const share of [0, 0.5, 1]) {
    parts.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share * most)}" y2="${y(share * most)}"/>`);
    parts.push(`<text x="${LEFT - 6}" y="${Number(y(share * most)) + 4}" text-anchor="end">${share * most}</text>`);
  }
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((s) => lengthMs / 1000 / s <= 12) ?? 1200;
  for (let s = 0; s * 1000 <= lengthMs; s += step) parts.push(`<text x="${x(s * 1000)}" y="${HEIGHT - 4}" text-anchor="middle">${s} s</text>`);
  for (const { atMs, text } of marks) {
    parts.push(`<line class="mark" x1="${x(atMs)}" x2="${x(atMs)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`);
    parts.push(`<text class="mark" x="${Number(x(atMs)) + 3}" y="${TOP + 10}">${escape(text)}</text>`);
  }
  for (const line of lines) parts.push(path(line, x, y));
  let at = WIDTH - RIGHT;
  for (const { label, color } of [...lines].reverse()) {
    parts.push(`<text x="${at}" y="12" text-anchor="end" style="fill:${color}">${escape(label)}</text>`);
    at -= 14 + label.length * 6.2;
  }
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(title)}"><text class="title" x="${LEFT}" y="12">${escape(title)}</text>${parts.join("")}</svg>`;
}

/** @param {Line} line @param {(ms: number) => string} x @param {(value: number) => string} y */
function path({ points, color, isStep, isDashed }, x, y) {
  let pen = "";
  /** @type {string | null} */
  let last = null;
  for (const [ms, value] of points) {
    if (value === null) {
      if (last !== null && isStep) pen += `H${x(ms)}`;
      last = null;
      continue;
    }
    if (last === null) pen += `M${x(ms)} ${y(value)}`;
    else pen += isStep ? `H${x(ms)}V${y(value)}` : `L${x(ms)} ${y(value)}`;
    last = y(value);
  }
  return `<path d="${pen}" fill="none" stroke="${color}" stroke-width="1.4"${isDashed ? ' stroke-dasharray="5 4"' : ""}/>`;
}
