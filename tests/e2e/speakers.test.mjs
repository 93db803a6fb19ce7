// SPDX-License-Identifier: Apache-2.0
//
// Slots that follow who speaks, and redundant audio, with nothing but a browser's own interfaces.

import assert from "node:assert/strict";
import { join, perceive, request, setVolume } from "./lib/member_in_page.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

/** A page of ours without a program. */
const EMPTY = { path: "/client/README.md" };
const LOUD = 0.5;

scene("picture and sound follow who speaks, without negotiation", async (s) => {
  const stage = await s.open("Stage", EMPTY);
  const viewer = await s.open("Viewer", EMPTY);
  const cast = [
    { name: "rita", color: "red", tone: 500 },
    { name: "lima", color: "lime", tone: 1100 },
    { name: "bert", color: "blue", tone: 2000 },
  ];
  const ids = {};
  for (const one of cast) ids[one.name] = (await stage.run(join, { ...one, params: { autoSubscribe: false } })).id;
  await viewer.run(join, { name: "eve", slots: ["audio", "video"], params: { autoSubscribe: false } });
  for (const kind of ["audio", "video"]) {
    const { mid } = await viewer.run(request, { name: "eve", method: "subscribe", params: { source: "speaker:1", kind } });
    assert.ok(mid, `${kind} has a slot`);
  }
  const look = () => viewer.run(perceive, "eve");
  await until("the viewer to be connected", async () => (await look()).state === "connected", { describe: look });
  const { audio, video } = await look();
  for (const index of [1, 0, 2, 1]) {
    const { name, color, tone } = cast[index];
    await stage.run(setVolume, { name, volume: LOUD });
    const seen = await until(`${name} to be seen and heard`, async () => {
      const now = await look();
      return now.color === color && Math.abs(now.tone - tone) < 40 && now.speakers?.dominant === ids[name] && now;
    }, { describe: look });
    for (const slot of seen.slots) {
      assert.equal(slot.source, "speaker:1");
      assert.equal(slot.participantId, ids[name]);
    }
    await stage.run(setVolume, { name, volume: 0 });
  }
  const end = await look();
  assert.equal(end.offers, 1);
  assert.equal(end.speakers.recent[0], ids.lima);
  assert.equal(end.speakers.recent.length, 3);
  if (audio.ssrc) assert.equal(end.audio.ssrc, audio.ssrc);
  if (video.ssrc) assert.equal(end.video.ssrc, video.ssrc);
});

/** What the server sends in a member's only slot. @param {any} person @param {string} name */
async function codecSentTo(person, name) {
  const { stats } = await person.run(request, { name, method: "stats", params: {} });
  const row = stats.find(({ type }) => type === "outbound-rtp");
  return stats.find(({ id }) => id === row?.codecId)?.mimeType ?? null;
}

scene("redundant audio reaches those who take it, plain Opus the others", async (s) => {
  const stage = await s.open("Stage", EMPTY);
  const hall = await s.open("Hall", EMPTY);
  await stage.run(join, { name: "pete", tone: 700, red: true });
  await stage.run(setVolume, { name: "pete", volume: LOUD });
  await hall.run(join, { name: "with", slots: ["audio"], red: true });
  await hall.run(join, { name: "without", slots: ["audio"], red: false });
  const sizes = [];
  for (const [name, codec] of [["with", "audio/red"], ["without", "audio/opus"]]) {
    const look = async () => ({ ...(await hall.run(perceive, name)), sent: await codecSentTo(hall, name) });
    const { audio } = await until(`the sound in ${codec}`, async () => {
      const now = await look();
      return now.sent === codec && now.audio.packets > 50 && now.audio.energy > 0.01 && Math.abs(now.tone - 700) < 40 && now;
    }, { describe: look });
    sizes.push(audio.bytes / audio.packets);
  }
  // Browsers tell the codec of the blocks only, but a packet of two of them is larger.
  assert.ok(sizes[0] > 1.5 * sizes[1], `bytes a packet: ${sizes}`);
});
