// SPDX-License-Identifier: Apache-2.0
//
// The server under test, on ports of its own. Its end is part of every test: exit code 0, no error
// in its log, no report of a sanitizer.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ROOT, SERVER, outputFile } from "./paths.mjs";
import { until } from "./poll.mjs";
import { freePorts } from "./ports.mjs";
import { Program } from "./process.mjs";

const WORKERS = 2;
const START_MS = 20_000;
/** Lines that a good run never writes. */
const ALARMS = [/^\S+Z error .*$/gm, /^.*(?:Sanitizer|runtime error:|CHECK failed).*$/gm];

export class Server {
  /** http://127.0.0.1:PORT */
  url = "";
  /** @type {string[]} */
  #settings = [];
  #name;
  /** @type {Program | null} */
  #program = null;
  #log = "";

  /**
   * @param {string} name  of the log file it leaves
   */
  constructor(name) {
    this.#name = name;
  }

  /** The media port of the first worker. */
  mediaPort = 0;

  /** Find the media port before the start, for settings that depend on it. */
  async choosePort() {
    return (this.mediaPort ||= await freePorts(WORKERS));
  }

  /** @param {string[]} [settings]  beside the addresses; when started again the former ones hold */
  async start(settings = this.#settings) {
    this.#settings = settings;
    if (!fs.existsSync(SERVER)) throw new Error(`${SERVER} is not there: run ./dev build first`);
    await this.choosePort();
    // Once started again it keeps its addresses: pages come back to the same one.
    const http = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const program = (this.#program = new Program(
      SERVER,
      [
        ...["--http-listen", http, "--media-listen", mediaAddresses(this.mediaPort), "--workers", String(WORKERS)],
        ...settings,
      ],
      { env: cleanEnvironment(), cwd: ROOT },
    ));
    const line = await until(
      "the server's address",
      () => program.ended ? `ended: ${program.tail()}` : program.log.match(/listening on (https?:\/\/\S+:\d+)/)?.[1],
      { deadlineMs: START_MS, intervalMs: 20, describe: () => program.tail() },
    );
    if (!line.startsWith("http")) throw new Error(`the server did not start: ${line}`);
    this.url = line;
  }

  /** What it has written so far, over all starts. */
  get log() {
    return this.#log + (this.#program?.log ?? "");
  }

  get wsUrl() {
    return `${this.url.replace(/^http/, "ws")}/ws`;
  }

  /** The end of the log, without the settings. @param {number} [lines] */
  tail(lines = 30) {
    return this.log.trimEnd().split("\n").filter((line) => !/ config: /.test(line)).slice(-lines).join("\n");
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#program?.signal(signal);
  }

  /** End it; rejects when the end or the log is not clean. */
  async stop() {
    const program = this.#program;
    if (!program) return;
    let ended;
    try {
      ended = await program.stop("SIGTERM");
    } finally {
      this.#program = null;
      this.#log += program.log;
      fs.writeFileSync(outputFile(`${this.#name}.server.log`), this.#log);
    }
    const alarms = ALARMS.flatMap((alarm) => program.log.match(alarm) ?? []);
    if (ended?.code !== 0 || alarms.length > 0) {
      throw new Error(`the server ended with ${JSON.stringify(ended)}; ${[...alarms.slice(0, 20), program.tail(15)].join("\n")}`);
    }
  }
}

/**
 * Run the program for one of its other verbs.
 * @param {string[]} args
 * @returns {Promise<string>} what it printed
 */
export async function runServerProgram(args) {
  const program = new Program(SERVER, args, { env: cleanEnvironment(), cwd: ROOT });
  const { code } = await program.finished();
  if (code !== 0) throw new Error(`${SERVER} ${args.join(" ")} ended with ${code}: ${program.tail()}`);
  return program.log.trim();
}

/**
 * Loopback, and an address of the machine if it has one: Firefox gathers no loopback candidates on a
 * machine with a network, and pairs no other with loopback.
 * @param {number} port
 */
function mediaAddresses(port) {
  const addresses = Object.values(os.networkInterfaces()).flatMap((list) => list ?? []);
  const outer = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  return ["127.0.0.1", ...(outer ? [outer.address] : [])].map((address) => `${address}:${port}`).join(",");
}

/** Settings of whoever runs the tests are not ours. */
function cleanEnvironment() {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PARLEY_"))),
    // Of a server with sanitizers: what libraries leak.
    LSAN_OPTIONS: `suppressions=${path.join(ROOT, "tests/lsan.supp")}:print_suppressions=0`,
  };
}
