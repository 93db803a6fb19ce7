// SPDX-License-Identifier: Apache-2.0
//
// What is sent: one picture (camera, screen, or the camera in a corner of the screen) and one sound (microphone, with the sound
// of the screen when there is any). Sources change while the broadcast goes on; picture and sound are told as "changed".

import { createLocalTrack, createScreenTracks } from "../client/index.js";
import { Emitter } from "../client/emitter.js";
import { Compositor } from "./compositor.js";

/** @typedef {import("../client/local_track.js").LocalTrack} LocalTrack */
/** @typedef {"camera" | "screen" | "both"} Source */

/** @extends {Emitter<{changed: [], error: [any], screenEnded: []}>} */
export class Studio extends Emitter {
  /** @type {Source} */
  source = "camera";
  isMuted = false;
  /** @type {MediaStreamTrack | null} */
  video = null;
  /** @type {MediaStreamTrack | null} */
  audio = null;
  /** @type {{camera: LocalTrack | null, microphone: LocalTrack | null, screen: LocalTrack[]}} */
  #tracks = { camera: null, microphone: null, screen: [] };
  #devices = { camera: "", microphone: "" };
  #height;
  /** @type {Compositor | null} */
  #compositor = null;
  /** @type {{context: AudioContext, out: MediaStreamAudioDestinationNode} | null} */
  #mixer = null;
  #last = Promise.resolve();

  /** @param {{height?: number}} [options]  of the camera's picture */
  constructor({ height = 720 } = {}) {
    super();
    this.#height = height;
  }

  /** @param {"camera" | "microphone"} role */
  deviceOf(role) {
    return this.#tracks[role]?.mediaStreamTrack?.getSettings().deviceId ?? this.#devices[role];
  }

  /** The microphone alone, for a level meter. */
  get microphone() {
    return this.#tracks.microphone?.mediaStreamTrack ?? null;
  }

  /** Capture what a source needs. Rejects, with the source as it was, when the user declines. @param {Source} source */
  use(source) {
    return this.#inOrder(async () => {
      const needsScreen = source !== "camera";
      const needsCamera = source !== "screen";
      if (needsScreen && this.#tracks.screen.length === 0) await this.#captureScreen();
      if (needsCamera) await this.#capture("camera", "video");
      await this.#capture("microphone", "audio").catch((error) => this.emit("error", error)); // a picture alone is fine
      this.source = source;
      if (!needsScreen) this.#stopScreen();
      if (!needsCamera) this.#stop("camera");
      this.#arrange();
    });
  }

  /** @param {"camera" | "microphone"} role @param {string} deviceId */
  setDevice(role, deviceId) {
    return this.#inOrder(async () => {
      this.#devices[role] = deviceId;
      if (!this.#tracks[role]) return;
      await this.#tracks[role].setDevice(deviceId);
      this.#arrange();
    });
  }

  /** @param {boolean} isMuted  the microphone; the sound of a screen goes on */
  setMuted(isMuted) {
    this.isMuted = isMuted;
    const track = this.microphone;
    if (track) track.enabled = !isMuted;
    this.emit("changed");
  }

  /**
   * @param {"camera" | "microphone"} role
   * @param {"audio" | "video"} kind
   */
  async #capture(role, kind) {
    if (this.#tracks[role]) return;
    const track = await createLocalTrack(kind, { deviceId: this.#devices[role] || undefined, height: this.#height });
    this.#tracks[role] = track;
    track.on("mediaChanged", () => this.#arrange());
  }

  async #captureScreen() {
    const tracks = await createScreenTracks({ frameRate: 30 }); // a broadcast shows what moves
    this.#tracks.screen = tracks;
    tracks[0].mediaStreamTrack?.addEventListener("ended", () => {
      if (this.#tracks.screen !== tracks) return;
      this.emit("screenEnded");
    });
  }

  #stopScreen() {
    for (const track of this.#tracks.screen) track.stop();
    this.#tracks.screen = [];
  }

  /** @param {"camera" | "microphone"} role */
  #stop(role) {
    this.#tracks[role]?.stop();
    this.#tracks[role] = null;
  }

  // ---- one picture, one sound ----

  #arrange() {
    this.video = this.#arrangePicture();
    this.audio = this.#arrangeSound();
    this.setMuted(this.isMuted);
  }

  #arrangePicture() {
    const camera = this.#tracks.camera?.mediaStreamTrack ?? null;
    const screen = this.#tracks.screen.find(({ kind }) => kind === "video")?.mediaStreamTrack ?? null;
    if (this.source === "both" && camera && screen) {
      this.#compositor ??= new Compositor();
      this.#compositor.show(screen, camera);
      return this.#compositor.track;
    }
    this.#compositor?.close();
    this.#compositor = null;
    return this.source === "screen" ? screen : camera;
  }

  #arrangeSound() {
    const parts = [this.microphone, this.#tracks.screen.find(({ kind }) => kind === "audio")?.mediaStreamTrack ?? null];
    const present = parts.flatMap((track) => (track ? [track] : []));
    void this.#mixer?.context.close();
    this.#mixer = null;
    if (present.length < 2) return present[0] ?? null;
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    for (const track of present) context.createMediaStreamSource(new MediaStream([track])).connect(out);
    this.#mixer = { context, out };
    return out.stream.getAudioTracks()[0];
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #inOrder(work) {
    const result = this.#last.then(work);
    this.#last = result.then(
      () => {},
      () => {},
    );
    return result;
  }
}
