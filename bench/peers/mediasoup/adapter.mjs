// SPDX-License-Identifier: Apache-2.0
//
// mediasoup with WHIP and WHEP in front: `node adapter.mjs --cpu 0`. One worker, one WebRtcServer on loopback, a router a room.
// The module comes from npm without its install script; the worker program is taken from MEDIASOUP_WORKER_BIN. See ../README.md.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Skip, run } from "../lib/adapter.mjs";
import { freePort } from "../lib/machine.mjs";
import { Refusal, listen } from "../lib/wish_server.mjs";
import { alignRtx, answer, capabilities, dtlsOf, producers, routerCodecs, wishes } from "./sdp_ortc.mjs";

const PEERS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
/** Its estimate starts at 600 kb/s otherwise, and a viewer waits for it to grow. */
const FIRST_ESTIMATE_BPS = 10_000_000;

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

class Rooms {
  /** @type {Map<string, {router: any, producers: Map<string, any>}>} */
  #rooms = new Map();
  #worker;
  #server;

  /** @param {any} worker @param {any} server */
  constructor(worker, server) {
    this.#worker = worker;
    this.#server = server;
  }

  /** @param {any} router */
  #transport = (router) => router.createWebRtcTransport({ webRtcServer: this.#server, enableUdp: true, enableTcp: false, initialAvailableOutgoingBitrate: FIRST_ESTIMATE_BPS });

  /** @param {string} name @param {string} offer */
  publish = async (name, offer) => {
    this.#rooms.get(name)?.router.close();
    const wanted = routerCodecs(offer);
    const router = await this.#worker.createRouter({ mediaCodecs: wanted.map(({ codec }) => codec) });
    alignRtx(router.rtpCapabilities, wanted);
    const room = { router, producers: new Map() };
    try {
      const transport = await this.#transport(router);
      await transport.connect({ dtlsParameters: dtlsOf(offer) });
      for (const one of producers(offer)) room.producers.set(one.kind, await transport.produce(one));
      this.#rooms.set(name, room);
      const received = wishes(offer).map(({ section }) => room.producers.get(section.kind)?.rtpParameters ?? null);
      const end = async () => {
        router.close();
        if (this.#rooms.get(name) === room) this.#rooms.delete(name);
      };
      return { answer: answer(offer, transport, received, "publisher"), end };
    } catch (error) {
      router.close();
      throw error;
    }
  };

  /** @param {string} name @param {string} offer */
  view = async (name, offer) => {
    const room = this.#rooms.get(name);
    if (!room) throw new Refusal(409, "nobody broadcasts in this room");
    const transport = await this.#transport(room.router);
    try {
      await transport.connect({ dtlsParameters: dtlsOf(offer) });
      const sent = [];
      for (const { section, kind } of wishes(offer)) {
        const producer = kind && room.producers.get(kind);
        const mid = section.lines.find((line) => line.startsWith("a=mid:"))?.slice(6);
        sent.push(producer ? (await transport.consume({ producerId: producer.id, rtpCapabilities: capabilities(section), mid })).rtpParameters : null);
      }
      return { answer: answer(offer, transport, sent, "player"), end: async () => transport.close() };
    } catch (error) {
      transport.close();
      throw error;
    }
  };
}

/** @param {{cpus: string}} options */
async function start({ cpus }) {
  const program = process.env.MEDIASOUP_WORKER_BIN;
  if (!program) throw new Skip("MEDIASOUP_WORKER_BIN is not set: it names mediasoup's worker program, which npm ci does not bring.");
  if (!fs.existsSync(program)) throw new Skip(`MEDIASOUP_WORKER_BIN names ${program}, which is not there.`);
  const mediasoup = await loadModule();
  const worker = await mediasoup.createWorker({ logLevel: "error" }).catch((/** @type {Error} */ error) => {
    throw new Skip(`mediasoup ${mediasoup.version} cannot use the worker program ${program}: ${error.message}.`);
  });
  try {
    execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", cpus, String(worker.pid)], { stdio: ["ignore", 2, 2] });
    const port = await freePort();
    const server = await worker.createWebRtcServer({ listenInfos: [{ protocol: "udp", ip: "127.0.0.1", port }] });
    return {
      name: "mediasoup",
      version: mediasoup.version,
      pids: [worker.pid],
      notes: [
        `one worker, one WebRtcServer on one UDP port, a router a room, initialAvailableOutgoingBitrate ${FIRST_ESTIMATE_BPS}`,
        "signalling is this adapter's and not counted; the worker program is what MEDIASOUP_WORKER_BIN names",
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
