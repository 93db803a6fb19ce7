// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "../../net/lib/server_view.mjs";

test("a connection that receives one picture", () => {
  const rows = [
    { type: "transport", id: "T" },
    { type: "candidate-pair", availableOutgoingBitrate: 640_000 },
    { type: "outbound-rtp", kind: "audio", parleyBitrate: 32_000, retransmittedPacketsSent: 1 },
    { type: "outbound-rtp", kind: "video", parleyBitrate: 500_000, retransmittedPacketsSent: 7, parleyPacketsDropped: 3, rid: "h", frameHeight: 360 },
  ];
  assert.deepEqual(viewOf(rows), { estimateBps: 640_000, sentBps: 500_000, retransmitted: 7, dropped: 3, rid: "h", height: 360 });
});

test("what is not told is not made up", () => {
  assert.deepEqual(viewOf([{ type: "candidate-pair" }]), { estimateBps: null, sentBps: 0, retransmitted: 0, dropped: 0, rid: null, height: 0 });
});
