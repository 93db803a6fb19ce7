// SPDX-License-Identifier: Apache-2.0
//
// A browser that estimates its downlink by itself and tells the outcome (REMB), as those before transport-wide feedback did: it is
// told when packets left the server, and its estimate is listened to.

import assert from "node:assert/strict";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

const SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const WIDE_NUMBER = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

// ---- what runs inside pages ----

/** Offers know nothing of transport-wide feedback. */
function forgetTransportWide() {
  const { createOffer } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createOffer = async function (...args) {
    const { type, sdp } = await createOffer.apply(this, args);
    return { type, sdp: sdp.replace(/^a=(rtcp-fb:\S+ transport-cc|extmap:.*transport-wide-cc.*)\r\n/gm, "") };
  };
}

/** What was agreed for the video that is received, and what the browser makes of its downlink. */
async function readDownlink() {
  const video = window.parley.room.peerConnection
    .getTransceivers()
    .filter(({ currentDirection, receiver }) => currentDirection === "recvonly" && receiver.track.kind === "video");
  const rows = [...(await window.parley.room.peerConnection.getStats()).values()];
  const pair = rows.find(({ type, nominated, availableIncomingBitrate }) => type === "candidate-pair" && nominated && availableIncomingBitrate);
  return {
    sections: video.length,
    uris: [...new Set(video.flatMap(({ receiver }) => receiver.getParameters().headerExtensions.map(({ uri }) => uri)))],
    bitsPerSecond: pair?.availableIncomingBitrate ?? 0,
  };
}

// ---- the test ----

scene("who knows no transport-wide feedback is told when packets left, and says what its downlink carries", async (s) => {
  const [ann, bob] = await Promise.all([
    s.join("Ann", { params: { height: 360 } }),
    s.join("Bob", { before: [forgetTransportWide, undefined], params: { height: 180 } }),
  ]);
  await Promise.all([bob.sees("Ann"), bob.hears("Ann"), ann.sees("Bob")]);
  const rembs = async () => {
    const text = await (await fetch(`${s.server.url}/metrics`)).text();
    return [...text.matchAll(/^parley_remb_received_total(?:\{.*\})? (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
  };
  const describe = async () => JSON.stringify([await rembs(), await bob.run(readDownlink)]);
  await until("Bob's estimates to reach the server", async () => (await rembs()) >= 3, { describe });
  const [his, hers] = [await bob.run(readDownlink), await ann.run(readDownlink)];
  assert.ok(his.sections > 0 && hers.sections > 0);
  assert.ok(his.uris.includes(SEND_TIME) && !his.uris.includes(WIDE_NUMBER), his.uris.join(" "));
  assert.ok(hers.uris.includes(WIDE_NUMBER) && !hers.uris.includes(SEND_TIME), hers.uris.join(" "));
  assert.ok(his.bitsPerSecond > 30_000, `an estimate of ${his.bitsPerSecond} bit/s`);
});
