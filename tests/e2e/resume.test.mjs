// SPDX-License-Identifier: Apache-2.0
//
// Signalling that breaks: the call goes on and the session is taken up again; a server that starts
// again is joined again.

import assert from "node:assert/strict";
import { CuttableProxy } from "./lib/cuttable_proxy.mjs";
import { everybodyMeets } from "./lib/person.mjs";
import { scene } from "./lib/scene.mjs";

/** Mark the connection, to see later whether it is still the same one. */
const mark = () => void (window.parley.room.peerConnection.mark = true);
const isMarked = () => window.parley.room.peerConnection.mark === true;

scene("a broken WebSocket is resumed while media goes on", async (s) => {
  const proxy = new CuttableProxy(s.server.url);
  await proxy.start();
  s.cleanups.push(() => proxy.stop());
  const ann = await s.join("Ann", { server: proxy.url });
  const bob = await s.join("Bob");
  await everybodyMeets([ann, bob]);
  await ann.run(mark);
  const before = await ann.look();

  proxy.cut();
  await ann.reaches("reconnecting");
  await everybodyMeets([ann, bob]); // nothing but signalling is broken
  await ann.screenshot("reconnecting");
  await bob.click("#mic"); // what happens meanwhile is not lost
  const cat = await s.join("Cat");
  await cat.meets("Ann");

  proxy.open();
  await ann.run(() => window.parley.room.retryNow());
  await ann.reaches("joined");
  await ann.seesTiles(["Ann (you)", "Bob", "Cat"]);
  await ann.seesTile("Bob", { isMuted: true });
  await ann.meets("Cat");
  const after = await ann.look();
  assert.equal(after.id, before.id, "the same participant");
  assert.ok(await ann.run(isMarked), "the same connection");
  const ssrcOf = ({ streams }) => streams.filter(({ from }) => from === "Bob").map(({ source, mid, ssrc }) => [source, mid, ssrc]);
  assert.deepEqual(ssrcOf(after), ssrcOf(before), "Bob's tracks flow where they did");
});

scene("a server that starts again is joined again", async (s) => {
  const [ann, bob] = await s.joinAll(["Ann", "Bob"], { params: { height: 180 } });
  await everybodyMeets([ann, bob]);
  const former = (await ann.look()).id;

  await s.server.stop();
  await ann.reaches("reconnecting");
  await s.server.start();
  for (const person of [ann, bob]) {
    await person.run(() => window.parley.room.retryNow());
    await person.reaches("joined");
  }
  await everybodyMeets([ann, bob]);
  assert.notEqual((await ann.look()).id, former);
  await ann.seesTiles(["Ann (you)", "Bob"]);
});

scene("a closed laptop comes back after its session is gone", async (s) => {
  const proxy = new CuttableProxy(s.server.url);
  await proxy.start();
  s.cleanups.push(() => proxy.stop());
  const ann = await s.join("Ann", { server: proxy.url });
  const bob = await s.join("Bob");
  await everybodyMeets([ann, bob]);

  proxy.cut();
  await bob.seesTiles(["Bob (you)"]);
  proxy.open();
  await ann.run(() => window.parley.room.retryNow());
  await ann.reaches("joined");
  await everybodyMeets([ann, bob]);
  await bob.seesTiles(["Ann", "Bob (you)"]);
}, { settings: ["--dev", "--session-grace-ms", "1500"] });
