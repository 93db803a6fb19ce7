// SPDX-License-Identifier: Apache-2.0
//
// What the page says when something is wrong: access tokens, the server, devices.

import assert from "node:assert/strict";
import { everybodyMeets } from "./lib/person.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";
import { runServerProgram } from "./lib/server.mjs";

const KEYS = "operator:a secret that has more than 32 bytes in it";
const NO_MEDIA = { audio: 0, video: 0 };

/** @param {string[]} args */
const makeToken = (...args) => runServerProgram(["token", ...args, "--auth-keys", KEYS]);

/**
 * @param {import("./lib/person.mjs").Person} person
 * @param {string} title
 */
async function isTold(person, title) {
  await person.reaches("error");
  assert.equal(await person.run(() => document.getElementById("ended-title").textContent), title);
}

scene("outside development mode only a good token lets in", async (s) => {
  const token = await makeToken("--room", "hall", "--identity", "ann");
  const forOther = await makeToken("--room", "another", "--identity", "bob");
  const listener = await makeToken("--room", "hall", "--identity", "lis", "--name", "Lis", "--grant", "canPublish=false");
  const enter = (name, params) => s.open(name, { join: true, params: { ...NO_MEDIA, ...params } });

  const [none, broken, other] = await Promise.all([
    enter("Nobody", {}),
    enter("Mallory", { token: `${token.slice(0, -4)}AAAA` }),
    enter("Bob", { token: forOther }),
  ]);
  await isTold(none, "You may not enter this room");
  await isTold(broken, "You may not enter this room");
  await isTold(other, "You may not enter this room");
  await none.screenshot("denied");

  const ann = await s.join("Ann", { params: { token } });
  const lis = await s.join("Lis", { params: { token: listener } }); // has devices, and may not publish
  await lis.meets("Ann");
  await ann.seesTile("Lis", { hasVideo: false, isMuted: true });
}, { settings: ["--auth-keys", KEYS] });

scene("a server that is gone before the join is named", async (s) => {
  const ann = await s.open("Ann", { params: NO_MEDIA });
  await s.server.stop();
  await ann.click("#join");
  await isTold(ann, "The server cannot be reached");
  await ann.screenshot("unreachable");
  await s.server.start();
  await ann.click("#rejoin");
  await ann.reaches("joined");
});

scene("a full room is named", async (s) => {
  const ann = await s.join("Ann", { params: NO_MEDIA });
  const bob = await s.open("Bob", { join: true, params: NO_MEDIA });
  await isTold(bob, "The room is full");
  const viewer = await s.open("Viewer", { path: "/watch/" });
  await viewer.reaches("full");
  await ann.click("#leave");
  await viewer.reaches("waiting"); // it came in by itself
}, { settings: ["--dev", "--room-max-participants", "1"] });

for (const [what, chromium, code] of [
  ["no camera", { hasDevices: false }, "E_DEVICE_NOT_FOUND"],
  ["no permission", { isPermitted: false }, "E_PERMISSION_DENIED"],
]) {
  scene(`with ${what} the lobby says so and one can join`, async (s) => {
    const bob = await s.open("Bob", { chromium });
    await until("a notice", () => bob.run((code) => Boolean(document.querySelector(`#lobby-notices [data-code="${code}"]`)), code), {
      describe: () => bob.run(() => document.getElementById("lobby-notices").innerHTML),
    });
    await bob.screenshot(`lobby-${code}`);
    await bob.click("#join");
    await bob.reaches("joined");
    const ann = await s.join("Ann");
    await bob.meets("Ann");
  });
}

scene("the lobby leads into the call", async (s) => {
  const ann = await s.open("", { look: { width: 1280, height: 800 } });
  const fieldErrors = () => ann.run(() => [...document.querySelectorAll(".field-error")].map(({ textContent }) => textContent));
  await ann.page.fill("#room", "");
  await ann.click("#join");
  assert.equal((await ann.look()).state, "lobby");
  assert.ok((await fieldErrors()).every(Boolean), "both fields say what is missing");
  await ann.page.fill("#room", "hall");
  await ann.page.fill("#name", "Ann");
  assert.deepEqual(await fieldErrors(), ["", ""]);
  await until("the camera preview", () => ann.run(() => document.getElementById("preview-video").videoWidth > 0));
  await ann.screenshot("lobby");
  await ann.page.keyboard.press("Enter");
  await ann.reaches("joined");
  const bob = await s.join("Bob");
  ann.name = "Ann";
  await everybodyMeets([ann, bob]);
});
