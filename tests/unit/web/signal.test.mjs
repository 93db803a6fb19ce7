// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { backoffMs } from "../../../web/client/backoff.js";
import { Signal } from "../../../web/client/signal.js";
import { FakeClock, settle } from "./fake_clock.mjs";
import { FakeServer, SILENT, joinResult, refusal } from "./fake_server.mjs";

let clock;
let server;
let signal;
let events;

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeServer({ join: () => joinResult(), resume: () => joinResult({ resumeToken: "token-2" }) });
  signal = new Signal({ url: "ws://x/ws", WebSocket: server.WebSocket, random: () => 1 });
  events = [];
  for (const type of ["resumed", "rejoined"]) signal.on(type, () => events.push(type));
  signal.on("closed", (reason) => events.push(`closed ${reason}`));
});

afterEach(() => {
  signal.leave();
  clock.restore();
});

const join = () => signal.join({ room: "r", name: "Me" });

test("a join opens the connection with the subprotocol and asks for the room", async () => {
  const result = await join();
  assert.equal(result.sessionId, "SE_1");
  assert.equal(server.socket.protocol, "parley.v1");
  assert.deepEqual(server.requests[0], { method: "join", params: { room: "r", name: "Me" } });
  assert.equal(signal.state, "open");
});

test("a join that the server refuses fails with the server's reason and may be made again", async () => {
  server.handlers.join = () => {
    throw refusal("E_LIMIT");
  };
  await assert.rejects(join(), { code: "E_LIMIT" });
  assert.equal(signal.state, "idle");
  server.handlers.join = () => joinResult();
  await join();
});

test("a server that is not there is told at once", async () => {
  server.isDown = true;
  await assert.rejects(join(), { code: "E_UNREACHABLE" });
});

test("a request without an answer fails after its time", async () => {
  await join();
  server.handlers.mute = () => SILENT;
  const asked = assert.rejects(signal.request("mute", {}), { code: "E_TIMEOUT" });
  await clock.advance(10000);
  await asked;
});

test("answers find their requests whatever their order", async () => {
  await join();
  let answerFirst;
  server.handlers.update = ({ name }) => (name === "a" ? new Promise((resolve) => (answerFirst = resolve)) : { name });
  const first = signal.request("update", { name: "a" });
  assert.deepEqual(await signal.request("update", { name: "b" }), { name: "b" });
  answerFirst({ name: "a" });
  assert.deepEqual(await first, { name: "a" });
});

test("a cut connection is resumed with the token, without a second join", async () => {
  await join();
  server.cut();
  assert.equal(signal.state, "reconnecting");
  await clock.advance(1000);
  assert.equal(signal.state, "open");
  assert.deepEqual(events, ["resumed"]);
  assert.deepEqual(server.requests.at(-1), { method: "resume", params: { resumeToken: "token-1" } });
  server.cut();
  await clock.advance(1000);
  assert.deepEqual(server.requests.at(-1).params, { resumeToken: "token-2" });
});

test("a request in flight fails when the connection is cut; one made meanwhile waits", async () => {
  await join();
  server.handlers.mute = () => SILENT;
  const inFlight = assert.rejects(signal.request("mute", {}), { code: "E_SIGNAL_LOST" });
  server.cut();
  await inFlight;
  server.handlers.mute = () => ({ done: true });
  const waiting = signal.request("mute", {});
  await clock.advance(1000);
  assert.deepEqual(await waiting, { done: true });
});

test("attempts get rarer, and retryNow() skips the pause", async () => {
  await join();
  server.isDown = true;
  server.cut();
  await clock.advance(20000);
  const attempts = server.sockets.length - 1;
  assert.ok(attempts >= 5 && attempts <= 8, `${attempts} attempts in 20 s`);
  server.isDown = false;
  signal.retryNow();
  await settle();
  assert.deepEqual(events, ["resumed"]);
});

test("a session that the server has forgotten is joined afresh as the same person", async () => {
  await join();
  server.handlers.resume = () => {
    throw refusal("E_NOT_FOUND");
  };
  server.cut();
  await clock.advance(2000);
  assert.deepEqual(events, ["rejoined"]);
  assert.deepEqual(server.requests.at(-1).params, { room: "r", name: "Me", identity: "me" });
});

test("a fresh join that is refused ends the session", async () => {
  await join();
  server.handlers.resume = server.handlers.join = () => {
    throw refusal("E_DENIED");
  };
  server.cut();
  await clock.advance(2000);
  assert.deepEqual(events, ["closed refused"]);
  await assert.rejects(signal.request("mute"), { code: "E_CLOSED" });
});

test("it gives up in the end", async () => {
  await join();
  server.isDown = true;
  server.cut();
  await clock.advance(320000);
  assert.deepEqual(events, ["closed unreachable"]);
});

for (const reason of ["removed", "replaced", "roomDeleted", "resumed"]) {
  test(`told "${reason}", it stays away`, async () => {
    await join();
    server.notify("closed", { reason, message: "" });
    server.cut();
    await clock.advance(60000);
    assert.deepEqual(events, [`closed ${reason}`]);
    assert.equal(server.sockets.length, 1);
  });
}

test("told that the server shuts down, it comes back with a fresh join after a while", async () => {
  await join();
  server.notify("closed", { reason: "shutdown", message: "" });
  await clock.advance(1500);
  assert.equal(server.sockets.length, 1);
  await clock.advance(3000);
  assert.deepEqual(events, ["rejoined"]);
  assert.deepEqual(server.methods, ["join", "join"]);
});

test("a connection that has died without a word is noticed by its own ping", async () => {
  await join();
  server.handlers.ping = () => SILENT;
  await clock.advance(15000);
  assert.equal(signal.state, "reconnecting");
});

test("leaving says so and leaves no timer behind", async () => {
  await join();
  signal.leave();
  assert.deepEqual(server.methods, ["join", "leave"]);
  assert.equal(server.socket.closeCode, 1000);
  assert.deepEqual(events, ["closed left"]);
  assert.equal(clock.pendingTimers, 0);
});

test("leaving while reconnecting stops the attempts", async () => {
  await join();
  server.isDown = true;
  server.cut();
  const waiting = assert.rejects(signal.request("mute"), { code: "E_CLOSED" });
  signal.leave();
  await waiting;
  await clock.advance(60000);
  assert.equal(server.sockets.length, 1);
  assert.equal(clock.pendingTimers, 0);
});

test("backoff doubles up to its cap, with jitter of up to a half", () => {
  const at = (attempt, random) => backoffMs(attempt, { firstMs: 100, maxMs: 1000 }, () => random);
  assert.deepEqual([0, 1, 2, 3, 4, 9].map((attempt) => at(attempt, 1)), [100, 200, 400, 800, 1000, 1000]);
  assert.equal(at(2, 0), 200);
});
