// SPDX-License-Identifier: Apache-2.0
//
// Layers on their way up and down, and how the page shows them: layouts, pinning, figures, choices of quality, and the network
// in words. The pictures are for people.

import assert from "node:assert/strict";
import { installLook } from "./lib/in_page.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** @type {Record<string, {width: number, height: number, colorScheme: "light" | "dark"}>} */
const LOOKS = {
  desk: { ...DESK, colorScheme: "light" },
  "desk-dark": { ...DESK, colorScheme: "dark" },
  phone: { ...PHONE, colorScheme: "light" },
  "phone-dark": { ...PHONE, colorScheme: "dark" },
};
const SMALL = { height: 180, fps: 8 };
const SILENT = { audio: 0 };
/** A tone that lasts: the beeps of a fake microphone are no speech to a server. */
const TONE = { before: /** @type {[any, any]} */ ([installLook, { color: [40, 120, 200], hertz: 500 }]), params: SMALL };

/** @typedef {import("./lib/person.mjs").Person} Person */

// ---- what runs inside pages ----

/** Our picture's encodings, as the browser sends them. */
async function readSent(source = "camera") {
  const room = window.parley.room;
  const track = room?.localTracks.find((one) => one.source === source);
  const rows = [...((await track?.transceiver?.sender.getStats()) ?? new Map()).values()].filter(({ type }) => type === "outbound-rtp");
  const { encodings = [] } = track?.transceiver?.sender.getParameters() ?? {};
  return encodings.map(({ rid = "", active, scalabilityMode }) => {
    const row = rows.find((one) => (one.rid ?? "") === rid) ?? {};
    return { rid, active, mode: scalabilityMode, width: row.frameWidth ?? 0, packets: row.packetsSent ?? 0 };
  });
}

/** Where tiles are, and what is wrong about the page. */
function inspect() {
  const box = (element) => {
    const { left, top, right, bottom, width, height } = element.getBoundingClientRect();
    return { left, top, right, bottom, area: Math.round(width * height) };
  };
  const elements = [...document.querySelectorAll("#stage .tile:not(.waiting)")];
  const tiles = elements.map((tile) => ({
    name: tile.querySelector(".name").textContent,
    isMain: tile.dataset.main === "true",
    isPinned: tile.dataset.pinned === "true",
    isDominant: tile.dataset.dominant === "true",
    hold: tile.dataset.held === "true" ? tile.querySelector(".hold").textContent : "",
    figures: [...tile.querySelectorAll(".tile-figures li")].map((line) => line.textContent),
    ...box(tile),
  }));
  const faults = [];
  const overlaps = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways");
  const boxes = [...tiles, ...document.querySelectorAll(".toolbar, .topbar, .note:not([hidden])")].map((one) => (one instanceof Element ? box(one) : one));
  boxes.forEach((one, i) => {
    if (one.left < 0 || one.right > innerWidth + 1 || one.bottom > innerHeight + 1) faults.push(`${one.name ?? "a bar"} is off the screen`);
    for (let k = 0; k < i; k++) if (overlaps(one, boxes[k])) faults.push(`${one.name ?? "a bar"} is over ${boxes[k].name ?? "a bar"}`);
  });
  for (const control of document.querySelectorAll("#meeting button, .topbar button, .popup:not([hidden]) :is(button, input)")) {
    if (control.closest("[hidden]") || getComputedStyle(control).display === "none") continue;
    const words = control.getAttribute("aria-label") || control.textContent || control.closest("label")?.textContent;
    const { left, right, top, bottom } = control.getBoundingClientRect();
    if (!words?.trim()) faults.push(`${control.id || control.className} has no name`);
    if (left < -1 || right > innerWidth + 1 || top < -1 || bottom > innerHeight + 1) faults.push(`${words} is off the screen`);
  }
  for (const bar of document.querySelectorAll(".toolbar button:not([hidden])")) {
    const { width, height } = bar.getBoundingClientRect();
    if (Math.min(width, height) < 40) faults.push(`${bar.id} is too small for a finger`);
  }
  return { width: innerWidth, tiles, faults, note: document.querySelector("#network-note:not([hidden])")?.textContent.trim() ?? "" };
}

