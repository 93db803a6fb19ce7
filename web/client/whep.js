// SPDX-License-Identifier: Apache-2.0
//
// WHEP (draft-ietf-wish-whep): play what a room broadcasts, with one HTTP request.
//
//   const player = new WhepClient("/whep/garden");
//   video.srcObject = player.stream;
//   await player.start();
//
// The session stands whether somebody broadcasts or not: "live" and "waiting" tell what flows. The broadcaster may go and come
// back; the stream and its tracks stay.

import { WishClient } from "./wish.js";

const LOOK_MS = 500;
/** So long without a packet, and nobody broadcasts: sound sends 50 a second, pictures rarely pause so long. */
const SILENCE_MS = 2500;

/**
 * @typedef {object} WhepExtras
 * @property {boolean} [audio]  default true
 * @property {boolean} [video]  default true
 * @typedef {import("./wish.js").WishOptions & WhepExtras} WhepOptions
 */

export class WhepClient extends WishClient {
  /** What is played: give it to a media element once. */
  stream = new MediaStream();
  #kinds;
  #isLive = false;
  #packets = 0;
  #heardAtMs = 0;
  /** @type {any} */
  #timer = null;

  /**
   * @param {string | URL} endpoint
   * @param {WhepOptions} [options]
   */
  constructor(endpoint, options = {}) {
    super(endpoint, options);
    this.#kinds = [options.audio !== false && "audio", options.video !== false && "video"].filter(Boolean);
    this.on("closed", () => {
      clearInterval(this.#timer);
      this.#setLive(false);
    });
  }

  /** Whether media flows. */
  get isLive() {
    return this.#isLive;
  }

  /** @param {RTCPeerConnection} pc */
  prepare(pc) {
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
    for (const kind of this.#kinds) {
      const { receiver } = pc.addTransceiver(/** @type {string} */ (kind), { direction: "recvonly" });
      this.stream.addTrack(receiver.track);
    }
    this.#packets = 0;
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS);
  }

  async #look() {
    let packets = 0;
    for (const row of (await this.peerConnection?.getStats())?.values() ?? []) {
      if (row.type === "inbound-rtp") packets += row.packetsReceived ?? 0;
    }
    const now = performance.now();
    if (packets > this.#packets) this.#heardAtMs = now;
    this.#packets = packets;
    this.#setLive(this.#heardAtMs > 0 && now - this.#heardAtMs < SILENCE_MS);
  }

  /** @param {boolean} isLive */
  #setLive(isLive) {
    if (this.#isLive === isLive) return;
    this.#isLive = isLive;
    this.emit(isLive ? "live" : "waiting");
  }
}
