// SPDX-License-Identifier: Apache-2.0
//
// One tile: somebody's camera (or initials), or a shared screen; with its figures, a word about why a picture waits, and
// buttons for what can be done with it.

import { ReceivedTrack } from "../client/received_track.js";
import { paintAvatar } from "./avatar.js";
import { make, setData } from "./dom.js";
import { icon } from "./icons.js";
import { describeHold } from "./quality_words.js";
import { receivedLines, sentLines } from "./tile_stats.js";

/** @typedef {import("../client/participant.js").Participant} Participant */
/** @typedef {import("../client/track.js").Track} Track */

/** So long a picture may wait before a word is lost about it: many come right away. @type {Record<string, number>} */
const PATIENCE_MS = { bandwidth: 1000, notSent: 3000 };

/**
 * @typedef {object} TileActions
 * @property {(tile: Tile) => void} pin   or unpin
 * @property {(tile: Tile, button: HTMLElement) => void} menu
 * @property {() => boolean} isRationed  the room shows a few videos at a time
 */

export class Tile {
  /** @type {HTMLElement} */
  element;
  #participant;
  #source;
  #actions;
  #video;
  #avatar = make("div", { class: "avatar", attributes: { "aria-hidden": "true" } });
  #name = make("span", { class: "name" });
  #hold = make("p", { class: "hold" });
  #figures = make("ul", { class: "tile-figures" });
  #pin = make("button", { class: "tool pin", attributes: { type: "button", "aria-pressed": "false" } });
  #more = make("button", { class: "tool more", attributes: { type: "button", "aria-haspopup": "dialog", "aria-expanded": "false" } });
  /** @type {Track | null} */
  #track = null;
  /** @type {(() => void)[]} */
  #offs = [];
  /** Since when the picture waits, and why. */
  #wait = { reason: "", sinceMs: 0 };
  #watch = 0; // number of the running wait for a frame

