// SPDX-License-Identifier: Apache-2.0
//
// The way to the server: the session (signal.js), the media connection of that session (peer.js), and what mends them when they
// break (recovery.js). Knows nothing of participants and tracks.
//
//   idle ── join() ──▶ connecting ──▶ connected ◀──▶ reconnecting ──▶ closed

import { Emitter } from "./emitter.js";
import { ParleyError } from "./errors.js";
import { Peer } from "./peer.js";
import { Recovery } from "./recovery.js";
import { Signal } from "./signal.js";

/** @typedef {import("./types.js").JoinParams} JoinParams */
/** @typedef {import("./types.js").JoinResult} JoinResult */
/** @typedef {import("./types.js").OfferResult} OfferResult */
/** @typedef {"idle" | "connecting" | "connected" | "reconnecting" | "closed"} ConnectionState */

/**
 * @typedef {object} ConnectionOptions
 * @property {RTCIceTransportPolicy} [iceTransportPolicy]
 * @property {RTCIceServer[]} [iceServers]  instead of those the server names
 * @property {Partial<import("./signal.js").SignalOptions>} [signal]
 * @property {any} [RTCPeerConnection]      constructor, for tests
 */

/**
 * `rejoined`: the session is another one, and its owner begins anew with beginMedia(). `resumed`: it goes on. `refused`: an offer
 * was not accepted.
 * @extends {Emitter<{
 *   stateChanged: [ConnectionState],
 *   notification: [string, any],
 *   rejoined: [JoinResult],
 *   resumed: [JoinResult],
 *   answered: [OfferResult],
 *   refused: [ParleyError],
 *   closed: [string, string, ParleyError | undefined],
 * }>}
 */
export class Connection extends Emitter {
  #options;
  #describeTracks;
  /** @type {Signal | null} */
  #signal = null;
  /** @type {Peer | null} */
  #peer = null;
  #recovery;
  /** @type {ConnectionState} */
  #state = "idle";
  #maxSlots = Infinity;
  /** @type {(() => void)[]} */
  #cleanups = [];

