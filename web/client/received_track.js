// SPDX-License-Identifier: Apache-2.0
//
// What tracks have in common that arrive from the server: a slot, what the user wants of them, and how they arrive.

import { Track } from "./track.js";

/** @typedef {import("./types.js").SlotState} SlotState */
/** @typedef {import("./layer_wish.js").Quality} Quality */

export class ReceivedTrack extends Track {
  /** The transceiver it arrives on. @type {RTCRtpTransceiver | null} */
  transceiver = null;
  /** Whether the server sends it: "paused" with a reason. @type {"active" | "paused"} */
  state = "active";
  /** @type {"none" | "bandwidth" | "notWanted" | "muted" | "notSent"} */
  reason = "none";
  /** Which layer flows and which is aimed at, as far as the server tells. @type {import("./types.js").LayerState | null} */
  layer = null;
  /** @type {Quality} */
  #quality = "auto";
  /** @type {number | undefined} */
  #priority;
  #isPaused = false;

  /** Whether the server has a slot of ours for it. */
  get isSubscribed() {
    return this.transceiver !== null;
  }

  get quality() {
    return this.#quality;
  }

  get priority() {
    return this.#priority;
  }

  /** Whether pause() was called. */
  get isPaused() {
    return this.#isPaused;
  }

  /**
   * How good a video is wanted: "auto" follows the size of the elements it is attached to, "high" is the largest whatever its
   * size, "low" the smallest; or limits of one's own.
   * @param {Quality} quality
   */
  setQuality(quality) {
    if (quality === this.#quality) return;
    this.#quality = quality;
    this.emit("wishChanged");
  }

  /** @param {number | undefined} priority  0 to 255: who gets more when not everybody gets everything; undefined: as usual */
  setPriority(priority) {
    if (priority === this.#priority) return;
    this.#priority = priority;
    this.emit("wishChanged");
  }

  /** Receive nothing of a video until resume(); the subscription stays. */
  pause() {
    this.#setPaused(true);
  }

  resume() {
    this.#setPaused(false);
  }

  /**
   * For the SDK: bind to the transceiver of a slot, or unbind with null.
   * @param {RTCRtpTransceiver | null} transceiver
   */
  bind(transceiver) {
    this.transceiver = transceiver;
    this.setMedia(transceiver?.receiver.track ?? null);
  }

  /**
   * For the SDK: how its slot is served.
   * @param {SlotState | null} slot  null: nothing is known
   */
  noteState(slot) {
    const before = JSON.stringify([this.state, this.reason, this.layer]);
    this.state = slot?.state ?? "active";
    this.reason = slot?.reason ?? "none";
    this.layer = slot && {
      spatial: slot.spatial ?? null,
      temporal: slot.temporal ?? null,
      targetSpatial: slot.targetSpatial ?? null,
      targetTemporal: slot.targetTemporal ?? null,
      width: slot.width ?? null,
      height: slot.height ?? null,
    };
    if (JSON.stringify([this.state, this.reason, this.layer]) !== before) this.emit("stateChanged");
  }

  /** @param {boolean} isPaused */
  #setPaused(isPaused) {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.emit("wishChanged");
  }
}
