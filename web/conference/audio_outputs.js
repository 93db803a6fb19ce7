// SPDX-License-Identifier: Apache-2.0
//
// Plays the others: one audio element a remote audio track, on the chosen speaker.

import { make } from "./dom.js";

/** @typedef {import("../client/remote_track.js").RemoteTrack | import("../client/source_track.js").SourceTrack} RemoteTrack */

export class AudioOutputs {
  #container;
  #onBlocked;
  #speaker = "";
  /** @type {Map<RemoteTrack, HTMLAudioElement>} */
  #elements = new Map();

  /**
   * @param {HTMLElement} container
   * @param {(isBlocked: boolean) => void} onBlocked  the browser wants a click before it plays sound
   */
  constructor(container, onBlocked) {
    this.#container = container;
    this.#onBlocked = onBlocked;
  }

  /** @param {RemoteTrack} track */
  add(track) {
    const element = make("audio", { attributes: { autoplay: "" } });
    element.dataset.participantId = track.participant?.id ?? track.name; // who speaks changes
    element.dataset.source = track.source;
    this.#elements.set(track, element);
    this.#container.append(element);
    track.attach(element);
    this.#sink(element);
    void this.#play(element);
  }

  /** @param {RemoteTrack} track */
  remove(track) {
    const element = this.#elements.get(track);
    if (!element) return;
    track.detach(element);
    element.remove();
    this.#elements.delete(track);
  }

  clear() {
    for (const track of [...this.#elements.keys()]) this.remove(track);
    this.#onBlocked(false);
  }

  /** Play everything: called from the user's click. */
  playAll() {
    this.#onBlocked(false);
    for (const element of this.#elements.values()) void this.#play(element);
  }

  /** @param {string} deviceId */
  setSpeaker(deviceId) {
    this.#speaker = deviceId;
    for (const element of this.#elements.values()) this.#sink(element);
  }

  /** @param {HTMLAudioElement} element */
  #sink(element) {
    if (this.#speaker) element.setSinkId?.(this.#speaker).catch(() => {}); // gone: the default plays
  }

  /** @param {HTMLAudioElement} element */
  async #play(element) {
    try {
      await element.play();
    } catch (/** @type {any} */ error) {
      if (error.name === "NotAllowedError") this.#onBlocked(true);
    }
  }
}

/**
 * Three soft notes on a speaker.
 * @param {string} deviceId
 */
export async function playTestSound(deviceId) {
  const context = new AudioContext();
  const output = context.createMediaStreamDestination();
  const element = new Audio();
  element.srcObject = output.stream;
  if (deviceId) await element.setSinkId?.(deviceId).catch(() => {});
  [523, 659, 784].forEach((frequency, i) => {
    const start = context.currentTime + 0.1 + i * 0.22;
    const oscillator = new OscillatorNode(context, { frequency });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setTargetAtTime(0.25, start, 0.02);
    gain.gain.setTargetAtTime(0, start + 0.12, 0.08);
    oscillator.connect(gain).connect(output);
    oscillator.start(start);
    oscillator.stop(start + 0.8);
  });
  await element.play();
  setTimeout(() => void context.close(), 2000);
}
