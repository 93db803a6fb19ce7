// SPDX-License-Identifier: Apache-2.0
//
// One run of one profile on one server: everything is made for it and ends with it.

import { loadavg } from "node:os";
import { pause, until } from "../../e2e/lib/poll.mjs";
import { CLEAN } from "../profiles.mjs";
import { Seat } from "./browser.mjs";
import { harvest, newest, publish, view } from "./in_page.mjs";
import { Network } from "./network.mjs";
import { startParley, startPeer } from "./server.mjs";
import { publisherFigures, round, viewerFigures } from "./series.mjs";
import { look } from "./server_view.mjs";

const SAMPLE_MS = 100;
const LOOK_MS = 500;
/** Until the publisher sends, and the viewers show, all that the machine and the server can. */
const WARM_MS = 20_000;
const SETTLED_MS = 2000;
/** Between two looks at the wire: five times what it should be. */
const PAUSE_MS = 500;

/**
 * @typedef {import("./series.mjs").Frame} Frame
 * @typedef {import("./series.mjs").Sample} Sample
 * @typedef {import("../profiles.mjs").Profile} Profile
 * @typedef {{frames: Frame[], samples: Sample[], states: any[]}} Viewer
 * @typedef {object} Run
 * @property {string} profile
 * @property {string} sentence
 * @property {string} server
 * @property {number} seconds
 * @property {number} width @property {number} height
 * @property {{name: string, fromMs: number, toMs: number, links: Record<string, string>}[]} phases
 * @property {Record<string, Viewer>} viewers
 * @property {{samples: Sample[], states: any[]}} publisher
 * @property {Record<string, Sample[]>} lanes  "viewer1.down" and so on
 * @property {Record<string, (import("./server_view.mjs").View & {atMs: number})[]>} serverViews  what the server says of each connection
 * @property {Record<string, ReturnType<typeof viewerFigures>>} figures  of each viewer, over the whole run
 * @property {boolean} isPublisherLimited  by the profile
 * @property {ReturnType<typeof publisherFigures>} published
 * @property {Record<string, any>[]} perPhase
 * @property {{load: number, wireLateMs: number, stallMs: number, pauseMs: number}} machine
 * @property {string[]} doubts           why this run says less about the server than it should
 * @property {import("../profiles.mjs").Verdict[]} verdicts
 */

/**
 * @typedef {object} Options
 * @property {number} seconds
 * @property {number} width @property {number} height
 * @property {string | null} peer     null: Parley
 * @property {string | undefined} codec
 * @property {number} seed
 * @property {string[]} settings      of Parley
 * @property {(line: string) => void} say
 */

