// SPDX-License-Identifier: Apache-2.0
//
// What the broadcast measures: figures, and the bitrate of the last minute as a line.

import { describe } from "../client/sampler.js";
import { make } from "../conference/dom.js";
import { asBitrate, asMs, asPercent } from "../conference/quality_words.js";

const PERIOD_MS = 1000;
const POINTS = 60;
const WIDTH = 240;
const HEIGHT = 56;
/** What keeps the picture small, in a word. @type {Record<string, string>} */
const LIMITS = { none: "nothing", bandwidth: "the upload", cpu: "this device", other: "the browser" };

export class LivePanel {
  #panel;
  #figures;
  #line;
  #layers;
  /** @type {number[]} */
  #history = [];
  /** @type {any} */
  #timer = null;

  /** @param {{panel: HTMLElement, figures: HTMLElement, graph: Element, layers: HTMLElement}} elements */
  constructor({ panel, figures, graph, layers }) {
    this.#layers = layers;
    this.#panel = panel;
    this.#figures = figures;
    this.#line = /** @type {SVGPathElement} */ (graph.querySelector("path"));
  }

  /** @param {import("../client/whip.js").WhipClient | null} broadcast  null: there is none any more */
  watch(broadcast) {
    clearInterval(this.#timer);
    this.#panel.hidden = !broadcast;
    this.#history = [];
    if (!broadcast) return;
    this.#timer = setInterval(() => void this.#update(broadcast), PERIOD_MS);
    void this.#update(broadcast);
  }

  /** @param {import("../client/whip.js").WhipClient} broadcast */
  async #update(broadcast) {
    const { streams, path } = await broadcast.getStats();
    const sent = streams.filter(({ direction }) => direction === "sent");
    const roundTripMs = path?.roundTripMs ?? null;
    const video = describe(sent.filter(({ kind }) => kind === "video"), roundTripMs);
    const audio = sent.find(({ kind }) => kind === "audio");
    const bps = sent.reduce((sum, { bitrateBps }) => sum + (bitrateBps ?? 0), 0);
    const isKnown = sent.some(({ bitrateBps }) => bitrateBps !== null);
    if (isKnown) this.#history = [...this.#history, bps].slice(-POINTS);
    this.#draw();
    this.#show([
      ["Sending", isKnown ? `${(bps / 1_000_000).toFixed(2)} Mb/s` : "–"],
      ["Upload limit", asBitrate(path?.availableSendBps ?? null)],
      ["Picture", video?.width ? `${video.width} × ${video.height}` : "–"],
      ["Frames", video?.framesPerSecond ? `${video.framesPerSecond} fps` : "–"],
      ["Codecs", [video?.codec, audio?.codec?.split("/")[1]].filter(Boolean).join(", ") || "–"],
      ["Lost", asPercent(video?.lossShare ?? audio?.lossShare ?? null)],
      ["Round trip", asMs(roundTripMs)],
      ["Held back by", LIMITS[video?.limitedBy ?? ""] ?? "–"],
    ]);
    this.#showLayers(video?.layers ?? []);
  }

  /** @param {import("../client/sampler.js").LayerStats[]} layers */
  #showLayers(layers) {
    this.#layers.hidden = layers.length < 2;
    this.#layers.replaceChildren(
      ...layers.map(({ isActive, width, height, framesPerSecond, bitrateBps }) => {
        const isSent = isActive && width && framesPerSecond;
        const text = isSent ? `${width} × ${height}, ${framesPerSecond} fps, ${asBitrate(bitrateBps)}` : "At rest";
        return make("li", { text, class: isSent ? "" : "is-resting" });
      }),
    );
  }

  /** @param {string[][]} rows */
  #show(rows) {
    this.#figures.replaceChildren(
      ...rows.map(([name, value]) => make("div", {}, [make("dt", { text: name }), make("dd", { text: value })])),
    );
  }

  #draw() {
    const top = Math.max(...this.#history, 500_000);
    const step = WIDTH / (POINTS - 1);
    const points = this.#history.map((bps, i) => {
      const x = (POINTS - this.#history.length + i) * step;
      return `${x.toFixed(1)} ${(HEIGHT - 3 - (bps / top) * (HEIGHT - 6)).toFixed(1)}`;
    });
    this.#line.setAttribute("d", points.length > 1 ? `M${points.join("L")}` : "");
  }
}
