// SPDX-License-Identifier: Apache-2.0
//
// One RTCPeerConnection. The client always offers and the server answers; offers go through one
// queue. Tracks to send and slots to receive on are transceivers, found again by their mid.

import { setPreferredCodec } from "./codecs.js";
import { Emitter } from "./emitter.js";
import { ParleyError, isConnectionError } from "./errors.js";
import { NegotiationQueue } from "./negotiation.js";
import { Trickle } from "./trickle.js";
import { isSameOffer, withMaxBitrate } from "./uplink_probe.js";

/** @typedef {import("./types.js").Kind} Kind */
/** @typedef {import("./types.js").OfferResult} OfferResult */

/**
 * What peer.js needs of signalling.
 * @typedef {object} PeerSignal
 * @property {(params: {sdp: string, tracks: object}) => Promise<OfferResult>} offer
 * @property {(candidates: RTCIceCandidateInit[]) => Promise<any>} trickle
 * @property {() => object} describeTracks  the `tracks` of the next offer
 * @property {() => Promise<void>} ready    resolves when the session is open (again)
 */

/**
 * @typedef {object} SenderOptions
 * @property {RTCRtpEncodingParameters[]} [encodings]
 * @property {MediaStream} [stream]
 * @property {string} [codec]
 */

/** Sound goes the same way, and a limit is no aim. */
const PROBE_HEADROOM = 1.2;
/** Only what is raised is probed for. */
const PROBE_STEP_BPS = 1000;

/** @extends {Emitter<{stateChanged: [RTCPeerConnectionState], answered: [OfferResult], error: [ParleyError]}>} */
export class Peer extends Emitter {
  /** @type {RTCPeerConnection} */
  pc;
  #signal;
  #queue;
  #trickle;
  #isClosed = false;
  /** The newest answer. @type {string | null} */
  #answer = null;
  #probedBps = 0;

  /**
   * @param {PeerSignal} signal
   * @param {RTCConfiguration} configuration
   * @param {any} [RTCPeerConnection]  constructor, for tests
   */
  constructor(signal, configuration, RTCPeerConnection = globalThis.RTCPeerConnection) {
    super();
    this.#signal = signal;
    this.#queue = new NegotiationQueue(() => this.#negotiate());
    this.#trickle = new Trickle((candidates) => signal.trickle(candidates));
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...configuration });
    this.pc.onicecandidate = (event) => this.#trickle.add(event.candidate);
    this.pc.onconnectionstatechange = () => {
      if (!this.#isClosed) this.emit("stateChanged", this.pc.connectionState);
    };
  }

  /** @returns {RTCPeerConnectionState} */
  get state() {
    return this.pc.connectionState;
  }

  /**
   * Add slots for the server to send on. negotiate() offers them.
   * @param {Kind} kind
   * @param {number} count
   */
  addSlots(kind, count) {
    for (let i = 0; i < count; i++) this.pc.addTransceiver(kind, { direction: "recvonly" });
  }

  /**
   * Add a section to send on. negotiate() offers it.
   * @param {MediaStreamTrack | Kind} media  the kind alone for a track that starts without media
   * @param {SenderOptions} [options]
   * @returns {RTCRtpTransceiver}
   */
  addSender(media, { encodings, stream, codec } = {}) {
    const transceiver = this.pc.addTransceiver(media, {
      direction: "sendonly",
      streams: stream ? [stream] : [],
      ...(encodings && { sendEncodings: encodings }),
    });
    const kind = typeof media === "string" ? media : /** @type {Kind} */ (media.kind);
    if (codec) setPreferredCodec(transceiver, kind, codec);
    return transceiver;
  }

  /**
   * @param {string} mid
   * @returns {RTCRtpTransceiver | undefined}
   */
  transceiverOf(mid) {
    return this.pc.getTransceivers().find((t) => t.mid === mid);
  }

  /** @returns {Promise<void>} resolves once an offer that covers this call is answered and applied */
  negotiate() {
    return this.#queue.request();
  }

  /**
   * Have the browser find out now whether the way up carries all that could be sent (uplink_probe.js). The server hears nothing of it.
   * @returns {Promise<boolean>} whether that was done
   */
  async probeUplink() {
    const bps = this.#mostSendBps();
    if (bps === 0 || !this.#answer) return false;
    let isDone = false;
    await this.#queue.between(async () => {
      isDone = await this.#answerAgain(Math.max(bps, this.#probedBps + PROBE_STEP_BPS));
    });
    return isDone;
  }

  /** Offer new ICE credentials: the path to the server has changed or died. */
  restartIce() {
    this.pc.restartIce();
    return this.negotiate();
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.close();
    this.#trickle.close();
    this.pc.onicecandidate = this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  /** One round, repeated when the connection to the server breaks in the middle of it. */
  async #negotiate() {
    for (;;) {
      if (this.pc.getTransceivers().length === 0) return; // nothing to send, nothing to receive
      try {
        await this.#offerOnce();
        return;
      } catch (/** @type {any} */ error) {
        if (this.#isClosed) throw new ParleyError("E_CLOSED", "The connection is closed.");
        if (!isConnectionError(error)) {
          await this.#rollBack();
          this.emit("error", error);
          throw error;
        }
        await this.#signal.ready();
      }
    }
  }

  async #offerOnce() {
    // An offer whose answer was lost is simply made again; the server answers the newest.
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const result = await this.#signal.offer({
      sdp: /** @type {RTCSessionDescription} */ (this.pc.localDescription).sdp,
      tracks: this.#signal.describeTracks(),
    });
    if (this.#isClosed) throw new ParleyError("E_CLOSED", "The connection is closed.");
    await this.pc.setRemoteDescription({ type: "answer", sdp: result.sdp });
    this.#answer = result.sdp;
    this.#probedBps = 0;
    this.#trickle.release();
    this.emit("answered", result);
  }

  /** What all encodings of all pictures may take, and some more; 0: that is not known. */
  #mostSendBps() {
    const senders = this.pc.getTransceivers().flatMap(({ direction, sender }) => (direction === "sendonly" && sender.track?.kind === "video" ? [sender] : []));
    const most = senders.flatMap((sender) => sender.getParameters().encodings.map(({ maxBitrate }) => maxBitrate ?? Infinity)).reduce((a, b) => a + b, 0);
    return Number.isFinite(most) && most > 0 ? Math.round(most * PROBE_HEADROOM) : 0;
  }

  /**
   * The offer and answer that are there, once more, with another limit. Nothing is done where the offer would be another one.
   * @param {number} bps
   * @returns {Promise<boolean>}
   */
  async #answerAgain(bps) {
    try {
      const offer = await this.pc.createOffer();
      if (!isSameOffer(offer.sdp ?? "", this.pc.localDescription?.sdp ?? "")) return false;
      await this.pc.setLocalDescription(offer);
      await this.pc.setRemoteDescription({ type: "answer", sdp: withMaxBitrate(/** @type {string} */ (this.#answer), bps) });
      this.#probedBps = bps;
      return true;
    } catch {
      await this.#rollBack();
      return false;
    }
  }

  async #rollBack() {
    if (this.pc.signalingState !== "have-local-offer") return;
    try {
      await this.pc.setLocalDescription({ type: "rollback" });
    } catch {
      // the next offer replaces this one
    }
  }
}
