// SPDX-License-Identifier: Apache-2.0
//
// What the player measures, over the picture.

import { make } from "../conference/dom.js";

const PERIOD_MS = 1000;

export class StatsPanel {
  #element;
  /** @type {import("../client/whep.js").WhepClient | null} */
  #player = null;
  /** @type {any} */
  #timer = null;

  /** @param {HTMLElement} element  a <dl> */
  constructor(element) {
    this.#element = element;
  }

  /** @param {import("../client/whep.js").WhepClient} player */
  watch(player) {
    this.#player = player;
  }

  /** @returns {boolean} whether it is shown now */
  toggle() {
    const isShown = (this.#element.hidden = !this.#element.hidden) === false;
    clearInterval(this.#timer);
    if (isShown) {
      this.#timer = setInterval(() => void this.#update(), PERIOD_MS);
      void this.#update();
    }
    return isShown;
  }

  async #update() {
    const stats = await this.#player?.getStats();
    if (!stats) return;
    const video = stats.streams.find(({ kind }) => kind === "video");
    const audio = stats.streams.find(({ kind }) => kind === "audio");
    const rows = [
      ["Picture", video?.width ? `${video.width} × ${video.height}, ${Math.round(video.framesPerSecond ?? 0)} fps` : "–"],
      ["Bitrate", `${mbit((video?.bitrateBps ?? 0) + (audio?.bitrateBps ?? 0))} Mb/s`],
      ["Codecs", [video?.codec, audio?.codec].filter(Boolean).map((type) => type?.split("/")[1]).join(", ") || "–"],
      ["Packets lost", String((video?.packetsLost ?? 0) + (audio?.packetsLost ?? 0))],
      ["Jitter", `${video?.jitterMs ?? audio?.jitterMs ?? "–"} ms`],
      ["Round trip", `${stats.path?.roundTripMs ?? "–"} ms`],
      ["Path", stats.path?.local?.split(" ").slice(0, 2).join(" ") ?? "–"],
    ];
    this.#element.replaceChildren(
      ...rows.map(([name, value]) => make("div", {}, [make("dt", { text: name }), make("dd", { text: value })])),
    );
  }
}

/** @param {number} bps */
const mbit = (bps) => (bps / 1_000_000).toFixed(2);
