// SPDX-License-Identifier: Apache-2.0
//
// A camera, microphone or screen of our own. A muted microphone stays captured and sends silence,
// so that unmuting is instant; a muted camera is given back, so that its light goes off.

import { ParleyError } from "./errors.js";
import { Track } from "./track.js";

/** @typedef {import("./types.js").Source} Source */
/** @typedef {import("./types.js").Kind} Kind */

/**
 * @typedef {object} PublishOptions
 * @property {boolean} [simulcast]
 * @property {string} [codec]       preferred codec of this track, e.g. "H264"
 * @property {number} [maxBitrate]  bits per second
 */

/**
 * @typedef {object} LocalTrackOptions
 * @property {Source} [source]
 * @property {string} [name]
 * @property {(deviceId?: string) => Promise<MediaStreamTrack>} [reacquire]  captures again, after a
 *   camera was muted or from another device; without it the media is kept and only disabled
 * @property {PublishOptions} [publish]
 */

export class LocalTrack extends Track {
  /** The transceiver it is sent on, while published. @type {RTCRtpTransceiver | null} */
  transceiver = null;
  /** Of the picture when it was last captured: decides the layers. */
  size = { width: 0, height: 0 };
  /** @type {PublishOptions} */
  publishOptions;
  /** The device chosen by hand, if any. @type {string | undefined} */
  deviceId;
  #reacquire;
  #last = Promise.resolve();

  /**
   * @param {MediaStreamTrack} media
   * @param {LocalTrackOptions} [options]
   */
  constructor(media, options = {}) {
    const kind = /** @type {Kind} */ (media.kind);
    super(kind, options.source ?? (kind === "audio" ? "microphone" : "camera"), options.name ?? "");
    this.#reacquire = options.reacquire;
    this.publishOptions = options.publish ?? {};
    this.#adopt(media);
  }

  /**
   * Mute or unmute the media itself; room.setMuted() also tells the others. Calls run in order.
   * @param {boolean} muted
   * @param {"publisher" | "server"} [mutedBy]
   * @returns {Promise<void>} rejects with a capture error when a camera cannot be had again
   */
  setMuted(muted, mutedBy = "publisher") {
    return this.#inOrder(async () => {
      if (muted === this.muted) return;
      if (muted) await this.#silence();
      else await this.#unsilence();
      this.noteMuted(muted, muted ? mutedBy : null);
    });
  }

  /**
   * Send another MediaStreamTrack from now on; the former one is stopped.
   * @param {MediaStreamTrack} media
   * @returns {Promise<void>}
   */
  replaceMedia(media) {
    return this.#inOrder(() => this.#replace(media));
  }

  /**
   * Capture from another device from now on. A muted camera only remembers it.
   * @param {string} deviceId
   * @returns {Promise<void>} rejects with a capture error; the former device stays when it can
   */
  setDevice(deviceId) {
    return this.#inOrder(async () => {
      const reacquire = this.#reacquire;
      if (!reacquire) throw new ParleyError("E_STATE", "This track was not captured by the SDK.");
      if (this.mediaStreamTrack) await this.#replace(await this.#captureFrom(deviceId, reacquire));
      this.deviceId = deviceId;
    });
  }

  /** Give the device back. The track cannot be used any more. */
  stop() {
    const media = this.mediaStreamTrack;
    if (media) media.onended = null;
    media?.stop();
    this.detach();
    this.setMedia(null);
  }

  /**
   * @param {string} deviceId
   * @param {(deviceId?: string) => Promise<MediaStreamTrack>} reacquire
   */
  async #captureFrom(deviceId, reacquire) {
    try {
      return await reacquire(deviceId);
    } catch (/** @type {any} */ error) {
      if (error.code !== "E_DEVICE_BUSY") throw error;
      this.mediaStreamTrack?.stop(); // phones have one camera open at a time
      try {
        return await reacquire(deviceId);
      } catch {
        return reacquire(this.deviceId);
      }
    }
  }

  /** @param {MediaStreamTrack} media */
  async #replace(media) {
    const former = this.mediaStreamTrack;
    media.enabled = !this.muted;
    await this.transceiver?.sender.replaceTrack(media);
    this.#adopt(media);
    former?.stop();
  }

  /** @param {MediaStreamTrack} media */
  #adopt(media) {
    if (this.kind === "video") {
      media.contentHint = this.source === "screen" ? "detail" : media.contentHint;
      const { width = this.size.width, height = this.size.height } = media.getSettings();
      this.size = { width, height };
    }
    media.onended = () => {
      if (media === this.mediaStreamTrack) this.emit("ended");
    };
    this.setMedia(media);
  }

  async #silence() {
    const media = this.mediaStreamTrack;
    if (!media) return;
    if (this.kind === "audio" || !this.#reacquire) {
      media.enabled = false;
      return;
    }
    await this.transceiver?.sender.replaceTrack(null);
    this.setMedia(null);
    media.onended = null;
    media.stop();
  }

  async #unsilence() {
    const media = this.mediaStreamTrack;
    if (media?.readyState === "live") {
      media.enabled = true;
      return;
    }
    if (!this.#reacquire) return;
    const fresh = await this.#reacquireAny(this.#reacquire);
    await this.transceiver?.sender.replaceTrack(fresh);
    this.#adopt(fresh);
  }

  /**
   * From the chosen device, or from another when that was unplugged.
   * @param {(deviceId?: string) => Promise<MediaStreamTrack>} reacquire
   */
  async #reacquireAny(reacquire) {
    try {
      return await reacquire(this.deviceId);
    } catch (/** @type {any} */ error) {
      if (!this.deviceId || error.code !== "E_DEVICE_NOT_FOUND") throw error;
      this.deviceId = undefined;
      return reacquire();
    }
  }

  /**
   * @param {() => Promise<void>} step
   * @returns {Promise<void>}
   */
  #inOrder(step) {
    const result = this.#last.then(step);
    this.#last = result.catch(() => {});
    return result;
  }
}
