// SPDX-License-Identifier: Apache-2.0
//
// Where tiles go. Pure arithmetic: a number of tiles and a box in, rectangles out.

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */
/** @typedef {{rects: Rect[], height: number}} Layout  height may exceed the box: then it scrolls */

const GAP = 10;
/** Smaller than this nobody is recognised: rather scroll. */
const MIN_TILE_WIDTH = 80;
const WIDE = 16 / 9;
/** Upright boxes look better with tiles that are less wide. */
const ASPECTS_WIDE = [WIDE];
const ASPECTS_UPRIGHT = [WIDE, 4 / 3, 1, 4 / 5, 2 / 3];
/** A strip beside a shared screen: so wide, and wider when that many tiles would not fit. */
const STRIP_WIDTH = 208;
const STRIP_MAX_WIDTH = 300;
const STRIP_SHARE_UPRIGHT = 0.42;

/**
 * The largest equal tiles that fit, centred, the last row too.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {number[]} [aspects]  to choose from
 * @returns {Layout}
 */
export function layoutGrid(count, width, height, aspects = width < height ? ASPECTS_UPRIGHT : ASPECTS_WIDE) {
  if (count === 0 || width <= 0 || height <= 0) return { rects: [], height: 0 };
  return place(count, width, height, packBest(count, width, height, aspects));
}

/**
 * One large tile with the others in a strip: beside it, or below in an upright box.
 * @param {number} count  of tiles in the strip
 * @param {number} width
 * @param {number} height
 * @returns {{main: Rect, strip: Layout}}
 */
export function layoutStage(count, width, height) {
  if (count === 0) return { main: { x: 0, y: 0, width, height }, strip: { rects: [], height } };
  if (width < height) {
    const top = Math.min(Math.round(width / WIDE), Math.round(height * (1 - STRIP_SHARE_UPRIGHT)));
    const strip = layoutGrid(count, width, height - top - GAP);
    return { main: { x: 0, y: 0, width, height: top }, strip: shift(strip, 0, top + GAP) };
  }
  const fitting = Math.floor((height + GAP) / (STRIP_WIDTH / WIDE + GAP));
  const widest = Math.min(count <= fitting ? STRIP_WIDTH : STRIP_MAX_WIDTH, Math.round(width / 4));
  const strip = layoutGrid(count, widest, height, ASPECTS_WIDE);
  const left = Math.min(...strip.rects.map(({ x }) => x)); // tiles that had to shrink leave room for the main one
  const column = widest - 2 * left;
  return {
    main: { x: 0, y: 0, width: width - column - GAP, height },
    strip: shift(strip, width - column - left, 0),
  };
}

/**
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {number[]} aspects
 */
function packBest(count, width, height, aspects) {
  let best = { columns: 1, tileWidth: 0, tileHeight: 0 };
  for (const aspect of aspects) {
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const widest = (width - GAP * (columns - 1)) / columns;
      const highest = (height - GAP * (rows - 1)) / rows;
      const tileWidth = Math.floor(Math.min(widest, highest * aspect));
      const tileHeight = Math.floor(tileWidth / aspect);
      if (tileWidth * tileHeight > best.tileWidth * best.tileHeight) best = { columns, tileWidth, tileHeight };
    }
  }
  if (best.tileWidth >= Math.min(MIN_TILE_WIDTH, width)) return best;
  const columns = Math.max(1, Math.floor((width + GAP) / (MIN_TILE_WIDTH + GAP)));
  const tileWidth = Math.floor((width - GAP * (columns - 1)) / columns);
  return { columns, tileWidth, tileHeight: Math.floor(tileWidth / WIDE) };
}

/**
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {{columns: number, tileWidth: number, tileHeight: number}} pack
 * @returns {Layout}
 */
function place(count, width, height, { columns, tileWidth, tileHeight }) {
  const rows = Math.ceil(count / columns);
  const total = rows * tileHeight + (rows - 1) * GAP;
  const top = Math.max(0, Math.floor((height - total) / 2));
  const rects = Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const rowWidth = inRow * tileWidth + (inRow - 1) * GAP;
    return {
      x: Math.floor((width - rowWidth) / 2) + (i % columns) * (tileWidth + GAP),
      y: top + row * (tileHeight + GAP),
      width: tileWidth,
      height: tileHeight,
    };
  });
  return { rects, height: Math.max(height, total) };
}

/**
 * @param {Layout} layout
 * @param {number} dx
 * @param {number} dy
 * @returns {Layout}
 */
function shift({ rects, height }, dx, dy) {
  return { rects: rects.map((rect) => ({ ...rect, x: rect.x + dx, y: rect.y + dy })), height: height + dy };
}
