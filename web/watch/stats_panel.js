// SPDX-License-Identifier: Apache-2.0
//
// What the player measures, over the picture.

import { make } from "../conference/dom.js";
import { asMs, asPercent } from "../conference/quality_words.js";

export class StatsPanel {
  #element;

  /** @param {HTMLElement} element  a <dl> */
  constructor(element) {
    this.#element = element;
  }

  /** @returns {boolean} whether it is shown now */
  toggle() {
    return (this.#element.hidden = !this.#element.hidden) === false;
  }

  /** @param {import("../client/stats.js").StatsSummary} stats */
  show(stats) {
    const video = stats.streams.find(({ kind }) => kind === "video");
    const audio = stats.streams.find(({ kind }) => kind === "audio");
    const rows = [
      ["Picture", video?.width ? `${video.width} × ${video.height}, ${Math.round(video.framesPerSecond ?? 0)} fps` : "–"],
      ["Bitrate", `${mbit((video?.bitrateBps ?? 0) + (audio?.bitrateBps ?? 0))} Mb/s`],
      ["Codecs", [video?.codec, audio?.codec].filter(Boolean).map((type) => type?.split("/")[1]).join(", ") || "–"],
      ["Packets lost", `${(video?.packetsLost ?? 0) + (audio?.packetsLost ?? 0)} (${asPercent(video?.lossShare ?? audio?.lossShare ?? null)} now)`],
      ["Stood still", video?.freezes === 1 ? "once" : `${video?.freezes ?? 0} times`],
      ["Jitter", asMs(video?.jitterMs ?? audio?.jitterMs ?? null)],
      ["Round trip", asMs(stats.path?.roundTripMs ?? null)],
      ["Path", stats.path?.local?.split(" ").slice(0, 2).join(" ") ?? "–"],
    ];
    this.#element.replaceChildren(
      ...rows.map(([name, value]) => make("div", {}, [make("dt", { text: name }), make("dd", { text: value })])),
    );
  }
}

/** @param {number} bps */
const mbit = (bps) => (bps / 1_000_000).toFixed(2);
