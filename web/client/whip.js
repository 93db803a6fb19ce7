// SPDX-License-Identifier: Apache-2.0
//
// WHIP (RFC 9725): publish a stream with one HTTP request.
//
//   const broadcast = new WhipClient("/whip/garden", { stream, maxBitrate: 2_500_000 });
//   await broadcast.start();

import { setPreferredCodec } from "./codecs.js";
import { WishClient } from "./wish.js";

/**
 * @typedef {object} WhipExtras
 * @property {MediaStream} stream            what is published: a picture, sound, or both
 * @property {number} [maxBitrate]           of the picture, bits per second
 * @property {string} [videoCodec]           "H264", "VP8", "VP9", "AV1"; by default the browser's choice
 * @property {RTCRtpEncodingParameters[]} [encodings]  of the picture, smallest first, for simulcast: see chooseEncodings()
 * @property {RTCDegradationPreference} [degradationPreference]
 * @typedef {import("./wish.js").WishOptions & WhipExtras} WhipOptions
 */

export class WhipClient extends WishClient {
  #options;
  /** @type {Map<string, RTCRtpSender>} */
  #senders = new Map();

  /**
   * @param {string | URL} endpoint
   * @param {WhipOptions} options
   */
  constructor(endpoint, options) {
    super(endpoint, options);
    this.#options = { ...options };
  }

  /**
   * Send another picture or sound from now on; no negotiation.
   * @param {MediaStreamTrack} track
   */
  async replaceTrack(track) {
    const { stream } = this.#options;
    for (const old of stream.getTracks()) if (old.kind === track.kind) stream.removeTrack(old);
    stream.addTrack(track);
    await this.#senders.get(track.kind)?.replaceTrack(track);
  }

  /** @param {number} maxBitrate  bits per second, of the picture; of the largest one, when there are several */
  async setMaxBitrate(maxBitrate) {
    const { encodings } = this.#options;
    this.#options.maxBitrate = maxBitrate;
    this.#options.encodings = encodings?.map((encoding, i) => (i === encodings.length - 1 ? { ...encoding, maxBitrate } : encoding));
    const sender = this.#senders.get("video");
    if (sender) await limit(sender, maxBitrate, this.#options.degradationPreference);
  }

  /** @param {RTCPeerConnection} pc */
  async prepare(pc) {
    const { stream, encodings, maxBitrate, videoCodec, degradationPreference } = this.#options;
    this.#senders.clear();
    for (const track of stream.getTracks()) {
      const isVideo = track.kind === "video";
      const transceiver = pc.addTransceiver(track, {
        direction: "sendonly",
        streams: [stream],
        ...(isVideo && { sendEncodings: encodings ?? [maxBitrate ? { maxBitrate } : {}] }),
      });
      this.#senders.set(track.kind, transceiver.sender);
      if (isVideo && videoCodec) setPreferredCodec(transceiver, "video", videoCodec);
      if (isVideo && degradationPreference) await limit(transceiver.sender, maxBitrate, degradationPreference);
    }
  }
}

/**
 * @param {RTCRtpSender} sender
 * @param {number | undefined} maxBitrate
 * @param {RTCDegradationPreference | undefined} degradationPreference
 */
async function limit(sender, maxBitrate, degradationPreference) {
  const parameters = sender.getParameters();
  if (!parameters.encodings?.length) return; // Firefox, before the answer
  const largest = parameters.encodings[parameters.encodings.length - 1];
  if (maxBitrate) largest.maxBitrate = maxBitrate;
  if (degradationPreference) parameters.degradationPreference = degradationPreference;
  await sender.setParameters(parameters).catch(() => {}); // a wish; the broadcast goes on without it
}
