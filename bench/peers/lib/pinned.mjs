// SPDX-License-Identifier: Apache-2.0
//
// A server process pinned to processors that does not outlive the adapter.

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";

const END_MS = 5000;
const LOG_LINES = 200;

/** @param {string} name  @returns {string | undefined} its path */
export const findProgram = (name) => (process.env.PATH ?? "").split(":").map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file));

/**
 * util-linux' little programs replace themselves by the next one, so that the process is the server's.
 * @param {string} cpus  as for taskset --cpu-list
 * @param {string[]} command
 */
export const pinnedCommand = (cpus, command) => [
  "setpriv", "--pdeathsig", "KILL", "taskset", "--cpu-list", cpus, ...command,
];

export class PinnedProcess {
  /** The last lines that it wrote. @type {string[]} */
  log = [];
  hasEnded = false;
  #child;
  #end;

  /**
   * @param {string} cpus
   * @param {string[]} command
   * @param {NodeJS.ProcessEnv} [env]
   */
  constructor(cpus, command, env = process.env) {
    const [program, ...args] = pinnedCommand(cpus, command);
    const child = (this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env }));
    const keep = (/** @type {Buffer} */ chunk) => (this.log = [...this.log, ...chunk.toString().trimEnd().split("\n")].slice(-LOG_LINES));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    this.#end = once(child, "close").catch((error) => keep(Buffer.from(String(error)))).then(() => void (this.hasEnded = true));
  }

  get pid() {
    return /** @type {number} */ (this.#child.pid);
  }

  async stop() {
    if (!this.hasEnded) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.#end;
    clearTimeout(timer);
  }
}
