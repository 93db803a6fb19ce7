// SPDX-License-Identifier: Apache-2.0
//
// The conference page's panel for the mix of a room.

import assert from "node:assert/strict";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

const LOOKS = {
  desk: { width: 1280, height: 800, colorScheme: "light" },
  "desk-dark": { width: 1280, height: 800, colorScheme: "dark" },
  phone: { width: 390, height: 844, colorScheme: "light" },
  "phone-dark": { width: 390, height: 844, colorScheme: "dark" },
};

async function lookAround(person, state) {
  for (const [name, { width, height, colorScheme }] of Object.entries(LOOKS)) {
    await person.page.setViewportSize({ width, height });
    await person.page.emulateMedia({ colorScheme });
    await person.page.waitForTimeout(300);
    await person.screenshot(`mix-panel-${state}-${name}`);
  }
}

scene("draft", async (s) => {
  const [ann, bob] = await s.joinAll(["Ann Archer", "Bob"], { params: { height: 360, fps: 15 } });
  await ann.seesTiles(["Ann Archer (you)", "Bob"]);
  await ann.page.setViewportSize(LOOKS.desk);
  await ann.click("#mix");
  await lookAround(ann, "before");
  await ann.click("#mix-start");
  await until("preview", () => ann.run(() => document.querySelector("#mix-video").videoWidth));
  await lookAround(ann, "on");
  await ann.page.setViewportSize(LOOKS.desk);
  await ann.page.keyboard.press("Escape");
  await lookAround(ann, "closed");
  await lookAround(bob, "other");
});
