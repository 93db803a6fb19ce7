// SPDX-License-Identifier: Apache-2.0
//
// Which remote track arrives on which m-section. The server says what a slot carries and may change
// its mind without renegotiation; messages about slots, tracks and answers may overtake each other,
// so the wanted state is kept and bound as soon as both ends of it exist.

import { Emitter } from "./emitter.js";

/** @typedef {import("./types.js").SlotInfo} SlotInfo */
/** @typedef {import("./remote_track.js").RemoteTrack} RemoteTrack */

/**
 * @typedef {object} SlotEnds
 * @property {(mid: string) => RTCRtpTransceiver | undefined} transceiverOf
 * @property {(trackId: string) => RemoteTrack | undefined} trackOf
 */

/** @extends {Emitter<{subscribed: [RemoteTrack], unsubscribed: [RemoteTrack]}>} */
export class Slots extends Emitter {
  #ends;
  /** mid → track id, as the server last said. @type {Map<string, string>} */
  #wanted = new Map();
  /** mid → track bound to it. @type {Map<string, RemoteTrack>} */
  #bound = new Map();

  /** @param {SlotEnds} ends */
  constructor(ends) {
    super();
    this.#ends = ends;
  }

  /**
   * Take over what the server says.
   * @param {SlotInfo[]} slots  those that changed
   */
  update(slots) {
    for (const { mid, trackId } of slots) {
      if (trackId) this.#wanted.set(mid, trackId);
      else this.#wanted.delete(mid);
    }
    this.reconcile();
  }

  /** Forget everything: the connection is another one. */
  clear() {
    this.#wanted.clear();
    this.reconcile();
  }

  /**
   * Take over a complete list.
   * @param {SlotInfo[]} slots
   */
  replace(slots) {
    this.#wanted.clear();
    this.update(slots);
  }

  /** Bind what can be bound, unbind what no longer holds; tells only net changes. */
  reconcile() {
    const before = new Set(this.#bound.values());
    /** @type {Map<string, RemoteTrack>} */
    const next = new Map();
    /** @type {Map<RemoteTrack, RTCRtpTransceiver>} */
    const transceivers = new Map();
    for (const [mid, trackId] of this.#wanted) {
      const track = this.#ends.trackOf(trackId);
      const transceiver = track && this.#ends.transceiverOf(mid);
      if (!transceiver) continue;
      next.set(mid, track);
      transceivers.set(track, transceiver);
    }
    this.#bound = next;
    for (const track of before) {
      if (transceivers.has(track)) continue;
      track.bind(null);
      this.emit("unsubscribed", track);
    }
    for (const [track, transceiver] of transceivers) {
      if (track.transceiver !== transceiver) track.bind(transceiver);
      if (!before.has(track)) this.emit("subscribed", track);
    }
  }
}
