// SPDX-License-Identifier: Apache-2.0
//
// Debian's TURN server on loopback, with credentials made from a shared secret.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { until } from "./poll.mjs";
import { freePorts } from "./ports.mjs";
import { Program } from "./process.mjs";

const RELAY_PORTS = 60;

export class Coturn {
  secret = "a secret of the tests";
  url = "";
  /** @type {Program | null} */
  #program = null;
  #folder = "";

  async start() {
    const port = await freePorts(RELAY_PORTS + 1);
    this.#folder = fs.mkdtempSync(path.join(os.tmpdir(), "parley-turn-"));
    this.url = `turn:127.0.0.1:${port}?transport=udp`;
    const program = (this.#program = new Program("turnserver", [
      "-n", // no file of settings
      "--listening-ip=127.0.0.1",
      "--relay-ip=127.0.0.1",
      `--listening-port=${port}`,
      `--min-port=${port + 1}`,
      `--max-port=${port + RELAY_PORTS}`,
      "--use-auth-secret",
      `--static-auth-secret=${this.secret}`,
      "--realm=parley.test",
      "--allow-loopback-peers",
      "--no-tls",
      "--no-dtls",
      "--no-cli",
      "--log-file=stdout",
      "--simple-log",
      "--verbose",
      `--pidfile=${this.#folder}/pid`,
      `--userdb=${this.#folder}/users`,
    ]));
    await until("coturn", () => program.ended || program.log.includes("SQLite DB connection success"), {
      describe: () => program.tail(),
    });
    if (program.ended) throw new Error(`turnserver ended: ${program.tail()}`);
  }

  /** @param {number} [lines] */
  tail(lines = 40) {
    return this.#program?.tail(lines) ?? "";
  }

  async stop() {
    await this.#program?.stop();
    this.#program = null;
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}
