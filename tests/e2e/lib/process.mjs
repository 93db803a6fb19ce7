// SPDX-License-Identifier: Apache-2.0
//
// A program that a test starts and ends: its output is kept, its end is awaited.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { within } from "./poll.mjs";

const END_MS = 15_000;

/** Programs that are still running: none of them outlives the tests, whatever happens. */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Program {
  /** What it wrote to standard output and error. */
  log = "";
  /** @type {{code: number | null, signal: string | null} | null} */
  ended = null;
  #child;
  #name;
  /** @type {Promise<void>} */
  #end;

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {{env?: NodeJS.ProcessEnv, cwd?: string}} [options]
   */
  constructor(command, args, { env = process.env, cwd } = {}) {
    this.#name = command;
    const child = (this.#child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] }));
    running.add(child);
    const keep = (/** @type {Buffer} */ chunk) => (this.log += chunk);
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => {
      this.log += `${command}: ${error.message}\n`;
      this.ended ??= { code: null, signal: null };
    });
    this.#end = once(child, "close").then(([code, signal]) => {
      running.delete(child);
      this.ended = { code, signal };
    }, () => {});
  }

  get pid() {
    return this.#child.pid;
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#child.kill(signal);
  }

  /**
   * Ask it to end and wait until it has.
   * @param {NodeJS.Signals} [signal]
   */
  async stop(signal = "SIGTERM") {
    if (!this.ended) this.#child.kill(signal);
    try {
      await within(`the end of ${this.#name}`, this.#end, END_MS);
    } catch (error) {
      this.#child.kill("SIGKILL");
      await this.#end;
      throw error;
    }
    return this.ended;
  }

  /** Wait until it ends by itself. */
  async finished() {
    await within(`the end of ${this.#name}`, this.#end, END_MS);
    return /** @type {{code: number | null, signal: string | null}} */ (this.ended);
  }

  /** @param {number} [count]  of lines from the end */
  tail(count = 40) {
    return this.log.trimEnd().split("\n").slice(-count).join("\n");
  }
}