  /**
   * @param {ConnectionOptions} options
   * @param {() => object} describeTracks  the `tracks` of the next offer
   */
  constructor(options, describeTracks) {
    super();
    this.#options = options;
    this.#describeTracks = describeTracks;
    this.#recovery = new Recovery({
      restartIce: () => this.restartIce(),
      rejoin: () => this.#signal?.rejoin(),
      canReach: () => this.canTell,
    });
  }

  get state() {
    return this.#state;
  }

  /** The media connection of the session, once there is one. */
  get peer() {
    return this.#peer;
  }

  /** Whether the session is open, so that a request arrives. */
  get canTell() {
    return this.#signal?.state === "open";
  }

  /**
   * Open a session; media begins with beginMedia().
   * @param {string} url
   * @param {JoinParams} params
   * @returns {Promise<JoinResult>} rejects with what kept it from it; join() may then be called again
   */
  async join(url, params) {
    if (this.#signal) throw new ParleyError("E_STATE", "This room is connected or was left: make a new Room.");
    const signal = (this.#signal = new Signal({ url, ...this.#options.signal }));
    signal.on("stateChanged", () => this.#updateState());
    signal.on("notification", (method, message) => this.#onNotification(method, message));
    signal.on("resumed", (result) => this.#onResumed(result));
    signal.on("rejoined", (result) => this.emit("rejoined", result));
    signal.on("closed", (reason, message, error) => this.#onClosed(reason, message, error));
    try {
      return await signal.join(params);
    } catch (error) {
      if (this.#signal === signal) this.#signal = null;
      this.#updateState();
      throw error;
    }
  }

  /** The media of a former session is over. */
  endMedia() {
    this.#peer?.close();
    this.#recovery.reset();
  }

  /**
   * Make the media connection of a session; negotiate() then offers what it has.
   * @param {JoinResult} result
   * @returns {Peer}
   */
  beginMedia({ iceServers, limits }) {
    this.#maxSlots = limits?.maxSlots ?? Infinity;
    const peer = new Peer(
      {
        offer: (params) => this.request("offer", params),
        trickle: (candidates) => this.request("trickle", { candidates }),
        describeTracks: this.#describeTracks,
        ready: () => this.#signal?.ready() ?? Promise.reject(new ParleyError("E_CLOSED", "Left.")),
      },
      {
        iceServers: this.#options.iceServers ?? iceServers ?? [],
        ...(this.#options.iceTransportPolicy && { iceTransportPolicy: this.#options.iceTransportPolicy }),
      },
      this.#options.RTCPeerConnection,
    );
    peer.on("stateChanged", (state) => {
      this.#recovery.onState(state);
      this.#updateState();
    });
    peer.on("answered", (answer) => this.emit("answered", answer));
    peer.on("error", (error) => this.emit("refused", error));
    this.#peer = peer;
    return peer;
  }

  /**
   * @param {string} method
   * @param {object} params
   * @returns {Promise<any>}
   */
  request(method, params) {
    if (!this.#signal) return Promise.reject(new ParleyError("E_STATE", "Not connected to a room."));
    return this.#signal.request(method, params);
  }

  /** Offer what has changed. */
  negotiate() {
    this.#peer?.negotiate().catch(() => {}); // told as refused
    this.#updateState();
  }

  /**
   * Add so many slots to the next offer: the server counts what it has asked for already.
   * @param {[number, number]} counts  audio, video
   */
  addSlots([audio, video]) {
    const peer = this.#peer;
    if (!peer) return;
    for (const [kind, wanted] of /** @type {const} */ ([["audio", audio], ["video", video]])) {
      const free = this.#maxSlots - peer.pc.getTransceivers().filter((t) => t.direction === "recvonly").length;
      const count = Math.min(wanted, free);
      if (count > 0) peer.addSlots(kind, count);
    }
  }

  /**
   * The server asks for slots from the first offer on; who had nothing to offer so far begins here.
   * @param {[number, number]} counts  audio, video
   */
  offerFirstSlots(counts) {
    if (!this.#peer || this.#peer.pc.getTransceivers().length > 0) return;
    this.addSlots(counts);
    this.negotiate();
  }

  /** Look for a path to the server anew when the network of this machine changes; leave when the page goes. */
  watchNetwork() {
    if (!globalThis.addEventListener) return;
    const onOnline = () => {
      this.retryNow();
      this.#recovery.onPathLost();
    };
    const onPageHide = () => this.leave();
    globalThis.addEventListener("online", onOnline);
    globalThis.addEventListener("pagehide", onPageHide);
    this.#cleanups.push(
      () => globalThis.removeEventListener("online", onOnline),
      () => globalThis.removeEventListener("pagehide", onPageHide),
    );
  }

  /** Find a path to the server anew; media continues meanwhile if it can. */
  restartIce() {
    this.#peer?.restartIce().catch(() => {}); // told as refused
    this.#updateState();
  }

  /** Drop the session's WebSocket and resume. */
  reconnect() {
    this.#signal?.reconnect();
  }

  /** While reconnecting: try now. */
  retryNow() {
    this.#signal?.retryNow();
  }

  leave() {
    this.#signal?.leave();
  }

  /** @param {string} method @param {any} params */
  #onNotification(method, params) {
    if (method === "transportState") {
      if (params.state === "failed") this.#recovery.onPathLost();
      return;
    }
    this.emit("notification", method, params);
  }

  /** @param {JoinResult} result */
  #onResumed(result) {
    this.emit("resumed", result);
    if (result.transportState === "failed") this.#recovery.onPathLost();
    else this.#recovery.onReachable();
  }

  /**
   * @param {string} reason
   * @param {string} message
   * @param {ParleyError} [error]
   */
  #onClosed(reason, message, error) {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.endMedia();
    this.#updateState();
    this.emit("closed", reason, message, error);
  }

  #updateState() {
    const state = this.#currentState();
    if (state === this.#state) return;
    this.#state = state;
    this.emit("stateChanged", state);
  }

  /** @returns {ConnectionState} */
  #currentState() {
    switch (this.#signal?.state) {
      case "joining":
        return "connecting";
      case "open":
        return this.#recovery.isActive ? "reconnecting" : "connected";
      case "reconnecting":
        return "reconnecting";
      case "closed":
        return "closed";
      default:
        return "idle";
    }
  }
}
