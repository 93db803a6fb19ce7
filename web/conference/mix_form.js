// SPDX-License-Identifier: Apache-2.0
//
// The settings of a mix as controls: the layout as four pictures, the rest as lists and a box to tick.

import { make } from "./dom.js";
import { LOUDEST, RATES, SIZES, asSize, bitrateOf, qualityOf, qualityOptions, withBitrate } from "./mix_words.js";

/** @typedef {import("./mix_words.js").MixChoice} MixChoice */
/** @typedef {[x: number, y: number, width: number, height: number]} Rect */

const SVG = "http://www.w3.org/2000/svg";

/**
 * The pictures, drawn on 64 by 36, as the server's layouts are; the first tile of each is who matters most.
 * @type {{value: string, label: string, hint: string, tiles: Rect[]}[]}
 */
const LAYOUTS = [
  { value: "grid", label: "Grid", hint: "Everybody has the same size", tiles: [[2, 2, 29, 15], [33, 2, 29, 15], [2, 19, 29, 15], [33, 19, 29, 15]] },
  { value: "speaker", label: "Speaker", hint: "Who speaks is large, the others below", tiles: [[2, 2, 60, 23], [8, 27, 14, 7], [25, 27, 14, 7], [42, 27, 14, 7]] },
  { value: "pip", label: "Inset", hint: "Who speaks fills the picture, the others in its corner", tiles: [[2, 2, 60, 32], [30, 23, 14, 9], [46, 23, 14, 9]] },
  { value: "screen", label: "Screen", hint: "A shared screen is large, everybody beside it; a grid while nobody shares", tiles: [[2, 2, 46, 32], [50, 2, 12, 9], [50, 13.500, 12, 9], [50, 25, 12, 9]] },
];

/**
 * @param {string} name
 * @param {Rect[]} tiles
 */
function drawLayout(name, tiles) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 64 36");
  svg.setAttribute("class", "layout-drawing");
  svg.setAttribute("aria-hidden", "true");
  for (const [i, [x, y, width, height]] of tiles.entries()) {
    const rect = document.createElementNS(SVG, "rect");
    const isMain = i === 0 && name !== "grid";
    for (const [key, value] of Object.entries({ x, y, width, height, rx: 1.5 })) rect.setAttribute(key, String(value));
    rect.setAttribute("class", isMain ? "main" : i > 0 && name === "pip" ? "inset" : "");
    svg.append(rect);
  }
  return svg;
}

/**
 * @param {string} label
 * @param {(value: string) => void} onChoose
 */
function makeList(label, onChoose) {
  const select = make("select");
  select.addEventListener("change", () => onChoose(select.value));
  return { select, field: make("label", { class: "field" }, [make("span", { text: label }), select]) };
}

/**
 * Show options and which is chosen; does nothing when they are shown already, so that an open list stays open.
 * @param {HTMLSelectElement} select
 * @param {[string, string][]} options  value and words
 * @param {string} value
 */
function fill(select, options, value) {
  const key = JSON.stringify(options);
  if (select.dataset.options !== key) {
    select.dataset.options = key;
    select.replaceChildren(...options.map(([value, text]) => make("option", { text, attributes: { value } })));
  }
  select.value = value;
}

export class MixForm {
  #element;
  /** @type {MixChoice} */
  #shown;
  /** @type {HTMLInputElement[]} */
  #pictures = [];
  #size;
  #rate;
  #quality;
  #loudest;
  #labels = make("input", { attributes: { type: "checkbox", id: "mix-labels" } });

  /**
   * @param {HTMLElement} container
   * @param {MixChoice} choice
   * @param {(changes: Partial<MixChoice>) => void} onChange
   */
  constructor(container, choice, onChange) {
    this.#shown = choice;
    const change = (/** @type {Partial<MixChoice>} */ changes) => onChange(withBitrate(this.#shown, changes));
    this.#size = makeList("Size", (value) => {
      const [width, height] = value.split("x").map(Number);
      change({ width, height });
    });
    this.#rate = makeList("Frame rate", (value) => change({ fps: Number(value) }));
    this.#quality = makeList("Quality", (value) => {
      if (value) change({ bitrate: bitrateOf(this.#shown, /** @type {any} */ (value)) });
    });
    this.#loudest = makeList("Who is heard", (value) => change({ loudest: Number(value) }));
    this.#labels.addEventListener("change", () => change({ labels: this.#labels.checked }));
    const names = make("label", { class: "check" }, [this.#labels, make("span", { text: "Names on the pictures" })]);
    const lists = [this.#size, this.#rate, this.#quality, this.#loudest].map(({ field }) => field);
    this.#element = make("div", { class: "mix-form" }, [
      this.#makePictures((layout) => change({ layout })),
      make("div", { class: "mix-lists" }, lists),
      names,
    ]);
    container.append(this.#element);
    this.show(choice);
  }

  /** @param {MixChoice} choice  as it is now, by whomever */
  show(choice) {
    this.#shown = choice;
    for (const input of this.#pictures) input.checked = input.value === choice.layout;
    const size = `${choice.width}x${choice.height}`;
    fill(this.#size.select, withOther(SIZES.map(([width, height]) => [`${width}x${height}`, asSize({ width, height })]), size, asSize(choice)), size);
    const rate = String(choice.fps);
    fill(this.#rate.select, withOther(RATES.map((fps) => [String(fps), `${fps} a second`]), rate, `${rate} a second`), rate);
    fill(this.#quality.select, qualityOptions(choice), qualityOf(choice) ?? "");
    const loudest = String(choice.loudest);
    fill(this.#loudest.select, withOther(LOUDEST.map(([count, text]) => [String(count), text]), loudest, `${loudest} loudest`), loudest);
    this.#labels.checked = choice.labels;
  }

  /**
   * Radio buttons that look like what they choose; arrow keys go from one to the next.
   * @param {(layout: string) => void} onChoose
   */
  #makePictures(onChoose) {
    const row = make("div", { class: "layout-pictures" });
    for (const { value, label, hint, tiles } of LAYOUTS) {
      const input = make("input", { class: "visually-hidden", attributes: { type: "radio", name: "mix-layout", value } });
      const words = make("span", { class: "layout-name" }, [make("span", { text: label }), make("span", { class: "visually-hidden", text: `: ${hint}` })]);
      const picture = make("label", { class: "layout-picture", attributes: { title: hint } }, [input, words]);
      picture.insertBefore(drawLayout(value, tiles), words);
      input.addEventListener("change", () => onChoose(value));
      this.#pictures.push(input);
      row.append(picture);
    }
    return make("fieldset", { class: "choice" }, [make("legend", { text: "Layout" }), row]);
  }
}

/**
 * @param {[string, string][]} options
 * @param {string} value
 * @param {string} text
 * @returns {[string, string][]} with one more when somebody set something else by other means
 */
function withOther(options, value, text) {
  return options.some(([known]) => known === value) ? options : [...options, [value, text]];
}
