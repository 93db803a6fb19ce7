// SPDX-License-Identifier: Apache-2.0
//
// Who is speaking, from audio levels measured here: on at once when loud enough, off after a pause,
// so that the indication does not flicker between words.

/** Linear level (0 to 1) that counts as speech; quiet speech is around 0.05. */
const SPEAKING_LEVEL = 0.02;
const HOLD_MS = 700;
/** Loudness is smoothed over about this many measurements. */
const SMOOTHING = 0.4;

/** @typedef {import("./participant.js").Participant} Participant */
/** @typedef {import("./local_track.js").LocalTrack} LocalTrack */
/** @typedef {import("./remote_track.js").RemoteTrack} RemoteTrack */
/** @typedef {{level: number, loudAtMs: number}} Speaker */

export class SpeakerDetector {
  /** @type {Map<string, Speaker>} */
  #speakers = new Map();
  #active = "";

  /**
   * @param {Map<string, number>} levels  by participant, 0 to 1; who is missing is gone
   * @param {number} nowMs
   * @returns {string[] | null} who speaks, loudest first; null when that has not changed
   */
  update(levels, nowMs) {
    for (const id of this.#speakers.keys()) if (!levels.has(id)) this.#speakers.delete(id);
    for (const [id, level] of levels) {
      const speaker = this.#speakers.get(id) ?? { level: 0, loudAtMs: -Infinity };
      speaker.level += (level - speaker.level) * SMOOTHING;
      if (level >= SPEAKING_LEVEL) speaker.loudAtMs = nowMs;
      this.#speakers.set(id, speaker);
    }
    const active = [...this.#speakers]
      .filter(([, speaker]) => nowMs - speaker.loudAtMs < HOLD_MS)
      .sort(([, a], [, b]) => b.level - a.level)
      .map(([id]) => id);
    const key = [...active].sort().join("\n");
    if (key === this.#active) return null;
    this.#active = key;
    return active;
  }

  /**
   * @param {string} id
   * @returns {number} smoothed level, 0 to 1
   */
  levelOf(id) {
    return this.#speakers.get(id)?.level ?? 0;
  }
}

/** Measures the microphones of a room's participants and marks who speaks. */
export class SpeakerMonitor {
  #detector = new SpeakerDetector();

  /**
   * @param {Participant[]} participants
   * @returns {Promise<Participant[] | null>} who speaks, loudest first; null when that has not changed
   */
  async measure(participants) {
    /** @type {Map<string, number>} */
    const levels = new Map();
    for (const participant of participants) {
      const track = participant.trackOf("microphone");
      const transceiver = /** @type {LocalTrack | RemoteTrack | undefined} */ (track)?.transceiver;
      if (!track || !transceiver) continue;
      const level = () => (participant.isLocal ? senderLevel(transceiver.sender) : receiverLevel(transceiver.receiver));
      levels.set(participant.id, track.muted ? 0 : await level());
    }
    const active = this.#detector.update(levels, performance.now());
    for (const participant of participants) {
      participant.audioLevel = this.#detector.levelOf(participant.id);
      if (active) participant.isSpeaking = active.includes(participant.id);
    }
    return active && active.flatMap((id) => participants.find((participant) => participant.id === id) ?? []);
  }
}

/**
 * Level of what a receiver plays now, from the packets' own header or the decoded sound.
 * @param {RTCRtpReceiver} receiver
 * @returns {number} 0 to 1
 */
function receiverLevel(receiver) {
  return receiver.getSynchronizationSources?.()[0]?.audioLevel ?? 0;
}

/**
 * Level of what a sender captures now.
 * @param {RTCRtpSender} sender
 * @returns {Promise<number>} 0 to 1
 */
async function senderLevel(sender) {
  for (const row of (await sender.getStats()).values()) {
    if (row.type === "media-source" && row.kind === "audio") return row.audioLevel ?? 0;
  }
  return 0;
}
