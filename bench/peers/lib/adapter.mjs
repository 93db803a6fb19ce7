// SPDX-License-Identifier: Apache-2.0
//
// What every adapter does alike: read the arguments, announce itself in one line on standard output, end with everything it
// started when standard input closes or a signal comes. Standard output carries that line and nothing else.

import { parseArgs } from "node:util";

const END_MS = 10_000;

/**
 * @typedef {object} Peer  a running server
 * @property {string} name
 * @property {string} version
 * @property {number[]} pids            whose processor time and memory count
 * @property {string[]} notes           settings that matter, for whoever reads the figures
 * @property {import("./wish_server.mjs").Resources} resources
 * @property {() => Promise<void>} stop
 */

/** Thrown by a peer that cannot run here. */
export class Skip extends Error {}

/**
 * The life of an adapter.
 * @param {(options: {cpus: string, address: string}) => Promise<Peer>} start
 * @param {typeof import("./wish_server.mjs").listen} listen
 */
export async function run(start, listen) {
  const { values } = parseArgs({ options: { cpu: { type: "string", default: "0" }, address: { type: "string", default: "127.0.0.1" } } });
  /** @type {(() => Promise<unknown>)[]} */
  const endings = [];
  let isEnding = false;
  const end = async (/** @type {number} */ code) => {
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => process.exit(1), END_MS).unref();
    for (const ending of endings.reverse()) await ending().catch((error) => console.error(String(error)));
    process.exit(code);
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => end(0));
  process.stdin.on("end", () => end(0)).on("error", () => end(0)).resume();
  try {
    const peer = await start({ cpus: values.cpu, address: values.address });
    endings.push(peer.stop);
    const server = await listen(peer.resources, values.address);
    endings.push(server.close);
    const { name, version, pids, notes } = peer;
    if (!isEnding) say({ name, version, whip: `${server.url}/whip/ROOM`, whep: `${server.url}/whep/ROOM`, pids, notes });
    else for (const ending of endings.reverse()) await ending();
  } catch (error) {
    if (!(error instanceof Skip)) throw error;
    say({ skip: error.message });
    await end(0);
  }
}

/** @param {object} line */
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
