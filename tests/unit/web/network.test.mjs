// SPDX-License-Identifier: Apache-2.0
//
// Samples of a call, and what they say about the network.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NetworkJudge } from "../../../web/client/network.js";
import { divide } from "../../../web/client/sampler.js";
import { summarise } from "../../../web/client/stats.js";

const ann = { id: "TR_ann", state: "paused", reason: "bandwidth" };
const stats = (changes) => new Map([[{}, { lossShare: 0, jitterMs: 5, limitedBy: "none", ...changes }]]);
const good = {
  received: stats(),
  sent: stats(),
  heldBack: [],
  wantedSendBps: 1_200_000,
  availableSendBps: 1_500_000,
  roundTripMs: 30,
};

/** Samples every two seconds; what was told, by sample. */
function judge(samples, isLost = () => false) {
  const judge = new NetworkJudge();
  return samples.map((changes, i) => {
    judge.update({ ...good, ...changes, atMs: 20_000 + i * 2000 }, isLost(i));
    return { score: judge.quality.score, reasons: judge.quality.reasons };
  });
}

const times = (count, changes = {}) => Array(count).fill(changes);
const last = (list) => list.at(-1);

test("a good network is a five, and says nothing", () => {
  assert.deepEqual(last(judge(times(20))), { score: 5, reasons: [] });
});

const faults = [
  { changes: { received: stats({ lossShare: 0.06 }) }, reason: { kind: "lossDown", share: 0.06 }, score: 3 },
  { changes: { received: stats({ lossShare: 0.3 }) }, reason: { kind: "lossDown", share: 0.3 }, score: 2 },
  { changes: { sent: stats({ lossShare: 0.05 }) }, reason: { kind: "lossUp", share: 0.05 }, score: 3 },
  { changes: { roundTripMs: 650 }, reason: { kind: "farAway", roundTripMs: 650 }, score: 4 },
  { changes: { received: stats({ jitterMs: 120 }) }, reason: { kind: "unsteady", jitterMs: 120 }, score: 4 },
  { changes: { sent: stats({ limitedBy: "cpu" }) }, reason: { kind: "busy" }, score: 4 },
  {
    changes: { sent: stats({ limitedBy: "bandwidth" }), availableSendBps: 180_000 },
    reason: { kind: "slowUpload", haveBps: 180_000, wantBps: 1_200_000 },
    score: 2,
  },
];
for (const { changes, reason, score } of faults) {
  test(`a fault that lasts is told: ${JSON.stringify(reason)}`, () => {
    const told = judge([...times(6), ...times(3, changes)]);
    assert.deepEqual(told[7].reasons, []); // two bad samples are a hiccup
    assert.deepEqual(told[8], { score, reasons: [reason] });
  });
}

test("every call begins slowly: that is no slow upload", () => {
  const slow = { sent: stats({ limitedBy: "bandwidth" }), availableSendBps: 300_000 };
  assert.deepEqual(last(judge(times(5, slow))).reasons, []);
  assert.equal(last(judge(times(9, slow))).reasons.length, 1);
});

test("little is sent of a still picture: that is no slow upload", () => {
  assert.deepEqual(last(judge(times(9, { availableSendBps: 300_000 }))).reasons, []);
});

test("what the server holds back is told at once, and goes away a little later", () => {
  const told = judge([...times(2), { heldBack: [ann] }, ...times(3)]);
  assert.deepEqual(told[2].reasons, [{ kind: "heldBack", tracks: [ann] }]);
  assert.equal(told[3].reasons.length, 1);
  assert.deepEqual(told[5], { score: 5, reasons: [] });
});

test("a fault that comes and goes does not flicker", () => {
  const bad = { received: stats({ lossShare: 0.06 }) };
  const told = judge([...times(3, bad), {}, bad, {}, bad, {}, {}]);
  assert.deepEqual(told.slice(2).map(({ reasons }) => reasons.length), [1, 1, 1, 1, 1, 1, 1]);
});

test("without a connection nothing else matters", () => {
  const told = judge(times(8, { roundTripMs: 900 }), (i) => i >= 4 && i < 6);
  assert.deepEqual(told[3].reasons.map(({ kind }) => kind), ["farAway"]);
  assert.deepEqual([told[4].score, told[4].reasons.map(({ kind }) => kind)], [0, ["lost"]]);
});

test("a report is divided into tracks, and a track into layers", () => {
  const layer = (rid, width, framesPerSecond, changes) => ({
    id: `O${rid}`, type: "outbound-rtp", kind: "video", mid: "1", rid, bytesSent: 0, frameWidth: width, frameHeight: (width * 9) / 16,
    framesPerSecond, qualityLimitationReason: "bandwidth", codecId: "C", active: true, ...changes,
  });
  const report = (bytes) => [
    layer("q", 320, 30, { bytesSent: bytes }),
    layer("f", 1280, undefined, { active: false }),
    layer("h", 640, 29.7, { bytesSent: 3 * bytes }),
    { id: "C", type: "codec", mimeType: "video/VP8" },
    { id: "I", type: "inbound-rtp", kind: "video", mid: "2", bytesReceived: bytes, packetsReceived: 10 + bytes / 1000, packetsLost: 0, frameWidth: 320, frameHeight: 180, framesPerSecond: 15, jitter: 0.01 },
    { id: "T", type: "transport", selectedCandidatePairId: "P" },
    { id: "P", type: "candidate-pair", currentRoundTripTime: 0.05, availableOutgoingBitrate: 700_000 },
  ];
  const encodings = [{ maxBitrate: 150_000 }, { maxBitrate: 500_000 }, { maxBitrate: 1_700_000, active: false }];
  const mine = { kind: "video", muted: false, transceiver: { mid: "1", sender: { getParameters: () => ({ encodings }) } } };
  const theirs = { kind: "video", state: "active", transceiver: { mid: "2" } };
  const waiting = { kind: "video", ...ann, transceiver: { mid: "9" } };
  const first = summarise(report(0), null, 0);
  const sample = divide(summarise(report(10_000), first, 1000), [theirs, waiting], [mine]);
  assert.deepEqual(
    [sample.sendBps, sample.receiveBps, sample.wantedSendBps, sample.availableSendBps, sample.roundTripMs, sample.heldBack],
    [320_000, 80_000, 650_000, 700_000, 50, [waiting]],
  );
  const sent = sample.sent.get(mine);
  assert.deepEqual([sent.width, sent.framesPerSecond, sent.bitrateBps, sent.limitedBy, sent.codec], [640, 30, 320_000, "bandwidth", "VP8"]);
  assert.deepEqual(sent.layers.map(({ rid, isActive, bitrateBps }) => [rid, isActive, bitrateBps]), [["f", false, 0], ["h", true, 240_000], ["q", true, 80_000]]);
  const received = sample.received.get(theirs);
  assert.deepEqual([received.width, received.framesPerSecond, received.jitterMs, received.lossShare, received.roundTripMs], [320, 15, 10, 0, 50]);
  assert.equal(sample.received.has(waiting), false);
});
