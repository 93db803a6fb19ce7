// SPDX-License-Identifier: Apache-2.0
//
// A signalling session: join once, then keep it over lost connections. A connection that breaks is
// opened again with exponential backoff and the session taken up by `resume`, which leaves the
// media alone; when the server no longer knows the session, a fresh join takes its place.
//
//   idle ── join ──▶ open ◀── resumed / rejoined ── reconnecting ──▶ closed
//                      └────────── lost ────────────────▲

import { backoffMs } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { ParleyError, isConnectionError } from "./errors.js";
import { RpcSocket } from "./rpc.js";

/** @typedef {import("./types.js").JoinParams} JoinParams */
/** @typedef {import("./types.js").JoinResult} JoinResult */
/** @typedef {"idle" | "joining" | "open" | "reconnecting" | "closed"} SignalState */

/** After these the same client may come back by itself, with a fresh join. */
const REASONS_TO_REJOIN = ["shutdown", "timeout"];
/** A server that shuts down needs a moment; its clients come back spread over this time. */
const SHUTDOWN_BACKOFF = { firstMs: 4000 };

/**
 * @typedef {object} SignalOptions
 * @property {string} url
 * @property {any} [WebSocket]           constructor, for tests
 * @property {number} [requestTimeoutMs]
 * @property {number} [pingIntervalMs]   a browser cannot see WebSocket pings, so it sends its own
 * @property {number} [pingTimeoutMs]
 * @property {number} [giveUpAfterMs]    how long to go on trying to reconnect
 * @property {import("./backoff.js").BackoffOptions} [backoff]
 * @property {() => number} [random]
 */

/**
 * `closed` carries (reason, message, error): reason is the server's, or "left", "unreachable" or
 * "refused".
 * @extends {Emitter<{
 *   stateChanged: [SignalState],
 *   notification: [string, any],
 *   resumed: [JoinResult],
 *   rejoined: [JoinResult],
 *   closed: [string, string, ParleyError | undefined],
 * }>}
 */
export class Signal extends Emitter {
  /** @type {SignalState} */
  state = "idle";

  #options;
  /** @type {RpcSocket | null} */
  #rpc = null;
  /** @type {JoinParams | null} */
  #params = null;
  #resumeToken = "";
  #recovery = 0; // number of the running recovery; an older one stops when it sees another
  /** @type {(() => void) | null} */
  #skipPause = null;
  /** @type {{resolve: () => void, reject: (e: Error) => void, timer: any}[]} */
  #waiting = [];
  /** @type {any} */
  #pingTimer = null;

