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

/** What probing has shown, by scalability mode. @type {Map<string, boolean>} */
const scalabilityModes = new Map();

/**
 * Whether this browser can send a codec with layers inside. There is no list to look at: a connection that goes nowhere is
 * asked. Browsers that do not know the setting drop it, others throw on a mode that no codec of theirs has.
 * @param {string} codec
 * @param {string} mode  e.g. "L3T3_KEY"
 * @returns {boolean}
 */
export function canScale(codec, mode) {
  if (!sendableCodecs("video").includes(codec.toUpperCase())) return false;
  let has = scalabilityModes.get(mode);
  if (has === undefined) scalabilityModes.set(mode, (has = probeMode(mode)));
  return has;
}

/**
 * @param {"audio" | "video"} kind
 * @returns {string[]} names in capitals, e.g. "VP8"; retransmission and FEC are among them
 */
export function sendableCodecs(kind) {
  const codecs = globalThis.RTCRtpSender?.getCapabilities?.(kind)?.codecs ?? [];
  return [...new Set(codecs.map(({ mimeType }) => mimeType.split("/")[1].toUpperCase()))];
}

/** @param {string} mode */
function probeMode(mode) {
  const pc = new globalThis.RTCPeerConnection();
  try {
    const { sender } = pc.addTransceiver("video", { direction: "sendonly", sendEncodings: [/** @type {any} */ ({ scalabilityMode: mode })] });
    return /** @type {any} */ (sender.getParameters().encodings[0])?.scalabilityMode === mode;
  } catch {
    return false;
  } finally {
    pc.close();
  }
}
