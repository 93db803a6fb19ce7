// SPDX-License-Identifier: Apache-2.0
//
// A Chromium of its own in a namespace, with one page.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Chromium } from "../../e2e/lib/chromium.mjs";
import { commandIn } from "./network.mjs";

const EXECUTABLE = "/usr/bin/chromium";

export class Seat {
  /** What the page said on its console, and what it threw. @type {string[]} */
  console = [];
  #browser;

  /** @param {string} name @param {Chromium} browser @param {any} page */
  constructor(name, browser, page) {
    this.name = name;
    this.page = page;
    this.#browser = browser;
    page.on("console", (/** @type {any} */ message) => this.console.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (/** @type {Error} */ error) => this.console.push(error.stack ?? String(error)));
  }

  /**
   * @param {string} name  of the namespace
   * @param {string} url
   */
  static async open(name, url) {
    // Playwright starts a program of one name: a script that goes to the namespace first.
    const script = path.join(os.tmpdir(), `chromium-${name}`);
    const [command, args] = commandIn(name, [EXECUTABLE]);
    fs.writeFileSync(script, `#!/bin/sh\nexec ${[command, ...args].join(" ")} "$@"\n`, { mode: 0o755 });
    const browser = await Chromium.open({ executable: script, flags: [`--unsafely-treat-insecure-origin-as-secure=${new URL(url).origin}`] });
    const { page } = await browser.newPage({ width: 320, height: 200 });
    const seat = new Seat(name, browser, page);
    await page.goto(url);
    return seat;
  }

  /**
   * @template T, A
   * @param {(arg: A) => T} what
   * @param {A} [arg]
   * @returns {Promise<Awaited<T>>}
   */
  run(what, arg) {
    return this.page.evaluate(what, arg);
  }

  async close() {
    await this.#browser.close();
  }
}
