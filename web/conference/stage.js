// SPDX-License-Identifier: Apache-2.0
//
// All tiles, and where they are: a grid, or a shared screen with everybody else in a strip.

import { layoutGrid, layoutStage } from "./grid.js";
import { Tile, placeElement } from "./tile.js";

/** @typedef {import("../client/participant.js").Participant} Participant */
/** @typedef {"camera" | "screen"} TileSource */

export class Stage {
  #container;
  #waiting;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  #observer;

  /**
   * @param {HTMLElement} container
   * @param {HTMLElement} waiting  shown in a tile's place while nobody else is here
   */
  constructor(container, waiting) {
    this.#container = container;
    this.#waiting = waiting;
    this.#observer = new ResizeObserver(() => this.layout());
    this.#observer.observe(container);
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
      hasChanged = true;
    }
    if (hasChanged) this.layout();
  }

  /** Only names, mute and speaking states have changed. */
  refresh() {
    for (const tile of this.#tiles.values()) tile.update();
  }

  clear() {
    for (const tile of this.#tiles.values()) tile.remove();
    this.#tiles.clear();
  }

  layout() {
    const { clientWidth: width, clientHeight: height } = this.#container;
    if (width === 0 || height === 0) return;
    const tiles = [...this.#tiles.values()];
    const screens = tiles.filter((tile) => tile.source === "screen");
    const main = screens[screens.length - 1];
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
  }

  /**
   * @param {string} key
   * @param {Participant} participant
   * @param {TileSource} source
   * @returns {boolean} whether the tile is a new one
   */
  #showTile(key, participant, source) {
    const known = this.#tiles.get(key);
    const tile = known ?? new Tile(participant, source);
    if (!known) {
      this.#tiles.set(key, tile);
      this.#container.append(tile.element);
    }
    tile.setTrack(participant.trackOf(source) ?? null);
    tile.update();
    return !known;
  }
}
