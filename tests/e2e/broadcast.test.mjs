// SPDX-License-Identifier: Apache-2.0
//
// The studio and the player, as people use them. The pictures are for people; the tests hold that the pages work, fit their
// windows, and name their controls.

import assert from "node:assert/strict";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

const STUDIO = { path: "/broadcast/", params: { height: 360, bitrate: 600000 } };
const WATCH = { path: "/watch/" };
/** @type {Record<string, {width: number, height: number, colorScheme: "light" | "dark"}>} */
const LOOKS = {
  desk: { width: 1280, height: 800, colorScheme: "light" },
  "desk-dark": { width: 1280, height: 800, colorScheme: "dark" },
  phone: { width: 390, height: 844, colorScheme: "light" },
  "phone-dark": { width: 390, height: 844, colorScheme: "dark" },
};

/** @param {any} person */
const playing = (person) => person.run(async () => {
  const video = document.querySelector("video");
  const rows = [...((await window.parley.player?.peerConnection?.getStats())?.values() ?? [])];
  const frames = rows.reduce((sum, { framesDecoded }) => sum + (framesDecoded ?? 0), 0);
  return { width: video.videoWidth, height: video.videoHeight, time: video.currentTime, isPaused: video.paused, frames };
});

/** Wait until the picture moves. @param {any} person */
async function moves(person) {
  const { frames } = await playing(person);
  return until(`${person.name}'s picture to move`, async () => {
    const now = await playing(person);
    return now.width > 0 && !now.isPaused && now.frames > frames + 5 && now;
  }, { describe: () => playing(person) });
}

/** What is wrong with a page. */
function inspect() {
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways");
  for (const control of document.querySelectorAll("button, input, select")) {
    if (control.closest("[hidden]") || control.type === "radio" || getComputedStyle(control).display === "none") continue;
    const words = control.getAttribute("aria-label") || control.textContent || control.closest("label")?.textContent;
    const { left, right } = control.getBoundingClientRect();
    if (!words?.trim()) faults.push(`${control.id} has no name`);
    if (left < -1 || right > innerWidth + 1) faults.push(`${control.id} is off the screen`);
  }
  return faults;
}

/** @param {any} person @param {string} name */
async function lookAround(person, name) {
  for (const [look, { width, height, colorScheme }] of Object.entries(LOOKS)) {
    await person.page.setViewportSize({ width, height });
    await person.page.emulateMedia({ colorScheme });
    await until(`${name} to fit the ${look}`, async () => (await person.run(inspect)).length === 0, { deadlineMs: 5000, describe: () => person.run(inspect) });
    await person.screenshot(`${name}-${look}`);
  }
  await person.page.setViewportSize({ width: 640, height: 480 });
}

scene("a viewer waits calmly, sees the broadcast begin, end and begin again, with statistics", async (s) => {
  const [viewer, studio] = await Promise.all([s.open("Viewer", WATCH), s.open("Studio", STUDIO)]);
  await viewer.reaches("waiting");
  await lookAround(viewer, "watch-waiting");
  await until("the studio's preview", async () => (await playing(studio)).width > 0);
  await lookAround(studio, "studio-ready");
  await studio.click("#go");
  await studio.reaches("live");
  await viewer.reaches("live");
  await moves(viewer);
  await viewer.page.keyboard.press("i");
  await until("figures", () => viewer.run(() => /× .* fps/.test(document.querySelector("#stats").textContent)));
  await lookAround(viewer, "watch-live");
  await until("the studio's figures", () => studio.run(() => /Mb\/s/.test(document.querySelector("#stats").textContent) && document.querySelector("#graph path").getAttribute("d")));
  await lookAround(studio, "studio-live");
  const { resource } = await viewer.run(() => ({ resource: window.parley.player.resource }));
  await studio.click("#go");
  await viewer.reaches("waiting");
  await studio.click("#go");
  await viewer.reaches("live");
  await moves(viewer);
  assert.equal(await viewer.run(() => window.parley.player.resource), resource, "nothing was negotiated again");
});

