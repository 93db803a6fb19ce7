// SPDX-License-Identifier: Apache-2.0
//
// A way up that is too small, as the browser tells it: the SDK has it probed now and then (web/client/uplink_probe.js).

import assert from "node:assert/strict";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

const LOOK = { width: 320, height: 240 };
/** Of three encodings. */
const ALL_BPS = 2_350_000;
/** Samples come each two seconds, probes each six. */
const PATIENCE = { deadlineMs: 20_000 };

/** Have the browser say that its way up is too small for what is sent. */
function pretendNarrow() {
  const real = RTCPeerConnection.prototype.getStats;
  const narrow = (row) => {
    if (row.type === "candidate-pair") return { ...row, availableOutgoingBitrate: 50_000 };
    return row.type === "outbound-rtp" && row.kind === "video" ? { ...row, qualityLimitationReason: "bandwidth" } : row;
  };
  RTCPeerConnection.prototype.getStats = async function getStats(...args) {
    return new Map([...(await real.apply(this, args))].map(([id, row]) => [id, narrow(row)]));
  };
}

/** How much video the newest answer accepts; 0: there is no limit. */
function readLimit() {
  return Number(window.parley.room.peerConnection?.remoteDescription?.sdp.match(/b=TIAS:(\d+)/)?.[1] ?? 0);
}

scene("a way up that is too small is probed now and then, and pictures go on", async (s) => {
  const ann = await s.join("Ann", { before: [pretendNarrow, null], params: { height: 720, fps: 8, audio: 0 }, look: LOOK });
  const bob = await s.join("Bob", { params: { audio: 0, video: 0 }, look: LOOK });
  await bob.sees("Ann", { minFps: 3 });
  const first = await until("a probe", () => ann.run(readLimit), PATIENCE);
  assert.ok(first >= ALL_BPS, `all encodings go into ${first}`);
  await until("another one", async () => (await ann.run(readLimit)) > first, PATIENCE);
  await bob.sees("Ann", { minFps: 3 });
});
