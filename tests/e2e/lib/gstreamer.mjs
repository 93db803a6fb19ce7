// SPDX-License-Identifier: Apache-2.0
//
// GStreamer's webrtcbin at the far end: gstreamer/wish.py as a child, its reports as values.

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until, within } from "./poll.mjs";

const PROGRAM = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../gstreamer/wish.py");
const END_MS = 15_000;

export class Gstreamer {
  /** Everything that it said, the last one of each kind. @type {Record<string, any>} */
  last = {};
  /** @type {string[]} */
  states = [];
  #child;
  #name;
  #errors = "";
  #end;

  /**
   * @param {import("./scene.mjs").Scene} s  whose end is its end too
   * @param {"publish" | "play"} verb @param {string} endpoint @param {string[]} [options]
   */
  constructor(s, verb, endpoint, options = []) {
    this.#name = `GStreamer (${verb})`;
    const child = (this.#child = spawn(PROGRAM, [verb, `${s.server.url}${endpoint}`, ...options], { stdio: ["pipe", "pipe", "pipe"] }));
    child.stderr.on("data", (chunk) => (this.#errors += chunk));
    this.#end = once(child, "close");
    createInterface(child.stdout).on("line", (line) => {
      const { event, ...what } = JSON.parse(line);
      this.last[event] = what;
      if (event === "state") this.states.push(what.state);
    });
    s.cleanups.push(() => this.stop());
  }

  /** What it knows, for whoever reads a failure. */
  describe() {
    const { answer, ...rest } = this.last;
    return { ...rest, status: answer?.status, states: this.states, errors: this.#errors.slice(-2000), offer: answer?.offer, answer: answer?.answer };
  }

  /**
   * @param {string} what @param {() => any} ask
   * @returns {Promise<any>}
   */
  until(what, ask) {
    return until(`${this.#name} ${what}`, () => {
      if (this.last.error || this.#child.exitCode !== null) throw new Error(`${this.#name} ended: ${JSON.stringify(this.describe())}`);
      return ask();
    }, { describe: () => this.describe() });
  }

  isConnected() {
    return this.until("to be connected", () => this.last.state?.state === "connected");
  }

  /** End it; it deletes its resource on the way. */
  async stop() {
    this.#child.stdin.end();
    try {
      await within(`the end of ${this.#name}`, this.#end, END_MS);
    } catch (error) {
      this.#child.kill("SIGKILL");
      throw error;
    }
  }
}
