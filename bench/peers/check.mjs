// SPDX-License-Identifier: Apache-2.0
//
// Does a peer work with a real browser? Starts its adapter, publishes from Chromium, watches from Chromium, ends everything.
//
//   node bench/peers/check.mjs janus

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Chromium } from "../../tests/e2e/lib/chromium.mjs";
import { until, within } from "../../tests/e2e/lib/poll.mjs";
import { connect, end, received } from "../../tests/e2e/lib/wish_in_page.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const VIEWERS = [
  { name: "plain" },
  { name: "video only", kinds: ["video"] },
  { name: "video first", kinds: ["video", "audio"] },
  { name: "DTLS client is the server", replace: [["a=setup:actpass", "a=setup:passive"]] },
  { name: "other extension ids", replace: [["a=extmap:4 ", "a=extmap:9 "]] },
  { name: "other mids", replace: [["a=mid:0", "a=mid:sound"], ["a=mid:1", "a=mid:sight"], ["BUNDLE 0 1", "BUNDLE sound sight"]], back: [["a=mid:sound", "a=mid:0"], ["a=mid:sight", "a=mid:1"], ["BUNDLE sound sight", "BUNDLE 0 1"]] },
  { name: "no candidates", remove: "^a=candidate|^a=end-of-candidates" },
];

const peer = process.argv[2] ?? "janus";
const adapter = spawn(process.execPath, [path.join(HERE, peer, "adapter.mjs"), "--cpu", process.argv[3] ?? "0"], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface(adapter.stdout)[Symbol.asyncIterator]();
const ready = JSON.parse((await within("the adapter", lines.next(), 20_000)).value);
console.log(ready);
if (ready.skip) process.exit(0);

const browser = await Chromium.open();
try {
  const { page } = await browser.newPage({ width: 640, height: 480 });
  await page.goto(ready.whip.replace(/\/whip.*/, "/")); // any address on loopback: getUserMedia wants one
  const whip = ready.whip.replace("ROOM", "hall");
  const whep = ready.whep.replace("ROOM", "hall");
  const cast = await page.evaluate(connect, { name: "cast", endpoint: whip });
  assert.equal(cast.status, 201, cast.problem);
  for (const { name, back = [], ...options } of VIEWERS) {
    await page.evaluate(patchAnswers, back);
    const play = await page.evaluate(connect, { name, endpoint: whep, direction: "recvonly", ...options });
    assert.equal(play.status, 201, `${name}: ${play.problem}`);
    const seen = await until(`pictures and sound: ${name}`, async () => {
      const now = await page.evaluate(received, name);
      return now.frames > 15 && (now.energy > 0 || options.kinds?.length === 1) && now;
    }, { describe: () => page.evaluate(received, name) });
    console.log(`ok ${name}: ${seen.frames} frames of ${seen.videoCodec}, ${seen.audioPackets} packets of sound`);
    assert.equal(await page.evaluate(end, name), 200);
  }
  assert.equal(await page.evaluate(end, "cast"), 200);
} finally {
  await browser.close();
  adapter.stdin.end();
  await within("the adapter's end", once(adapter, "close"), 15_000);
}
for (const pid of ready.pids) assert.throws(() => process.kill(pid, 0), "the peer outlives its adapter");
console.log(`${ready.name} ${ready.version}: fine`);

/** What the browser did not say itself it does not want to hear. @param {[string, string][]} rows */
function patchAnswers(rows) {
  const original = (window.originalSetRemote ??= RTCPeerConnection.prototype.setRemoteDescription);
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return original.call(this, { type, sdp: rows.reduce((text, [from, to]) => text.replaceAll(from, to), sdp) });
  };
}
