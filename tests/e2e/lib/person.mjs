// SPDX-License-Identifier: Apache-2.0
//
// Somebody at a browser: opens the conference page, clicks, and tells what is seen and heard.

import { explain, look, readPath } from "./in_page.mjs";
import { outputFile } from "./paths.mjs";
import { DEADLINE_MS, until } from "./poll.mjs";

/** @typedef {Awaited<ReturnType<typeof look>>} Look */
/** @typedef {{from: string, source: string, isMuted: boolean, mid: string | null, codec?: string, packets?: number,
 *   frames?: number, width?: number, height?: number, energy?: number, ssrc?: number}} Stream */

/** Frames and sound are judged over at least this long, on the page's own clock. */
const WINDOW_MS = 1000;
/** A camera here gives 15 frames a second; a machine that does other things as well loses some. */
const MIN_FPS = 6;
/** What the fake microphones give in a second is well above this. */
const MIN_ENERGY = 1e-6;

export class Person {
  /** What the page said on its console. @type {string[]} */
  console = [];
  /** Exceptions that nobody caught: each fails the test. @type {string[]} */
  exceptions = [];
  /** What its WebSockets carried; Chromium only. @type {string[]} */
  signalling = [];
  #handle;

  /**
   * @param {string} name
   * @param {string} browserName
   * @param {{page: any, close: () => Promise<void>}} handle
   */
  constructor(name, browserName, handle) {
    this.name = name;
    this.browserName = browserName;
    this.#handle = handle;
    this.page.on("console", (/** @type {any} */ message) => this.console.push(`${message.type()}: ${message.text()}`));
    this.page.on("websocket", (/** @type {any} */ socket) => this.#listenIn(socket));
    this.page.on("pageerror", (/** @type {Error} */ error) => this.exceptions.push(error.stack ?? String(error)));
  }

  get page() {
    return this.#handle.page;
  }

  /** @param {string} url */
  async open(url) {
    await this.page.goto(url);
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

  /** @returns {Promise<Look>} */
  look() {
    return this.run(look);
  }

  /** @param {string} selector */
  async click(selector) {
    await this.page.click(selector);
  }

  /** @param {string} state  of the page: lobby, joining, joined, reconnecting, left, error */
  async reaches(state) {
    const seen = () => this.run(() => document.body?.dataset.state);
    await until(`${this.name}'s page to be "${state}"`, async () => (await seen()) === state, { describe: seen });
  }

  /** Wait until the media connection is up. */
  async isConnected() {
    const seen = () => this.run(() => window.parley.room?.peerConnection?.connectionState);
    await until(`${this.name}'s media connection`, async () => (await seen()) === "connected", { describe: seen });
  }

  /**
   * Wait for exactly these tiles.
   * @param {string[]} names  as the tiles say them, in any order
   */
  async seesTiles(names) {
    const seen = async () => (await this.look()).tiles.map(({ name }) => name).sort();
    const wanted = [...names].sort().join(", ");
    await until(`${this.name}'s tiles to be ${wanted}`, async () => (await seen()).join(", ") === wanted, { describe: seen });
  }

  /**
   * @param {string} name
   * @returns {Promise<any>} the tile with this name
   */
  async tile(name) {
    return (await this.look()).tiles.find((tile) => tile.name === name);
  }

  /**
   * Wait until a tile is as wanted.
   * @param {string} name
   * @param {Record<string, any>} wanted
   */
  async seesTile(name, wanted) {
    await until(
      `${this.name}'s tile of ${name} to be ${JSON.stringify(wanted)}`,
      async () => {
        const tile = await this.tile(name);
        return tile && Object.entries(wanted).every(([key, value]) => tile[key] === value);
      },
      { describe: () => this.tile(name) },
    );
  }

  /**
   * Wait until pictures of somebody arrive and are decoded: at a good rate, in the right size.
   * @param {string} from
   * @param {{source?: string, width?: number, height?: number, minFps?: number, codec?: string}} [wanted]
   */
  async sees(from, { source = "camera", width, height, minFps = MIN_FPS, codec } = {}) {
    return this.#receives(`${this.name} to see the ${source} of ${from}`, from, source, (now, before, seconds) => ({
      fps: ((now.frames ?? 0) - (before.frames ?? 0)) / seconds >= minFps,
      size: (!width || now.width === width) && (!height || now.height === height),
      codec: !codec || now.codec?.toLowerCase() === codec.toLowerCase(),
    }));
  }

  /**
   * Wait until sound of somebody arrives, with energy in it.
   * @param {string} from
   * @param {{source?: string, codec?: string}} [wanted]
   */
  async hears(from, { source = "microphone", codec } = {}) {
    return this.#receives(`${this.name} to hear the ${source} of ${from}`, from, source, (now, before, seconds) => ({
      packets: ((now.packets ?? 0) - (before.packets ?? 0)) / seconds >= 15,
      energy: ((now.energy ?? 0) - (before.energy ?? 0)) / seconds >= MIN_ENERGY,
      codec: !codec || now.codec?.toLowerCase() === codec.toLowerCase(),
    }));
  }

  /**
   * Wait until the sound of somebody is silence.
   * @param {string} from
   */
  async hearsSilenceOf(from) {
    return this.#receives(`${this.name} to hear nothing of ${from}`, from, "microphone", (now, before, seconds) => ({
      energy: ((now.energy ?? 0) - (before.energy ?? 0)) / seconds < MIN_ENERGY,
    }));
  }

  /**
   * See and hear somebody.
   * @param {string} from
   * @param {Parameters<Person["sees"]>[1]} [video]
   */
  async meets(from, video) {
    await Promise.all([this.sees(from, video), this.hears(from)]);
  }

  /**
   * @param {string} from
   * @param {string} source
   * @returns {Promise<{atMs: number, stream: Stream | undefined}>}
   */
  async stream(from, source) {
    const { atMs, streams } = await this.look();
    return { atMs, stream: /** @type {Stream[]} */ (streams).find((one) => one.from === from && one.source === source) };
  }

  /** The candidate pair in use. */
  async path() {
    return until(`${this.name}'s candidate pair`, () => this.run(readPath));
  }

  /** @param {string} name  of the file, without its ending */
  async screenshot(name) {
    await this.page.screenshot({ path: outputFile(`${name}.png`) });
  }

  /** What the page looks like from inside, for whoever reads a failure. */
  async explain() {
    return { look: await this.look(), ...(await this.run(explain)) };
  }

  async close() {
    await this.#handle.close();
  }

  /** @param {any} socket */
  #listenIn(socket) {
    const note = (/** @type {string} */ way) => (/** @type {any} */ { payload }) => {
      // The last offer and answer are shown apart.
      const short = JSON.stringify(JSON.parse(payload), (key, value) => (key === "sdp" ? "…" : value));
      this.signalling.push(`${now()} ${way} ${short}`);
    };
    socket.on("framesent", note("->"));
    socket.on("framereceived", note("<-"));
    socket.on("close", () => this.signalling.push(`${now()} closed`));
  }

  /**
   * Compare a stream with itself a little earlier until everything asked for holds.
   * @param {string} what
   * @param {string} from
   * @param {string} source
   * @param {(now: Stream, before: Stream, seconds: number) => Record<string, boolean>} judge
   */
  async #receives(what, from, source, judge) {
    /** @type {{atMs: number, stream: Stream}[]} */
    let seen = [];
    /** @type {any} */
    let verdict = null;
    return until(
      what,
      async () => {
        const { atMs, stream } = await this.stream(from, source);
        if (!stream) return void (seen = []);
        if (seen.length > 0 && seen[0].stream.ssrc !== stream.ssrc) seen = [];
        seen.push({ atMs, stream });
        while (seen.length > 1 && seen[1].atMs <= atMs - WINDOW_MS) seen.shift();
        if (atMs - seen[0].atMs < WINDOW_MS) return undefined;
        verdict = judge(stream, seen[0].stream, (atMs - seen[0].atMs) / 1000);
        return Object.values(verdict).every(Boolean) && stream;
      },
      { deadlineMs: DEADLINE_MS, describe: () => ({ verdict, before: seen[0], now: seen[seen.length - 1] }) },
    );
  }
}

const now = () => new Date().toISOString().slice(11, 23);

/**
 * Everybody sees and hears everybody else.
 * @param {Person[]} people
 * @param {Parameters<Person["sees"]>[1]} [video]
 */
export async function everybodyMeets(people, video) {
  await Promise.all(people.flatMap((one) => people.filter((other) => other !== one).map((other) => one.meets(other.name, video))));
}
