// SPDX-License-Identifier: Apache-2.0
//
// The page at 1, 2, 4 and 9 participants: on a desk and on a phone, light and dark. The pictures are
// for people; the tests hold that everybody is on the screen and nothing covers anything.

import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

/** @type {Record<string, {width: number, height: number, colorScheme: "light" | "dark"}>} */
const LOOKS = {
  desk: { width: 1280, height: 800, colorScheme: "light" },
  "desk-dark": { width: 1280, height: 800, colorScheme: "dark" },
  phone: { width: 390, height: 844, colorScheme: "light" },
  "phone-dark": { width: 390, height: 844, colorScheme: "dark" },
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
  return { width: innerWidth, count: tiles.length, faults };
}

scene("one, two, four and nine people fit every window", async (s) => {
  const you = await s.join("You", { look: LOOKS.desk, params: { height: 180, fps: 8 } });
  await lookAround(you, 1);
  for (const [i, name] of NAMES.entries()) {
    const params = i < WITH_CAMERA ? { height: 180, fps: 8, audio: i % 2 } : { audio: 0, video: 0 };
    await s.join(name, { params, look: { width: 320, height: 240 } });
    if ([2, 4, 9].includes(i + 2)) await lookAround(you, i + 2);
  }
});

/**
 * Look at the page in every window.
 * @param {import("./lib/person.mjs").Person} person
 * @param {number} count  of people in the room
 */
async function lookAround(person, count) {
  const withCamera = 1 + Math.min(count - 1, WITH_CAMERA);
  await until(`${count} people, ${withCamera} of them with a picture`, async () => {
    const { tiles } = await person.look();
    return tiles.length === count && tiles.filter(({ hasVideo }) => hasVideo).length === withCamera;
  }, { describe: () => person.look() });
  for (const [name, { width, height, colorScheme }] of Object.entries(LOOKS)) {
    await person.page.setViewportSize({ width, height });
    await person.page.emulateMedia({ colorScheme });
    let seen;
    const shown = count === 1 ? 2 : count; // alone there is a tile that invites others
    await until(`${count} people to fit the ${name}`, async () => {
      seen = await person.run(inspect);
      return seen.width === width && seen.count === shown && seen.faults.length === 0;
    }, { deadlineMs: 5000, describe: () => seen });
    await person.screenshot(`layout-${name}-${count}`);
  }
}
