// SPDX-License-Identifier: Apache-2.0
//
// Debian's Chromium with fake devices, driven by playwright.

import { chromium } from "playwright-core";
import { until } from "./poll.mjs";

const EXECUTABLE = "/usr/bin/chromium";

/**
 * @typedef {object} ChromiumOptions
 * @property {boolean} [hasDevices]     a fake camera and microphone; default true
 * @property {boolean} [isPermitted]    whoever asks for a device gets it; default true
 * @property {boolean} [hidesAddresses] candidates carry mDNS names, as in front of real users
 * @property {string} [executable]      another program, such as one that starts it somewhere else
 * @property {string[]} [flags]         further ones
 */

/** @param {ChromiumOptions} options */
function flagsOf({ hasDevices = true, isPermitted = true, hidesAddresses = false, flags = [] }) {
  return [
    "--headless=new",
    "--no-sandbox",
    "--allow-loopback-in-peer-connection",
    ...(hidesAddresses ? [] : ["--disable-features=WebRtcHideLocalIpsWithMdns"]),
    ...(isPermitted ? ["--use-fake-ui-for-media-stream"] : []),
    ...(hasDevices ? ["--use-fake-device-for-media-stream"] : []),
    "--autoplay-policy=no-user-gesture-required",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...flags,
  ];
}

export class Chromium {
  name = "chromium";
  #server;
  #browser;

  /**
   * @param {import("playwright-core").BrowserServer} server
   * @param {import("playwright-core").Browser} browser
   */
  constructor(server, browser) {
    this.#server = server;
    this.#browser = browser;
  }

  /** @param {ChromiumOptions} [options] */
  static async open(options = {}) {
    // A server of its own, because that one tells its process.
    const server = await chromium.launchServer({
      executablePath: options.executable ?? EXECUTABLE,
      headless: true,
      args: flagsOf(options),
      ignoreDefaultArgs: ["--mute-audio"],
    });
    return new Chromium(server, await chromium.connect(server.wsEndpoint()));
  }

  /**
   * A page with storage of its own, as if it were another user's browser.
   * @param {{width: number, height: number, isPhone?: boolean, colorScheme?: "light" | "dark"}} look
   */
  async newPage({ width, height, isPhone = false, colorScheme = "light" }) {
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme,
      reducedMotion: "reduce",
      ...(isPhone && { isMobile: true, hasTouch: true, deviceScaleFactor: 2 }),
    });
    const page = await context.newPage();
    return { page, addInitScript: (/** @type {() => void} */ script, /** @type {any} */ arg) => page.addInitScript(script, arg), close: () => context.close() };
  }

  /** End all its processes at once: its sockets are closed by the system. */
  async kill() {
    this.#signal("SIGKILL");
    await until("the end of Chromium", () => !this.#browser.isConnected());
  }

  /** Stop all its processes: nothing is closed and nothing is sent, as behind a cable that was pulled. */
  freeze() {
    this.#signal("SIGSTOP");
  }

  thaw() {
    this.#signal("SIGCONT");
  }

  /** @param {NodeJS.Signals} signal */
  #signal(signal) {
    process.kill(-(/** @type {number} */ (this.#server.process().pid)), signal); // playwright makes it the leader of a group
  }

  async close() {
    await this.#browser.close().catch(() => {});
    await this.#server.close().catch(() => {});
  }
}
