// SPDX-License-Identifier: Apache-2.0
//
// Chromium and Firefox in one room: payload types, extension ids and habits differ.

import { everybodyMeets } from "./lib/person.mjs";
import { scene } from "./lib/scene.mjs";

scene("Chromium and Firefox see and hear each other", async (s) => {
  const [ann, fay] = await Promise.all([s.join("Ann"), s.join("Fay", { browser: "firefox" })]);
  await ann.sees("Fay", { width: 640, height: 360 });
  await fay.sees("Ann", { width: 640, height: 360 });
  await everybodyMeets([ann, fay]);
  await ann.seesTile("Fay", { hasVideo: true, isMuted: false });
  await fay.seesTile("Ann", { hasVideo: true, isMuted: false });
  await fay.screenshot("firefox");

  await fay.click("#mic");
  await ann.seesTile("Fay", { isMuted: true });
  await ann.hearsSilenceOf("Fay");
  await fay.click("#mic");
  await ann.hears("Fay");

  await ann.click("#screen");
  await fay.seesTiles(["Ann", "Ann's screen", "Fay (you)"]);
  await fay.sees("Ann", { source: "screen" });
  await ann.click("#screen");
  await fay.seesTiles(["Ann", "Fay (you)"]);

  const bob = await s.join("Bob"); // late, so that both renegotiate
  await everybodyMeets([ann, bob, fay]);
  await fay.click("#leave");
  await ann.seesTiles(["Ann (you)", "Bob"]);
  await bob.meets("Ann");
});
