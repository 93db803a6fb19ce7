// SPDX-License-Identifier: Apache-2.0
//
// The page at 1, 2, 4 and 9 participants: on a desk and on a phone, light and dark. The pictures are
// for people; the tests hold that everybody is on the screen and nothing covers anything.

import assert from "node:assert/strict";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

const LOOKS = {
  desk: { width: 1280, height: 800 },
  "desk-dark": { width: 1280, height: 800, colorScheme: "dark" },
  phone: { width: 390, height: 844, isPhone: true },
  "phone-dark": { width: 390, height: 844, isPhone: true, colorScheme: "dark" },
};
const NAMES = ["Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Ken Thompson", "Radia Perlman", "Jon Postel", "Margaret Hamilton", "Vint Cerf"];
/** Who has a camera: pictures cost, and a room has people without. */
const WITH_CAMERA = 4;

/** Where everything is, and what is wrong about it. */
function inspect() {
  const box = (element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return { left, top, right, bottom };
  };
  const tiles = [...document.querySelectorAll("#stage .tile:not([hidden])")].map(box);
  const toolbar = box(document.querySelector(".toolbar"));
  const overlaps = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways");
  if (document.documentElement.scrollHeight > innerHeight) faults.push("scrolls");
  tiles.forEach((tile, i) => {
    if (tile.left < 0 || tile.top < 0 || tile.right > innerWidth + 1 || tile.bottom > innerHeight + 1) faults.push(`tile ${i} is off the screen`);
    if (overlaps(tile, toolbar)) faults.push(`the toolbar covers tile ${i}`);
    for (let k = 0; k < i; k++) if (overlaps(tile, tiles[k])) faults.push(`tiles ${k} and ${i} overlap`);
  });
  if (toolbar.bottom > innerHeight + 1 || toolbar.right > innerWidth + 1) faults.push("the toolbar is off the screen");
  for (const button of document.querySelectorAll(".toolbar button:not([hidden])")) {
    if (!button.getAttribute("aria-label")) faults.push(`${button.id} has no name`);
    const { width, height } = button.getBoundingClientRect();
    if (Math.min(width, height) < 40) faults.push(`${button.id} is too small for a finger`);
  }
  return { count: tiles.length, faults };
}

scene("one, two, four and nine people fit every window", async (s) => {
  const viewers = await Promise.all(
    Object.entries(LOOKS).map(([look, size], i) => {
      const params = i === 0 ? { height: 180, fps: 8 } : { audio: 0, video: 0 };
      return s.join("You", { room: `layout-${look}`, look: size, params }).then((person) => ({ look, person }));
    }),
  );
  for (const { look, person } of viewers) {
    await lookAt(person, look, 1);
    const others = [];
    for (const [i, name] of NAMES.entries()) {
      const params = i < WITH_CAMERA && look === "desk" ? { height: 180, fps: 8, audio: i % 2 } : { audio: 0, video: 0 };
      others.push(await s.join(name, { room: `layout-${look}`, params, look: { width: 320, height: 240 } }));
      if ([2, 4, 9].includes(others.length + 1)) await lookAt(person, look, others.length + 1);
    }
    await Promise.all([person, ...others].map((one) => one.close()));
    for (const one of [person, ...others]) s.forget(one);
  }
}, { timeoutMs: 150_000 });

/**
 * @param {import("./lib/person.mjs").Person} person
 * @param {string} look
 * @param {number} count  of people in the room
 */
async function lookAt(person, look, count) {
  const tiles = count === 1 ? 2 : count; // alone there is a tile that invites others
  await until(`${count} people on the ${look}`, async () => {
    const { tiles: all } = await person.look();
    return all.length === count && all.every(({ name, hasVideo, source }) => hasVideo || source !== "camera" || !name.includes("(you)") || look !== "desk");
  });
  await person.screenshot(`layout-${look}-${count}`);
  const { count: shown, faults } = await person.run(inspect);
  assert.equal(shown, tiles);
  assert.deepEqual(faults, [], `${look} with ${count}`);
}
