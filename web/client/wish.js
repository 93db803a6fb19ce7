// SPDX-License-Identifier: Apache-2.0
//
// What WHIP (RFC 9725) and WHEP share: one RTCPeerConnection whose offer is POSTed, whose candidates and ICE restarts are
// PATCHed, and whose session is DELETEd. When the path breaks, ICE is restarted; when that does not help, or the session is
// gone, a new one is begun.
//
//   idle ──start──▶ connecting ──▶ connected ⇄ reconnecting          any ──close, or refused for good──▶ closed

import { backoffMs } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { ParleyError, isConnectionError } from "./errors.js";
import { parseLinks, readFragment, replaceIce, writeFragment } from "./sdpfrag.js";
import { summarise } from "./stats.js";
import { Trickle } from "./trickle.js";

const SDP = "application/sdp";
const SDPFRAG = "application/trickle-ice-sdpfrag";
const REQUEST_MS = 10_000;
/** A connection that says "disconnected" often comes back by itself. */
const PATIENCE_MS = 2500;
/** How long an ICE restart may take. */
const RESTART_MS = 6000;
/** A refusal that will not change by waiting. */
const FINAL_CODES = ["E_AUTH", "E_DENIED", "E_MALFORMED", "E_UNSUPPORTED", "E_INVALID"];

/** @typedef {"idle" | "connecting" | "connected" | "reconnecting" | "closed"} WishState */

/**
 * @typedef {object} WishOptions
 * @property {string} [token]               an access token
 * @property {RTCIceServer[]} [iceServers]  beside those that the server names
 * @property {RTCIceTransportPolicy} [iceTransportPolicy]
 */

/**
 * The last two are of players.
 * @extends {Emitter<{stateChanged: [WishState], connectionReplaced: [RTCPeerConnection], error: [ParleyError],
 *   closed: [ParleyError | null], live: [], waiting: []}>}
 */
export class WishClient extends Emitter {
  #endpoint;
  #options;
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  /** The session's own address and entity tag. @type {string | null} */
  #resource = null;
  #etag = "";
  /** @type {Trickle | null} */
  #trickle = null;
  /** @type {WishState} */
  #state = "idle";
  #isRecovering = false;
  /** @type {any} */
  #timer = null;
  /** @type {import("./stats.js").StatsSummary | null} */
  #lastStats = null;
  #onPageHide = () => void this.#delete(true);

  /**
   * @param {string | URL} endpoint  "/whip/room", "/whep/room"
   * @param {WishOptions} [options]
   */
  constructor(endpoint, options = {}) {
    super();
    this.#endpoint = new URL(endpoint, globalThis.location?.href).href;
    this.#options = options;
  }

  get state() {
    return this.#state;
  }

  get peerConnection() {
    return this.#pc;
  }

  /** The address of the session; whoever knows it can end it. */
  get resource() {
    return this.#resource;
  }