/** @param {number} height */
function encodingsFor(height) {
  const all = [
    { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
  ];
  if (height >= 540) return all;
  return [{ ...all[0], scaleResolutionDownBy: 2 }, { ...all[1], rid: "f", scaleResolutionDownBy: 1 }];
}

/** @param {import("./wire.mjs").Wire} wire @param {Record<string, string>} links */
async function apply(wire, links) {
  for (const [link, text] of Object.entries(links)) {
    const [, verb, rest] = text.match(/^(blackout) (.*)$/) ?? [null, "set", text];
    await wire.tell(`${verb} ${link} ${rest}`);
  }
}

/** @param {string | null} problem @param {Seat} seat */
function expectConnected(problem, seat) {
  if (problem) throw new Error(`${seat.name}: ${problem}\n${seat.console.join("\n")}`);
}

/**
 * Wait until a page's newest sample holds; rather go on than wait for ever, since that is a finding as well.
 * @param {Seat} seat @param {(sample: any) => boolean} holds
 */
async function settles(seat, holds) {
  return until(`${seat.name} to settle`, async () => holds(await seat.run(newest)), { deadlineMs: WARM_MS, intervalMs: 250 }).catch(() => false);
}

/**
 * @param {Profile} profile
 * @param {Options} options
 * @returns {Promise<Run>}
 */
export async function runProfile(profile, options) {
  const names = Array.from({ length: profile.viewers ?? 1 }, (_, i) => `viewer${i + 1}`);
  /** @type {(() => Promise<unknown>)[]} */
  const endings = [];
  try {
    const network = await Network.open(["publisher", ...names]);
    endings.push(() => network.close());
    await network.wire.tell(`seed ${options.seed}`);
    for (const name of ["publisher", ...names]) await network.wire.tell(`set ${name} ${CLEAN}`);
    const server = options.peer ? await startPeer(options.peer) : await startParley(profile.name, options.settings);
    endings.push(server.stop);
    const seats = await Promise.all(["publisher", ...names].map((name) => Seat.open(name, server.page)));
    endings.push(...seats.map((seat) => () => seat.close()));
    const stage = { network, server, publisher: seats[0], viewers: seats.slice(1) };
    await publishes(stage, options);
    const record = await measure(profile, options, stage);
    return conclude(profile, options, server.name, record);
  } finally {
    for (const ending of endings.reverse()) await ending().catch((error) => options.say(`at the end: ${error.message}`));
  }
}

/** @typedef {{network: Network, server: import("./server.mjs").MediaServer, publisher: Seat, viewers: Seat[]}} Stage */

/** @param {Stage} stage @param {Options} options */
async function publishes({ publisher, server }, { width, height, codec }) {
  const encodings = server.wantsHighestFirst ? encodingsFor(height).reverse() : encodingsFor(height);
  const wanted = { endpoint: server.whip, width, height, fps: 30, encodings, codec };
  expectConnected(await publisher.run(publish, wanted), publisher);
  await until("the publisher's frames", async () => (await publisher.run(newest)).layers?.some((/** @type {any} */ layer) => layer.frames > 0), {
    describe: async () => [await publisher.run(newest), ...publisher.console],
  });
  await settles(publisher, ({ layers }) => layers.some((/** @type {any} */ layer) => layer.height === height && layer.frames > 30));
}

/** @param {Stage} stage */
async function everybodyViews({ viewers, server }) {
  await Promise.all(viewers.map(async (viewer) => expectConnected(await viewer.run(view, { endpoint: server.whep }), viewer)));
}

/** @param {Profile} profile @param {Options} options @param {Stage} stage */
async function measure(profile, { seconds, height, say }, stage) {
  const { wire } = stage.network;
  const lengthMs = Math.max(seconds, profile.leastSeconds ?? 0) * 1000;
  if (!profile.isFromStart) {
    await everybodyViews(stage);
    await Promise.all(stage.viewers.map((viewer) => settles(viewer, (sample) => sample.decoded > 0 && sample.height === height)));
    await pause(SETTLED_MS);
  }
  /** @type {{atMs: number, stats: import("./wire.mjs").WireStats}[]} */
  const wireSamples = [];
  const loads = [];
  const t0 = Date.now();
  const phases = [];
  let phaseMs = 0;
  for (const { name, share, links } of profile.phases) {
    phases.push({ name, links, fromMs: phaseMs, toMs: (phaseMs += share * lengthMs) });
  }
  /** @type {{atMs: number, views: Record<string, import("./server_view.mjs").View>}[]} */
  const looks = [];
  const looking = setInterval(async () => {
    const { room } = stage.server;
    if (room) looks.push({ atMs: Date.now() - t0, views: await look(room, (address) => stage.network.nameOf(address)) });
  }, LOOK_MS);
  let next = 0;
  let started = Promise.resolve();
  for (;;) {
    const atMs = Date.now() - t0;
    if (atMs > lengthMs) break;
    if (next < phases.length && atMs >= phases[next].fromMs) {
      say(`${(atMs / 1000).toFixed(1).padStart(6)} s  ${phases[next].name} ${JSON.stringify(phases[next].links)}`);
      phases[next].fromMs = atMs;
      if (next > 0) phases[next - 1].toMs = atMs;
      await apply(wire, phases[next].links);
      if (next++ === 0 && profile.isFromStart) started = everybodyViews(stage);
    }
    wireSamples.push({ atMs: Date.now() - t0, stats: await wire.stats() });
    if (wireSamples.length % 20 === 1) loads.push(loadavg()[0]);
    await pause(Math.max(1, SAMPLE_MS - ((Date.now() - t0) % SAMPLE_MS)));
  }
  clearInterval(looking);
  await started;
  phases[phases.length - 1].toMs = lengthMs;
  const [publisher, ...viewers] = await Promise.all([stage.publisher, ...stage.viewers].map((seat) => seat.run(harvest)));
  return { t0, lengthMs, phases, wireSamples, looks, publisher, viewers, load: Math.max(...loads) };
}

/**
 * @param {Profile} profile @param {Options} options @param {string} server
 * @param {Awaited<ReturnType<typeof measure>>} record
 * @returns {Run}
 */
function conclude(profile, options, server, { t0, lengthMs, phases, wireSamples, looks, publisher, viewers, load }) {
  const since = (/** @type {any[]} */ rows) => rows.map((row) => ({ ...row, atMs: row.atMs - t0 }));
  const harvested = (/** @type {any} */ one) => ({ samples: since(one.samples), frames: since(one.frames), states: since(one.states) });
  const byName = Object.fromEntries(viewers.map((one, i) => [`viewer${i + 1}`, harvested(one)]));
  /** @type {Record<string, Sample[]>} */
  const lanes = {};
  for (const { atMs, stats } of wireSamples) {
    for (const [link, directions] of Object.entries(stats.links)) {
      for (const [direction, counters] of Object.entries(directions)) (lanes[`${link}.${direction}`] ??= []).push({ atMs, ...counters });
    }
  }
  /** @type {Run["serverViews"]} */
  const serverViews = {};
  for (const { atMs, views } of looks) for (const [name, view] of Object.entries(views)) (serverViews[name] ??= []).push({ atMs, ...view });
  const sent = harvested(publisher);
  const figuresOf = (/** @type {number} */ fromMs, /** @type {number} */ toMs) =>
    Object.fromEntries(Object.entries(byName).map(([name, viewer]) => [name, viewerFigures(viewer, fromMs, toMs)]));
  /** @type {Run} */
  const run = {
    profile: profile.name, sentence: profile.sentence, server, seconds: lengthMs / 1000, width: options.width, height: options.height,
    phases, viewers: byName, publisher: { samples: sent.samples, states: sent.states }, lanes, serverViews,
    isPublisherLimited: profile.isPublisherLimited === true,
    figures: figuresOf(0, lengthMs),
    published: publisherFigures(sent.samples, 0, lengthMs),
    perPhase: phases.map(({ name, fromMs, toMs }) => ({ name, ...figuresOf(fromMs, toMs) })),
    machine: {
      load: round(load),
      wireLateMs: round(Math.max(...wireSamples.slice(1).map(({ stats }) => stats.lateMaxMs))),
      stallMs: 0,
      pauseMs: Math.round(Math.max(0, ...wireSamples.slice(1).map(({ atMs }, i) => atMs - wireSamples[i].atMs))),
    },
    doubts: [], verdicts: [],
  };
  run.machine.stallMs = Math.max(...Object.values(run.figures).map(({ stallMs }) => stallMs));
  run.doubts = doubtsOf(run, profile);
  run.verdicts = profile.aims?.(run) ?? [];
  return run;
}

/** @param {Run} run @param {Profile} profile */
function doubtsOf({ published, machine }, profile) {
  const top = published.layers[published.layers.length - 1];
  const doubts = [];
  if (published.paintedFps < 28) doubts.push(`the publisher painted ${published.paintedFps} fps only`);
  if (!profile.isPublisherLimited && top && top.fps < 27) doubts.push(`the publisher encoded ${top.fps} fps of the top layer only`);
  if (published.layers.some(({ limitedBy }) => limitedBy.includes("cpu"))) doubts.push("the publisher's encoder was limited by the processor");
  if (machine.stallMs > 200) doubts.push(`a viewer's page stood still for ${machine.stallMs} ms`);
  if (machine.pauseMs > PAUSE_MS) doubts.push(`nothing was looked at for ${machine.pauseMs} ms: all stood still`);
  if (machine.wireLateMs > 20) doubts.push(`the wire was late by ${machine.wireLateMs} ms`);
  return doubts;
}
