// SPDX-License-Identifier: Apache-2.0
//
// Where tiles go. Pure arithmetic: a number of tiles and a box in, rectangles out.

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */
/** @typedef {{rects: Rect[], height: number}} Layout  height may exceed the box: then it scrolls */

const GAP = 10;
/** Smaller than this nobody is recognised: rather scroll. */
const MIN_TILE_WIDTH = 120;
const WIDE = 16 / 9;
/** Upright boxes look better with tiles that are less wide. */
const ASPECTS_WIDE = [WIDE];
const ASPECTS_UPRIGHT = [WIDE, 4 / 3, 1, 4 / 5];
const STRIP_TILE_WIDTH = 208;
const STRIP_SHARE_UPRIGHT = 0.42;

/**
 * The largest equal tiles that fit, centred, the last row too.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {number} [gap]
 * @returns {Layout}
 */
export function layoutGrid(count, width, height, gap = GAP) {
  if (count === 0 || width <= 0 || height <= 0) return { rects: [], height: 0 };
  const best = packBest(count, width, height, gap);
  return place(count, width, height, gap, best);
}

/**
 * One large tile with the others in a strip: beside it, or below in an upright box.
 * @param {number} count  of tiles in the strip
 * @param {number} width
 * @param {number} height
 * @param {number} [gap]
 * @returns {{main: Rect, strip: Layout}}
 */
export function layoutStage(count, width, height, gap = GAP) {
  if (count === 0) return { main: { x: 0, y: 0, width, height }, strip: { rects: [], height } };
  if (width < height) {
    const top = Math.min(Math.round((width * 9) / 16) + 40, Math.round(height * (1 - STRIP_SHARE_UPRIGHT)));
    const strip = layoutGrid(count, width, height - top - gap, gap);
    return { main: { x: 0, y: 0, width, height: top }, strip: shift(strip, 0, top + gap) };
  }
  const column = Math.min(STRIP_TILE_WIDTH, Math.round(width / 4));
  const tileHeight = Math.round(column / WIDE);
  const total = count * tileHeight + (count - 1) * gap;
  const start = Math.max(0, Math.round((height - total) / 2));
  const rects = Array.from({ length: count }, (_, i) => ({
    x: width - column,
    y: start + i * (tileHeight + gap),
    width: column,
    height: tileHeight,
  }));
  return {
    main: { x: 0, y: 0, width: width - column - gap, height },
    strip: { rects, height: Math.max(height, total) },
  };
}

/**
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {number} gap
 */
function packBest(count, width, height, gap) {
  let best = { columns: 1, tileWidth: 0, tileHeight: 0 };
  for (const aspect of width < height ? ASPECTS_UPRIGHT : ASPECTS_WIDE) {
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const widest = (width - gap * (columns - 1)) / columns;
      const highest = (height - gap * (rows - 1)) / rows;
      const tileWidth = Math.floor(Math.min(widest, highest * aspect));
      const tileHeight = Math.floor(tileWidth / aspect);
      if (tileWidth * tileHeight > best.tileWidth * best.tileHeight) best = { columns, tileWidth, tileHeight };
    }
  }
  if (best.tileWidth >= Math.min(MIN_TILE_WIDTH, width)) return best;
  const columns = Math.max(1, Math.floor((width + gap) / (MIN_TILE_WIDTH + gap)));
  const tileWidth = Math.floor((width - gap * (columns - 1)) / columns);
  return { columns, tileWidth, tileHeight: Math.floor(tileWidth / WIDE) };
}

/**
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {number} gap
 * @param {{columns: number, tileWidth: number, tileHeight: number}} pack
 * @returns {Layout}
 */
function place(count, width, height, gap, { columns, tileWidth, tileHeight }) {
  const rows = Math.ceil(count / columns);
  const total = rows * tileHeight + (rows - 1) * gap;
  const top = Math.max(0, Math.floor((height - total) / 2));
  const rects = Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const rowWidth = inRow * tileWidth + (inRow - 1) * gap;
    return {
      x: Math.floor((width - rowWidth) / 2) + (i % columns) * (tileWidth + gap),
      y: top + row * (tileHeight + gap),
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
