// SPDX-License-Identifier: Apache-2.0
//
// A browser that dies or falls silent without a word.

import assert from "node:assert/strict";
import { Chromium } from "./lib/chromium.mjs";
import { everybodyMeets } from "./lib/person.mjs";
import { scene } from "./lib/scene.mjs";

const CONSENT_MS = 4000;
const GRACE_MS = 2000;

scene("a killed browser is gone for the others within the consent timeout", async (s) => {
  const doomed = await Chromium.open();
  s.cleanups.push(() => doomed.close());
  const [ann, bob] = await Promise.all([s.join("Ann"), s.join("Bob", { at: doomed })]);
  await everybodyMeets([ann, bob]);

  const start = Date.now();
  s.forget(bob);
  await doomed.kill();
  await ann.seesTiles(["Ann (you)"]);
  const elapsedMs = Date.now() - start;
  assert.ok(elapsedMs < CONSENT_MS + 2000, `it took ${elapsedMs} ms`);
  assert.match(await ann.run(() => document.getElementById("announcer").textContent), /Bob lost the connection/);
}, { settings: ["--dev", "--media-consent-timeout-ms", String(CONSENT_MS), "--session-grace-ms", String(GRACE_MS)] });

scene("a frozen browser is gone for the others, and comes back when it thaws", async (s) => {
  const frozen = await Chromium.open();
  s.cleanups.push(() => frozen.close());
  const [ann, bob] = await Promise.all([s.join("Ann"), s.join("Bob", { at: frozen })]);
  await everybodyMeets([ann, bob]);

  frozen.freeze();
  try {
    // Its WebSocket is open until the server's pings go unanswered; its consent is long over by then.
    await ann.seesTiles(["Ann (you)"]);
  } finally {
    frozen.thaw();
  }
  await everybodyMeets([ann, bob]);
  await bob.seesTiles(["Ann", "Bob (you)"]);
}, { settings: ["--dev", "--media-consent-timeout-ms", String(CONSENT_MS)] }); // the usual grace period
