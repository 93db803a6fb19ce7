// SPDX-License-Identifier: Apache-2.0
//
// What the broadcast measures: figures, and the bitrate of the last minute as a line.

import { make } from "../conference/dom.js";

const PERIOD_MS = 1000;
const POINTS = 60;
const WIDTH = 240;
const HEIGHT = 56;

export class LivePanel {
  #panel;
  #figures;
  #line;
  /** @type {number[]} */
  #history = [];
  /** @type {any} */
  #timer = null;

  /** @param {{panel: HTMLElement, figures: HTMLElement, graph: Element}} elements */
  constructor({ panel, figures, graph }) {
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
    const video = sent.find(({ kind, width }) => kind === "video" && width) ?? sent.find(({ kind }) => kind === "video");
    const audio = sent.find(({ kind }) => kind === "audio");
    const bps = sent.reduce((sum, { bitrateBps }) => sum + (bitrateBps ?? 0), 0);
    this.#history = [...this.#history, bps].slice(-POINTS);
    this.#draw();
    this.#show([
      ["Sending", `${(bps / 1_000_000).toFixed(2)} Mb/s`],
      ["Picture", video?.width ? `${video.width} × ${video.height}` : "–"],
      ["Frames", video?.framesPerSecond ? `${Math.round(video.framesPerSecond)} fps` : "–"],
      ["Codecs", [video, audio].flatMap((one) => (one?.codec ? [one.codec.split("/")[1]] : [])).join(", ") || "–"],
      ["Lost", String(sent.reduce((sum, { packetsLost }) => sum + packetsLost, 0))],
      ["Round trip", `${path?.roundTripMs ?? "–"} ms`],
    ]);
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
