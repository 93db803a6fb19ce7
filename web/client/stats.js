// SPDX-License-Identifier: Apache-2.0
//
// A readable summary of an RTCStatsReport: one row a sent encoding or received track, and the path.
// Rates need two reports; the first summary has none.

/**
 * @typedef {object} StreamStats
 * @property {"sent" | "received"} direction
 * @property {"audio" | "video"} kind
 * @property {string | null} mid
 * @property {string | null} rid
 * @property {string | null} codec            MIME type
 * @property {number | null} bitrateBps       since the last summary
 * @property {number} packets
 * @property {number} packetsLost
 * @property {number | null} jitterMs
 * @property {number | null} roundTripMs
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} framesPerSecond
 * @property {number | null} framesDecoded
 * @property {number | null} totalAudioEnergy
 * @property {number | null} lossShare        of the packets since the last summary, 0 to 1
 * @property {number} freezes                 pictures that stood still for long
 * @property {boolean} isActive               an encoding that is switched on
 * @property {string | null} limitedBy        "bandwidth", "cpu", "other" or "none": what keeps an encoding small
 * @property {string | null} scalabilityMode
 */

/** @typedef {{bytes: number, packets: number, lost: number, frames: number}} Counters  of a stream, since its beginning */

/**
 * @typedef {object} StatsSummary
 * @property {number} atMs
 * @property {StreamStats[]} streams
 * @property {{roundTripMs: number | null, availableSendBps: number | null, local: string | null, remote: string | null} | null} path
 * @property {Map<string, Counters>} countersById  for the next summary
 */

/**
 * @param {Iterable<any>} rows      of RTCPeerConnection.getStats()
 * @param {StatsSummary | null} last
 * @param {number} nowMs
 * @returns {StatsSummary}
 */
export function summarise(rows, last, nowMs) {
  /** @type {Map<string, any>} */
  const byId = new Map();
  for (const row of rows) byId.set(row.id, row);
  /** @type {StatsSummary} */
  const summary = { atMs: nowMs, streams: [], path: null, countersById: new Map() };
  for (const row of byId.values()) {
    if (row.type === "inbound-rtp" || row.type === "outbound-rtp") summary.streams.push(summariseStream(row, byId, last, summary));
    if (row.type === "transport" && row.selectedCandidatePairId) summary.path = summarisePath(byId.get(row.selectedCandidatePairId), byId);
    if (row.type === "candidate-pair" && row.selected && !summary.path) summary.path = summarisePath(row, byId); // Firefox
  }
  return summary;
}

/**
 * @param {any} row
 * @param {Map<string, any>} byId
 * @param {StatsSummary | null} last
 * @param {StatsSummary} summary
 * @returns {StreamStats}
 */
function summariseStream(row, byId, last, summary) {
  const isSent = row.type === "outbound-rtp";
  const remote = byId.get(row.remoteId) ?? {};
  const now = {
    bytes: (isSent ? row.bytesSent : row.bytesReceived) ?? 0,
    packets: (isSent ? row.packetsSent : row.packetsReceived) ?? 0,
    lost: (isSent ? remote.packetsLost : row.packetsLost) ?? 0,
    frames: (isSent ? row.framesEncoded : row.framesDecoded) ?? 0,
  };
  const before = last?.countersById.get(row.id);
  summary.countersById.set(row.id, now);
  const elapsedMs = last ? summary.atMs - last.atMs : 0;
  const perSecond = (/** @type {keyof Counters} */ what) =>
    before === undefined || elapsedMs <= 0 ? null : ((now[what] - before[what]) * 1000) / elapsedMs;
  const bytesPerSecond = perSecond("bytes");
  return {
    direction: isSent ? "sent" : "received",
    kind: row.kind,
    mid: row.mid ?? null,
    rid: row.rid ?? null,
    codec: byId.get(row.codecId)?.mimeType ?? null,
    bitrateBps: bytesPerSecond === null ? null : Math.round(bytesPerSecond * 8),
    packets: now.packets,
    packetsLost: now.lost,
    jitterMs: inMs(isSent ? remote.jitter : row.jitter),
    roundTripMs: inMs(remote.roundTripTime),
    width: row.frameWidth ?? null,
    height: row.frameHeight ?? null,
    framesPerSecond: row.framesPerSecond ?? (row.kind === "video" ? perSecond("frames") : null),
    framesDecoded: row.framesDecoded ?? null,
    totalAudioEnergy: row.totalAudioEnergy ?? null,
    lossShare: isSent ? (remote.fractionLost ?? null) : before ? shareLost(now, before) : null,
    freezes: row.freezeCount ?? 0,
    isActive: row.active ?? true,
    limitedBy: row.qualityLimitationReason ?? null,
    scalabilityMode: row.scalabilityMode ?? null,
  };
}

/**
 * A packet that comes late after all is lost no more: the count may go back.
 * @param {Counters} now
 * @param {Counters} before
 * @returns {number | null}
 */
function shareLost(now, before) {
  const lost = Math.max(0, now.lost - before.lost);
  const expected = now.packets - before.packets + lost;
  return expected > 0 ? lost / expected : null;
}

/**
 * @param {any} pair
 * @param {Map<string, any>} byId
 */
function summarisePath(pair, byId) {
  if (!pair) return null;
  const describe = (/** @type {any} */ candidate) =>
    candidate ? `${candidate.candidateType} ${candidate.protocol} ${candidate.address ?? ""}:${candidate.port ?? ""}` : null;
  return {
    roundTripMs: inMs(pair.currentRoundTripTime),
    availableSendBps: pair.availableOutgoingBitrate ?? null,
    local: describe(byId.get(pair.localCandidateId)),
    remote: describe(byId.get(pair.remoteCandidateId)),
  };
}

/** @param {number | undefined} seconds */
function inMs(seconds) {
  return seconds === undefined ? null : Math.round(seconds * 1000);
}