/** What a server with less bandwidth would say about somebody's picture; the true one is not listened to. */
function setSlotState([name, changes]) {
  const participant = [...window.parley.room.participants.values()].find((one) => one.name === name);
  const track = participant.trackOf("camera");
  delete track.noteState;
  track.noteState({ mid: "", state: "active", reason: "none", ...changes });
  track.noteState = () => {};
}

// ---- what people do ----

/** @param {Person} person @param {string} what @param {(seen: ReturnType<typeof inspect>) => any} holds */
const sees = (person, what, holds) =>
  until(`${person.name} to see ${what}`, async () => {
    const seen = await person.run(inspect);
    return holds(seen) && seen;
  }, { describe: () => person.run(inspect) });

const mainOf = ({ tiles }) => tiles.find(({ isMain }) => isMain)?.name ?? null;

/**
 * A picture of each look; on each everything has its place.
 * @param {Person} person
 * @param {string} name
 */
async function lookAround(person, name) {
  for (const [look, { width, height, colorScheme }] of Object.entries(LOOKS)) {
    await person.page.setViewportSize({ width, height });
    await person.page.emulateMedia({ colorScheme });
    let seen;
    await until(`${name} to fit the ${look}`, async () => {
      seen = await person.run(inspect);
      return seen.width === width && seen.faults.length === 0;
    }, { deadlineMs: 5000, describe: () => seen });
    await person.screenshot(`quality-${name}-${look}`);
  }
  await person.page.setViewportSize(DESK);
  await person.page.emulateMedia({ colorScheme: "light" });
}

/** @param {Person} person @param {string} text  of a choice in an open menu */
const choose = (person, text) => person.page.click(`.popup:not([hidden]) label:has-text("${text}")`);

// ---- layers on their way up ----

for (const codec of ["VP8", "H264"]) {
  scene(`${codec}: three sizes of a camera are sent, and arrive`, async (s) => {
    const ann = await s.join("Ann", { params: { height: 720, fps: 8, codec, identity: "ann", ...SILENT }, look: { width: 320, height: 240 } });
    // Somebody who wants the largest; a server may let those rest that nobody wants, after a while.
    await s.join("Bob", { params: { audio: 0, video: 0 }, look: { width: 320, height: 240 } });
    const widths = { q: 0, h: 0, f: 0 };
    await until("three sizes", async () => {
      for (const { rid, width } of await ann.run(readSent)) widths[rid] = Math.max(widths[rid], width);
      return Object.values(widths).join() === "320,640,1280";
    }, { describe: () => ann.run(readSent) });
    // What the server has received of each, by REST.
    const received = async () => {
      const answer = await fetch(`${s.server.url}/v1/rooms/hall/participants/ann/stats`);
      const { stats = [] } = await answer.json();
      return stats.filter(({ type, kind }) => type === "inbound-rtp" && kind === "video");
    };
    await until("three encodings at the server", async () => {
      const rows = await received();
      return ["q", "h", "f"].every((rid) => rows.some((row) => row.rid === rid && row.packetsReceived > 5));
    }, { describe: received });
  });
}

scene("VP9 and AV1 are one encoding with layers inside", async (s) => {
  const [ann, bob] = await Promise.all([
    s.join("Ann", { params: { ...SILENT, codec: "VP9", fps: 8 } }),
    s.join("Bob", { params: { ...SILENT, codec: "AV1", fps: 8 } }),
  ]);
  for (const person of [ann, bob]) {
    const encodings = await until("an encoding", async () => (await person.run(readSent)).some(({ packets }) => packets > 0) && person.run(readSent));
    assert.deepEqual(encodings.map(({ mode }) => mode), ["L2T3_KEY"]);
  }
  await Promise.all([ann.sees("Bob", { codec: "video/AV1", minFps: 4 }), bob.sees("Ann", { codec: "video/VP9", minFps: 4 })]);
});

// ---- the page ----

