// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Recovery } from "../../../web/client/recovery.js";
import { FakeClock } from "./fake_clock.mjs";

let clock;
let actions;
let canReach;
let recovery;

beforeEach(() => {
  clock = new FakeClock();
  actions = [];
  canReach = true;
  recovery = new Recovery({
    restartIce: () => actions.push("restart"),
    rejoin: () => actions.push("rejoin"),
    canReach: () => canReach,
  });
  recovery.onState("connected");
});

afterEach(() => clock.restore());

test("a short disconnection is left alone", async () => {
  recovery.onState("disconnected");
  await clock.advance(2900);
  recovery.onState("connected");
  await clock.advance(60000);
  assert.deepEqual(actions, []);
});

test("a long one gets a restart", async () => {
  recovery.onState("disconnected");
  await clock.advance(3100);
  assert.deepEqual(actions, ["restart"]);
});

test("failure gets a restart at once, more of them, and a fresh join in the end", async () => {
  recovery.onState("failed");
  assert.deepEqual(actions, ["restart"]);
  await clock.advance(30000);
  assert.deepEqual(actions, ["restart", "restart", "restart", "restart", "rejoin"]);
});

test("a restart that was not needed is the only one", async () => {
  recovery.onPathLost();
  await clock.advance(60000);
  assert.deepEqual(actions, ["restart"]);
  assert.equal(recovery.isActive, false);
});

test("without signalling it waits for it", async () => {
  canReach = false;
  recovery.onState("failed");
  await clock.advance(60000);
  assert.deepEqual(actions, []);
  canReach = true;
  recovery.onReachable();
  assert.deepEqual(actions, ["restart"]);
});

test("before the first connection there is nothing to restart", () => {
  recovery.reset();
  recovery.onPathLost();
  assert.deepEqual(actions, []);
});
