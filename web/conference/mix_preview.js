// SPDX-License-Identifier: Apache-2.0
//
// The mix as its viewers get it, in small: receives its tracks while it is looked at, and only then. Its sound moves a meter and is
// not played, for who is in the room hears everybody already.

import { byId, setData } from "./dom.js";
import { LevelMeter } from "./level_meter.js";

/** @typedef {import("../client/room.js").Room} Room */
/** @typedef {import("../client/mix.js").Mix} Mix */
/** @typedef {import("../client/remote_track.js").RemoteTrack} RemoteTrack */

export class MixPreview {
  #box = byId("mix-preview");
  #video = /** @type {HTMLVideoElement} */ (byId("mix-video"));
  #meter = new LevelMeter(byId("mix-meter"));
  /** Chromium hands sound to a meter only while an element plays it, be it silently. */
  #silent = document.createElement("audio");
  /** @type {Room | null} */
  #room = null;
  /** @type {Mix | null} */
  #mix = null;
  /** Asked for in this session. @type {Set<RemoteTrack>} */
  #asked = new Set();
  /** @type {(() => void)[]} */
  #offs = [];

  constructor() {
    this.#video.muted = this.#silent.muted = true;
    this.#video.addEventListener("loadeddata", () => setData(this.#box, "live", true));
    this.#video.addEventListener("emptied", () => setData(this.#box, "live", null));
  }

  /**
   * Show the room's mix, or what has become of it.
   * @param {Room} room  connected
   */
  show(room) {
    if (this.#room !== room || this.#mix !== room.mix) this.#begin(room);
    for (const track of this.#mix?.tracks ?? []) {
      if (track.isSubscribed || this.#asked.has(track)) continue;
      this.#asked.add(track);
      room.subscribe(track).catch(() => this.#asked.delete(track)); // the mix has ended, or the connection: both are told
    }
  }

  /** Receive it no longer. */
  hide() {
    const [room, mix] = [this.#room, this.#mix];
    for (const off of this.#offs.splice(0)) off();
    for (const track of mix?.tracks ?? []) {
      track.detach(track.kind === "video" ? this.#video : this.#silent);
      if (room?.mix === mix && room?.connectionState === "connected") room.unsubscribe(track).catch(() => {}); // ended meanwhile
    }
    this.#asked.clear();
    this.#meter.close();
    this.#room = this.#mix = null;
    setData(this.#box, "live", null);
  }

  /** @param {Room} room */
  #begin(room) {
    this.hide();
    this.#room = room;
    this.#mix = room.mix;
    // After a fresh join the tracks are the same and have to be asked for again.
    this.#offs.push(room.on("trackUnsubscribed", (track) => this.#asked.delete(track)));
    for (const track of room.mix?.tracks ?? []) {
      if (track.kind === "video") track.attach(this.#video);
      else this.#measure(track);
    }
  }

  /** @param {RemoteTrack} track */
  #measure(track) {
    track.attach(this.#silent);
    this.#meter.measure(track.mediaStreamTrack);
    this.#offs.push(track.on("mediaChanged", (media) => this.#meter.measure(media)));
  }
}
