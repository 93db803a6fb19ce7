// SPDX-License-Identifier: Apache-2.0
//
// When the way up has become wide again, browsers find out slowly: their estimate grows by eight percent a second, which from 400 kb/s to
// three encodings takes twenty seconds. They probe at once when the largest bitrate that the other side accepts is raised (b=TIAS,
// RFC 3890, of the answer). So while pictures are held back by bandwidth, and nothing gets worse, that is done now and then: a probe is
// a few packets, a twelfth of a second of a way of 500 kb/s.

/** @typedef {import("./sampler.js").Sample} Sample */

/** Below this share of what the pictures would take, something is missing. */
const ENOUGH_SHARE = 0.75;
/** An estimate that fell by more than this is still looking for what is left. */
const FALL_SHARE = 0.9;
/** After it fell, or first was too small. */
const CALM_MS = 4000;
const SPACING_MS = 6000;
/** A way that has been small for so long is likely to stay so. */
const LONG_MS = 90_000;
const LONG_SPACING_MS = 20_000;

export class UplinkProbe {
  #sinceMs = -1;
  #nextMs = 0;
  #lastBps = 0;

  /**
   * @param {Pick<Sample, "atMs" | "sent" | "availableSendBps" | "wantedSendBps">} sample
   * @returns {boolean} whether the browser should probe now
   */
  update({ atMs, sent, availableSendBps, wantedSendBps }) {
    const haveBps = availableSendBps ?? 0;
    const isLimited = haveBps > 0 && haveBps < wantedSendBps * ENOUGH_SHARE && [...sent.values()].some(({ limitedBy }) => limitedBy === "bandwidth");
    const falls = haveBps < this.#lastBps * FALL_SHARE;
    this.#lastBps = haveBps;
    if (!isLimited) {
      this.#sinceMs = -1;
      return false;
    }
    if (this.#sinceMs < 0) this.#sinceMs = atMs;
    if (falls || this.#sinceMs === atMs) this.#nextMs = atMs + CALM_MS;
    if (atMs < this.#nextMs) return false;
    this.#nextMs = atMs + (atMs - this.#sinceMs < LONG_MS ? SPACING_MS : LONG_SPACING_MS);
    return true;
  }

  /** The connection is another one. */
  reset() {
    this.#sinceMs = -1;
    this.#lastBps = 0;
  }
}

/**
 * An answer that accepts so much video and no more.
 * @param {string} sdp
 * @param {number} bps
 * @returns {string}
 */
export function withMaxBitrate(sdp, bps) {
  return sdp.replace(/^m=video .*\r?\n(?:[ic]=.*\r?\n)*/gm, (head) => `${head}b=TIAS:${Math.round(bps)}\r\n`);
}

/**
 * Whether an offer says nothing that the server would have to hear of: the same sections, directions and credentials.
 * @param {string} offer
 * @param {string} current
 * @returns {boolean}
 */
export function isSameOffer(offer, current) {
  const gist = (/** @type {string} */ sdp) =>
    sdp
      .replace(/^(m=\S+) .*$/gm, "$1") // ports are those of candidates; codecs that were agreed on come first
      .replaceAll("~", "") // encodings that rest
      .match(/^(?:m=|a=(?:mid|ice-ufrag|sendonly|recvonly|sendrecv|inactive|msid|rid|simulcast)).*$/gm)
      ?.join("\n");
  return gist(offer) === gist(current);
}
