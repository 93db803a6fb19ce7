// SPDX-License-Identifier: Apache-2.0
//
// mediasoup with WHIP and WHEP in front: `node adapter.mjs --cpu 0`. One worker, one WebRtcServer, a router a room.
// The module comes from npm without its install script; the worker program is taken from MEDIASOUP_WORKER_BIN. See ../README.md.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Skip, run } from "../lib/adapter.mjs";
import { freePort } from "../lib/machine.mjs";
import { listen } from "../lib/wish_server.mjs";
import { FIRST_ESTIMATE_BPS, Rooms } from "./rooms.mjs";

const PEERS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** The module, installed when it is not there. */
async function loadModule() {
  if (!fs.existsSync(path.join(PEERS, "node_modules/mediasoup"))) {
    try {
      execFileSync("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit"], { cwd: PEERS, stdio: ["ignore", 2, 2] });
    } catch {
      throw new Skip("The npm package mediasoup is not installed and npm ci in bench/peers did not succeed.");
    }
  }
  return import("mediasoup");
}

/** @param {{cpus: string, address: string}} options */
async function start({ cpus, address }) {
  const program = process.env.MEDIASOUP_WORKER_BIN; // mediasoup reads it too
  if (!program) throw new Skip("MEDIASOUP_WORKER_BIN does not name mediasoup's worker program, which the npm package does not hold.");
  if (!fs.existsSync(program)) throw new Skip(`MEDIASOUP_WORKER_BIN names ${program}, which is not there.`);
  const mediasoup = await loadModule();
  const worker = await mediasoup.createWorker({ logLevel: "error" }).catch((/** @type {Error} */ error) => {
    throw new Skip(`mediasoup ${mediasoup.version} cannot use the worker program ${program}: ${error.message}.`);
  });
  try {
    execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", cpus, String(worker.pid)], { stdio: ["ignore", 2, 2] });
    const port = await freePort();
    const server = await worker.createWebRtcServer({ listenInfos: [{ protocol: "udp", ip: address, port }] });
    return {
      name: "mediasoup",
      version: mediasoup.version,
      pids: [worker.pid],
      notes: [
        `one worker, one WebRtcServer on one UDP port, a router a room, initialAvailableOutgoingBitrate ${FIRST_ESTIMATE_BPS}`,
        "the worker is the program that MEDIASOUP_WORKER_BIN names; signalling is this adapter's and not counted",
      ],
      resources: new Rooms(worker, server),
      stop: async () => worker.close(),
    };
  } catch (error) {
    worker.close();
    throw error;
  }
}

await run(start, listen);
