// SPDX-License-Identifier: Apache-2.0
//
// Our camera, microphone and screen across lobby and call: on or off, which device, and what is
// wrong with them. In a call the changes go through the room, so that the others are told.

import { createLocalTrack, createLocalTracks, createScreenTracks } from "../client/index.js";
import { Emitter } from "../client/emitter.js";

/** @typedef {import("../client/room.js").Room} Room */
/** @typedef {import("../client/local_track.js").LocalTrack} LocalTrack */
/** @typedef {import("../client/errors.js").ParleyError} ParleyError */
/** @typedef {"audio" | "video"} Kind */

/** @extends {Emitter<{changed: [], error: [ParleyError]}>} */
export class LocalMedia extends Emitter {
  /** @type {Record<Kind, LocalTrack | null>} */
  #tracks = { audio: null, video: null };
  /** @type {Record<string, boolean>} */
  #busy = { audio: false, video: false, screen: false };
  /** @type {Room | null} */
  #room = null;
  #settings;
  #devices;

  /**
   * @param {import("./settings.js").Settings} settings
   * @param {import("./settings.js").DeviceChoice} devices
   */
  constructor(settings, devices) {
    super();
    this.#settings = settings;
    this.#devices = devices;
  }

  /** @param {Kind} kind */
  trackOf(kind) {
    return this.#tracks[kind];
  }

  /** @param {Kind} kind */
  isOn(kind) {
    const track = this.#tracks[kind];
    return Boolean(track && !track.muted);
  }

  /** @param {Kind | "screen"} what */
  isBusy(what) {
    return this.#busy[what];
  }

  get isSharing() {
    return Boolean(this.#room?.localTracks.some((track) => track.source === "screen"));
  }

  /**
   * Capture what is wanted, with one question to the user.
   * @param {{audio: boolean, video: boolean}} wanted
   * @returns {Promise<ParleyError[]>} what could not be had
   */
  async start({ audio, video }) {
    const { tracks, errors } = await createLocalTracks({
      audio: audio && !this.#tracks.audio && this.#captureOptions("audio"),
      video: video && !this.#tracks.video && this.#captureOptions("video"),
    });
    for (const track of tracks) this.#keep(track);
    this.emit("changed");
    return errors;
  }

  /** What to publish with the join: a camera that is off stays with us until it is switched on. */
  get tracksToPublish() {
    return Object.values(this.#tracks).flatMap((track) => (track && (track.kind === "audio" || !track.muted) ? [track] : []));
  }

  /** @param {Room | null} room  the call that this media belongs to from now on */
  setRoom(room) {
    this.#room = room;
    this.emit("changed");
  }

  /** The call has ended and with it our tracks. */
  clear() {
    for (const track of Object.values(this.#tracks)) track?.stop();
    this.#tracks = { audio: null, video: null };
    this.setRoom(null);
  }

  /**
   * Switch a camera or microphone on or off.
   * @param {Kind} kind
   */
  toggle(kind) {
    return this.#exclusively(kind, async () => {
      const track = this.#tracks[kind];
      if (!track) {
        this.#keep(await createLocalTrack(kind, this.#captureOptions(kind)));
      } else if (this.#room?.localTracks.includes(track)) {
        await this.#room.setMuted(track, !track.muted);
        return;
      } else {
        await track.setMuted(!track.muted);
      }
      await this.#publish(kind);
    });
  }

  /** Share a screen, or stop sharing. */
  toggleScreen() {
    return this.#exclusively("screen", async () => {
      const room = this.#room;
      if (!room) return;
      const shared = room.localTracks.filter((track) => track.source.startsWith("screen"));
      if (shared.length > 0) {
        for (const track of shared) room.unpublish(track);
        return;
      }
      const tracks = await createScreenTracks();
      await Promise.allSettled(tracks.map((track) => room.publish(track))); // refusals come as the room's errors
    });
  }

  /**
   * @param {Kind} kind
   * @param {string} deviceId
   */
  setDevice(kind, deviceId) {
    this.#devices[kind === "audio" ? "microphone" : "camera"] = deviceId;
    return this.#exclusively(kind, async () => {
      await this.#tracks[kind]?.setDevice(deviceId);
    });
  }

  /** @param {Kind} kind */
  async #publish(kind) {
    const track = this.#tracks[kind];
    if (this.#room && track && !track.muted) await this.#room.publish(track).catch(() => {});
  }

  /** @param {LocalTrack} track */
  #keep(track) {
    const kind = track.kind;
    this.#tracks[kind]?.stop();
    this.#tracks[kind] = track;
    track.on("mutedChanged", () => this.emit("changed"));
    track.on("mediaChanged", () => this.emit("changed"));
  }

  /** @param {Kind} kind */
  #captureOptions(kind) {
    const { height, frameRate, simulcast } = this.#settings;
    if (kind === "audio") return { deviceId: this.#devices.microphone };
    return { deviceId: this.#devices.camera, height, frameRate, publish: { simulcast } };
  }

  /**
   * One change of a thing at a time; its failure becomes an event.
   * @param {Kind | "screen"} what
   * @param {() => Promise<void>} change
   */
  async #exclusively(what, change) {
    if (this.#busy[what]) return;
    this.#busy[what] = true;
    this.emit("changed");
    try {
      await change();
    } catch (error) {
      this.emit("error", /** @type {ParleyError} */ (error));
    } finally {
      this.#busy[what] = false;
      this.emit("changed");
    }
  }
}
