// SPDX-License-Identifier: Apache-2.0
//
// Media through a TURN server, with the credentials that the server makes for its clients.

import assert from "node:assert/strict";
import { Coturn } from "./lib/coturn.mjs";
import { everybodyMeets } from "./lib/person.mjs";
import { scene } from "./lib/scene.mjs";

scene("pages that must use a relay meet through it", async (s) => {
  const params = { relay: 1 };
  const people = await Promise.all([s.join("Ann", { params }), s.join("Bob", { params }), s.join("Fay", { browser: "firefox", params })]);
  await everybodyMeets(people);
  for (const person of people) {
    const { local } = await person.path();
    assert.equal(local.type, "relay", `${person.name}'s candidate`);
  }
}, {
  settings: async (s) => {
    const turn = new Coturn();
    await turn.start();
    s.cleanups.push(() => turn.stop());
    return ["--dev", "--ice-servers", turn.url, "--ice-turn-secret", turn.secret];
  },
});
