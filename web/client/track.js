// SPDX-License-Identifier: Apache-2.0
//
// What local and remote tracks share: a kind, a source, a mute state, a MediaStreamTrack that may
// come and go, and the media elements that play it.

import { Emitter } from "./emitter.js";

/** @typedef {import("./types.js").Kind} Kind */
/** @typedef {import("./types.js").Source} Source */

/**
 * `mediaChanged`: mediaStreamTrack is another one, or null. Attached elements follow by themselves. The second row is of
 * received tracks (`stateChanged`: state, reason or layer is another), the last of source tracks.
 * @extends {Emitter<{
 *   mutedChanged: [boolean], mediaChanged: [MediaStreamTrack | null], elementsChanged: [], ended: [],
 *   stateChanged: [], wishChanged: [],
 *   currentChanged: [import("./remote_track.js").RemoteTrack | null],
 * }>}
 */
export class Track extends Emitter {
  /** The server's id; null while a local track is not published. @type {string | null} */
  id = null;
  muted = false;
  /** @type {null | "publisher" | "server"} */
  mutedBy = null;
  /** @type {MediaStreamTrack | null} */
  #media = null;
  /** @type {Set<HTMLMediaElement>} */
  #elements = new Set();

  /**
   * @param {Kind} kind
   * @param {Source} source
   * @param {string} name
   */
  constructor(kind, source, name) {
    super();
    /** @readonly */
    this.kind = kind;
    /** @readonly */
    this.source = source;
    /** @readonly */
    this.name = name;
  }

  /** What is sent or received now, if anything. */
  get mediaStreamTrack() {
    return this.#media;
  }

  /** @returns {ReadonlySet<HTMLMediaElement>} */
  get elements() {
    return this.#elements;
  }

  /**
   * Play the track in an element, now and whenever its media changes.
   * @template {HTMLMediaElement} T
   * @param {T} [element]  made when not given
   * @returns {T}
   */
  attach(element) {
    const el = element ?? /** @type {T} */ (document.createElement(this.kind));
    const isNew = !this.#elements.has(el);
    this.#elements.add(el);
    this.#show(el);
    if (isNew) this.emit("elementsChanged");
    return el;
  }

  /** @param {HTMLMediaElement} [element]  all when not given */
  detach(element) {
    for (const el of element ? [element] : [...this.#elements]) {
      if (!this.#elements.delete(el)) continue;
      el.srcObject = null;
      this.emit("elementsChanged");
    }
  }

  /**
   * For the SDK.
   * @param {MediaStreamTrack | null} media
   */
  setMedia(media) {
    if (media === this.#media) return;
    this.#media = media;
    for (const el of this.#elements) this.#show(el);
    this.emit("mediaChanged", media);
  }

  /**
   * For the SDK: the mute state as the server tells it.
   * @param {boolean} muted
   * @param {null | "publisher" | "server"} [mutedBy]
   */
  noteMuted(muted, mutedBy = muted ? "publisher" : null) {
    this.mutedBy = mutedBy;
    if (muted === this.muted) return;
    this.muted = muted;
    this.emit("mutedChanged", muted);
  }

  /** @param {HTMLMediaElement} el */
  #show(el) {
    el.autoplay = true;
    if (el instanceof HTMLVideoElement) el.playsInline = true;
    el.srcObject = this.#media ? new MediaStream([this.#media]) : null;
  }
}
