// SPDX-License-Identifier: Apache-2.0
//
// Encodings, codec order, speaker detection and the summary of statistics: values in, values out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { preferCodec } from "../../../web/client/codecs.js";
import { chooseEncodings, maxBitrateOf, wantedBitrate } from "../../../web/client/encodings.js";
import { DominantSpeaker, SpeakerDetector } from "../../../web/client/speakers.js";
import { summarise } from "../../../web/client/stats.js";

const rows = [
  { what: "a 720p camera", options: { source: "camera", height: 720 }, rids: ["q", "h", "f"], bps: [150e3, 500e3, 1700e3], scales: [4, 2, 1] },
  { what: "a 540p camera", options: { source: "camera", height: 540 }, rids: ["q", "h", "f"], bps: [100e3, 300e3, 1000e3], scales: [4, 2, 1] },
  { what: "a 360p camera", options: { source: "camera", height: 360 }, rids: ["q", "h"], bps: [150e3, 500e3], scales: [2, 1] },
  { what: "a 240p camera", options: { source: "camera", height: 240 }, rids: [undefined], bps: [150e3] },
  { what: "a camera without simulcast", options: { source: "camera", height: 720, simulcast: false }, rids: [undefined], bps: [1700e3] },
  { what: "a 1080p camera", options: { source: "camera", height: 1080 }, rids: ["q", "h", "f"], bps: [300e3, 1000e3, 3000e3], scales: [4, 2, 1] },
  { what: "a phone held upright", options: { source: "camera", width: 720, height: 1280 }, rids: ["q", "h", "f"], bps: [150e3, 500e3, 1700e3], scales: [4, 2, 1] },
  { what: "a screen", options: { source: "screen", width: 1920, height: 1080 }, rids: ["h", "f"], bps: [400e3, 2500e3], scales: [2, 1] },
  { what: "a small window", options: { source: "screen", width: 800, height: 600 }, rids: [undefined], bps: [2500e3] },
  { what: "a screen without simulcast", options: { source: "screen", height: 1080, simulcast: false }, rids: [undefined], bps: [2500e3] },
  { what: "a camera in H.264", options: { source: "camera", height: 720, videoCodec: "H264" }, rids: ["q", "h", "f"], bps: [150e3, 500e3, 1700e3], scales: [4, 2, 1] },
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

const modes = [
  { what: "a browser with everything", has: ["L3T3_KEY", "L3T3", "L2T3_KEY", "L1T3"], height: 720, mode: "L3T3_KEY" },
  { what: "a smaller picture", has: ["L3T3_KEY", "L3T3", "L2T3_KEY", "L1T3"], height: 360, mode: "L2T3_KEY" },
  { what: "a browser without key modes", has: ["L3T3", "L1T3"], height: 720, mode: "L3T3" },
  { what: "a browser with temporal layers only", has: ["L1T3"], height: 720, mode: "L1T3" },
  { what: "a browser without layers", has: [], height: 720, mode: undefined },
  { what: "no simulcast", has: ["L3T3_KEY", "L1T3"], height: 720, simulcast: false, mode: "L1T3" },
  { what: "a screen", source: "screen", has: ["L3T3_KEY", "L1T3"], height: 1080, mode: "L1T3" },
];
for (const { what, has, source = "camera", height, simulcast, mode } of modes) {
  test(`VP9 and AV1 are one encoding with layers inside: ${what}`, () => {
    for (const videoCodec of ["VP9", "av1"]) {
      const encodings = chooseEncodings({ source, height, simulcast, videoCodec, canScale: (codec, wanted) => has.includes(wanted) });
      assert.deepEqual(encodings.map(({ scalabilityMode }) => scalabilityMode), [mode]);
    }
  });
}

test("a screen has few frames, and newer codecs need less", () => {
  assert.deepEqual(chooseEncodings({ source: "screen", height: 1080 }).map(({ maxFramerate }) => maxFramerate), [5, 15]);
  assert.deepEqual([maxBitrateOf(720), maxBitrateOf(720, "VP9"), maxBitrateOf(720, "av1")], [1_700_000, 1_280_000, 1_110_000]);
});

test("bitrates grow with the picture", () => {
  let before = 0;
  for (const size of [90, 180, 270, 360, 540, 720, 1080, 1440, 2160]) {
    assert.ok(maxBitrateOf(size) > before, `${size}`);
    before = maxBitrateOf(size);
  }
});

test("only encodings that are on want bitrate", () => {
  assert.equal(wantedBitrate([{ maxBitrate: 100 }, { maxBitrate: 500, active: false }, { active: true }]), 100);
});

test("who leads changes only to somebody who goes on speaking", () => {
  const dominant = new DominantSpeaker();
  assert.equal(dominant.update("a", 0), true); // the first at once
  assert.equal(dominant.update("b", 1000), false);
  assert.equal(dominant.update("a", 1400), false); // a word between
  assert.equal(dominant.update("b", 2000), false);
  assert.equal(dominant.update("b", 2900), true);
  assert.equal(dominant.update(null, 9000), false); // silence: the last one stays
  assert.equal(dominant.id, "b");
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

test("statistics: loss is that of the time between two reports; late packets make none", () => {
  const report = (packetsReceived, packetsLost, framesDecoded) => [
    { id: "I1", type: "inbound-rtp", kind: "video", mid: "2", bytesReceived: 0, packetsReceived, packetsLost, framesDecoded },
  ];
  const first = summarise(report(1000, 100, 10), null, 0);
  const second = summarise(report(1090, 110, 40), first, 2000);
  const third = summarise(report(1190, 105, 40), second, 4000);
  assert.deepEqual([first, second, third].map(({ streams }) => streams[0].lossShare), [null, 0.1, 0]);
  assert.equal(second.streams[0].framesPerSecond, 15); // counted, for browsers that do not say
});