scene("layouts, pinning and figures, by hand and by keyboard", async (s) => {
  const you = await s.join("You", { params: SMALL, look: DESK });
  for (const name of ["Grace Hopper", "Ken Thompson"]) await s.join(name, { params: { ...SMALL, ...SILENT }, look: { width: 320, height: 240 } });
  await s.join("Barbara Liskov", { params: { audio: 0, video: 0 }, look: { width: 320, height: 240 } });
  await sees(you, "four tiles", ({ tiles }) => tiles.length === 4);
  await you.sees("Ken Thompson", { minFps: 3 });

  await you.page.keyboard.press("g");
  await sees(you, "somebody large", (seen) => {
    const [largest, next] = seen.tiles.map(({ area }) => area).sort((a, b) => b - a);
    return mainOf(seen) && largest > 3 * next;
  });
  await lookAround(you, "speaker");

  // Pinned: by the button, the key, and the menu.
  const tile = (name) => `#stage .tile[aria-label^="${name}"]`;
  await you.page.hover(tile("Ken Thompson"));
  await you.click(`${tile("Ken Thompson")} .pin`);
  await sees(you, "Ken pinned", (seen) => mainOf(seen) === "Ken Thompson" && seen.tiles.some(({ isPinned }) => isPinned));
  await you.page.keyboard.press("g"); // a pinned tile is large in a grid, too
  await lookAround(you, "pinned");
  await you.page.keyboard.press("p"); // the focus is on his pin button
  await sees(you, "everybody alike", (seen) => mainOf(seen) === null);
  await you.page.focus(`${tile("Barbara Liskov")} .more`);
  await you.page.keyboard.press("Enter");
  await you.page.waitForSelector("#tile-popup:not([hidden])");
  assert.equal(await you.run(() => document.activeElement.closest("#tile-popup") !== null), true, "the focus is in the menu");
  await you.page.keyboard.press("Escape");
  assert.equal(await you.run(() => document.activeElement.classList.contains("more")), true, "the focus is back");
  await you.page.keyboard.press("Enter");
  await you.page.click("#tile-popup button:has-text('Pin')");
  await sees(you, "Barbara pinned", (seen) => mainOf(seen) === "Barbara Liskov");
  await you.page.dblclick(tile("Barbara Liskov"));
  await sees(you, "everybody alike", (seen) => mainOf(seen) === null);

  await you.run(() => document.activeElement?.blur());
  await you.page.keyboard.press("i");
  await sees(you, "figures", ({ tiles }) => tiles.filter(({ figures }) => figures.some((line) => /\d+×\d+ \d+ fps/.test(line))).length === 3 &&
    tiles.some(({ figures }) => figures.some((line) => /loss .* · .* round trip/.test(line))));
  await lookAround(you, "figures");

  for (const [button, popup, name] of [["#view", "#view-popup", "view-menu"], ["#network", "#network-popup", "network"]]) {
    await you.click(button);
    await you.page.waitForSelector(`${popup}:not([hidden])`);
    if (popup === "#network-popup") await until("figures of the network", () => you.run(() => /Receiving.*b\/s/.test(document.querySelector("#network-figures").textContent)));
    await lookAround(you, name);
    await you.page.keyboard.press("Escape");
  }

  // The choices are there the next time.
  await you.page.reload();
  await you.reaches("joined");
  await sees(you, "figures again", ({ tiles }) => tiles.some(({ figures }) => figures.length > 0));
});

scene("a finger finds everything on a phone", async (s) => {
  const you = await s.join("You", { params: SMALL, look: { ...PHONE, isPhone: true } });
  await s.join("Ann", { params: { ...SMALL, ...SILENT }, look: { width: 320, height: 240 } });
  await you.seesTile("Ann", { hasVideo: true });
  await you.page.tap('#stage .tile[aria-label^="Ann"] .more');
  await you.page.waitForSelector("#tile-popup:not([hidden])");
  const faults = await you.run(inspect);
  assert.deepEqual(faults.faults, []);
  await you.screenshot("quality-tile-menu-touch");
  const low = await you.page.$eval("#tile-popup label:last-child", (label) => label.getBoundingClientRect().height);
  assert.ok(low >= 40, `${low}`);
  await you.page.tap("#tile-popup label:has-text('No video')");
  await sees(you, "a word about it", ({ tiles }) => tiles.some(({ name, hold }) => name === "Ann" && hold === "You switched this video off"));
  await you.page.tap(".wordmark");
  await until("the menu to close", () => you.run(() => document.querySelector("#tile-popup").hidden));
  await you.screenshot("quality-no-video-touch");
});

