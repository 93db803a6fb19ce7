// SPDX-License-Identifier: Apache-2.0
//
// Debian's Firefox ESR with fake devices, driven by puppeteer over WebDriver BiDi.

import puppeteer from "puppeteer-core";

const EXECUTABLE = "/usr/bin/firefox-esr";
const LAUNCH_MS = 60_000;

const PREFERENCES = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
};

export class Firefox {
  name = "firefox";
  #browser;

  /** @param {import("puppeteer-core").Browser} browser */
  constructor(browser) {
    this.#browser = browser;
  }

  static async open() {
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: EXECUTABLE,
      headless: true,
      timeout: LAUNCH_MS,
      protocolTimeout: LAUNCH_MS,
      extraPrefsFirefox: PREFERENCES,
    });
    return new Firefox(browser);
  }

  /** @param {{width: number, height: number}} look */
  async newPage({ width, height }) {
    const context = await this.#browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width, height });
    return { page, addInitScript: (/** @type {any} */ script, /** @type {any} */ arg) => page.evaluateOnNewDocument(script, arg), close: () => context.close() };
  }

  async close() {
    await this.#browser.close().catch(() => {});
  }
}
