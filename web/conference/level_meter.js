// SPDX-License-Identifier: Apache-2.0
//
// Bars that move with the microphone.

import { make, setData } from "./dom.js";

const BARS = 9;
/** Speech close to a microphone fills the bars at about this level. */
const FULL_LEVEL = 0.16;
const FALL = 0.82;

export class LevelMeter {
  #element;
  #bars;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #input = null;
  #frame = 0;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    this.#bars = Array.from({ length: BARS }, () => make("span"));
    element.replaceChildren(...this.#bars);
  }

  /** @param {MediaStreamTrack | null} track  measured from now on */
  measure(track) {
    cancelAnimationFrame(this.#frame);
    this.#input?.disconnect();
    this.#input = null;
    this.#show(0);
    this.#element.hidden = !track;
    if (!track) return;
    this.#context ??= new AudioContext();
    void this.#context.resume().catch(() => {}); // without a gesture it starts later
    const analyser = new AnalyserNode(this.#context, { fftSize: 512 });
    this.#input = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#input.connect(analyser);
    this.#run(analyser);
  }

  /** Let the sound system go. */
  close() {
    this.measure(null);
    void this.#context?.close();
    this.#context = null;
  }

  /** @param {AnalyserNode} analyser */
  #run(analyser) {
    const samples = new Float32Array(analyser.fftSize);
    let level = 0;
    const step = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      level = Math.max(Math.sqrt(power) / FULL_LEVEL, level * FALL);
      this.#show(Math.min(1, level));
      this.#frame = requestAnimationFrame(step);
    };
    step();
  }

  /** @param {number} level  0 to 1 */
  #show(level) {
    const lit = Math.round(level * BARS);
    this.#element.setAttribute("aria-valuenow", String(Math.round(level * 100)));
    this.#bars.forEach((bar, i) => {
      setData(bar, "lit", i < lit);
      bar.style.transform = `scaleY(${0.22 + (0.78 * (i + 1)) / BARS})`;
    });
  }
}