scene("why a picture waits, and what is wrong with the network, is said", async (s) => {
  const you = await s.join("You", { params: SMALL, look: DESK });
  for (const name of ["Ann", "Bob"]) await s.join(name, { params: { ...SMALL, ...SILENT }, look: { width: 320, height: 240 } });
  await you.seesTile("Ann", { hasVideo: true });
  await you.seesTile("Bob", { hasVideo: true });
  await you.run(setSlotState, ["Ann", { state: "paused", reason: "bandwidth" }]);
  const words = "Waiting for Ann's video: your connection carries no more";
  await sees(you, "why Ann waits", ({ tiles, note }) => tiles.some(({ hold }) => hold === words) && note === words);
  await you.seesTile("Ann", { hasVideo: false });
  await lookAround(you, "held");
  await you.run(setSlotState, ["Bob", { state: "paused", reason: "bandwidth" }]);
  await sees(you, "both", ({ note }) => note === "Waiting for the video of Ann and Bob: your connection carries no more");
  for (const name of ["Ann", "Bob"]) await you.run(setSlotState, [name, {}]);
  await you.seesTile("Ann", { hasVideo: true });
  await sees(you, "nothing wrong", ({ note, tiles }) => note === "" && tiles.every(({ hold }) => hold === ""));

  // Audio only, and back.
  await you.click("#view");
  await choose(you, "Audio only");
  await sees(you, "no video", ({ tiles }) => tiles.filter(({ hold }) => hold === "You switched this video off").length === 2);
  await you.page.keyboard.press("Escape");
  await lookAround(you, "audio-only");
  await you.click("#view");
  await choose(you, "Automatic");
  await you.seesTile("Bob", { hasVideo: true });
});

// ---- layers on their way down: with a server that has them ----

scene("a small tile gets a small picture, a pinned one a large one", async (s) => {
  await s.needs("setLayers");
  await s.join("Ann", { params: { height: 720, fps: 8, ...SILENT }, look: { width: 320, height: 240 } });
  const bob = await s.join("Bob", { params: { audio: 0, video: 0, quality: "auto" }, look: { width: 420, height: 340 } });
  await bob.sees("Ann", { width: 320, minFps: 3 });
  await bob.page.setViewportSize(DESK); // half of it for her
  await bob.sees("Ann", { width: 640, minFps: 3 });
  await bob.page.dblclick('#stage .tile[aria-label^="Ann"]');
  await bob.sees("Ann", { width: 1280, minFps: 3 });
  await bob.click("#view");
  await choose(bob, "Low");
  await bob.sees("Ann", { width: 320, minFps: 3 });
  await choose(bob, "Medium");
  await bob.sees("Ann", { width: 640, minFps: 3 });
  await choose(bob, "High");
  await bob.sees("Ann", { width: 1280, minFps: 3 });
});

