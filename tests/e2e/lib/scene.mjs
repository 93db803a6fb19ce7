// SPDX-License-Identifier: Apache-2.0
//
// A test with a server of its own and people at browsers. Browsers are shared by the tests of a
// file; server and pages are not. What a failed test saw is printed and kept.

import fs from "node:fs";
import { after, test } from "node:test";
import { Chromium } from "./chromium.mjs";
import { Firefox } from "./firefox.mjs";
import { outputFile, slugOf } from "./paths.mjs";
import { within } from "./poll.mjs";
import { Person } from "./person.mjs";
import { Server, runServerProgram } from "./server.mjs";

const TEST_MS = 90_000;
const EXPLAIN_MS = 5000;
/** Small pages cost little to draw. */
const LOOK = { width: 640, height: 480 };
/** Large enough for two simulcast encodings, small enough for a few pages on two cores. */
const CAMERA = { height: 360, fps: 15 };
/** Tiles are small here: without a word the server would send smaller pictures than tests look for. */
const VIEW = { quality: "high" };

/** A test that needs something this server does not have. */
class Missing extends Error {}

/** @type {Map<string, Promise<Chromium | Firefox>>} */
const browsers = new Map();
after(async () => {
  for (const browser of browsers.values()) await (await browser.catch(() => null))?.close();
});

/**
 * @typedef {object} JoinOptions
 * @property {string} [room]
 * @property {"chromium" | "firefox"} [browser]
 * @property {import("./chromium.mjs").ChromiumOptions} [chromium]
 * @property {any} [at]             the browser itself, when the test opened one
 * @property {string} [server]      another address than the server's own
 * @property {string} [path]        of another page than the conference
 * @property {Record<string, string | number>} [params]  of the page's address
 * @property {any} [look]           size and colours of the window
 * @property {[(arg: any) => void, any]} [before]        runs in the page before its own scripts
 */

export class Scene {
  /** @type {Person[]} */
  people = [];
  /** Further things to stop at the end. @type {(() => Promise<unknown>)[]} */
  cleanups = [];

  /**
   * @param {string} name
   */
  constructor(name) {
    this.slug = slugOf(name);
    this.server = new Server(this.slug);
  }

  /**
   * A page that has not joined.
   * @param {string} name
   * @param {JoinOptions & {join?: boolean}} [options]
   * @returns {Promise<Person>}
   */
  async open(name, { room = "hall", browser = "chromium", chromium, at, server, path = "/", params = {}, look, before, join = false } = {}) {
    const opened = at ?? (await browserFor(browser, chromium));
    const handle = await opened.newPage({ ...LOOK, ...look });
    const person = new Person(name, opened.name, handle);
    this.people.push(person);
    if (before) await handle.addInitScript(...before);
    const query = new URLSearchParams({ room, name, .../** @type {any} */ (CAMERA), ...VIEW, ...(join && { join: "1" }), ...params });
    await person.open(`${server ?? this.server.url}${path}?${query}`);
    return person;
  }

  /**
   * A page in the call, its media connected.
   * @param {string} name
   * @param {JoinOptions} [options]
   */
  async join(name, options) {
    const person = await this.open(name, { ...options, join: true });
    await person.reaches("joined");
    return person;
  }

  /**
   * Several at once.
   * @param {string[]} names
   * @param {JoinOptions} [options]
   */
  joinAll(names, options) {
    return Promise.all(names.map((name) => this.join(name, options)));
  }

  /**
   * Skip the test, and say why, when the server has not got something of the API yet.
   * @param {string[]} names  methods and notifications
   */
  async needs(...names) {
    const api = await runServerProgram(["api-docs"]);
    const missing = names.filter((name) => !api.includes(`### \`${name}\``) && !api.includes(`| \`${name}\` |`));
    if (missing.length > 0) throw new Missing(`this server has no ${missing.join(", ")}`);
  }

  /** @param {Person} person  who is not looked at any more */
  forget(person) {
    this.people = this.people.filter((one) => one !== person);
  }

  /** @param {unknown} error */
  async explain(error) {
    const parts = [`${error instanceof Error ? error.stack : error}`];
    for (const person of this.people) {
      const state = await within("a look", person.explain(), EXPLAIN_MS).catch((reason) => String(reason));
      parts.push(`---- ${person.name} (${person.browserName})`, JSON.stringify(state, null, 1), ...person.signalling, ...person.console, ...person.exceptions);
      await within("a picture", person.screenshot(`failed-${this.slug}-${slugOf(person.name)}`), EXPLAIN_MS).catch(() => {});
    }
    parts.push("---- server", this.server.log);
    const file = outputFile(`failed-${this.slug}.txt`);
    fs.writeFileSync(file, parts.join("\n"));
    const looks = await Promise.all(
      this.people.map(async (person) => `${person.name}: ${JSON.stringify(await within("a look", person.look(), EXPLAIN_MS).catch(String))}`),
    );
    console.log([...looks, ...this.people.flatMap((p) => p.console.slice(-10)), this.server.tail(), `more in ${file}`].join("\n"));
  }

  async close() {
    const people = this.people;
    await Promise.all(people.map((person) => within("closing a page", person.close(), 10_000).catch(() => {})));
    for (const cleanup of this.cleanups.reverse()) await cleanup();
    await this.server.stop();
    const exceptions = people.flatMap(({ name, exceptions }) => exceptions.map((text) => `${name}: ${text}`));
    if (exceptions.length > 0) throw new Error(`exceptions in pages:\n${exceptions.join("\n")}`);
  }
}

/**
 * @param {"chromium" | "firefox"} name
 * @param {import("./chromium.mjs").ChromiumOptions} [options]
 */
function browserFor(name, options) {
  const key = `${name} ${JSON.stringify(options ?? {})}`;
  let browser = browsers.get(key);
  if (!browser) browsers.set(key, (browser = name === "firefox" ? Firefox.open() : Chromium.open(options)));
  return browser;
}

/**
 * A test.
 * @param {string} name
 * @param {(scene: Scene) => Promise<void>} body
 * @param {object} [options]
 * @param {string[] | ((scene: Scene) => Promise<string[]>)} [options.settings]  of the server, beside its addresses
 * @param {number} [options.timeoutMs]
 */
export function scene(name, body, { settings = ["--dev"], timeoutMs = TEST_MS } = {}) {
  test(name, { timeout: timeoutMs }, async (t) => {
    const stage = new Scene(name);
    let failure = null;
    try {
      await stage.server.start(typeof settings === "function" ? await settings(stage) : settings);
      await within(name, body(stage), timeoutMs - 20_000);
    } catch (error) {
      if (error instanceof Missing) {
        t.skip(error.message);
      } else {
        failure = error;
        await stage.explain(error);
      }
    }
    try {
      await stage.close();
    } catch (error) {
      if (!failure) throw error;
      console.log(`and at the end: ${error}`);
    }
    if (failure) throw failure;
  });
}