  /** Open the session. Rejects when the server refuses it or cannot be reached. */
  async start() {
    if (this.#state !== "idle") throw new ParleyError("E_STATE", "It was started already.");
    this.#setState("connecting");
    globalThis.addEventListener?.("pagehide", this.#onPageHide);
    try {
      await this.#open();
    } catch (/** @type {any} */ error) {
      this.#end(null);
      throw error;
    }
  }

  /** End the session. */
  async close() {
    if (this.#state === "closed") return;
    const deleted = this.#delete(false);
    this.#end(null);
    await deleted;
  }

  /** Look for another path to the server, with the same session. Rejects when the server does not go along. */
  async restartIce() {
    const pc = this.#pc;
    if (!pc || !this.#resource) throw new ParleyError("E_STATE", "There is no session.");
    this.#trickle?.close();
    pc.restartIce();
    await pc.setLocalDescription(await pc.createOffer());
    const offer = readFragment(/** @type {RTCSessionDescription} */ (pc.localDescription).sdp);
    const response = await this.#request(this.#resource, "PATCH", SDPFRAG, writeFragment(offer), { "If-Match": "*" });
    const answer = readFragment(await response.text());
    this.#etag = response.headers.get("etag") ?? this.#etag;
    const before = /** @type {RTCSessionDescription} */ (pc.currentRemoteDescription).sdp;
    await pc.setRemoteDescription({ type: "answer", sdp: replaceIce(before, answer) });
    this.#startTrickle(pc);
  }

  /** What this side measures; rates are since the last call. */
  async getStats() {
    const report = await this.#pc?.getStats();
    this.#lastStats = summarise(report?.values() ?? [], this.#lastStats, performance.now());
    return this.#lastStats;
  }

  /**
   * Add what is sent or received.
   * @param {RTCPeerConnection} _pc
   * @returns {void | Promise<void>}
   */
  prepare(_pc) {
    throw new Error("prepare() belongs to WhipClient and WhepClient");
  }

  // ---- a session ----

  async #open() {
    const pc = (this.#pc = new RTCPeerConnection({
      bundlePolicy: "max-bundle",
      iceServers: this.#options.iceServers ?? [],
      iceTransportPolicy: this.#options.iceTransportPolicy,
    }));
    this.#lastStats = null;
    this.#etag = "";
    this.#resource = null;
    await this.prepare(pc);
    this.emit("connectionReplaced", pc);
    pc.onconnectionstatechange = () => this.#onConnectionState(pc);
    this.#trickle = new Trickle((candidates) => this.#sendCandidates(candidates));
    pc.onicecandidate = ({ candidate }) => this.#trickle?.add(candidate);
    await pc.setLocalDescription(await pc.createOffer());
    const response = await this.#request(this.#endpoint, "POST", SDP, /** @type {any} */ (pc.localDescription).sdp);
    const location = response.headers.get("location");
    this.#resource = location && new URL(location, response.url || this.#endpoint).href;
    this.#etag = response.headers.get("etag") ?? "";
    if (this.#pc !== pc) {
      await this.#delete(false);
      throw new ParleyError("E_CLOSED", "The session was closed.");
    }
    this.#useServers(pc, response.headers.get("link"));
    await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
    pc.getTransceivers()[0]?.receiver.transport?.addEventListener("statechange", () => this.#onConnectionState(pc));
    this.#startTrickle(pc);
  }

  /** @param {RTCPeerConnection} pc @param {string | null} header */
  #useServers(pc, header) {
    const servers = parseLinks(header ?? "");
    if (servers.length === 0) return;
    try {
      pc.setConfiguration({ ...pc.getConfiguration(), iceServers: [...(this.#options.iceServers ?? []), ...servers] });
    } catch {
      // then the candidates without them must do
    }
  }

  /** @param {RTCPeerConnection} pc */
  #startTrickle(pc) {
    if (this.#pc !== pc) return;
    this.#trickle?.release();
  }

  /** @param {RTCIceCandidateInit[]} candidates */
  async #sendCandidates(candidates) {
    const sdp = this.#pc?.localDescription?.sdp;
    if (!this.#resource || !sdp) return;
    const offer = readFragment(sdp);
    const ended = candidates.some(({ candidate }) => candidate === "");
    const lines = candidates.flatMap(({ candidate }) => (candidate ? [candidate] : []));
    const body = writeFragment({ ...offer, candidates: lines, ended });
    await this.#request(this.#resource, "PATCH", SDPFRAG, body, this.#etag ? { "If-Match": this.#etag } : {});
  }

  /** @param {boolean} isLeaving  the page goes away */
  async #delete(isLeaving) {
    const resource = this.#resource;
    this.#resource = null;
    if (!resource) return;
    await fetch(resource, { method: "DELETE", headers: this.#authorization(), keepalive: isLeaving }).catch(() => {});
  }

  /** @returns {Record<string, string>} */
  #authorization() {
    return this.#options.token ? { Authorization: `Bearer ${this.#options.token}` } : {};
  }

  /**
   * @param {string} url
   * @param {string} method
   * @param {string} type
   * @param {string} body
   * @param {Record<string, string>} [headers]
   */
  async #request(url, method, type, body, headers = {}) {
    let response;
    try {
      response = await fetch(url, {
        method,
        body,
        headers: { "Content-Type": type, ...this.#authorization(), ...headers },
        signal: AbortSignal.timeout(REQUEST_MS),
      });
    } catch (cause) {
      throw new ParleyError("E_UNREACHABLE", "The server cannot be reached.", { cause });
    }
    if (!response.ok) throw await refusalOf(response);
    return response;
  }

  // ---- when the path breaks ----

  /** @param {RTCPeerConnection} pc */
  #onConnectionState(pc) {
    if (this.#pc !== pc || this.#state === "closed") return;
    clearTimeout(this.#timer);
    const isEnded = pc.getTransceivers()[0]?.receiver.transport?.state === "closed";
    if (isEnded) void this.#recover(false);
    else if (pc.connectionState === "connected") this.#setState("connected");
    else if (pc.connectionState === "failed") void this.#recover(true);
    else if (pc.connectionState === "disconnected") this.#timer = setTimeout(() => this.#recover(true), PATIENCE_MS);
  }

  /** @param {boolean} mayRestart  the session may still be there */
  async #recover(mayRestart) {
    if (this.#isRecovering || this.#state === "closed") return;
    this.#isRecovering = true;
    this.#setState("reconnecting");
    try {
      if (mayRestart && (await this.#comesBackByRestart())) return;
      for (let attempt = 0; this.#stateNow() !== "closed" && !(await this.#comesBackAnew()); attempt++) {
        await wait(backoffMs(attempt, { firstMs: 500 }));
      }
    } finally {
      this.#isRecovering = false;
    }
  }

  async #comesBackByRestart() {
    const pc = this.#pc;
    if (!pc) return false;
    try {
      await this.restartIce();
    } catch {
      return false;
    }
    for (const end = Date.now() + RESTART_MS; Date.now() < end && this.#pc === pc; await wait(100)) {
      if (pc.connectionState === "connected") {
        this.#setState("connected");
        return true;
      }
    }
    return false;
  }

  /** @returns {Promise<boolean>} whether there is nothing more to try */
  async #comesBackAnew() {
    void this.#delete(false);
    this.#closePeer();
    try {
      await this.#open();
      return true;
    } catch (/** @type {any} */ error) {
      if (FINAL_CODES.includes(error?.code)) this.#end(error);
      else if (!isConnectionError(error)) this.emit("error", error);
      return this.#stateNow() === "closed";
    }
  }

  // ---- the end ----

  /** @param {ParleyError | null} error */
  #end(error) {
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.("pagehide", this.#onPageHide);
    this.#closePeer();
    this.#setState("closed");
    this.emit("closed", error);
  }

  #closePeer() {
    const pc = this.#pc;
    this.#pc = null;
    this.#trickle?.close();
    this.#trickle = null;
    if (pc) pc.onconnectionstatechange = pc.onicecandidate = pc.ontrack = null;
    pc?.close();
  }

  /** The state after an await, which the compiler cannot follow. @returns {WishState} */
  #stateNow() {
    return this.#state;
  }

  /** @param {WishState} state */
  #setState(state) {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.emit("stateChanged", state);
  }
}

/** @param {number} ms */
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** For answers that name no reason, as those of proxies. */
const CODE_BY_STATUS = new Map([
  [401, "E_AUTH"],
  [403, "E_DENIED"],
  [404, "E_NOT_FOUND"],
  [406, "E_UNSUPPORTED"],
  [415, "E_UNSUPPORTED"],
  [422, "E_UNSUPPORTED"],
  [400, "E_MALFORMED"],
  [409, "E_CONFLICT"],
  [429, "E_LIMIT"],
  [503, "E_LIMIT"],
]);

/** @param {Response} response */
async function refusalOf(response) {
  const problem = await response.json().catch(() => ({}));
  const code = problem.reason ?? CODE_BY_STATUS.get(response.status) ?? "E_INTERNAL";
  return new ParleyError(code, problem.detail ?? `The server answered ${response.status}.`, { field: problem.field, line: problem.line });
}
