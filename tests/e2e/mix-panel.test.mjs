// SPDX-License-Identifier: Apache-2.0
//
// The conference page's panel for the mix of a room: what who administrates the room can do with it, what the others see of it,
// and that it fits every window. The screenshots are for people.

import assert from "node:assert/strict";
import { CuttableProxy } from "./lib/cuttable_proxy.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";
import { runServerProgram } from "./lib/server.mjs";

/** @type {Record<string, {width: number, height: number, colorScheme: "light" | "dark"}>} */
const LOOKS = {
  desk: { width: 1280, height: 800, colorScheme: "light" },
  "desk-dark": { width: 1280, height: 800, colorScheme: "dark" },
  "desk-small": { width: 800, height: 560, colorScheme: "light" },
  phone: { width: 390, height: 844, colorScheme: "light" },
  "phone-dark": { width: 390, height: 844, colorScheme: "dark" },
  "phone-small": { width: 320, height: 568, colorScheme: "light" },
};
const KEYS = ["--auth-keys", "operator:a secret that has more than 32 bytes in it"];
/** Pictures of the preview that make a moving one; the cameras here give 15 a second. */
const MIN_FRAMES = 8;

/** What the panel shows, and what is wrong about its places. Runs in the page. */
async function lookAtPanel() {
  const id = (name) => document.getElementById(name);
  const isShown = (element) => element.getClientRects().length > 0;
  const panel = id("mix-panel");
  const faults = [];
  const box = panel.getBoundingClientRect();
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways");
  if (document.documentElement.scrollHeight > innerHeight) faults.push("the page scrolls");
  if (document.getAnimations().some((one) => one instanceof CSSTransition)) faults.push("colours still change");
  const outside = (r) => r.left < 0 || r.top < 0 || r.right > innerWidth + 1 || r.bottom > innerHeight + 1;
  if (panel.open && outside(box)) faults.push("the panel is off the screen");
  if (panel.open && panel.scrollWidth > panel.clientWidth) faults.push("the panel scrolls sideways");
  for (const one of document.querySelectorAll(".topbar :is(button, .room-name, .mix-sign)")) {
    if (isShown(one) && outside(one.getBoundingClientRect())) faults.push(`${one.id} is off the screen`);
  }
  for (const one of panel.querySelectorAll("button, a, .layout-picture")) {
    if (!isShown(one)) continue;
    if (!(one.getAttribute("aria-label") || one.textContent.trim())) faults.push(`${one.id} has no name`);
    const { width, height } = one.getBoundingClientRect();
    if (Math.min(width, height) < 32) faults.push(`${one.id || one.className} is too small for a finger`);
  }
  const video = id("mix-video");
  const receiver = window.parley.room?.mix?.tracks.find(({ kind }) => kind === "video")?.transceiver?.receiver;
  const decoded = [...((await receiver?.getStats()) ?? new Map()).values()].find(({ type }) => type === "inbound-rtp")?.framesDecoded;
  return {
    faults,
    windowWidth: innerWidth,
    isOpen: panel.open,
    isModal: panel.matches(":modal"),
    isOffered: isShown(id("mix")),
    isSigned: isShown(id("mix-sign")),
    word: id("mix-word").textContent,
    layout: panel.querySelector(".layout-picture input:checked")?.value ?? null,
    canStart: isShown(id("mix-start")),
    canStop: isShown(id("mix-stop")),
    notice: id("mix-notices").textContent,
    actual: id("mix-actual").textContent,
    lowered: id("mix-lowered").hidden ? "" : id("mix-lowered-text").textContent,
    link: id("mix-link").value,
    tokenNote: isShown(id("mix-token")),
    isLive: id("mix-preview").dataset.live === "true",
    frames: video.getVideoPlaybackQuality().totalVideoFrames || (decoded ?? 0), // Firefox counts files only
    width: video.videoWidth,
    isSilent: video.muted,
    sound: Number(id("mix-meter").getAttribute("aria-valuenow")),
    outputs: document.querySelectorAll("#audio-outputs audio").length,
    focus: document.activeElement?.id || document.activeElement?.value,
  };
}

/** @param {any} person */
const panelOf = (person) => person.run(lookAtPanel);

/** Wait until the panel is as wanted. @param {any} person @param {string} what @param {(seen: any) => boolean} isSo */
async function sees(person, what, isSo) {
  let seen;
  await until(`${person.name}'s panel: ${what}`, async () => isSo((seen = await panelOf(person))), { describe: () => seen });
  return seen;
}

/** The preview shows pictures that are not all the same one. @param {any} person */
async function seesItMove(person) {
  const { frames } = await sees(person, "a picture", ({ isLive }) => isLive);
  await sees(person, "a moving picture", (seen) => seen.frames >= frames + MIN_FRAMES);
}

