// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";

import { hueOf, initialsOf } from "../../../web/conference/avatar.js";
import { layoutGrid, layoutStage } from "../../../web/conference/grid.js";

const columnsOf = ({ rects }) => new Set(rects.map(({ x }) => x)).size;
const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

function assertPlaced(rects, width, height) {
  for (const [i, rect] of rects.entries()) {
    assert.ok(rect.x >= 0 && rect.y >= 0 && rect.x + rect.width <= width && rect.y + rect.height <= height, `tile ${i} outside`);
    for (const other of rects.slice(i + 1)) assert.ok(!overlap(rect, other), `tile ${i} overlaps`);
  }
}

test("every number of tiles fits a desktop and a phone without overlap", () => {
  for (const [width, height] of [[1264, 660], [374, 690], [800, 360]]) {
    for (let count = 1; count <= 16; count++) assertPlaced(layoutGrid(count, width, height).rects, width, height);
  }
});

for (const [count, columns] of [[1, 1], [2, 2], [4, 2], [9, 3], [16, 4]]) {
  test(`${count} tiles on a desktop stand in ${columns} columns of 16:9`, () => {
    const layout = layoutGrid(count, 1264, 660);
    assert.equal(columnsOf(layout), columns);
    const { width, height } = layout.rects[0];
    assert.ok(Math.abs(width / height - 16 / 9) < 0.02);
  });
}

test("two on a phone stand one above the other and use the height", () => {
  const { rects } = layoutGrid(2, 374, 690);
  assert.equal(rects[0].x, rects[1].x);
  assert.ok(rects[0].height > 300);
});

test("a last row that is not full is centred", () => {
  const { rects } = layoutGrid(3, 1264, 660);
  assert.ok(Math.abs(rects[2].x + rects[2].width / 2 - 632) <= 1);
});

test("too many to be seen: the grid scrolls instead of shrinking on", () => {
  const layout = layoutGrid(100, 374, 690);
  assert.ok(layout.height > 690);
  assert.ok(layout.rects.every(({ width }) => width >= 80));
});

test("nothing to place, or no room", () => {
  assert.deepEqual(layoutGrid(0, 100, 100).rects, []);
  assert.deepEqual(layoutGrid(3, 0, 100).rects, []);
});

test("a shared screen leaves a strip beside it, or below it on a phone", () => {
  for (const [width, height] of [[1264, 660], [374, 690]]) {
    for (const count of [0, 1, 5, 12]) {
      const { main, strip } = layoutStage(count, width, height);
      assert.equal(strip.rects.length, count);
      assertPlaced([main, ...strip.rects], width, height);
      assert.ok(main.width * main.height > 0.3 * width * height || width < height);
    }
  }
});

test("initials and colours", () => {
  assert.deepEqual(["Ann Lee", "ann", "  ", "José María de la Cruz", "😀 x", "a.b"].map(initialsOf), ["AL", "A", "?", "JC", "😀X", "AB"]);
  assert.equal(hueOf("Ann"), hueOf("Ann"));
});
