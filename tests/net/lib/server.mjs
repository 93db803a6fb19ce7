// SPDX-License-Identifier: Apache-2.0
//
// The media server under test, in its namespace: Parley, or another one behind an adapter of bench/peers. Both speak WHIP and WHEP.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { until, within } from "../../e2e/lib/poll.mjs";
import { Program } from "../../e2e/lib/process.mjs";
import { ROOT, SERVER, outputFile } from "./paths.mjs";
import { SERVER_ADDRESS, commandIn } from "./network.mjs";

const START_MS = 60_000;
const END_MS = 15_000;
const HTTP = `${SERVER_ADDRESS}:8080`;
const MEDIA = `${SERVER_ADDRESS}:40000`;
const WORKERS = 2;
/** Servers that take the first of the listed encodings for the largest. Parley measures. */
const HIGHEST_FIRST = ["janus"];

/**
 * @typedef {object} MediaServer
 * @property {string} name
 * @property {string} version
 * @property {string} page   an address of its origin, for pages
 * @property {string} whip
 * @property {string} whep
 * @property {boolean} wantsHighestFirst  encodings in the offer
 * @property {string | null} room   in Parley's REST API
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} log        name of the file with what it says
 * @param {string[]} settings
 * @returns {Promise<MediaServer>}
 */
export async function startParley(log, settings = []) {
  if (!fs.existsSync(SERVER)) throw new Error(`${SERVER} is not there: run ./dev build first`);
  const args = ["--dev", "--http-listen", HTTP, "--media-listen", MEDIA, "--workers", String(WORKERS), ...settings];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PARLEY_")));
  const program = new Program(...commandIn("server", [SERVER, ...args]), { env, cwd: ROOT });
  const keep = () => fs.writeFileSync(outputFile(`${log}.server.log`), program.log);
  const url = await until(
    "the server's address",
    () => (program.ended ? "ended" : program.log.match(/listening on (https?:\/\/\S+:\d+)/)?.[1]),
    { deadlineMs: START_MS, intervalMs: 20, describe: () => program.tail() },
  );
  if (url === "ended") throw new Error(`the server does not start: ${program.tail()}`);
  return {
    name: "Parley",
    version: program.log.match(/parley (\d+\.\d+\.\d+)/i)?.[1] ?? "",
    page: `${url}/client/README.md`,
    whip: `${url}/whip/hall`,
    whep: `${url}/whep/hall`,
    wantsHighestFirst: false,
    room: `${url}/v1/rooms/hall`,
    stop: async () => {
      const ended = await program.stop("SIGTERM").finally(keep);
      if (ended?.code !== 0) throw new Error(`the server ended with ${JSON.stringify(ended)}: ${program.tail()}`);
    },
  };
}

/**
 * @param {string} peer  a folder of bench/peers, or of the folder that NET_PEERS names
 * @returns {Promise<MediaServer>}
 */
export async function startPeer(peer) {
  const folder = path.resolve(ROOT, process.env.NET_PEERS ?? "bench/peers");
  const adapter = path.join(folder, peer, "adapter.mjs");
  if (!fs.existsSync(adapter)) throw new Error(`there is no ${adapter}`);
  const command = [process.execPath, adapter, "--cpu", "0-1", "--address", SERVER_ADDRESS];
  const child = spawn(...commandIn("server", command), { cwd: path.resolve(folder, "../.."), stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { value } = await within("the adapter", lines.next(), START_MS);
  const ready = JSON.parse(value ?? "{}");
  if (!ready.whip) throw new Error(`${peer}: ${ready.skip ?? "the adapter does not start"}`);
  return {
    name: ready.name,
    version: ready.version,
    page: new URL("/", ready.whip).href,
    whip: ready.whip.replace("ROOM", "hall"),
    whep: ready.whep.replace("ROOM", "hall"),
    wantsHighestFirst: HIGHEST_FIRST.includes(peer),
    room: null,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.stdin.end();
      await within("the adapter's end", ended, END_MS);
    },
  };
}