scene("audio only stops video at the server; a tab in the background does, too", async (s) => {
  await s.needs("setLayers", "slotStates");
  await s.join("Ann", { params: { fps: 8 } });
  const bob = await s.join("Bob", { params: { video: 0 } });
  await bob.meets("Ann", { minFps: 3 });
  const framesOf = async () => (await bob.stream("Ann", "camera")).stream?.frames;
  const stands = (why) =>
    until(`no more pictures: ${why}`, async () => {
      const before = await framesOf();
      await bob.run(() => new Promise((resolve) => setTimeout(resolve, 1000)));
      return (await framesOf()) === before;
    });
  await bob.click("#view");
  await choose(bob, "Audio only");
  await stands("audio only");
  await bob.hears("Ann");
  await choose(bob, "High");
  await bob.sees("Ann", { minFps: 3 });
  const hide = (state) => bob.run((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
  await hide("hidden");
  await stands("nobody looks");
  await hide("visible");
  await bob.sees("Ann", { minFps: 3 });
});

scene("what nobody wants is not sent, and comes back at once", async (s) => {
  await s.needs("setLayers", "encodingsWanted");
  const ann = await s.join("Ann", { params: { height: 720, fps: 8, ...SILENT }, look: { width: 320, height: 240 } });
  const bob = await s.join("Bob", { params: { audio: 0, video: 0, quality: "low" } });
  await bob.sees("Ann", { width: 320, minFps: 3 });
  const active = async () => (await ann.run(readSent)).filter((one) => one.active).map(({ rid }) => rid).join();
  await until("Ann to send the small picture only", async () => (await active()) === "q", { describe: () => ann.run(readSent) });
  await bob.click("#view");
  await choose(bob, "High");
  // A larger one at once; how far it goes up, and how soon, depends on what Bob's connection is known to carry.
  await until("Ann to send more", async () => /[hf]/.test(await active()), { deadlineMs: 3000, describe: () => ann.run(readSent) });
  await bob.sees("Ann", { width: 1280, minFps: 3 });
});

scene("figures say which layer flows", async (s) => {
  await s.needs("slotStates");
  await s.join("Ann", { params: { fps: 8, ...SILENT } });
  const bob = await s.join("Bob", { params: { audio: 0, video: 0, stats: 1 }, look: DESK });
  await sees(bob, "the layer", ({ tiles }) => tiles.some(({ figures }) => figures.some((line) => /layer S\d/.test(line))));
});

// ---- who speaks: with a server that says so ----

scene("who leads the conversation has a frame, and is large when wanted so", async (s) => {
  await s.needs("speakers");
  await s.join("Ann", TONE);
  await s.join("Bob", { params: { ...SMALL, ...SILENT } });
  const cat = await s.join("Cat", { params: { audio: 0, video: 0, layout: "speaker" }, look: DESK });
  await sees(cat, "Ann lead", (seen) => mainOf(seen) === "Ann" && seen.tiles.some(({ name, isDominant }) => name === "Ann" && isDominant));
  assert.equal(await cat.run(() => window.parley.room.dominantSpeaker?.name), "Ann");
  await cat.screenshot("quality-dominant");
});

scene("a moving source shows whoever speaks", async (s) => {
  await s.needs("speakers");
  const [ann, bob] = await s.joinAll(["Ann", "Bob"], TONE);
  const cat = await s.join("Cat", { params: { audio: 0, video: 0 } });
  await ann.click("#mic");
  await cat.hears("Bob");
  await cat.run(async () => {
    window.speaker = await window.parley.room.subscribeSource("speaker:1", "video");
  });
  const shown = () => cat.run(() => ({ name: window.speaker.participant?.name, mid: window.speaker.transceiver?.mid }));
  const first = await until("Bob's picture", async () => {
    const seen = await shown();
    return seen.name === "Bob" && seen;
  }, { describe: shown });
  await bob.click("#mic");
  await ann.click("#mic");
  await until("Ann's picture in the same section", async () => {
    const seen = await shown();
    return seen.name === "Ann" && seen.mid === first.mid;
  }, { describe: shown });
});

scene("a few pictures and voices at a time", async (s) => {
  await s.needs("speakers");
  await s.joinAll(["Ann", "Bob", "Cat"], { params: SMALL });
  const dan = await s.join("Dan", { params: { audio: 0, video: 0, lastN: 1, speakerAudio: 2 }, look: DESK });
  await sees(dan, "one of three", ({ tiles }) => tiles.filter(({ hold }) => hold === "Shown when they speak").length === 2);
  await until("two tracks of sound", () => dan.run(() => document.querySelectorAll("#audio-outputs audio").length === 2));
  await dan.screenshot("quality-last-n");
});