  /** @param {SignalOptions} options */
  constructor(options) {
    super();
    this.#options = {
      requestTimeoutMs: 10000,
      pingIntervalMs: 10000,
      pingTimeoutMs: 5000,
      giveUpAfterMs: 300000,
      ...options,
    };
  }

  /**
   * Open the connection and join. One attempt: a first join that fails is the caller's to show.
   * @param {JoinParams} params
   * @returns {Promise<JoinResult>}
   */
  async join(params) {
    if (!this.#is("idle")) throw new ParleyError("E_STATE", "This session has already joined.");
    this.#setState("joining");
    this.#params = params;
    let rpc = null;
    try {
      rpc = await this.#open();
      const result = await rpc.request("join", params, this.#options.requestTimeoutMs);
      if (!this.#is("joining")) throw new ParleyError("E_CLOSED", "Left while joining.");
      this.#adopt(rpc, result);
      return result;
    } catch (error) {
      rpc?.close();
      if (this.#is("joining")) this.#setState("idle");
      throw error;
    }
  }

  /**
   * Send a request. While reconnecting it waits for the session to come back.
   * @param {string} method
   * @param {object} [params]
   * @returns {Promise<any>} rejects with the server's code, E_TIMEOUT, E_SIGNAL_LOST (sent, answer
   *   lost) or E_CLOSED
   */
  async request(method, params) {
    if (this.state === "reconnecting") await this.ready();
    if (this.state !== "open" || !this.#rpc) {
      throw new ParleyError("E_CLOSED", `${method}: the session is not open.`);
    }
    return this.#rpc.request(method, params, this.#options.requestTimeoutMs);
  }

  /**
   * Resolve when the session is open: at once, or after a resume.
   * @returns {Promise<void>} rejects with E_TIMEOUT, E_SIGNAL_LOST (joined afresh) or E_CLOSED
   */
  ready() {
    if (this.state === "open") return Promise.resolve();
    if (this.state !== "reconnecting") {
      return Promise.reject(new ParleyError("E_CLOSED", "The session is not open."));
    }
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, timer: 0 };
      waiter.timer = /** @type {any} */ (
        setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
          reject(new ParleyError("E_TIMEOUT", "The server did not come back in time."));
        }, this.#options.giveUpAfterMs)
      );
      this.#waiting.push(waiter);
    });
  }

  /** Try again now instead of at the end of the pause: the network is said to be back. */
  retryNow() {
    this.#skipPause?.();
  }

  /** Drop the connection and resume: for a connection that is suspected to be dead. */
  reconnect() {
    if (this.state === "open") this.#onLost();
  }

  /** Give the session up and join afresh: when the media cannot be repaired. */
  rejoin() {
    if (this.state !== "open" && this.state !== "reconnecting") return;
    this.#rpc?.sendAndClose("leave");
    void this.#recover({ isFresh: true });
  }

  /** Leave for good. Works from `pagehide`, too: nothing is waited for. */
  leave() {
    if (this.state === "closed") return;
    this.#rpc?.sendAndClose("leave");
    this.#end("left", "You left.");
  }

  #open() {
    const { url, WebSocket } = this.#options;
    return RpcSocket.open(url, { WebSocket });
  }

  /**
   * @param {RpcSocket} rpc
   * @param {JoinResult} result
   */
  #adopt(rpc, result) {
    this.#rpc = rpc;
    this.#resumeToken = result.resumeToken;
    // A rejoin is to be the same person; with a token the server takes the identity from there.
    if (this.#params && !this.#params.token) {
      this.#params = { ...this.#params, identity: result.participant.identity };
    }
    rpc.on("notification", (method, params) => this.#onNotification(method, params));
    rpc.on("closed", () => this.#onLost());
    this.#setState("open");
    this.#schedulePing();
  }

  #schedulePing() {
    clearTimeout(this.#pingTimer);
    const rpc = this.#rpc;
    this.#pingTimer = setTimeout(async () => {
      try {
        await rpc?.request("ping", {}, this.#options.pingTimeoutMs);
        if (rpc === this.#rpc) this.#schedulePing();
      } catch (error) {
        if (rpc === this.#rpc && isConnectionError(error)) this.#onLost();
      }
    }, this.#options.pingIntervalMs);
  }

  /**
   * @param {string} method
   * @param {any} params
   */
  #onNotification(method, params) {
    if (method !== "closed") {
      this.emit("notification", method, params);
      return;
    }
    const reason = String(params.reason ?? "unknown");
    if (REASONS_TO_REJOIN.includes(reason)) {
      void this.#recover({ isFresh: true, firstPause: reason === "shutdown" ? SHUTDOWN_BACKOFF : {} });
    } else {
      this.#end(reason, String(params.message ?? ""));
    }
  }

  #onLost() {
    if (this.state === "open") void this.#recover({ isFresh: false });
  }

  /** @param {{isFresh: boolean, firstPause?: import("./backoff.js").BackoffOptions}} how */
  async #recover({ isFresh, firstPause }) {
    const recovery = ++this.#recovery;
    const { backoff, random, giveUpAfterMs } = this.#options;
    const deadline = Date.now() + giveUpAfterMs;
    this.#dropConnection();
    this.#setState("reconnecting");
    for (let attempt = 0; ; attempt++) {
      await this.#pause(backoffMs(attempt, (attempt === 0 && firstPause) || backoff, random));
      if (recovery !== this.#recovery) return;
      const outcome = await this.#attempt(isFresh, recovery);
      if (recovery !== this.#recovery || outcome === "done") return;
      if (outcome === "forgotten") {
        isFresh = true;
        attempt = -1;
      } else if (outcome instanceof ParleyError) {
        this.#end("refused", outcome.message, outcome);
        return;
      } else if (Date.now() >= deadline) {
        this.#end("unreachable", "The server did not come back.");
        return;
      }
    }
  }

  /**
   * @param {boolean} isFresh
   * @param {number} recovery
   * @returns {Promise<"done" | "again" | "forgotten" | ParleyError>}
   */
  async #attempt(isFresh, recovery) {
    let rpc = null;
    try {
      rpc = await this.#open();
      const { requestTimeoutMs } = this.#options;
      const result = isFresh
        ? await rpc.request("join", this.#params ?? {}, requestTimeoutMs)
        : await rpc.request("resume", { resumeToken: this.#resumeToken }, requestTimeoutMs);
      if (recovery !== this.#recovery) {
        if (isFresh) rpc.sendAndClose("leave");
        else rpc.close();
        return "done";
      }
      this.#adopt(rpc, result);
      this.#settleWaiting(isFresh ? new ParleyError("E_SIGNAL_LOST", "The session was joined afresh.") : null);
      this.emit(isFresh ? "rejoined" : "resumed", result);
      return "done";
    } catch (error) {
      rpc?.close();
      if (isConnectionError(error)) return "again";
      const refusal = /** @type {ParleyError} */ (error);
      if (refusal.code === "E_CONFLICT" || refusal.code === "E_INTERNAL") return "again";
      if (!isFresh) return "forgotten";
      return refusal;
    }
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#skipPause = null;
        resolve(undefined);
      };
      const timer = setTimeout(done, ms);
      this.#skipPause = done;
    });
  }

  #dropConnection() {
    clearTimeout(this.#pingTimer);
    this.#rpc?.close();
    this.#rpc = null;
  }

  /** @param {ParleyError | null} error */
  #settleWaiting(error) {
    for (const { resolve, reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve();
    }
  }

  /**
   * @param {string} reason
   * @param {string} message
   * @param {ParleyError} [error]
   */
  #end(reason, message, error) {
    this.#recovery++;
    this.#dropConnection();
    this.#skipPause?.();
    this.#setState("closed");
    this.#settleWaiting(new ParleyError("E_CLOSED", message || "The session has ended."));
    this.emit("closed", reason, message, error);
  }

  /** @param {SignalState} state */
  #is(state) {
    return this.state === state;
  }

  /** @param {SignalState} state */
  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.emit("stateChanged", state);
  }
}
