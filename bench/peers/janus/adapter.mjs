// SPDX-License-Identifier: Apache-2.0
//
// Janus (the distribution's package) with WHIP and WHEP in front: `node adapter.mjs --cpu 0`. See ../README.md.

import os from "node:os";
import { Skip, run } from "../lib/adapter.mjs";
import { cpuCount, freePort } from "../lib/machine.mjs";
import { PinnedProcess, findProgram } from "../lib/pinned.mjs";
import { Refusal, listen } from "../lib/wish_server.mjs";
import { JanusSession } from "./api.mjs";
import { ROOM, findLibraries, writeConfig } from "./config.mjs";
import { answers, choose, usableCandidates } from "./translate.mjs";

const START_MS = 10_000;
/** A viewer may come a little before the broadcaster. */
const FEED_MS = 5000;

/** @typedef {{name: string, streams: {type: string, mid: string}[]}} Feed */

/** Rooms and participants over Janus' API. */
class Rooms {
  /** @type {Map<string, {isThere: Promise<unknown>, feed: Feed | null, waiting: Set<() => void>}>} */
  #rooms = new Map();
  #count = 0;
  #session;
  #admin;

  /** @param {JanusSession} session @param {number} admin */
  constructor(session, admin) {
    this.#session = session;
    this.#admin = admin;
  }

  /** @param {string} name */
  async #room(name) {
    let room = this.#rooms.get(name);
    if (!room) {
      room = { isThere: this.#session.ask(this.#admin, { request: "create", room: name, ...ROOM }), feed: null, waiting: new Set() };
      this.#rooms.set(name, room);
    }
    await room.isThere;
    return room;
  }

  /** @param {string} name @param {string} offer */
  publish = async (name, offer) => {
    const room = await this.#room(name);
    const handle = await this.#session.attach();
    const id = `publisher-${++this.#count}`;
    const end = async () => {
      if (room.feed?.name === id) room.feed = null;
      await this.#session.detach(handle);
    };
    try {
      // Who is told "active" answers "passive": players and generators start DTLS themselves with servers.
      const sdp = offer.replaceAll("a=setup:actpass", "a=setup:active");
      const body = { request: "joinandconfigure", ptype: "publisher", room: name, id };
      const { plugindata, jsep } = await this.#session.request(handle, body, { type: "offer", sdp });
      if (!jsep) throw new Refusal(406, "Janus has no answer");
      // Nobody can subscribe before its media may flow.
      this.#session.whenUp(handle, () => {
        room.feed = { name: id, streams: plugindata?.data.streams };
        for (const go of room.waiting) go();
      });
      return { answer: withUsableCandidates(jsep.sdp), end };
    } catch (error) {
      await end().catch(() => {});
      throw error;
    }
  };

  /** @param {string} name @param {string} offer */
  view = async (name, offer) => {
    const feed = await this.#feedOf(await this.#room(name));
    const chosen = choose(offer, feed.streams);
    const streams = chosen.flatMap((one) => (one ? [{ feed: feed.name, mid: one.mid }] : []));
    if (streams.length === 0) throw new Refusal(406, "the broadcast has nothing of what was asked for");
    const handle = await this.#session.attach();
    const end = () => this.#session.detach(handle);
    try {
      const { jsep } = await this.#session.request(handle, { request: "join", ptype: "subscriber", room: name, streams });
      if (!jsep) throw new Refusal(406, "Janus has no offer");
      const { player, janus } = answers(offer, jsep.sdp, chosen);
      await this.#session.request(handle, { request: "start" }, { type: "answer", sdp: janus });
      return { answer: player, end };
    } catch (error) {
      await end().catch(() => {});
      throw error;
    }
  };

  /**
   * @param {{feed: Feed | null, waiting: Set<() => void>}} room
   * @returns {Promise<Feed>}
   */
  async #feedOf(room) {
    if (!room.feed) {
      await new Promise((resolve) => {
        const go = () => {
          clearTimeout(timer);
          room.waiting.delete(go);
          resolve(undefined);
        };
        const timer = setTimeout(go, FEED_MS);
        room.waiting.add(go);
      });
    }
    if (!room.feed) throw new Refusal(409, "nobody broadcasts in this room");
    return room.feed;
  }
}

/** @param {string} sdp */
function withUsableCandidates(sdp) {
  const lines = sdp.split(/\r?\n/).filter(Boolean);
  const usable = new Set(usableCandidates(lines));
  return lines.filter((line) => !line.startsWith("a=candidate:") || usable.has(line)).map((line) => `${line}\r\n`).join("");
}

/** libnice, as Janus uses it, has no loopback candidates: media takes an address of the machine, which the system delivers over lo. */
const ownAddress = () => Object.values(os.networkInterfaces()).flat().find((one) => one?.family === "IPv4" && !one.internal)?.address;

/** @param {PinnedProcess} server @param {string} base */
async function whenReady(server, base) {
  for (const end = Date.now() + START_MS; Date.now() < end; ) {
    if (server.hasEnded) break;
    const response = await fetch(`${base}/info`).catch(() => null);
    if (response?.ok) return response.json();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Janus does not start:\n${server.log.join("\n")}`);
}

/** @param {{cpus: string, address: string}} options */
async function start({ cpus, address: wanted }) {
  const program = findProgram("janus");
  const libraries = findLibraries();
  const address = wanted.startsWith("127.") ? ownAddress() : wanted;
  if (!program || !libraries) throw new Skip("Janus is not installed (the package janus of group peer-janus in tools/packages.txt).");
  if (!address) throw new Skip("Janus offers no loopback candidates and this machine has no other IPv4 address.");
  const port = await freePort();
  const loops = cpuCount(cpus);
  const { folder, remove } = writeConfig({ libraries, port, address, loops });
  const server = new PinnedProcess(cpus, [program, "-F", folder, "-C", `${folder}/janus.jcfg`]);
  const base = `http://127.0.0.1:${port}/janus`;
  const stop = async () => {
    await server.stop();
    remove();
  };
  try {
    const info = await whenReady(server, base);
    const session = await JanusSession.open(base);
    const rooms = new Rooms(session, await session.attach());
    const { libnice, libsrtp, crypto } = info.dependencies;
    return {
      name: "Janus",
      version: info.version_string,
      pids: [server.pid],
      notes: [
        `event_loops = ${loops}, ice_lite, no event handlers, room without bitrate limit and fir_freq`,
        `libnice ${libnice}, ${libsrtp}, ${crypto}`,
        `media over an address of the machine (libnice offers no loopback candidates); one UDP port a PeerConnection`,
        "it takes AEAD_AES_256_GCM where that is offered; there is no setting for it",
        "viewers' offers are turned round by the adapter, since Janus' subscribers are offered to; its HTTP API is part of its processor time",
      ],
      resources: rooms,
      stop: async () => {
        session.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

await run(start, listen);
