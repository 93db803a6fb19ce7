// SPDX-License-Identifier: Apache-2.0
//
// The wire program: a line of text in, a line out, in order.

import { spawn } from "node:child_process";
import fs from "node:fs";
import { createInterface } from "node:readline";
import { within } from "../../e2e/lib/poll.mjs";
import { WIRE } from "./paths.mjs";

const ANSWER_MS = 5000;

/**
 * @typedef {object} LaneCounters
 * @property {number} packetsIn @property {number} bytesIn @property {number} packetsOut @property {number} bytesOut
 * @property {number} droppedQueue @property {number} droppedLoss @property {number} droppedDark
 * @property {number} queueBytes @property {number} queueMs
 * @typedef {{atMs: number, lateMaxMs: number, links: Record<string, {down: LaneCounters, up: LaneCounters}>}} WireStats
 */

export class Wire {
  #child;
  /** @type {((line: string) => void)[]} */
  #waiting = [];

  /** @param {string[]} links  NAME=NAMESPACE/DEVICE,NAMESPACE/DEVICE */
  static async open(links) {
    const wire = new Wire(links);
    const first = await wire.#answer();
    if (first !== "ready") throw new Error(`the wire does not start: ${first}`);
    return wire;
  }

  /** @param {string[]} links */
  constructor(links) {
    if (!fs.existsSync(WIRE)) throw new Error(`${WIRE} is not there: run ./dev build first`);
    this.#child = spawn(WIRE, links, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface(this.#child.stdout).on("line", (line) => this.#waiting.shift()?.(line));
    this.#child.on("close", () => this.#waiting.splice(0).forEach((tell) => tell("the wire has ended")));
    this.#child.on("error", (error) => this.#waiting.splice(0).forEach((tell) => tell(error.message)));
    this.#child.stdin.on("error", () => {});
  }

  #answer() {
    return within("an answer of the wire", /** @type {Promise<string>} */ (new Promise((resolve) => this.#waiting.push(resolve))), ANSWER_MS);
  }

  /** @param {string} line @returns {Promise<string>} the answer */
  ask(line) {
    const answer = this.#answer();
    this.#child.stdin.write(`${line}\n`);
    return answer;
  }

  /** @param {string} line  a command that is answered "ok" */
  async tell(line) {
    const answer = await this.ask(line);
    if (answer !== "ok") throw new Error(`wire: "${line}": ${answer}`);
  }

  /** @returns {Promise<WireStats>} */
  async stats() {
    return JSON.parse(await this.ask("stats"));
  }

  async close() {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin.end();
    await within("the end of the wire", ended, ANSWER_MS);
  }
}
