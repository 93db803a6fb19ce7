// SPDX-License-Identifier: Apache-2.0
//
// The parameters of one sender: which of its encodings are sent, and what degrades first. Browsers take one change at a time
// and refuse one that is based on an older reading, so changes go one after the other, each on a fresh reading, and a refused
// one is made again.

/** An encoding that somebody wants again has to come back within a second. */
const RETRY_MS = 250;
const MAX_RETRIES = 8;

/** @typedef {{rid?: string | null, wanted: boolean}} EncodingWish */

export class SenderControl {
  #sender;
  /** @type {RTCDegradationPreference | undefined} */
  #degradation;
  /** By rid, "" for the only one. @type {Map<string, boolean>} */
  #wanted = new Map();
  #last = Promise.resolve();
  #retries = 0;
  /** @type {any} */
  #timer = null;

  /**
   * @param {RTCRtpSender} sender
   * @param {{degradationPreference?: RTCDegradationPreference}} [options]
   */
  constructor(sender, { degradationPreference } = {}) {
    this.#sender = sender;
    this.#degradation = degradationPreference;
  }

  /**
   * Switch encodings on and off; those not named stay as they are.
   * @param {EncodingWish[]} wishes
   * @returns {Promise<void>} once it is tried; what failed is tried again
   */
  want(wishes) {
    for (const { rid, wanted } of wishes) this.#wanted.set(rid ?? "", wanted);
    this.#retries = 0;
    return this.apply();
  }

  /** Every encoding is sent: nobody has said yet what is wanted. */
  wantAll() {
    return this.want(readParameters(this.#sender)?.encodings.map(({ rid }) => ({ rid, wanted: true })) ?? []);
  }

  /** Bring the sender to what is wanted; also after an answer, before which some browsers have no encodings. */
  apply() {
    const result = this.#last.then(() => this.#apply());
    this.#last = result;
    return result;
  }

  close() {
    clearTimeout(this.#timer);
    this.#retries = MAX_RETRIES;
  }

  async #apply() {
    clearTimeout(this.#timer);
    const parameters = readParameters(this.#sender);
    if (!parameters || !this.#change(parameters)) return;
    try {
      await this.#sender.setParameters(parameters);
      this.#retries = 0;
    } catch {
      if (this.#retries++ < MAX_RETRIES) this.#timer = setTimeout(() => void this.apply(), RETRY_MS);
    }
  }

  /**
   * @param {RTCRtpSendParameters} parameters
   * @returns {boolean} whether anything is to be changed
   */
  #change(parameters) {
    let hasChanged = false;
    for (const encoding of parameters.encodings) {
      const wanted = this.#wanted.get(encoding.rid ?? "");
      if (wanted === undefined || (encoding.active ?? true) === wanted) continue;
      encoding.active = wanted;
      hasChanged = true;
    }
    const degradation = this.#degradation;
    if (degradation && /** @type {any} */ (parameters).degradationPreference !== degradation && this.#retries === 0) {
      /** @type {any} */ (parameters).degradationPreference = degradation; // a wish; a browser may not know it
      this.#degradation = undefined;
      hasChanged = true;
    }
    return hasChanged;
  }
}

/**
 * @param {RTCRtpSender} sender
 * @returns {RTCRtpSendParameters | null} null while there are none
 */
function readParameters(sender) {
  const parameters = sender.getParameters?.();
  return parameters?.encodings?.length ? parameters : null;
}
