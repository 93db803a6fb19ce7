// SPDX-License-Identifier: Apache-2.0
//
// One tile: somebody's camera (or initials), or a shared screen.

import { paintAvatar } from "./avatar.js";
import { make, setData } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../client/participant.js").Participant} Participant */
/** @typedef {import("../client/track.js").Track} Track */

export class Tile {
  /** @type {HTMLElement} */
  element;
  #participant;
  #source;
  #video;
  #avatar;
  #name;
  /** @type {Track | null} */
  #track = null;
  /** @type {(() => void)[]} */
  #offs = [];
  #watch = 0; // number of the running wait for a frame

  /**
   * @param {Participant} participant
   * @param {"camera" | "screen"} source
   */
  constructor(participant, source) {
    this.#participant = participant;
    this.#source = source;
    this.#video = make("video", { attributes: { playsinline: "", autoplay: "" } });
    this.#video.muted = true;
    this.#avatar = make("div", { class: "avatar", attributes: { "aria-hidden": "true" } });
    this.#name = make("span", { class: "name" });
    const badge = make("span", { class: "badge" });
    badge.append(icon("mic-off"));
    const plate = make("div", { class: "plate", attributes: { "aria-hidden": "true" } }, [badge, this.#name]);
    this.element = make("div", { class: "tile", attributes: { role: "listitem" } }, [
      source === "camera" ? this.#avatar : null,
      this.#video,
      plate,
    ]);
    this.element.dataset.source = source;
    this.update();
  }

  get participant() {
    return this.#participant;
  }

  get source() {
    return this.#source;
  }

  /** @param {Track | null} track  shown from now on */
  setTrack(track) {
    if (track === this.#track) return;
    for (const off of this.#offs.splice(0)) off();
    this.#track?.detach(this.#video);
    this.#track = track;
    if (track) {
      this.#offs.push(
        track.on("mutedChanged", () => this.#onMedia()),
        track.on("mediaChanged", () => this.#onMedia()),
      );
      track.attach(this.#video);
    }
    this.#onMedia();
  }

  /** Show names and states as they are now. */
  update() {
    const { id, identity, name, isLocal, isSpeaking } = this.#participant;
    const microphone = this.#participant.trackOf("microphone");
    const isMuted = !microphone || microphone.muted;
    const isSharing = this.#source === "screen";
    setData(this.element, "participantId", id);
    setData(this.element, "identity", identity);
    setData(this.element, "local", isLocal ? "true" : null);
    setData(this.element, "mutedAudio", isMuted);
    setData(this.element, "speaking", isSpeaking && !isMuted && !isSharing);
    const shown = isSharing ? (isLocal ? "Your screen" : `${name}'s screen`) : isLocal ? `${name} (you)` : name;
    if (this.#name.textContent !== shown) {
      this.#name.textContent = shown;
      paintAvatar(this.#avatar, name);
    }
    const states = isSharing ? [] : [isMuted ? "microphone off" : "", this.#isShown() ? "" : "camera off"];
    this.element.setAttribute("aria-label", [shown, ...states].filter(Boolean).join(", "));
  }

  /** @param {import("./grid.js").Rect} rect */
  place(rect) {
    placeElement(this.element, rect);
  }

  remove() {
    this.setTrack(null);
    this.element.remove();
  }

  #isShown() {
    return Boolean(this.#track && !this.#track.muted && this.#track.mediaStreamTrack);
  }

  #onMedia() {
    const facing = this.#track?.mediaStreamTrack?.getSettings?.().facingMode;
    setData(this.element, "mirror", this.#participant.isLocal && this.#source === "camera" && facing !== "environment");
    setData(this.element, "hasVideo", "false");
    this.update();
    if (this.#isShown()) this.#awaitFrame();
  }

  /** Uncover the video with its first new frame: before it, the last picture of another may linger. */
  #awaitFrame() {
    const watch = ++this.#watch;
    const onFrame = () => {
      if (watch === this.#watch && this.#isShown()) setData(this.element, "hasVideo", "true");
    };
    if (this.#video.requestVideoFrameCallback) this.#video.requestVideoFrameCallback(onFrame);
    else this.#video.addEventListener("timeupdate", onFrame, { once: true });
  }
}

/**
 * @param {HTMLElement} element
 * @param {import("./grid.js").Rect} rect
 */
export function placeElement({ style }, { x, y, width, height }) {
  style.transform = `translate(${x}px, ${y}px)`;
  style.width = `${width}px`;
  style.height = `${height}px`;
}
