// SPDX-License-Identifier: Apache-2.0
//
// How the call is looked at: the layout, the quality of everybody's video, and the figures; and the same for a single tile.

import { byId, make } from "./dom.js";
import { Popup, makeChoice } from "./popup.js";

/** @typedef {import("./quality_words.js").QualityChoice} QualityChoice */
/** @typedef {import("./stage.js").LayoutName} LayoutName */

/** @type {[QualityChoice, string][]} */
const QUALITIES = [
  ["auto", "Automatic"],
  ["high", "High"],
  ["medium", "Medium"],
  ["low", "Low"],
];

export class ViewMenu {
  #popup = new Popup(byId("view-popup"));
  #statistics;
  #showLayout;
  #showQuality;

  /**
   * @param {object} on
   * @param {(layout: LayoutName) => void} on.layout
   * @param {(quality: QualityChoice) => void} on.quality
   * @param {(isShown: boolean) => void} on.statistics
   */
  constructor(on) {
    const box = byId("view-popup");
    this.#showLayout = makeChoice(box, "layout", "Layout", [["grid", "Everybody"], ["speaker", "Who speaks"]], (value) =>
      on.layout(/** @type {LayoutName} */ (value)),
    );
    this.#showQuality = makeChoice(box, "quality", "Video of the others", [...QUALITIES, ["off", "Audio only"]], (value) =>
      on.quality(/** @type {QualityChoice} */ (value)),
    );
    this.#statistics = make("input", { attributes: { type: "checkbox", id: "view-statistics" } });
    this.#statistics.addEventListener("change", () => on.statistics(this.#statistics.checked));
    box.append(make("label", { class: "check" }, [this.#statistics, make("span", { text: "Show statistics" })]));
    byId("view").addEventListener("click", () => this.#popup.toggle(byId("view")));
  }

  /** @param {{layout: LayoutName, quality: QualityChoice, statistics: boolean}} view */
  show({ layout, quality, statistics }) {
    this.#showLayout(layout);
    this.#showQuality(quality);
    this.#statistics.checked = statistics;
  }
}

export class TileMenu {
  #popup = new Popup(byId("tile-popup"));
  #title = make("h2");
  #pin = make("button", { class: "button", attributes: { type: "button" } });
  #showQuality;
  #quality;
  /** @type {import("./tile.js").Tile | null} */
  #tile = null;

  /**
   * @param {object} on
   * @param {(tile: import("./tile.js").Tile) => void} on.pin
   * @param {(tile: import("./tile.js").Tile, quality: QualityChoice | "") => void} on.quality
   */
  constructor(on) {
    const box = byId("tile-popup");
    box.append(this.#title, this.#pin);
    /** @type {[string, string][]} */
    const options = [["", "As for everybody"], ...QUALITIES.slice(1), ["off", "No video"]];
    this.#showQuality = makeChoice(box, "tile-quality", "Video", options, (value) => {
      if (this.#tile) on.quality(this.#tile, /** @type {QualityChoice | ""} */ (value));
    });
    this.#quality = /** @type {HTMLElement} */ (box.lastElementChild);
    this.#pin.addEventListener("click", () => {
      if (this.#tile) on.pin(this.#tile);
      this.#popup.close();
    });
  }

  /**
   * @param {import("./tile.js").Tile} tile
   * @param {HTMLElement} opener
   * @param {{isPinned: boolean, quality: QualityChoice | "" | null}} state  null: there is no video to choose of
   */
  open(tile, opener, { isPinned, quality }) {
    this.#tile = tile;
    this.#title.textContent = tile.title;
    this.#pin.textContent = isPinned ? "Unpin" : "Pin: keep large";
    this.#quality.hidden = quality === null;
    this.#showQuality(quality ?? "");
    this.#popup.toggle(opener);
  }
}
