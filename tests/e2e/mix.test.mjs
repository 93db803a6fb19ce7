// SPDX-License-Identifier: Apache-2.0
//
// A mixed room: everybody has a colour and a tone, and whoever plays the mix sees and hears them together.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { askMix, joinMix, publishColor, readMix, unpublish, watchMix } from "./lib/mix_in_page.mjs";
import { until } from "./lib/poll.mjs";
import { scene } from "./lib/scene.mjs";
import { runServerProgram } from "./lib/server.mjs";

const PEOPLE = [
  { name: "Ann", color: "#c03030", hz: 440 },
  { name: "Bob", color: "#30a040", hz: 740 },
  { name: "Cem", color: "#3050c0", hz: 1180 },
  { name: "Dia", color: "#c0b030", hz: 1760 },
];
/** Middles of four tiles, beside the white spot and the names. */
const QUARTERS = [[0.25, 0.35], [0.75, 0.35], [0.25, 0.85], [0.75, 0.85]].map(([x, y]) => /** @type {[number, number]} */ ([x, y - 0.05]));
const KEYS = ["--auth-keys", "operator:a secret that has more than 32 bytes in it"];
const HEARD_DB = -60;
const SILENT_DB = -75;

/** @param {any} s @param {string} method @param {string} path @param {object} [body] */
async function call(s, method, path, body) {
  const response = await fetch(`${s.server.url}/v1/rooms${path}`, {
    method,
    ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** @param {string} color @param {number[] | undefined} seen */
function isNear(color, seen) {
  const wanted = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return seen !== undefined && wanted.every((value, i) => Math.abs(value - seen[i]) < 40);
}

/** @param {any} s @param {{name: string, color: string, hz: number}} who @param {object} [options] */
async function enter(s, who, options = {}) {
  const person = await s.open(who.name, { path: "/client/README.md" });
  const endpoint = `${s.server.url}/whip/hall?identity=${who.name}`;
  const answer = await person.run(publishColor, { endpoint, color: who.color, hz: who.hz, ...options });
  assert.equal(answer.status, 201, answer.text);
  return person;
}

/** @param {any} s */
async function openViewer(s, token = "") {
  const viewer = await s.open("Viewer", { path: "/client/README.md" });
  const answer = await viewer.run(watchMix, { endpoint: `${s.server.url}/whep/hall/mix`, token });
  assert.equal(answer.status, 201, answer.text);
  return viewer;
}

/** Wait until the viewer sees these colours at these places and hears exactly these of all tones. */
async function perceives(viewer, places, people, what) {
  const hz = PEOPLE.map((one) => one.hz);
  const look = () => viewer.run(readMix, { places, hz });
  await until(`the viewer to see and hear ${what}`, async () => {
    const seen = await look();
    return (
      people.every((one, i) => isNear(one.color, seen?.colors[i])) &&
      PEOPLE.every((one, i) => (people.includes(one) ? seen.levels[i] > HEARD_DB : seen.levels[i] < SILENT_DB))
    );
  }, { describe: async () => JSON.stringify({ ...(await look()), stats: await viewer.stats?.() }) });
  return look();
}

/**
 * What the server says that it did not hand on or send, for whatever reason; media without a path counts as not_forwarded, and
 * feedback before there is one is no loss, nor are packets of an input that has just been taken away.
 * @param {object} s @returns {Promise<string[]>} lines of metrics
 */
async function dropped(s) {
  const text = await (await fetch(`${s.server.url}/metrics`)).text();
  const isDrop = (line) =>
    /^parley_(mixer|sent)_packets_dropped_total\{.*\} [1-9]/.test(line) ||
    /^parley_received_packets_dropped_total\{.*(replica_unknown|codec_mismatch|no_packet).*\} [1-9]/.test(line);
  return text.split("\n").filter((line) => isDrop(line) && !/unknown_track|before_open/.test(line));
}

/** Datagrams that any socket of this machine had no room for, so far. @returns {Promise<number>} */
async function droppedByKernel() {
  const [names, values] = (await readFile("/proc/net/snmp", "utf8")).split("\n").filter((line) => line.startsWith("Udp: ")).map((line) => line.split(" "));
  return Number(values[names.indexOf("RcvbufErrors")]);
}

/** Wait until a page is told by its packets that exactly these are heard. */
async function isToldOf(s, person, people, token) {
  const names = people.map(({ name }) => name).sort();
  await until(`${person.name} to be told of ${names}`, async () => {
    const headers = token && { authorization: `Bearer ${token}` };
    const { participants } = await (await fetch(`${s.server.url}/v1/rooms/hall/participants`, { headers })).json();
    const { sources } = await person.run(readMix, { places: [], hz: [] });
    const told = sources.map(({ source }) => participants.find(({ csrc }) => csrc === source)?.identity).sort();
    return JSON.stringify(told) === JSON.stringify(names);
  }, { describe: () => person.run(readMix, { places: [], hz: [] }) });
}

scene("a viewer sees and hears the mix of two, then of four, and one leaves", async (s) => {
  const droppedBefore = await droppedByKernel();
  await call(s, "POST", "", { name: "hall" });
  const mix = await call(s, "POST", "/hall/mix", { width: 640, height: 360, bitrate: 1000000 });
  assert.deepEqual(mix.tracks.map(({ kind, source }) => `${kind} ${source}`), ["video mix", "audio mix"]);
  const viewer = await openViewer(s);
  viewer.stats = () => call(s, "GET", "/hall/mix/stats");
  const publishers = [await enter(s, PEOPLE[0]), await enter(s, PEOPLE[1])];
  await perceives(viewer, [[0.25, 0.4], [0.75, 0.4]], PEOPLE.slice(0, 2), "two");
  await viewer.screenshot("mix-two");
  publishers.push(await enter(s, PEOPLE[2], { simulcast: true }), await enter(s, PEOPLE[3]));
  const four = await perceives(viewer, QUARTERS, PEOPLE, "four");
  await viewer.screenshot("mix-four");
  const byKernel = (await droppedByKernel()) - droppedBefore;
  assert.ok(four.lost <= byKernel, `${four.lost} packets lost, of which sockets had no room for ${byKernel}`);
  assert.deepEqual(await dropped(s), [], "the server dropped nothing");
  await isToldOf(s, viewer, PEOPLE);
  await publishers[1].run(unpublish);
  await perceives(viewer, [[0.25, 0.3], [0.75, 0.3], [0.5, 0.8]], [PEOPLE[0], PEOPLE[2], PEOPLE[3]], "three");
  await viewer.screenshot("mix-three");
  const page = await s.open("Watcher", { path: "/watch/", params: { participant: "mix" } });
  await page.reaches("live");
  await until("the player's page to show the mix", () => page.run(() => document.querySelector("video").videoWidth === 640));
  await page.screenshot("mix-watch-page");
  await call(s, "PATCH", "/hall/mix", { layout: "speaker", width: 480, height: 480 });
  await until("the other size", async () => (await viewer.run(readMix, { places: [], hz: [] })).height === 480);
  await viewer.screenshot("mix-speaker");
});

scene("members hear the mix without themselves, a viewer hears all, and who administrates it changes it", async (s) => {
  const [ann, bob] = await Promise.all(["Ann", "Bob"].map((name) => s.open(name, { path: "/client/README.md" })));
  const hz = PEOPLE.map((one) => one.hz);
  const token = (identity, ...grants) => runServerProgram(["token", "--room", "hall", "--identity", identity, ...grants, ...KEYS]);
  const join = async (person, who, start) =>
    person.run(joinMix, { url: `${s.server.wsUrl}?access_token=${await token(who.name, ...(start ? ["--grant", "roomAdmin"] : []))}`, identity: who.name, hz: who.hz, start });
  const { mix } = await join(ann, PEOPLE[0], { width: 640, height: 360, loudest: 4 });
  assert.equal(mix.loudest, 4);
  await join(bob, PEOPLE[1]);
  const viewer = await openViewer(s, await token("eve"));
  const hears = (person, people) => until(`${person.name} to hear ${people.map(({ name }) => name)}`, async () => {
    const { levels } = await person.run(readMix, { places: [], hz });
    return PEOPLE.every((one, i) => (people.includes(one) ? levels[i] > HEARD_DB : levels[i] < SILENT_DB));
  }, { describe: () => person.run(readMix, { places: [], hz }) });
  await hears(ann, [PEOPLE[1]]);
  await hears(bob, [PEOPLE[0]]);
  await hears(viewer, [PEOPLE[0], PEOPLE[1]]);
  await until("pictures of those who have none", async () => (await viewer.run(readMix, { places: [], hz: [] })).width === 640, { describe: () => viewer.run(readMix, { places: [], hz: [] }) });
  await viewer.screenshot("mix-placeholders");

  const admin = await token("operator", "--grant", "roomAdmin");
  await isToldOf(s, ann, [PEOPLE[1]], admin);
  await isToldOf(s, viewer, [PEOPLE[0], PEOPLE[1]], admin);
  const change = async (params) => (await ann.run(askMix, { method: "updateMix", params })).result;
  const levelOfBob = async () => (await viewer.run(readMix, { places: [], hz })).levels[1];
  const readings = [];
  const plain = await until("Bob's loudness to settle", async () => {
    readings.push(await levelOfBob());
    const last = readings.slice(-4);
    return last.length === 4 && Math.max(...last) - Math.min(...last) < 1.5 && last.at(-1);
  }, { intervalMs: 250, describe: async () => readings.join(", ") });
  assert.deepEqual((await change({ voices: { Bob: { gainDb: -18 } } })).mix.voices, { Bob: { gainDb: -18, muted: false } });
  await until("Bob to be softer", async () => Math.abs((await levelOfBob()) - plain + 18) < 4, { describe: async () => `${plain}, ${await levelOfBob()}` });
  await change({ voices: { Bob: { muted: true } } });
  await hears(viewer, [PEOPLE[0]]);
  await isToldOf(s, viewer, [PEOPLE[0]], admin);
  await change({ voices: { Bob: { gainDb: 0, muted: false } }, audioBitrate: 128000 });
  await hears(viewer, [PEOPLE[0], PEOPLE[1]]);
  await change({ who: "flagged" });
  await hears(viewer, []);
  assert.equal((await bob.run(askMix, { method: "update", params: { inMix: true } })).result.participant.inMix, true);
  await hears(viewer, [PEOPLE[1]]);
  await change({ who: "all" });
  await hears(viewer, [PEOPLE[0], PEOPLE[1]]);

  const track = (result) => result.mix.tracks.find(({ kind }) => kind === "audio").id;
  const before = { id: track({ mix }), ...(await viewer.run(readMix, { places: [], hz })) };
  const one = await change({ loudest: 1 });
  assert.deepEqual([one.mix.loudest, track(one)], [1, before.id], "the same track, with fewer in it");
  await until("one of the two to be heard", async () => {
    const { levels } = await viewer.run(readMix, { places: [], hz });
    return levels.filter((level) => level > HEARD_DB).length === 1;
  }, { describe: () => viewer.run(readMix, { places: [], hz }) });
  assert.equal(track(await change({ loudest: 4 })), before.id);
  await hears(viewer, [PEOPLE[0], PEOPLE[1]]);
  assert.equal((await viewer.run(readMix, { places: [], hz })).keyFrames, before.keyFrames, "no picture began anew");

  assert.match((await bob.run(askMix, { method: "stopMix" })).result.error, /roomAdmin/);
  assert.match((await ann.run(askMix, { method: "startMix", params: {} })).result.error, /mixed already/);
  assert.match((await ann.run(askMix, { method: "updateMix", params: { width: 7 } })).result.error, /width/);
  const { result } = await ann.run(askMix, { method: "updateMix", params: { mixMinus: false, layout: "pip" } });
  assert.equal(result.mix.layout, "pip");
  await hears(ann, [PEOPLE[0], PEOPLE[1]]);
  await ann.run(askMix, { method: "updateMix", params: { who: "listed", members: [{ identity: "Bob" }] } });
  await hears(viewer, [PEOPLE[1]]);
  await ann.run(askMix, { method: "stopMix" });
  await until("Bob to be told of the end", async () => {
    const { told } = await bob.run(askMix, { method: "ping" });
    return told.at(-1)?.method === "slots" && told.some(({ method, params }) => method === "mixChanged" && params.mix === null);
  }, { describe: () => bob.run(askMix, { method: "ping" }) });
  await hears(viewer, []);
}, { settings: KEYS });

scene("mixes begin and end a hundred times while somebody watches", async (s) => {
  await call(s, "POST", "", { name: "hall" });
  const ann = await enter(s, PEOPLE[0]);
  const viewer = await openViewer(s);
  for (let i = 0; i < 100; i++) {
    await call(s, "POST", "/hall/mix", { width: 320, height: 180, encodings: 1 + (i % 3), codec: i % 2 ? "h264" : "vp8" });
    await call(s, "DELETE", "/hall/mix");
  }
  await call(s, "POST", "/hall/mix", { width: 320, height: 180 });
  await perceives(viewer, [[0.25, 0.4], [0.75, 0.4]], [PEOPLE[0], PEOPLE[0]], "one");
  await ann.run(unpublish);
});
