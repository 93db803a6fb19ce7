// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { SenderControl } from "../../../web/client/sender_control.js";
import { FakeClock } from "./fake_clock.mjs";
import { FakePeerConnection } from "./fake_peer.mjs";

let clock;
let sender;

beforeEach(() => {
  clock = new FakeClock();
  ({ sender } = new FakePeerConnection().addTransceiver("video", { sendEncodings: [{ rid: "q" }, { rid: "h" }, { rid: "f" }] }));
});
afterEach(() => clock.restore());

const active = () => sender.parameters.encodings.filter((encoding) => encoding.active).map(({ rid }) => rid);

test("switches encodings off and on, one change after the other", async () => {
  const control = new SenderControl(sender);
  // Two at once: on a shared reading the second would be refused.
  await Promise.all([control.want([{ rid: "f", wanted: false }]), control.want([{ rid: "h", wanted: false }])]);
  assert.deepEqual(active(), ["q"]);
  await control.want([{ rid: "f", wanted: true }, { rid: "unknown", wanted: false }]);
  assert.deepEqual(active(), ["q", "f"]);
  await control.wantAll();
  assert.deepEqual(active(), ["q", "h", "f"]);
});

test("what is so already is not set again", async () => {
  const control = new SenderControl(sender);
  await control.want([{ rid: "q", wanted: true }]);
  assert.equal(sender.settings, undefined);
});

test("a refused change is made again within a second", async () => {
  const control = new SenderControl(sender);
  await control.want([{ rid: "f", wanted: false }]);
  const { setParameters } = sender;
  let refusals = 3;
  sender.setParameters = function (parameters) {
    return refusals-- > 0 ? Promise.reject(new DOMException("busy", "InvalidStateError")) : setParameters.call(this, parameters);
  };
  await control.want([{ rid: "f", wanted: true }]);
  assert.deepEqual(active(), ["q", "h"]);
  await clock.advance(1000);
  assert.deepEqual(active(), ["q", "h", "f"]);
});

test("a browser that never allows it is left alone in the end", async () => {
  let calls = 0;
  sender.setParameters = () => (calls++, Promise.reject(new DOMException("no", "InvalidStateError")));
  const control = new SenderControl(sender);
  await control.want([{ rid: "f", wanted: false }]);
  await clock.advance(60_000);
  assert.ok(calls > 3 && calls < 20, `${calls}`);
  assert.equal(clock.pendingTimers, 0);
});

test("a browser that has no encodings before the answer gets them after it", async () => {
  const { encodings } = sender.parameters;
  sender.parameters.encodings = [];
  const control = new SenderControl(sender);
  await control.want([{ rid: "h", wanted: false }]);
  sender.parameters.encodings = encodings;
  await control.apply();
  assert.deepEqual(active(), ["q", "f"]);
});

test("the only encoding is told without a rid", async () => {
  sender.parameters.encodings = [{ active: true }];
  await new SenderControl(sender).want([{ rid: null, wanted: false }]);
  assert.equal(sender.parameters.encodings[0].active, false);
});

test("what to give up first is asked for once", async () => {
  const control = new SenderControl(sender, { degradationPreference: "maintain-resolution" });
  await control.apply();
  assert.equal(sender.parameters.degradationPreference, "maintain-resolution");
  await control.apply();
  assert.equal(sender.settings, 1);
});
