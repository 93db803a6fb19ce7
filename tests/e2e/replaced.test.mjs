// SPDX-License-Identifier: Apache-2.0
//
// Two joins with one identity: the later wins, the earlier is told.

import assert from "node:assert/strict";
import { everybodyMeets } from "./lib/person.mjs";
import { scene } from "./lib/scene.mjs";

scene("joining again as the same person moves the call", async (s) => {
  const params = { identity: "ann@example.org" };
  const first = await s.join("Ann", { params });
  const bob = await s.join("Bob");
  await everybodyMeets([first, bob]);

  const second = await s.join("Ann", { params });
  await first.reaches("error");
  assert.equal(await first.run(() => document.getElementById("ended-title").textContent), "You joined from somewhere else");
  await first.screenshot("replaced");
  await everybodyMeets([second, bob]);
  await bob.seesTiles(["Ann", "Bob (you)"]);

  await first.click("#rejoin"); // and back here
  await second.reaches("error");
  await first.reaches("joined");
  await everybodyMeets([first, bob]);
  await bob.seesTiles(["Ann", "Bob (you)"]);
});
