// SPDX-License-Identifier: Apache-2.0
//
// Encodings, codec order, speaker detection and the summary of statistics: values in, values out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { preferCodec } from "../../../web/client/codecs.js";
import { chooseEncodings } from "../../../web/client/encodings.js";
import { SpeakerDetector } from "../../../web/client/speakers.js";
import { summarise } from "../../../web/client/stats.js";

const rows = [
  { what: "a 720p camera", options: { source: "camera", height: 720 }, rids: ["q", "h", "f"], bps: [150e3, 500e3, 1700e3], scales: [4, 2, 1] },
  { what: "a 540p camera", options: { source: "camera", height: 540 }, rids: ["q", "h", "f"], bps: [120e3, 150e3, 1000e3], scales: [4, 2, 1] },
  { what: "a 360p camera", options: { source: "camera", height: 360 }, rids: ["q", "h"], bps: [150e3, 500e3], scales: [2, 1] },
  { what: "a 240p camera", options: { source: "camera", height: 240 }, rids: [undefined], bps: [150e3] },
  { what: "a camera without simulcast", options: { source: "camera", height: 720, simulcast: false }, rids: [undefined], bps: [1700e3] },
  { what: "a screen", options: { source: "screen", height: 1080 }, rids: [undefined], bps: [2500e3] },
  { what: "a bitrate of one's own", options: { source: "camera", height: 720, maxBitrate: 400e3 }, rids: ["q", "h", "f"], bps: [150e3, 400e3, 400e3], scales: [4, 2, 1] },
];
for (const { what, options, rids, bps, scales } of rows) {
  test(`encodings of ${what}`, () => {
    const encodings = chooseEncodings(options);
    assert.deepEqual(encodings.map(({ rid }) => rid), rids);
    assert.deepEqual(encodings.map(({ maxBitrate }) => maxBitrate), bps);
    if (scales) assert.deepEqual(encodings.map(({ scaleResolutionDownBy }) => scaleResolutionDownBy), scales);
  });
}

test("VP9 simulcast names a mode on every encoding", () => {
  const encodings = chooseEncodings({ source: "camera", height: 720, videoCodec: "VP9" });
  assert.deepEqual(encodings.map(({ scalabilityMode }) => scalabilityMode), ["L1T3", "L1T3", "L1T3"]);
});

test("the preferred codec comes first and nothing is lost", () => {
  const codecs = ["video/VP8", "video/rtx", "video/H264", "video/red", "video/H264"].map((mimeType) => ({ mimeType }));
  assert.deepEqual(
    preferCodec(codecs, "h264").map(({ mimeType }) => mimeType.slice(6)),
    ["H264", "H264", "VP8", "rtx", "red"],
  );
});

test("a speaker is noticed at once and lingers over a short pause", () => {
  const detector = new SpeakerDetector();
  const levels = (a, b) => new Map([["a", a], ["b", b]]);
  assert.deepEqual(detector.update(levels(0.1, 0), 0), ["a"]);
  assert.equal(detector.update(levels(0, 0), 200), null);
  assert.equal(detector.update(levels(0.1, 0.005), 400), null);
  assert.deepEqual(detector.update(levels(0, 0.5), 600), ["b", "a"]);
  assert.deepEqual(detector.update(levels(0, 0.5), 1200), ["b"]);
  assert.deepEqual(detector.update(new Map(), 1300), []);
});

test("statistics: bitrates from two reports, and the path", () => {
  const report = (bytesReceived) => [
    { id: "I1", type: "inbound-rtp", kind: "video", mid: "2", bytesReceived, packetsReceived: 10, packetsLost: 1, jitter: 0.004, codecId: "C1", frameWidth: 640, frameHeight: 360 },
    { id: "C1", type: "codec", mimeType: "video/VP8" },
    { id: "T1", type: "transport", selectedCandidatePairId: "P1" },
    { id: "P1", type: "candidate-pair", currentRoundTripTime: 0.02, localCandidateId: "L", remoteCandidateId: "R" },
    { id: "L", candidateType: "host", protocol: "udp", address: "10.0.0.1", port: 1 },
  ];
  const first = summarise(report(1000), null, 0);
  assert.equal(first.streams[0].bitrateBps, null);
  const second = summarise(report(2000), first, 500);
  assert.deepEqual(
    [second.streams[0].bitrateBps, second.streams[0].codec, second.streams[0].jitterMs, second.path.roundTripMs, second.path.local],
    [16000, "video/VP8", 4, 20, "host udp 10.0.0.1:1"],
  );
});
