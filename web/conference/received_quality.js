// SPDX-License-Identifier: Apache-2.0
//
// How good the user wants to see everybody, and single ones: keeps the choices and applies them to tracks as they come. A choice
// for one video wins over that for all; a shared screen is never made small, for nobody could read it.

/** @typedef {import("../client/received_track.js").ReceivedTrack} ReceivedTrack */
/** @typedef {import("./quality_words.js").QualityChoice} QualityChoice */

export class ReceivedQuality {
  /** @type {QualityChoice} */
  #all;
  /** By identity and source: a person who comes back is seen as before. @type {Map<string, QualityChoice>} */
  #single = new Map();

  /** @param {QualityChoice} all */
  constructor(all) {
    this.#all = all;
  }

  get all() {
    return this.#all;
  }

  /**
   * @param {QualityChoice} choice
   * @param {Iterable<ReceivedTrack>} tracks  there are
   */
  setAll(choice, tracks) {
    this.#all = choice;
    if (choice === "off") this.#single.clear(); // all means all
    for (const track of tracks) this.apply(track);
  }

  /**
   * @param {ReceivedTrack} track
   * @returns {QualityChoice | ""} empty: as for all
   */
  ofTrack(track) {
    return this.#single.get(keyOf(track)) ?? "";
  }

  /**
   * @param {ReceivedTrack} track
   * @param {QualityChoice | ""} choice  empty: as for all
   */
  setTrack(track, choice) {
    if (choice) this.#single.set(keyOf(track), choice);
    else this.#single.delete(keyOf(track));
    this.apply(track);
  }

  /** @param {ReceivedTrack} track */
  apply(track) {
    if (track.kind !== "video") return;
    const isSmall = this.#all === "low" || this.#all === "medium";
    const choice = this.ofTrack(track) || (track.source === "screen" && isSmall ? "auto" : this.#all);
    if (choice === "off") return track.pause();
    track.setQuality(choice);
    track.resume();
  }
}

/** @param {ReceivedTrack} track */
const keyOf = (track) => `${/** @type {any} */ (track).participant?.identity ?? track.id} ${track.source}`;
