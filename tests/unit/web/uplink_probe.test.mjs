// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";

import { NegotiationQueue } from "../../../web/client/negotiation.js";
import { Peer } from "../../../web/client/peer.js";
import { UplinkProbe, isSameOffer, withMaxBitrate } from "../../../web/client/uplink_probe.js";
import { settle } from "./fake_clock.mjs";
import { FakePeerConnection } from "./fake_peer.mjs";

const WANTED_BPS = 2_350_000;
const sample = (atMs, availableSendBps, limitedBy = "bandwidth") => ({
  atMs,
  availableSendBps,
  wantedSendBps: WANTED_BPS,
  sent: new Map([[/** @type {any} */ ({}), /** @type {any} */ ({ limitedBy })]]),
});

/** The seconds at which it probes, sampled each second. */
function probesOf(seconds, bpsAt, limitedBy = "bandwidth") {
  const probe = new UplinkProbe();
  return [...Array(seconds).keys()].filter((s) => probe.update(sample(s * 1000, bpsAt(s), limitedBy)));
}

test("a way up that is large enough is left alone", () => {
  assert.deepEqual(probesOf(60, () => 2_000_000), []);
  assert.deepEqual(probesOf(60, () => 400_000, "cpu"), []);
  assert.deepEqual(probesOf(60, () => null), []);
});

test("a small one is probed after a while, and again", () => {
  assert.deepEqual(probesOf(24, () => 400_000), [4, 10, 16, 22]);
});

test("while it still falls nothing is probed", () => {
  const falling = (s) => Math.max(100_000, 1_700_000 * 0.85 ** s);
  assert.deepEqual(probesOf(20, falling).filter((s) => s < 18), []);
});

test("a way that has been small for long is probed less often", () => {
  const late = probesOf(200, () => 400_000).filter((s) => s > 100);
  assert.ok(late.length > 0 && late.every((s, i) => i === 0 || s - late[i - 1] === 20), String(late));
});

test("what was enough in between begins anew", () => {
  assert.deepEqual(probesOf(14, (s) => (s === 5 ? 2_300_000 : 400_000)), [4, 10]);
});

const ANSWER = ["v=0", "m=audio 9 RTP/AVP 111", "c=IN IP4 0.0.0.0", "a=recvonly", "m=video 9 RTP/AVP 96", "c=IN IP4 0.0.0.0", "a=recvonly", ""].join("\r\n");

test("the limit stands where RFC 8866 wants it, in pictures only", () => {
  const lines = withMaxBitrate(ANSWER, 2_820_000.4).split("\r\n");
  assert.deepEqual(lines.slice(4, 8), ["m=video 9 RTP/AVP 96", "c=IN IP4 0.0.0.0", "b=TIAS:2820000", "a=recvonly"]);
  assert.equal(lines.filter((line) => line.startsWith("b=")).length, 1);
});

test("an offer is another one when sections, directions or credentials are", () => {
  const offer = "m=video 9 UDP 96\r\na=mid:0\r\na=sendonly\r\na=ice-ufrag:ab\r\na=simulcast:send q;h;f\r\na=candidate:1\r\n";
  assert.ok(isSameOffer(offer.replace("9 UDP 96", "4711 UDP 98 96").replace("candidate:1", "candidate:2").replace("q;h", "~q;~h"), offer));
  for (const [from, to] of [["sendonly", "inactive"], ["ufrag:ab", "ufrag:cd"], ["mid:0", "mid:1"]]) assert.ok(!isSameOffer(offer.replace(from, to), offer), to);
  assert.ok(!isSameOffer(`${offer}m=audio 9 UDP 111\r\n`, offer));
});

test("between two rounds there is room for one thing; rounds wait for it", async () => {
  const rounds = [];
  const queue = new NegotiationQueue(() => new Promise((resolve) => rounds.push(resolve)));
  let end;
  const done = queue.between(() => new Promise((resolve) => (end = resolve)));
  const round = queue.request();
  await settle();
  assert.equal(rounds.length, 0);
  assert.equal(await queue.between(async () => assert.fail("twice")), false);
  end();
  assert.equal(await done, true);
  await settle();
  assert.equal(rounds.length, 1);
  assert.equal(await queue.between(async () => assert.fail("in a round")), false);
  rounds[0]();
  await round;
});

/** A peer that sends three encodings; what it was answered. */
async function sendingPeer(encodings = [{ maxBitrate: 150_000 }, { maxBitrate: 500_000 }, { maxBitrate: 1_700_000 }]) {
  const offers = [];
  const signal = { offer: async (params) => (offers.push(params), { sdp: ANSWER }), trickle: async () => {}, describeTracks: () => ({}), ready: async () => {} };
  const peer = new Peer(signal, {}, FakePeerConnection);
  peer.addSender(/** @type {any} */ ({ kind: "video" }), { encodings });
  await peer.negotiate();
  const answers = [];
  const { pc } = peer;
  const apply = pc.setRemoteDescription.bind(pc);
  pc.setRemoteDescription = async (answer) => (answers.push(answer.sdp), apply(answer));
  return { peer, pc, offers, answers };
}

const limitOf = (sdp) => Number(sdp.match(/b=TIAS:(\d+)/)?.[1]);

test("a probe raises the limit each time, and the server hears nothing of it", async () => {
  const { peer, offers, answers } = await sendingPeer();
  assert.equal(await peer.probeUplink(), true);
  assert.equal(await peer.probeUplink(), true);
  assert.equal(offers.length, 1);
  assert.deepEqual(answers.map(limitOf), [2_820_000, 2_821_000]);
  await peer.negotiate();
  assert.equal(limitOf(answers[2]), NaN);
});

test("nothing is probed where the most is not known, or something else is to be told", async () => {
  const unlimited = await sendingPeer([{}]);
  assert.equal(await unlimited.peer.probeUplink(), false);
  const { peer, pc, answers } = await sendingPeer();
  pc.createOffer = async () => ({ type: "offer", sdp: "a=ice-ufrag:new\r\n" });
  assert.equal(await peer.probeUplink(), false);
  assert.equal(answers.length, 0);
  assert.equal(pc.signalingState, "stable");
});

test("a browser that refuses is rolled back", async () => {
  const { peer, pc } = await sendingPeer();
  pc.setRemoteDescription = async () => {
    throw new Error("no");
  };
  assert.equal(await peer.probeUplink(), false);
  assert.equal(pc.signalingState, "stable");
  assert.equal(await peer.probeUplink(), false);
});
