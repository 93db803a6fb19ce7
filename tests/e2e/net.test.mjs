// SPDX-License-Identifier: Apache-2.0
//
// The network of ./dev net carries a call and measures it: its wire does what it says, and a clean run reaches its aims. What bad
// networks do to a call is ./dev net itself.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ROOT } from "./lib/paths.mjs";
import { whyNotPossible } from "../net/lib/isolation.mjs";

const skip = whyNotPossible() ?? false;
const RUN_MS = 80_000;

/** @param {string[]} args */
function node(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8", timeout: RUN_MS });
  return { status, text: `${stdout}${stderr}` };
}

test("packets take as long as the wire is told, and as many are lost", { skip }, () => {
  const { status, text } = node("tests/net/check_wire.mjs");
  assert.equal(status, 0, text);
});

test("a clean network: pictures flow, and their delay is read off them", { skip }, () => {
  // How many frames a second a busy machine gives is not judged here.
  const { text } = node("tests/net/run.mjs", "clean", "--seconds", "3", "--size", "640x360", "--output", "tests/e2e/output/net");
  const file = path.join(ROOT, "tests/e2e/output/net/clean.json");
  assert.ok(fs.existsSync(file), text);
  const { figures, published, lanes } = JSON.parse(fs.readFileSync(file, "utf8"));
  const { fps, kbps, delayRead, delayMedianMs, shownFps } = figures.viewer1;
  assert.ok(fps >= 6, text);
  assert.ok(kbps > 50, text);
  assert.ok(delayRead >= shownFps * 3 * 0.8, `the delay of ${delayRead} frames was read\n${text}`);
  assert.ok(delayMedianMs > 0 && delayMedianMs < 2000, text);
  assert.equal(published.layers.length, 2);
  assert.equal(lanes["viewer1.down"].at(-1).droppedLoss, 0);
});

test("what the harness does not know it says so", () => {
  const { status, text } = node("tests/net/run.mjs", "cleen");
  assert.equal(status, 2);
  assert.match(text, /no profile cleen; there are clean, /);
});
