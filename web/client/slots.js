// SPDX-License-Identifier: Apache-2.0
//
// Which track arrives on which m-section. The server says what a slot carries and may change its mind without renegotiation;
// messages about slots, tracks and answers may overtake each other, so the wanted state is kept and bound as soon as both ends
// of it exist. A slot either carries one remote track, or follows a moving source: then a source track is bound to it, and the
// remote track is what that shows now.

import { Emitter } from "./emitter.js";
import { SourceTrack } from "./source_track.js";

/** @typedef {import("./types.js").SlotInfo} SlotInfo */
/** @typedef {import("./types.js").SlotState} SlotState */
/** @typedef {import("./received_track.js").ReceivedTrack} ReceivedTrack */
/** @typedef {import("./remote_track.js").RemoteTrack} RemoteTrack */

/**
 * @typedef {object} SlotEnds
 * @property {(mid: string) => RTCRtpTransceiver | undefined} transceiverOf
 * @property {(trackId: string) => RemoteTrack | undefined} trackOf
 */

/** @extends {Emitter<{subscribed: [ReceivedTrack], unsubscribed: [ReceivedTrack]}>} */
export class Slots extends Emitter {
  #ends;
  /** mid → what it carries, as the server last said. @type {Map<string, SlotInfo>} */
  #wanted = new Map();
  /** mid → how it is served. @type {Map<string, SlotState>} */
  #states = new Map();
  /** mid → track bound to it. @type {Map<string, ReceivedTrack>} */
  #bound = new Map();
  /** Moving sources by name and kind; they outlive their slots. @type {Map<string, SourceTrack>} */
  #sources = new Map();

  /** @param {SlotEnds} ends */
  constructor(ends) {
    super();
    this.#ends = ends;
  }

  /** The moving sources that are asked for or have a slot. @returns {SourceTrack[]} */
  get sourceTracks() {
    return [...this.#sources.values()];
  }

  /**
   * The track of a moving source, made when there is none.
   * @param {string} source
   * @param {import("./types.js").Kind} kind
   */
  sourceTrack(source, kind) {
    const key = `${source} ${kind}`;
    const track = this.#sources.get(key) ?? new SourceTrack(source, kind);
    this.#sources.set(key, track);
    return track;
  }

  /** @param {SourceTrack} track  not asked for any more */
  forgetSource(track) {
    this.#sources.delete(`${track.movingSource} ${track.kind}`);
  }

  /**
   * Take over what the server says.
   * @param {SlotInfo[]} slots  those that changed
   */
  update(slots) {
    for (const slot of slots) {
      if (slot.trackId || slot.source) this.#wanted.set(slot.mid, slot);
      else this.#wanted.delete(slot.mid);
    }
    this.reconcile();
  }

  /** @param {SlotState[]} states  of those that changed */
  updateStates(states) {
    for (const state of states) {
      this.#states.set(state.mid, state);
      this.#bound.get(state.mid)?.noteState(state);
    }
  }

  /** Forget everything: the connection is another one. */
  clear() {
    this.#wanted.clear();
    this.#states.clear();
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
    /** @type {Map<string, ReceivedTrack>} */
    const next = new Map();
    /** @type {Map<ReceivedTrack, RTCRtpTransceiver>} */
    const transceivers = new Map();
    for (const [mid, slot] of this.#wanted) {
      const carried = slot.trackId ? this.#ends.trackOf(slot.trackId) : undefined;
      const track = slot.source ? this.sourceTrack(slot.source, slot.kind) : carried;
      const transceiver = track && this.#ends.transceiverOf(mid);
      if (!transceiver) continue;
      if (track instanceof SourceTrack) track.noteCurrent(carried ?? null);
      next.set(mid, track);
      transceivers.set(track, transceiver);
    }
    this.#bound = next;
    for (const track of before) {
      if (transceivers.has(track)) continue;
      track.bind(null);
      track.noteState(null);
      if (track instanceof SourceTrack) track.noteCurrent(null);
      this.emit("unsubscribed", track);
    }
    for (const [track, transceiver] of transceivers) {
      if (track.transceiver !== transceiver) track.bind(transceiver);
      track.noteState(this.#states.get(transceiver.mid ?? "") ?? null);
      if (!before.has(track)) this.emit("subscribed", track);
    }
  }
}
