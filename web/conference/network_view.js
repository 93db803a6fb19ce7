// SPDX-License-Identifier: Apache-2.0
//
// The network in words: bars in the top bar, a line above the tiles while something is wrong, and figures for who looks closer.

import { byId, make, setData } from "./dom.js";
import { announce } from "./notices.js";
import { Popup } from "./popup.js";
import { asBitrate, asMs, describeLevel, describeReason, levelOf } from "./quality_words.js";

/** @typedef {import("../client/network.js").ConnectionQuality} ConnectionQuality */
/** @typedef {import("../client/sampler.js").Sample} Sample */

const SVG = "http://www.w3.org/2000/svg";
const BARS = 4;

export class NetworkView {
  #button = byId("network");
  #note = byId("network-note");
  #popup = new Popup(byId("network-popup"));
  #said = "";
  /** @type {Sample | null} */
  #sample = null;

  constructor() {
    this.#button.replaceChildren(makeBars());
    this.#button.addEventListener("click", () => {
      this.#writeFigures(); // before it opens: its place follows from its size
      this.#popup.toggle(this.#button);
    });
    this.show({ score: 5, reasons: [] });
  }

  /** @param {ConnectionQuality} quality */
  show({ score, reasons }) {
    const level = levelOf(score);
    setData(this.#button, "level", level);
    const lit = Math.min(BARS, score);
    this.#button.querySelectorAll("rect").forEach((bar, i) => bar.classList.toggle("lit", i < lit));
    const words = reasons.map(describeReason);
    const title = describeLevel(score);
    this.#button.title = [title, ...words].join(". ");
    this.#button.setAttribute("aria-label", `${title}: show details`);
    byId("network-title").textContent = title;
    byId("network-reasons").replaceChildren(...words.map((text) => make("li", { text })));
    const main = reasons[0]?.kind === "lost" ? "" : (words[0] ?? ""); // the banner says that we reconnect
    this.#note.hidden = !main;
    byId("network-note-text").textContent = main;
    // Figures change all the time; who listens hears of each kind once.
    const kinds = reasons.map(({ kind }) => kind).join();
    if (main && kinds !== this.#said) announce(`${main}.`);
    this.#said = kinds;
  }

  /** @param {Sample} sample */
  showSample(sample) {
    this.#sample = sample;
    if (this.#popup.isOpen) this.#writeFigures();
  }

  #writeFigures() {
    const sample = this.#sample;
    const rows = [
      ["Sending", asBitrate(sample?.sendBps ?? null)],
      ["Upload limit", asBitrate(sample?.availableSendBps ?? null)],
      ["Receiving", asBitrate(sample?.receiveBps ?? null)],
      ["Round trip", asMs(sample?.roundTripMs ?? null)],
      ["Path", sample?.path ?? "–"],
    ];
    byId("network-figures").replaceChildren(
      ...rows.map(([name, value]) => make("div", {}, [make("dt", { text: name }), make("dd", { text: value })])),
    );
  }

  clear() {
    this.#said = "";
    this.show({ score: 5, reasons: [] });
    if (this.#popup.isOpen) this.#popup.close();
    this.#sample = null;
  }
}

/** Four bars, each higher than the one before. */
function makeBars() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "bars");
  svg.setAttribute("aria-hidden", "true");
  for (let i = 0; i < BARS; i++) {
    const bar = document.createElementNS(SVG, "rect");
    const height = 5 + i * 4.5;
    for (const [name, value] of Object.entries({ x: 2.5 + i * 5, y: 21 - height, width: 3.5, height, rx: 1.2 })) bar.setAttribute(name, String(value));
    svg.append(bar);
  }
  return svg;
}
