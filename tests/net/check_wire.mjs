// SPDX-License-Identifier: Apache-2.0
//
// Does the wire program do to datagrams what it is told? Real devices in real namespaces; margins are those of a busy machine.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { within } from "../e2e/lib/poll.mjs";
import { endWithOuter, isInside, runInside } from "./lib/isolation.mjs";
import { Network, SERVER_ADDRESS, commandIn } from "./lib/network.mjs";

const HERE = fileURLToPath(import.meta.url);
const ROUND_MS = 20_000;

/** An echo of datagrams, in the server's namespace. */
const ECHO = `const s = require("dgram").createSocket("udp4");
  s.on("message", (m, from) => s.send(m, from.port, from.address));
  s.bind(7000, "${SERVER_ADDRESS}", () => console.log("ready"));`;

/** For each line "COUNT EVERY_MS BYTES WAIT_MS" it sends numbered datagrams and tells how many came back, and when. */
const PING = `const s = require("dgram").createSocket("udp4");
  let round = 0, sent, seen, order, copies;
  s.on("message", (m) => {
    if (m.readUInt32BE(4) !== round) return;
    const i = m.readUInt32BE(0);
    if (seen.has(i)) return void copies++;
    seen.set(i, performance.now() - sent[i]);
    order.push(i);
  });
  const tell = () => {
    const times = [...seen.values()].sort((a, b) => a - b);
    console.log(JSON.stringify({ back: seen.size, copies, overtaken: order.filter((n, k) => k > 0 && n < order[k - 1]).length,
      least: times[0], median: times[times.length >> 1], most: times[times.length - 1] }));
  };
  require("readline").createInterface(process.stdin).on("line", (line) => {
    const [count, everyMs, bytes, waitMs] = line.split(" ").map(Number);
    round++;
    [sent, seen, order, copies] = [[], new Map(), [], 0];
    const start = performance.now();
    const next = () => {
      while (sent.length < count && performance.now() - start >= sent.length * everyMs) {
        const m = Buffer.alloc(bytes);
        m.writeUInt32BE(sent.length, 0);
        m.writeUInt32BE(round, 4);
        sent.push(performance.now());
        s.send(m, 7000, "${SERVER_ADDRESS}");
      }
      setTimeout(sent.length < count ? next : tell, sent.length < count ? 1 : waitMs);
    };
    next();
  });
  console.log("ready");`;

if (!isInside()) process.exit(await runInside([HERE]));
endWithOuter();

const network = await Network.open(["viewer"]);
const { wire } = network;

/** @param {string} namespace @param {string} script */
async function start(namespace, script) {
  const child = spawn(...commandIn(namespace, [process.execPath, "-e", script]), { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async () => String((await within("a line", lines.next(), ROUND_MS)).value);
  assert.equal(await line(), "ready");
  return { line, say: (/** @type {string} */ text) => child.stdin.write(`${text}\n`), end: () => child.kill() };
}

const echo = await start("server", ECHO);
const pinger = await start("viewer", PING);

/** @param {string} settings @param {{count?: number, everyMs?: number, bytes?: number, waitMs?: number}} [options] */
async function ping(settings, { count = 100, everyMs = 3, bytes = 100, waitMs = 200 } = {}) {
  await wire.tell("set viewer rate=none queue=200ms delay=0 jitter=0 order=keep loss=0 duplicate=0 reorder=0");
  await wire.tell(settings);
  pinger.say(`${count} ${everyMs} ${bytes} ${waitMs}`);
  return JSON.parse(await pinger.line());
}

await ping("seed 1", { count: 20 }); // the first ones find everything cold

const plain = await ping("seed 1");
assert.equal(plain.back, 100);
const delayed = await ping("set viewer delay=40ms");
assert.ok(delayed.least >= 80 && delayed.median < plain.median + 95, JSON.stringify(delayed));
const oneWay = await ping("set viewer.up delay=40ms");
assert.ok(oneWay.least >= 40 && oneWay.median < plain.median + 55, JSON.stringify(oneWay));

const lossy = await ping("set viewer.down loss=20%", { count: 500, everyMs: 1 });
assert.ok(lossy.back > 340 && lossy.back < 460, JSON.stringify(lossy));
const doubled = await ping("set viewer.up duplicate=100%");
assert.equal(doubled.copies, 100);
const shuffled = await ping("set viewer.up reorder=20%/30ms");
assert.ok(shuffled.back === 100 && shuffled.overtaken >= 5, JSON.stringify(shuffled));

// 100 packets of 1028 bytes at once over 1 Mb/s: the queue holds 200 ms of them, and the last of these waits so long.
const queued = await ping("set viewer.up rate=1M queue=200ms", { everyMs: 0, bytes: 1000, waitMs: 600 });
assert.ok(queued.back >= 23 && queued.back <= 28, JSON.stringify(queued));
assert.ok(queued.most >= 190, JSON.stringify(queued));

assert.equal((await ping("blackout viewer.down on")).back, 0);
assert.equal((await ping("blackout viewer off")).back, 100);
assert.match(await wire.ask("set viewer delay=10"), /^error: delay wants a time/);
assert.match(await wire.ask("nonsense"), /^error: no such command/);
const { down, up } = (await wire.stats()).links.viewer;
assert.equal(down.packetsIn + down.duplicated, down.packetsOut + down.droppedQueue + down.droppedLoss + down.droppedDark);
assert.ok(up.droppedQueue > 50 && down.droppedDark >= 100 && down.droppedDark < 110 && down.droppedLoss > 40, JSON.stringify({ down, up }));

echo.end();
pinger.end();
await network.close();
console.log("the wire does what it is told");
process.exit(0);
