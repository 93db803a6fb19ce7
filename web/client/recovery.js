// SPDX-License-Identifier: Apache-2.0
//
// Decides when the media needs help: an ICE restart when the connection fails, hangs for a while or
// the network changed, several if one is not enough, and in the end a fresh join.

/** A short "disconnected" is usually a hiccup that ICE gets over by itself. */
const DISCONNECTED_MS = 3000;
/** How long a restart may take before the next one. */
const RESTART_MS = 6000;
const RESTARTS_BEFORE_REJOIN = 4;

/**
 * @typedef {object} RecoveryActions
 * @property {() => void} restartIce
 * @property {() => void} rejoin
 * @property {() => boolean} canReach  whether signalling is up: without it nothing can be offered
 */

export class Recovery {
  #actions;
  /** @type {any} */
  #timer = null;
  #restarts = 0;
  /** @type {RTCPeerConnectionState} */
  #state = "new";

  /** @param {RecoveryActions} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** Whether the media is being repaired. */
  get isActive() {
    return this.#state === "failed" || (this.#restarts > 0 && this.#state !== "connected");
  }

  /** @param {RTCPeerConnectionState} state */
  onState(state) {
    this.#state = state;
    if (state === "connected") {
      this.reset();
      this.#state = state;
    } else if (state === "failed" && this.#restarts === 0) {
      this.#restart();
    } else if (state === "disconnected" && !this.#timer) {
      this.#timer = setTimeout(() => this.#restart(), DISCONNECTED_MS);
    }
  }

  /** The server lost us, or the network is another one: do not wait for the browser to notice. */
  onPathLost() {
    if (this.#state !== "new") this.#restart();
  }

  /** Signalling is back. */
  onReachable() {
    if (this.#state === "failed" || this.#state === "disconnected") this.#restart();
  }

  /** Start over: the connection is a new one, or gone. */
  reset() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#restarts = 0;
    this.#state = "new";
  }

  #restart() {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#actions.canReach()) return; // onReachable() comes back to it
    if (this.#restarts >= RESTARTS_BEFORE_REJOIN) {
      this.reset();
      this.#actions.rejoin();
      return;
    }
    this.#restarts++;
    this.#actions.restartIce();
    this.#timer = setTimeout(() => this.#checkRestart(), RESTART_MS);
  }

  #checkRestart() {
    this.#timer = null;
    // A restart that was not needed leaves the state at "connected" all the time.
    if (this.#state === "connected") this.#restarts = 0;
    else this.#restart();
  }
}
