// SPDX-License-Identifier: Apache-2.0
//
// Codec preferences of a transceiver: the wanted codec first, everything else (retransmission, FEC,
// other codecs as a fallback) kept in the browser's own order.

/** @typedef {{mimeType: string, clockRate?: number, channels?: number, sdpFmtpLine?: string}} CodecCapability */

/**
 * @param {CodecCapability[]} codecs
 * @param {string} name  e.g. "H264", "VP8", "PCMU", in any case
 * @returns {CodecCapability[]}
 */
export function preferCodec(codecs, name) {
  const isWanted = (/** @type {CodecCapability} */ codec) =>
    codec.mimeType.split("/")[1]?.toLowerCase() === name.toLowerCase();
  return [...codecs.filter(isWanted), ...codecs.filter((codec) => !isWanted(codec))];
}

/**
 * Put a codec first on a transceiver. A browser without it, or without the call, keeps its order.
 * @param {RTCRtpTransceiver} transceiver
 * @param {"audio" | "video"} kind
 * @param {string} name
 */
export function setPreferredCodec(transceiver, kind, name) {
  // Browsers differ in whether a sendonly section takes the sender's or the receiver's list.
  for (const side of [globalThis.RTCRtpSender, globalThis.RTCRtpReceiver]) {
    const codecs = side?.getCapabilities?.(kind)?.codecs;
    if (!codecs || !transceiver.setCodecPreferences) continue;
    try {
      transceiver.setCodecPreferences(/** @type {any} */ (preferCodec(codecs, name)));
      return;
    } catch {
      // the other list, then
    }
  }
}
