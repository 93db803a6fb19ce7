// SPDX-License-Identifier: Apache-2.0
//
// Tells the server what we want of each video that arrives: watches the elements that show it and the user's choice, and
// reports a wish when it has become another one. A wish belongs to the slot, so that another track in it needs a word only when
// its wish differs. A picture that gets visible is asked for at once, sizes wait until they rest, and a picture that vanishes
// is given up after a moment, because many come right back.

import { watchElement } from "./element_watch.js";
import { isConnectionError } from "./errors.js";
import { wishKey, wishOf } from "./layer_wish.js";

/** @typedef {import("./received_track.js").ReceivedTrack} ReceivedTrack */
/** @typedef {import("./layer_wish.js").LayerWish} LayerWish */

const SIZE_MS = 200;
const PAUSE_MS = 1000;
/** What the server does for a slot that nothing was said about. */
const NO_WISH = wishKey({});

/**
 * @typedef {object} ReceptionOptions
 * @property {(params: LayerWish & {mid: string}) => Promise<any>} setLayers
 * @property {() => boolean} canTell   whether the session is open; retell() makes up for what could not be told
 * @property {(element: HTMLMediaElement, onChange: () => void) => import("./element_watch.js").ElementWatch} [watch]  for tests
 */

/**
 * @typedef {object} Entry
 * @property {Map<HTMLMediaElement, import("./element_watch.js").ElementWatch>} watches
 * @property {any} timer
 * @property {number} dueMs   of the timer
 * @property {(() => void)[]} offs
 */

export class Reception {
  #options;
  /** @type {Map<ReceivedTrack, Entry>} */
  #entries = new Map();
  /** What the server was told, by mid. @type {Map<string, string>} */
  #told = new Map();
  #isSupported = true;

  /** @param {ReceptionOptions} options */
  constructor(options) {
    this.#options = { watch: watchElement, ...options };
  }

  /** @param {ReceivedTrack} track  that arrives from now on */
  add(track) {
    if (track.kind !== "video" || this.#entries.has(track)) return;
    /** @type {Entry} */
    const entry = { watches: new Map(), timer: null, dueMs: 0, offs: [] };
    this.#entries.set(track, entry);
    const change = () => this.#schedule(track);
    entry.offs.push(
      track.on("wishChanged", change),
      track.on("mediaChanged", change),
      track.on("elementsChanged", () => {
        this.#watchElements(track, entry);
        change();
      }),
    );
    this.#watchElements(track, entry);
    this.#schedule(track);
  }

  /** @param {ReceivedTrack} track  that arrives no more */
  remove(track) {
    const entry = this.#entries.get(track);
    if (!entry) return;
    this.#entries.delete(track);
    clearTimeout(entry.timer);
    for (const off of entry.offs) off();
    for (const watch of entry.watches.values()) watch.stop();
  }

  /** The session is another one: its server knows nothing yet. */
  clear() {
    for (const track of [...this.#entries.keys()]) this.remove(track);
    this.#told.clear();
    this.#isSupported = true;
  }

  /** Signalling is back. */
  retell() {
    for (const track of this.#entries.keys()) this.#tell(track);
  }

  /**
   * @param {ReceivedTrack} track
   * @param {Entry} entry
   */
  #watchElements(track, { watches }) {
    for (const [element, watch] of watches) {
      if (track.elements.has(element)) continue;
      watch.stop();
      watches.delete(element);
    }
    const watch = /** @type {NonNullable<ReceptionOptions["watch"]>} */ (this.#options.watch);
    for (const element of track.elements) {
      if (!watches.has(element)) watches.set(element, watch(element, () => this.#schedule(track)));
    }
  }

  /** @param {ReceivedTrack} track */
  #wish(track) {
    const entry = /** @type {Entry} */ (this.#entries.get(track));
    return wishOf({
      views: [...entry.watches.values()].map((watch) => watch.view()),
      pixelRatio: globalThis.devicePixelRatio || 1,
      isPaused: track.isPaused,
      quality: track.quality,
      priority: track.priority,
    });
  }

  /** @param {ReceivedTrack} track */
  #schedule(track) {
    const entry = this.#entries.get(track);
    const mid = track.transceiver?.mid;
    if (!entry || mid == null) return;
    const wish = this.#wish(track);
    const told = this.#told.get(mid) ?? NO_WISH;
    clearTimeout(entry.timer);
    if (wishKey(wish) === told) return;
    const wasPaused = told.includes('"paused",true');
    const isPaused = wish.paused === true;
    if (wasPaused !== isPaused && (!isPaused || track.isPaused)) return this.#tell(track); // seen again, or the user's own word
    entry.timer = setTimeout(() => this.#tell(track), isPaused ? PAUSE_MS : SIZE_MS);
  }

  /** @param {ReceivedTrack} track */
  #tell(track) {
    const mid = track.transceiver?.mid;
    if (mid == null || !this.#isSupported || !this.#entries.has(track) || !this.#options.canTell()) return;
    const wish = this.#wish(track);
    const key = wishKey(wish);
    if (key === (this.#told.get(mid) ?? NO_WISH)) return;
    this.#told.set(mid, key);
    this.#options.setLayers({ mid, ...wish }).catch((error) => {
      if (error.code === "E_UNSUPPORTED") this.#isSupported = false; // a server that sends everybody the same
      else if (isConnectionError(error) && this.#told.get(mid) === key) this.#told.delete(mid);
    });
  }
}
