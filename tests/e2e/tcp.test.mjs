// SPDX-License-Identifier: Apache-2.0
//
// Networks that block UDP: media goes over ICE-TCP.

import assert from "node:assert/strict";
import dgram from "node:dgram";
import { once } from "node:events";
import { CuttableProxy } from "./lib/cuttable_proxy.mjs";
import { everybodyMeets } from "./lib/person.mjs";
import { scene } from "./lib/scene.mjs";

/** @param {import("./lib/person.mjs").Person[]} people */
async function allUseTcp(people) {
  for (const person of people) {
    const { local, remote } = await person.path();
    assert.deepEqual([local.protocol, remote.protocol], ["tcp", "tcp"], `${person.name}'s candidate pair`);
  }
}

scene("without UDP, Chromium and Firefox meet over TCP", async (s) => {
  const [chromium, fox] = await Promise.all([s.joinAll(["Ann", "Bob"]), s.join("Fay", { browser: "firefox" })]);
  await everybodyMeets([...chromium, fox]);
  await allUseTcp([...chromium, fox]);
}, { settings: ["--dev", "--media-udp=false"] });

scene("UDP that leads nowhere is given up for TCP", async (s) => {
  const people = await s.joinAll(["Ann", "Bob"]);
  await everybodyMeets(people);
  await allUseTcp(people);
}, { settings: withBlackHole });

/**
 * Announce a port on which TCP reaches the server and UDP is swallowed, as behind a firewall.
 * @param {import("./lib/scene.mjs").Scene} s
 */
async function withBlackHole(s) {
  const proxy = new CuttableProxy(`http://127.0.0.1:${await s.server.choosePort()}`);
  await proxy.start();
  const { port } = new URL(proxy.url);
  const hole = dgram.createSocket("udp4");
  hole.bind(Number(port), "127.0.0.1");
  await once(hole, "listening");
  s.cleanups.push(() => proxy.stop(), async () => hole.close());
  return ["--dev", "--workers", "1", "--media-announce", `127.0.0.1:${port}`];
}
