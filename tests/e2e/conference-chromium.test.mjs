// SPDX-License-Identifier: Apache-2.0
//
// A conference of Chromium pages, as people use it.

import assert from "node:assert/strict";
import { installLook, readColor, readTone } from "./lib/in_page.mjs";
import { everybodyMeets } from "./lib/person.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";

/** A musician's ear is not needed: the tones are far apart. */
const LOOKS = [
  ["Ann", { color: [200, 40, 40], hertz: 500 }],
  ["Bob", { color: [40, 180, 40], hertz: 900 }],
  ["Cat", { color: [50, 50, 220], hertz: 1500 }],
];

scene("three people see and hear each other", async (s) => {
  const people = await s.joinAll(["Ann", "Bob", "Cat"]);
  await everybodyMeets(people, { width: 640, height: 360 });
  for (const person of people) {
    const others = people.filter((other) => other !== person).map(({ name }) => name);
    await person.seesTiles([`${person.name} (you)`, ...others]);
    for (const name of others) await person.seesTile(name, { hasVideo: true, isMuted: false });
    const { local, remote } = await person.path();
    assert.deepEqual([local.protocol, remote.protocol], ["udp", "udp"]);
    await person.screenshot(`three-${person.name}`);
  }
});

scene("everybody is seen and heard as who they are", async (s) => {
  const people = await Promise.all(LOOKS.map(([name, look]) => s.join(name, { before: [installLook, look] })));
  const isNear = (a, b, tolerance) => Math.abs(a - b) <= tolerance;
  for (const person of people) {
    for (const [name, { color, hertz }] of LOOKS.filter(([name]) => name !== person.name)) {
      await until(`${person.name} to see ${name} in ${color}`, async () => {
        const seen = await person.run(readColor, name);
        return seen && seen.every((value, i) => isNear(value, color[i], 40));
      }, { describe: () => person.run(readColor, name) });
      await until(`${person.name} to hear ${name} at ${hertz} Hz`, async () => {
        const tone = await person.run(readTone, name);
        return tone && isNear(tone.hertz, hertz, 40) && tone.level > -60;
      }, { describe: () => person.run(readTone, name) });
    }
  }
});

scene("mute and unmute are heard, seen and shown", async (s) => {
  const [ann, bob] = await s.joinAll(["Ann", "Bob"]);
  await everybodyMeets([ann, bob]);

  await bob.click("#mic");
  await ann.seesTile("Bob", { isMuted: true });
  await ann.hearsSilenceOf("Bob");
  await bob.hears("Ann");
  await bob.click("#mic");
  await ann.seesTile("Bob", { isMuted: false });
  await ann.hears("Bob");

  await bob.click("#camera");
  await ann.seesTile("Bob", { hasVideo: false });
  await ann.screenshot("camera-off");
  await bob.click("#camera");
  await ann.seesTile("Bob", { hasVideo: true });
  await ann.meets("Bob");
});

scene("who leaves is gone, who comes late sees everybody", async (s) => {
  const [ann, bob] = await s.joinAll(["Ann", "Bob"]);
  await everybodyMeets([ann, bob]);

  await bob.click("#leave");
  await bob.reaches("left");
  await ann.seesTiles(["Ann (you)"]);
  await bob.screenshot("left");

  const cat = await s.join("Cat");
  await everybodyMeets([ann, cat]);
  await bob.click("#rejoin");
  await bob.reaches("joined");
  await everybodyMeets([ann, bob, cat]);
  await ann.seesTiles(["Ann (you)", "Bob", "Cat"]);

  await s.forget(cat);
  await cat.close(); // the tab is closed, nobody pressed a button
  await ann.seesTiles(["Ann (you)", "Bob"]);
});

scene("a shared screen is a second picture", async (s) => {
  const [ann, bob] = await s.joinAll(["Ann", "Bob"]);
  await everybodyMeets([ann, bob]);

  await ann.click("#screen");
  await bob.seesTiles(["Ann", "Ann's screen", "Bob (you)"]);
  await bob.sees("Ann", { source: "screen" });
  await bob.meets("Ann");
  await bob.screenshot("screen-share");

  const cat = await s.join("Cat", { params: { audio: 0, video: 0 } });
  await cat.sees("Ann", { source: "screen" });
  await cat.meets("Ann");

  await ann.click("#screen");
  await bob.seesTiles(["Ann", "Bob (you)", "Cat"]);
  await bob.meets("Ann");

  await ann.click("#screen"); // once more, in a section that was used before
  await bob.sees("Ann", { source: "screen" });
  await cat.sees("Ann", { source: "screen" });
});

scene("two rooms do not hear each other", async (s) => {
  const params = { height: 180 };
  const [red, blue] = await Promise.all([
    s.joinAll(["Ann", "Bob"], { room: "red", params }),
    s.joinAll(["Cat", "Dan"], { room: "blue", params }),
  ]);
  await Promise.all([everybodyMeets(red), everybodyMeets(blue)]);
  for (const [person, other] of [[red[0], "Bob"], [red[1], "Ann"], [blue[0], "Dan"], [blue[1], "Cat"]]) {
    const { tiles, streams } = await person.look();
    assert.deepEqual(tiles.map(({ name }) => name).sort(), [`${person.name} (you)`, other].sort());
    assert.deepEqual([...new Set(streams.map(({ from }) => from))], [other]);
    const received = await person.run(async () => {
      const report = await window.parley.room.peerConnection.getStats();
      return [...report.values()].filter(({ type, packetsReceived }) => type === "inbound-rtp" && packetsReceived > 0).length;
    });
    assert.equal(received, 2, `${person.name} receives one camera and one microphone`);
  }
});

scene("somebody without camera and microphone watches and listens", async (s) => {
  const ann = await s.join("Ann");
  const bob = await s.join("Bob", { params: { audio: 0, video: 0 } });
  await bob.meets("Ann");
  await ann.seesTile("Bob", { hasVideo: false, isMuted: true });

  await bob.click("#mic");
  await ann.hears("Bob");
  await bob.click("#camera");
  await ann.sees("Bob", { width: 640, height: 360 });
});
