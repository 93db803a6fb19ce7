// SPDX-License-Identifier: Apache-2.0
//
// Everything that arrives: which track in which slot (slots.js), in which quality it is wanted (reception.js), and the tracks
// that follow whoever speaks.

import { Emitter } from "./emitter.js";
import { Reception } from "./reception.js";
import { RemoteTrack } from "./remote_track.js";
import { Slots } from "./slots.js";
import { SourceTrack } from "./source_track.js";

/** @typedef {import("./received_track.js").ReceivedTrack} ReceivedTrack */
/** @typedef {import("./participant.js").Participant} Participant */

/**
 * @typedef {object} ArrivalOptions
 * @property {(mid: string) => RTCRtpTransceiver | undefined} transceiverOf
 * @property {(trackId: string) => RemoteTrack | undefined} trackOf
 * @property {(method: string, params: object) => Promise<any>} request
 * @property {() => boolean} canTell  whether the session is open
 * @property {(kind: import("./types.js").Kind) => void} offerFirstSlot  when nothing was negotiated yet
 */

/**
 * @extends {Emitter<{
 *   trackSubscribed: [RemoteTrack, Participant],
 *   trackUnsubscribed: [RemoteTrack, Participant],
 *   sourceSubscribed: [SourceTrack],
 *   sourceUnsubscribed: [SourceTrack],
 *   trackStateChanged: [ReceivedTrack, Participant | null],
 * }>}
 */
export class Arrivals extends Emitter {
  slots;
  #options;
  #reception;
  /** @type {Map<ReceivedTrack, () => void>} */
  #offs = new Map();

  /** @param {ArrivalOptions} options */
  constructor(options) {
    super();
    this.#options = options;
    this.slots = new Slots(options);
    this.#reception = new Reception({ setLayers: (params) => options.request("setLayers", params), canTell: options.canTell });
    this.slots.on("subscribed", (track) => this.#onSubscribed(track));
    this.slots.on("unsubscribed", (track) => this.#onUnsubscribed(track));
  }

  /**
   * The section that carries a track, its own or that of a moving source.
   * @param {import("./track.js").Track} track
   */
  transceiverThatCarries(track) {
    return this.slots.sourceTracks.find(({ current }) => current === track)?.transceiver ?? null;
  }

  /** The session is another one. */
  clear() {
    this.slots.clear();
    this.#reception.clear();
  }

  /**
   * The session goes on.
   * @param {import("./types.js").SlotInfo[]} [slots]
   */
  resume(slots) {
    if (slots) this.slots.replace(slots);
    this.#reception.retell();
  }

  /** Ask a fresh session for the moving sources that the former one gave. */
  askAgain() {
    for (const track of this.slots.sourceTracks) this.#ask(track).catch(() => {});
  }

  /**
   * @param {string} source
   * @param {import("./types.js").Kind} kind
   */
  async subscribeSource(source, kind) {
    const track = this.slots.sourceTrack(source, kind);
    try {
      await this.#ask(track);
    } catch (error) {
      if (!track.isSubscribed) this.slots.forgetSource(track);
      throw error;
    }
    return track;
  }

  /** @param {SourceTrack} track */
  async unsubscribeSource(track) {
    this.slots.forgetSource(track);
    await this.#options.request("unsubscribe", { source: track.movingSource, kind: track.kind });
  }

  /** @param {SourceTrack} track */
  async #ask(track) {
    const { movingSource: source, kind } = track;
    const { mid } = await this.#options.request("subscribe", { source, kind });
    if (mid === null) this.#options.offerFirstSlot(kind);
    else if (track.transceiver?.mid !== mid) this.slots.update([{ mid, kind, trackId: null, source }]);
  }

  /** @param {ReceivedTrack} track */
  #onSubscribed(track) {
    this.#reception.add(track);
    this.#offs.set(
      track,
      track.on("stateChanged", () => this.emit("trackStateChanged", track, participantOf(track))),
    );
    if (track instanceof RemoteTrack) this.emit("trackSubscribed", track, track.participant);
    else if (track instanceof SourceTrack) this.emit("sourceSubscribed", track);
  }

  /** @param {ReceivedTrack} track */
  #onUnsubscribed(track) {
    this.#reception.remove(track);
    this.#offs.get(track)?.();
    this.#offs.delete(track);
    if (track instanceof RemoteTrack) this.emit("trackUnsubscribed", track, track.participant);
    else if (track instanceof SourceTrack) this.emit("sourceUnsubscribed", track);
  }
}

/** @param {ReceivedTrack} track */
const participantOf = (track) => (track instanceof RemoteTrack || track instanceof SourceTrack ? track.participant : null);
