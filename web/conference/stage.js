// SPDX-License-Identifier: Apache-2.0
//
// All tiles, and where they are: a grid, or one large tile with everybody else in a strip. Large is what the user pinned, else a
// shared screen, else (when the user wants it so) who speaks.

import { layoutGrid, layoutStage } from "./grid.js";
import { Tile, placeElement } from "./tile.js";

/** @typedef {import("../client/participant.js").Participant} Participant */
/** @typedef {"camera" | "screen"} TileSource */
/** @typedef {"grid" | "speaker"} LayoutName */

/** Of what the connection carries, the large tile comes first; the others as the server thinks fit. */
const MAIN_PRIORITY = 200;

export class Stage {
  #container;
  #waiting;
  #actions;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  #observer;
  /** @type {LayoutName} */
  #layoutName = "grid";
  /** @type {Tile | null} */
  #pinned = null;
  /** Who leads the conversation. @type {Participant | null} */
  #dominant = null;
  /** The large one. @type {Tile | null} */
  #main = null;

  /**
   * @param {HTMLElement} container
   * @param {HTMLElement} waiting  shown in a tile's place while nobody else is here
   * @param {import("./tile.js").TileActions} actions
   */
  constructor(container, waiting, actions) {
    this.#container = container;
    this.#waiting = waiting;
    this.#actions = actions;
    this.#observer = new ResizeObserver(() => this.layout());
    this.#observer.observe(container);
  }

  /** @returns {Tile[]} */
  get tiles() {
    return [...this.#tiles.values()];
  }

  get pinned() {
    return this.#pinned;
  }

  /** The tile that has the focus, or else the one of who leads. @returns {Tile | null} */
  get tileInMind() {
    const focused = this.tiles.find(({ element }) => element.contains(document.activeElement));
    return focused ?? this.#pinned ?? this.#tileOf(this.#dominant) ?? null;
  }

  /**
   * Show these participants: a camera tile each, a further tile for a shared screen.
   * @param {Participant[]} participants
   */
  show(participants) {
    const wanted = new Set();
    let hasChanged = false;
    const show = (/** @type {Participant} */ participant, /** @type {TileSource} */ source) => {
      // Our own id changes with a fresh join; the tile stays.
      const key = `${participant.isLocal ? "local" : participant.id} ${source}`;
      wanted.add(key);
      hasChanged = this.#showTile(key, participant, source) || hasChanged;
    };
    for (const participant of participants) {
      show(participant, "camera");
      if (participant.trackOf("screen")) show(participant, "screen");
    }
    for (const [key, tile] of this.#tiles) {
      if (wanted.has(key)) continue;
      tile.remove();
      this.#tiles.delete(key);
      if (this.#pinned === tile) this.#pinned = null;
      hasChanged = true;
    }
    if (hasChanged) this.layout();
  }

  /** Only names, mute and speaking states have changed. */
  refresh() {
    for (const tile of this.#tiles.values()) tile.update();
  }

  /** @param {Participant | null} participant  who leads the conversation */
  setDominant(participant) {
    this.#dominant = participant;
    this.layout();
  }

  /** @param {LayoutName} name */
  setLayout(name) {
    this.#layoutName = name;
    this.layout();
  }

  /** @param {Tile | null} tile  kept large from now on */
  pin(tile) {
    this.#pinned?.setPinned(false);
    this.#pinned = tile;
    tile?.setPinned(true);
    this.layout();
  }

  /** @param {boolean} isShown */
  setStatistics(isShown) {
    this.#container.dataset.statistics = String(isShown);
  }

  /** @param {import("../client/sampler.js").Sample} sample */
  showSample(sample) {
    for (const tile of this.#tiles.values()) tile.showSample(sample);
  }

  clear() {
    for (const tile of this.#tiles.values()) tile.remove();
    this.#tiles.clear();
    this.#pinned = this.#main = this.#dominant = null;
  }

  layout() {
    const { clientWidth: width, clientHeight: height } = this.#container;
    if (width === 0 || height === 0) return;
    const tiles = this.tiles;
    const main = (this.#main = this.#chooseMain());
    this.#markDominant();
    const others = tiles.filter((tile) => tile !== main);
    const isAlone = tiles.length === 1 && tiles[0].participant.isLocal;
    this.#waiting.hidden = !isAlone;
    if (main) {
      const { main: rect, strip } = layoutStage(others.length, width, height);
      main.place(rect);
      others.forEach((tile, i) => tile.place(strip.rects[i]));
    } else {
      const { rects } = layoutGrid(others.length + (isAlone ? 1 : 0), width, height);
      others.forEach((tile, i) => tile.place(rects[i]));
      if (isAlone) placeElement(this.#waiting, rects[1]);
    }
    for (const tile of tiles) tile.setMain(tile === main, tile === main ? MAIN_PRIORITY : undefined);
  }

  /** @returns {Tile | null} */
  #chooseMain() {
    if (this.#tiles.size < 2) return null;
    if (this.#pinned) return this.#pinned;
    const screens = this.tiles.filter((tile) => tile.source === "screen");
    if (screens.length > 0) return screens[screens.length - 1];
    if (this.#layoutName !== "speaker") return null;
    // We do not look at ourselves while we speak: who was large stays so.
    const leader = this.#dominant?.isLocal ? null : this.#tileOf(this.#dominant);
    const last = this.#main && this.tiles.includes(this.#main) && !this.#main.participant.isLocal && this.#main.source === "camera" ? this.#main : null;
    return leader ?? last ?? this.tiles.find(({ participant }) => !participant.isLocal) ?? null;
  }

  /** @param {Participant | null} participant */
  #tileOf(participant) {
    return this.tiles.find((tile) => tile.source === "camera" && tile.participant === participant) ?? null;
  }

  #markDominant() {
    const leader = this.#tiles.size > 2 ? this.#tileOf(this.#dominant) : null; // of two it is plain
    for (const tile of this.#tiles.values()) tile.setDominant(tile === leader);
  }

  /**
   * @param {string} key
   * @param {Participant} participant
   * @param {TileSource} source
   * @returns {boolean} whether the tile is a new one
   */
  #showTile(key, participant, source) {
    const known = this.#tiles.get(key);
    const tile = known ?? new Tile(participant, source, this.#actions);
    if (!known) {
      this.#tiles.set(key, tile);
      this.#container.append(tile.element);
    }
    tile.setTrack(participant.trackOf(source) ?? null);
    tile.update();
    return !known;
  }
}
