// SPDX-License-Identifier: Apache-2.0
//
// Who is speaking, from audio levels measured here: on at once when loud enough, off after a pause,
// so that the indication does not flicker between words.

import { Emitter } from "./emitter.js";

const MEASURE_MS = 200;
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
  /** Of those who speak. @type {string | null} */
  loudest = null;

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
    this.loudest = active[0] ?? null;
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

/** Somebody has to be the loudest for so long before the eyes follow. */
const DOMINANT_AFTER_MS = 800;

/** Who leads the conversation, for a server that does not say. */
export class DominantSpeaker {
  /** @type {string | null} */
  id = null;
  /** @type {string | null} */
  #candidate = null;
  #sinceMs = 0;

  /**
   * @param {string | null} loudest  of those who speak now
   * @param {number} nowMs
   * @returns {boolean} whether it is another one now
   */
  update(loudest, nowMs) {
    if (loudest !== this.#candidate) {
      this.#candidate = loudest;
      this.#sinceMs = nowMs;
    }
    if (loudest === null || loudest === this.id) return false;
    if (this.id !== null && nowMs - this.#sinceMs < DOMINANT_AFTER_MS) return false;
    this.id = loudest;
    return true;
  }
}

/**
 * Measures the microphones of a room's participants, marks who speaks, and knows who leads the conversation: from the server,
 * or by the own measurement when it does not say.
 * @extends {Emitter<{activeChanged: [Participant[]], changed: [Participant | null, Participant[]]}>}
 */
export class Speakers extends Emitter {
  /** @type {Participant | null} */
  dominant = null;
  /** The latest first. @type {Participant[]} */
  recent = [];
  #options;
  #detector = new SpeakerDetector();
  #ownJudgement = new DominantSpeaker();
  #serverTells = false;
  /** @type {any} */
  #timer = null;

  /**
   * @param {object} options
   * @param {() => Participant[]} options.participants  everybody, ourselves too
   * @param {(track: import("./track.js").Track) => RTCRtpTransceiver | null} options.movingTransceiverOf  where a track arrives
   *   that has no slot of its own
   */
  constructor(options) {
    super();
    this.#options = options;
  }

  start() {
    this.#timer = setInterval(() => void this.#measure(), MEASURE_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** The session is another one. */
  forget() {
    this.#serverTells = false;
    this.#ownJudgement = new DominantSpeaker();
  }

  /**
   * @param {string | null} dominantId
   * @param {string[]} recentIds
   */
  onServer(dominantId, recentIds) {
    this.#serverTells = true;
    const participants = this.#options.participants();
    const find = (/** @type {string | null} */ id) => participants.find((participant) => participant.id === id);
    this.#set(find(dominantId) ?? null, recentIds.flatMap((id) => find(id) ?? []));
  }

  async #measure() {
    const participants = this.#options.participants();
    /** @type {Map<string, number>} */
    const levels = new Map();
    for (const participant of participants) {
      const track = participant.trackOf("microphone");
      const own = /** @type {LocalTrack | RemoteTrack | undefined} */ (track)?.transceiver;
      const transceiver = own ?? (track && this.#options.movingTransceiverOf(track));
      if (!track || !transceiver) continue;
      const level = () => (participant.isLocal ? senderLevel(transceiver.sender) : receiverLevel(transceiver.receiver));
      levels.set(participant.id, track.muted ? 0 : await level());
    }
    const active = this.#detector.update(levels, performance.now());
    for (const participant of participants) {
      participant.audioLevel = this.#detector.levelOf(participant.id);
      if (active) participant.isSpeaking = active.includes(participant.id);
    }
    if (active) this.emit("activeChanged", active.flatMap((id) => participants.find((participant) => participant.id === id) ?? []));
    this.#judge(participants);
  }

  /** @param {Participant[]} participants */
  #judge(participants) {
    if (this.#serverTells || !this.#ownJudgement.update(this.#detector.loudest, performance.now())) return;
    const leader = participants.find(({ id }) => id === this.#ownJudgement.id) ?? null;
    this.#set(leader, leader ? [leader, ...this.recent.filter((one) => one !== leader && participants.includes(one))] : this.recent);
  }

  /**
   * @param {Participant | null} dominant
   * @param {Participant[]} recent
   */
  #set(dominant, recent) {
    const isSame = dominant === this.dominant && recent.length === this.recent.length && recent.every((one, i) => one === this.recent[i]);
    this.dominant = dominant;
    this.recent = recent;
    if (!isSame) this.emit("changed", dominant, recent);
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
