// SPDX-License-Identifier: Apache-2.0
//
// Browsers of people who have not allowed camera or microphone hide their addresses behind names
// that only mDNS resolves: the server must learn the address from the checks themselves.

import assert from "node:assert/strict";
import { scene } from "./lib/scene.mjs";

scene("a viewer whose candidates are mDNS names is connected", async (s) => {
  const ann = await s.join("Ann");
  const bob = await s.join("Bob", {
    chromium: { hidesAddresses: true, isPermitted: false, hasDevices: false },
    params: { audio: 0, video: 0 },
  });
  await bob.meets("Ann");
  const sdp = await bob.run(() => window.parley.room.peerConnection.localDescription.sdp);
  const addresses = [...sdp.matchAll(/^a=candidate:\S+ \d \S+ \d+ (\S+)/gm)].map(([, address]) => address);
  assert.ok(addresses.length > 0 && addresses.every((address) => address.endsWith(".local")), `candidates: ${addresses.join(" ")}`);
});
