// SPDX-License-Identifier: Apache-2.0
//
// Candidates on their way to the server: gathered into few messages, held back until the server
// knows the offer they belong to, and sent again after a connection that broke in between.

/** Candidates come in bursts; one message takes a burst. */
const BATCH_MS = 20;

export class Trickle {
  #send;
  /** @type {RTCIceCandidateInit[]} */
  #waiting = [];
  #isHeld = true;
  /** @type {any} */
  #timer = null;

  /** @param {(candidates: RTCIceCandidateInit[]) => Promise<any>} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {RTCIceCandidate | null} candidate  null ends the candidates of this generation */
  add(candidate) {
    if (!candidate) this.#waiting.push({ candidate: "" });
    else if (candidate.candidate) this.#waiting.push(candidate.toJSON());
    this.#schedule();
  }

  /** The server has answered: let them go. */
  release() {
    this.#isHeld = false;
    this.#schedule();
  }

  /** Stop; what waits is dropped. */
  close() {
    this.#isHeld = true;
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #schedule() {
    if (this.#isHeld || this.#timer || this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => this.#flush(), BATCH_MS);
  }

  async #flush() {
    this.#timer = null;
    const batch = this.#waiting.splice(0);
    try {
      await this.#send(batch);
    } catch (/** @type {any} */ error) {
      if (error?.code !== "E_SIGNAL_LOST" && error?.code !== "E_TIMEOUT") return;
      this.#waiting.unshift(...batch); // send() waits for the session to come back
      this.#schedule();
    }
  }
}