scene("a broadcast in several sizes says what each takes, in one size it says nothing of it", async (s) => {
  const look = () => studio.run(() => [...document.querySelectorAll("#layer-list:not([hidden]) li")].map((line) => line.textContent));
  const studio = await s.open("Studio", { ...STUDIO, params: { height: 720, bitrate: 1_500_000, codec: "VP8" } });
  await until("the studio's preview", async () => (await playing(studio)).width > 0);
  await studio.click("#go");
  await studio.reaches("live");
  const sizes = /^1280 × 720, .*\n640 × 360, .*\n320 × 180, /;
  await until("three sizes", async () => sizes.test((await look()).join("\n")), { describe: look });
  const received = async () => {
    const answer = await fetch(`${s.server.url}/v1/rooms/hall/participants/broadcaster/stats`);
    const { stats = [] } = await answer.json();
    return stats.filter(({ type, kind }) => type === "inbound-rtp" && kind === "video").map(({ rid, packetsReceived }) => ({ rid, packetsReceived }));
  };
  await until("three sizes at the server", async () => {
    const rows = await received();
    return ["q", "h", "f"].every((rid) => rows.some((row) => row.rid === rid && row.packetsReceived > 5));
  }, { describe: received });
  await lookAround(studio, "studio-layers");
  assert.deepEqual(await studio.run(() => [document.querySelector("#layers").disabled, document.querySelector("#bitrate").disabled]), [true, false]);
  await studio.page.selectOption("#bitrate", "600000");
  await until("the largest one to be limited", () => studio.run(() => {
    const { encodings } = window.parley.broadcast.peerConnection.getSenders().find(({ track }) => track?.kind === "video").getParameters();
    return encodings.map(({ maxBitrate }) => maxBitrate).join() === "150000,500000,600000";
  }));
  await studio.click("#go");
  await studio.reaches("ready");
  await studio.page.selectOption("#layers", "one");
  await studio.click("#go");
  await studio.reaches("live");
  await until("the studio's figures", () => studio.run(() => /fps/.test(document.querySelector("#stats").textContent)));
  assert.deepEqual(await look(), []);
});

scene("the studio changes from camera to screen to both while it is live", async (s) => {
  const [viewer, studio] = await Promise.all([s.open("Viewer", WATCH), s.open("Studio", { ...STUDIO, before: [fakeScreen, null] })]);
  await studio.click("#go");
  await viewer.reaches("live");
  const camera = await moves(viewer);
  for (const source of ["screen", "both"]) {
    await studio.run((value) => document.querySelector(`input[value="${value}"]`).click(), source);
    const ratio = await until(`the ${source}`, async () => {
      const { width, height } = await playing(viewer);
      return Math.abs(width / height - 4 / 3) < 0.05 && width / height;
    }, { describe: () => playing(viewer) });
    assert.notEqual(ratio, camera.width / camera.height);
    await moves(viewer);
  }
  await studio.screenshot("studio-both");
});

/** A screen of its own shape, for a machine without one. */
function fakeScreen() {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
    const paint = canvas.getContext("2d");
    let tick = 0;
    setInterval(() => {
      paint.fillStyle = `hsl(${tick++} 60% 40%)`;
      paint.fillRect(0, 0, 640, 480);
    }, 60);
    return canvas.captureStream(15);
  };
}

scene("both pages come back by themselves when the server does", async (s) => {
  const [viewer, studio] = await Promise.all([s.open("Viewer", WATCH), s.open("Studio", STUDIO)]);
  await studio.click("#go");
  await viewer.reaches("live");
  await s.server.stop();
  await Promise.all([viewer.reaches("reconnecting"), studio.reaches("reconnecting")]);
  await viewer.screenshot("watch-reconnecting");
  await s.server.start();
  await Promise.all([viewer.reaches("live"), studio.reaches("live")]);
  await moves(viewer);
});

scene("the player asks for a room when its address names none, and plays in Firefox", async (s) => {
  const [viewer, studio] = await Promise.all([s.open("Viewer", { ...WATCH, browser: "firefox" }), s.open("Studio", { ...STUDIO, params: { ...STUDIO.params, codec: "VP8" } })]);
  await studio.click("#go");
  await studio.reaches("live");
  await viewer.open(`${s.server.url}/watch/`);
  await viewer.page.waitForSelector("#ask:not([hidden])");
  await viewer.page.type("#room", "hall");
  await viewer.page.keyboard.press("Enter");
  await viewer.reaches("live");
  await moves(viewer);
});

scene("a viewer without a token is told what to do", async (s) => {
  const viewer = await s.open("Viewer", WATCH);
  await viewer.reaches("error");
  assert.match(await viewer.run(() => document.querySelector("#curtain").textContent), /may not enter|link/);
}, { settings: ["--auth-keys", "operator:a secret that has more than 32 bytes in it"] });
