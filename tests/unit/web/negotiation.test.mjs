// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { ParleyError } from "../../../web/client/errors.js";
import { NegotiationQueue } from "../../../web/client/negotiation.js";
import { Peer } from "../../../web/client/peer.js";
import { FakeClock, settle } from "./fake_clock.mjs";
import { FakePeerConnection } from "./fake_peer.mjs";

let clock;
beforeEach(() => (clock = new FakeClock()));
afterEach(() => clock.restore());

/** A queue whose rounds end when the test says so. */
function controlled() {
  const rounds = [];
  const queue = new NegotiationQueue(() => new Promise((resolve, reject) => rounds.push({ resolve, reject })));
  return { rounds, queue };
}

test("requests of one turn share a round", async () => {
  const { rounds, queue } = controlled();
  const all = Promise.all([queue.request(), queue.request(), queue.request()]);
  await settle();
  assert.equal(rounds.length, 1);
  rounds[0].resolve();
  await all;
  assert.equal(queue.isBusy, false);
});

test("requests during a round share the next one, never two at once", async () => {
  const { rounds, queue } = controlled();
  const first = queue.request();
  await settle();
  const later = [queue.request(), queue.request()];
  await settle();
  assert.equal(rounds.length, 1);
  rounds[0].resolve();
  await first;
  await settle();
  assert.equal(rounds.length, 2);
  rounds[1].resolve();
  await Promise.all(later);
});

test("a round that fails fails its requests only", async () => {
  const { rounds, queue } = controlled();
  const first = assert.rejects(queue.request(), { code: "E_LIMIT" });
  await settle();
  const second = queue.request();
  rounds[0].reject(new ParleyError("E_LIMIT", ""));
  await first;
  await settle();
  rounds[1].resolve();
  await second;
});

test("a closed queue refuses", async () => {
  const { queue } = controlled();
  const waiting = assert.rejects(queue.request(), { code: "E_CLOSED" });
  queue.close();
  await waiting;
  await assert.rejects(queue.request(), { code: "E_CLOSED" });
});

/** A peer with scripted answers of the server. */
function peerWith(answers) {
  const sent = { offers: [], candidates: [] };
  const peer = new Peer(
    {
      offer: async (params) => {
        sent.offers.push(params);
        const answer = answers.shift() ?? { sdp: "answer" };
        if (answer instanceof Error) throw answer;
        return answer;
      },
      trickle: async (candidates) => sent.candidates.push(...candidates),
      describeTracks: () => ({}),
      ready: async () => {},
    },
    {},
    FakePeerConnection,
  );
  return { peer, sent };
}

test("nothing to send and nothing to receive: no offer", async () => {
  const { peer, sent } = peerWith([]);
  await peer.negotiate();
  assert.equal(sent.offers.length, 0);
});

test("slots go out with one offer", async () => {
  const { peer, sent } = peerWith([]);
  peer.addSlots("video", 2);
  await peer.negotiate();
  assert.equal(sent.offers.length, 1);
  assert.deepEqual(peer.pc.getTransceivers().map(({ direction }) => direction), ["recvonly", "recvonly"]);
});

test("an offer whose answer was lost is made again", async () => {
  const { peer, sent } = peerWith([new ParleyError("E_SIGNAL_LOST", ""), { sdp: "answer" }]);
  peer.addSlots("audio", 1);
  await peer.negotiate();
  assert.equal(sent.offers.length, 2);
  assert.equal(peer.pc.signalingState, "stable");
});

test("an offer that the server refuses is rolled back and told", async () => {
  const { peer } = peerWith([new ParleyError("E_MALFORMED", "line 3")]);
  const errors = [];
  peer.on("error", (error) => errors.push(error.code));
  peer.addSlots("audio", 1);
  await assert.rejects(peer.negotiate(), { code: "E_MALFORMED" });
  assert.equal(peer.pc.signalingState, "stable");
  assert.deepEqual(errors, ["E_MALFORMED"]);
});

test("candidates wait for the answer and go out together, with an end", async () => {
  const { peer, sent } = peerWith([]);
  const candidate = (text) => ({ candidate: text, toJSON: () => ({ candidate: text, sdpMid: "0" }) });
  peer.pc.onicecandidate({ candidate: candidate("candidate:1") });
  peer.pc.onicecandidate({ candidate: candidate("candidate:2") });
  await clock.advance(1000);
  assert.equal(sent.candidates.length, 0);
  peer.addSlots("audio", 1);
  await peer.negotiate();
  peer.pc.onicecandidate({ candidate: candidate("") }); // Firefox: end of one component's candidates
  peer.pc.onicecandidate({ candidate: null });
  await clock.advance(100);
  assert.deepEqual(
    sent.candidates.map(({ candidate: text }) => text),
    ["candidate:1", "candidate:2", ""],
  );
});