/** @param {any} s @returns {Promise<any>} the mix as REST tells it, null without */
async function mixOf(s) {
  const response = await fetch(`${s.server.url}/v1/rooms/hall/mix`);
  return response.status === 404 ? null : response.json();
}

/** The page in every window. @param {any} person @param {string} state */
async function lookAround(person, state) {
  for (const [name, { width, height, colorScheme }] of Object.entries(LOOKS)) {
    await person.page.setViewportSize({ width, height });
    await person.page.emulateMedia({ colorScheme });
    await sees(person, `fits the ${name}`, (seen) => seen.windowWidth === width && seen.faults.length === 0 && (!seen.isOpen || seen.isModal === width <= 720));
    await person.screenshot(`mix-panel-${state}-${name}`);
  }
  await person.page.setViewportSize({ width: 1280, height: 800 });
}

scene("the room is mixed, shown and changed from its page", async (s) => {
  const [ann, bob] = await s.joinAll(["Ann Archer", "Bob"], { look: LOOKS.desk });
  await ann.seesTiles(["Ann Archer (you)", "Bob"]);
  await ann.click("#mix");
  await sees(ann, "open", ({ isOpen, focus, canStart, canStop }) => isOpen && focus === "mix-title" && canStart && !canStop);
  await ann.page.selectOption("#mix-settings select >> nth=0", "640x360");
  await lookAround(ann, "before");
  await ann.click("#mix-start");
  await seesItMove(ann);
  const seen = await sees(ann, "sound", ({ sound }) => sound > 0);
  assert.equal(seen.isSilent, true);
  assert.equal(seen.outputs, 1, "the mix is not played beside Bob");
  assert.equal(seen.width, 640);
  assert.match(seen.actual, /^640 × 360, 30 /);
  assert.deepEqual((await mixOf(s)).bitrate, 550_000, "the bitrate goes with the size");
  await ann.seesTiles(["Ann Archer (you)", "Bob"]); // and none of the mix
  await lookAround(ann, "on");

  await ann.click('.layout-picture:has([value="speaker"])');
  await until("the layout to change", async () => (await mixOf(s)).layout === "speaker");
  await ann.page.keyboard.press("ArrowRight");
  await until("the next layout by the keyboard", async () => (await mixOf(s)).layout === "pip");
  await sees(bob, "the sign", ({ word, isOpen }) => word === "Mixed" && !isOpen);
  await bob.page.keyboard.press("x");
  await sees(bob, "Ann's choice", ({ isOpen, layout }) => isOpen && layout === "pip");
  await bob.page.uncheck("#mix-labels");
  await until("the names to go", async () => (await mixOf(s)).labels === false);
  await sees(ann, "no names either", () => ann.run(() => !document.getElementById("mix-labels").checked));
  await seesItMove(ann);

  await ann.run(() => window.parley.room.reconnect());
  await ann.reaches("joined");
  await seesItMove(ann);
  await watchIt(s, ann);
  await ann.page.keyboard.press("Escape");
  await sees(ann, "closed", ({ isOpen, focus }) => !isOpen && focus === "mix");
  await until("nothing of the mix to arrive", () => ann.run(() => window.parley.room.mix.tracks.every(({ isSubscribed }) => !isSubscribed)));
  await lookAround(ann, "closed");
  await bob.click("#mix-stop");
  await sees(bob, "stopped", ({ canStart, isLive, word }) => canStart && !isLive && word === "Mix");
  await sees(ann, "stopped as well", ({ word }) => word === "Mix");
  assert.equal(await mixOf(s), null);
});

/** The link that the panel gives shows the mix. */
async function watchIt(s, ann) {
  const { link } = await panelOf(ann);
  assert.equal(link, `${s.server.url}/watch/?room=hall&participant=mix`);
  await ann.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await ann.click("#mix-copy");
  await until("the link in the clipboard", async () => (await ann.run(() => navigator.clipboard.readText())) === link);
  const viewer = await s.open("Viewer", { path: "/watch/", params: Object.fromEntries(new URL(link).searchParams) });
  await viewer.reaches("live");
}

