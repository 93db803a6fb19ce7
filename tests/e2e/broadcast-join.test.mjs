// SPDX-License-Identifier: Apache-2.0
//
// Many viewers at once cost the broadcaster next to nothing.

import assert from "node:assert/strict";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";
import { connect, received } from "./lib/wish_in_page.mjs";

const EMPTY = { path: "/client/README.md" };
const PAGES = 2;
const VIEWERS_A_PAGE = 25;
/** All offers are sent within this. */
const STORM_MS = 1000;
/** Of one storm; a second request may come from what was in flight when the first was answered. */
const MAX_KEYFRAME_REQUESTS = 1;
/** Frames between the storm and the last keyframe, so that there is one, but not just now. */
const QUIET_FRAMES = 45;

/** Connections with their offers ready, video only. @param {number} count */
async function prepare(count) {
  window.storm = await Promise.all(Array.from({ length: count }, async () => {
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    pc.addTransceiver("video", { direction: "recvonly" });
    await pc.setLocalDescription(await pc.createOffer());
    return { pc, sentAt: 0 };
  }));
}

/** Send them all. @returns {Promise<number>} milliseconds between the first and the last */
async function joinAll() {
  await Promise.all(window.storm.map(async (viewer) => {
    viewer.sentAt = performance.now();
    const response = await fetch("/whep/hall", { method: "POST", headers: { "content-type": "application/sdp" }, body: viewer.pc.localDescription.sdp });
    if (response.status !== 201) throw new Error(await response.text());
    await viewer.pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
  }));
  const times = window.storm.map(({ sentAt }) => sentAt);
  return Math.max(...times) - Math.min(...times);
}

/** How many have decoded a picture, and how often they asked for a keyframe. */
async function progress() {
  const rows = await Promise.all(window.storm.map(async ({ pc }) => [...(await pc.getStats()).values()].find(({ type }) => type === "inbound-rtp") ?? {}));
  return { pictures: rows.filter(({ framesDecoded }) => framesDecoded > 0).length, plis: rows.reduce((sum, { pliCount = 0, firCount = 0 }) => sum + pliCount + firCount, 0) };
}

/** The broadcaster's side. */
async function sent() {
  const rows = [...(await window.wish.cast.pc.getStats()).values()];
  const { pliCount, firCount, keyFramesEncoded, framesEncoded } = rows.find(({ type, kind }) => type === "outbound-rtp" && kind === "video");
  return { requests: pliCount + firCount, keyframes: keyFramesEncoded, frames: framesEncoded };
}

// What is asserted: between the moment before the first of 50 offers and the moment when all 50 viewers have decoded a picture, the
// broadcaster counts at most one keyframe request (PLI and FIR together). It has had the one of its first viewer before.
scene(`${PAGES * VIEWERS_A_PAGE} viewers within a second cost the broadcaster at most one keyframe`, async (s) => {
  const [caster, first, ...pages] = await Promise.all(["Caster", "First", ...Array.from({ length: PAGES }, (_, i) => `Page ${i}`)].map((name) => s.open(name, EMPTY)));
  assert.equal((await caster.run(connect, { name: "cast", endpoint: "/whip/hall", kinds: ["video"], codec: "VP8" })).status, 201);
  assert.equal((await first.run(connect, { name: "play", endpoint: "/whep/hall", direction: "recvonly", kinds: ["video"] })).status, 201);
  await until("the first viewer's picture", async () => (await first.run(received, "play")).frames > 0);
  await Promise.all(pages.map((page) => page.run(prepare, VIEWERS_A_PAGE)));
  const quiet = await caster.run(sent);
  const before = await until("a while without a keyframe", async () => {
    const now = await caster.run(sent);
    return now.frames > quiet.frames + QUIET_FRAMES && now;
  });
  const start = Date.now();
  const spans = await Promise.all(pages.map((page) => page.run(joinAll)));
  const answeredMs = Date.now() - start;
  const seen = () => Promise.all(pages.map((page) => page.run(progress)));
  await until("everybody's picture", async () => (await seen()).every(({ pictures }) => pictures === VIEWERS_A_PAGE), { describe: seen, intervalMs: 50 });
  const pictureMs = Date.now() - start;
  const after = await caster.run(sent);
  const plis = (await seen()).reduce((sum, one) => sum + one.plis, 0);
  console.log(`  ${PAGES * VIEWERS_A_PAGE} viewers: offers within ${Math.round(Math.max(...spans))} ms, answers after ${answeredMs} ms, pictures after ${pictureMs} ms; ` +
    `keyframe requests: ${plis} by viewers, ${after.requests - before.requests} at the broadcaster, which made ${after.keyframes - before.keyframes} keyframes`);
  assert.ok(Math.max(...spans) <= STORM_MS, "the offers were sent at once");
  assert.ok(after.requests - before.requests <= MAX_KEYFRAME_REQUESTS, `${after.requests - before.requests} keyframe requests reached the broadcaster`);
});