  /**
   * @param {Participant} participant
   * @param {"camera" | "screen"} source
   * @param {TileActions} actions
   */
  constructor(participant, source, actions) {
    this.#participant = participant;
    this.#source = source;
    this.#actions = actions;
    this.#video = make("video", { attributes: { playsinline: "", autoplay: "" } });
    this.#video.muted = true;
    const badge = make("span", { class: "badge" });
    badge.append(icon("mic-off"));
    const plate = make("div", { class: "plate", attributes: { "aria-hidden": "true" } }, [badge, this.#name]);
    this.#pin.append(icon("pin"));
    this.#more.append(icon("more"));
    this.#pin.addEventListener("click", () => actions.pin(this));
    this.#more.addEventListener("click", () => actions.menu(this, this.#more));
    this.element = make("div", { class: "tile", attributes: { role: "listitem" } }, [
      source === "camera" ? this.#avatar : null,
      this.#video,
      this.#hold,
      this.#figures,
      plate,
      make("div", { class: "tools" }, [this.#pin, this.#more]),
    ]);
    this.element.dataset.source = source;
    this.element.addEventListener("dblclick", ({ target }) => {
      if (!(/** @type {Element} */ (target).closest("button"))) actions.pin(this);
    });
    this.update();
  }

  get participant() {
    return this.#participant;
  }

  get source() {
    return this.#source;
  }

  get track() {
    return this.#track;
  }

  /** What it is called. */
  get title() {
    const { name, isLocal } = this.#participant;
    if (this.#source === "screen") return isLocal ? "Your screen" : `${name}'s screen`;
    return isLocal ? `${name} (you)` : name;
  }

  /** @param {Track | null} track  shown from now on */
  setTrack(track) {
    if (track === this.#track) return;
    for (const off of this.#offs.splice(0)) off();
    this.#track?.detach(this.#video);
    this.#track = track;
    this.#wait = { reason: "", sinceMs: 0 };
    if (track) {
      for (const type of /** @type {const} */ (["mutedChanged", "mediaChanged"])) this.#offs.push(track.on(type, () => this.#onMedia()));
      for (const type of /** @type {const} */ (["stateChanged", "wishChanged"])) this.#offs.push(track.on(type, () => this.#onState()));
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
    const shown = this.title;
    if (this.#name.textContent !== shown) {
      this.#name.textContent = shown;
      this.#more.setAttribute("aria-label", `Options for ${shown}`);
      this.#more.title = "Options";
      this.#paintPin();
      paintAvatar(this.#avatar, name);
    }
    const hold = this.#holdWords();
    if (this.#hold.textContent !== hold) {
      const isChosen = this.#track instanceof ReceivedTrack && this.#track.isPaused;
      this.#hold.replaceChildren(...(hold ? [icon(isChosen ? "camera-off" : "cut-off"), make("span", { text: hold })] : []));
      this.#hold.title = hold;
    }
    const picture = this.#isShown() ? "" : hold || (isSharing ? "" : "camera off");
    const states = [isMuted && !isSharing ? "microphone off" : "", picture];
    this.element.setAttribute("aria-label", [shown, ...states].filter(Boolean).join(", "));
  }

  /** @param {boolean} isPinned */
  setPinned(isPinned) {
    setData(this.element, "pinned", isPinned ? "true" : null);
    this.#paintPin();
  }

  /**
   * @param {boolean} isMain   the large one
   * @param {number | undefined} priority  of its video over others
   */
  setMain(isMain, priority) {
    setData(this.element, "main", isMain ? "true" : null);
    if (this.#track instanceof ReceivedTrack) this.#track.setPriority(priority);
  }

  /** @param {boolean} isDominant  who leads the conversation */
  setDominant(isDominant) {
    setData(this.element, "dominant", isDominant ? "true" : null);
  }

  /** @param {import("../client/sampler.js").Sample} sample */
  showSample({ received, sent }) {
    const track = /** @type {any} */ (this.#track);
    const isShown = this.#isShown() || this.#participant.isLocal;
    const stats = isShown ? (received.get(track) ?? sent.get(track)) : undefined;
    const lines = !stats ? [] : received.has(track) ? receivedLines(stats, track.layer) : sentLines(stats);
    this.#figures.replaceChildren(...lines.map((text) => make("li", { text })));
  }

  /** @param {import("./grid.js").Rect} rect */
  place(rect) {
    placeElement(this.element, rect);
  }

  remove() {
    this.setTrack(null);
    this.element.remove();
  }

  /** Why a picture that there is does not show. */
  #holdWords() {
    if (performance.now() - this.#wait.sinceMs < (PATIENCE_MS[this.#wait.reason] ?? 0)) return "";
    return this.#track instanceof ReceivedTrack ? describeHold(this.#track, this.#actions.isRationed()) : "";
  }

  #isShown() {
    return Boolean(this.#track && !this.#track.muted && this.#track.mediaStreamTrack && !this.#holdWords());
  }

  #paintPin() {
    const isPinned = this.element?.dataset.pinned === "true";
    this.#pin.setAttribute("aria-pressed", String(isPinned));
    this.#pin.setAttribute("aria-label", `${isPinned ? "Unpin" : "Pin"} ${this.title}`);
    this.#pin.title = isPinned ? "Unpin" : "Pin: keep large";
  }

  #onMedia() {
    const facing = this.#track?.mediaStreamTrack?.getSettings?.().facingMode;
    setData(this.element, "mirror", this.#participant.isLocal && this.#source === "camera" && facing !== "environment");
    setData(this.element, "hasVideo", "false");
    this.#figures.replaceChildren();
    this.#onHold();
  }

  #onState() {
    const track = /** @type {ReceivedTrack} */ (this.#track);
    const reason = track.state === "paused" && !track.isPaused ? track.reason : "";
    if (reason !== this.#wait.reason) {
      this.#wait = { reason, sinceMs: performance.now() };
      const patience = PATIENCE_MS[reason];
      if (patience) setTimeout(() => this.#track === track && this.#onHold(), patience + 10);
    }
    this.#onHold();
  }

  /** It shows now, or shows no longer. */
  #onHold() {
    this.update();
    if (!this.#isShown()) setData(this.element, "hasVideo", "false");
    else if (this.element.dataset.hasVideo !== "true") this.#awaitFrame();
    setData(this.element, "held", this.#holdWords() ? "true" : null);
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