scene("who does not administrate the room only sees that it is mixed", async (s) => {
  const token = (identity, ...grants) => runServerProgram(["token", "--room", "hall", "--identity", identity, ...grants, ...KEYS]);
  const ann = await s.join("Ann", { look: LOOKS.desk, params: { token: await token("ann", "--grant", "roomAdmin"), quality: "low" } });
  const bob = await s.join("Bob", { look: LOOKS.desk, params: { token: await token("bob") } });
  await sees(bob, "nothing of it", ({ isOffered, isSigned }) => !isOffered && !isSigned);
  await ann.click("#mix");
  await ann.click("#mix-start");
  await sees(ann, "the mix, and that viewers need a token", ({ isLive, tokenNote }) => isLive && tokenNote);
  await sees(bob, "the sign", ({ isOffered, isSigned }) => !isOffered && isSigned);
  await bob.page.keyboard.press("x");
  await lookAround(bob, "other");
  assert.equal((await panelOf(bob)).isOpen, false);
  await ann.click("#mix-stop");
  await sees(bob, "no sign any more", ({ isSigned }) => !isSigned);
}, { settings: KEYS });

scene("what the server refuses, and what it cannot keep up with, is said in words", async (s) => {
  const ann = await s.join("Ann", { look: LOOKS.desk });
  await ann.click("#mix");
  // Somebody is faster, by less than it takes to tell.
  await ann.run(() => {
    const { room } = window.parley;
    const start = room.startMix.bind(room);
    room.startMix = (settings) => Promise.all([start({ layout: "pip" }), start(settings)]);
  });
  await ann.click("#mix-start");
  await sees(ann, "that it is mixed already, and how", ({ notice, canStop, layout }) => /mixed already/.test(notice) && canStop && layout === "pip");
  await lookAround(ann, "refused");
  await fetch(`${s.server.url}/v1/rooms/hall/mix`, { method: "PATCH", headers: { "content-type": "application/json" }, body: '{"layout": "custom", "fps": 25, "rectangles": [{"x": 0, "y": 0, "width": 640, "height": 360}]}' });
  await sees(ann, "what was set by other means", ({ layout, actual }) => layout === null && /25 a second/.test(actual));
  const lower = () => {
    const { room } = window.parley;
    room.mix.settings = { ...room.mix.settings, actual: { level: 3, fps: 12, width: 640, height: 360 } };
    room.emit("mixChanged", room.mix);
  };
  let lowered;
  await until("the words for what the server can make", async () => {
    await ann.run(lower); // again, for a busy machine's server has a word of its own on this
    ({ lowered } = await panelOf(ann));
    return /640 × 360 at 12 pictures a second instead of 1280 × 720 at 25/.test(lowered);
  }, { describe: () => lowered });
  await lookAround(ann, "lowered");
});

scene("a preview goes on when its session had to be joined afresh, and ends with the call", async (s) => {
  const proxy = new CuttableProxy(s.server.url);
  await proxy.start();
  s.cleanups.push(() => proxy.stop());
  const [ann, bob] = [await s.join("Ann", { look: LOOKS.desk, server: proxy.url }), await s.join("Bob", { look: LOOKS.desk })];
  await ann.click("#mix");
  await ann.click("#mix-start");
  await seesItMove(ann);
  proxy.cut();
  await bob.seesTiles(["Bob (you)"]);
  assert.ok(await mixOf(s), "the mix stays with the room");
  proxy.open();
  await ann.run(() => window.parley.room.retryNow());
  await ann.reaches("joined");
  await ann.seesTiles(["Ann (you)", "Bob"]);
  await seesItMove(ann);
  await ann.click("#leave");
  await ann.reaches("left");
  await ann.click("#rejoin");
  await ann.reaches("joined");
  await sees(ann, "closed, and that the room is mixed", ({ isOpen, word }) => !isOpen && word === "Mixed");
  await ann.click("#mix");
  await seesItMove(ann);
}, { settings: ["--dev", "--session-grace-ms", "1500"] });

scene("a room is mixed from Firefox", async (s) => {
  const ann = await s.join("Ann", { browser: "firefox", look: LOOKS.desk });
  await ann.click("#mix");
  await ann.click("#mix-start");
  await seesItMove(ann);
  await ann.click('.layout-picture:has([value="speaker"])');
  await until("the layout to change", async () => (await mixOf(s)).layout === "speaker");
  const { faults, isSilent } = await panelOf(ann);
  assert.deepEqual([faults, isSilent], [[], true]);
  await ann.screenshot("mix-panel-firefox");
  await ann.click("#mix-stop");
  await sees(ann, "stopped", ({ canStart }) => canStart);
});

scene("a server that mixes nothing says so", async (s) => {
  const ann = await s.join("Ann", { look: LOOKS.desk });
  await ann.click("#mix");
  await ann.click("#mix-start");
  await sees(ann, "that it is turned off", ({ notice, canStart }) => /does not mix/.test(notice) && canStart);
  await ann.screenshot("mix-panel-unsupported");
}, { settings: ["--dev", "--mixer-threads", "0"] });
